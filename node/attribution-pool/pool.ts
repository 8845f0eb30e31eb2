import { createHash } from 'node:crypto';
import { Fault } from '../../state/types.ts';
import { LIMITS } from './limits.ts';
import { startThread, type Thread } from './thread.ts';
import {
  type AttributionJob,
  type AttributionPool,
  AttributionPoolError,
  type AttributionResult,
  type IndexPurpose,
  type PinnedContribution,
  type RecordSource,
  type SnapshotInfo,
  UNFINISHED,
} from './types.ts';

export interface AttributionPoolOptions {
  /** Threads; each starts when it is first needed. Default 1. */
  readonly workers?: number;
  /** What the indexes are for; attributions unless told otherwise. */
  readonly purpose?: IndexPurpose;
  /** Indexes in memory. Default LIMITS.snapshots. */
  readonly maxSnapshots?: number;
  /** Tokens of all indexes in memory, or bytes of all vectors. Default LIMITS.indexedTokens, LIMITS.vectorBytes. */
  readonly maxLoad?: number;
  /** Results in memory. Default LIMITS.cachedResults. */
  readonly maxCachedResults?: number;
  /** keccak-256 of the sentence encoder; for retrieval. */
  readonly encoderHash?: string;
  /** Folder where segments of indexes, and vectors, outlive the process. Default: none, all is in memory. */
  readonly segmentDir?: string;
  /** Compiled worker file; another one only in tests of crashes. */
  readonly workerEntry?: URL;
}

/** A snapshot lives in one thread. It is dropped with the thread, or for one that is used more. */
interface Snapshot {
  readonly thread: Thread;
  readonly slot: number;
  readonly ready: Promise<SnapshotInfo>;
  /** 0 until it is ready. */
  load: number;
  loaded: boolean;
  /** Calls that need it now: it is not dropped under them. */
  users: number;
}

/**
 * Attribution in worker threads: indexes of pinned snapshots stay in memory there, results here. A worker that dies is
 * a Fault to those who wait, never a result; the next call starts a fresh one and reads the snapshots again.
 */
