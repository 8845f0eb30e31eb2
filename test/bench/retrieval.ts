/**
 * Retrieval attribution: one query against 100,000 records, warm, on one core, from scores to credits, for 256 numbers a
 * vector and for those of the bundled encoder; peer is the same exact scan in plain JavaScript in the same run. Then
 * what encoding a passage costs, against the plain form of the same integers. CPU time, since other processes may run.
 */

import { attributeRetrieval, createShard, plainScores } from '../../attribution/retrieval/api.ts';
import { encodeText } from '../../attribution/retrieval/encoder/encode.ts';
import { createTextEncoding } from '../../attribution/retrieval/encoder/text-encoder.ts';
import type { Encoder } from '../../attribution/retrieval/encoder/types.ts';
import { DEFAULT_RETRIEVAL_PARAMS, type RetrievalRecord } from '../../attribution/retrieval/types.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import { loadBundledEncoder } from '../study/retrieval/bundled.ts';
import type { BenchRow } from './types.ts';

const RECORDS = 100_000;
const ROUNDS = 15;
const PASSAGES = 200;

export const about =
  '100,000 random vectors from a seeded generator; passages of 64 words of the Brown corpus; the bundled encoder. Best of 15 rounds, warm. Peer: the same exact integers in plain JavaScript.';

export async function run(): Promise<BenchRow[]> {
  const encoder = loadBundledEncoder();
  const bundled = encoder.shape.width * encoder.shape.chunks;
  return [...search(256), ...search(bundled), encoding(encoder)];
}

function search(dimensions: number): BenchRow[] {
  const records = randomRecords(dimensions);
  const shard = createShard(records, dimensions);
  const query = records[4711]!.vector;
  const params = { ...DEFAULT_RETRIEVAL_PARAMS, thresholdPermille: 100 };
  const rules = { params, commons: new Set<number>(), ineligible: new Set<string>() };
  const plain = bestCpuMs(() => plainScores(records, query));
  const row = (name: string, value: number): BenchRow => ({
    name: `${name}, ${RECORDS} x ${dimensions}`,
    value,
    unit: 'ms CPU',
    peer: `plain JavaScript scan ${plain.toFixed(1)} ms`,
    ratio: plain / value,
  });
  return [
    row(
      'retrieval scores',
      bestCpuMs(() => shard.scores(query)),
    ),
    row(
      'retrieval attribution of one query',
      bestCpuMs(() => attributeRetrieval([shard], query, rules)),
    ),
  ];
}

function encoding(encoder: Encoder): BenchRow {
  const texts = loadBrownCorpus()
    .slice(0, PASSAGES)
    .map(({ text }) => new TextEncoder().encode(text.split(' ').slice(0, 64).join(' ')));
  const encode = createTextEncoding(encoder);
  const value = bestCpuMs(() => texts.map(encode)) / texts.length;
  const plain = bestCpuMs(() => texts.map((text) => encodeText(encoder, text))) / texts.length;
  const peer = `plain TypeScript ${plain.toFixed(3)} ms`;
  return { name: 'encoding a passage of 64 words', value, unit: 'ms CPU', peer, ratio: plain / value };
}

/** Vectors as the encoder makes them: numbers of about ±32, length about 512. */
function randomRecords(dimensions: number): RetrievalRecord[] {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / 256 - 0.5;
  };
  return Array.from({ length: RECORDS }, (_, i) => ({
    orderKey: i,
    founder: i,
    contributor: `0x${(i % 1000).toString(16).padStart(40, '0')}`,
    dataNetId: 1,
    contributionId: i,
    recordIndex: 0,
    vector: Int8Array.from({ length: dimensions }, () => 64 * (next() + next() + next())),
  }));
}

/** The least CPU milliseconds of a few rounds, after one to warm up. */
function bestCpuMs(work: () => unknown): number {
  work();
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}
