/** How well scores agree with the truth. Scores: positive means that the query's loss would grow without the sample. */

/** Pearson's correlation; NaN if one of the sides is constant. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const count = a.length;
  let meanA = 0;
  let meanB = 0;
  for (let i = 0; i < count; i++) {
    meanA += a[i]! / count;
    meanB += b[i]! / count;
  }
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < count; i++) {
    ab += (a[i]! - meanA) * (b[i]! - meanB);
    aa += (a[i]! - meanA) ** 2;
    bb += (b[i]! - meanB) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const result = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let at = from; at < to; at++) result[order[at]!] = (from + 1 + to) / 2;
    from = to;
  }
  return result;
}

/** Spearman's correlation: Pearson's of the ranks. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b));
}

/**
 * Linear datamodeling score of one query (arXiv 2303.14186): Spearman's correlation, over subsets of the training
 * samples, of the sum of the subset's scores with what a model trained on that subset alone gives for the query.
 * `outputs` grow with the help of samples: pass minus the loss.
 */
export function linearDatamodelingScore(
  scores: ArrayLike<number>,
  subsets: readonly ArrayLike<number>[],
  outputs: ArrayLike<number>,
): number {
  const sums = subsets.map((subset) => {
    let sum = 0;
    for (let at = 0; at < subset.length; at++) sum += scores[subset[at]!]!;
    return sum;
  });
  return spearman(sums, outputs);
}

/** Area under the ROC curve: how likely a marked sample scores above another one; ties count a half. */
export function areaUnderCurve(scores: ArrayLike<number>, marked: (i: number) => boolean): number {
  const rank = ranks(scores);
  let positives = 0;
  let sum = 0;
  for (let i = 0; i < rank.length; i++)
    if (marked(i)) {
      positives += 1;
      sum += rank[i]!;
    }
  return (sum - (positives * (positives + 1)) / 2) / (positives * (rank.length - positives));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value below which `part` of them lie, by nearest rank. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;
}
