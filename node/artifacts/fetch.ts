/**
 * Artifacts from peers to this node, and from this node to peers.
 *
 * A download asks a peer for the leaf hashes, checks them against the root, and then asks for the leaves, each of
 * which is checked by its hash before it is kept. So a lie is noticed at the first wrong leaf, progress is never lost
 * to a lost connection, and any peer can continue what another began.
 */

import { RequestError } from '../network/errors.ts';
import { linkedAbort } from '../network/quota.ts';
import type { Network, PeerId, ProtocolSpec } from '../network/types.ts';
import type { Clock, Log, Random } from '../validator/ports.ts';
import { ArtifactError } from './errors.ts';
import { checkRoot, rootText, splitHashes } from './file.ts';
import { ARTIFACT_LIMITS, type ArtifactBounds } from './limits.ts';
import { createLookUps, type LookUps } from './look-ups.ts';
import { equalBytes, HASH_BYTES, leafHash } from './merkle.ts';
import type {
  ArtifactErrorCode,
  ArtifactFetcher,
  ArtifactInfo,
  ArtifactLimits,
  ArtifactStore,
  ArtifactWriter,
  Hex,
} from './types.ts';

const LENGTH_BYTES = 4;
const ROOT_BYTES = 32;

/** Leaf hashes of an artifact: root -> concatenated hashes. */
export function indexProtocol(limits: ArtifactLimits): ProtocolSpec {
  return {
    name: 'artifact-index',
    version: 1,
    maxRequestBytes: ROOT_BYTES,
    maxFrameBytes: limits.maxLeaves * HASH_BYTES,
    maxResponseBytes: limits.maxLeaves * HASH_BYTES,
    maxConcurrent: 32,
    maxConcurrentPerPeer: 8,
    // Asked again and again while an artifact is being sought: one question for each of many artifacts.
    requestsPerSecond: 50,
    burst: 200,
    maxBytesInFlight: 8 * 1024 * 1024,
    idleTimeoutMs: 10_000,
    totalTimeoutMs: 30_000,
  };
}

/** Leaves: root ‖ first u32be -> frames of (length u32be ‖ leaf)*, as many as one batch allows. */
export function leavesProtocol(limits: ArtifactLimits): ProtocolSpec {
  const frame = Math.max(limits.maxLeafBytes + LENGTH_BYTES, 2 * ARTIFACT_LIMITS.frameBytes);
  return {
    name: 'artifact-leaves',
    version: 1,
    maxRequestBytes: ROOT_BYTES + LENGTH_BYTES,
    maxFrameBytes: frame,
    maxResponseBytes: ARTIFACT_LIMITS.batchBytes + 2 * frame,
    maxConcurrent: 32,
    maxConcurrentPerPeer: 8,
    requestsPerSecond: 50,
    burst: 200,
    maxBytesInFlight: 32 * 1024 * 1024,
    idleTimeoutMs: 10_000,
    totalTimeoutMs: 180_000,
  };
}

