/**
 * Steps of one element, by what is done with it. A step is a multiply-add of a float matrix product (0.08 ns on the core
 * of docs/runtime.md, §5); the others are their measured time over that, rounded up. `npm run bench runtime` prints how
 * far the slowest operator is from its figure.
 */
export const STEPS = {
  /** Copy, compare, add: bound by memory. */
  simple: 8,
  /** Conversions between 64-bit integers and floats, integer division, folding an axis, backward and strided copies. */
  slow: 32,
  /** exp, erf, sin, powers: a polynomial and more. */
  function: 200,
  /** Softplus: an exponential and a logarithm, not vectorised. */
  twoFunctions: 650,
  softmax: 80,
  normalise: 100,
  /** A heap or a sort of an axis. */
  sort: 450,
  /** A copy of a block, however small: Gather moves blocks one by one. */
  copy: 220,
  /** Beginning a sum: what each output of a convolution or pool costs besides its terms. */
  output: 32,
  /** A term of a product of 32- and 64-bit integers, which is not vectorised. */
  integerTerm: 6,
  /** A term of a product with a single column, which is not vectorised either. */
  columnTerm: 24,
  /** A term of a pool. */
  poolTerm: 2,
} as const;
