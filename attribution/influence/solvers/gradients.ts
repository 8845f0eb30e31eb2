import { binaryExponent, powerOfTwo } from '../arithmetic/exponential.ts';
import { roundHalfEven } from '../arithmetic/integers.ts';
import { checkData, checkGradients, checkHead } from '../check.ts';
import { MAX_EXPONENT_SPREAD, MIN_GRADIENT } from '../limits.ts';
import { outerGradient, predict } from '../trainer/objective.ts';
import type { Head, LabelledFeatures, QuantisedGradients } from '../types.ts';

/**
 * Gradients of a head's loss, one row a sample (n × classes·(width+1)). A query's gradient is that of its features
 * and the label that was answered.
 * @throws AttributionError as checkData and checkHead.
 */
export function headGradients(data: LabelledFeatures, head: Head): Float64Array {
  checkData(data);
  checkHead(head, data.width, data.classes);
  const size = head.weights.length;
  const gradients = new Float64Array(data.labels.length * size);
  const residual = new Float64Array(data.classes);
  for (let i = 0; i < data.labels.length; i++) {
    predict(head, data.features, i * data.width, data.labels[i]!, residual);
    residual[data.labels[i]!]! -= 1;
    outerGradient(residual, data.features, i * data.width, data.width, gradients, i * size);
  }
  return gradients;
}

/**
 * Rounds gradients (count × Σ layers, row-major) to 16-bit integers with a power-of-two scale for each sample and
 * layer: the largest number of a layer takes 15 bits, halves go to even. A number is off by half a
 * unit at most, which is 2⁻¹⁵·(1 + 2⁻¹⁵) of the largest of its sample and layer, or that part of 2⁻²⁴ of the largest
 * of the layer, whichever is more.
 * @throws AttributionError as checkGradients.
 */
export function quantiseGradients(
  gradients: Float64Array,
  count: number,
  layers: readonly number[],
): QuantisedGradients {
  checkGradients(gradients, count, layers);
  const dimensions = layers.reduce((sum, layer) => sum + layer, 0);
  const values = new Int16Array(count * dimensions);
  const exponents = new Int16Array(count * layers.length);
  const baseExponents: number[] = [];
  let start = 0;
  layers.forEach((length, layer) => {
    const own: (number | undefined)[] = [];
    for (let i = 0; i < count; i++) own.push(ownExponent(gradients, i * dimensions + start, length));
    const largest = own.reduce<number | undefined>(
      (most, e) => (most === undefined || (e !== undefined && e > most) ? e : most),
      undefined,
    );
    const lowest = (largest ?? 0) - MAX_EXPONENT_SPREAD;
    let base = largest ?? 0;
    for (let i = 0; i < count; i++) {
      const exponent = Math.max(own[i] ?? base, lowest);
      exponents[i * layers.length + layer] = exponent;
      base = Math.min(base, exponent);
      const scale = powerOfTwo(-exponent);
      const row = i * dimensions + start;
      for (let j = row; j < row + length; j++) values[j] = roundHalfEven(gradients[j]! * scale);
    }
    baseExponents.push(base);
    start += length;
  });
  return { count, layers: [...layers], dimensions, values, exponents, baseExponents };
}

/** The smallest e with every number, divided by 2^e and rounded, at most 32,767; undefined if all are zero. */
function ownExponent(numbers: Float64Array, start: number, length: number): number | undefined {
  let largest = 0;
  for (let j = start; j < start + length; j++) largest = Math.max(largest, Math.abs(numbers[j]!));
  if (largest < MIN_GRADIENT) return undefined;
  const exponent = binaryExponent(largest) - 14;
  return roundHalfEven(largest * powerOfTwo(-exponent)) > 32767 ? exponent + 1 : exponent;
}
