/**
 * Models that the chain trains: what one answer takes, in time and in attribution units, for models as large as the
 * limits allow; and what training takes, in time and in the multiplications that the chain counts. The metrics of the
 * answers are made of drawn rows: their time depends on sizes only.
 */
import { createShard, type Metric, type QuantisedGradients } from '../../attribution/influence/api.ts';
import { prepareDataInf } from '../../attribution/influence/solvers/datainf.ts';
import { basisOf } from '../../attribution/influence/solvers/ekfac.ts';
import {
  answerAndAttribute,
  type Trained,
  type TrainingSpec,
  trainingWork,
  trainRegistered,
} from '../../attribution/trained/api.ts';
import { answerCostOf, dimensionsOf, layersOf } from '../../attribution/trained/check-spec.ts';
import { inferenceUnitsOf } from '../../genesis/inference-units.ts';
import { address, utf8 } from '../unit/attribution/builders.ts';
import { drawer, recordsOf } from '../unit/attribution/trained/builders.ts';
import type { BenchRow } from './types.ts';

const ROUNDS = 9;
const HASH = `0x${'11'.repeat(32)}`;
/** Everybody who contributed; more of them cost more than few. */
const CONTRIBUTORS = 1000;

interface Shape {
  readonly samples: number;
  readonly width: number;
  readonly classes: number;
  readonly solver: TrainingSpec['metric']['solver'];
  /** Whether descent trains it, as heads of more than 2,048 parameters must be. */
  readonly byDescent?: boolean;
}

/** A usual one first, then the corners of the limits. */
const ANSWERS: readonly Shape[] = [
  { samples: 10_000, width: 64, classes: 10, solver: 'newton' },
  { samples: 16_384, width: 1, classes: 2, solver: 'newton' },
  { samples: 16_384, width: 256, classes: 2, solver: 'newton' },
  { samples: 16_384, width: 7, classes: 256, solver: 'newton' },
  { samples: 16_384, width: 1023, classes: 2, solver: 'newton' },
  { samples: 10_000, width: 64, classes: 10, solver: 'ekfac' },
  { samples: 8_000, width: 784, classes: 10, solver: 'ekfac', byDescent: true },
  { samples: 128, width: 2047, classes: 256, solver: 'ekfac', byDescent: true },
  { samples: 16_384, width: 64, classes: 10, solver: 'datainf' },
  { samples: 16_384, width: 2047, classes: 2, solver: 'datainf', byDescent: true },
  { samples: 128, width: 2047, classes: 256, solver: 'datainf', byDescent: true },
];

const TRAININGS: readonly Shape[] = [
  { samples: 1_000, width: 64, classes: 10, solver: 'newton' },
  { samples: 4_000, width: 64, classes: 10, solver: 'newton' },
  { samples: 1_000, width: 784, classes: 10, solver: 'ekfac', byDescent: true },
];

export async function run(): Promise<BenchRow[]> {
  return [...ANSWERS.flatMap(answerRows), ...TRAININGS.flatMap(trainingRows)];
}

function answerRows(shape: Shape): BenchRow[] {
  const spec = specOf(shape);
  const trained = drawnModel(shape, spec);
  const prompt = utf8(Array.from({ length: shape.width }, (_, j) => j % 17).join(' '));
  const rules = {
    params: { contributorCapPermille: 500, coverageCapPermille: 600, maxContributors: 64 },
    commons: new Set<number>(),
    ineligible: new Set<string>(),
  };
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++)
    best = Math.min(
      best,
      cpuMs(() => answerAndAttribute(trained, { spec, prompt, requestHash: HASH, ...rules })),
    );
  const units = inferenceUnitsOf({
    promptBytes: prompt.length,
    samples: shape.samples,
    dimensions: dimensionsOf(spec),
    layers: layersOf(spec),
    solver: shape.solver,
    ...answerCostOf(spec),
  });
  const name = `answer, ${nameOf(shape)}`;
  return [
    { name: `${name}: CPU`, value: best, unit: 'ms' },
    { name: `${name}: attribution units`, value: units, unit: '' },
    { name: `${name}: CPU of a unit`, value: (1000 * best) / units, unit: 'µs' },
  ];
}

