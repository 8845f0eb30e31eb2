/** What follows from an answer: who is paid, or who is slashed (DESIGN: credit and payment). */
import { splitFee } from '../../../attribution/api.ts';
import { type AttributionOutcome, Fault, type Hex } from '../../types.ts';
import type { ModuleContext } from '../context.ts';
import { endRequest, slashBond } from '../model/bond.ts';
import { splitByLineage } from '../model/lineage.ts';
import {
  giveToStakers,
  MODEL_ADDRESS,
  readModelBeneficiary,
  readModelCard,
  readTotalStake,
} from '../model/storage.ts';
import { WHOLE } from '../model/types.ts';
import { accrue, REWARD_ADDRESS, readBeneficiary } from '../reward/storage.ts';
import { inferenceInterface } from './abi.ts';
import { INFERENCE_ADDRESS, writeAnswer, writeRequestState } from './storage.ts';
import { type PinnedRequest, SHARE, type Share } from './types.ts';

const { encodeEvent } = inferenceInterface;

/** One answered request on its way out. */
export interface Answer {
  id: Hex;
  request: PinnedRequest;
  output: Uint8Array;
  outputTokens: number;
  outcome: Attributed;
}

/** What both kinds of attribution give. */
type Attributed = Pick<AttributionOutcome, 'record' | 'recordHash' | 'credits' | 'uncovered'>;

/** Price of an answer in wei. */
export function priceOf(request: Pick<PinnedRequest, 'basePrice' | 'pricePerToken'>, tokens: number): bigint {
  return request.basePrice + request.pricePerToken * BigInt(tokens);
}

/**
 * The port answered something that no correct engine answers: never a receipt (B2).
 * @throws Fault
 */
export function checkOutcome(
  outcome: AttributionOutcome,
  outputTokens: number,
  maxContributors: number,
): void {
  checkCredits(outcome, maxContributors);
  if (outcome.outputTokens !== outputTokens)
    throw new Fault(`attribution counted ${outcome.outputTokens} tokens, the lexer ${outputTokens}`);
}

/** @throws Fault, likewise */
export function checkCredits({ credits, uncovered }: Attributed, maxContributors: number): void {
  const sum = credits.reduce((total, credit) => total + credit.parts, uncovered);
  if (sum !== WHOLE) throw new Fault(`credits and uncovered sum to ${sum}`);
  if (credits.length > maxContributors) throw new Fault(`${credits.length} contributors`);
}

/** Pays the fee out of the escrow to the wei and returns the rest to the asker. */
export function pay(context: ModuleContext, answer: Answer, attributionHash: Hex): void {
  const { id, request, output, outputTokens, outcome } = answer;
  const { inference: shares, treasury } = context.params;
  const modelId = BigInt(request.modelId);
  const fee = priceOf(request, outputTokens);

  writeAnswer(context, id, output, outcome.record);
  writeRequestState(context, id, { status: 'settled', outputTokens, closedAt: context.block.number, fee });
  context.emit(
    encodeEvent('Settled', [
      id,
      modelId,
      request.operator,
      attributionHash,
      fee,
      BigInt(outputTokens),
      BigInt(outcome.uncovered),
    ]),
  );

  const split = splitFee({
    fee,
    platformBps: shares.platformBps,
    modelBps: shares.modelBps,
    stakersBps: shares.stakersBps,
    dataBps: shares.dataBps,
    credits: outcome.credits.map(({ contributor, parts }) => ({ contributor, credit: parts })),
  });
  const paid = (share: Share, to: Hex, amount: bigint): void => {
    if (amount > 0n) context.emit(encodeEvent('Paid', [id, to, BigInt(SHARE[share]), amount]));
  };

  // What goes through the reward module: lineage at once, contributors vesting.
  let rewarded = 0n;
  const reward = (share: Share, to: Hex, amount: bigint): void => {
    if (amount === 0n) return;
    accrue(context, to, amount, share === 'contributor');
    rewarded += amount;
    paid(share, to, amount);
  };
  for (const part of splitByLineage(request.modelId, readModelCard(context, modelId).lineage, split.model))
    reward('model', readModelBeneficiary(context, BigInt(part.modelId)), part.amount);

  let uncovered = split.uncovered;
  const related = new Set(request.related);
  for (const { contributor, amount } of split.data) {
    const to = contributor as Hex;
    // C3: whoever sends the reward to somebody related earns as little as they do.
    if (related.has(to) || related.has(readBeneficiary(context, to))) uncovered += amount;
    else reward('contributor', to, amount);
  }

  let staked = split.stakers;
  if (staked > 0n && readTotalStake(context, modelId) === 0n) {
    // Nobody stands behind the model: their part is nobody's.
    uncovered += staked;
    staked = 0n;
  }
  if (staked > 0n) giveToStakers(context, modelId, staked);

  const move = (to: Hex, amount: bigint): void => {
    if (amount > 0n) context.transfer(INFERENCE_ADDRESS, to, amount);
  };
  move(REWARD_ADDRESS, rewarded);
  move(MODEL_ADDRESS, staked);
  move(treasury, split.platform + uncovered);
  move(request.asker, request.escrow - fee);
  paid('stakers', MODEL_ADDRESS, staked);
  paid('platform', treasury, split.platform);
  paid('uncovered', treasury, uncovered);
  paid('change', request.asker, request.escrow - fee);
}

/** A wrong attribution: the asker has the escrow back, the operator pays for it out of the bond. */
export function reject(context: ModuleContext, answer: Answer, posted: Hex): void {
  const { id, request, outputTokens, outcome } = answer;
  const modelId = BigInt(request.modelId);
  writeRequestState(context, id, {
    status: 'rejected',
    outputTokens,
    closedAt: context.block.number,
    fee: 0n,
  });
  slashBond(context, modelId, priceOf(request, outputTokens) * context.params.inference.slashFeeMultiple);
  if (request.escrow > 0n) context.transfer(INFERENCE_ADDRESS, request.asker, request.escrow);
  endRequest(context, modelId);
  context.emit(encodeEvent('SettlementRejected', [id, outcome.recordHash, posted]));
}
