/** Versions of the rule of token attribution that a chain can name (docs/attribution.md). */
export type TokenRuleVersion = 1 | 2;

/** What differs between versions. */
export interface TokenRule {
  /** A record can own a position if its match there has at least this part of the best match's surprisal. */
  readonly barNumerator: number;
  readonly barDenominator: number;
  /** Largest part of a data pool that all contributors together can earn, in thousandths. */
  readonly coverageCapPermille: number;
}

export const TOKEN_RULES: Readonly<Record<TokenRuleVersion, TokenRule>> = {
  1: { barNumerator: 3, barDenominator: 4, coverageCapPermille: 1000 },
  // 4/5: who lists common phrases early, the longer ones too, stays below a twentieth of all credit, and who extends a
  // victim's sentence below a hundredth of its words. 600: an operator who pays himself through friends, however many,
  // loses the platform's tenth of the fee and two fifths of the data pool's half, 30 % together.
  2: { barNumerator: 4, barDenominator: 5, coverageCapPermille: 600 },
};
