/**
 * Bytes on the wire by peer, encryption and all. Peers that the operator named have a row of their own; all others
 * share one, since keys are free and every key would be a row of the charts for ever.
 */
import type { Connection } from '@libp2p/interface';
import type { PeerId } from './types.ts';

export interface PeerBytes {
  readonly peer: PeerId | 'other';
  readonly received: number;
  readonly sent: number;
}

/** What a TCP connection of libp2p has below it; the counts are the socket's own. */
interface OverSocket {
  readonly maConn?: { readonly socket?: { readonly bytesRead?: number; readonly bytesWritten?: number } };
}

export function createPeerBytes(isNamed: (peer: PeerId) => boolean) {
  const open = new Set<Connection>();
  const closed = new Map<PeerId | 'other', { received: number; sent: number }>([
    ['other', { received: 0, sent: 0 }],
  ]);

  function addTo(totals: typeof closed, connection: Connection): void {
    const socket = (connection as unknown as OverSocket).maConn?.socket;
    const peer = connection.remotePeer.toString();
    const row = isNamed(peer) ? peer : 'other';
    const { received, sent } = totals.get(row) ?? { received: 0, sent: 0 };
    totals.set(row, {
      received: received + (socket?.bytesRead ?? 0),
      sent: sent + (socket?.bytesWritten ?? 0),
    });
  }

  return {
    opened(connection: Connection): void {
      open.add(connection);
    },
    closed(connection: Connection): void {
      if (open.delete(connection)) addTo(closed, connection);
    },
    all(): PeerBytes[] {
      const totals = new Map(closed);
      for (const connection of open) addTo(totals, connection);
      return [...totals].map(([peer, bytes]) => ({ peer, ...bytes }));
    },
  };
}
