import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerScores,
  headGradients,
  headKronecker,
  type KroneckerGradients,
  prepare,
  prepareFromFactors,
  scores,
  train,
} from '../../../../attribution/influence/api.ts';
import { eigenSymmetric } from '../../../../attribution/influence/arithmetic/eigen.ts';
import { hessian, objective } from '../../../../attribution/influence/trainer/objective.ts';
import { asNumbers, clouds, random, slice } from './oracle.ts';

const ALL = clouds(121, 6, 4, 5);
const DATA = slice(ALL, 0, 120);
const L2 = 2_000_000;
const HEAD = train(DATA, { method: 'newton', l2Micro: L2 });

describe('eigenvectors of our own', () => {
  it('are orthonormal and make the matrix again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer(),
        fc.constantFrom('full', 'low rank', 'diagonal', 'equal', 'zero', 'tiny', 'wide'),
        (size, seed, kind) => {
          const matrix = symmetric(size, seed, kind);
          const { values, vectors } = eigenSymmetric(matrix, size);
          const scale = Math.max(...matrix.map(Math.abs), 1e-300);
          let worst = 0;
          for (let i = 0; i < size; i++)
            for (let j = 0; j < size; j++) {
              let product = i === j ? -1 : 0;
              let again = -matrix[i * size + j]!;
              for (let k = 0; k < size; k++) {
                product += vectors[i * size + k]! * vectors[j * size + k]!;
                again += values[k]! * vectors[k * size + i]! * vectors[k * size + j]!;
              }
              worst = Math.max(worst, Math.abs(product), Math.abs(again) / scale);
            }
          expect(worst).toBeLessThan(1e-12);
        },
      ),
    );
  });

  it('are found where a matrix has far fewer directions than rows, as of images with a black border', () => {
    // Couplings beside the zero eigenvalues never fall below neighbours that are rounding themselves.
    for (const seed of [1, 2]) {
      const [size, images, border] = [240, 20, 100];
      const draw = random(seed);
      const matrix = new Float64Array(size * size);
      for (let i = 0; i < images; i++) {
        const pixels = Array.from({ length: size }, (_, j) =>
          j < border ? 0 : Math.max(0, Math.floor(512 * draw()) - 256),
        );
        for (let a = 0; a < size; a++)
          for (let b = 0; b < size; b++) matrix[a * size + b]! += pixels[a]! * pixels[b]!;
      }
      const { values, vectors } = eigenSymmetric(matrix, size);
      const scale = Math.max(...matrix);
      let worst = 0;
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j += 7) {
          let product = i === j ? -1 : 0;
          let again = -matrix[i * size + j]!;
          for (let k = 0; k < size; k++) {
            product += vectors[i * size + k]! * vectors[j * size + k]!;
            again += values[k]! * vectors[k * size + i]! * vectors[k * size + j]!;
          }
          worst = Math.max(worst, Math.abs(product), Math.abs(again) / scale);
        }
      expect(worst).toBeLessThan(1e-12);
      // As many as there are images; the others are rounding.
      expect(values.filter((value) => value > 1e-9 * scale).length).toBe(images);
    }
  });

  it('give these bits on every processor', () => {
    const { values } = eigenSymmetric(Float64Array.of(2, 0, 0, 1, 3, 0, 0.5, -1, 4), 3);
    expect([...values]).toEqual([1.0595504397993125, 3.3175444385565522, 4.622905121644134]);
  });

  it('of what is not finite are refused', () => {
    expect(() => eigenSymmetric(Float64Array.of(1, 0, Number.NaN, 1), 2)).toThrow(/finite/);
    expect(() => eigenSymmetric(new Float64Array(9).fill(1e300), 3)).toThrow(/at most/);
  });
});

describe('the ekfac solver', () => {
  it('is the formula in doubles, to 10⁻⁴ of the largest score', () => {
    const next = random(3);
    const layer = (positions: number, inputWidth: number, errorWidth: number, draws: number) => ({
      inputs: Float64Array.from({ length: positions * inputWidth }, () => next() - 0.3),
      inputWidth,
      errors: Float64Array.from({ length: positions * errorWidth }, () => next() - 0.5),
      errorWidth,
      curvature: Float64Array.from({ length: positions * draws * errorWidth }, () => next() - 0.5),
      draws,
    });
    // Samples of one, two, three and no position.
    const starts = Int32Array.from({ length: 41 }, (_, i) => [0, 1, 3, 6][i % 4]! + 6 * Math.floor(i / 4));
    const positions = starts.at(-1)!;
    const gradients = { starts, layers: [layer(positions, 5, 3, 2), layer(positions, 2, 4, 1)] };
    for (const l2 of [0, 3]) {
      const query = Float64Array.from({ length: 23 }, () => next() - 0.5);
      const metric = prepareFromFactors(gradients, l2 * 1e6, 100);
      const actual = asNumbers(scores(metric, query));
      const expected = inDoubles(gradients, query, l2);
      const scale = Math.max(...expected.map(Math.abs));
      actual.forEach((value, i) => {
        expect(Math.abs(value - expected[i]!) / scale).toBeLessThan(1e-4);
      });
    }
  });

  it('is exact where the curvature has Kronecker structure: all samples with the same features', () => {
    const data = clouds(60, 1, 2, 9);
    const bare = { ...data, features: data.features.fill(0) };
    const head = train(bare, { method: 'newton', l2Micro: L2 });
    const metric = prepare({ data: bare, head }, { solver: 'ekfac', l2Micro: L2, clipPercent: 100 });
    const query = headGradients(slice(bare, 3, 4), head);
    const matrix = hessian(bare, objective(bare, head, L2 / 1e6).probabilities, L2 / 1e6);
    // The weights of the feature, which is 0, count nothing: what is left is the 2 × 2 block of the biases.
    const [a, b, c, d] = [matrix[5]!, matrix[7]!, matrix[13]!, matrix[15]!];
    const solved = [
      (d * query[1]! - b * query[3]!) / (a * d - b * c),
      (a * query[3]! - c * query[1]!) / (a * d - b * c),
    ];
    const gradients = headGradients(bare, head);
    asNumbers(scores(metric, query)).forEach((value, i) => {
      const expected = solved[0]! * gradients[4 * i + 1]! + solved[1]! * gradients[4 * i + 3]!;
      expect(Math.abs(value / expected - 1)).toBeLessThan(1e-3);
    });
  });

  it('scores a head as its factors', () => {
    const answer = slice(ALL, 120, 121);
    const whole = prepare({ data: DATA, head: HEAD }, { solver: 'ekfac', l2Micro: L2, clipPercent: 100 });
    const factors = prepareFromFactors(headKronecker(DATA, HEAD), L2, 100);
    expect(answerScores(whole, HEAD, answer)).toEqual(scores(factors, headGradients(answer, HEAD)));
  });
});