export interface ArtifactFetcherOptions {
  readonly network: Network;
  readonly store: ArtifactStore;
  /** What an artifact may be at most on this chain; one that breaks it is given up, whoever offers it. */
  readonly artifactLimits: ArtifactLimits;
  readonly env: { readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly limits?: Partial<ArtifactBounds>;
}

interface Job {
  readonly root: Hex;
  rounds: number;
  state: 'queued' | 'running' | 'waiting';
  /** Between two rounds. */
  timer: (() => void) | undefined;
  readonly cancel: AbortController;
  hashes: readonly Uint8Array[] | undefined;
  /** Peers that gave us `hashes`. */
  vouchers: PeerId[];
  writer: ArtifactWriter | undefined;
  readonly waiters: Set<{ resolve: (info: ArtifactInfo) => void; reject: (error: Error) => void }>;
}

/** What a peer has shown to be, apart from not having the artifact. */
class LyingPeer extends Error {}
class SlowPeer extends Error {}

/** Registers the serving side at once; call it before network.start(). */
export function createArtifactFetcher(options: ArtifactFetcherOptions): ArtifactFetcher {
  const { network, store, artifactLimits } = options;
  const { clock, random, log } = options.env;
  const limits: ArtifactBounds = { ...ARTIFACT_LIMITS, ...options.limits };
  const indexSpec = indexProtocol(artifactLimits);
  const leavesSpec = leavesProtocol(artifactLimits);
  const jobs = new Map<Hex, Job>();
  /** Bytes a second that peers showed last. */
  const rates = new Map<PeerId, number>();
  let running = 0;
  let stopped = false;

  serveArtifacts(network, store, indexSpec, leavesSpec, limits, createLookUps(clock));

  const unsubscribe = [
    store.onArrival((root, info) => settle(root, (waiter) => waiter.resolve(info))),
    store.onDamage((root) => {
      if (!stopped && jobs.size < limits.maxWanted) want(root);
    }),
    network.onPeer((event) => {
      if (event.type === 'disconnected') {
        rates.delete(event.peer);
        return;
      }
      // Somebody new may have what the others lack.
      for (const job of jobs.values()) if (job.state === 'waiting') queue(job);
    }),
  ];

  // --- Queue -----------------------------------------------------------------------------------------------------

  function want(root: Hex): Job | undefined {
    checkRoot(root);
    if (stopped) throw new ArtifactError('CLOSED', 'the node is stopping');
    const existing = jobs.get(root);
    if (existing || store.has(root)) return existing;
    if (jobs.size >= limits.maxWanted)
      throw new ArtifactError('TOO_MANY_WANTED', `${limits.maxWanted} artifacts are being sought; try later`);
    const job: Job = {
      root,
      rounds: 0,
      state: 'queued',
      timer: undefined,
      cancel: new AbortController(),
      hashes: undefined,
      vouchers: [],
      writer: undefined,
      waiters: new Set(),
    };
    jobs.set(root, job);
    pump();
    return job;
  }

  function queue(job: Job): void {
    job.timer?.();
    job.timer = undefined;
    job.state = 'queued';
    pump();
  }

  function pump(): void {
    for (const job of jobs.values()) {
      if (running >= limits.maxDownloads) return;
      if (job.state !== 'queued') continue;
      job.state = 'running';
      running += 1;
      void run(job).finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  /** The job is over: tell those who wait, free what it holds. */
  function settle(root: Hex, tell: (waiter: Job['waiters'] extends Set<infer W> ? W : never) => void): void {
    const job = jobs.get(root);
    if (!job) return;
    jobs.delete(root);
    job.timer?.();
    job.cancel.abort();
    const { writer } = job;
    job.writer = undefined;
    void writer?.discard();
    for (const waiter of job.waiters) tell(waiter);
    job.waiters.clear();
  }

  function giveUp(root: Hex, error: ArtifactError): void {
    settle(root, (waiter) => waiter.reject(error));
  }

  /** False once the job was settled, even if the same root has been asked for again. */
  function isLive(job: Job): boolean {
    return jobs.get(job.root) === job;
  }

  async function dropProgress(job: Job): Promise<void> {
    const { writer } = job;
    job.writer = undefined;
    job.hashes = undefined;
    job.vouchers = [];
    await writer?.discard();
  }

  /** A download that waits keeps its first leaves, but only so many may: their files and hashes take room. */
  async function restBetweenRounds(job: Job): Promise<void> {
    const resting = [...jobs.values()].filter((other) => other.state === 'waiting' && other.writer).length;
    if (!job.writer?.leafCount || resting >= limits.maxRestingDownloads) await dropProgress(job);
  }

  // --- One round through the peers -------------------------------------------------------------------------------

  async function run(job: Job): Promise<void> {
    job.rounds += 1;
    try {
      // First without patience, so that one slow peer does not hide a fast one; then with all the patience there is.
      for (const patient of [false, true]) {
        const others = candidates();
        if (patient && !others.length) break;
        let slow = 0;
        for (const [i, peer] of others.entries()) {
          const result = await tryPeer(job, peer, patient || i === others.length - 1);
          if (result === 'done' || !isLive(job)) return;
          if (result === 'slow') slow += 1;
        }
        if (slow === 0) break;
      }
    } catch (error) {
      if (!isLive(job)) return;
      if (error instanceof ArtifactError && isVerdict(error.code)) {
        log('warn', 'an artifact breaks the limits of this chain and is given up', {
          root: job.root,
          code: error.code,
        });
        giveUp(job.root, error);
        return;
      }
      log('error', 'a download failed on this node', { root: job.root, error: String(error) });
      await dropProgress(job);
    }
    if (!isLive(job)) return;
    await restBetweenRounds(job);
    if (!isLive(job)) return;
    job.state = 'waiting';
    const wait = Math.min(limits.retryMaxMs, limits.retryMinMs * 2 ** Math.min(job.rounds - 1, 16));
    job.timer = clock.setTimer(Math.ceil(wait / 2) + random.int(Math.floor(wait / 2) + 1), () => queue(job));
  }

  /** Fast ones first; those never asked count as fast. */
  function candidates(): PeerId[] {
    const rate = (peer: PeerId) => rates.get(peer) ?? Number.POSITIVE_INFINITY;
    return network
      .peers()
      .map((peer) => peer.id)
      .sort((a, b) => (rate(a) === rate(b) ? 0 : rate(b) - rate(a)));
  }

  /** @throws what is not the peer's doing: limits broken by the content itself, or a failure of this machine. */
  async function tryPeer(job: Job, peer: PeerId, patient: boolean): Promise<'done' | 'slow' | 'next'> {
    try {
      await fetchFrom(job, peer, patient);
      return 'done';
    } catch (error) {
      if (!isLive(job)) return 'done';
      if (error instanceof SlowPeer) {
        log('debug', 'peer is slow, trying others', { peer, root: job.root });
        return 'slow';
      }
      if (error instanceof LyingPeer) {
        log('warn', 'peer served wrong artifact bytes', { peer, root: job.root, reason: error.message });
        network.penalise(peer, 'BAD_ARTIFACT');
        return 'next';
      }
      if (error instanceof RequestError) {
        if (error.code !== 'NOT_FOUND')
          log('debug', 'artifact not served', { peer, root: job.root, code: error.code });
        return 'next';
      }
      throw error;
    }
  }

  async function fetchFrom(job: Job, peer: PeerId, patient: boolean): Promise<void> {
    const hashes = await fetchIndex(job, peer);
    for (;;) {
      job.writer ??= await openWriter(job);
      if (job.writer.leafCount >= hashes.length) break;
      await fetchBatch(job, job.writer, hashes, peer, patient);
    }
    const { writer } = job;
    job.writer = undefined;
    await writer.finish(job.root);
    // The arrival has settled the job already, unless somebody else stored the same artifact in the meantime.
    if (isLive(job)) {
      const info = store.describe(job.root);
      settle(job.root, (waiter) => waiter.resolve(info));
    }
  }

  async function openWriter(job: Job): Promise<ArtifactWriter> {
    const writer = await store.begin(artifactLimits);
    if (isLive(job)) return writer;
    await writer.discard();
    throw new RequestError('ABORTED', 'no longer wanted');
  }

  /**
   * Leaf hashes from this peer, or those we have if they agree. Two different lists can have one root only if the
   * shorter one shows inner nodes as if they were leaves (the prefixes 0x00 and 0x01 exclude anything else), so the
   * longer list convicts whoever gave the shorter.
   */
  async function fetchIndex(job: Job, peer: PeerId): Promise<readonly Uint8Array[]> {
    if (job.hashes && job.vouchers.includes(peer)) return job.hashes;
    const bytes = await network.request(peer, indexSpec, rootBytes(job.root), { signal: job.cancel.signal });
    const hashes = splitHashes(bytes);
    if (!hashes || rootText(hashes) !== job.root) throw new LyingPeer('leaf hashes do not give the root');
    if (job.hashes && hashes.length < job.hashes.length) throw new LyingPeer('inner nodes shown as leaves');
    if (job.hashes && hashes.length > job.hashes.length) {
      for (const liar of job.vouchers) network.penalise(liar, 'BAD_ARTIFACT');
      await job.writer?.discard();
      job.writer = undefined;
      job.vouchers = [];
      job.hashes = undefined;
    }
    job.hashes ??= hashes;
    job.vouchers.push(peer);
    return job.hashes;
  }

  async function fetchBatch(
    job: Job,
    writer: ArtifactWriter,
    hashes: readonly Uint8Array[],
    peer: PeerId,
    patient: boolean,
  ): Promise<void> {
    const request = Buffer.alloc(ROOT_BYTES + LENGTH_BYTES);
    request.set(rootBytes(job.root));
    request.writeUInt32BE(writer.leafCount, ROOT_BYTES);
    const link = linkedAbort(job.cancel.signal);
    const startedMs = clock.nowMs();
    let received = 0;
    let tooSlow = false;
    let cancelWatch: (() => void) | undefined;
    const watch = (delayMs: number) => {
      cancelWatch = clock.setTimer(delayMs, () => {
        const seconds = (clock.nowMs() - startedMs) / 1000;
        if (received / seconds < limits.slowBytesPerSecond) {
          tooSlow = true;
          link.abort(new SlowPeer());
        } else watch(limits.slowAfterMs / 3);
      });
    };
    if (!patient) watch(limits.slowAfterMs);
    const before = writer.leafCount;
    try {
      for await (const frame of network.requestStream(peer, leavesSpec, request, { signal: link.signal })) {
        received += frame.byteLength;
        for (const leaf of splitFrame(frame)) {
          const expected = hashes[writer.leafCount];
          if (!expected || !equalBytes(leafHash(leaf), expected))
            throw new LyingPeer(`leaf ${writer.leafCount} does not have its hash`);
          await writer.append(leaf);
        }
      }
    } catch (error) {
      if (tooSlow && !(error instanceof LyingPeer)) throw new SlowPeer();
      throw error;
    } finally {
      cancelWatch?.();
      link.dispose();
      const seconds = Math.max(0.001, (clock.nowMs() - startedMs) / 1000);
      rates.set(peer, received / seconds);
    }
    if (writer.leafCount === before) throw new LyingPeer('an answer without a leaf');
  }

  return {
    want(root) {
      want(root);
    },
    unwant(root) {
      giveUp(root, new ArtifactError('NOT_FOUND', `artifact ${root} is no longer sought`));
    },
    async get(root, signal) {
      const job = want(root);
      if (!job) return store.describe(root);
      signal?.throwIfAborted();
      return new Promise<ArtifactInfo>((resolve, reject) => {
        const onAbort = () => {
          job.waiters.delete(waiter);
          reject(signal!.reason);
        };
        const waiter = {
          resolve(info: ArtifactInfo) {
            signal?.removeEventListener('abort', onAbort);
            resolve(info);
          },
          reject(error: Error) {
            signal?.removeEventListener('abort', onAbort);
            reject(error);
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        job.waiters.add(waiter);
      });
    },
    wanted: () =>
      [...jobs.values()].map((job) => ({
        root: job.root,
        rounds: job.rounds,
        leaves: job.writer?.leafCount ?? 0,
      })),
    async stop() {
      stopped = true;
      for (const undo of unsubscribe) undo();
      for (const root of [...jobs.keys()]) giveUp(root, new ArtifactError('CLOSED', 'the node is stopping'));
    },
  };
}

/** Codes that say something about the content itself, so that no other peer can help. */
function isVerdict(code: ArtifactErrorCode): boolean {
  return ['ARTIFACT_TOO_LARGE', 'LEAF_TOO_LARGE', 'TOO_MANY_LEAVES', 'LEAF_EMPTY', 'INVALID_UTF8'].includes(
    code,
  );
}

// --- Serving -------------------------------------------------------------------------------------------------------

function serveArtifacts(
  network: Network,
  store: ArtifactStore,
  indexSpec: ProtocolSpec,
  leavesSpec: ProtocolSpec,
  limits: ArtifactBounds,
  lookUps: LookUps,
): void {
  const hashesOf = (peer: PeerId, root: Hex): readonly Uint8Array[] =>
    asAnswer(() =>
      store.isKnown(root) ? store.leafHashes(root) : lookUps.run(peer, () => store.leafHashes(root)),
    );
  network.handle(indexSpec, async ({ peer, payload }) => {
    if (payload.byteLength !== ROOT_BYTES) throw new RequestError('REFUSED', 'a root has 32 bytes');
    return Buffer.concat(hashesOf(peer, rootHex(payload)));
  });
  network.handleStream(leavesSpec, async function* ({ peer, payload }) {
    if (payload.byteLength !== ROOT_BYTES + LENGTH_BYTES)
      throw new RequestError('REFUSED', 'a request is a root and the number of the first leaf');
    const root = rootHex(payload.subarray(0, ROOT_BYTES));
    const first = Buffer.from(payload).readUInt32BE(ROOT_BYTES);
    if (first >= hashesOf(peer, root).length) throw new RequestError('REFUSED', 'there is no such leaf');
    let parts: Uint8Array[] = [];
    let frameBytes = 0;
    let sent = 0;
    for await (const leaf of store.stream(root, first)) {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(leaf.byteLength);
      parts.push(length, leaf);
      frameBytes += LENGTH_BYTES + leaf.byteLength;
      sent += leaf.byteLength;
      if (frameBytes >= limits.frameBytes || sent >= limits.batchBytes) {
        yield* frames(parts, frameBytes, leavesSpec.maxFrameBytes);
        parts = [];
        frameBytes = 0;
      }
      if (sent >= limits.batchBytes) return;
    }
    if (parts.length > 0) yield* frames(parts, frameBytes, leavesSpec.maxFrameBytes);
  });
}

/** One frame, or two when a large leaf follows small ones. */
function* frames(parts: Uint8Array[], bytes: number, maxFrameBytes: number): Generator<Uint8Array> {
  if (bytes <= maxFrameBytes) {
    yield Buffer.concat(parts);
    return;
  }
  yield Buffer.concat(parts.slice(0, -2));
  yield Buffer.concat(parts.slice(-2));
}

/** NOT_FOUND of the store becomes NOT_FOUND for the peer; so does damage, which the store is mending. */
function asAnswer<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ArtifactError) throw new RequestError('NOT_FOUND', error.message);
    throw error;
  }
}

/** @throws LyingPeer unless the frame is exactly a sequence of leaves. */
function* splitFrame(frame: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 0;
  while (at < frame.byteLength) {
    if (at + LENGTH_BYTES > frame.byteLength) throw new LyingPeer('a frame ends inside a length');
    const end = at + LENGTH_BYTES + view.getUint32(at);
    if (end > frame.byteLength) throw new LyingPeer('a frame ends inside a leaf');
    yield frame.subarray(at + LENGTH_BYTES, end);
    at = end;
  }
}

function rootBytes(root: Hex): Uint8Array {
  return Buffer.from(root.slice(2), 'hex');
}

function rootHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
