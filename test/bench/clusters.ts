/**
 * Clusters of near duplicates, in CPU time: the Brown corpus in records of 60 words, and the inputs of docs/clusters.md
 * that cost most. Peer: a book that compares every record with every founder, on a part of the same records.
 */
import { createClusterBook } from '../../attribution/clusters/api.ts';
import { areNearDuplicates } from '../../attribution/clusters/book.ts';
import { shinglesOf } from '../../attribution/clusters/shingles.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import type { BenchRow } from './types.ts';

const RECORD_WORDS = 60;
const COMPARED = 4000;
const TINY = 50_000;
const encoder = new TextEncoder();

export const about =
  'The Brown corpus in records of 60 words, and the costliest inputs known. Peer: a book that compares every record with every founder.';

export async function run(): Promise<BenchRow[]> {
  const words = loadBrownCorpus().flatMap(({ text }) => text.split(/\s+/));
  const records = Array.from({ length: Math.ceil(words.length / RECORD_WORDS) }, (_, i) =>
    encoder.encode(words.slice(i * RECORD_WORDS, (i + 1) * RECORD_WORDS).join(' ')),
  );
  const all = seconds(() => add(records));
  const some = records.slice(0, COMPARED);
  const ours = seconds(() => add(some));
  const peer = seconds(() => addByComparing(some));
  const tiny = seconds(() => add(Array.from({ length: TINY }, (_, i) => encoder.encode(`r${i}`))));
  const letters = seconds(() => add([encoder.encode('a b c d e f g h '.repeat(327_680))]));
  return [
    { name: 'clusters: a word of Brown', value: (all * 1e6) / words.length, unit: 'µs CPU' },
    {
      name: `clusters: ${COMPARED} records of Brown`,
      value: ours,
      unit: 's CPU',
      peer: 'every founder compared',
      ratio: peer / ours,
    },
    { name: 'clusters: a record of one word', value: (tiny * 1e6) / TINY, unit: 'µs CPU' },
    { name: 'clusters: 5 MiB of one-letter words', value: letters, unit: 's CPU' },
  ];
}

function add(texts: readonly Uint8Array[]): void {
  const book = createClusterBook();
  for (const [orderKey, text] of texts.entries()) book.add({ orderKey, text });
}

function addByComparing(texts: readonly Uint8Array[]): void {
  const founders: Float64Array[] = [];
  for (const text of texts) {
    const shingles = shinglesOf(text);
    if (!founders.some((founder) => areNearDuplicates(founder, shingles))) founders.push(shingles);
  }
}

/** Processor time of this process, user and system. */
function seconds(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
