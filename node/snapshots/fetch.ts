/**
 * An empty node begins with a snapshot: it asks its peers what they have, takes the newest that most of them share,
 * fetches chunks from all of those at once and checks each in order. A peer whose chunk is wrong is out, and the rest
 * is begun anew without it. What cannot be done this way is said, and the caller takes blocks instead.
 */
import { keccak256 } from '../../state/crypto.ts';
import { SnapshotError } from '../../state/snapshot/format.ts';
import type { Restore } from '../../state/snapshot/restore.ts';
import type { Head } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { createTokenBucket, type TokenBucket } from '../network/quota.ts';
import type { Clock, Log, Network, PeerId } from '../network/types.ts';
import { LIMITS } from './limits.ts';
import { askChunk, askManifest, askOffers, SNAPSHOT_PROTOCOL } from './protocol.ts';

export interface FetchOptions {
  readonly network: Network;
  readonly clock: Pick<Clock, 'nowMs' | 'setTimer'>;
  readonly log: Log;
  /** Snapshots below this height are of no use. */
  readonly trustHeight: number;
  readonly signal?: AbortSignal | undefined;
  /** A fresh database each time. @throws SnapshotError */
  readonly begin: (manifest: Uint8Array) => Promise<Restore>;
}

export type FetchResult =
  | { readonly result: 'restored'; readonly head: Head; readonly peers: number }
  /** One sentence. */
  | { readonly result: 'none'; readonly reason: string };

interface Group {
  readonly height: number;
  readonly manifestHash: string;
  readonly peers: PeerId[];
}

/** Who served what turned out to be wrong, or is without guilt of no use: busy, gone, or its snapshot is. */
class BadPeer extends Error {
  readonly peer: PeerId;
  readonly isInnocent: boolean;
  constructor(peer: PeerId, message: string, isInnocent = false) {
    super(message);
    this.peer = peer;
    this.isInnocent = isInnocent;
  }
}

function goOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new UserError('STOPPED', 'stopped before a snapshot was there; the next start looks for one again');
}

/** Different reasons that are told at the end: the log has all of them. */
const MOST_REASONS = 4;

/** @throws UserError STOPPED soon after the signal: the caller must not go on as if there were no snapshot */
export async function fetchSnapshot(options: FetchOptions): Promise<FetchResult> {
  const { network, log, trustHeight } = options;
  const groups = await gather(options);
  if (groups.length === 0)
    return { result: 'none', reason: `no peer offers a snapshot of block ${trustHeight} or later` };
  const reasons = new Set<string>();
  const quotas = new Map<PeerId, TokenBucket>();
  const quota = (peer: PeerId): TokenBucket => {
    const { requestsPerSecond, burst } = SNAPSHOT_PROTOCOL;
    const share = LIMITS.shareOfQuota;
    const own =
      quotas.get(peer) ?? createTokenBucket(options.clock, requestsPerSecond * share, burst * share);
    quotas.set(peer, own);
    return own;
  };
  for (const group of groups) {
    while (group.peers.length > 0) {
      try {
        const head = await restoreFrom(group, quota, options);
        return { result: 'restored', head, peers: group.peers.length };
      } catch (error) {
        if (!(error instanceof BadPeer)) throw error;
        goOn(options.signal);
        const reason = error.message;
        if (reasons.size < MOST_REASONS) reasons.add(reason);
        if (!error.isInnocent) network.penalise(error.peer, 'BAD_ANSWER');
        group.peers.splice(group.peers.indexOf(error.peer), 1);
        const what = error.isInnocent
          ? 'does not go on with its snapshot'
          : 'served a snapshot that is not right';
        log('warn', `a peer ${what}; going on without it`, {
          peer: error.peer,
          height: group.height,
          reason,
          left: group.peers.length,
        });
      }
    }
  }
  return {
    result: 'none',
    reason: `no snapshot that was offered could be taken: ${[...reasons].join('; ')}`,
  };
}

