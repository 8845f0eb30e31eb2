import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributionError } from '../../../../attribution/errors.ts';
import { createPass, forward } from '../../../../attribution/influence/models/adapter.ts';
import {
  addOwnCurvature,
  curvatureMatrix,
  denseGradients,
} from '../../../../attribution/influence/models/curvature.ts';
import { modelGradients } from '../../../../attribution/influence/models/kronecker.ts';
import { leaveOutSteps } from '../../../../attribution/influence/models/leave-out.ts';
import {
  descentDamping,
  modelMetricHash,
  modelScores,
  prepareModel,
} from '../../../../attribution/influence/models/metric.ts';
import { hashedContexts } from '../../../../attribution/influence/models/next-token.ts';
import { principalProjection, project } from '../../../../attribution/influence/models/projection.ts';
import type {
  Adapter,
  AdapterTraining,
  FrozenPart,
  TokenRecords,
  TrainedModel,
  TrainingProblem,
} from '../../../../attribution/influence/models/types.ts';
import { modelHash, replayModel, trainModel } from '../../../../attribution/influence/trainer/train-model.ts';
import type { LabelledFeatures, SgdTraining } from '../../../../attribution/influence/types.ts';
import { asNumbers, clouds, loss, random, slice } from './oracle.ts';

const CLASSES = 4;
const WIDTH = 6;
const HIDDEN = 5;
const DATA = clouds(60, WIDTH, CLASSES, 21);
const SGD: SgdTraining = {
  method: 'sgd',
  l2Micro: 100_000,
  learningRateMicro: 100_000,
  initialScaleMicro: 200_000,
  epochs: 6,
  batchSize: 8,
  seed: Uint8Array.of(7),
};
const ADAPTER: AdapterTraining = {
  ...SGD,
  method: 'adapter-sgd',
  rank: 2,
  scaleMicro: 1_500_000,
  trainsHead: 0,
};

function numbers(count: number, seed: number): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length: count }, () => 2 * next() - 1);
}

const LINEAR: FrozenPart = {
  kind: 'linear',
  width: WIDTH,
  classes: CLASSES,
  weights: numbers(CLASSES * (WIDTH + 1), 1),
};
const HIDDEN_PART: FrozenPart = {
  kind: 'hidden',
  width: WIDTH,
  hidden: HIDDEN,
  classes: CLASSES,
  hiddenWeights: numbers(HIDDEN * (WIDTH + 1), 2),
  headWeights: numbers(CLASSES * (HIDDEN + 1), 3),
};
const WORDS = 7;
const RECORDS = Array.from({ length: 12 }, (_, i) =>
  Int32Array.from(numbers(3 + (i % 5), 50 + i), (x) => Math.floor(((x + 1) / 2) * WORDS)),
);
const TOKENS = hashedContexts(RECORDS, { vocabulary: WORDS, reach: 2, width: 8, seed: 9 });

const PROBLEMS: Record<string, TrainingProblem> = {
  'a head': { kind: 'head', data: DATA, options: SGD },
  'a next-token head': { kind: 'next-token', data: TOKENS, options: SGD },
  'an adapter of a linear part': { kind: 'adapter', data: DATA, frozen: LINEAR, options: ADAPTER },
  'an adapter of a hidden part': { kind: 'adapter', data: DATA, frozen: HIDDEN_PART, options: ADAPTER },
  'an adapter with its head': {
    kind: 'adapter',
    data: DATA,
    frozen: HIDDEN_PART,
    options: { ...ADAPTER, trainsHead: 1 },
  },
};

/** The trained numbers of a model in the order of its gradient. */
function parametersOf(model: TrainedModel): Float64Array[] {
  if (model.kind !== 'adapter') return [model.head.weights];
  return [model.adapter.down, model.adapter.up, model.adapter.head];
}

