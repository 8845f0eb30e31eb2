/** Operations of inferences. What they do and refuse is README.md beside this file. */
import { lex } from '../../../attribution/api.ts';
import { attributionUnitsOf, retrievalUnitsOf } from '../../../genesis/attribution-units.ts';
import type { ChainParams } from '../../../genesis/types.ts';
import {
  type AttributionJob,
  Fault,
  type Hex,
  type ModelEngine,
  type PinnedEntry,
  type StateView,
} from '../../types.ts';
import { utf8Bytes, utf8Text } from '../abi.ts';
import type { ModuleContext, ModuleRevert, TopLevelCall } from '../context.ts';
import { readApproval } from '../contribution/storage.ts';
import { readEntries } from '../datanet/storage.ts';
import * as GAS from '../gas.ts';
import { keccakHex } from '../hash.ts';
import type { MeteredContext } from '../meter.ts';
import { endRequest } from '../model/bond.ts';
import {
  isTrainedKind,
  openRequest,
  readModelBeneficiary,
  readModelBond,
  readModelOperator,
  readModelOwner,
  readModelPrice,
  readModelState,
  readPins,
  toSnapshotStruct,
} from '../model/storage.ts';
import { ENGINE } from '../model/types.ts';
import type { ModuleSpec } from '../module.ts';
import { readBeneficiary } from '../reward/storage.ts';
import { ZERO_HASH } from '../storage.ts';
import { inferenceInterface } from './abi.ts';
import { infer, inferenceUnits } from './infer.ts';
import { checkedPrompt } from './prompt.ts';
import { checkOutcome, pay, priceOf, reject } from './settlement.ts';
import {
  appendRequest,
  INFERENCE_ADDRESS,
  type RequestState,
  readAttributionRecord,
  readCitations,
  readInference,
  readOutput,
  readPinned,
  readRequestAt,
  readRequestCount,
  readRequestHash,
  readRequestState,
  requestIdOf,
  ruleOf,
  writeRequestState,
} from './storage.ts';
import { type PinnedRequest, REQUEST_STATUS } from './types.ts';

const { revert, encodeEvent } = inferenceInterface;

