import { createSurprisal } from '../../../attribution/surprisal/surprisal.ts';
import type { Answer } from './answers.ts';
import { COMMONS_NET, type Reader, type StudyRecord } from './corpus.ts';

/** What token attribution looks at: tokens of windows and of matches, bits of windows and of weights, frequencies. */
export interface WindowRule {
  readonly lmin: number;
  readonly lmax: number;
  readonly sminBits: number;
  readonly wmaxBits: number;
  /** Of all records, or of the oldest (docs/attribution.md, section 2). */
  readonly frequencies: 'all' | 'oldest';
}
/** Versions 1 and 2, as they were with matches of any length. */
export const ANY_LENGTH: WindowRule = {
  lmin: 4,
  lmax: Number.POSITIVE_INFINITY,
  sminBits: 32,
  wmaxBits: 12,
  frequencies: 'all',
};
/** Version 3. */
export const OLDEST: WindowRule = { ...ANY_LENGTH, lmax: 16, frequencies: 'oldest' };

/** The best match of one record at one position. */
export interface Claim {
  readonly record: StudyRecord;
  readonly surprisal: number;
}

export interface Position {
  readonly weight: number;
  /** Contributor who supplied the token. */
  readonly source: number;
  /** One for each record that has a match here, in order of commits. */
  readonly claims: readonly Claim[];
}

/**
 * Everything that a credit rule may look at, found by scanning all records: written without the engine's index, so that
 * the two judge each other. One list of positions for each answer.
 */
export function evidenceOf(
  reader: Reader,
  records: readonly StudyRecord[],
  answers: readonly Answer[],
  rule: WindowRule = ANY_LENGTH,
): Position[][] {
  const unique = withoutCopies(records);
  const surprisal = surprisalsOf(reader, rule.frequencies === 'all' ? unique : oldest(unique));
  const hits = findWindows(unique, answers, rule.lmin);
  return answers.map((answer, a) => {
    const bits = Array.from(answer.ids, (id) => surprisal(id));
    const before = [0];
    for (const value of bits) before.push(before[before.length - 1]! + value);
    const isCreditable = (s: number): boolean => {
      const found = hits[a]![s];
      if (found === undefined || found.length === 0) return false;
      const hasWord = answer.ids.subarray(s, s + rule.lmin).some((id) => reader.isWord[id] === true);
      const first = unique[found[0]!.record]!;
      return (
        hasWord &&
        before[s + rule.lmin]! - before[s]! >= rule.sminBits * 65536 &&
        first.dataNetId !== COMMONS_NET
      );
    };
    const creditable = bits.map((_, s) => isCreditable(s));
    const claims = bits.map(() => new Map<number, number>());
    bits.forEach((_, s) => {
      if (!creditable[s]) return;
      for (const { record, at } of hits[a]![s]!) {
        const { ids } = unique[record]!;
        const isContinued = s > 0 && creditable[s - 1] && at > 0 && ids[at - 1] === answer.ids[s - 1];
        if (isContinued) continue;
        let end = s + rule.lmin;
        while (
          end < answer.ids.length &&
          creditable[end - rule.lmin + 1] &&
          at + end - s < ids.length &&
          ids[at + end - s] === answer.ids[end]
        )
          end++;
        for (let from = s; from === s || from + rule.lmax <= end; from++) {
          const to = Math.min(end, from + rule.lmax);
          const value = before[to]! - before[from]!;
          for (let i = from; i < to; i++)
            if ((claims[i]!.get(record) ?? 0) < value) claims[i]!.set(record, value);
        }
      }
    });
    return bits.map((value, i) => ({
      weight: Math.min(rule.wmaxBits * 65536, value),
      source: answer.sources[i]!,
      claims: [...claims[i]!]
        .sort(([r], [q]) => r - q)
        .map(([record, found]) => ({ record: unique[record]!, surprisal: found })),
    }));
  });
}

/** Records in order of commits, those with equal bytes once. */
function withoutCopies(records: readonly StudyRecord[]): StudyRecord[] {
  const seen = new Set<string>();
  return [...records]
    .sort((a, b) => a.order - b.order)
    .filter(({ words }) => {
      const text = words.join(' ');
      return !seen.has(text) && seen.add(text);
    });
}

/** The oldest records that have at least as many tokens as the largest power of two that is not above the tokens of all. */
function oldest(records: readonly StudyRecord[]): StudyRecord[] {
  const total = records.reduce((sum, { ids }) => sum + ids.length, 0);
  let tokens = 0;
  return records.filter(({ ids }) => {
    if (tokens >= 2 ** Math.floor(Math.log2(total))) return false;
    tokens += ids.length;
    return true;
  });
}

/** Surprisal of a token number in 2⁻¹⁶ bit. */
function surprisalsOf(reader: Reader, records: readonly StudyRecord[]): (id: number) => number {
  const counts = new Uint32Array(reader.types);
  let total = 0;
  for (const { ids } of records) {
    for (const id of ids) counts[id]!++;
    total += ids.length;
  }
  const types = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const ofCount = createSurprisal(total, types);
  return (id) => ofCount(counts[id] ?? 0);
}

interface Hit {
  readonly record: number;
  readonly at: number;
}

/** For each answer and each of its windows, where the window stands, in order of commits: one pass over all tokens. */
function findWindows(
  records: readonly StudyRecord[],
  answers: readonly Answer[],
  lmin: number,
): (Hit[] | undefined)[][] {
  const hits: (Hit[] | undefined)[][] = answers.map(() => []);
  const wanted = new Map<number, { answer: number; start: number }[]>();
  const keyOf = (ids: Int32Array, at: number): number => {
    let key = 0;
    for (let k = 0; k < lmin; k++) key = (Math.imul(key, 0x01000193) ^ ids[at + k]!) | 0;
    return key;
  };
  answers.forEach(({ ids }, answer) => {
    for (let start = 0; start + lmin <= ids.length; start++) {
      const key = keyOf(ids, start);
      const list = wanted.get(key);
      if (list === undefined) wanted.set(key, [{ answer, start }]);
      else list.push({ answer, start });
      hits[answer]![start] = [];
    }
  });
  records.forEach(({ ids }, record) => {
    for (let at = 0; at + lmin <= ids.length; at++)
      for (const { answer, start } of wanted.get(keyOf(ids, at)) ?? []) {
        const other = answers[answer]!.ids;
        let k = 0;
        while (k < lmin && ids[at + k] === other[start + k]) k++;
        if (k === lmin) hits[answer]![start]!.push({ record, at });
      }
  });
  return hits;
}