/** A copy of the model with parameter `at` moved. */
function moved(model: TrainedModel, at: number, by: number): TrainedModel {
  const parts = parametersOf(model).map((part) => Float64Array.from(part));
  let rest = at;
  for (const part of parts) {
    if (rest < part.length) {
      part[rest]! += by;
      break;
    }
    rest -= part.length;
  }
  if (model.kind !== 'adapter') return { ...model, head: { ...model.head, weights: parts[0]! } };
  const adapter: Adapter = { ...model.adapter, down: parts[0]!, up: parts[1]!, head: parts[2]! };
  return { ...model, adapter };
}

/** Logits of one position, in plain loops and with none of the engine's code. */
function logitsOf(model: TrainedModel, x: Float64Array): number[] {
  const map = (weights: Float64Array, input: readonly number[], rows: number) =>
    Array.from({ length: rows }, (_, row) =>
      [...input, 1].reduce((sum, value, j) => sum + value * weights[row * (input.length + 1) + j]!, 0),
    );
  if (model.kind !== 'adapter') return map(model.head.weights, [...x], model.head.classes);
  const { frozen, adapter } = model;
  const low = Array.from({ length: adapter.rank }, (_, k) =>
    x.reduce((sum, value, j) => sum + value * adapter.down[k * adapter.width + j]!, 0),
  );
  const first = frozen.kind === 'linear' ? frozen.weights : frozen.hiddenWeights;
  const z = map(first, [...x], adapter.outputs).map(
    (value, o) =>
      value +
      (adapter.scaleMicro / 1e6) * low.reduce((sum, l, k) => sum + l * adapter.up[o * adapter.rank + k]!, 0),
  );
  if (frozen.kind === 'linear') return z;
  const head = adapter.head.length > 0 ? adapter.head : frozen.headWeights;
  return map(
    head,
    z.map((value) => Math.max(0, value)),
    frozen.classes,
  );
}

