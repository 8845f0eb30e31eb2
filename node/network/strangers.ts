/**
 * libp2p keeps what it learned of every peer that it ever met, up to some kilobytes each, and looks for what is too old only
 * when it is asked for that peer. Keys are free, so whoever changes them often would fill the memory.
 */
import type { PeerId as Libp2pPeerId, PeerStore } from '@libp2p/interface';

/**
 * Forgets who was not connected at two calls in a row: what libp2p does with a peer that has just gone still needs it.
 * @param isConnected by libp2p's own name
 */
export function createForgetter(
  store: Pick<PeerStore, 'all' | 'delete'>,
  isConnected: (peer: Libp2pPeerId) => boolean,
): () => Promise<void> {
  let absent = new Set<string>();
  return async () => {
    const now = new Set<string>();
    for (const { id } of await store.all()) {
      if (isConnected(id)) continue;
      if (absent.has(id.toString())) await store.delete(id);
      else now.add(id.toString());
    }
    absent = now;
  };
}
