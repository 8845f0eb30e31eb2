/**
 * Layout. Account 0x4f4c…53 holds escrows: `inference.count`; per sequence `inference.at`; per id `inference.state`
 * (status u8, outputTokens u32, closedAt u64, fee u128). Record account 0x4f4c…0153: per id `inference.request` (the
 * pinned record), `inference.output` (the answer's bytes), `inference.attribution` (the attribution record's bytes).
 */
import { decodeAttributionRecord, RECORDS_PER_COMMIT } from '../../../attribution/api.ts';
import { decodeRetrievalRecord } from '../../../attribution/retrieval/api.ts';
import { decodeInfluenceRecord } from '../../../attribution/trained/api.ts';
import type { AttributionParams, ChainParams, RetrievalParams } from '../../../genesis/types.ts';
import { Fault, type Hex, type ModelEngine, type StateView } from '../../types.ts';
import { concatBytes, defineStruct, fromHex, utf8Bytes, utf8Text } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import { readCommit, readContributionAt } from '../contribution/storage.ts';
import { keccakHex } from '../hash.ts';
import { engineNamed, fromSnapshotStruct, toSnapshotStruct } from '../model/storage.ts';
import { ENGINE } from '../model/types.ts';
import {
  readHash,
  readNumber,
  readPacked,
  readRecord,
  recordHash,
  slotOf,
  word,
  writeHash,
  writePacked,
  writeRecord,
  writeUint,
} from '../storage.ts';
import {
  type AttributionFacts,
  type Citation,
  INFLUENCE_VERSION,
  type Inference,
  type PinnedRequest,
  REQUEST_STATUS,
  type RequestStatus,
} from './types.ts';

export const INFERENCE_ADDRESS = moduleAddress(TYPE.inference);
export const INFERENCE_RECORDS = recordAddress(TYPE.inference);

const COUNT = slotOf('inference.count');
const atSlot = (sequence: number) => slotOf('inference.at', sequence);
const stateSlot = (id: Hex) => slotOf('inference.state', id);
const requestSlot = (id: Hex) => slotOf('inference.request', id);
const outputSlot = (id: Hex) => slotOf('inference.output', id);
const attributionSlot = (id: Hex) => slotOf('inference.attribution', id);

const STATE = [
  ['status', 1],
  ['outputTokens', 4],
  ['closedAt', 8],
  ['fee', 16],
] as const;

const pinned = defineStruct(
  'bytes32 genesisHash, uint256 sequence, uint256 modelId, uint256 modelVersion, uint8 engine, address asker, address operator, address[] related, uint256 attributionVersion, bytes32 paramsHash, bytes32 promptHash, uint256 maxOutputTokens, uint256 basePrice, uint256 pricePerToken, uint256 escrow, uint256 requestedAt, uint256 expiryBlock, Snapshot[] snapshots, uint256 pinnedRecords, string prompt',
  { Snapshot: 'uint256 dataNetId, uint256 length, bytes32 historyHash' },
);

const attributionParams = defineStruct(
  'uint256 version, uint256 lmin, uint256 lmax, uint256 sminQ16, uint256 wmaxQ16, uint256 maxOutputTokens, uint256 maxOutputBytes, uint256 maxPromptBytes, uint256 recordCapPermille, uint256 contributorCapPermille, uint256 coverageCapPermille, uint256 maxContributors, uint256[] commons',
);

const retrievalParams = defineStruct(
  'uint256 version, bytes32 encoderHash, uint256 maxRecords, uint256 maxCitations, uint256 thresholdPermille, uint256 recordCapPermille, uint256 contributorCapPermille, uint256 coverageCapPermille, uint256[] commons',
);

export interface RequestState {
  status: RequestStatus;
  outputTokens: number;
  closedAt: number;
  fee: bigint;
}

const statusOf = new Map<bigint, RequestStatus>(
  Object.entries(REQUEST_STATUS).map(([name, value]) => [BigInt(value), name as RequestStatus]),
);

/** keccak(domain || genesis hash || asker || sequence): unique over all chains. */
export function requestIdOf(genesisHash: Hex, asker: Hex, sequence: number): Hex {
  return keccakHex(
    concatBytes(utf8Bytes('OL/request/v1'), fromHex(genesisHash), fromHex(asker), word(sequence)),
  );
}