function trainingRows(shape: Shape): BenchRow[] {
  const spec = specOf(shape);
  const records = recordsOf(drawnTexts(shape).map((text, i) => ({ text, by: i % CONTRIBUTORS })));
  const ms = cpuMs(() => {
    const { object } = trainRegistered({ spec, records });
    if (object.outcome === 'failed') throw new Error(`${nameOf(shape)} failed: ${object.failure}`);
  });
  const work = trainingWork(spec, shape.samples);
  const name = `training, ${nameOf(shape)}`;
  return [
    { name: `${name}: CPU`, value: ms / 1000, unit: 's' },
    { name: `${name}: counted multiplications`, value: work / 1e9, unit: '10⁹' },
    { name: `${name}: CPU of 10⁹`, value: ms / 1000 / (work / 1e9), unit: 's' },
  ];
}

function nameOf({ samples, width, classes, solver }: Shape): string {
  return `${solver}, ${samples} samples × ${width} numbers × ${classes} classes`;
}

function specOf({ width, classes, solver, byDescent }: Shape): TrainingSpec {
  const descent = { l2Micro: 1_000, learningRateMicro: 100_000, initialScaleMicro: 0, epochs: 10 };
  return {
    features: { kind: 'numbers', width, divisorExponent: 4 },
    classes: Array.from({ length: classes }, (_, c) => `class ${c}`),
    training: byDescent
      ? { method: 'sgd', ...descent, batchSize: 32, seed: new Uint8Array() }
      : { method: 'newton', l2Micro: 1_000_000 },
    metric: { solver, clipPercent: 100, projectedWidth: 0 },
  };
}

/** Noise around a centre for each class. */
function drawnTexts({ samples, width, classes }: Shape): string[] {
  const draw = drawer(5);
  const centres = Array.from({ length: classes * width }, () => draw(9));
  return Array.from({ length: samples }, (_, i) => {
    const c = i % classes;
    const numbers = Array.from({ length: width }, (_, j) => centres[c * width + j]! + draw(9));
    return `class ${c}\n${numbers.join(' ')}`;
  });
}

/** A model and a metric of the right sizes, of drawn numbers. */
function drawnModel({ samples, width, classes, solver, byDescent }: Shape, spec: TrainingSpec): Trained {
  const draw = drawer(7);
  const weights = Float64Array.from({ length: classes * (width + 1) }, () => draw(1000) / 1000 - 0.5);
  const dimensions = dimensionsOf(spec);
  const layers = layersOf(spec) === 1 ? [dimensions] : new Array<number>(classes).fill(width + 1);
  const shard = createShard(layers, samples);
  const row = new Int16Array(dimensions);
  for (let i = 0; i < samples; i++) {
    for (let j = 0; j < dimensions; j++) row[j] = draw(65_535) - 32_767;
    shard.write(i, row);
  }
  const exponents = new Int16Array(samples * layers.length).fill(-20);
  const baseExponents = layers.map(() => -20);
  const gradients = { count: samples, layers, dimensions, exponents, baseExponents, shards: [shard] };
  const metric = metricOf(solver, gradients, width + 1, classes);
  return {
    model: { kind: 'head', head: { weights, width, classes } },
    modelHash: HASH,
    metric: byDescent
      ? { kind: 'descent', metric: { projection: undefined, rows: metric } }
      : { kind: 'optimum', metric },
    metricHash: HASH,
    passedOver: 0,
    payees: {
      list: Array.from({ length: CONTRIBUTORS }, (_, i) => ({ contributor: address(i), dataNetId: 1 })),
      ofSample: Uint32Array.from({ length: samples }, (_, i) => i % CONTRIBUTORS),
    },
  };
}

function metricOf(
  solver: Shape['solver'],
  gradients: QuantisedGradients,
  inputs: number,
  errors: number,
): Metric {
  if (solver === 'newton') return { solver, gradients };
  if (solver === 'datainf') return prepareDataInf(gradients);
  const draw = drawer(11);
  const basis = (width: number) =>
    basisOf(
      Int16Array.from({ length: width * width }, () => draw(65_535) - 32_767),
      width,
      -20,
    );
  const reciprocals = Int32Array.from({ length: inputs * errors }, () => draw(2_147_483_647));
  return {
    solver,
    gradients,
    factors: [{ input: basis(inputs), error: basis(errors), reciprocals, reciprocalExponent: -31 }],
  };
}

function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
