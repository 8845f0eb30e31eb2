import { describe, expect, it } from 'vitest';
import { AttributionError } from '../../../../attribution/errors.ts';
import {
  answerScores,
  cutStore,
  type Head,
  headGradients,
  influenceCredits,
  type KroneckerLayer,
  type LabelledFeatures,
  prepare,
  prepareFromFactors,
  prepareFromGradients,
  readRow,
  scores,
  train,
} from '../../../../attribution/influence/api.ts';
import { newtonParts } from '../../../../attribution/influence/solvers/newton.ts';
import { clouds, slice } from './oracle.ts';

const DATA = clouds(20, 3, 2, 3);
const NEWTON = { method: 'newton', l2Micro: 1_000_000 } as const;
const SGD = {
  method: 'sgd',
  l2Micro: 0,
  learningRateMicro: 1000,
  initialScaleMicro: 0,
  epochs: 1,
  batchSize: 4,
  seed: new Uint8Array(),
} as const;

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof AttributionError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('hostile input is refused with a code', () => {
  const withFeature = (x: number): LabelledFeatures => ({
    ...DATA,
    features: DATA.features.map((old, i) => (i === 7 ? x : old)),
  });

  it('numbers that are not finite, or too large', () => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, 65_537, -65_537])
      expect(refusal(() => train(withFeature(x), NEWTON))).toBe('InvalidNumber');
    const head = train(DATA, NEWTON);
    const broken: Head = { ...head, weights: head.weights.map(() => Number.NaN) };
    expect(refusal(() => headGradients(DATA, broken))).toBe('InvalidNumber');
    const options = { solver: 'newton', l2Micro: 1, clipPercent: 100 } as const;
    expect(refusal(() => prepare({ data: DATA, head: broken }, options))).toBe('InvalidNumber');
    for (const x of [Number.NaN, Number.NEGATIVE_INFINITY, 1e80])
      for (const solver of ['dot', 'datainf'] as const) {
        expect(refusal(() => prepareFromGradients(Float64Array.of(1, x), 2, [1], solver, 100))).toBe(
          'InvalidNumber',
        );
        const metric = prepareFromGradients(Float64Array.of(1, 2), 2, [1], solver, 100);
        expect(refusal(() => scores(metric, Float64Array.of(x)))).toBe('InvalidNumber');
      }
  });

  it('lengths that do not fit', () => {
    expect(refusal(() => train({ ...DATA, features: DATA.features.subarray(1) }, NEWTON))).toBe(
      'ShapeMismatch',
    );
    const none = { ...DATA, features: new Float64Array(), labels: new Int32Array() };
    expect(refusal(() => train(none, NEWTON))).toBe('ShapeMismatch');
    const head = train(DATA, NEWTON);
    expect(refusal(() => headGradients({ ...DATA, classes: 3 }, head))).toBe('ShapeMismatch');
    expect(refusal(() => prepareFromGradients(new Float64Array(5), 2, [2], 'dot', 100))).toBe(
      'ShapeMismatch',
    );
    const metric = prepareFromGradients(new Float64Array(4), 2, [2], 'dot', 100);
    expect(refusal(() => scores(metric, new Float64Array(3)))).toBe('ShapeMismatch');
    expect(refusal(() => influenceCredits([1n], [], 1))).toBe('ShapeMismatch');
  });

  it('labels, sizes and options out of range', () => {
    const relabelled = { ...DATA, labels: DATA.labels.map((label, i) => (i === 3 ? 2 : label)) };
    expect(refusal(() => train(relabelled, NEWTON))).toBe('InvalidParameter');
    expect(refusal(() => train({ ...DATA, classes: 257 }, NEWTON))).toBe('InvalidParameter');
    expect(refusal(() => train({ ...DATA, width: 0 }, NEWTON))).toBe('InvalidParameter');
    for (const l2Micro of [0, -1, 0.5, Number.NaN])
      expect(refusal(() => train(DATA, { method: 'newton', l2Micro }))).toBe('InvalidParameter');
    const wrong = [
      { epochs: 1001 },
      { epochs: 0 },
      { batchSize: 0 },
      { learningRateMicro: 0 },
      { seed: new Uint8Array(65) },
      { initialScaleMicro: 1.5 },
    ];
    for (const change of wrong)
      expect(refusal(() => train(DATA, { ...SGD, ...change }))).toBe('InvalidParameter');
    const wide = { features: new Float64Array(1024), labels: Int32Array.of(0), width: 1024, classes: 2 };
    expect(refusal(() => train(wide, NEWTON))).toBe('InvalidParameter');
    expect(refusal(() => prepareFromGradients(new Float64Array(2), 2, [], 'dot', 100))).toBe(
      'InvalidParameter',
    );
    expect(refusal(() => prepareFromGradients(new Float64Array(2), 0, [1], 'dot', 100))).toBe(
      'InvalidParameter',
    );
    for (const clip of [0, 101, 2.5])
      expect(refusal(() => prepareFromGradients(new Float64Array(2), 2, [1], 'dot', clip))).toBe(
        'InvalidParameter',
      );
    expect(refusal(() => influenceCredits([1n], [-1], 1))).toBe('InvalidParameter');
    expect(refusal(() => influenceCredits([1n], [0], 65))).toBe('InvalidParameter');
  });

  it('more than the engine holds', () => {
    const many = { features: new Float64Array(65_537), labels: new Int32Array(65_537), width: 1, classes: 2 };
    expect(refusal(() => train(many, NEWTON))).toBe('ProblemTooLarge');
    expect(refusal(() => prepareFromGradients(new Float64Array(1), 65_536, [1 << 20], 'dot', 100))).toBe(
      'InvalidParameter',
    );
  });

  it('answers that are not one sample of the head that the metric was made of', () => {
    const head = train(DATA, NEWTON);
    const one = slice(DATA, 0, 1);
    for (const solver of ['newton', 'ekfac', 'datainf', 'dot'] as const) {
      const metric = prepare({ data: DATA, head }, { solver, l2Micro: 1_000_000, clipPercent: 100 });
      const code = (answer: LabelledFeatures, by = head) => refusal(() => answerScores(metric, by, answer));
      expect(code(one)).toBe('accepted');
      expect(code(slice(DATA, 0, 2))).toBe('ShapeMismatch');
      expect(code({ ...one, classes: 3 })).toBe('ShapeMismatch');
      expect(code({ ...one, labels: Int32Array.of(2) })).toBe('InvalidParameter');
      expect(code({ ...one, features: one.features.map(() => Number.NaN) })).toBe('InvalidNumber');
      expect(code(one, { ...head, weights: head.weights.map(() => 1e300) })).toBe('InvalidNumber');
      const other = clouds(5, 4, 2, 1);
      const wider = train(other, NEWTON);
      expect(code(slice(other, 0, 1), wider)).toBe('ShapeMismatch');
    }
  });

  it('factors that are not those of a layer', () => {
    const good: KroneckerLayer = {
      inputs: Float64Array.of(1, 2, 3, 4),
      inputWidth: 2,
      errors: Float64Array.of(1, -1),
      errorWidth: 1,
      curvature: Float64Array.of(1, 2),
      draws: 1,
    };
    const code = (change: Partial<KroneckerLayer>, starts = Int32Array.of(0, 1, 2), l2Micro = 0) =>
      refusal(() => prepareFromFactors({ starts, layers: [{ ...good, ...change }] }, l2Micro, 100));
    expect(code({})).toBe('accepted');
    expect(code({ inputs: Float64Array.of(1, 2, 3) })).toBe('ShapeMismatch');
    expect(code({ curvature: Float64Array.of(1, 2, 3) })).toBe('ShapeMismatch');
    expect(code({ errors: Float64Array.of(1, Number.NaN) })).toBe('InvalidNumber');
    expect(code({ inputs: Float64Array.of(1, 2, 3, 65_537) })).toBe('InvalidNumber');
    expect(code({ curvature: Float64Array.of(1, Number.POSITIVE_INFINITY) })).toBe('InvalidNumber');
    expect(code({ inputWidth: 2049 })).toBe('InvalidParameter');
    expect(code({ draws: 0 })).toBe('InvalidParameter');
    expect(code({}, Int32Array.of(0, 3, 2))).toBe('ShapeMismatch');
    expect(code({}, Int32Array.of(1, 1, 2))).toBe('ShapeMismatch');
    expect(code({}, Int32Array.of(0))).toBe('InvalidParameter');
    expect(code({}, Int32Array.of(0, 0))).toBe('InvalidParameter');
    expect(code({}, Int32Array.of(0, 1, 2), -1)).toBe('InvalidParameter');
    expect(refusal(() => prepareFromFactors({ starts: Int32Array.of(0, 1), layers: [] }, 0, 100))).toBe(
      'InvalidParameter',
    );
    const many = new Int32Array(65_538).map((_, i) => i);
    const wide = { ...good, inputWidth: 2048, errorWidth: 2048 };
    expect(refusal(() => prepareFromFactors({ starts: many, layers: [wide] }, 0, 100))).toBe(
      'InvalidParameter',
    );
    expect(refusal(() => prepareFromFactors({ starts: many, layers: [good] }, 0, 100))).toBe(
      'ProblemTooLarge',
    );
  });

  it('heads of so many classes and samples that their expected curvature does not fit', () => {
    const many = { features: new Float64Array(2000), labels: new Int32Array(2000), width: 1, classes: 256 };
    const head = { width: 1, classes: 256, weights: new Float64Array(512) };
    expect(
      refusal(() => prepare({ data: many, head }, { solver: 'ekfac', l2Micro: 1, clipPercent: 100 })),
    ).toBe('ProblemTooLarge');
  });

  it('preparations that would take an hour', () => {
    const count = 33_000;
    const data = {
      features: new Float64Array(7 * count),
      labels: new Int32Array(count),
      width: 7,
      classes: 256,
    };
    const head = { width: 7, classes: 256, weights: new Float64Array(2048) };
    expect(refusal(() => prepare({ data, head }, { solver: 'newton', l2Micro: 1, clipPercent: 100 }))).toBe(
      'ProblemTooLarge',
    );
    const wide: KroneckerLayer = {
      inputs: new Float64Array(2048),
      inputWidth: 2048,
      errors: new Float64Array(1),
      errorWidth: 1,
      curvature: new Float64Array(1),
      draws: 1,
    };
    const four = { starts: Int32Array.of(0, 1), layers: [wide, wide, wide, wide] };
    expect(refusal(() => prepareFromFactors(four, 0, 100))).toBe('ProblemTooLarge');
  });

  it('refinements that are none, or would take too long', () => {
    const head = train(DATA, NEWTON);
    const code = (data: LabelledFeatures, refinements: number) =>
      refusal(() =>
        prepare(
          { data, head: { width: data.width, classes: 2, weights: new Float64Array(2 * (data.width + 1)) } },
          { solver: 'newton', l2Micro: 1, clipPercent: 100, refinements },
        ),
      );
    for (const refinements of [-1, 0.5, 17, Number.NaN])
      expect(code(DATA, refinements)).toBe('InvalidParameter');
    expect(code(slice(DATA, 0, 1), 1)).toBe('InvalidParameter');
    const many = { features: new Float64Array(60_000), labels: new Int32Array(60_000), width: 1, classes: 2 };
    expect(code(many, 4)).toBe('ProblemTooLarge');
    expect(refusal(() => newtonParts(DATA, head, 1, 0))).toBe('accepted');
  });

  it('shards that do not hold the samples', () => {
    const { gradients } = prepareFromGradients(Float64Array.of(1, 2, 3), 3, [1], 'dot', 100);
    for (const sizes of [[], [2], [3, 1], [3, 0], [4, -1], [1.5, 1.5], [Number.NaN, 3]])
      expect(refusal(() => cutStore(gradients, sizes))).toBe('ShapeMismatch');
    for (const row of [3, -1, 0.5, Number.NaN])
      expect(refusal(() => readRow(gradients, row))).toBe('ShapeMismatch');
    expect(refusal(() => cutStore(gradients, [1, 2]))).toBe('accepted');
  });

  it('training that runs away', () => {
    const far = { ...DATA, features: DATA.features.map((x) => 10_000 * x) };
    const wild = { ...SGD, l2Micro: 1_000_000_000_000, learningRateMicro: 1_000_000_000, epochs: 1000 };
    expect(refusal(() => train(far, wild))).toBe('NotConverged');
  });

  it('but weights and features as large as they may be give finite scores', () => {
    const data = { ...DATA, features: DATA.features.map((x) => (x > 0 ? 65_536 : -65_536)) };
    const weights = Float64Array.from({ length: 8 }, (_, i) => (i % 3 === 0 ? 1e77 : -1e77));
    const head: Head = { width: 3, classes: 2, weights };
    for (const solver of ['newton', 'ekfac', 'datainf', 'dot'] as const) {
      const metric = prepare({ data, head }, { solver, l2Micro: 1, clipPercent: 100 });
      for (let i = 0; i < 20; i++) {
        const { values, exponent } = answerScores(metric, head, slice(data, i, i + 1));
        expect(values.length).toBe(20);
        expect(Number.isSafeInteger(exponent)).toBe(true);
      }
    }
  });

  it('but one sample, one feature and gradients at the ends of the range are fine', () => {
    const one = { features: Float64Array.of(1), labels: Int32Array.of(1), width: 1, classes: 2 };
    const head = train(one, NEWTON);
    const metric = prepare({ data: one, head }, { solver: 'newton', l2Micro: 1_000_000, clipPercent: 100 });
    expect(scores(metric, headGradients(one, head)).values[0]).toBeGreaterThan(0n);
    for (const solver of ['dot', 'datainf'] as const) {
      const ends = prepareFromGradients(Float64Array.of(1e77, 1e-77, 1e-100, 0), 4, [1], solver, 100);
      expect(scores(ends, Float64Array.of(1e77)).values[0]).toBeGreaterThan(0n);
      expect(scores(ends, Float64Array.of(1e-77)).values[3]).toBe(0n);
    }
  });
});
