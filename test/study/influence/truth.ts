import { train } from '../../../attribution/influence/api.ts';
import { newtonParts } from '../../../attribution/influence/solvers/newton.ts';
import type { Head, LabelledFeatures } from '../../../attribution/influence/types.ts';
import { gradientWithout, loss, random, retrainWithout } from '../../unit/attribution/influence/oracle.ts';

/** Row q, column i: how much the loss of query q grows when training has never seen sample i. */
export type LeaveOneOutTruth = readonly Float64Array[];

/** Losses of the queries at a head. */
export function losses(weights: Float64Array, queries: LabelledFeatures): Float64Array {
  return Float64Array.from(queries.labels, (_, q) => loss(weights, queries, q));
}

/** Trains to the optimum again without each sample in turn. */
export function leaveOneOutTruth(
  training: LabelledFeatures,
  head: Head,
  queries: LabelledFeatures,
  l2Micro: number,
  progress: (text: string) => void,
): LeaveOneOutTruth {
  const { inverse } = newtonParts(training, head, l2Micro / 1e6, 0);
  const before = losses(head.weights, queries);
  const count = training.labels.length;
  const truth = Array.from(before, () => new Float64Array(count));
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) progress(`training without sample ${i} of ${count}`);
    const after = losses(retrainWithout(training, head, inverse, l2Micro / 1e6, i), queries);
    after.forEach((value, q) => {
      truth[q]![i] = value - before[q]!;
    });
  }
  return truth;
}

/** What models trained on half of the samples each say about the queries. */
export interface SubsetTruth {
  /** Samples of each subset, ascending. */
  readonly subsets: readonly Int32Array[];
  /** Row q, column m: minus the loss of query q at the model of subset m. */
  readonly outputs: readonly Float64Array[];
}

/** `subsets` halves of 0 … count − 1, drawn without replacement. */
export function halves(count: number, subsets: number, seed: number): Int32Array[] {
  const next = random(seed);
  return Array.from({ length: subsets }, () => {
    const all = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < count >> 1; i++) {
      const j = i + Math.floor(next() * (count - i));
      const kept = all[i]!;
      all[i] = all[j]!;
      all[j] = kept;
    }
    return all.slice(0, count >> 1).sort();
  });
}

/** Trains on each subset to the optimum; the gradient there, taken by other code, must be zero. */
export function subsetTruth(
  training: LabelledFeatures,
  queries: LabelledFeatures,
  l2Micro: number,
  subsets: readonly Int32Array[],
  progress: (text: string) => void,
): SubsetTruth {
  const outputs = Array.from(queries.labels, () => new Float64Array(subsets.length));
  subsets.forEach((subset, m) => {
    if (m % 10 === 0) progress(`training on half ${m} of ${subsets.length}`);
    const data = pick(training, subset);
    const { weights } = train(data, { method: 'newton', l2Micro });
    const worst = gradientWithout(weights, data, l2Micro / 1e6, -1).reduce(
      (most, component) => Math.max(most, Math.abs(component)),
      0,
    );
    if (!(worst < 1e-7)) throw new Error(`training on half ${m} ended at a gradient of ${worst}`);
    losses(weights, queries).forEach((value, q) => {
      outputs[q]![m] = -value;
    });
  });
  return { subsets, outputs };
}

/** The named samples of a data set. */
export function pick(data: LabelledFeatures, samples: ArrayLike<number>): LabelledFeatures {
  const features = new Float64Array(samples.length * data.width);
  for (let at = 0; at < samples.length; at++)
    features.set(
      data.features.subarray(samples[at]! * data.width, (samples[at]! + 1) * data.width),
      at * data.width,
    );
  return { ...data, features, labels: Int32Array.from(samples, (i) => data.labels[i]!) };
}
