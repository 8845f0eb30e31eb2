import type { Frequencies } from '../index/token-index.ts';

/** Versions of the rule of token attribution that a chain can name (docs/attribution.md). */
export type TokenRuleVersion = 1 | 2 | 3;

/** The part of the best match's surprisal that a record's own match must have, for the record to own a position. */
export interface Bar {
  readonly numerator: number;
  readonly denominator: number;
}

/** What differs between versions. */
export interface TokenRule {
  readonly bar: Bar;
  readonly frequencies: Frequencies;
}

export const TOKEN_RULES: Readonly<Record<TokenRuleVersion, TokenRule>> = {
  1: { bar: { numerator: 3, denominator: 4 }, frequencies: 'all' },
  // Who lists common phrases early, the longer ones too, stays below a twentieth of all credit, and who extends a
  // victim's sentence below a hundredth of its words.
  2: { bar: { numerator: 4, denominator: 5 }, frequencies: 'all' },
  // Whoever copies with changed words moves the frequencies of all records, and by them other people's credits.
  3: { bar: { numerator: 4, denominator: 5 }, frequencies: 'oldest' },
};

/** Surprisals stay below 2⁴¹, so the products are exact. */
export function reachesBar(surprisal: number, best: number, { numerator, denominator }: Bar): boolean {
  return surprisal * denominator >= best * numerator;
}
