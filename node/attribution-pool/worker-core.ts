import { hash } from 'node:crypto';
import {
  AttributionError,
  attributeTokens,
  attributionRecord,
  attributionRecordHash,
  continueText,
  createCorpus,
  creditTokens,
  encodeAttributionRecord,
  InvalidUtf8,
  lex,
  maximalSpans,
  type TokenAttributionInput,
  type TokenIndex,
} from '../../attribution/api.ts';
import {
  type CommittedIndex,
  commitCorpus,
  proveCredits,
  provePhrase,
} from '../../attribution/proofs/api.ts';
import {
  attributeRetrieval,
  createTextEncoding,
  type Encoder,
  encodeRetrievalRecord,
  retrievalRecord,
  retrievalRecordHash,
} from '../../attribution/retrieval/api.ts';
import type { Hex } from '../../state/types.ts';
import { MissingArtifact, recordsOf, sizeOf } from './contributions.ts';
import { LIMITS } from './limits.ts';
import { openSegmentStore } from './segment-store.ts';
import { indexSnapshot, type SegmentShelf, type SnapshotIndex } from './snapshot-index.ts';
import { indexVectors, type LoadedEncoder, type VectorIndex } from './snapshot-vectors.ts';
import {
  type AttributionJob,
  type AttributionResult,
  type CreditsProofResult,
  type PhraseProofResult,
  type PinnedContribution,
  type RetrievalJob,
  type RetrievalResult,
  type SnapshotInfo,
  UNFINISHED,
  type WorkerRequest,
  type WorkerResponse,
} from './types.ts';
import { openVectorStore } from './vector-store.ts';

export interface WorkerCoreOptions {
  /** Folder of segment and vector files. Undefined: nothing is kept on disk. */
  readonly segmentDir?: string;
  /** Encoder for vectors, loaded when the first are asked for. Undefined: none are made. */
  readonly encoderHash?: string;
  readonly loadEncoder?: (hash: string) => Encoder;
  /** Told about problems of the disk. */
  readonly warn?: (message: string) => void;
}

/** What a worker does with one request after another. Separate from the thread, so that tests can run it in theirs. */
export function createWorkerCore(
  options: WorkerCoreOptions = {},
): (request: WorkerRequest) => WorkerResponse {
  const { segmentDir, warn = () => undefined } = options;
  const open = new Map<string, { contributions: PinnedContribution[]; bytes: number }>();
  const snapshots = new Map<string, SnapshotIndex>();
  const committed = new Map<string, CommittedIndex>();
  const vectors = new Map<string, VectorIndex>();
  /** Vectors that are being made, slice by slice. */
  const unfinished = new Map<string, ReturnType<typeof indexVectors>>();
  const shelf: SegmentShelf = {
    inMemory: new Map(),
    store: segmentDir === undefined ? undefined : openSegmentStore({ directory: segmentDir, warn }),
  };

  let loaded: LoadedEncoder | undefined;
  const encoder = (): LoadedEncoder => {
    if (loaded !== undefined) return loaded;
    const { encoderHash, loadEncoder } = options;
    if (encoderHash === undefined || loadEncoder === undefined)
      throw new Error('the worker was given no encoder');
    const found = loadEncoder(encoderHash);
    loaded = {
      hash: encoderHash,
      dimensions: found.shape.width * found.shape.chunks,
      encode: createTextEncoding(found),
    };
    return loaded;
  };
  const vectorStore = segmentDir === undefined ? undefined : lazily(() => openVectorStore(segmentDir, warn));

  /** One more slice of a snapshot's vectors. */
  const goOn = (key: string): SnapshotInfo | typeof UNFINISHED => {
    const step = unfinished.get(key)!.next();
    if (step.done !== true) return UNFINISHED;
    unfinished.delete(key);
    vectors.set(key, step.value);
    return vectorInfo(step.value);
  };

  const vectorsOf = (key: string): VectorIndex => {
    const index = vectors.get(key);
    if (index === undefined) throw new Error(`the worker has no vectors ${key}`);
    return index;
  };

  const indexOf = (key: string): TokenIndex => {
    const snapshot = snapshots.get(key);
    if (snapshot === undefined) throw new Error(`the worker has no index ${key}`);
    return snapshot.index;
  };

  /** Segments that no snapshot uses leave the memory. */
  const clearShelf = (): void => {
    const used = new Set([...snapshots.values()].flatMap(({ segments }) => segments));
    for (const key of shelf.inMemory.keys()) if (!used.has(key)) shelf.inMemory.delete(key);
  };

  const commitmentOf = (key: string): CommittedIndex => {
    const index = committed.get(key);
    if (index === undefined) throw new Error(`the worker has no commitment ${key}`);
    return index;
  };

  const run = (request: WorkerRequest): unknown => {
    switch (request.kind) {
      case 'open':
        open.set(request.key, { contributions: [], bytes: 0 });
        return undefined;
      case 'add': {
        const snapshot = open.get(request.key);
        if (snapshot === undefined) throw new Error(`snapshot ${request.key} is not open`);
        for (const contribution of request.contributions) {
          snapshot.bytes += sizeOf(contribution);
          if (snapshot.bytes > LIMITS.snapshotBytes)
            throw new AttributionError(
              'CorpusTooLarge',
              `The pinned snapshots hold more than ${LIMITS.snapshotBytes} bytes.`,
            );
          snapshot.contributions.push(contribution);
        }
        return undefined;
      }
      case 'build': {
        if (unfinished.has(request.key)) return goOn(request.key);
        const snapshot = open.get(request.key);
        if (snapshot === undefined) throw new Error(`snapshot ${request.key} is not open`);
        open.delete(request.key);
        if (request.purpose === 'proofs') {
          const corpus = createCorpus(snapshot.contributions.flatMap((one) => [...recordsOf(one)]));
          const commitment = commitCorpus(corpus, { hash: (bytes) => hash('sha256', bytes, 'buffer') });
          committed.set(request.key, commitment);
          return committedInfo(commitment, corpus.duplicates);
        }
        if (request.purpose === 'retrieval') {
          unfinished.set(request.key, indexVectors(snapshot.contributions, encoder(), vectorStore?.()));
          return goOn(request.key);
        }
        try {
          const built = indexSnapshot(snapshot.contributions, shelf);
          snapshots.set(request.key, built);
          return infoOf(built);
        } finally {
          clearShelf();
        }
      }
      case 'drop':
        open.delete(request.key);
        snapshots.delete(request.key);
        committed.delete(request.key);
        vectors.delete(request.key);
        unfinished.delete(request.key);
        clearShelf();
        return undefined;
      case 'attribute':
        return attribute(indexOf(request.job.snapshot), request.job);
      case 'retrieve':
        return retrieve(vectorsOf(request.job.snapshot), encoder(), request.job);
      case 'explain':
        return attributeTokens(inputOf(indexOf(request.job.snapshot), request.job)).spans;
      case 'continue':
        return continueText({ ...request.job, index: indexOf(request.job.snapshot) });
      case 'spans':
        return maximalSpans(indexOf(request.job.snapshot), request.job.output, request.job.minTokens);
      case 'provePhrase': {
        const index = commitmentOf(request.job.snapshot);
        const { bytes, statement } = provePhrase(index, request.job.phrase);
        return { root: index.root, proof: bytes, statement } satisfies PhraseProofResult;
      }
      case 'proveCredits': {
        const index = commitmentOf(request.job.snapshot);
        const { bytes, record, recordHash, spans } = proveCredits(index, request.job.inputs);
        return {
          root: index.root,
          proof: bytes,
          credits: { record, recordHash, spans },
        } satisfies CreditsProofResult;
      }
    }
  };

  return (request) => {
    try {
      return { id: request.id, kind: 'done', value: run(request) };
    } catch (error) {
      if (request.kind === 'add' || request.kind === 'build') {
        open.delete(request.key);
        unfinished.delete(request.key);
      }
      return { id: request.id, ...failure(error) };
    }
  };
}

