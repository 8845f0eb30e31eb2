/**
 * One hash over training results, metrics and many scores of every influence solver. Whoever runs it decides where the
 * samples are scanned; the hash must not know.
 */
import { createHash } from 'node:crypto';
import {
  type Arithmetic,
  answerScoring,
  headGradients,
  headHash,
  type InfluenceScores,
  type Metric,
  metricHash,
  prepare,
  prepareFromGradients,
  type Scan,
  type ScanAnswer,
  type Scanning,
  scoring,
  train,
} from '../../attribution/influence/api.ts';
import { together } from '../../attribution/influence/solvers/scan.ts';
import type { QuantisedGradients } from '../../attribution/influence/types.ts';
import { clouds, random, slice } from '../unit/attribution/influence/oracle.ts';

/** Keeps the rows of a store somewhere and answers scans of all of them. */
export interface Scanner {
  scan(scan: Scan): Promise<ScanAnswer>;
  close(): Promise<void>;
}

export type OpenScanner = (gradients: QuantisedGradients) => Promise<Scanner>;

export interface Size {
  readonly samples: number;
  readonly queries: number;
}

/** Six kinds of scores, each samples × queries: more than a million in all. */
export const LARGE: Size = { samples: 1000, queries: 170 };
/** What every test run computes. */
export const SMALL: Size = { samples: 60, queries: 8 };

const L2_MICRO = 700_000;
const LAYERS = [13, 4, 21];
/** Queries that are scanned together. */
const TOGETHER = 21;

export async function influenceHash(
  { samples, queries }: Size,
  arithmetic: Arithmetic,
  open: OpenScanner,
): Promise<{ hash: string; scores: number }> {
  const hash = createHash('sha256');
  let count = 0;
  const scoreAll = async (
    metric: Metric,
    ask: (query: number) => Scanning<InfluenceScores>,
  ): Promise<void> => {
    hash.update(metricHash(metric));
    const scanner = await open(metric.gradients);
    for (let from = 0; from < queries; from += TOGETHER) {
      const group = Array.from({ length: Math.min(TOGETHER, queries - from) }, (_, i) => ask(from + i));
      for (const { values, exponent } of await run(together(group), scanner)) {
        hash.update(`${exponent}:${values.join()};`);
        count += values.length;
      }
    }
    await scanner.close();
  };

  const all = clouds(samples + queries, 7, 6, 77);
  const data = slice(all, 0, samples);
  const query = (i: number) => slice(all, samples + i, samples + i + 1);
  const head = train(data, { method: 'newton', l2Micro: L2_MICRO });
  const descended = train(data, {
    method: 'sgd',
    l2Micro: L2_MICRO,
    learningRateMicro: 50_000,
    initialScaleMicro: 20_000,
    epochs: 5,
    batchSize: 16,
    seed: Uint8Array.of(1, 2, 3),
  });
  hash.update(headHash(head)).update(headHash(descended));
  for (const solver of ['newton', 'ekfac', 'datainf', 'dot'] as const) {
    const metric = prepare(
      { data, head },
      { solver, l2Micro: L2_MICRO, clipPercent: 99, refinements: 2, arithmetic },
    );
    await scoreAll(metric, (i) => answerScoring(metric, head, query(i)));
    if (solver === 'newton') await scoreAll(metric, (i) => scoring(metric, headGradients(query(i), head)));
  }
  const next = random(5);
  const layered = (rows: number) =>
    Float64Array.from(
      { length: rows * 38 },
      (_, j) => (next() - 0.5) * (1 + (j % 7)) * (next() > 0.1 ? 1 : 1e-3),
    );
  const given = prepareFromGradients(layered(samples), samples, LAYERS, 'datainf', 98, arithmetic);
  const gradients = Array.from({ length: queries }, () => layered(1));
  await scoreAll(given, (i) => scoring(given, gradients[i]!));
  return { hash: hash.digest('hex'), scores: count };
}

async function run<T>(scanning: Scanning<T>, scanner: Scanner): Promise<T> {
  let step = scanning.next();
  while (!step.done) step = scanning.next(await scanner.scan(step.value));
  return step.value;
}
