import { readFileSync } from 'node:fs';
import { type CorpusRecord, packOrderKey } from '../../../../attribution/corpus/corpus.ts';
import {
  createSentenceEncoder,
  type SentenceEncoder,
  type TrainingSpec,
} from '../../../../attribution/trained/api.ts';
import { address, utf8 } from '../builders.ts';

/** Two classes of two numbers, trained to the optimum. */
export const NUMBERS: TrainingSpec = {
  features: { kind: 'numbers', width: 2, divisorExponent: 3 },
  classes: ['left', 'right'],
  training: { method: 'newton', l2Micro: 100_000 },
  metric: { solver: 'newton', clipPercent: 100, projectedWidth: 0 },
};

/** The same by descent. */
export const DESCENT: TrainingSpec = {
  ...NUMBERS,
  training: {
    method: 'sgd',
    l2Micro: 1_000,
    learningRateMicro: 200_000,
    initialScaleMicro: 10_000,
    epochs: 20,
    batchSize: 4,
    seed: utf8('seed'),
  },
  metric: { solver: 'ekfac', clipPercent: 95, projectedWidth: 2 },
};

export const ADAPTER: TrainingSpec = {
  ...NUMBERS,
  training: {
    method: 'adapter-sgd',
    l2Micro: 1_000,
    learningRateMicro: 100_000,
    initialScaleMicro: 500_000,
    epochs: 10,
    batchSize: 4,
    seed: utf8('adapter'),
    rank: 1,
    scaleMicro: 1_000_000,
    trainsHead: 0,
  },
  metric: { solver: 'newton', clipPercent: 100, projectedWidth: 0 },
};

export interface SampleSpec {
  readonly text: string;
  readonly by?: number;
  readonly net?: number;
  readonly commit?: number;
}

/** Accepted records, one commit each, in the given order. */
export function recordsOf(specs: readonly SampleSpec[]): CorpusRecord[] {
  return specs.map(({ text, by = 1, net = 1, commit }, i) => ({
    orderKey: packOrderKey(commit ?? i + 1, 0),
    contributor: address(by),
    dataNetId: net,
    contributionId: i + 1,
    recordIndex: 0,
    bytes: utf8(text),
  }));
}

/** Small numbers that look drawn, the same every time. */
export function drawer(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

/** `count` different points around −16 (left) and 16 (right), each of one of `contributors`. */
export function points(count: number, contributors = 5, seed = 1): CorpusRecord[] {
  const draw = drawer(seed);
  return recordsOf(
    Array.from({ length: count }, (_, i) => {
      const [label, centre] = i % 2 === 0 ? ['left', -16] : ['right', 16];
      const [x, y] = [centre + draw(37) - 18, 100 * (draw(5) - 2) + i];
      return { text: `${label}\n${x} ${y}`, by: 1 + draw(contributors) };
    }),
  );
}

let bundled: SentenceEncoder | undefined;
/** The sentence encoder that the program has. */
export function english(): SentenceEncoder {
  bundled ??= createSentenceEncoder(readFileSync('attribution/retrieval/encoder/english-v1.bin'));
  return bundled;
}
