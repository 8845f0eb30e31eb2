/**
 * Influence attribution. Accuracy: correlation of each solver's scores with true leave-one-out (training again without
 * each sample) and with training on random halves, on data sets where they are present. Speed: one query against 10,000
 * samples, best of several rounds, CPU time beside wall time, with a plain dot product in doubles as peer in the same
 * run; and what preparing, committing and training cost.
 */
import { pathToFileURL } from 'node:url';
import {
  answerScores,
  commitStore,
  headGradients,
  type KroneckerGradients,
  type Metric,
  prepare,
  prepareFromFactors,
  prepareFromGradients,
  proveSample,
  type SgdTraining,
  scores,
  scoresOfMany,
  train,
  verifySample,
} from '../../attribution/influence/api.ts';
import { buildStore, rowsOf } from '../../attribution/influence/solvers/store.ts';
import { halvesScore, leaveOneOut, SCORINGS } from '../unit/attribution/influence/leave-one-out.ts';
import {
  clouds,
  type DataSetName,
  loadDataSet,
  random,
  slice,
} from '../unit/attribution/influence/oracle.ts';
import type { BenchRow } from './types.ts';

const TRAINED = 400;
const QUERIES = 100;
const HALVES = 50;
const STUDIES: readonly [DataSetName, readonly number[], number][] = [
  ['digits', [1_000_000], 200],
  ['breast cancer', [100_000, 1_000_000, 10_000_000], 400],
];
const SAMPLES = 10_000;
const ROUNDS = 7;
/** Factors of a layer of 8,192 parameters. */
const INPUTS = 128;
const ERRORS = 64;
/** A head of 2,048 parameters. */
const CLASSES = 16;
const FEATURES = 127;

export const about =
  'Accuracy on digits and breast cancer (UCI, where present): correlation with training again without each sample, and with 50 random halves. Speed: one query against 10,000 samples drawn from a seeded generator, best of seven rounds. Peer: a plain dot product in doubles over the same numbers.';

export async function run(): Promise<BenchRow[]> {
  return [...accuracy(), ...wideQueries(), ...headQueries(), ...preparation()];
}

function accuracy(): BenchRow[] {
  const rows: BenchRow[] = [];
  for (const [name, strengths, removed] of STUDIES) {
    const data = loadDataSet(name);
    if (data === undefined) {
      console.error(`influence: ${name} is not here, its accuracy is left out (set OPENLEDGER_VECTORS)`);
      continue;
    }
    const training = slice(data, 0, TRAINED);
    const queries = slice(data, TRAINED, TRAINED + QUERIES);
    for (const l2Micro of strengths) {
      const result = leaveOneOut(training, queries, l2Micro, removed);
      const halves = halvesScore(training, queries, l2Micro, HALVES);
      for (const scoring of SCORINGS) {
        const label = `${scoring}, ${name}, l2 ${l2Micro / 1e6}`;
        rows.push({ name: `${label}: correlation a query`, value: result.perQuery[scoring], unit: '' });
        rows.push({ name: `${label}: of the mean loss`, value: result.meanLoss[scoring], unit: '' });
        rows.push({ name: `${label}: random halves (LDS)`, value: halves[scoring], unit: '' });
      }
    }
  }
  return rows;
}

/** Queries against 10,000 samples of 8,192 numbers. */
function wideQueries(): BenchRow[] {
  const dimensions = INPUTS * ERRORS;
  const next = random(1);
  const factors: KroneckerGradients = {
    starts: Int32Array.from({ length: SAMPLES + 1 }, (_, i) => i),
    layers: [kroneckerLayer(next)],
  };
  const { inputs, errors } = factors.layers[0]!;
  const gradients = new Float64Array(SAMPLES * dimensions);
  for (let i = 0; i < SAMPLES; i++)
    for (let b = 0; b < ERRORS; b++)
      for (let a = 0; a < INPUTS; a++)
        gradients[i * dimensions + b * INPUTS + a] = errors[i * ERRORS + b]! * inputs[i * INPUTS + a]!;
  const query = Float64Array.from({ length: dimensions }, () => next() - 0.5);
  const peer = best(() => plainProducts(gradients, query));
  const given = (solver: 'datainf' | 'dot', layers: readonly number[]) =>
    prepareFromGradients(gradients, SAMPLES, layers, solver, 100);
  const shape = `${SAMPLES} x ${dimensions}`;
  const rows: BenchRow[] = [];
  const measure = (name: string, metric: Metric) =>
    rows.push(...queryRows(name, peer, () => scores(metric, query)));
  const dotMetric = given('dot', [dimensions]);
  measure(`dot, ${shape}`, dotMetric);
  const eight = new Array<Float64Array>(8).fill(query);
  rows.push(
    ...queryRows(`dot, eight queries together, ${shape}`, peer, () => scoresOfMany(dotMetric, eight)),
  );
  measure(`datainf, ${shape}`, given('datainf', [dimensions]));
  measure(`datainf in 16 layers, ${shape}`, given('datainf', new Array<number>(16).fill(dimensions / 16)));
  const ekfac = once(() => prepareFromFactors(factors, 0, 100));
  measure(`ekfac, ${shape}`, ekfac.result);
  const commitment = once(() => commitStore(dotMetric.gradients));
  const proof = proveSample(dotMetric.gradients, commitment.result, 1234);
  const verify = best(() => {
    if (!verifySample(commitment.result.root, SAMPLES, proof)) throw new Error('the proof must be right');
  });
  const bytes = proof.leaf.length + proof.path.reduce((sum, hash) => sum + hash.length, 0);
  return [
    ...rows,
    { name: `ekfac preparation, ${shape}`, value: ekfac.cpuMs / 1000, unit: 's CPU' },
    { name: `Merkle root of the store, ${shape}`, value: commitment.cpuMs / 1000, unit: 's CPU' },
    { name: 'proof of one sample', value: bytes, unit: 'bytes' },
    { name: 'verification of that proof', value: verify.cpuMs, unit: 'ms CPU' },
  ];
}