export const handlers: ModuleSpec<typeof inferenceInterface.spec>['handlers'] = {
  request(context, modelId, prompt, maxOutputTokens) {
    const { attribution, inference } = context.params;
    const model = readModelState(context, modelId);
    if (model === undefined) throw revert('UnknownModel', [modelId]);
    if (isTrainedKind(model.kind)) throw revert('TrainedModel', [modelId]);
    if (model.status === 'retired') throw revert('ModelRetired', [modelId]);
    const bond = readModelBond(context, modelId);
    if (bond < inference.minOperatorBond) throw revert('BondTooLow', [bond, inference.minOperatorBond]);
    const promptBytes = checkedPrompt(context, prompt);
    if (maxOutputTokens === 0n || maxOutputTokens > BigInt(attribution.maxOutputTokens))
      throw revert('OutputLimitOutOfRange', [maxOutputTokens, BigInt(attribution.maxOutputTokens)]);
    const { base: basePrice, token: pricePerToken } = readModelPrice(context, modelId);
    const required = basePrice + pricePerToken * maxOutputTokens;
    if (context.value < required) throw revert('EscrowTooLow', [context.value, required]);

    const pins = readPins(context, modelId, model.version);
    if (pins === undefined) throw new Fault(`pins of model ${modelId} are missing`);
    const sequence = readRequestCount(context) + 1;
    const id = requestIdOf(context.genesisHash, context.caller, sequence);
    const expiryBlock = context.block.number + inference.expiryBlocks;
    const operator = readModelOperator(context, modelId);
    const requestHash = appendRequest(context, id, {
      genesisHash: context.genesisHash,
      sequence,
      modelId: Number(modelId),
      modelVersion: model.version,
      engine: model.engine,
      asker: context.caller,
      operator,
      related: relatedTo(context, modelId, operator),
      ...ruleOf(model.engine, context.params),
      promptHash: keccakHex(promptBytes),
      maxOutputTokens: Number(maxOutputTokens),
      basePrice,
      pricePerToken,
      escrow: context.value,
      requestedAt: context.block.number,
      expiryBlock,
      snapshots: pins.snapshots,
      pinnedRecords: pins.records,
      prompt,
    });
    openRequest(context, modelId, model);
    context.emit(
      encodeEvent('Requested', [
        id,
        modelId,
        context.caller,
        operator,
        BigInt(sequence),
        requestHash,
        context.value,
        BigInt(expiryBlock),
      ]),
    );
    return [id];
  },

  async settle(context, id, output, attributionHash) {
    // C2: a contract in between could hide who answers, and one block could hold more work than its units say.
    if (!context.topLevel) throw revert('NotTopLevel', []);
    const found = known(context, id);
    const refusal = refusalOf(id, found, context.caller, context.block.number);
    if (refusal !== undefined) throw refusal;
    const { request } = found;
    const { maxOutputBytes } = context.params.attribution;
    const bytes = utf8Bytes(output);
    if (bytes.length === 0) throw revert('EmptyOutput', []);
    if (bytes.length > maxOutputBytes)
      throw revert('OutputTooLarge', [BigInt(bytes.length), BigInt(maxOutputBytes)]);

    // All of it is paid before any of it is done (E2).
    const prompt = utf8Bytes(request.prompt);
    const entries = request.snapshots.reduce((sum, pin) => sum + pin.length, 0);
    context.useGas(
      GAS.LEX_BYTE * BigInt(bytes.length) +
        GAS.ATTRIBUTION_UNIT * BigInt(unitsOf(bytes.length, prompt.length, request, context.params)) +
        GAS.PINNED_ENTRY * BigInt(entries),
    );
    const outputTokens = lex(bytes).length;
    if (outputTokens === 0) throw revert('EmptyOutput', []);
    if (outputTokens > request.maxOutputTokens)
      throw revert('OutputTooLong', [BigInt(outputTokens), BigInt(request.maxOutputTokens)]);

    const job = jobOf(context.unmetered, id, request, prompt, bytes);
    if (job === undefined) throw new Fault(`request ${id} of a trained model was to be settled`);
    const outcome = await context.ports.attribute(job);
    checkOutcome(outcome, outputTokens, mostPaid(request.engine, context.params));
    const answer = { id, request, output: bytes, outputTokens, outcome };
    const accepted = outcome.recordHash === attributionHash;
    if (accepted) {
      pay(context, answer, attributionHash);
      endRequest(context, BigInt(request.modelId));
    } else reject(context, answer, attributionHash);
    return [accepted];
  },

  infer,

  expire(context, id) {
    const { state, request } = known(context, id);
    if (state.status !== 'open') throw revert('AlreadySettled', [id]);
    const now = context.block.number;
    if (now <= request.expiryBlock) throw revert('NotExpired', [BigInt(request.expiryBlock), BigInt(now)]);
    writeRequestState(context, id, { status: 'expired', outputTokens: 0, closedAt: now, fee: 0n });
    if (request.escrow > 0n) context.transfer(INFERENCE_ADDRESS, request.asker, request.escrow);
    endRequest(context, BigInt(request.modelId));
    context.emit(encodeEvent('Expired', [id, request.escrow]));
    return [];
  },

  inference(context, id) {
    const found = readInference(context, id);
    if (found === undefined) throw revert('UnknownRequest', [id]);
    return [
      {
        id,
        sequence: BigInt(found.sequence),
        modelId: BigInt(found.modelId),
        modelVersion: BigInt(found.modelVersion),
        engine: BigInt(ENGINE[found.engine]),
        asker: found.asker,
        operator: found.operator,
        status: BigInt(REQUEST_STATUS[found.status]),
        basePrice: found.basePrice,
        pricePerToken: found.pricePerToken,
        maxOutputTokens: BigInt(found.maxOutputTokens),
        escrow: found.escrow,
        requestedAt: BigInt(found.requestedAt),
        expiryBlock: BigInt(found.expiryBlock),
        attributionVersion: BigInt(found.attributionVersion),
        paramsHash: found.paramsHash,
        promptHash: found.promptHash,
        requestHash: found.requestHash,
        attributionHash: found.attributionHash ?? ZERO_HASH,
        fee: found.fee,
        outputTokens: BigInt(found.outputTokens),
        closedAt: BigInt(found.closedAt),
        snapshots: found.snapshots.map(toSnapshotStruct),
      },
    ];
  },

  requestCount: (context) => [BigInt(readRequestCount(context))],

  requestAt(context, sequence) {
    const inRange = sequence >= 1n && sequence <= BigInt(readRequestCount(context));
    return [(inRange && readRequestAt(context, Number(sequence))) || ZERO_HASH];
  },

  prompt: (context, id) => [known(context, id).request.prompt],

  output(context, id) {
    known(context, id);
    return [utf8Text(readOutput(context, id) ?? new Uint8Array(0))];
  },

  attributionRecord(context, id) {
    known(context, id);
    return [readAttributionRecord(context, id) ?? new Uint8Array(0)];
  },

  citations(context, id) {
    const { request } = known(context, id);
    const record = request.engine === 'retrieval' ? readAttributionRecord(context, id) : undefined;
    const citations = record === undefined ? [] : readCitations(context, record);
    return [
      citations.map((citation) => ({
        ...citation,
        dataNetId: BigInt(citation.dataNetId),
        recordIndex: BigInt(citation.recordIndex),
        score: BigInt(citation.score),
      })),
    ];
  },

  maxPrice(context, modelId, maxOutputTokens) {
    if (readModelState(context, modelId) === undefined) throw revert('UnknownModel', [modelId]);
    const { base, token } = readModelPrice(context, modelId);
    return [priceOf({ basePrice: base, pricePerToken: token }, Number(maxOutputTokens))];
  },
};

