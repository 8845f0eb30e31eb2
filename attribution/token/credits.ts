import type { ContributorAddress, RecordInfo } from '../corpus/corpus.ts';
import { apportion } from '../credit/apportion.ts';
import { cutTogether } from '../credit/cut-together.ts';
import { type Credit, type TokenAttributionParams, WHOLE } from './types.ts';

export interface CreditRules {
  readonly params: TokenAttributionParams;
  readonly commons: ReadonlySet<number>;
  readonly ineligible: ReadonlySet<ContributorAddress>;
}

/** Whether a record that owns a position is paid for it. One that is not keeps the position: it stays uncovered. */
export function earns(record: RecordInfo, rules: CreditRules): boolean {
  return !rules.commons.has(record.dataNetId) && !rules.ineligible.has(record.contributor);
}

/**
 * Credits from the weight that each record owns. In this order: records that earn nothing drop out; each record is
 * capped; records of one contributor are summed; each contributor is capped; the `maxContributors` largest stay; what
 * they have together is capped, each cut in proportion. All that is cut off is uncovered and never passes to somebody
 * else. Then the weights become parts of 10⁹ by largest remainder, with the uncovered weight as one more entry, ties by
 * the contributor's earliest owning record, uncovered last; so credits and uncovered sum to 10⁹.
 * @param owned records in order-key order with the weight that each owns.
 */
export function creditsOf(
  owned: readonly (readonly [RecordInfo, number])[],
  totalWeight: number,
  rules: CreditRules,
): { credits: Credit[]; uncovered: number } {
  const { params } = rules;
  const recordCap = permille(totalWeight, params.recordCapPermille);
  const contributorCap = permille(totalWeight, params.contributorCapPermille);
  // A Map keeps the order in which its keys came: contributors by their earliest owning record.
  const weights = new Map<ContributorAddress, number>();
  for (const [record, weight] of owned) {
    if (!earns(record, rules)) continue;
    weights.set(record.contributor, (weights.get(record.contributor) ?? 0) + Math.min(weight, recordCap));
  }
  const largest = [...weights]
    .map(([contributor, weight], rank) => ({ contributor, weight: Math.min(weight, contributorCap), rank }))
    .sort((a, b) => b.weight - a.weight || a.rank - b.rank)
    .slice(0, params.maxContributors)
    .sort((a, b) => a.rank - b.rank);
  const coverageCap = permille(totalWeight, params.coverageCapPermille);
  const kept = cutTogether(
    largest.map((entry) => entry.weight),
    coverageCap,
  );
  const covered = kept.reduce((sum, weight) => sum + weight, 0);
  if (covered === 0) return { credits: [], uncovered: WHOLE };
  const parts = apportion(WHOLE, [...kept, totalWeight - covered]);
  const credits = largest
    .map(({ contributor }, i) => ({ contributor, credit: parts[i]! }))
    .filter((entry) => entry.credit > 0)
    .sort((a, b) => b.credit - a.credit || compareAddresses(a.contributor, b.contributor));
  return { credits, uncovered: parts[largest.length]! };
}

/** ⌊weight · permille / 1000⌋; weights stay below 2⁴¹, so the product is exact. */
function permille(weight: number, part: number): number {
  return Math.floor((weight * part) / 1000);
}

/** Order of lower-case hex addresses, which is the order of their bytes. */
export function compareAddresses(a: ContributorAddress, b: ContributorAddress): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