function probabilitiesOf(model: TrainedModel, data: LabelledFeatures, t: number): number[] {
  const logits = logitsOf(model, data.features.subarray(t * data.width, (t + 1) * data.width));
  const largest = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function startsOf(data: LabelledFeatures | TokenRecords): number[] {
  return 'starts' in data ? [...data.starts] : Array.from({ length: data.labels.length + 1 }, (_, i) => i);
}

function sampleLoss(model: TrainedModel, data: LabelledFeatures | TokenRecords, i: number): number {
  const starts = startsOf(data);
  let sum = 0;
  for (let t = starts[i]!; t < starts[i + 1]!; t++)
    sum -= Math.log(probabilitiesOf(model, data, t)[data.labels[t]!]!);
  return sum;
}

/** Derivatives of the logits of position t by every parameter, by finite differences: [parameter][class]. */
function jacobian(model: TrainedModel, data: LabelledFeatures, t: number, size: number): number[][] {
  const x = data.features.subarray(t * data.width, (t + 1) * data.width);
  return Array.from({ length: size }, (_, at) => {
    const up = logitsOf(moved(model, at, 1e-6), x);
    const down = logitsOf(moved(model, at, -1e-6), x);
    return up.map((z, c) => (z - down[c]!) / 2e-6);
  });
}

for (const [name, problem] of Object.entries(PROBLEMS)) {
  const { data } = problem;
  const model = trainModel(problem);
  const samples = startsOf(data).length - 1;
  const gradients = modelGradients(model, data, 0);
  const dense = denseGradients(gradients);
  const size = dense.length / samples;

  describe(`${name}`, () => {
    it('has the gradients that finite differences of the loss give', () => {
      expect(size).toBe(parametersOf(model).reduce((sum, part) => sum + part.length, 0));
      for (const i of [0, 3, samples - 1])
        for (let at = 0; at < size; at++) {
          const slope =
            (sampleLoss(moved(model, at, 1e-6), data, i) - sampleLoss(moved(model, at, -1e-6), data, i)) /
            2e-6;
          expect(Math.abs(dense[i * size + at]! - slope)).toBeLessThan(1e-6);
        }
    });

    it('has the curvature J·S·Jᵀ of finite differences of the logits', () => {
      const expected = new Float64Array(size * size);
      const positions = data.labels.length;
      for (let t = 0; t < positions; t++) {
        const p = probabilitiesOf(model, data, t);
        const j = jacobian(model, data, t, size);
        const mean = j.map((row) => row.reduce((sum, value, c) => sum + value * p[c]!, 0));
        for (let a = 0; a < size; a++)
          for (let b = 0; b < size; b++)
            expected[a * size + b]! += p.reduce(
              (sum, pc, c) => sum + pc * (j[a]![c]! - mean[a]!) * j[b]![c]!,
              a === b && t === 0 ? 0.25 : 0,
            );
      }
      const matrix = curvatureMatrix(gradients, 0.25);
      const scale = Math.max(...expected.map(Math.abs));
      matrix.forEach((value, at) => {
        expect(Math.abs(value - expected[at]!) / scale).toBeLessThan(1e-6);
      });
      // The parts of the samples add up to the whole.
      const v = numbers(size, 77);
      const sum = v.map((value) => 0.25 * value);
      for (let i = 0; i < samples; i++) addOwnCurvature(gradients, i, v, sum);
      sum.forEach((value, a) => {
        const whole = v.reduce((total, x, b) => total + matrix[a * size + b]! * x, 0);
        expect(Math.abs(value - whole)).toBeLessThan(1e-9 * (1 + Math.abs(whole)));
      });
    });

    it('gives steps that solve the curvature without the sample', () => {
      const steps = leaveOutSteps(gradients, 2, true);
      const matrix = curvatureMatrix(gradients, 2);
      for (let i = 0; i < samples; i += 3) {
        const step = steps.subarray(i * size, (i + 1) * size);
        const own = new Float64Array(size);
        addOwnCurvature(gradients, i, step, own);
        for (let a = 0; a < size; a++) {
          const product = step.reduce((sum, x, b) => sum + matrix[a * size + b]! * x, -own[a]!);
          expect(Math.abs(product - dense[i * size + a]!)).toBeLessThan(1e-6);
        }
      }
    });

    it('is replayed to the bit, and nothing else is', () => {
      const claimed = modelHash(model);
      expect(replayModel(problem, claimed).matches).toBe(true);
      const other = {
        ...problem,
        options: { ...problem.options, seed: Uint8Array.of(8) },
      } as TrainingProblem;
      expect(replayModel(other, claimed).matches).toBe(false);
      const features = data.features.map((x, i) => (i === 9 ? x + 1e-9 : x));
      expect(
        replayModel({ ...problem, data: { ...data, features } } as TrainingProblem, claimed).matches,
      ).toBe(false);
    });

    it('learns: the loss falls', () => {
      const total = (m: TrainedModel) =>
        Array.from({ length: samples }, (_, i) => sampleLoss(m, data, i)).reduce((a, b) => a + b, 0);
      const start = trainModel({
        ...problem,
        options: { ...problem.options, learningRateMicro: 1, epochs: 1 },
      } as TrainingProblem);
      expect(total(model)).toBeLessThan(0.97 * total(start));
    });
  });
}

describe('these bits on every processor', () => {
  it('training', () => {
    expect(Object.values(PROBLEMS).map((problem) => modelHash(trainModel(problem)).slice(0, 18))).toEqual([
      '0x881ea55e7baa7ad9',
      '0xa1485d5a25d4b6d8',
      '0xa68da48ecd3b441a',
      '0x3d78d4448a7d3722',
      '0x54e0ff6b642a963d',
    ]);
  });

  it('metrics', () => {
    const options = {
      solver: 'newton',
      dampingMicro: 1_000_000,
      correctsLeverage: 1,
      draws: 0,
      clipPercent: 99,
    } as const;
    const hashes = Object.values(PROBLEMS).map((problem) => {
      const metric = prepareModel(trainModel(problem), problem.data, { ...options, projectedWidth: 3 });
      return modelMetricHash(metric).slice(0, 18);
    });
    expect(hashes).toEqual([
      '0x644f48b667809b27',
      '0x0d87206989020a7b',
      '0x92a190d4a239decb',
      '0x99d8a26068f92186',
      '0x9d056aa76757cac2',
    ]);
  });
});

describe('a projection', () => {
  const spread = clouds(200, 12, 3, 4);
  // Two directions carry nearly everything.
  for (let i = 0; i < 200; i++) for (let j = 2; j < 12; j++) spread.features[i * 12 + j]! *= 0.01 / j;
  const model = trainModel({ kind: 'head', data: spread, options: SGD });
  const gradients = modelGradients(model, spread, 'none');

  it('has orthonormal rows and keeps the length of what varies most', () => {
    const projection = principalProjection(gradients, 3);
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < 3; b++) {
        let product = 0;
        for (let j = 0; j < 13; j++) product += projection.basis[a * 13 + j]! * projection.basis[b * 13 + j]!;
        expect(product).toBeCloseTo(a === b ? 1 : 0, 12);
      }
    const inputs = gradients.layers[0]!.inputs;
    const kept = project(gradients, projection).layers[0]!.inputs;
    const squares = (values: Float64Array) => values.reduce((sum, x) => sum + x * x, 0);
    expect(squares(kept) / squares(inputs)).toBeGreaterThan(0.9999);
    expect(squares(kept) / squares(inputs)).toBeLessThanOrEqual(1 + 1e-12);
  });

  it('of all directions changes no score', () => {
    const options = {
      solver: 'newton',
      dampingMicro: 3_000_000,
      correctsLeverage: 1,
      draws: 0,
      clipPercent: 100,
    } as const;
    const plain = prepareModel(model, spread, { ...options, projectedWidth: 0 });
    const turned = prepareModel(model, spread, { ...options, projectedWidth: 13 });
    const query = slice(spread, 5, 6);
    const a = asNumbers(modelScores(plain, model, query)[0]!);
    const b = asNumbers(modelScores(turned, model, query)[0]!);
    const scale = Math.max(...a.map(Math.abs));
    a.forEach((value, i) => {
      expect(Math.abs(value - b[i]!) / scale).toBeLessThan(1e-3);
    });
    expect(modelMetricHash(plain)).not.toBe(modelMetricHash(turned));
  });

  it('of inputs with fewer directions than asked for fills up with unit vectors', () => {
    const flat = { ...spread, features: spread.features.map((x, i) => (i % 12 === 0 ? x : 0)) };
    const { basis } = principalProjection(modelGradients(model, flat, 'none'), 5);
    expect(basis.every(Number.isFinite)).toBe(true);
    for (let k = 0; k < 5; k++)
      expect(basis.subarray(k * 13, (k + 1) * 13).reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 12);
  });
});

