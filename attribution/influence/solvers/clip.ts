import { dot } from '../arithmetic/linear-algebra.ts';

/**
 * Shortens, in place, every gradient that is longer than the `percent`-th percentile of lengths (nearest rank) to that
 * length: one outlier cannot take an answer's whole credit. 100 changes nothing.
 */
export function clipGradients(gradients: Float64Array, count: number, percent: number): void {
  if (percent >= 100) return;
  const size = gradients.length / count;
  const squares = Float64Array.from({ length: count }, (_, i) =>
    dot(gradients, i * size, gradients, i * size, size),
  );
  const limit = Float64Array.from(squares).sort()[Math.ceil((count * percent) / 100) - 1]!;
  squares.forEach((square, i) => {
    if (square <= limit) return;
    const by = Math.sqrt(limit / square);
    for (let j = i * size; j < (i + 1) * size; j++) gradients[j]! *= by;
  });
}
