import { ATTACKER, LAST, type Reader, type StudyRecord } from './corpus.ts';
import type { Random } from './random.ts';

/** Ways to publish other people's records again. All copies are committed later, by `identities` contributors. */
export type Change = (words: readonly string[], copy: number) => readonly string[];

export const exact: Change = (words) => words;

/** Each word replaced with probability `rate` by a word drawn from the chain. */
export function noise(random: Random, pool: readonly StudyRecord[], rate: number): Change {
  const draw = (): string => {
    const { words } = pool[random.below(pool.length)]!;
    return words[random.below(words.length)]!;
  };
  return (words) => words.map((word) => (random.next() < rate ? draw() : word));
}

/** One word added at the end: 50 of 51 shingles stay, so every copy is a near duplicate. */
export const nearDuplicate: Change = (words, copy) => [...words, `n${copy}`];

/** The record's sentences in another order (commas count as ends, so that 54 words have several). */
export function shuffle(random: Random): Change {
  return (words) => {
    const pieces: string[][] = [[]];
    for (const word of words) {
      pieces[pieces.length - 1]!.push(word);
      if (/[.,;!?]$/.test(word)) pieces.push([]);
    }
    return random.shuffled(pieces).flat();
  };
}

export function copies(
  reader: Reader,
  victims: readonly StudyRecord[],
  identities: number,
  change: Change,
  /** Order of a copy's commit; after everybody by default. */
  orderOf: (victim: StudyRecord, copy: number) => number = (_, copy) => LAST + copy,
): StudyRecord[] {
  return Array.from({ length: identities }, (_, k) =>
    victims.map((victim, i) => {
      const copy = i * identities + k;
      return reader.record(change(victim.words, copy), ATTACKER + k, orderOf(victim, copy));
    }),
  ).flat();
}
