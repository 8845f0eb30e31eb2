/** The inputs known to cost token attribution most: an occurrence is lost with every token that is read. CPU time. */
import {
  attributeTokens,
  buildSegment,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  openTokenIndex,
} from '../../attribution/api.ts';
import type { BenchRow } from './types.ts';

const TOKENS = 1024;
const ROUNDS = 3;
const encoder = new TextEncoder();
const distinct = Array.from({ length: TOKENS }, (_, i) => `w${i}`);
const lengths = Array.from({ length: TOKENS - 4 }, (_, i) => i + 4);

const INPUTS: Readonly<Record<string, { texts: readonly string[]; output: string }>> = {
  'one word repeated': { texts: lengths.map((length) => 'a '.repeat(length)), output: 'a '.repeat(TOKENS) },
  'two words in turns': {
    texts: lengths.map((length) => 'a b '.repeat(length / 2)),
    output: 'a b '.repeat(TOKENS / 2),
  },
  'every prefix of the answer': {
    texts: lengths.map((length) => distinct.slice(0, length).join(' ')),
    output: distinct.join(' '),
  },
};

/** The slowest of the inputs, over one segment and over as many as a snapshot has at most. */
export function runWorst(): BenchRow[] {
  return [1, 8].map((segments) => {
    const times = Object.entries(INPUTS).map(([name, { texts, output }]) => ({
      name,
      ms: leastMs(segments, texts, output),
    }));
    const worst = times.reduce((most, time) => (time.ms > most.ms ? time : most));
    return {
      name: `attribution: worst input of ${TOKENS} tokens over ${segments} segments (${worst.name}), CPU`,
      value: worst.ms,
      unit: 'ms',
    };
  });
}

function leastMs(segments: number, texts: readonly string[], output: string): number {
  const records = texts.map((text, i) => ({
    orderKey: i,
    contributor: `0x${'1'.padStart(40, '0')}`,
    dataNetId: 1,
    contributionId: i,
    recordIndex: 0,
    bytes: encoder.encode(text),
  }));
  const index = openTokenIndex(
    Array.from({ length: segments }, (_, s) =>
      buildSegment(createCorpus(records.filter((_record, i) => i % segments === s))),
    ),
    (_record, rank) => records[rank]!.bytes,
  );
  const input = {
    index,
    commons: new Set<number>(),
    ineligible: new Set<string>(),
    prompt: new Uint8Array(),
  };
  const params = { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, sminQ16: 0 };
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    attributeTokens({ ...input, params, output: encoder.encode(output) });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
