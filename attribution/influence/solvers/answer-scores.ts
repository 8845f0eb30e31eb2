import { AttributionError } from '../../errors.ts';
import { binaryExponent, expm1, log1p, powerOfTwo } from '../arithmetic/exponential.ts';
import { roundHalfEven } from '../arithmetic/integers.ts';
import { checkData, checkHead } from '../check.ts';
import { predict } from '../trainer/objective.ts';
import type { Head, InfluenceScores, LabelledFeatures, NewtonMetric } from '../types.ts';
import type { Scanning } from './scan.ts';
import { layerProducts } from './weighted-scores.ts';

/** Bits of the largest score of a query. */
const SCORE_BITS = 48;
/** Moves of logits are held within this: exp stays finite, and no answer has a loss of 700 nats. */
const LARGEST_CHANGE = 700;
/** Below this a change of the loss counts as zero. */
const SMALLEST_CHANGE = 1e-200;
/** The loss falls by 52·ln 2 at most: beyond that the sum is rounding. */
const LEAST_ARGUMENT = -1 + 2.220446049250313e-16;

/**
 * How much the loss of an answer would grow without each sample, from the predicted weights without it: the steps of
 * the metric move the answer's logits by exact integer products, and the loss is evaluated at the moved logits
 * instead of being taken as linear in them. With p the head's probabilities, y the answered class and δ the moves
 * relative to that of y, the change is log1p(Σ_{c≠y} p_c·expm1(δ_c)), the sum in the order of the classes.
 * @throws AttributionError as checkData and checkHead; 'ShapeMismatch' unless there is one sample that fits the metric.
 */
export function* lossChanges(
  metric: NewtonMetric,
  head: Head,
  answer: LabelledFeatures,
): Scanning<InfluenceScores> {
  checkAnswer(head, answer);
  const { count, layers, exponents } = metric.gradients;
  const { classes, width } = answer;
  const label = answer.labels[0]!;
  if (layers.length !== classes || layers.some((size) => size !== width + 1))
    throw new AttributionError(
      'ShapeMismatch',
      `Steps of layers ${layers.join(', ')} do not fit a head of ${classes} classes and ${width} features.`,
    );
  const { weights, exponent } = featureWeights(answer);
  const [answered] = yield { kind: 'products', vectors: [weights] };
  const products = layerProducts(metric.gradients, answered!);

  const p = new Float64Array(classes);
  predict(head, answer.features, 0, label, p);
  const changes = new Float64Array(count);
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const moved = (c: number) =>
      Number(products[i * classes + c]!) * powerOfTwo(exponent + exponents[i * classes + c]!);
    const own = moved(label);
    let sum = 0;
    for (let c = 0; c < classes; c++)
      if (c !== label) {
        const by = moved(c) - own;
        sum += p[c]! * expm1(Math.max(-LARGEST_CHANGE, Math.min(LARGEST_CHANGE, by)));
      }
    const change = log1p(Math.max(LEAST_ARGUMENT, sum));
    changes[i] = change;
    largest = Math.max(largest, Math.abs(change));
  }
  return asScores(changes, largest);
}

/** @throws AttributionError as checkData and checkHead; 'ShapeMismatch' unless there is exactly one sample. */
export function checkAnswer(head: Head, answer: LabelledFeatures): void {
  checkData(answer);
  checkHead(head, answer.width, answer.classes);
  if (answer.labels.length !== 1)
    throw new AttributionError('ShapeMismatch', `An answer is one sample, not ${answer.labels.length}.`);
}

/** (x, 1) once for each class, as integers of 30 bits and one exponent. */
function featureWeights(answer: LabelledFeatures): { weights: Float64Array; exponent: number } {
  const { features, width, classes } = answer;
  let largest = 1;
  for (const x of features) largest = Math.max(largest, Math.abs(x));
  const exponent = binaryExponent(largest) - 29;
  const scale = powerOfTwo(-exponent);
  const stride = width + 1;
  const weights = new Float64Array(classes * stride);
  for (let c = 0; c < classes; c++)
    for (let j = 0; j < stride; j++)
      weights[c * stride + j] = roundHalfEven((j < width ? features[j]! : 1) * scale);
  return { weights, exponent };
}

function asScores(changes: Float64Array, largest: number): InfluenceScores {
  if (!(largest > SMALLEST_CHANGE)) return { values: Array.from(changes, () => 0n), exponent: 0 };
  const exponent = binaryExponent(largest) - SCORE_BITS;
  const scale = powerOfTwo(-exponent);
  return { values: Array.from(changes, (change) => BigInt(roundHalfEven(change * scale))), exponent };
}
