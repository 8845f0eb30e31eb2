import { type CorpusRecord, packOrderKey } from '../../../attribution/api.ts';
import { Vocabulary } from '../../../attribution/index/vocabulary.ts';
import { lex, WORD } from '../../../attribution/lexer/lexer.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import type { Random } from './random.ts';

/** A record of a study: read once, used in many chains. `order` is its place in the order of commits. */
export interface StudyRecord {
  readonly order: number;
  readonly contributor: number;
  readonly dataNetId: number;
  readonly words: readonly string[];
  readonly bytes: Uint8Array;
  readonly ids: Int32Array;
}

/** DataNet of all honest records, and the one that a study may declare common property. */
export const NET = 1;
export const COMMONS_NET = 2;
/** Attackers are contributors from here on; the 15 genres of the Brown corpus are 0 to 14. */
export const ATTACKER = 100;

const RECORD_WORDS = 54;
/** Order of honest records: a million apart, so that others may come before, between and after. */
export const STEP = 1_000_000;
export const FIRST = 1;
export const LAST = 30_000 * STEP;

const encoder = new TextEncoder();

/** Numbers of words over all chains of a study, and which of them are words and no marks. */
export class Reader {
  readonly #vocabulary = new Vocabulary();
  readonly isWord: boolean[] = [];

  get types(): number {
    return this.#vocabulary.size;
  }

  read(bytes: Uint8Array): Int32Array {
    const tokens = lex(bytes);
    return Int32Array.from({ length: tokens.length }, (_, i) => {
      const id = this.#vocabulary.intern(bytes, tokens.starts[i]!, tokens.ends[i]!);
      this.isWord[id] = tokens.kinds[i] === WORD;
      return id;
    });
  }

  record(words: readonly string[], contributor: number, order: number, dataNetId = NET): StudyRecord {
    const bytes = encoder.encode(words.join(' '));
    return { order, contributor, dataNetId, words, bytes, ids: this.read(bytes) };
  }

  /** The word of a token number, folded. */
  wordOf(id: number): string {
    return new TextDecoder().decode(this.#vocabulary.bytesOf(id));
  }
}

/**
 * The Brown corpus in records of RECORD_WORDS words that do not cross documents, one contributor a genre, committed in
 * a shuffled order. `keep` chooses documents by their number.
 */
export function brownRecords(
  reader: Reader,
  random: Random,
  keep: (document: number) => boolean = () => true,
): StudyRecord[] {
  const genres: string[] = [];
  const chunks = loadBrownCorpus().flatMap(({ genre, text }, document) => {
    if (!genres.includes(genre)) genres.push(genre);
    if (!keep(document)) return [];
    const words = text.split(/\s+/);
    return Array.from({ length: Math.ceil(words.length / RECORD_WORDS) }, (_, i) => ({
      contributor: genres.indexOf(genre),
      words: words.slice(i * RECORD_WORDS, (i + 1) * RECORD_WORDS),
    }));
  });
  return random
    .shuffled(chunks)
    .map(({ words, contributor }, i) => reader.record(words, contributor, (i + 1) * STEP));
}

/** As the engine takes them. */
export function toCorpusRecords(records: readonly StudyRecord[]): CorpusRecord[] {
  return [...records]
    .sort((a, b) => a.order - b.order)
    .map((record, i) => ({
      orderKey: packOrderKey(i + 1, 0),
      contributor: addressOf(record.contributor),
      dataNetId: record.dataNetId,
      contributionId: i + 1,
      recordIndex: 0,
      bytes: record.bytes,
    }));
}

export function addressOf(contributor: number): string {
  return `0x${(contributor + 1).toString(16).padStart(40, '0')}`;
}

export function contributorOf(address: string): number {
  return Number(address) - 1;
}
