/**
 * Splits `whole` in proportion to `weights` (non-negative integers, not all zero) into integers that sum to `whole`
 * exactly: each gets the floor of its share, what is left goes one by one to the largest remainders, ties to the
 * earlier entry.
 */
export function apportion(whole: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  const shares = weights.map((weight) => {
    const product = BigInt(weight) * BigInt(whole);
    return { floor: Number(product / total), remainder: product % total };
  });
  const result = shares.map((share) => share.floor);
  const left = whole - result.reduce((sum, floor) => sum + floor, 0);
  const order = shares
    .map((_, i) => i)
    .sort((i, j) => compare(shares[j]!.remainder, shares[i]!.remainder) || i - j);
  for (let k = 0; k < left; k++) result[order[k]!]!++;
  return result;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