/** Offers of the connected peers: newest first, then those that most peers share. */
async function gather({ network, clock, trustHeight, signal }: FetchOptions): Promise<Group[]> {
  const groups = new Map<string, Group>();
  const asked = new Set<PeerId>();
  const began = clock.nowMs();
  let firstMs: number | undefined;
  for (;;) {
    goOn(signal);
    const now = clock.nowMs();
    if (now - began > LIMITS.searchMs || (firstMs !== undefined && now - firstMs > LIMITS.gatherMs)) break;
    const fresh = network
      .peers()
      .map(({ id }) => id)
      .filter((id) => !asked.has(id));
    const answers = await Promise.all(
      fresh.map(async (peer) => ({ peer, offers: await askOffers(network, peer) })),
    );
    for (const { peer, offers } of answers) {
      asked.add(peer);
      for (const { height, manifestHash } of offers) {
        if (height < trustHeight) continue;
        firstMs ??= clock.nowMs();
        const group = groups.get(manifestHash) ?? { height, manifestHash, peers: [] };
        groups.set(manifestHash, group);
        if (!group.peers.includes(peer)) group.peers.push(peer);
      }
    }
    await new Promise<void>((resolve) => void clock.setTimer(LIMITS.lookMs, resolve));
  }
  return [...groups.values()].sort((a, b) => b.height - a.height || b.peers.length - a.peers.length);
}

/** @throws BadPeer */
async function restoreFrom(
  group: Group,
  quota: (peer: PeerId) => TokenBucket,
  { network, clock, log, signal, begin }: FetchOptions,
): Promise<Head> {
  const { height, peers } = group;
  const [first] = peers;
  // Snapshots are replaced by newer ones, and lines break: who does not answer is not guilty of anything.
  const manifest = await askManifest(network, first!, height).catch((error: Error) => {
    throw new BadPeer(first!, `no manifest: ${error.message}`, true);
  });
  if (Buffer.from(keccak256(manifest)).toString('hex') !== group.manifestHash)
    throw new BadPeer(first!, 'the manifest is not the one that was offered');
  const blame = (error: unknown, peer: PeerId): unknown =>
    error instanceof SnapshotError ? new BadPeer(peer, `${error.code}: ${error.message}`) : error;
  let restore: Restore;
  try {
    restore = await begin(manifest);
  } catch (error) {
    throw blame(error, first!);
  }
  const { chunks } = restore.manifest;
  log('info', 'restoring from a snapshot', { height, chunks, peers: peers.length });

  const wait = (ms: number): Promise<void> =>
    new Promise<void>((resolve) => void clock.setTimer(ms, resolve));
  const fetchChunk = async (index: number): Promise<{ peer: PeerId; bytes: Uint8Array }> => {
    let last = '';
    for (let attempt = 0; attempt < LIMITS.triesPerChunk; attempt++) {
      const peer = peers[(index + attempt) % peers.length]!;
      if (attempt > 0) await wait(LIMITS.retryMs * attempt);
      goOn(signal);
      while (!quota(peer).take()) await wait(LIMITS.paceMs);
      try {
        return { peer, bytes: await askChunk(network, peer, height, index) };
      } catch (error) {
        last = (error as Error).message;
      }
    }
    throw new BadPeer(peers[index % peers.length]!, `chunk ${index} did not come: ${last}`, true);
  };

  const ahead = new Map<number, ReturnType<typeof fetchChunk>>();
  let lastPeer = first!;
  for (let index = 0; index < chunks; index++) {
    for (let next = index; next < Math.min(chunks, index + LIMITS.chunksInFlight); next++)
      if (!ahead.has(next)) {
        const coming = fetchChunk(next);
        // Whoever waits for it hears of it.
        coming.catch(() => {});
        ahead.set(next, coming);
      }
    const { peer, bytes } = await ahead.get(index)!;
    ahead.delete(index);
    lastPeer = peer;
    try {
      await restore.add(bytes);
    } catch (error) {
      throw blame(error, peer);
    }
  }
  try {
    return await restore.finish();
  } catch (error) {
    throw blame(error, lastPeer);
  }
}
