import { eigenSymmetric } from '../arithmetic/eigen.ts';
import { quantiseTo31Bits, roundTo31Bits } from '../arithmetic/integers.ts';
import { dot } from '../arithmetic/linear-algebra.ts';
import type {
  EkfacBasis,
  EkfacLayer,
  EkfacMetric,
  InfluenceScores,
  KroneckerGradients,
  KroneckerLayer,
  QuantisedGradients,
} from '../types.ts';
import { type QuantisedRow, quantiseRow } from './quantise.ts';
import { exactDot } from './reference-shard.ts';
import type { Scanning } from './scan.ts';
import { type QueryWeights, weightedScores } from './weighted-scores.ts';

/**
 * EK-FAC (George et al., arXiv 1806.03884; for influence Grosse et al., arXiv 2308.03296). A layer's gradients are
 * sums of error ⊗ input. With the eigenvectors Q_S of Σ error·errorᵀ and Q_A of Σ input·inputᵀ its curvature is taken
 * as (Q_S ⊗ Q_A)·diag(Λ + damping)·(Q_S ⊗ Q_A)ᵀ, where Λ is the sum over the samples of the squares of the turned
 * curvature gradients. The damping is l2, or without regularisation a tenth of the mean of Λ. The factors are rounded
 * to integers; w = curvature⁻¹·v is then four exact integer products and one by the reciprocals, each rounded to 31
 * bits.
 */
export function prepareEkfac(
  gradients: KroneckerGradients,
  quantised: QuantisedGradients,
  l2: number,
): EkfacMetric {
  const factors = gradients.layers.map((layer) => factorLayer(layer, gradients.starts, l2));
  return { solver: 'ekfac', gradients: quantised, factors };
}

function factorLayer(layer: KroneckerLayer, starts: Int32Array, l2: number): EkfacLayer {
  const { inputs, inputWidth, curvature, errorWidth } = layer;
  const inputVectors = eigenSymmetric(secondMoments(inputs, inputWidth), inputWidth).vectors;
  const errorVectors = eigenSymmetric(secondMoments(curvature, errorWidth), errorWidth).vectors;
  const eigenvalues = turnedSquares(layer, starts, inputVectors, errorVectors);
  const mean = eigenvalues.reduce((sum, value) => sum + value, 0) / eigenvalues.length;
  // All zero: the gradients are too, and every score is 0 with any damping.
  const damping = l2 > 0 ? l2 : mean > 0 ? mean / 10 : 1;
  const { values, exponent } = quantiseTo31Bits(eigenvalues.map((value) => 1 / (value + damping)));
  return {
    input: roundBasis(inputVectors, inputWidth),
    error: roundBasis(errorVectors, errorWidth),
    reciprocals: values,
    reciprocalExponent: exponent,
  };
}

function roundBasis(vectors: Float64Array, width: number): EkfacBasis {
  const { values, exponents } = quantiseRow(vectors, [vectors.length]);
  return basisOf(values, width, exponents[0]!);
}

/** A basis from its rounded vectors, row by row. */
export function basisOf(vectors: Int16Array, width: number, exponent: number): EkfacBasis {
  return { width, vectors, components: transposed(vectors, width, width), exponent };
}

/** Σ row·rowᵀ over all rows in their order, lower triangle. */
function secondMoments(rows: Float64Array, width: number): Float64Array {
  const sum = new Float64Array(width * width);
  for (let start = 0; start < rows.length; start += width)
    for (let a = 0; a < width; a++) {
      const by = rows[start + a]!;
      if (by !== 0) for (let b = 0; b <= a; b++) sum[a * width + b]! += by * rows[start + b]!;
    }
  return sum;
}

/** One row times every vector, into `out`. */
function turn(
  rows: Float64Array,
  start: number,
  width: number,
  vectors: Float64Array,
  out: Float64Array,
  at: number,
): void {
  for (let k = 0; k < width; k++) out[at + k] = dot(vectors, k * width, rows, start, width);
}

/**
 * Λ[b, a] = Σ over samples and draws of (Σ over the sample's positions of turned error b · turned input a)². Of a
 * sample of one position the square of a product is the product of squares, those of the draws added up first.
 */
