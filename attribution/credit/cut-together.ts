/**
 * Weights that sum to at most `cap`: if they are more, each becomes ⌊weight · cap / sum⌋, and what is cut off is
 * nobody's.
 */
export function cutTogether(weights: readonly number[], cap: number): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum <= cap) return [...weights];
  // Products of two such weights go beyond 2⁵³.
  return weights.map((weight) => Number((BigInt(weight) * BigInt(cap)) / BigInt(sum)));
}
