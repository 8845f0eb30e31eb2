import type { Answer } from './answers.ts';
import { ATTACKER, FIRST, LAST, type Reader, type StudyRecord } from './corpus.ts';
import type { Position } from './evidence.ts';
import type { Random } from './random.ts';
import { ownerOf } from './rules.ts';

/** The strategies of docs/attribution/credit.md: each returns the records that the attacker adds. */

const GAP = '#';

/** One record, committed first, that lists every phrase of `length` tokens which two or more contributors use. */
export function squatter(
  reader: Reader,
  records: readonly StudyRecord[],
  lengths: readonly number[],
): { records: StudyRecord[]; phrases: number } {
  const words: string[] = [];
  let phrases = 0;
  for (const length of lengths)
    for (const ids of commonPhrases(records, length)) {
      for (const id of ids) words.push(reader.wordOf(id));
      words.push(GAP);
      phrases++;
    }
  return { records: [reader.record(words, ATTACKER, FIRST)], phrases };
}

/** Phrases of `length` tokens that stand in records of at least two contributors, each once. */
export function commonPhrases(records: readonly StudyRecord[], length: number): Int32Array[] {
  const seen = new Map<string, { contributor: number; ids: Int32Array; isCommon: boolean }>();
  for (const { ids, contributor } of records)
    for (let at = 0; at + length <= ids.length; at++) {
      const phrase = ids.subarray(at, at + length);
      const key = phrase.join();
      const known = seen.get(key);
      if (known === undefined) seen.set(key, { contributor, ids: phrase, isCommon: false });
      else if (known.contributor !== contributor) known.isCommon = true;
    }
  return [...seen.values()].filter(({ isCommon }) => isCommon).map(({ ids }) => ids);
}

/** Texts of the answering model itself, drawn with other seeds and committed before everybody else. */
export function generatedText(reader: Reader, texts: readonly Answer[]): StudyRecord[] {
  return texts.map(({ ids }, i) =>
    reader.record(
      Array.from(ids, (id) => reader.wordOf(id)),
      ATTACKER,
      FIRST + i,
    ),
  );
}

/** `count` later records: twelve tokens of a victim and the likeliest `added` tokens after them. */
export function extensionThief(
  reader: Reader,
  records: readonly StudyRecord[],
  random: Random,
  options: { readonly count: number; readonly added: number },
): StudyRecord[] {
  const victims = random.sample(
    records.filter(({ ids }) => ids.length >= 16),
    options.count,
  );
  const pieces = victims.map(({ ids }) => {
    const start = random.below(ids.length - 12);
    return ids.subarray(start, start + 12);
  });
  return extended(reader, records, pieces, options.added);
}

/** Later records of each passage that the answers quote, as it stands in its owner's record up to the end of the
 * quotation, and the likeliest `added` tokens after it: a thief who knows what will be asked. */
export function targetedThief(
  reader: Reader,
  records: readonly StudyRecord[],
  quotations: readonly Int32Array[],
  added: number,
  identities = 1,
): StudyRecord[] {
  const texts = extended(reader, records, quotations, added);
  return Array.from({ length: identities }, (_, k) =>
    texts.map(({ words }, i) =>
      // A word of its own before each, so that none is an exact copy of another.
      reader.record([`t${k}`, ...words], ATTACKER + k, LAST + i * identities + k),
    ),
  ).flat();
}

/** Whole records of victims with likely words before and after them. */
export function wrapper(
  reader: Reader,
  records: readonly StudyRecord[],
  random: Random,
  count: number,
): StudyRecord[] {
  const victims = random.sample(records, count).map(({ ids }) => ids);
  return extended(reader, records, victims, 3).map((record, i) =>
    reader.record(['it', 'is', 'that', ...record.words], ATTACKER, LAST + i),
  );
}

/** Later records of `identities` contributors, each quotation between words of the attacker's own: griefing. */
export function diluter(
  reader: Reader,
  quotations: readonly Int32Array[],
  identities: number,
): StudyRecord[] {
  return Array.from({ length: identities }, (_, k) =>
    quotations.map((ids, i) =>
      reader.record(
        [`x${k}`, `y${i}`, ...Array.from(ids, (id) => reader.wordOf(id)), `z${i}`, `v${k}`],
        ATTACKER + k,
        LAST + i * identities + k,
      ),
    ),
  ).flat();
}

/**
 * Passages of victims that the answers quote: runs of at least four answer tokens that one record owns under version 1
 * and has in this order.
 */
export function quotationsOf(
  answers: readonly Answer[],
  evidence: readonly (readonly Position[])[],
): Int32Array[] {
  return answers.flatMap(({ ids }, a) => {
    const owners = evidence[a]!.map(({ claims }) => ownerOf(claims));
    const runs: Int32Array[] = [];
    let start = 0;
    for (let i = 1; i <= owners.length; i++) {
      if (i < owners.length && owners[i] === owners[start]) continue;
      const owner = owners[start];
      const run = ids.subarray(start, i);
      if (owner !== undefined && run.length >= 4 && stands(run, owner.ids)) runs.push(run);
      start = i;
    }
    return runs;
  });
}

function stands(phrase: Int32Array, text: Int32Array): boolean {
  for (let at = 0; at + phrase.length <= text.length; at++)
    if (phrase.every((id, k) => text[at + k] === id)) return true;
  return false;
}

function extended(
  reader: Reader,
  records: readonly StudyRecord[],
  pieces: readonly Int32Array[],
  added: number,
): StudyRecord[] {
  let texts = pieces.map((piece) => Array.from(piece));
  for (let k = 0; k < added; k++) {
    const next = likeliestNext(records, texts);
    texts = texts.map((text, i) => [...text, ...(next[i]! >= 0 ? [next[i]!] : [])]);
  }
  return texts.map((text, i) =>
    reader.record(
      text.map((id) => reader.wordOf(id)),
      ATTACKER,
      LAST + i,
    ),
  );
}

/** The token that follows the last three (or two, or one) tokens of each text most often; -1 if nothing does. */
function likeliestNext(records: readonly StudyRecord[], texts: readonly (readonly number[])[]): number[] {
  const result = texts.map(() => -1);
  for (const length of [3, 2, 1]) {
    const wanted = new Map<string, Map<number, number>>();
    texts.forEach((text, i) => {
      if (result[i]! < 0) wanted.set(text.slice(-length).join(), new Map());
    });
    const isEnd = new Set([...wanted.keys()].map((key) => Number(key.slice(key.lastIndexOf(',') + 1))));
    for (const { ids } of records)
      for (let at = length; at < ids.length; at++) {
        if (!isEnd.has(ids[at - 1]!)) continue;
        const followers = wanted.get(ids.subarray(at - length, at).join());
        followers?.set(ids[at]!, (followers.get(ids[at]!) ?? 0) + 1);
      }
    texts.forEach((text, i) => {
      const followers = result[i]! < 0 ? wanted.get(text.slice(-length).join()) : undefined;
      if (followers === undefined || followers.size === 0) return;
      result[i] = [...followers].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
    });
  }
  return result;
}
