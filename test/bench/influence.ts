/**
 * Influence attribution. Accuracy: correlation of each solver's scores with true leave-one-out (training again without
 * each sample), on data sets where they are present. Speed: one query against 10,000 samples × 8,192 numbers, with a
 * plain dot product in doubles as peer in the same run, and what preparing and training cost.
 */
import { pathToFileURL } from 'node:url';
import {
  prepare,
  prepareFromGradients,
  type SgdTraining,
  scores,
  train,
} from '../../attribution/influence/api.ts';
import type { Metric } from '../../attribution/influence/types.ts';
import { leaveOneOut } from '../unit/attribution/influence/leave-one-out.ts';
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
const STUDIES: readonly [DataSetName, readonly number[], number][] = [
  ['digits', [1_000_000], 200],
  ['breast cancer', [100_000, 1_000_000, 10_000_000], 400],
];
const SAMPLES = 10_000;
const DIMENSIONS = 8192;
const ROUNDS = 5;

export async function run(): Promise<BenchRow[]> {
  return [...accuracy(), ...speed(), ...preparation()];
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
      for (const solver of ['newton', 'datainf', 'dot'] as const) {
        const label = `${solver}, ${name}, l2 ${l2Micro / 1e6}`;
        rows.push({ name: `${label}: correlation a query`, value: result.perQuery[solver], unit: '' });
        rows.push({ name: `${label}: of the mean loss`, value: result.meanLoss[solver], unit: '' });
      }
    }
  }
  return rows;
}

function speed(): BenchRow[] {
  const next = random(1);
  const row = Float64Array.from({ length: DIMENSIONS }, () => next() - 0.5);
  const gradients = new Float64Array(SAMPLES * DIMENSIONS);
  for (let i = 0; i < SAMPLES; i++)
    for (let j = 0; j < DIMENSIONS; j++) gradients[i * DIMENSIONS + j] = row[(j + 31 * i) % DIMENSIONS]!;
  const query = Float64Array.from({ length: DIMENSIONS }, () => next() - 0.5);
  const peer = median(() => plainProducts(gradients, query));
  const shape = `${SAMPLES} x ${DIMENSIONS}`;
  return (['dot', 'datainf'] as const).map((solver) => {
    const metric = prepareFromGradients(gradients, SAMPLES, [DIMENSIONS], solver, 100);
    return queryRow(`${solver} query, ${shape}`, metric, query, peer);
  });
}

function preparation(): BenchRow[] {
  const data = clouds(2000, 127, 16, 1);
  const sgd: SgdTraining = {
    method: 'sgd',
    l2Micro: 1_000_000,
    learningRateMicro: 100_000,
    initialScaleMicro: 10_000,
    epochs: 3,
    batchSize: 32,
    seed: Uint8Array.of(1),
  };
  const start = performance.now();
  const head = train(data, sgd);
  const trained = performance.now();
  const metric = prepare({ data, head }, { solver: 'newton', l2Micro: 1_000_000, clipPercent: 99 });
  const prepared = performance.now();
  const query = Float64Array.from(head.weights);
  return [
    {
      name: 'training by descent, 127 features x 16 classes',
      value: 6000 / ((trained - start) / 1000),
      unit: 'samples/s',
    },
    { name: 'newton preparation, 2000 x 2048', value: (prepared - trained) / 1000, unit: 's' },
    { name: 'newton query, 2000 x 2048', value: median(() => scores(metric, query)), unit: 'ms' },
  ];
}

function queryRow(name: string, metric: Metric, query: Float64Array, peer: number): BenchRow {
  const value = median(() => scores(metric, query));
  return {
    name,
    value,
    unit: 'ms',
    peer: `dot products in doubles ${peer.toFixed(0)} ms`,
    ratio: peer / value,
  };
}

function plainProducts(gradients: Float64Array, query: Float64Array): Float64Array {
  const result = new Float64Array(SAMPLES);
  for (let i = 0; i < SAMPLES; i++) {
    let sum = 0;
    for (let j = 0; j < DIMENSIONS; j++) sum += gradients[i * DIMENSIONS + j]! * query[j]!;
    result[i] = sum;
  }
  return result;
}

/** Median milliseconds of a few rounds, after one to warm up. */
function median(work: () => unknown): number {
  work();
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const { name, value, unit, peer } of await run())
    console.log(`${name.padEnd(56)} ${value.toFixed(3)} ${unit}${peer ? ` (${peer})` : ''}`);
