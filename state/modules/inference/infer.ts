/** A question to a model that the chain trained: asked, answered and paid in one transaction. */
import { lex } from '../../../attribution/api.ts';
import { Fault, type Hex, type InferenceJob, type InferenceOutcome, type StateView } from '../../types.ts';
import { utf8Bytes, utf8Text } from '../abi.ts';
import type { TopLevelCall } from '../context.ts';
import * as GAS from '../gas.ts';
import { keccakHex } from '../hash.ts';
import type { MeteredContext } from '../meter.ts';
import {
  isTrainedKind,
  type ModelState,
  readModelPrice,
  readModelState,
  readPins,
} from '../model/storage.ts';
import { answerUnits, entriesOf, readTrained, trainedOn } from '../model/training.ts';
import { readTrainingOpening } from '../model/training-storage.ts';
import { ZERO_ADDRESS } from '../storage.ts';
import { inferenceInterface } from './abi.ts';
import { checkedPrompt } from './prompt.ts';
import { checkCredits, pay } from './settlement.ts';
import { appendRequest, readRequestCount, requestIdOf, ruleOf } from './storage.ts';
import type { PinnedRequest } from './types.ts';

const { revert, encodeEvent } = inferenceInterface;

export async function infer(
  context: MeteredContext,
  modelId: bigint,
  prompt: string,
): Promise<[Hex, string]> {
  // C2, as for a settlement.
  if (!context.topLevel) throw revert('NotTopLevel', []);
  const state = answering(context, modelId);
  const promptBytes = checkedPrompt(context, prompt);
  const { base: price } = readModelPrice(context, modelId);
  if (context.value < price) throw revert('EscrowTooLow', [context.value, price]);
  const units = unitsOf(context, modelId, state.version, promptBytes.length);
  context.useGas(GAS.ATTRIBUTION_UNIT * BigInt(units));

  const { id, request, requestHash } = pin(context, modelId, state, { prompt, promptBytes, price });
  const job = { ...jobOf(context.unmetered, request, promptBytes), requestHash };
  const outcome = await context.ports.infer(job);
  if (outcome.kind === 'refused') throw revert('PromptRefused', []);
  checkAnswer(outcome, context.params.attribution.maxContributors);
  const outputTokens = lex(outcome.output).length;
  pay(context, { id, request, output: outcome.output, outputTokens, outcome }, outcome.recordHash);
  return [id, utf8Text(outcome.output)];
}

/** The version that answers. @throws ModuleRevert if there is none */
function answering(context: MeteredContext, modelId: bigint): ModelState {
  const state = readModelState(context, modelId);
  if (state === undefined) throw revert('UnknownModel', [modelId]);
  if (!isTrainedKind(state.kind)) throw revert('NotTrained', [modelId]);
  switch (state.status) {
    case 'active':
      return state;
    case 'retired':
      throw revert('ModelRetired', [modelId]);
    case 'training':
      throw revert('InTraining', [modelId]);
    case 'refused':
      throw revert('ModelRefused', [modelId]);
  }
}

/** The pinned record, as `request` writes it (C1). Nobody is related: who owns the model does not choose its answers. */
function pin(
  context: MeteredContext,
  modelId: bigint,
  { version }: ModelState,
  asked: { prompt: string; promptBytes: Uint8Array; price: bigint },
): { id: Hex; request: PinnedRequest; requestHash: Hex } {
  const { caller, value, genesisHash } = context;
  const { prompt, promptBytes, price } = asked;
  const pins = readPins(context, modelId, version);
  if (pins === undefined) throw new Fault(`pins of model ${modelId} are missing`);
  const sequence = readRequestCount(context) + 1;
  const id = requestIdOf(genesisHash, caller, sequence);
  const now = context.block.number;
  const request: PinnedRequest = {
    genesisHash,
    sequence,
    modelId: Number(modelId),
    modelVersion: version,
    engine: 'influence',
    asker: caller,
    operator: ZERO_ADDRESS,
    related: [],
    ...ruleOf('influence', context.params),
    promptHash: keccakHex(promptBytes),
    maxOutputTokens: 0,
    basePrice: price,
    pricePerToken: 0n,
    escrow: value,
    requestedAt: now,
    expiryBlock: now,
    snapshots: pins.snapshots,
    pinnedRecords: pins.records,
    prompt,
  };
  const requestHash = appendRequest(context, id, request);
  const at = [BigInt(sequence), requestHash, value, BigInt(now)] as const;
  context.emit(encodeEvent('Requested', [id, modelId, caller, ZERO_ADDRESS, ...at]));
  return { id, request, requestHash };
}

/** What the answer depends on beside the hash of the pinned record, which is part of the attribution record. */
function jobOf(
  view: StateView,
  { modelId, modelVersion, related }: PinnedRequest,
  prompt: Uint8Array,
): Omit<InferenceJob, 'requestHash'> {
  const { base } = readTrainingOpening(view, BigInt(modelId), modelVersion);
  return {
    ...trainedVersion(view, modelId, modelVersion),
    base: base && trainedVersion(view, base.modelId, base.version),
    prompt,
    ineligible: related,
  };
}

function trainedVersion(view: StateView, modelId: number, version: number) {
  const { modelHash, metricHash } = readTrained(view, BigInt(modelId), version);
  const { spec, snapshots } = trainedOn(view, BigInt(modelId), version);
  return {
    modelId,
    version,
    modelHash: modelHash as Hex,
    metricHash: metricHash as Hex,
    spec,
    snapshots,
    sequence: () => entriesOf(view, snapshots),
  };
}

/** The port answered something that no correct engine answers: never a receipt (B2). @throws Fault */
function checkAnswer(
  outcome: Extract<InferenceOutcome, { kind: 'answered' }>,
  maxContributors: number,
): void {
  checkCredits(outcome, maxContributors);
  if (outcome.output.length === 0) throw new Fault('an empty answer');
  if (keccakHex(outcome.record) !== outcome.recordHash)
    throw new Fault(`the attribution record is not that of ${outcome.recordHash}`);
}

/** Attribution units of one answer, from what validators attested of the version and from the prompt's size. */
function unitsOf(view: StateView, modelId: bigint, version: number, promptBytes: number): number {
  return answerUnits(view, modelId, readTrained(view, modelId, version), promptBytes);
}

/** Units that this call can use at most; 0 if it will be refused before the port is asked (B6). */
export function inferenceUnits(call: TopLevelCall, view: StateView): number {
  const args = inferenceInterface.decodeCall(call.calldata)?.named;
  if (args === undefined) return 0;
  const modelId = args['modelId'] as bigint;
  const promptBytes = utf8Bytes(args['prompt'] as string).length;
  if (promptBytes === 0 || promptBytes > call.params.attribution.maxPromptBytes) return 0;
  const state = readModelState(view, modelId);
  if (state === undefined || !isTrainedKind(state.kind) || state.status !== 'active') return 0;
  if (call.value < readModelPrice(view, modelId).base) return 0;
  const units = unitsOf(view, modelId, state.version, promptBytes);
  return call.gasLimit < GAS.ATTRIBUTION_UNIT * BigInt(units) ? 0 : units;
}
