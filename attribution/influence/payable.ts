import { apportion } from '../credit/apportion.ts';
import { AttributionError } from '../errors.ts';
import { WHOLE } from '../token/types.ts';
import { bitLength } from './arithmetic/integers.ts';
import { checkRange } from './check.ts';
import { MAX_PAID_CONTRIBUTORS } from './limits.ts';

/** What one contributor earns of a query, in parts of 10⁹. */
export interface InfluenceCredit {
  readonly group: number;
  readonly credit: number;
}

/**
 * The noise of a query: the 90th percentile, by nearest rank, of the absolute values of its negative scores; 0 if none
 * is negative. A score counts only by what it exceeds this.
 */
export function payableFloor(scores: readonly bigint[]): bigint {
  const sizes = scores.filter((score) => score < 0n).map((score) => -score);
  if (sizes.length === 0) return 0n;
  sizes.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sizes[Math.floor((9 * sizes.length + 9) / 10) - 1]!;
}

/**
 * Credits of a query: each sample's max(0, score − floor) is added up by group (the contributor that its cluster pays;
 * groups numbered in commit order), the `keep` largest groups stay (ties to the lower group), and their sums become
 * integers that add up to 10⁹. Largest credit first, ties to the lower group. No payable score gives no credit at all.
 * @throws AttributionError 'ShapeMismatch' if there is not one group a score, 'InvalidParameter' if `keep` is not from
 * 1 to MAX_PAID_CONTRIBUTORS or a group is not a non-negative integer.
 */
export function influenceCredits(
  scores: readonly bigint[],
  groups: ArrayLike<number>,
  keep: number,
): InfluenceCredit[] {
  checkRange('number of paid contributors', keep, 1, MAX_PAID_CONTRIBUTORS);
  if (scores.length !== groups.length)
    throw new AttributionError(
      'ShapeMismatch',
      `${scores.length} scores have ${groups.length} contributors; each needs one.`,
    );
  const floor = payableFloor(scores);
  const sums = new Map<number, bigint>();
  for (let i = 0; i < scores.length; i++) {
    const group = groups[i]!;
    checkRange('contributor', group, 0, Number.MAX_SAFE_INTEGER);
    const payable = scores[i]! - floor;
    if (payable > 0n) sums.set(group, (sums.get(group) ?? 0n) + payable);
  }
  const kept = [...sums].sort(([g, a], [h, b]) => (a > b ? -1 : a < b ? 1 : g - h)).slice(0, keep);
  if (kept.length === 0) return [];
  // Weights of at most 53 bits, as `apportion` takes them; the largest keeps at least 52.
  const shift = BigInt(Math.max(0, bitLength(kept[0]![1]) - 53));
  const shares = apportion(
    WHOLE,
    kept.map(([, sum]) => Number(sum >> shift)),
  );
  return kept
    .map(([group], i) => ({ group, credit: shares[i]! }))
    .filter(({ credit }) => credit > 0)
    .sort((a, b) => b.credit - a.credit || a.group - b.group);
}
