/**
 * Retrieval attribution: one query against 100,000 records, warm, on one core, from scores to credits, for 256 numbers a
 * vector and for those of the bundled encoder; peer is the same exact scan in plain JavaScript in the same run. Then
 * what encoding a passage costs, against the plain form of the same integers, and what the largest settlement of a chain
 * with the default parameters costs a validator. CPU time, since other processes may run.
 */

import { packOrderKey } from '../../attribution/api.ts';
import { attributeRetrieval, createShard, plainScores } from '../../attribution/retrieval/api.ts';
import { encodeText } from '../../attribution/retrieval/encoder/encode.ts';
import { createTextEncoding } from '../../attribution/retrieval/encoder/text-encoder.ts';
import type { Encoder } from '../../attribution/retrieval/encoder/types.ts';
import { DEFAULT_RETRIEVAL_PARAMS, type RetrievalRecord } from '../../attribution/retrieval/types.ts';
import { retrievalUnitsOf } from '../../genesis/attribution-units.ts';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import type { PinnedContribution, RetrievalJob } from '../../node/attribution-pool/index.ts';
import { UNFINISHED, type WorkerRequest } from '../../node/attribution-pool/types.ts';
import { createWorkerCore } from '../../node/attribution-pool/worker-core.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import { loadEncoder } from '../../node/sentence-encoder/bundled.ts';
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
  return [...search(256), ...search(bundled), encoding(encoder), ...settlement()];
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

/** The largest settlement that the default parameters allow, as a node's worker computes it, and what it counts. */
function settlement(): BenchRow[] {
  const { retrieval, attribution } = DEFAULT_PARAMS;
  const words = loadBrownCorpus()
    .map(({ text }) => text)
    .join(' ');
  const text = (bytes: number) => new TextEncoder().encode(words).subarray(0, bytes);
  const handle = createWorkerCore({ encoderHash: retrieval.encoderHash, loadEncoder });
  const ask = (payload: object): unknown => {
    const response = handle({ id: 1, ...payload } as WorkerRequest);
    if (response.kind !== 'done') throw new Error(JSON.stringify(response));
    return response.value;
  };
  const contributions = shortContributions(retrieval.maxRecords, words.split(/\s+/));
  ask({ kind: 'open', key: 'pins' });
  ask({ kind: 'add', key: 'pins', contributions });
  const before = process.cpuUsage();
  while (ask({ kind: 'build', key: 'pins', purpose: 'retrieval' }) === UNFINISHED);
  const { user, system } = process.cpuUsage(before);
  const job: RetrievalJob = {
    snapshot: 'pins',
    requestHash: `0x${'11'.repeat(32)}`,
    prompt: text(attribution.maxPromptBytes),
    output: text(attribution.maxOutputBytes),
    params: DEFAULT_RETRIEVAL_PARAMS,
    commons: [],
    ineligible: [],
  };
  const value = bestCpuMs(() => ask({ kind: 'retrieve', job }));
  const units = retrievalUnitsOf({
    outputBytes: job.output.length,
    promptBytes: job.prompt.length,
    pinnedRecords: retrieval.maxRecords,
  });
  return [
    { name: `largest settlement, ${retrieval.maxRecords} records`, value, unit: 'ms CPU' },
    { name: `an attribution unit of it (${units})`, value: (1000 * value) / units, unit: 'us CPU' },
    { name: 'vectors of these records of 8 words', value: (user + system) / 1_000_000, unit: 's CPU' },
  ];
}

/** Records of eight words in contributions of the largest default number. */
function shortContributions(count: number, words: readonly string[]): PinnedContribution[] {
  const { maxRecords } = DEFAULT_PARAMS.contribution;
  return Array.from({ length: Math.ceil(count / maxRecords) }, (_, c) => {
    const commitSequence = c + 1;
    const indexes = Array.from({ length: Math.min(maxRecords, count - c * maxRecords) }, (_, i) => i);
    const founders = new Uint8Array(8 * indexes.length);
    const view = new DataView(founders.buffer);
    for (const i of indexes) view.setBigUint64(8 * i, BigInt(packOrderKey(commitSequence, i)));
    const leaves = indexes.map((i) => {
      const at = (8 * (c * maxRecords + i)) % (words.length - 8);
      return new TextEncoder().encode(words.slice(at, at + 8).join(' '));
    });
    return {
      commitSequence,
      contributor: `0x${commitSequence.toString(16).padStart(40, '0')}`,
      dataNetId: 1,
      contributionId: commitSequence,
      accepted: null,
      founders,
      leaves: { kind: 'inline', leaves },
    };
  });
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
