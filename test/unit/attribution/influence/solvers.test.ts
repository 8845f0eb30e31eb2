import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerScores,
  headGradients,
  metricHash,
  prepare,
  prepareFromGradients,
  scores,
  train,
} from '../../../../attribution/influence/api.ts';
import { newtonParts } from '../../../../attribution/influence/solvers/newton.ts';
import { buildStore, readRow, rowsOf } from '../../../../attribution/influence/solvers/store.ts';
import type { InfluenceScores } from '../../../../attribution/influence/types.ts';
import { leaveOneOut } from './leave-one-out.ts';
import {
  asNumbers,
  clouds,
  type DataSetName,
  dataInfInDoubles,
  dequantised,
  loadDataSet,
  random,
  slice,
} from './oracle.ts';

const ALL = clouds(150, 6, 4, 5);
const DATA = slice(ALL, 0, 120);
const L2 = 2_000_000;
const HEAD = train(DATA, { method: 'newton', l2Micro: L2 });
const QUERY = headGradients(slice(ALL, 120, 121), HEAD);

/** Gradients of three layers whose sizes differ by orders of magnitude, between samples too. */
function layered(count: number, layers: readonly number[], seed: number): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length: count }, () => 10 ** (2 * next() - 1)).reduce(
    (all, size, i) => {
      let at = i * layers.reduce((a, b) => a + b, 0);
      layers.forEach((length, layer) => {
        for (let j = 0; j < length; j++) all[at++] = size * 10 ** -layer * (next() + next() - 0.9);
      });
      return all;
    },
    new Float64Array(count * layers.reduce((a, b) => a + b, 0)),
  );
}

function hashScores(result: InfluenceScores): string {
  return createHash('sha256').update(`${result.exponent}:${result.values.join()}`).digest('hex');
}

/** The largest difference as a part of the largest expected value. */
function worst(actual: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!))) / scale;
}

describe('the newton solver', () => {
  it('predicts what leaving a sample out does, and does it better than the others', () => {
    const result = leaveOneOut(DATA, slice(ALL, 120, 150), L2, 120);
    expect(result.perQuery.newton).toBeGreaterThan(0.99);
    expect(result.meanLoss.newton).toBeGreaterThan(0.99);
    expect(result.perQuery.newton).toBeGreaterThan(result.perQuery.datainf + 0.02);
    expect(result.perQuery.newton).toBeGreaterThan(result.perQuery.dot + 0.02);
  });

  const studies: [DataSetName, number, number, number, number][] = [
    ['digits', 240, 1_000_000, 30, 0.99],
    ['breast cancer', 400, 100_000, 120, 0.95],
  ];
  for (const [name, trained, l2Micro, removed, bar] of studies) {
    const data = loadDataSet(name);
    it.skipIf(data === undefined)(
      `correlates ${bar} and more with true leave-one-out on ${name}, ekfac less and datainf least${data ? '' : ' (skipped: the data set is not here)'}`,
      () => {
        const { perQuery, meanLoss } = leaveOneOut(
          slice(data!, 0, trained),
          slice(data!, 400, 440),
          l2Micro,
          removed,
        );
        expect(perQuery.newton).toBeGreaterThanOrEqual(bar);
        expect(meanLoss.newton).toBeGreaterThanOrEqual(bar);
        expect(perQuery.newton).toBeGreaterThan(perQuery['newton, linear']);
        expect(perQuery['newton, linear']).toBeGreaterThan(perQuery.ekfac);
        expect(perQuery.ekfac).toBeGreaterThan(perQuery.datainf + 0.1);
        expect(perQuery.datainf).toBeGreaterThan(perQuery.dot);
      },
      120_000,
    );
  }

  it('is the product of its parts in doubles, to 10⁻⁴ of the largest score', () => {
    const { steps } = newtonParts(DATA, HEAD, L2 / 1e6);
    const size = QUERY.length;
    const expected = Array.from({ length: 120 }, (_, i) =>
      QUERY.reduce((sum, v, j) => sum + v * steps[i * size + j]!, 0),
    );
    const metric = prepare({ data: DATA, head: HEAD }, { solver: 'newton', l2Micro: L2, clipPercent: 100 });
    expect(worst(asNumbers(scores(metric, QUERY)), expected)).toBeLessThan(1e-4);
  });
});

