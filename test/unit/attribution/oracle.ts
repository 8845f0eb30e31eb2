import type { CorpusRecord } from '../../../attribution/corpus/corpus.ts';
import { lex, tokenBytes, WORD } from '../../../attribution/lexer/lexer.ts';
import { surprisalQ16 } from '../../../attribution/surprisal/surprisal.ts';
import type { TokenAttributionParams } from '../../../attribution/token/types.ts';

/** The rule of docs/attribution.md written down as it is said, with no index: slow, and the judge of the fast one. */

export interface OracleInput {
  records: CorpusRecord[];
  commons: ReadonlySet<number>;
  ineligible: ReadonlySet<string>;
  output: Uint8Array;
  prompt: Uint8Array;
  params: TokenAttributionParams;
}

export const words = (bytes: Uint8Array): string[] => {
  const tokens = lex(bytes);
  return Array.from({ length: tokens.length }, (_, i) =>
    new TextDecoder().decode(tokenBytes(bytes, tokens, i)),
  );
};

export const stands = (phrase: string[], text: string[]): boolean =>
  text.some((_, at) => phrase.every((word, k) => text[at + k] === word));

/** Each text once, in order-key order. */
export function uniqueRecords(records: CorpusRecord[]): CorpusRecord[] {
  const seen = new Set<string>();
  return [...records]
    .sort((a, b) => a.orderKey - b.orderKey)
    .filter((record) => {
      const text = record.bytes.join();
      return !seen.has(text) && seen.add(text);
    });
}

/** The words of the oldest texts: as few of them as have at least the largest power of two that is not above all words. */
function oldest(texts: string[][]): string[] {
  const all = texts.flat().length;
  const least = all === 0 ? 0 : 2 ** Math.floor(Math.log2(all));
  const counted: string[] = [];
  for (const text of texts) if (counted.length < least) counted.push(...text);
  return counted;
}

/** Owner (index in `uniqueRecords`, or -1) and weight of each output token. */
export function oracleOwners(input: OracleInput): { owners: number[]; weights: number[] } {
  const { lmin, lmax, sminQ16, wmaxQ16 } = input.params;
  const records = uniqueRecords(input.records);
  const texts = records.map((record) => words(record.bytes));
  const all = texts.flat();
  const y = words(input.output);
  const kinds = lex(input.output).kinds;
  const prompt = words(input.prompt);
  const counted = input.params.version === 3 ? oldest(texts) : all;
  const surprisal = y.map((word) =>
    surprisalQ16(counted.length, new Set(counted).size, counted.filter((other) => other === word).length),
  );
  const sum = (s: number, e: number) => surprisal.slice(s, e).reduce((a, b) => a + b, 0);

  const creditable = (s: number): boolean => {
    const window = y.slice(s, s + lmin);
    const first = texts.findIndex((text) => stands(window, text));
    return (
      window.length === lmin &&
      kinds.slice(s, s + lmin).includes(WORD) &&
      sum(s, s + lmin) >= sminQ16 &&
      !stands(window, prompt) &&
      first >= 0 &&
      !input.commons.has(records[first]!.dataNetId)
    );
  };
  /** S_r(i), or -1 without a match. */
  const match = (r: number, i: number): number => {
    let best = -1;
    for (let s = 0; s <= i; s++)
      for (let e = Math.max(i + 1, s + lmin); e <= Math.min(y.length, s + lmax); e++) {
        const windows = Array.from({ length: e - s - lmin + 1 }, (_, k) => s + k);
        if (windows.every(creditable) && stands(y.slice(s, e), texts[r]!)) best = Math.max(best, sum(s, e));
      }
    return best;
  };
  const owners = y.map((_, i) => {
    const scores = texts.map((_, r) => match(r, i));
    const best = Math.max(-1, ...scores);
    const [over, under] = input.params.version === 1 ? [3, 4] : [4, 5];
    return best < 0 ? -1 : scores.findIndex((score) => score >= 0 && under * score >= over * best);
  });
  return { owners, weights: surprisal.map((value) => Math.min(wmaxQ16, value)) };
}

/** Credits by exact fractions: contributor -> parts of 10^9, and what is uncovered. */
export function oracleCredits(input: OracleInput): { credits: Map<string, number>; uncovered: number } {
  const { params } = input;
  const records = uniqueRecords(input.records);
  const { owners, weights } = oracleOwners(input);
  const total = weights.reduce((a, b) => a + b, 0);
  const cap = (weight: number, permille: number) => Math.min(weight, Math.floor((total * permille) / 1000));
  const sums: { contributor: string; weight: number }[] = [];
  records.forEach((record, r) => {
    if (
      !owners.includes(r) ||
      input.commons.has(record.dataNetId) ||
      input.ineligible.has(record.contributor)
    )
      return;
    const weight = weights.filter((_, i) => owners[i] === r).reduce((a, b) => a + b, 0);
    let entry = sums.find(({ contributor }) => contributor === record.contributor);
    if (!entry) {
      entry = { contributor: record.contributor, weight: 0 };
      sums.push(entry);
    }
    entry.weight += cap(weight, params.recordCapPermille);
  });
  for (const entry of sums) entry.weight = cap(entry.weight, params.contributorCapPermille);
  const kept = sums.filter(
    (entry, i) =>
      sums.filter((other, j) => other.weight > entry.weight || (other.weight === entry.weight && j < i))
        .length < params.maxContributors,
  );
  const earned = kept.reduce((a, entry) => a + entry.weight, 0);
  const coverageCap = Math.floor((total * params.coverageCapPermille) / 1000);
  if (earned > coverageCap)
    for (const entry of kept)
      entry.weight = Number((BigInt(entry.weight) * BigInt(coverageCap)) / BigInt(earned));
  const covered = kept.reduce((a, entry) => a + entry.weight, 0);
  if (covered === 0) return { credits: new Map(), uncovered: 1e9 };
  const entries = [...kept, { contributor: 'uncovered', weight: total - covered }];
  const parts = entries.map(({ weight }) => (BigInt(weight) * 1_000_000_000n) / BigInt(total));
  const remainders = entries.map(({ weight }) => (BigInt(weight) * 1_000_000_000n) % BigInt(total));
  while (parts.reduce((a, b) => a + b, 0n) < 1_000_000_000n) {
    const largest = remainders.reduce((best, value, i) => (value > remainders[best]! ? i : best), 0);
    parts[largest]!++;
    remainders[largest] = -1n;
  }
  const named = entries.map(({ contributor }, i) => [contributor, Number(parts[i])] as const);
  return {
    credits: new Map(named.slice(0, -1).filter(([, part]) => part > 0)),
    uncovered: named[named.length - 1]![1],
  };
}