/** Version of the rule by which an engine attributes, and the hash of all parameters that it depends on. */
export function ruleOf(
  engine: ModelEngine,
  { attribution, retrieval }: Pick<ChainParams, 'attribution' | 'retrieval'>,
): { attributionVersion: number; paramsHash: Hex } {
  switch (engine) {
    case 'token':
      return { attributionVersion: attribution.version, paramsHash: paramsHashOf(attribution) };
    case 'retrieval':
      return {
        attributionVersion: retrieval.version,
        paramsHash: retrievalParamsHashOf(retrieval, attribution),
      };
    case 'influence':
      // Caps and commons are those of token attribution.
      return { attributionVersion: INFLUENCE_VERSION, paramsHash: paramsHashOf(attribution) };
  }
}

/** keccak of abi.encode of the retrieval parameters, in the order of genesis, and the commons. */
export function retrievalParamsHashOf(
  params: RetrievalParams,
  { commons }: Pick<AttributionParams, 'commons'>,
): Hex {
  return keccakHex(
    retrievalParams.encode({
      version: BigInt(params.version),
      encoderHash: params.encoderHash,
      maxRecords: BigInt(params.maxRecords),
      maxCitations: BigInt(params.maxCitations),
      thresholdPermille: BigInt(params.thresholdPermille),
      recordCapPermille: BigInt(params.recordCapPermille),
      contributorCapPermille: BigInt(params.contributorCapPermille),
      coverageCapPermille: BigInt(params.coverageCapPermille),
      commons: commons.map(BigInt),
    }),
  );
}

/** keccak of abi.encode of the token attribution parameters, in the order of genesis. */
export function paramsHashOf(params: AttributionParams): Hex {
  return keccakHex(
    attributionParams.encode({
      version: BigInt(params.version),
      lmin: BigInt(params.lmin),
      lmax: BigInt(params.lmax),
      sminQ16: BigInt(params.sminQ16),
      wmaxQ16: BigInt(params.wmaxQ16),
      maxOutputTokens: BigInt(params.maxOutputTokens),
      maxOutputBytes: BigInt(params.maxOutputBytes),
      maxPromptBytes: BigInt(params.maxPromptBytes),
      recordCapPermille: BigInt(params.recordCapPermille),
      contributorCapPermille: BigInt(params.contributorCapPermille),
      coverageCapPermille: BigInt(params.coverageCapPermille),
      maxContributors: BigInt(params.maxContributors),
      commons: params.commons.map(BigInt),
    }),
  );
}

export function readRequestCount(view: StateView): number {
  return readNumber(view, INFERENCE_ADDRESS, COUNT);
}

export function readRequestAt(view: StateView, sequence: number): Hex | undefined {
  if (sequence < 1 || sequence > readRequestCount(view)) return undefined;
  return readHash(view, INFERENCE_ADDRESS, atSlot(sequence));
}

export function readRequestState(view: StateView, id: Hex): RequestState | undefined {
  const packed = readPacked(view, INFERENCE_ADDRESS, stateSlot(id), STATE);
  const status = statusOf.get(packed.status);
  if (status === undefined) return undefined;
  return {
    status,
    outputTokens: Number(packed.outputTokens),
    closedAt: Number(packed.closedAt),
    fee: packed.fee,
  };
}

export function writeRequestState(context: ModuleContext, id: Hex, state: RequestState): void {
  writePacked(context, INFERENCE_ADDRESS, stateSlot(id), STATE, {
    status: BigInt(REQUEST_STATUS[state.status]),
    outputTokens: BigInt(state.outputTokens),
    closedAt: BigInt(state.closedAt),
    fee: state.fee,
  });
}

export function readPinned(view: StateView, id: Hex): PinnedRequest | undefined {
  const payload = readRecord(view, INFERENCE_RECORDS, requestSlot(id));
  if (payload === undefined) return undefined;
  const value = pinned.decode(payload);
  return {
    ...value,
    sequence: Number(value.sequence),
    modelId: Number(value.modelId),
    modelVersion: Number(value.modelVersion),
    engine: pinnedEngine(value.engine),
    related: [...value.related],
    attributionVersion: Number(value.attributionVersion),
    maxOutputTokens: Number(value.maxOutputTokens),
    requestedAt: Number(value.requestedAt),
    expiryBlock: Number(value.expiryBlock),
    snapshots: value.snapshots.map(fromSnapshotStruct),
    pinnedRecords: Number(value.pinnedRecords),
  };
}

