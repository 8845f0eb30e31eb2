import type { CorpusRecord } from '../../../../attribution/corpus/corpus.ts';
import { recordsOf } from '../builders.ts';
import { stands, uniqueRecords, words } from '../oracle.ts';

/** Random numbers from a seed: mulberry32. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const LETTERS = ['a', 'b', 'c', 'é', '字', '.', 'longwordlongwordlongwordlongwordlongword', 'zz'];

/** Texts of a few kinds of words; some empty, some equal, some not worth a token. */
export function randomRecords(random: (below: number) => number): CorpusRecord[] {
  const alphabet = LETTERS.slice(0, 1 + random(LETTERS.length));
  const text = (length: number) => Array.from({ length }, () => alphabet[random(alphabet.length)]!).join(' ');
  return recordsOf(
    Array.from({ length: random(6) }, (_, i) => ({
      text: text(random(4) === 0 ? random(60) : random(12)),
      by: 1 + random(3),
      net: 1 + random(2),
      key: 7 * i + random(7),
    })),
  );
}

/** Corpora on which suffix structures go wrong first. */
export const ADVERSARIAL: Readonly<Record<string, CorpusRecord[]>> = {
  empty: [],
  'no tokens': recordsOf(['', '  ', '\n']),
  'one token': recordsOf(['word']),
  'all equal': recordsOf([Array(50).fill('a').join(' '), Array(20).fill('a').join(' ')]),
  'equal in every record': recordsOf([{ text: 'a b' }, { text: 'a b ' }, { text: ' a b' }, { text: 'A b' }]),
  fibonacci: recordsOf([fibonacci(60).join(' ')]),
  periodic: recordsOf([Array(30).fill('a b c').join(' '), Array(12).fill('b c a').join(' ')]),
  prefixes: recordsOf(
    Array.from({ length: 25 }, (_, i) => Array.from({ length: i + 1 }, (_, j) => `w${j}`).join(' ')),
  ),
  suffixes: recordsOf(
    Array.from({ length: 25 }, (_, i) => Array.from({ length: i + 1 }, (_, j) => `w${25 - i + j}`).join(' ')),
  ),
};

function fibonacci(length: number): string[] {
  let [a, b] = ['a', 'ab'];
  while (b.length < length) [a, b] = [b, b + a];
  return [...b.slice(0, length)];
}

const bytesOf = (word: string) => new TextEncoder().encode(word);
export const phraseOf = (text: string): Uint8Array[] => words(bytesOf(text)).map(bytesOf);

/** Count and first place of a phrase by looking at every place. */
export function bruteForce(records: CorpusRecord[], phrase: readonly Uint8Array[]) {
  const wanted = phrase.map((token) => new TextDecoder().decode(token));
  const unique = uniqueRecords(records);
  let count = 0;
  let first: { contributor: string; orderKey: number; dataNetId: number; token: number } | undefined;
  for (const record of unique) {
    const text = words(record.bytes);
    text.forEach((_, token) => {
      if (!wanted.every((word, k) => text[token + k] === word)) return;
      count++;
      const { contributor, orderKey, dataNetId } = record;
      first ??= { contributor, orderKey, dataNetId, token };
    });
  }
  if (count > 0 !== unique.some((record) => stands(wanted, words(record.bytes)))) throw new Error('oracle');
  return first === undefined ? { kind: 'absent', phrase } : { kind: 'occurs', phrase, count, first };
}

/** Phrases that occur, that nearly do, and that do not. */
export function phrasesFor(
  records: CorpusRecord[],
  random: (below: number) => number,
  many: number,
): Uint8Array[][] {
  const texts = records.map((record) => words(record.bytes)).filter((text) => text.length > 0);
  return Array.from({ length: many }, () => {
    if (texts.length === 0) return [bytesOf('nothing')];
    const text = texts[random(texts.length)]!;
    const start = random(text.length);
    const phrase = text.slice(start, start + 1 + random(random(3) === 0 ? 40 : 6));
    if (random(3) === 0) phrase.push(...texts[random(texts.length)]!.slice(0, 1 + random(3)));
    if (random(4) === 0) phrase[random(phrase.length)] = ['a', 'b', 'unknown', '\u{1F600}'][random(4)]!;
    return phrase.map(bytesOf);
  });
}
