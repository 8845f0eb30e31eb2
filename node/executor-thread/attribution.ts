/**
 * Attribution for execution and for people: pinned snapshots become corpora of the worker pool, jobs of the state
 * become jobs of the pool, and a worker's death is tried again once before it is this machine's fault (B2).
 */
import { join } from 'node:path';
import { type AttributedSpan, AttributionError, RECORDS_PER_COMMIT } from '../../attribution/api.ts';
import type { ChainParams } from '../../genesis/types.ts';
import type { AttributionCitation, AttributionSpan, AttributionView } from '../../rpc/backend.ts';
import {
  type AttributionEngine,
  type AttributionJob,
  type AttributionOutcome,
  Fault,
  type Hex,
  type PinnedEntry,
  type SequenceEntry,
  Unavailable,
} from '../../state/types.ts';
import {
  type AttributionPool,
  AttributionPoolError,
  type AttributionResult,
  createAttributionPool,
  type AttributionJob as PoolJob,
  type RetrievalResult,
} from '../attribution-pool/index.ts';
import type { Log } from '../log.ts';
import type { ArtifactPort } from './artifact-port.ts';
import { contributions, retrievalParams, tokenParams } from './corpus-source.ts';
import { LIMITS } from './limits.ts';

export interface AttributionService {
  /** The port of execution. @throws Unavailable, Fault */
  attribute(job: AttributionJob): Promise<AttributionOutcome>;
  /** The same for calls and estimates. @throws AttributionBusy too */
  attributeForOthers(job: AttributionJob): Promise<AttributionOutcome>;
  /**
   * The same with the spans and where they stand. @throws Unavailable; Fault; AttributionError for an output that
   * no settlement could have; AttributionBusy for too many at once
   */
  explain(job: AttributionJob): Promise<AttributionView>;
  /** Builds the index that answers of these snapshots need, before one does; nothing if an artifact is not here. */
  prepare(pinned: Pick<AttributionJob, 'engine' | 'snapshots' | 'sequence'>): void;
  close(): Promise<void>;
}

export interface AttributionOptions {
  dataDir: string;
  params: ChainParams;
  workers: number;
  artifacts: ArtifactPort;
  log: Log;
  setTimer: (delayMs: number, run: () => void) => () => void;
  /** The attribution of this request, which was missing, can be asked for again. */
  onAvailable: (requestHash: Hex) => void;
}

export class AttributionBusy extends Error {
  override name = 'AttributionBusy';
  readonly code = 'BUSY';
}

