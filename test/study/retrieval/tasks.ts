/** Questions whose right answers are known, from documents that no encoder was trained on. */
import type { BrownDocument } from '../../../node/datasets/brown.ts';

export interface Task {
  readonly name: string;
  readonly passages: readonly string[];
  readonly queries: readonly Query[];
}

export interface Query {
  readonly text: string;
  /** Passages that answer it. */
  readonly answers: ReadonlySet<number>;
  /** A passage that does not count (the query itself). */
  readonly except?: number;
}

/** Every fifth document is held out: 100 of 500, of all genres. */
const HELD_OUT = 5;
const PASSAGE_WORDS = 64;
const MOST_QUERIES = 200;

export function splitCorpus(documents: readonly BrownDocument[]): {
  training: BrownDocument[];
  heldOut: BrownDocument[];
} {
  return {
    training: documents.filter((_, i) => i % HELD_OUT !== 0),
    heldOut: documents.filter((_, i) => i % HELD_OUT === 0),
  };
}

/** The passages of some documents, in their order. */
export function allPassages(documents: readonly BrownDocument[]): string[] {
  return documents.flatMap(({ text }) => cut(text.split(/\s+/)));
}

/** Tasks on held-out documents, of which `all` are the passages; `next` draws numbers in [0, 1). */
export function brownTasks(
  documents: readonly BrownDocument[],
  all: readonly string[],
  next: () => number,
): Task[] {
  const passages = documents.map(({ text }) => cut(text.split(/\s+/)));
  return [
    halves('next 32 words', all, next),
    halves('other half of a sentence', sentences(documents), next),
    otherPassage(passages, next),
    excerpt('12 words, as they are', all, next, { length: 12, dropped: 0, damaged: 0 }),
    excerpt('12 words, 30 % left out', all, next, { length: 12, dropped: 0.3, damaged: 0 }),
    excerpt('12 words, an error in half of them', all, next, { length: 12, dropped: 0, damaged: 0.5 }),
  ];
}

/** Excerpts of six words of which a growing part has a typing error: none, ¼, ½, ¾, all. */
export function typoTasks(all: readonly string[], next: () => number): Task[] {
  return [0, 0.25, 0.5, 0.75, 1].map((part) =>
    excerpt(String(part), all, next, { length: 6, dropped: 0, damaged: part }),
  );
}

/** Messages, each spam message a query whose right answers are the other spam messages. */
export function messageTask(tsv: string, next: () => number): Task {
  const rows = new Map<string, string>();
  for (const line of tsv.split('\n').slice(1)) {
    const [label, text] = [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1).trim()];
    if (label !== '' && text !== '') rows.set(text, label);
  }
  const passages = [...rows.keys()];
  const spam = passages.flatMap((text, i) => (rows.get(text) === 'spam' ? [i] : []));
  return {
    name: 'spam finds spam (SMS)',
    passages,
    queries: sample(spam, MOST_QUERIES, next).map((i) => ({
      text: passages[i]!,
      answers: new Set(spam.filter((j) => j !== i)),
      except: i,
    })),
  };
}

/** Passages of 64 words; what is left at the end is dropped. */
export function cut(words: readonly string[]): string[] {
  const passages: string[] = [];
  for (let at = 0; at + PASSAGE_WORDS <= words.length; at += PASSAGE_WORDS)
    passages.push(words.slice(at, at + PASSAGE_WORDS).join(' '));
  return passages;
}

function sentences(documents: readonly BrownDocument[]): string[] {
  return documents
    .flatMap(({ text }) => text.split(/(?<=[.?!])\s+/))
    .filter((sentence) => sentence.split(/\s+/).length >= 12);
}

function halves(name: string, texts: readonly string[], next: () => number): Task {
  const parts = texts.map((text) => {
    const words = text.split(/\s+/);
    const middle = words.length >> 1;
    return [words.slice(0, middle).join(' '), words.slice(middle).join(' ')] as const;
  });
  return {
    name,
    passages: parts.map(([, second]) => second),
    queries: sample([...parts.keys()], MOST_QUERIES, next).map((i) => ({
      text: parts[i]![0],
      answers: new Set([i]),
    })),
  };
}

function otherPassage(documents: readonly (readonly string[])[], next: () => number): Task {
  const passages: string[] = [];
  const queries: Query[] = [];
  for (const own of documents) {
    const first = passages.length;
    const answers = new Set<number>();
    own.forEach((text, i) => {
      // Passages that touch the query are left out, so that no sentence runs from one into the other.
      if (i % 4 === 0) answers.add(passages.push(text) - 1);
    });
    own.forEach((text, i) => {
      if (i % 4 === 2 && passages.length > first) queries.push({ text, answers });
    });
  }
  return { name: 'other passage of the document', passages, queries: sample(queries, MOST_QUERIES, next) };
}

function excerpt(
  name: string,
  passages: readonly string[],
  next: () => number,
  { length, dropped, damaged }: { length: number; dropped: number; damaged: number },
): Task {
  const queries = sample([...passages.keys()], MOST_QUERIES, next).map((i) => {
    const words = passages[i]!.split(/\s+/);
    const at = Math.floor(next() * (words.length - length));
    const text = words
      .slice(at, at + length)
      .filter(() => next() >= dropped)
      .map((word) => (next() < damaged ? typo(word, next) : word))
      .join(' ');
    return { text, answers: new Set([i]) };
  });
  return { name, passages, queries };
}

const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'];

/** A slip on a keyboard: a neighbouring key instead of or beside the right one, two letters swapped, one lost. */
export function typo(word: string, next: () => number): string {
  const letters = [...word.matchAll(/[a-zA-Z]/g)].map((match) => match.index);
  if (letters.length < 3) return word;
  const at = letters[Math.floor(next() * letters.length)]!;
  const row = ROWS.find((keys) => keys.includes(word[at]!.toLowerCase()))!;
  const key = row.indexOf(word[at]!.toLowerCase());
  const neighbour = row[key === 0 ? 1 : key - 1]!;
  const [before, after] = [word.slice(0, at), word.slice(at + 1)];
  switch (Math.floor(next() * 4)) {
    case 0:
      return before + neighbour + after;
    case 1:
      return before + word[at] + neighbour + after;
    case 2:
      return after === '' ? before : before + after[0] + word[at] + after.slice(1);
    default:
      return before + after;
  }
}

function sample<T>(items: readonly T[], most: number, next: () => number): T[] {
  const pool = [...items];
  const count = Math.min(most, pool.length);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(next() * (pool.length - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.slice(0, count);
}