function unitsOf(
  outputBytes: number,
  promptBytes: number,
  request: PinnedRequest,
  { attribution }: ChainParams,
): number {
  const { engine, maxOutputTokens, pinnedRecords } = request;
  return engine === 'retrieval'
    ? retrievalUnitsOf({ outputBytes, promptBytes, pinnedRecords })
    : attributionUnitsOf({ outputBytes, promptBytes, maxOutputTokens, lmax: attribution.lmax });
}

/** Contributors that one answer pays at most. */
function mostPaid(engine: ModelEngine, { attribution, retrieval }: ChainParams): number {
  return engine === 'retrieval' ? retrieval.maxCitations : attribution.maxContributors;
}

/**
 * Units that this transaction can use at most (B6): 0 unless `settle` or `infer` will get as far as the attribution. Whoever is
 * refused before that, or cannot pay for it, must not take the place of those who can: each unit of a block's budget
 * costs at least `GAS.ATTRIBUTION_UNIT`.
 */
export function attributionUnits(call: TopLevelCall, view: StateView): number {
  switch (inferenceInterface.functionOf(call.calldata)?.name) {
    case 'settle':
      return settlementUnits(call, view);
    case 'infer':
      return inferenceUnits(call, view);
    default:
      return 0;
  }
}

function settlementUnits(call: TopLevelCall, view: StateView): number {
  if (call.value !== 0n) return 0;
  const args = inferenceInterface.decodeCall(call.calldata)?.named;
  if (args === undefined) return 0;
  const id = args['requestId'] as Hex;
  const outputBytes = utf8Bytes(args['output'] as string).length;
  if (outputBytes === 0 || outputBytes > call.params.attribution.maxOutputBytes) return 0;
  const found = find(view, id);
  if (found === undefined || refusalOf(id, found, call.caller, call.blockNumber) !== undefined) return 0;
  const { request } = found;
  const units = unitsOf(outputBytes, utf8Bytes(request.prompt).length, request, call.params);
  return call.gasLimit < GAS.ATTRIBUTION_UNIT * BigInt(units) ? 0 : units;
}

/**
 * What the attribution of an answer depends on: the pinned record, the output, the prompt (C1). Also for previews:
 * the same job gives the same record whoever computes it. Undefined for answers of trained models, which nobody settles.
 */
export function jobOf(
  view: StateView,
  id: Hex,
  request: PinnedRequest,
  prompt: Uint8Array,
  output: Uint8Array,
): AttributionJob | undefined {
  const { engine } = request;
  if (engine === 'influence') return undefined;
  return {
    requestHash: readRequestHash(view, id),
    engine,
    version: request.attributionVersion,
    snapshots: request.snapshots,
    sequence: () => pinnedEntries(view, request),
    prompt,
    output,
    ineligible: request.related,
  };
}

/** The pinned entries; for retrieval with the clusters of their records as validators attested them. */
export function pinnedEntries(
  view: StateView,
  { snapshots, engine }: Pick<PinnedRequest, 'snapshots' | 'engine'>,
): PinnedEntry[] {
  const entries = snapshots.flatMap((pin) => readEntries(view, BigInt(pin.dataNetId), 0, pin.length));
  if (engine !== 'retrieval') return entries;
  return entries.map((entry) => {
    const approval = readApproval(view, entry.contributionId);
    if (approval === undefined) throw new Fault(`approval of ${entry.contributionId} is missing`);
    return { ...entry, founders: approval.founders };
  });
}

/** Ascending, each once: the list is part of a hash. */
function relatedTo(context: ModuleContext, modelId: bigint, operator: Hex): Hex[] {
  const own = [operator, readModelOwner(context, modelId), readModelBeneficiary(context, modelId)];
  const all = new Set(own.flatMap((address) => [address, readBeneficiary(context, address)]));
  return [...all].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

interface FoundRequest {
  state: RequestState;
  request: PinnedRequest;
}

function find(view: StateView, id: Hex): FoundRequest | undefined {
  const state = readRequestState(view, id);
  const request = state && readPinned(view, id);
  return state && request && { state, request };
}

function known(context: MeteredContext, id: Hex): FoundRequest {
  const found = find(context, id);
  if (found === undefined) throw revert('UnknownRequest', [id]);
  return found;
}

/** Why `caller` cannot answer the request in this block; undefined if it can. Otherwise nothing is touched (C2). */
function refusalOf(id: Hex, found: FoundRequest, caller: Hex, blockNumber: number): ModuleRevert | undefined {
  const { state, request } = found;
  if (request.engine === 'influence') return revert('TrainedModel', [BigInt(request.modelId)]);
  if (request.operator !== caller) return revert('NotOperator', [caller]);
  if (state.status === 'settled' || state.status === 'rejected') return revert('AlreadySettled', [id]);
  if (state.status === 'expired' || blockNumber > request.expiryBlock)
    return revert('RequestExpired', [BigInt(request.expiryBlock), BigInt(blockNumber)]);
  return undefined;
}