export function createAttributionService(options: AttributionOptions): AttributionService {
  const { dataDir, artifacts, log } = options;
  const { commons } = options.params.attribution;
  const pools: Readonly<Record<AttributionEngine, AttributionPool>> = {
    token: createAttributionPool({ workers: options.workers, segmentDir: join(dataDir, 'segments') }),
    // A thread of its own, so that no token attribution waits behind the vectors of a large snapshot. It starts when
    // the first model asks for it.
    retrieval: createAttributionPool({
      purpose: 'retrieval',
      encoderHash: options.params.retrieval.encoderHash,
      segmentDir: join(dataDir, 'vectors'),
    }),
  };
  let forOthersRunning = 0;
  /** Indexes that are being built for execution: the requests that missed them, by snapshot. */
  const building = new Map<string, Set<Hex>>();
  /** Snapshots whose index could not be built beside: the next job builds it itself, and its failure counts (B2). */
  const unbuilt = new Set<string>();
  const wakers = new Map<string, Set<() => void>>();
  let closed = false;

  /** Work on the index of a job, once it is there. */
  async function once<T>(job: AttributionJob, key: string, work: Work<T>): Promise<T> {
    const { requestHash, prompt, output, ineligible } = job;
    await pools[job.engine].ensureSnapshot(key, () => contributions(dataDir, job.sequence()));
    return work({ snapshot: key, requestHash, prompt, output, commons, ineligible });
  }

  const params = tokenParams(options.params);
  const crediting: Record<AttributionEngine, Work<Computed>> = {
    token: async (asked) => ({
      engine: 'token',
      result: await pools.token.attribute({ ...asked, params }),
    }),
    retrieval: async (asked) => ({
      engine: 'retrieval',
      result: await pools.retrieval.retrieve({ ...asked, params: retrievalParams(options.params) }),
    }),
  };
  const explaining: Work<readonly AttributedSpan[]> = (asked) => pools.token.explain({ ...asked, params });

  async function compute<T>(job: AttributionJob, work: Work<T>): Promise<T> {
    const key = snapshotKey(job);
    if (!pools[job.engine].hasSnapshot(key)) askForAll(job.sequence());
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(job, key, work);
      } catch (error) {
        if (error instanceof Unavailable) throw error;
        // Other jobs pushed this snapshot out between the two steps: nobody's fault, and the one that did is done.
        const most = isDropped(error) ? LIMITS.snapshotReloads : error instanceof Fault ? 3 : 0;
        if (attempt >= most) throw asFault(error);
        log('warn', 'an attribution failed and is tried again in a fresh worker', {
          request: job.requestHash,
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }

  /** Looks for every artifact before the work, so that all that is missing is fetched at once. */
  function askForAll(sequence: readonly SequenceEntry[]): void {
    const missing = sequence.filter(({ artifactRoot }) => !artifacts.isHere(artifactRoot));
    const [first] = missing;
    if (first !== undefined) throw new Unavailable({ kind: 'artifact', root: first.artifactRoot });
  }

  /**
   * B1: a block does not wait for the index of a large snapshot, which takes seconds; it is unknown meanwhile, and
   * looked at again when the index is there. A small one is built within the wait.
   * @throws Unavailable
   */
  async function untilIndexed(job: AttributionJob): Promise<void> {
    const key = snapshotKey(job);
    if (pools[job.engine].hasSnapshot(key) || unbuilt.delete(key)) return;
    const sequence = job.sequence();
    askForAll(sequence);
    const missed = building.get(key) ?? build(job.engine, key, sequence);
    if (await builtWithin(key, LIMITS.indexPatienceMs)) return;
    missed.add(job.requestHash);
    throw new Unavailable({ kind: 'attribution', requestId: job.requestHash });
  }

  /** Builds an index beside. @returns the requests to be told when it is there */
  function build(engine: AttributionEngine, key: string, sequence: readonly PinnedEntry[]): Set<Hex> {
    const missed = new Set<Hex>();
    building.set(key, missed);
    pools[engine]
      .ensureSnapshot(key, () => contributions(dataDir, sequence))
      .catch((error: unknown) => {
        unbuilt.add(key);
        if (closed) return;
        log('warn', 'an index could not be built', { snapshot: key, error: String(error) });
      })
      .finally(() => {
        building.delete(key);
        for (const wake of wakers.get(key) ?? []) wake();
        wakers.delete(key);
        if (!closed) for (const request of missed) options.onAvailable(request);
      });
    return missed;
  }

  function prepare(pinned: Parameters<AttributionService['prepare']>[0]): void {
    const { engine } = pinned;
    const key = snapshotKey(pinned);
    if (closed || pools[engine].hasSnapshot(key) || building.has(key)) return;
    const sequence = pinned.sequence();
    if (sequence.every(({ artifactRoot }) => artifacts.isHere(artifactRoot))) build(engine, key, sequence);
  }

  /** False if the index is still being built after `patienceMs`. */
  function builtWithin(key: string, patienceMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = wakers.get(key) ?? new Set();
      wakers.set(key, waiting);
      let cancel: (() => void) | undefined;
      const wake = () => {
        cancel?.();
        resolve(true);
      };
      waiting.add(wake);
      cancel = options.setTimer(patienceMs, () => {
        waiting.delete(wake);
        resolve(false);
      });
    });
  }

  async function attribute(job: AttributionJob): Promise<AttributionOutcome> {
    const computed = await compute(job, crediting[job.engine]);
    const { record, recordBytes, recordHash } = computed.result;
    return {
      recordHash,
      record: recordBytes,
      outputTokens: outputTokensOf(computed),
      credits: creditsOf(record),
      uncovered: record.uncovered,
    };
  }

  async function explain(job: AttributionJob): Promise<AttributionView> {
    const computed = await compute(job, crediting[job.engine]);
    const { record, recordHash } = computed.result;
    const sequence = job.sequence();
    const spans = job.engine === 'token' ? await compute(job, explaining) : [];
    return {
      engine: job.engine,
      recordHash,
      outputTokens: outputTokensOf(computed),
      credits: creditsOf(record),
      uncovered: record.uncovered,
      spans: describeSpans(spans, sequence, artifacts),
      citations:
        computed.engine === 'retrieval'
          ? describeCitations(computed.result.citations, sequence, artifacts)
          : [],
    };
  }

  /** Work for people waits for its turn, so that a block never waits long behind it. */
  async function forOthers<T>(work: () => Promise<T>): Promise<T> {
    if (forOthersRunning >= LIMITS.attributionsForOthers)
      throw new AttributionBusy('too many attributions are being looked at; try again');
    forOthersRunning += 1;
    try {
      return await work();
    } catch (error) {
      // Execution never passes such an output on; here a person may have typed it.
      if (error instanceof Fault && error.cause instanceof AttributionError) throw error.cause;
      throw error;
    } finally {
      forOthersRunning -= 1;
    }
  }

  return {
    async attribute(job) {
      await untilIndexed(job);
      return attribute(job);
    },
    attributeForOthers: (job) => forOthers(() => attribute(job)),
    explain: (job) => forOthers(() => explain(job)),
    prepare,
    close() {
      closed = true;
      return Promise.all([pools.token.close(), pools.retrieval.close()]).then(() => undefined);
    },
  };
}

