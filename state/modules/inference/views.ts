/** What the RPC, the operator and the explorer read of inferences: pure functions of one state. */
import type { AttributionJob, Hex, StateView } from '../../types.ts';
import { utf8Bytes } from '../abi.ts';
import { MAX_PAGE } from '../limits.ts';
import { readModelPins, readModelPrice, readModelState } from '../model/storage.ts';
import { jobOf, pinnedEntries } from './apply.ts';
import { priceOf } from './settlement.ts';
import {
  readAttributionRecord,
  readInference,
  readOutput,
  readPinned,
  readRequestAt,
  readRequestCount,
  readRequestState,
} from './storage.ts';
import type { Inference, PinnedRequest, RequestStatus } from './types.ts';

export { readRequestHash as requestHash } from './storage.ts';
export type { AttributionFacts, Citation, Inference, PinnedRequest } from './types.ts';

export function inferenceCount(view: StateView): number {
  return readRequestCount(view);
}

/** Everything about one inference: pinned record, prompt, output, attribution. */
export function inference(view: StateView, id: Hex): Inference | undefined {
  return readInference(view, id);
}

export interface InferenceFilter {
  modelId?: number;
  asker?: Hex;
  operator?: Hex;
  status?: RequestStatus;
}

/**
 * Inferences by sequence number from `from` (1 is the first) that match, at most `limit` and MAX_PAGE of them; looks
 * at no more than ten pages. `next` is where to go on, undefined at the end.
 */
export function inferences(
  view: StateView,
  from: number,
  limit: number,
  filter: InferenceFilter = {},
): { items: Inference[]; next: number | undefined } {
  const count = readRequestCount(view);
  const wanted = Math.min(limit, MAX_PAGE);
  const first = Math.max(1, from);
  const end = Math.min(count + 1, first + 10 * MAX_PAGE);
  const items: Inference[] = [];
  let sequence = first;
  for (; sequence < end && items.length < wanted; sequence++) {
    const id = readRequestAt(view, sequence) as Hex;
    if (filter.status !== undefined && readRequestState(view, id)?.status !== filter.status) continue;
    const found = readInference(view, id) as Inference;
    if (filter.modelId !== undefined && found.modelId !== filter.modelId) continue;
    if (filter.asker !== undefined && found.asker !== filter.asker) continue;
    if (filter.operator !== undefined && found.operator !== filter.operator) continue;
    items.push(found);
  }
  return { items, next: sequence <= count ? sequence : undefined };
}

export function inferenceIdAt(view: StateView, sequence: number): Hex | undefined {
  return readRequestAt(view, sequence);
}

/** The pinned record alone, without answer and status. */
export function pinnedRequest(view: StateView, id: Hex): PinnedRequest | undefined {
  return readPinned(view, id);
}

export function requestStatus(view: StateView, id: Hex): RequestStatus | undefined {
  return readRequestState(view, id)?.status;
}

export function inferenceOutput(view: StateView, id: Hex): Uint8Array | undefined {
  return readOutput(view, id);
}

/** Canonical bytes of the attribution record; keccak of them is what the operator posted. */
export function attributionRecordBytes(view: StateView, id: Hex): Uint8Array | undefined {
  return readAttributionRecord(view, id);
}

/**
 * The attribution that a settlement with this output would need: for operators and previews. Undefined also for answers
 * of trained models, which nobody settles.
 */
export function attributionJob(view: StateView, id: Hex, output: Uint8Array): AttributionJob | undefined {
  const request = readPinned(view, id);
  return request && jobOf(view, id, request, utf8Bytes(request.prompt), output);
}

/** What the answers of a model's version rest on; undefined if there is none, or the chain trains it. */
export function pinnedIndex(
  view: StateView,
  modelId: number,
  version: number,
): Pick<AttributionJob, 'engine' | 'snapshots' | 'sequence'> | undefined {
  const engine = readModelState(view, BigInt(modelId))?.engine;
  const snapshots = readModelPins(view, BigInt(modelId), version);
  if (engine === undefined || engine === 'influence' || snapshots === undefined) return undefined;
  return { engine, snapshots, sequence: () => pinnedEntries(view, { engine, snapshots }) };
}

/** Wei that a request must put into escrow; undefined for an unknown model. */
export function maxPrice(view: StateView, modelId: number, maxOutputTokens: number): bigint | undefined {
  if (readModelState(view, BigInt(modelId)) === undefined) return undefined;
  const { base, token } = readModelPrice(view, BigInt(modelId));
  return priceOf({ basePrice: base, pricePerToken: token }, maxOutputTokens);
}