function kroneckerLayer(next: () => number): KroneckerGradients['layers'][number] {
  const errors = Float64Array.from({ length: SAMPLES * ERRORS }, () => next() - 0.5);
  return {
    inputs: Float64Array.from({ length: SAMPLES * INPUTS }, () => next() - 0.5),
    inputWidth: INPUTS,
    errors,
    errorWidth: ERRORS,
    curvature: errors,
    draws: 1,
  };
}

/** Queries of a head of 2,048 parameters against 10,000 samples; the steps are drawn, since a query does not care. */
function headQueries(): BenchRow[] {
  const next = random(2);
  const size = CLASSES * (FEATURES + 1);
  const steps = Float64Array.from({ length: SAMPLES * size }, () => 0.01 * (next() - 0.5));
  const layers = new Array<number>(CLASSES).fill(FEATURES + 1);
  const metric: Metric = { solver: 'newton', gradients: buildStore(rowsOf(steps, SAMPLES, layers), 100) };
  const head = {
    weights: Float64Array.from({ length: size }, () => next() - 0.5),
    width: FEATURES,
    classes: CLASSES,
  };
  const answer = slice(clouds(1, FEATURES, CLASSES, 3), 0, 1);
  const gradient = headGradients(answer, head);
  const peer = best(() => plainProducts(steps, gradient));
  const shape = `${SAMPLES} x ${size}`;
  return [
    ...queryRows(`newton, ${shape}`, peer, () => answerScores(metric, head, answer)),
    ...queryRows(`newton, linear, ${shape}`, peer, () => scores(metric, gradient)),
  ];
}

function preparation(): BenchRow[] {
  const data = clouds(1000, FEATURES, CLASSES, 1);
  const sgd: SgdTraining = {
    method: 'sgd',
    l2Micro: 1_000_000,
    learningRateMicro: 100_000,
    initialScaleMicro: 10_000,
    epochs: 3,
    batchSize: 32,
    seed: Uint8Array.of(1),
  };
  const { result: head, cpuMs } = once(() => train(data, sgd));
  const prepared = (refinements: number) =>
    once(() =>
      prepare({ data, head }, { solver: 'newton', l2Micro: 1_000_000, clipPercent: 100, refinements }),
    ).cpuMs / 1000;
  return [
    {
      name: 'training by descent, 127 features x 16 classes',
      value: (3 * data.labels.length) / (cpuMs / 1000),
      unit: 'samples/s CPU',
    },
    { name: 'newton preparation, 1000 x 2048', value: prepared(0), unit: 's CPU' },
    { name: 'newton preparation, one refinement, 1000 x 2048', value: prepared(1), unit: 's CPU' },
  ];
}

interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

function queryRows(name: string, peer: Spent, work: () => unknown): BenchRow[] {
  const spent = best(work);
  const row = (what: string, value: number, other: number): BenchRow => ({
    name: `${name}: ${what}`,
    value,
    unit: 'ms',
    peer: `dot products in doubles ${other.toFixed(0)} ms`,
    ratio: other / value,
  });
  return [row('CPU', spent.cpuMs, peer.cpuMs), row('wall', spent.wallMs, peer.wallMs)];
}

function plainProducts(gradients: Float64Array, query: Float64Array): Float64Array {
  const size = query.length;
  const result = new Float64Array(gradients.length / size);
  for (let i = 0; i < result.length; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += gradients[i * size + j]! * query[j]!;
    result[i] = sum;
  }
  return result;
}

/** The least of a few rounds, after one to warm up. */
function best(work: () => unknown): Spent {
  work();
  const rounds = Array.from({ length: ROUNDS }, () => once(work));
  return {
    wallMs: Math.min(...rounds.map(({ wallMs }) => wallMs)),
    cpuMs: Math.min(...rounds.map(({ cpuMs }) => cpuMs)),
  };
}

function once<T>(work: () => T): Spent & { readonly result: T } {
  const start = performance.now();
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { result, wallMs: performance.now() - start, cpuMs: (user + system) / 1000 };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const { name, value, unit, peer } of await run())
    console.log(`${name.padEnd(56)} ${value.toFixed(3)} ${unit}${peer ? ` (${peer})` : ''}`);
