import type { ContributorAddress } from '../corpus/corpus.ts';
import { apportion } from '../credit/apportion.ts';
import { cutTogether } from '../credit/cut-together.ts';
import { compareAddresses } from '../token/credits.ts';
import { type Credit, WHOLE } from '../token/types.ts';
import { PERMILLE } from './limits.ts';
import type { Citation, RetrievalRules } from './types.ts';

/**
 * Credits of the cited records. In this order: records of the commons and of ineligible contributors drop out; each
 * record is capped; records of one contributor are summed; each contributor is capped; what they have together is
 * capped, each cut in proportion. All that is cut off is uncovered and passes to nobody else. Then weights become parts of 10⁹ by largest remainder, the uncovered weight as
 * one more entry; ties by the contributor's earliest cited record, uncovered last.
 */
export function citationCredits(
  citations: readonly Citation[],
  rules: RetrievalRules,
): { totalWeight: number; credits: Credit[]; uncovered: number } {
  const { params, commons, ineligible } = rules;
  const totalWeight = citations.reduce((sum, { weight }) => sum + weight, 0);
  const recordCap = Math.floor((totalWeight * params.recordCapPermille) / PERMILLE);
  const contributorCap = Math.floor((totalWeight * params.contributorCapPermille) / PERMILLE);
  // A Map keeps the order in which its keys came: contributors by their earliest cited record.
  const sums = new Map<ContributorAddress, number>();
  for (const { record, weight } of [...citations].sort((a, b) => a.record.orderKey - b.record.orderKey)) {
    if (commons.has(record.dataNetId) || ineligible.has(record.contributor)) continue;
    sums.set(record.contributor, (sums.get(record.contributor) ?? 0) + Math.min(weight, recordCap));
  }
  const weights = cutTogether(
    [...sums.values()].map((weight) => Math.min(weight, contributorCap)),
    Math.floor((totalWeight * params.coverageCapPermille) / PERMILLE),
  );
  const covered = weights.reduce((sum, weight) => sum + weight, 0);
  if (covered === 0) return { totalWeight, credits: [], uncovered: WHOLE };
  const parts = apportion(WHOLE, [...weights, totalWeight - covered]);
  const credits = [...sums.keys()]
    .map((contributor, i) => ({ contributor, credit: parts[i]! }))
    .filter(({ credit }) => credit > 0)
    .sort((a, b) => b.credit - a.credit || compareAddresses(a.contributor, b.contributor));
  return { totalWeight, credits, uncovered: parts[weights.length]! };
}
