/**
 * Retrieval attribution: one query against 100,000 records of 256 numbers, warm, on one core, from scores to credits;
 * peer is the same exact scan in plain JavaScript in the same run. CPU time, since other processes may run.
 */
import {
  attributeRetrieval,
  createShard,
  plainScores,
  searchShard,
} from '../../attribution/retrieval/api.ts';
import { DEFAULT_RETRIEVAL_PARAMS, type RetrievalRecord } from '../../attribution/retrieval/types.ts';
import type { BenchRow } from './types.ts';

const RECORDS = 100_000;
const DIMENSIONS = 256;
const ROUNDS = 15;

export async function run(): Promise<BenchRow[]> {
  const records = randomRecords();
  const shard = createShard(records, DIMENSIONS);
  const query = records[4711]!.vector;
  const params = { ...DEFAULT_RETRIEVAL_PARAMS, thresholdPermille: 100 };
  const rules = { params, commons: new Set<number>(), ineligible: new Set<string>() };
  const plain = bestCpuMs(() => plainScores(records, query));
  const scan = bestCpuMs(() => shard.scores(query));
  const search = bestCpuMs(() => searchShard(shard, query, params));
  const all = bestCpuMs(() => attributeRetrieval([shard], query, rules));
  const peer = `plain JavaScript scan ${plain.toFixed(1)} ms`;
  const row = (name: string, value: number): BenchRow => ({
    name: `${name}, ${RECORDS} x ${DIMENSIONS}`,
    value,
    unit: 'ms CPU',
    peer,
    ratio: plain / value,
  });
  return [
    row('retrieval scores', scan),
    row('retrieval scores and best 16', search),
    row('retrieval attribution of one query', all),
  ];
}

/** Vectors as the encoder makes them: numbers of about ±32, length about 512. */
function randomRecords(): RetrievalRecord[] {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / 256 - 0.5;
  };
  return Array.from({ length: RECORDS }, (_, i) => ({
    orderKey: i,
    clusterFounder: i,
    contributor: `0x${(i % 1000).toString(16).padStart(40, '0')}`,
    dataNetId: 1,
    contributionId: i,
    recordIndex: 0,
    vector: Int8Array.from({ length: DIMENSIONS }, () => 64 * (next() + next() + next())),
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