export function createAttributionPool(options: AttributionPoolOptions = {}): AttributionPool {
  const {
    workers = 1,
    purpose = 'attribution',
    maxSnapshots = LIMITS.snapshots,
    maxLoad = purpose === 'retrieval' ? LIMITS.vectorBytes : LIMITS.indexedTokens,
    maxCachedResults = LIMITS.cachedResults,
    // Named from the folder above, because bundling puts this file into the executor's.
    workerEntry = new URL('../attribution-pool/worker.js', import.meta.url),
  } = options;
  const threads: (Thread | undefined)[] = Array(workers).fill(undefined);
  // Maps keep insertion order; what is used is put at the end, so the first is the one to drop.
  const snapshots = new Map<string, Snapshot>();
  const sources = new Map<string, RecordSource>();
  const results = new Map<string, unknown>();
  const running = new Map<string, Promise<unknown>>();
  let pending = 0;
  let closed = false;

  const threadAt = (slot: number): Thread => {
    const thread = threads[slot];
    if (thread?.alive) return thread;
    const { segmentDir, encoderHash } = options;
    const fresh = startThread(workerEntry, {
      ...(segmentDir !== undefined && { segmentDir }),
      ...(encoderHash !== undefined && { encoderHash }),
    });
    threads[slot] = fresh;
    return fresh;
  };

  /** The thread with the least to hold. */
  const leastLoaded = (): number => {
    const loads = Array<number>(workers).fill(0);
    for (const { slot, load, thread } of snapshots.values()) if (thread.alive) loads[slot]! += load;
    return loads.indexOf(Math.min(...loads));
  };

  const dropOldest = (): void => {
    let held = 0;
    for (const snapshot of snapshots.values()) held += snapshot.load;
    const [newest] = [...snapshots.keys()].slice(-1);
    for (const [key, snapshot] of snapshots) {
      if (snapshots.size <= maxSnapshots && held <= maxLoad) return;
      if (snapshot.users > 0 || key === newest) continue;
      held -= snapshot.load;
      snapshots.delete(key);
      sources.delete(key);
      if (snapshot.thread.alive)
        void snapshot.thread.call({ kind: 'drop', key }, LIMITS.snapshotMs).catch(() => undefined);
    }
  };

  /** Not at once: whoever waited for a snapshot is about to say that it uses it. */
  const makeRoomSoon = (): void => {
    if (!closed) setImmediate(() => closed || dropOldest());
  };

  const load = (key: string, source: RecordSource): Snapshot => {
    const slot = leastLoaded();
    const thread = threadAt(slot);
    const snapshot: Snapshot = {
      thread,
      slot,
      load: 0,
      loaded: false,
      users: 0,
      ready: sendSnapshot(thread, key, source, purpose),
    };
    snapshots.set(key, snapshot);
    sources.set(key, source);
    snapshot.ready.then(
      (info) => {
        snapshot.load = info.load;
        snapshot.loaded = true;
        makeRoomSoon();
      },
      () => {
        if (snapshots.get(key) === snapshot && thread.alive) {
          snapshots.delete(key);
          sources.delete(key);
        }
      },
    );
    dropOldest();
    return snapshot;
  };

  /** The snapshot, read again if its thread died. */
  const snapshotOf = (key: string): Snapshot => {
    if (closed) throw new AttributionPoolError('Closed', 'The attribution pool is closed.');
    const known = snapshots.get(key);
    const source = sources.get(key);
    if (known === undefined || source === undefined)
      throw new AttributionPoolError(
        'UnknownSnapshot',
        `Snapshot ${key} is not loaded. Call ensureSnapshot first.`,
      );
    snapshots.delete(key);
    if (!known.thread.alive) return load(key, source);
    snapshots.set(key, known);
    return known;
  };

  const run = async <T>(key: string, work: (thread: Thread) => Promise<unknown>): Promise<T> => {
    if (pending >= LIMITS.pendingJobs)
      throw new AttributionPoolError(
        'Busy',
        `${LIMITS.pendingJobs} attribution jobs are waiting. Try again later.`,
      );
    pending++;
    try {
      return await using(snapshotOf(key), async (snapshot) => {
        await snapshot.ready;
        return (await work(snapshot.thread)) as T;
      });
    } finally {
      pending--;
    }
  };

  const using = async <T>(snapshot: Snapshot, work: (snapshot: Snapshot) => Promise<T>): Promise<T> => {
    snapshot.users++;
    try {
      return await work(snapshot);
    } finally {
      snapshot.users--;
      makeRoomSoon();
    }
  };

  const remember = (key: string, result: unknown): void => {
    results.delete(key);
    results.set(key, result);
    for (const oldest of results.keys()) {
      if (results.size <= maxCachedResults) break;
      results.delete(oldest);
    }
  };

  /** The same question twice is computed once. A pool has one purpose, so that a key has results of one kind. */
  const once = <T>(requestHash: string, output: Uint8Array, work: () => Promise<T>): Promise<T> => {
    const key = resultKey(requestHash, output);
    if (results.has(key)) {
      const known = results.get(key) as T;
      remember(key, known);
      return Promise.resolve(known);
    }
    const shared = running.get(key) as Promise<T> | undefined;
    if (shared !== undefined) return shared;
    const result = work()
      .then((value) => {
        remember(key, value);
        return value;
      })
      .finally(() => running.delete(key));
    running.set(key, result);
    return result;
  };

  return {
    async ensureSnapshot(key, source) {
      if (closed) throw new AttributionPoolError('Closed', 'The attribution pool is closed.');
      const snapshot = snapshots.has(key) ? snapshotOf(key) : load(key, source);
      return using(snapshot, (wanted) => wanted.ready);
    },
    hasSnapshot(key) {
      const snapshot = snapshots.get(key);
      return snapshot?.loaded === true && snapshot.thread.alive;
    },
    attribute: (job) =>
      once(job.requestHash, job.output, () =>
        run(job.snapshot, (thread) => thread.call({ kind: 'attribute', job: cloneable(job) }, LIMITS.jobMs)),
      ),
    retrieve: (job) =>
      once(job.requestHash, job.output, () =>
        run(job.snapshot, (thread) => thread.call({ kind: 'retrieve', job: cloneable(job) }, LIMITS.jobMs)),
      ),
    explain: (job) =>
      run(job.snapshot, (thread) => thread.call({ kind: 'explain', job: cloneable(job) }, LIMITS.jobMs)),
    cached: (requestHash, output) =>
      results.get(resultKey(requestHash, output)) as AttributionResult | undefined,
    continueText: (job) =>
      run(job.snapshot, (thread) => thread.call({ kind: 'continue', job: { ...job } }, LIMITS.jobMs)),
    maximalSpans: (job) =>
      run(job.snapshot, (thread) => thread.call({ kind: 'spans', job: { ...job } }, LIMITS.jobMs)),
    provePhrase: (job) =>
      run(job.snapshot, (thread) => thread.call({ kind: 'provePhrase', job }, LIMITS.jobMs)),
    proveCredits: (job) =>
      run(job.snapshot, (thread) => thread.call({ kind: 'proveCredits', job }, LIMITS.jobMs)),
    async close() {
      closed = true;
      await Promise.all(threads.map((thread) => thread?.close()));
      snapshots.clear();
      sources.clear();
    },
  };
}

/** Only what the worker reads: a job may carry more than can cross to a thread. */
function cloneable<P>(job: Omit<AttributionJob, 'params'> & { readonly params: P }) {
  const { snapshot, requestHash, prompt, output, params, commons, ineligible } = job;
  return { snapshot, requestHash, prompt, output, params, commons, ineligible };
}

function resultKey(requestHash: string, output: Uint8Array): string {
  return `${requestHash}${createHash('sha256').update(output).digest('base64')}`;
}

/** Hands the contributions over in messages of bounded size, one after the other. */
async function sendSnapshot(
  thread: Thread,
  key: string,
  source: RecordSource,
  purpose: IndexPurpose,
): Promise<SnapshotInfo> {
  await thread.call({ kind: 'open', key }, LIMITS.snapshotMs);
  let batch: PinnedContribution[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const contributions = batch;
    batch = [];
    bytes = 0;
    await thread.call({ kind: 'add', key, contributions }, LIMITS.snapshotMs);
  };
  try {
    for await (const contribution of source()) {
      batch.push(contribution);
      if (contribution.leaves.kind === 'inline')
        for (const leaf of contribution.leaves.leaves) bytes += leaf.length;
      if (batch.length >= LIMITS.contributionsPerMessage || bytes >= LIMITS.bytesPerMessage) await flush();
    }
    if (batch.length > 0) await flush();
  } catch (error) {
    if (thread.alive) await thread.call({ kind: 'drop', key }, LIMITS.snapshotMs).catch(() => undefined);
    throw error;
  }
  let info: SnapshotInfo | typeof UNFINISHED;
  do info = (await thread.call({ kind: 'build', key, purpose }, LIMITS.snapshotMs)) as typeof info;
  while (info === UNFINISHED);
  if (info === undefined) throw new Fault(`the attribution worker built no index for ${key}`);
  return info;
}
