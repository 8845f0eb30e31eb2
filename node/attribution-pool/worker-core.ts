import {
  AttributionError,
  attributeTokens,
  attributionRecord,
  attributionRecordHash,
  buildTokenIndex,
  type CorpusRecord,
  continueText,
  createCorpus,
  encodeAttributionRecord,
  InvalidUtf8,
  maximalSpans,
  packOrderKey,
  type TokenIndex,
} from '../../attribution/api.ts';
import type { Hex } from '../../state/types.ts';
import { readArtifact } from '../artifacts/file.ts';
import { LIMITS } from './limits.ts';
import type {
  AttributionJob,
  AttributionResult,
  LeafSource,
  PinnedContribution,
  SnapshotInfo,
  WorkerRequest,
  WorkerResponse,
} from './types.ts';

/** An artifact that this node does not hold, or holds damaged. */
class MissingArtifact extends Error {
  readonly root: Hex;
  constructor(root: Hex) {
    super(`artifact ${root} is not here`);
    this.root = root;
  }
}

/** What a worker does with one request after another. Separate from the thread, so that tests can run it in theirs. */
export function createWorkerCore(): (request: WorkerRequest) => WorkerResponse {
  const open = new Map<string, { records: CorpusRecord[]; bytes: number }>();
  const indexes = new Map<string, TokenIndex>();

  const indexOf = (key: string): TokenIndex => {
    const index = indexes.get(key);
    if (index === undefined) throw new Error(`the worker has no index ${key}`);
    return index;
  };

  const run = (request: WorkerRequest): unknown => {
    switch (request.kind) {
      case 'open':
        open.set(request.key, { records: [], bytes: 0 });
        return undefined;
      case 'add': {
        const snapshot = open.get(request.key);
        if (snapshot === undefined) throw new Error(`snapshot ${request.key} is not open`);
        for (const contribution of request.contributions)
          for (const record of recordsOf(contribution)) {
            snapshot.bytes += record.bytes.length;
            if (snapshot.bytes > LIMITS.snapshotBytes)
              throw new AttributionError(
                'CorpusTooLarge',
                `The pinned snapshots hold more than ${LIMITS.snapshotBytes} bytes.`,
              );
            snapshot.records.push(record);
          }
        return undefined;
      }
      case 'build': {
        const snapshot = open.get(request.key);
        if (snapshot === undefined) throw new Error(`snapshot ${request.key} is not open`);
        open.delete(request.key);
        const index = buildTokenIndex(createCorpus(snapshot.records));
        indexes.set(request.key, index);
        return infoOf(index);
      }
      case 'drop':
        open.delete(request.key);
        indexes.delete(request.key);
        return undefined;
      case 'attribute':
        return attribute(indexOf(request.job.snapshot), request.job);
      case 'continue':
        return continueText({ ...request.job, index: indexOf(request.job.snapshot) });
      case 'spans':
        return maximalSpans(indexOf(request.job.snapshot), request.job.output, request.job.minTokens);
    }
  };

  return (request) => {
    try {
      return { id: request.id, kind: 'done', value: run(request) };
    } catch (error) {
      if (request.kind === 'add' || request.kind === 'build') open.delete(request.key);
      return { id: request.id, ...failure(error) };
    }
  };
}

function attribute(index: TokenIndex, job: AttributionJob): AttributionResult {
  const attribution = attributeTokens({
    index,
    commons: new Set(job.commons),
    ineligible: new Set(job.ineligible),
    output: job.output,
    prompt: job.prompt,
    params: job.params,
  });
  const record = attributionRecord(job.requestHash, job.output, attribution);
  return {
    attribution,
    record,
    recordBytes: encodeAttributionRecord(record),
    recordHash: attributionRecordHash(record) as Hex,
  };
}

function infoOf(index: TokenIndex): SnapshotInfo {
  return {
    records: index.recordCount,
    duplicates: index.duplicates,
    unreadableRecords: index.unreadableRecords,
    tokens: index.totalTokens,
    types: index.types,
  };
}

function* recordsOf(contribution: PinnedContribution): Generator<CorpusRecord> {
  const { accepted, commitSequence, contributor, dataNetId, contributionId } = contribution;
  const leaves = readLeaves(contribution.leaves);
  for (let recordIndex = 0; recordIndex < leaves.length; recordIndex++) {
    if (accepted !== null && ((accepted[recordIndex >> 3] ?? 0) & (1 << (recordIndex & 7))) === 0) continue;
    const orderKey = packOrderKey(commitSequence, recordIndex);
    yield { orderKey, contributor, dataNetId, contributionId, recordIndex, bytes: leaves[recordIndex]! };
  }
}

function readLeaves(source: LeafSource): readonly Uint8Array[] {
  if (source.kind === 'inline') return source.leaves;
  try {
    return readArtifact(source.dataDir, source.root);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'NOT_FOUND' || code === 'DAMAGED') throw new MissingArtifact(source.root);
    throw error;
  }
}

type Failure = WorkerResponse extends infer R ? (R extends { kind: 'done' } ? never : Omit<R, 'id'>) : never;

function failure(error: unknown): Failure {
  if (error instanceof InvalidUtf8)
    return { kind: 'refused', code: error.code, message: error.message, offset: error.offset };
  if (error instanceof AttributionError) return { kind: 'refused', code: error.code, message: error.message };
  if (error instanceof MissingArtifact) return { kind: 'missing', root: error.root };
  return { kind: 'fault', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
