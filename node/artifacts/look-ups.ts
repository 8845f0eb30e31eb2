/**
 * What peers may take of the main thread for finding artifacts. One that is not in memory is read and hashed whole: 45 ms for
 * 5 MiB in 4,096 records, asked for with 32 bytes.
 */
import { RequestError } from '../network/errors.ts';
import type { PeerId } from '../network/types.ts';
import type { Clock } from '../validator/ports.ts';

/** Milliseconds a second for one peer: some three of the largest artifacts. */
const PEER_MS_PER_SECOND = 150;
/** The same for all peers together: the rest belongs to consensus. */
const ALL_MS_PER_SECOND = 300;
/** What may be taken at once by who took nothing for some seconds, in milliseconds. */
const BURST_MS = 1_000;
/** Peers of whom is remembered what they took; beyond, whoever may take a whole burst again is forgotten. */
const MAX_REMEMBERED = 1_024;

export interface LookUps {
  /** @throws RequestError BUSY where the peer, or all together, took their share */
  run<T>(peer: PeerId, look: () => T): T;
}

interface Share {
  leftMs: number;
  atMs: number;
}

export function createLookUps(clock: Pick<Clock, 'nowMs'>): LookUps {
  const peers = new Map<PeerId, Share>();
  const all: Share = { leftMs: BURST_MS, atMs: clock.nowMs() };

  function refill(share: Share, msPerSecond: number): Share {
    const now = clock.nowMs();
    const seconds = Math.max(0, now - share.atMs) / 1_000;
    share.leftMs = Math.min(BURST_MS, share.leftMs + seconds * msPerSecond);
    share.atMs = now;
    return share;
  }

  function shareOf(peer: PeerId): Share {
    let share = peers.get(peer);
    if (share === undefined) {
      if (peers.size >= MAX_REMEMBERED)
        for (const [other, rest] of peers)
          if (refill(rest, PEER_MS_PER_SECOND).leftMs >= BURST_MS) peers.delete(other);
      if (peers.size >= MAX_REMEMBERED) peers.delete(peers.keys().next().value!);
      share = { leftMs: BURST_MS, atMs: clock.nowMs() };
      peers.set(peer, share);
    }
    return refill(share, PEER_MS_PER_SECOND);
  }

  return {
    run(peer, look) {
      const own = shareOf(peer);
      refill(all, ALL_MS_PER_SECOND);
      if (own.leftMs <= 0 || all.leftMs <= 0)
        throw new RequestError('BUSY', 'too many artifacts are being looked up');
      const began = clock.nowMs();
      try {
        return look();
      } finally {
        const tookMs = Math.max(0, clock.nowMs() - began);
        own.leftMs -= tookMs;
        all.leftMs -= tookMs;
      }
    },
  };
}