function turnedSquares(
  layer: KroneckerLayer,
  starts: Int32Array,
  inputVectors: Float64Array,
  errorVectors: Float64Array,
): Float64Array {
  const { inputWidth, curvature, errorWidth, draws } = layer;
  const inputs = new Float64Array(layer.inputs.length);
  for (let at = 0; at < inputs.length; at += inputWidth)
    turn(layer.inputs, at, inputWidth, inputVectors, inputs, at);
  const sum = new Float64Array(inputWidth * errorWidth);
  const product = new Float64Array(inputWidth * errorWidth);
  const error = new Float64Array(errorWidth);
  const squares = new Float64Array(errorWidth);
  const turnError = (t: number, draw: number) =>
    turn(curvature, (t * draws + draw) * errorWidth, errorWidth, errorVectors, error, 0);
  const addOuter = (by: Float64Array, t: number, out: Float64Array, power: 1 | 2): void => {
    for (let b = 0; b < errorWidth; b++)
      for (let a = 0; a < inputWidth; a++) {
        const input = inputs[t * inputWidth + a]!;
        out[b * inputWidth + a]! += by[b]! * (power === 1 ? input : input * input);
      }
  };
  for (let i = 0; i + 1 < starts.length; i++) {
    const first = starts[i]!;
    const end = starts[i + 1]!;
    if (end - first === 1) {
      squares.fill(0);
      for (let draw = 0; draw < draws; draw++) {
        turnError(first, draw);
        for (let b = 0; b < errorWidth; b++) squares[b]! += error[b]! * error[b]!;
      }
      addOuter(squares, first, sum, 2);
      continue;
    }
    for (let draw = 0; draw < draws; draw++) {
      product.fill(0);
      for (let t = first; t < end; t++) {
        turnError(t, draw);
        addOuter(error, t, product, 1);
      }
      for (let j = 0; j < sum.length; j++) sum[j]! += product[j]! * product[j]!;
    }
  }
  return sum;
}

export function* ekfacScores(metric: EkfacMetric, query: QuantisedRow): Scanning<InfluenceScores> {
  return yield* weightedScores(metric.gradients, ekfacWeights(metric, query));
}

/** w = curvature⁻¹·v of every layer. */
export function ekfacWeights(metric: EkfacMetric, query: QuantisedRow): QueryWeights {
  const values = new Float64Array(metric.gradients.dimensions);
  let start = 0;
  const exponents = metric.factors.map(({ input, error, reciprocals, reciprocalExponent }, layer) => {
    const size = input.width * error.width;
    const own = Float64Array.from(query.values.subarray(start, start + size));
    // Rows of inputs, then rows of errors: each product turns one side and transposes.
    const gradient = { values: own, exponent: query.exponents[layer]! };
    const turned = turn31(error.vectors, error, turn31(input.vectors, input, gradient));
    const scaled = round(
      Array.from(turned.values, (value, j) => BigInt(value) * BigInt(reciprocals[j]!)),
      turned.exponent + reciprocalExponent,
    );
    const solved = turn31(error.components, error, turn31(input.components, input, scaled));
    values.set(solved.values, start);
    start += size;
    return solved.exponent;
  });
  return { values, exponents };
}

interface Rounded {
  readonly values: Float64Array;
  readonly exponent: number;
}

function round(values: readonly bigint[], exponent: number): Rounded {
  const rounded = roundTo31Bits(values);
  return { values: rounded.values, exponent: exponent + rounded.shift };
}

/** Every row of `matrix` (rows as wide as the basis) times every row of `basis`, transposed: result[k, row]. */
function turn31(basis: Int16Array, { width, exponent }: EkfacBasis, matrix: Rounded): Rounded {
  const rows = matrix.values.length / width;
  const products: bigint[] = [];
  for (let k = 0; k < width; k++)
    for (let row = 0; row < rows; row++)
      products.push(exactDot(basis, k * width, matrix.values, row * width, width));
  return round(products, matrix.exponent + exponent);
}

function transposed(matrix: Int16Array, rows: number, columns: number): Int16Array {
  const out = new Int16Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j]!;
  return out;
}
