/** How much trust each misdeed costs. At `limits.banScore` (100) the peer is cut off. */
import type { NetworkLimits } from './limits.ts';
import type { Clock, NetworkPenaltyCode, PeerId } from './types.ts';

/**
 * 100: proof of malice. 60: cannot happen by accident with our software; two strikes. 20: may
 * be an old version or a damaged disk. Less: may be load.
 */
export const PENALTY_WEIGHT: Readonly<Record<NetworkPenaltyCode, number>> = {
  BAD_CERTIFICATE: 100,
  BAD_ARTIFACT: 60,
  WRONG_BLOCK: 60,
  BAD_SIGNATURE: 60,
  MALFORMED: 60,
  BAD_FRAME: 60,
  NOT_AUTHORISED: 20,
  INVALID_GOSSIP: 20,
  BAD_ANSWER: 20,
  FLOOD: 5,
};

export interface Penalties {
  /** Adds the code's weight. True if the peer has to be cut off now, for `banMs`. */
  add(peer: PeerId, code: NetworkPenaltyCode, banMs: number): boolean;
  score(peer: PeerId): number;
  isBanned(peer: PeerId): boolean;
  readonly size: number;
}

interface Entry {
  score: number;
  atMs: number;
  bannedUntilMs: number;
}

/** Scores fade with time and are kept for a bounded number of peers; the least guilty are forgotten first. */
export function createPenalties(clock: Clock, limits: NetworkLimits): Penalties {
  const entries = new Map<PeerId, Entry>();

  function current(entry: Entry): number {
    const minutes = Math.max(0, clock.nowMs() - entry.atMs) / 60_000;
    return Math.max(0, entry.score - minutes * limits.forgivenPerMinute);
  }

  function makeRoom(): void {
    if (entries.size < limits.maxScoredPeers) return;
    const now = clock.nowMs();
    let weakest: PeerId | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [peer, entry] of entries) {
      const value = current(entry) + (entry.bannedUntilMs > now ? limits.banScore : 0);
      if (value < least) {
        least = value;
        weakest = peer;
      }
    }
    if (weakest !== undefined) entries.delete(weakest);
  }

  return {
    add(peer, code, banMs) {
      const now = clock.nowMs();
      let entry = entries.get(peer);
      if (!entry) {
        makeRoom();
        entry = { score: 0, atMs: now, bannedUntilMs: 0 };
        entries.set(peer, entry);
      }
      entry.score = current(entry) + PENALTY_WEIGHT[code];
      entry.atMs = Math.max(now, entry.bannedUntilMs);
      if (entry.score < limits.banScore) return false;
      entry.bannedUntilMs = now + banMs;
      // After the ban, during which nothing is forgiven, the peer starts three quarters guilty: one more proof of malice
      // bans it again.
      entry.atMs = entry.bannedUntilMs;
      entry.score = limits.banScore * 0.75;
      return true;
    },
    score(peer) {
      const entry = entries.get(peer);
      return entry ? current(entry) : 0;
    },
    isBanned(peer) {
      const entry = entries.get(peer);
      return entry !== undefined && entry.bannedUntilMs > clock.nowMs();
    },
    get size() {
      return entries.size;
    },
  };
}
