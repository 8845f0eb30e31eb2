/**
 * The inputs known to cost token attribution most, against the time that their attribution units stand for
 * (genesis/attribution-units.ts): CPU time of the largest output that genesis allows, in the fewest bytes.
 */
import {
  buildSegment,
  createCorpus,
  creditTokens,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  openTokenIndex,
} from '../../attribution/api.ts';
import { attributionUnitsOf } from '../../genesis/attribution-units.ts';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { LIMITS } from '../../node/attribution-pool/limits.ts';
import type { BenchRow } from './types.ts';

const { version, lmax, maxOutputTokens } = DEFAULT_PARAMS.attribution;
/** What a block's budget of units stands for. */
const BUDGET_MS = 100;
const ROUNDS = 7;
const encoder = new TextEncoder();

interface WorstInput {
  /** Records of each segment. */
  readonly texts: readonly string[];
  readonly output: string;
}

/** Short words, so that the units are few. */
const word = (i: number): string => i.toString(36);
const distinct = Array.from({ length: maxOutputTokens }, (_, i) => word(i));
const lengths = Array.from({ length: maxOutputTokens }, (_, i) => i + 1);

const INPUTS: Readonly<Record<string, () => WorstInput>> = {
  // An occurrence is lost with every token that is read, and with it the first place.
  'one word repeated': () => ({
    texts: lengths.map((length) => 'a '.repeat(length)),
    output: 'a '.repeat(maxOutputTokens),
  }),
  'two words in turns': () => ({
    texts: lengths.map((length) => 'a b '.repeat(length / 2)),
    output: 'a b '.repeat(maxOutputTokens / 2),
  }),
  'every prefix of the answer': () => ({
    texts: lengths.map((length) => distinct.slice(0, length).join(' ')),
    output: distinct.join(' '),
  }),
  'every phrase of the answer, the shortest first': () => ({
    texts: Array.from({ length: lmax }, (_, i) =>
      distinct.flatMap((_word, start) =>
        start + i < maxOutputTokens ? [distinct.slice(start, start + i + 1).join(' ')] : [],
      ),
    ).flat(),
    output: distinct.join(' '),
  }),
  // Every phrase occurs, in many places, of which each next word loses a part at both ends.
  'two words at random': () => randomWords(2),
  'five words at random': () => randomWords(5),
};

/** Of each segment: 1.3 million tokens, more than a processor's caches hold. */
const RANDOM_RECORDS = 20_000;
const RANDOM_LENGTH = 64;

function randomWords(words: number): WorstInput {
  let state = 1;
  const text = (length: number) =>
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return word(10 + Math.floor((state / 2 ** 32) * words));
    }).join(' ');
  return {
    texts: Array.from({ length: RANDOM_RECORDS }, () => text(RANDOM_LENGTH)),
    output: text(maxOutputTokens),
  };
}

/** The slowest of the inputs, over one segment and over as many as an index has at most. */
export function runWorst(): BenchRow[] {
  return [1, LIMITS.segmentsPerSnapshot].map((segments) => {
    const measured = Object.entries(INPUTS).map(([name, inputOf]) => {
      const input = inputOf();
      return { name, ms: leastMs(segments, input), budgetMs: budgetOf(input) };
    });
    const worst = measured.reduce((most, each) =>
      each.ms / each.budgetMs > most.ms / most.budgetMs ? each : most,
    );
    return {
      name: `attribution: worst input of ${maxOutputTokens} tokens over ${segments} segments (${worst.name}), CPU`,
      value: worst.ms,
      unit: 'ms',
      peer: `the time its attribution units stand for, ${worst.budgetMs.toFixed(1)} ms`,
      ratio: worst.budgetMs / worst.ms,
    };
  });
}

function budgetOf({ output }: WorstInput): number {
  const units = attributionUnitsOf({ outputBytes: output.length, promptBytes: 0, maxOutputTokens, lmax });
  return (units * BUDGET_MS) / DEFAULT_PARAMS.block.attributionUnits;
}

function leastMs(segments: number, { texts, output }: WorstInput): number {
  const bytes = encoder.encode(output);
  // A word of its own ends each record of a segment, so that none is a copy of another segment's.
  const parts = Array.from({ length: segments }, (_, s) =>
    texts.map((text, i) => ({
      orderKey: i * segments + s,
      contributor: `0x${'1'.padStart(40, '0')}`,
      dataNetId: 1,
      contributionId: i,
      recordIndex: s,
      bytes: encoder.encode(`${text} z${s}`),
    })),
  );
  const index = openTokenIndex(
    parts.map((records) => buildSegment(createCorpus(records))),
    () => new Uint8Array(),
  );
  const input = {
    index,
    commons: new Set<number>(),
    ineligible: new Set<string>(),
    prompt: new Uint8Array(),
    output: bytes,
    // No least surprisal: every window may credit.
    params: { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, version, lmax, maxOutputTokens, sminQ16: 0 },
  };
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    creditTokens(input);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
