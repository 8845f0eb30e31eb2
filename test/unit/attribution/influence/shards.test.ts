import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerScores,
  createShard,
  cutStore,
  headGradients,
  type Metric,
  metricHash,
  prepare,
  type Shard,
  scores,
  scoresOfMany,
  train,
} from '../../../../attribution/influence/api.ts';
import { segmentsOf } from '../../../../attribution/influence/solvers/shard.ts';
import { clouds, random, slice } from './oracle.ts';

const ALL = clouds(101, 6, 4, 21);
const DATA = slice(ALL, 0, 97);
const L2 = 1_000_000;
const HEAD = train(DATA, { method: 'newton', l2Micro: L2 });
const QUERIES = [97, 98, 99].map((i) => slice(ALL, i, i + 1));
const SOLVERS = ['newton', 'ekfac', 'datainf', 'dot'] as const;

/** The sums by definition, over BigInt. */
function exact(rows: readonly Int16Array[], layers: readonly number[]) {
  return {
    products: (weights: Float64Array) =>
      rows.flatMap((row) =>
        segmentsOf(layers).map(({ start, length }) => {
          let sum = 0n;
          for (let j = start; j < start + length; j++) sum += BigInt(row[j]!) * BigInt(weights[j]!);
          return sum;
        }),
      ),
    sums: (coefficients: Float64Array) =>
      layers.flatMap((size, layer) => {
        const first = layers.slice(0, layer).reduce((a, b) => a + b, 0);
        return Array.from({ length: size }, (_, j) =>
          rows.reduce(
            (sum, row, i) => sum + BigInt(row[first + j]!) * BigInt(coefficients[i * layers.length + layer]!),
            0n,
          ),
        );
      }),
  };
}

function filled(shard: Shard, rows: readonly Int16Array[]): Shard {
  rows.forEach((row, i) => {
    shard.write(i, row);
  });
  return shard;
}

describe('a shard', () => {
  const number = fc.oneof(fc.constantFrom(-32767, 32767, 0, 1), fc.integer({ min: -32767, max: 32767 }));
  const factor = fc.oneof(
    fc.constantFrom(-(2 ** 31), 2 ** 31, 2 ** 21, 2 ** 21 - 1, 2_096_127, 2_096_128, -1024, 1023, 1024, 0),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.integer({ min: -32767, max: 32767 }),
  );
  const cycle = (values: readonly number[], length: number, step: number) =>
    Array.from({ length }, (_, i) => values[(i * step) % values.length]!);

  it('gives the same exact sums in WebAssembly and in the plain reference', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 150 }),
        fc.array(number, { minLength: 1, maxLength: 40 }),
        fc.array(factor, { minLength: 1, maxLength: 40 }),
        (layers, count, numbers, factors) => {
          const columns = layers.reduce((a, b) => a + b, 0);
          const rows = Array.from({ length: count }, (_, i) =>
            Int16Array.from(cycle(numbers, columns, i + 1)),
          );
          const weights = [1, 3].map((step) => Float64Array.from(cycle(factors, columns, step)));
          const coefficients = Float64Array.from(cycle(factors, count * layers.length, 1));
          const truth = exact(rows, layers);
          for (const arithmetic of ['wasm', 'typescript'] as const) {
            const shard = filled(createShard(layers, count, arithmetic), rows);
            expect(shard.products(weights).map((all) => [...all])).toEqual(weights.map(truth.products));
            expect([...shard.sums([coefficients])[0]!]).toEqual(truth.sums(coefficients));
            expect([...shard.read(count - 1)]).toEqual([...rows[count - 1]!]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not overflow where a layer is longer than 64 bits allow at once', () => {
    const layers = [65_536 + 3];
    const row = new Int16Array(layers[0]!).fill(32767);
    const weights = new Float64Array(layers[0]!).fill(-(2 ** 31));
    for (const arithmetic of ['wasm', 'typescript'] as const) {
      const [products] = filled(createShard(layers, 1, arithmetic), [row]).products([weights]);
      expect([...products!]).toEqual([65_536n, 3n].map((length) => -(length * 32767n) << 31n));
    }
  });

  it('adds up as many rows as there may be', () => {
    const count = 65_536;
    const shard = createShard([9], count);
    const row = new Int16Array(9).fill(-32767);
    for (let i = 0; i < count; i++) shard.write(i, row);
    const [sums] = shard.sums([new Float64Array(count).fill(2 ** 31)]);
    expect([...sums!]).toEqual(new Array(9).fill((-32767n * BigInt(count)) << 31n));
  });

  it('takes more vectors at once than fit one group', () => {
    const next = random(4);
    const rows = Array.from({ length: 70 }, () =>
      Int16Array.from({ length: 33 }, () => Math.floor(60_000 * next()) - 30_000),
    );
    const shard = filled(createShard([33], 70), rows);
    const vectors = Array.from({ length: 19 }, () =>
      Float64Array.from({ length: 33 }, () => Math.floor(2 ** 32 * next()) - 2 ** 31),
    );
    const oneByOne = vectors.map((vector) => shard.products([vector])[0]!);
    expect(shard.products(vectors)).toEqual(oneByOne);
  });
});

describe('scores do not depend on where the samples are', () => {
  const cuts = [[97], [48, 49], [1, 95, 1], [10, 20, 30, 37]];
  const prepared = (solver: (typeof SOLVERS)[number], arithmetic: 'wasm' | 'typescript') =>
    prepare({ data: DATA, head: HEAD }, { solver, l2Micro: L2, clipPercent: 95, arithmetic });
  const withCut = (metric: Metric, sizes: readonly number[], arithmetic: 'wasm' | 'typescript'): Metric => ({
    ...metric,
    gradients: cutStore(metric.gradients, sizes, arithmetic),
  });

  for (const solver of SOLVERS)
    it(`${solver}: one shard or several, WebAssembly or not, one query or many`, () => {
      const metric = prepared(solver, 'wasm');
      const gradients = QUERIES.map((query) => headGradients(query, HEAD));
      const expected = gradients.map((gradient) => scores(metric, gradient));
      const answers = QUERIES.map((query) => answerScores(metric, HEAD, query));
      expect(new Set(expected[0]!.values).size).toBeGreaterThan(50);
      for (const sizes of cuts)
        for (const arithmetic of ['wasm', 'typescript'] as const) {
          const other = withCut(metric, sizes, arithmetic);
          expect(scoresOfMany(other, gradients)).toEqual(expected);
          expect(QUERIES.map((query) => answerScores(other, HEAD, query))).toEqual(answers);
          expect(metricHash(other)).toBe(metricHash(metric));
        }
      const reference = prepared(solver, 'typescript');
      expect(metricHash(reference)).toBe(metricHash(metric));
      expect(scores(reference, gradients[0]!)).toEqual(expected[0]);
    });
});
