import type { ContributorAddress } from '../corpus/corpus.ts';
import { apportion } from '../credit/apportion.ts';
import { payableFloor } from '../influence/api.ts';
import { bitLength } from '../influence/arithmetic/integers.ts';
import { checkRange } from '../influence/check.ts';
import { MAX_PAID_CONTRIBUTORS } from '../influence/limits.ts';
import { compareAddresses } from '../token/credits.ts';
import { type Credit, type TokenAttributionParams, WHOLE } from '../token/types.ts';
import type { Payees } from './types.ts';

/** Who may earn how much of one answer. The parameters are those of token attribution. */
export interface AnswerRules {
  readonly params: Pick<
    TokenAttributionParams,
    'contributorCapPermille' | 'coverageCapPermille' | 'maxContributors'
  >;
  /** DataNets whose records credit nobody. */
  readonly commons: ReadonlySet<number>;
  /** Contributors who may earn nothing from this answer. */
  readonly ineligible: ReadonlySet<ContributorAddress>;
}

const PERMILLE = 1000n;
/** Bits of the total that weights are cut to, so that they are exact as numbers. */
const WEIGHT_BITS = 53;

/**
 * Credits of an answer from the scores of its model's samples. A sample's weight is what its score exceeds the floor of
 * docs/influence.md, section 5; it counts for the payee of its cluster. In this order: those of the commons and the
 * ineligible drop out; weights of one contributor are added up; each is capped by its part of the weight of all samples;
 * the `maxContributors` largest stay (at most MAX_PAID_CONTRIBUTORS, ties to the earlier payee); what
 * they have together is capped, each cut in proportion. All that is cut off is uncovered and passes to nobody else. Then
 * weights become parts of 10⁹ by largest remainder, the uncovered weight as one
 * more entry, ties to the earlier payee, uncovered last.
 */
export function answerCredits(
  scores: readonly bigint[],
  { list, ofSample }: Payees,
  rules: AnswerRules,
): { credits: Credit[]; uncovered: number } {
  const { params, commons, ineligible } = rules;
  checkRange('number of paid contributors', params.maxContributors, 1, Number.MAX_SAFE_INTEGER);
  checkRange('cap of a contributor in thousandths', params.contributorCapPermille, 1, Number(PERMILLE));
  checkRange('cap of all contributors in thousandths', params.coverageCapPermille, 1, Number(PERMILLE));
  const floor = payableFloor(scores);
  let total = 0n;
  // A Map keeps the order in which its keys came: contributors by their earliest payee.
  const sums = new Map(list.map(({ contributor }) => [contributor, 0n]));
  scores.forEach((score, i) => {
    if (score <= floor) return;
    total += score - floor;
    const { contributor, dataNetId } = list[ofSample[i]!]!;
    if (commons.has(dataNetId) || ineligible.has(contributor)) return;
    sums.set(contributor, sums.get(contributor)! + score - floor);
  });
  // In thousandths, so that the cap is a whole number.
  const cap = total * BigInt(params.contributorCapPermille);
  const whole = total * PERMILLE;
  const largest = [...sums]
    .map(([contributor, sum], rank) => ({ contributor, weight: smaller(sum * PERMILLE, cap), rank }))
    .filter(({ weight }) => weight > 0n)
    .sort((a, b) => (a.weight > b.weight ? -1 : a.weight < b.weight ? 1 : a.rank - b.rank))
    .slice(0, Math.min(params.maxContributors, MAX_PAID_CONTRIBUTORS))
    .sort((a, b) => a.rank - b.rank);
  if (largest.length === 0) return { credits: [], uncovered: WHOLE };
  const shift = BigInt(Math.max(0, bitLength(whole) - WEIGHT_BITS));
  const kept = cutTogether(
    largest.map(({ weight }) => weight),
    total * BigInt(params.coverageCapPermille),
  );
  const weights = [...kept, whole - kept.reduce((sum, weight) => sum + weight, 0n)];
  const parts = apportion(
    WHOLE,
    weights.map((weight) => Number(weight >> shift)),
  );
  const credits = largest
    .map(({ contributor }, i) => ({ contributor, credit: parts[i]! }))
    .filter(({ credit }) => credit > 0)
    .sort((a, b) => b.credit - a.credit || compareAddresses(a.contributor, b.contributor));
  return { credits, uncovered: parts[largest.length]! };
}

/** Weights that sum to at most `cap`: if they are more, each becomes ⌊weight · cap / sum⌋. */
function cutTogether(weights: readonly bigint[], cap: bigint): readonly bigint[] {
  const sum = weights.reduce((total, weight) => total + weight, 0n);
  return sum <= cap ? weights : weights.map((weight) => (weight * cap) / sum);
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