function pinnedEngine(number: bigint): ModelEngine {
  const engine = engineNamed(number);
  if (engine === undefined) throw new Fault(`a request pins engine ${number}`);
  return engine;
}

/** Stores the pinned record and returns its hash. */
export function appendRequest(context: ModuleContext, id: Hex, request: PinnedRequest): Hex {
  writeUint(context, INFERENCE_ADDRESS, COUNT, request.sequence);
  writeHash(context, INFERENCE_ADDRESS, atSlot(request.sequence), id);
  writeRequestState(context, id, { status: 'open', outputTokens: 0, closedAt: 0, fee: 0n });
  return writeRecord(
    context,
    INFERENCE_RECORDS,
    requestSlot(id),
    pinned.encode({
      ...request,
      sequence: BigInt(request.sequence),
      modelId: BigInt(request.modelId),
      modelVersion: BigInt(request.modelVersion),
      engine: BigInt(ENGINE[request.engine]),
      attributionVersion: BigInt(request.attributionVersion),
      maxOutputTokens: BigInt(request.maxOutputTokens),
      requestedAt: BigInt(request.requestedAt),
      expiryBlock: BigInt(request.expiryBlock),
      snapshots: request.snapshots.map(toSnapshotStruct),
      pinnedRecords: BigInt(request.pinnedRecords),
    }),
  );
}

/** keccak of the pinned record's body: `requestHash` of the attribution record. */
export function readRequestHash(view: StateView, id: Hex): Hex {
  return recordHash(view, INFERENCE_RECORDS, requestSlot(id));
}

export function readOutput(view: StateView, id: Hex): Uint8Array | undefined {
  return readRecord(view, INFERENCE_RECORDS, outputSlot(id));
}

export function readAttributionRecord(view: StateView, id: Hex): Uint8Array | undefined {
  return readRecord(view, INFERENCE_RECORDS, attributionSlot(id));
}

export function writeAnswer(context: ModuleContext, id: Hex, output: Uint8Array, record: Uint8Array): void {
  writeRecord(context, INFERENCE_RECORDS, outputSlot(id), output);
  writeRecord(context, INFERENCE_RECORDS, attributionSlot(id), record);
}

/** The whole inference, for people. */
export function readInference(view: StateView, id: Hex): Inference | undefined {
  const state = readRequestState(view, id);
  if (state === undefined) return undefined;
  const request = readPinned(view, id);
  if (request === undefined) throw new Fault(`request ${id} is missing`);
  const output = readOutput(view, id);
  const record = readAttributionRecord(view, id);
  return {
    id,
    ...request,
    ...state,
    requestHash: readRequestHash(view, id),
    output: output && utf8Text(output),
    attributionHash: record && keccakHex(record),
    attribution: record && factsOf(view, request.engine, record),
  };
}

function decodeRecord(engine: ModelEngine, bytes: Uint8Array) {
  switch (engine) {
    case 'token':
      return decodeAttributionRecord(bytes);
    case 'retrieval':
      return decodeRetrievalRecord(bytes);
    case 'influence':
      return decodeInfluenceRecord(bytes);
  }
}

function factsOf(view: StateView, engine: ModelEngine, bytes: Uint8Array): AttributionFacts {
  const record = decodeRecord(engine, bytes);
  return {
    coverage: record.coverage,
    uncovered: record.uncovered,
    credits: record.credits.map((entry) => ({ contributor: entry.contributor as Hex, parts: entry.credit })),
    citations: engine === 'retrieval' ? readCitations(view, bytes) : [],
    record: bytes,
  };
}

/** The citations of a retrieval record, with the contributions that their order keys name. */
export function readCitations(view: StateView, record: Uint8Array): Citation[] {
  return decodeRetrievalRecord(record).citations.map(({ orderKey, score }) => {
    const contributionId = readContributionAt(view, Math.floor(orderKey / RECORDS_PER_COMMIT));
    if (contributionId === undefined) throw new Fault(`record ${orderKey} is cited and was never committed`);
    const { dataNetId, contributor } = readCommit(view, contributionId);
    return {
      contributionId,
      dataNetId: Number(dataNetId),
      contributor,
      recordIndex: orderKey % RECORDS_PER_COMMIT,
      score,
    };
  });
}