describe('the datainf solver', () => {
  it('is within 10⁻⁶ of the published formula in doubles on the same gradients', () => {
    for (const [layers, seed] of [
      [[40], 1],
      [[30, 7, 100], 2],
      [[1], 3],
    ] as const) {
      const count = 90;
      const gradients = layered(count, layers, seed);
      const query = layered(1, layers, seed + 100);
      const metric = prepareFromGradients(gradients, count, layers, 'datainf', 100);
      const actual = asNumbers(scores(metric, query));
      const same = dataInfInDoubles(
        dequantised(metric.gradients),
        count,
        layers,
        dequantised(buildStore(rowsOf(query, 1, layers), 100)),
      );
      expect(worst(actual, same)).toBeLessThan(1e-6);
      // Against gradients that were never rounded the 15 bits show, and no more.
      expect(worst(actual, dataInfInDoubles(gradients, count, layers, query))).toBeLessThan(2e-4);
    }
  });

  it('says nothing about a layer without gradients', () => {
    const gradients = Float64Array.of(1, 2, 0, 3, -1, 0);
    const metric = prepareFromGradients(gradients, 2, [2, 1], 'datainf', 100);
    const without = prepareFromGradients(Float64Array.of(1, 2, 3, -1), 2, [2], 'datainf', 100);
    const values = asNumbers(scores(metric, Float64Array.of(1, 1, 5)));
    expect(values).toEqual(asNumbers(scores(without, Float64Array.of(1, 1))));
    const nothing = prepareFromGradients(new Float64Array(4), 2, [2], 'datainf', 100);
    expect(scores(nothing, Float64Array.of(1, 1)).values).toEqual([0n, 0n]);
    expect(scores(metric, new Float64Array(3)).values).toEqual([0n, 0n]);
  });
});

describe('every solver', () => {
  it('gives these bits on every processor', () => {
    const frozen = (['newton', 'ekfac', 'datainf', 'dot'] as const).map((solver) => {
      const metric = prepare({ data: DATA, head: HEAD }, { solver, l2Micro: L2, clipPercent: 99 });
      const answer = answerScores(metric, HEAD, slice(ALL, 120, 121));
      return [
        metricHash(metric).slice(0, 18),
        hashScores(scores(metric, QUERY)).slice(0, 16),
        hashScores(answer).slice(0, 16),
      ];
    });
    expect(frozen).toEqual([
      ['0x25f8409a0a34d62f', 'db07e7c3c8f3844c', 'fffbbab9b5595717'],
      ['0x6caf8a908d0fb66c', '40efe59beebfadbb', '40efe59beebfadbb'],
      ['0xfe11854cbbcef67f', '164d71d5ee193f60', '164d71d5ee193f60'],
      ['0x272c6cdfb7022af1', '8da965e51ffe7acb', '8da965e51ffe7acb'],
    ]);
  });

  it('scores a sample alike wherever it stands', () => {
    const count = 50;
    const gradients = layered(count, [9, 5], 8);
    const turned = new Float64Array(gradients.length);
    for (let i = 0; i < count; i++)
      turned.set(gradients.subarray(i * 14, (i + 1) * 14), (count - 1 - i) * 14);
    const query = layered(1, [9, 5], 9);
    for (const solver of ['datainf', 'dot'] as const) {
      const a = scores(prepareFromGradients(gradients, count, [9, 5], solver, 100), query);
      const b = scores(prepareFromGradients(turned, count, [9, 5], solver, 100), query);
      expect({ ...b, values: [...b.values].reverse() }).toEqual(a);
    }
  });

  it('scores exact copies of a sample alike', () => {
    const features = Float64Array.from([...DATA.features, ...DATA.features.subarray(0, 6)]);
    const data = { ...DATA, features, labels: Int32Array.from([...DATA.labels, DATA.labels[0]!]) };
    const head = train(data, { method: 'newton', l2Micro: L2 });
    for (const solver of ['newton', 'ekfac', 'datainf', 'dot'] as const) {
      const metric = prepare({ data, head }, { solver, l2Micro: L2, clipPercent: 100 });
      const { values } = scores(metric, QUERY);
      expect(values[0]).toBe(values[120]);
    }
  });

  it('clips what is longer than the percentile, and only that', () => {
    const gradients = Float64Array.from({ length: 100 }, (_, i) => (i === 40 ? 1000 : 1 + (i % 3)));
    const clipped = dequantised(prepareFromGradients(gradients, 100, [1], 'dot', 99).gradients);
    gradients.forEach((x, i) => {
      expect(clipped[i]).toBeCloseTo(i === 40 ? 3 : x, 3);
    });
    expect(gradients[40]).toBe(1000);
  });
});

describe('a quantised gradient', () => {
  it('is off by half a unit: 2⁻¹⁵ of the largest of its sample and layer, or 2⁻³⁹ of the largest of the layer', () => {
    const number = fc.oneof(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1e-9, max: 1e-9, noNaN: true }),
      fc.constantFrom(0, 32767.5, 32768, -32767.5, 1e70),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number, number), { minLength: 1, maxLength: 12 }), (rows) => {
        const gradients = Float64Array.from(rows.flat());
        const quantised = buildStore(rowsOf(gradients, rows.length, [2, 1]), 100);
        const back = dequantised(quantised);
        for (const columns of [[0, 1], [2]]) {
          const size = (i: number) => Math.max(...columns.map((j) => Math.abs(gradients[3 * i + j]!)));
          const largest = Math.max(...rows.map((_, i) => size(i)));
          rows.forEach((_, i) => {
            const bound = Math.max(size(i) * 2 ** -15, largest * 2 ** -39) * (1 + 2 ** -15) + 2 ** -255;
            for (const j of columns)
              expect(Math.abs(back[3 * i + j]! - gradients[3 * i + j]!)).toBeLessThanOrEqual(bound);
          });
        }
        rows.forEach((_, i) => {
          expect(readRow(quantised, i).every((value) => Math.abs(value) <= 32767)).toBe(true);
        });
      }),
    );
  });
});