function attribute(index: TokenIndex, job: AttributionJob): AttributionResult {
  const { credits: attribution } = creditTokens(inputOf(index, job));
  const record = attributionRecord(job.requestHash, job.output, attribution);
  return {
    attribution,
    record,
    recordBytes: encodeAttributionRecord(record),
    recordHash: attributionRecordHash(record) as Hex,
  };
}

function retrieve({ shard }: VectorIndex, { encode }: LoadedEncoder, job: RetrievalJob): RetrievalResult {
  const { params, commons, ineligible } = job;
  const attribution = attributeRetrieval([shard], encode(job.prompt), {
    params,
    commons: new Set(commons),
    ineligible: new Set(ineligible),
  });
  const record = retrievalRecord(job.requestHash, job.output, attribution);
  return {
    record,
    recordBytes: encodeRetrievalRecord(record),
    recordHash: retrievalRecordHash(record) as Hex,
    outputTokens: lex(job.output).length,
    citations: attribution.citations.map(({ record: { orderKey }, score, weight }) => ({
      orderKey,
      score,
      weight,
    })),
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function vectorInfo({ shard, records, contributions, found }: VectorIndex): SnapshotInfo {
  const searched = shard.records.length;
  return {
    records,
    duplicates: records - searched,
    unreadableRecords: 0,
    tokens: 0,
    types: 0,
    load: searched * shard.dimensions,
    segments: contributions,
    segmentsFound: found,
  };
}

function inputOf(index: TokenIndex, job: AttributionJob): TokenAttributionInput {
  return {
    index,
    commons: new Set(job.commons),
    ineligible: new Set(job.ineligible),
    output: job.output,
    prompt: job.prompt,
    params: job.params,
  };
}

function committedInfo({ root, sizes, unreadableRecords }: CommittedIndex, duplicates: number): SnapshotInfo {
  const { records, tokens, types } = sizes;
  return {
    records,
    duplicates,
    unreadableRecords,
    tokens,
    types,
    load: tokens,
    segments: 1,
    segmentsFound: 0,
    commitment: { root, sizes },
  };
}

function infoOf({ index, segments, found }: SnapshotIndex): SnapshotInfo {
  return {
    records: index.recordCount,
    duplicates: index.duplicates,
    unreadableRecords: index.unreadableRecords,
    tokens: index.totalTokens,
    load: index.totalTokens,
    types: index.types,
    segments: segments.length,
    segmentsFound: found,
  };
}

type Failure = WorkerResponse extends infer R ? (R extends { kind: 'done' } ? never : Omit<R, 'id'>) : never;

function failure(error: unknown): Failure {
  if (error instanceof InvalidUtf8)
    return { kind: 'refused', code: error.code, message: error.message, offset: error.offset };
  if (error instanceof AttributionError) return { kind: 'refused', code: error.code, message: error.message };
  if (error instanceof MissingArtifact) return { kind: 'missing', root: error.root };
  return { kind: 'fault', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
