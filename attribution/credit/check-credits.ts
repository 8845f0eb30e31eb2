import { compareAddresses } from '../token/credits.ts';
import { type Credit, WHOLE } from '../token/types.ts';

/** The part that the records of all engines share. */
export interface CreditList {
  readonly credits: readonly Credit[];
  readonly coverage: number;
  readonly uncovered: number;
}

/**
 * Credits have one spelling: by falling credit, then rising address, none empty, nobody twice, and they sum to the
 * coverage, which makes up the whole with what is uncovered.
 * @throws what `invalid` makes of the reason.
 */
export function checkCredits(
  { credits, coverage, uncovered }: CreditList,
  invalid: (reason: string) => Error,
): void {
  if (coverage + uncovered !== WHOLE) throw invalid('coverage and uncovered do not sum to 10^9');
  let sum = 0;
  credits.forEach((entry, i) => {
    if (!Number.isSafeInteger(entry.credit) || entry.credit < 1) throw invalid('an entry has no credit');
    sum += entry.credit;
    const before = credits[i - 1];
    if (before === undefined) return;
    const inOrder =
      before.credit > entry.credit ||
      (before.credit === entry.credit && compareAddresses(before.contributor, entry.contributor) < 0);
    if (!inOrder) throw invalid('its entries are not by falling credit and rising address');
  });
  if (new Set(credits.map((entry) => entry.contributor)).size !== credits.length)
    throw invalid('a contributor appears twice');
  if (sum !== coverage) throw invalid('its credits do not sum to its coverage');
}