type Computed =
  | { readonly engine: 'token'; readonly result: AttributionResult }
  | { readonly engine: 'retrieval'; readonly result: RetrievalResult };

function outputTokensOf(computed: Computed): number {
  return computed.engine === 'token'
    ? computed.result.attribution.outputTokens
    : computed.result.outputTokens;
}

function creditsOf({ credits }: Computed['result']['record']): AttributionOutcome['credits'] {
  return credits.map(({ contributor, credit }) => ({ contributor: contributor as Hex, parts: credit }));
}

/** What a worker of a pool is asked; its parameters are those of its engine. */
type Work<T> = (asked: Omit<PoolJob, 'params'>) => Promise<T>;

/** The pins say the content: length and history hash of each DataNet, and the engine what is made of it. */
function snapshotKey(job: Pick<AttributionJob, 'engine' | 'snapshots'>): string {
  const pins = job.snapshots.map(
    ({ dataNetId, length, historyHash }) => `${dataNetId}:${length}:${historyHash}`,
  );
  return `${job.engine} ${pins.join(' ')}`;
}

function describeSpans(
  spans: readonly AttributedSpan[],
  sequence: readonly SequenceEntry[],
  artifacts: ArtifactPort,
): AttributionSpan[] {
  const byCommit = new Map(sequence.map((entry) => [entry.commitSequence, entry]));
  const leaves = new Map<Hex, Uint8Array[]>();
  const described: AttributionSpan[] = [];
  for (const span of spans) {
    const entry = byCommit.get(span.contributionId);
    // Words that pay nobody are shown plain.
    if (!span.earns || entry === undefined) continue;
    const { artifactRoot, contributionId } = entry;
    let records = leaves.get(artifactRoot);
    if (records === undefined) {
      records = artifacts.read(artifactRoot);
      leaves.set(artifactRoot, records);
    }
    const record = records[span.recordIndex];
    described.push({
      startByte: span.startByte,
      endByte: span.endByte,
      startToken: span.startToken,
      endToken: span.endToken,
      weightQ16: span.weightQ16,
      contributor: span.contributor as Hex,
      dataNetId: span.dataNetId,
      contributionId,
      artifactRoot,
      recordIndex: span.recordIndex,
      recordByte: span.recordByte,
      ...(record === undefined
        ? {}
        : { excerpt: excerptOf(record, span.recordByte, span.endByte - span.startByte) }),
    });
  }
  return described;
}

function describeCitations(
  citations: RetrievalResult['citations'],
  sequence: readonly SequenceEntry[],
  artifacts: ArtifactPort,
): AttributionCitation[] {
  const byCommit = new Map(sequence.map((entry) => [entry.commitSequence, entry]));
  return citations.map(({ orderKey, score, weight }) => {
    const commitSequence = Math.floor(orderKey / RECORDS_PER_COMMIT);
    const entry = byCommit.get(commitSequence);
    if (entry === undefined) throw new Fault(`commit ${commitSequence} is cited and not pinned`);
    const recordIndex = orderKey % RECORDS_PER_COMMIT;
    const record = artifacts.read(entry.artifactRoot)[recordIndex];
    return {
      contributor: entry.contributor,
      dataNetId: entry.dataNetId,
      contributionId: entry.contributionId,
      artifactRoot: entry.artifactRoot,
      recordIndex,
      score,
      weight,
      ...(record === undefined ? {} : { excerpt: excerptOf(record, 0, LIMITS.excerptBytes) }),
    };
  });
}

/** The text around byte `at`, cut at character borders. */
function excerptOf(record: Uint8Array, at: number, length: number): string {
  const isInside = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
  let from = Math.max(0, at - LIMITS.excerptBytes);
  let to = Math.min(record.length, at + length + LIMITS.excerptBytes);
  while (from > 0 && isInside(record[from])) from -= 1;
  while (to < record.length && isInside(record[to])) to += 1;
  const text = new TextDecoder().decode(record.subarray(from, to));
  return `${from > 0 ? '…' : ''}${text}${to < record.length ? '…' : ''}`;
}

function isDropped(error: unknown): boolean {
  return error instanceof AttributionPoolError && error.code === 'UnknownSnapshot';
}

/** The state checks outputs and prompts before it asks, so any refusal here is a failure of this machine. */
function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault(`attribution failed: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