describe('curvature from drawn answers', () => {
  it('comes close to the exact one as draws grow', () => {
    const model = trainModel(PROBLEMS['an adapter with its head']!);
    const exact = curvatureMatrix(modelGradients(model, DATA, 0), 0);
    const drawn = curvatureMatrix(modelGradients(model, DATA, 64), 0);
    const length = (matrix: Float64Array) => Math.sqrt(matrix.reduce((sum, x) => sum + x * x, 0));
    expect(length(exact.map((x, i) => x - drawn[i]!)) / length(exact)).toBeLessThan(0.1);
  });
});

describe('hashed contexts', () => {
  it('see only what stands before, and only in their record', () => {
    const token = fc.integer({ min: 0, max: WORDS - 1 });
    const record = fc.array(token, { minLength: 1, maxLength: 6 });
    const options = { vocabulary: WORDS, reach: 3, width: 16, seed: 5 };
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 4 }),
        fc.nat(3),
        token,
        (records, pick, other) => {
          const whole = hashedContexts(
            records.map((tokens) => Int32Array.from(tokens)),
            options,
          );
          // The last token of a record is nobody's context.
          const at = pick % records.length;
          const changed = records.map((tokens, i) =>
            Int32Array.from(i === at ? [...tokens.slice(0, -1), other] : tokens),
          );
          expect(hashedContexts(changed, options).features).toEqual(whole.features);
          const alone = hashedContexts([Int32Array.from(records[at]!)], options);
          const from = whole.starts[at]! * 16;
          expect(whole.features.slice(from, from + alone.features.length)).toEqual(alone.features);
          expect(alone.features.subarray(0, 16).every((x) => x === 0)).toBe(true);
        },
      ),
    );
  });
});