function symmetric(size: number, seed: number, kind: string): Float64Array {
  const next = random(seed);
  const rank = kind === 'low rank' ? 1 + (size >> 2) : size;
  const root = Float64Array.from({ length: size * rank }, () => next() - 0.5);
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    if (kind === 'zero') return 0;
    if (kind === 'equal') return i === j ? 7 : 0;
    if (kind === 'diagonal') return i === j ? i - 3 : 0;
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += root[i * rank + k]! * root[j * rank + k]!;
    if (kind === 'tiny') return sum * 1e-40;
    return kind === 'wide' ? sum * 10 ** -(i + j) : sum;
  });
}

/** EK-FAC in doubles, with eigenvectors by Jacobi's rotations. */
function inDoubles({ starts, layers }: KroneckerGradients, query: Float64Array, l2: number): number[] {
  const count = starts.length - 1;
  const result = new Array<number>(count).fill(0);
  let first = 0;
  for (const { inputs, inputWidth, errors, errorWidth, curvature, draws } of layers) {
    const a = jacobi(moments(inputs, inputWidth), inputWidth);
    const s = jacobi(moments(curvature, errorWidth), errorWidth);
    const turned = (matrix: number[][]) =>
      s.map((u) =>
        a.map((v) =>
          matrix.reduce((sum, row, b) => sum + u[b]! * row.reduce((t, x, j) => t + x * v[j]!, 0), 0),
        ),
      );
    const outer = (i: number, error: (t: number, b: number) => number) =>
      Array.from({ length: errorWidth }, (_, b) =>
        Array.from({ length: inputWidth }, (_, j) => {
          let sum = 0;
          for (let t = starts[i]!; t < starts[i + 1]!; t++) sum += error(t, b) * inputs[t * inputWidth + j]!;
          return sum;
        }),
      );
    const lambda = s.map(() => a.map(() => 0));
    for (let i = 0; i < count; i++)
      for (let draw = 0; draw < draws; draw++)
        turned(outer(i, (t, b) => curvature[(t * draws + draw) * errorWidth + b]!)).forEach((row, x) => {
          row.forEach((value, y) => {
            lambda[x]![y]! += value ** 2;
          });
        });
    const mean = lambda.flat().reduce((x, y) => x + y, 0) / lambda.flat().length;
    const damping = l2 > 0 ? l2 : mean / 10;
    const v = turned(
      Array.from({ length: errorWidth }, (_, b) => [
        ...query.subarray(first + b * inputWidth, first + (b + 1) * inputWidth),
      ]),
    );
    for (let i = 0; i < count; i++)
      turned(outer(i, (t, b) => errors[t * errorWidth + b]!)).forEach((row, x) => {
        row.forEach((value, y) => {
          result[i]! += (value * v[x]![y]!) / (lambda[x]![y]! + damping);
        });
      });
    first += inputWidth * errorWidth;
  }
  return result;
}

function moments(rows: Float64Array, width: number): number[][] {
  return Array.from({ length: width }, (_, a) =>
    Array.from({ length: width }, (_, b) => {
      let sum = 0;
      for (let at = 0; at < rows.length; at += width) sum += rows[at + a]! * rows[at + b]!;
      return sum;
    }),
  );
}

/** Rows are eigenvectors. */
function jacobi(matrix: number[][], size: number): number[][] {
  const m = matrix.map((row) => [...row]);
  const vectors = m.map((_, i) => m.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 40; sweep++)
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        const angle = 0.5 * Math.atan2(2 * m[p]![q]!, m[q]![q]! - m[p]![p]!);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const rotate = (x: number[], y: number[]) => {
          for (let k = 0; k < size; k++) [x[k], y[k]] = [c * x[k]! - s * y[k]!, s * x[k]! + c * y[k]!];
        };
        rotate(m[p]!, m[q]!);
        for (let k = 0; k < size; k++) {
          const [x, y] = [m[k]![p]!, m[k]![q]!];
          m[k]![p] = c * x - s * y;
          m[k]![q] = s * x + c * y;
        }
        rotate(vectors[p]!, vectors[q]!);
      }
  return vectors;
}