describe('damping of a model that descent left early', () => {
  it('is n/(rate·steps) and the regularisation', () => {
    expect(
      descentDamping(5000, { ...SGD, l2Micro: 7, learningRateMicro: 10_000, epochs: 20, batchSize: 64 }),
    ).toBe(316_455_696 + 7);
  });
});

describe('hostile models and records are refused with a code', () => {
  const refusal = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (error instanceof AttributionError) return error.code;
      throw error;
    }
    return 'accepted';
  };
  const adapt = (change: Partial<AdapterTraining>, frozen: FrozenPart = LINEAR) =>
    refusal(() => trainModel({ kind: 'adapter', data: DATA, frozen, options: { ...ADAPTER, ...change } }));

  it('options out of range', () => {
    expect(adapt({})).toBe('accepted');
    for (const change of [
      { rank: 0 },
      { rank: 257 },
      { scaleMicro: 0 },
      { scaleMicro: 1.5 },
      { trainsHead: 1 as const },
      { initialScaleMicro: 0 },
      { epochs: 1001 },
      { seed: new Uint8Array(65) },
    ])
      expect(adapt(change)).toBe('InvalidParameter');
    expect(adapt({ trainsHead: 1 }, HIDDEN_PART)).toBe('accepted');
    for (const context of [{ reach: 0 }, { reach: 65 }, { vocabulary: 1 }, { width: 0 }, { seed: -1 }])
      expect(
        refusal(() =>
          hashedContexts(RECORDS, { vocabulary: WORDS, reach: 2, width: 8, seed: 9, ...context }),
        ),
      ).toBe('InvalidParameter');
    expect(refusal(() => hashedContexts(RECORDS, { vocabulary: 3, reach: 2, width: 8, seed: 9 }))).toBe(
      'InvalidParameter',
    );
  });

  it('frozen parts and adapters of the wrong shape or with numbers that are none', () => {
    expect(adapt({}, { ...LINEAR, width: WIDTH + 1 })).toBe('ShapeMismatch');
    expect(adapt({}, { ...LINEAR, weights: LINEAR.weights.subarray(1) })).toBe('ShapeMismatch');
    expect(adapt({}, { ...LINEAR, weights: LINEAR.weights.map(() => Number.NaN) })).toBe('InvalidNumber');
    expect(adapt({}, { ...HIDDEN_PART, hidden: 8193 })).toBe('InvalidParameter');
    expect(adapt({ learningRateMicro: 1_000_000_000, l2Micro: 1_000_000_000_000, epochs: 200 })).toBe(
      'NotConverged',
    );
    const model = trainModel(PROBLEMS['an adapter of a linear part']!) as TrainedModel & { kind: 'adapter' };
    const broken = { ...model, adapter: { ...model.adapter, up: model.adapter.up.subarray(1) } };
    expect(refusal(() => modelGradients(broken, DATA, 0))).toBe('ShapeMismatch');
    expect(refusal(() => modelGradients(model, DATA, 65))).toBe('InvalidParameter');
  });

  it('training that would take hours', () => {
    const zeros = (count: number, width: number, classes: number): LabelledFeatures => ({
      features: new Float64Array(count * width),
      labels: new Int32Array(count),
      width,
      classes,
    });
    const long = zeros(3000, 399, 250);
    const epochs = 1000;
    const frozen: FrozenPart = {
      kind: 'linear',
      width: 399,
      classes: 250,
      weights: new Float64Array(100_000),
    };
    const problems: TrainingProblem[] = [
      { kind: 'head', data: long, options: { ...SGD, epochs } },
      { kind: 'next-token', data: { ...long, starts: Int32Array.of(0, 3000) }, options: { ...SGD, epochs } },
      { kind: 'adapter', data: long, frozen, options: { ...ADAPTER, epochs, rank: 256 } },
      { kind: 'head', data: zeros(40_000, 7, 256), options: { method: 'newton', l2Micro: 1 } },
    ];
    for (const problem of problems) expect(() => trainModel(problem)).toThrow(/^Training would take/);
  });

  it('records that overlap, miss tokens or hold words that do not exist', () => {
    const train = (change: Partial<TokenRecords>) =>
      refusal(() => trainModel({ kind: 'next-token', data: { ...TOKENS, ...change }, options: SGD }));
    expect(train({})).toBe('accepted');
    expect(train({ starts: TOKENS.starts.map((start, i) => (i === 1 ? 99 : start)) })).toBe('ShapeMismatch');
    expect(train({ starts: TOKENS.starts.subarray(1) })).toBe('ShapeMismatch');
    expect(train({ starts: TOKENS.starts.subarray(0, -1) })).toBe('ShapeMismatch');
    expect(train({ starts: Int32Array.of(0) })).toBe('InvalidParameter');
    expect(train({ classes: 3 })).toBe('InvalidParameter');
    expect(train({ classes: 4097 })).toBe('InvalidParameter');
    expect(train({ features: TOKENS.features.map(() => Number.POSITIVE_INFINITY) })).toBe('InvalidNumber');
    const model = trainModel(PROBLEMS['a next-token head']!);
    const { starts: _, ...withoutStarts } = TOKENS;
    expect(refusal(() => modelGradients(model, withoutStarts, 0))).toBe('ShapeMismatch');
  });

  it('metrics that would take hours, and queries of another model', () => {
    const wide = { features: new Float64Array(1024), labels: Int32Array.of(0), width: 1024, classes: 2 };
    const head: TrainedModel = {
      kind: 'head',
      head: { weights: new Float64Array(2050), width: 1024, classes: 2 },
    };
    const options = {
      solver: 'newton',
      dampingMicro: 1,
      correctsLeverage: 1,
      draws: 0,
      clipPercent: 100,
    } as const;
    const prepare = (projectedWidth: number) =>
      refusal(() => prepareModel(head, wide, { ...options, projectedWidth }));
    expect(prepare(0)).toBe('InvalidParameter');
    expect(prepare(1026)).toBe('InvalidParameter');
    const model = trainModel(PROBLEMS['a head']!);
    const metric = prepareModel(model, DATA, { ...options, dampingMicro: 1_000_000, projectedWidth: 0 });
    const other = trainModel(PROBLEMS['a next-token head']!);
    expect(refusal(() => modelScores(metric, other, TOKENS))).toBe('ShapeMismatch');
    expect(modelScores(metric, model, DATA)).toHaveLength(60);
    expect(refusal(() => prepareModel(model, DATA, { ...options, dampingMicro: 0, projectedWidth: 0 }))).toBe(
      'InvalidParameter',
    );
    const many = clouds(8000, 203, 10, 1);
    const large: TrainedModel = {
      kind: 'head',
      head: { weights: new Float64Array(2040), width: 203, classes: 10 },
    };
    expect(
      refusal(() => prepareModel(large, many, { ...options, dampingMicro: 1_000_000, projectedWidth: 0 })),
    ).toBe('ProblemTooLarge');
  });
});

describe('forward', () => {
  it('gives the loss that plain loops give', () => {
    const model = trainModel(PROBLEMS['an adapter with its head']!) as TrainedModel & { kind: 'adapter' };
    const pass = createPass(model.frozen, model.adapter);
    for (let i = 0; i < 10; i++)
      expect(
        forward(model.frozen, model.adapter, DATA.features, i * WIDTH, DATA.labels[i]!, pass),
      ).toBeCloseTo(sampleLoss(model, DATA, i), 10);
    const head = trainModel(PROBLEMS['a head']!) as TrainedModel & { kind: 'head' };
    expect(sampleLoss(head, DATA, 4)).toBeCloseTo(loss(head.head.weights, DATA, 4), 10);
  });
});
