import type { RecordInfo } from '../corpus/corpus.ts';
import type { PhraseTable } from './phrase-table.ts';

/** Where a phrase stands: `record` is a rank (the records' places in order-key order), `token` a place within it. */
export interface Place {
  readonly record: number;
  readonly token: number;
}

/**
 * All occurrences of a phrase that is read token by token. One cursor serves one query at a time; `mark` and `rewind`
 * return to an earlier phrase without reading it again.
 */
export interface PhraseCursor {
  /** Back to the empty phrase. */
  reset(): void;
  /** Appends a token (-1: a token that the corpus does not have). False if the longer phrase does not occur; then the
   * cursor stays at the shorter one. */
  extend(token: number): boolean;
  /**
   * Appends `tokens[from], tokens[from + 1], …`, at most up to `to`, as long as no occurrence is lost; returns how many
   * were appended. The same as calling `extend` while `count` stays, but cheap for long quotations.
   */
  extendAll(tokens: Int32Array, from: number, to: number): number;
  /** Tokens in the phrase. */
  readonly depth: number;
  /** Occurrences of the phrase. Meaningless for the empty phrase. */
  readonly count: number;
  /** The first occurrence in the record of lowest order key, as a position for `placeOf` and `recordOf`. */
  earliest(): number;
  /** State that `rewind` accepts. */
  mark(): PhraseMark;
  rewind(mark: PhraseMark): void;
}

/** A phrase that a cursor stood at: its depth, then the first suffix and the one behind the last by segment. */
export type PhraseMark = readonly number[];

/** Of which records the frequencies of tokens are: of all, or of the oldest (docs/attribution.md, section 2). */
export type Frequencies = 'all' | 'oldest';

/** Phrases of one text, start by start. `prepare` finds the longest ones; then the others say more of them. */
export interface PhraseRows {
  /**
   * Finds the longest phrase that occurs from each start s up to tokens [s, ends[s]); nothing where that is shorter than
   * a window, `length` tokens.
   */
  prepare(length: number, ends: Int32Array): void;
  /** Whether the window at `start` was asked for and occurs. */
  occurs(start: number): boolean;
  /** Where a window that occurs stands first. */
  firstOf(start: number): FirstPlace;
  /** Where the longest phrase ends that was found from a start whose window occurs. */
  longest(start: number): number;
  /**
   * Offers the table the first place of the phrases [start, from) to [start, end), in this order.
   * @param end what `longest` said, or less.
   */
  write(start: number, from: number, end: number, table: PhraseTable): void;
}

export interface FirstPlace {
  readonly position: number;
  /** Rank of the record. */
  readonly rank: number;
}

/**
 * What attribution asks of an index. Everything is defined on the records: one segment or many give the same answers.
 * Positions are opaque, except that position + 1 is the next token of the same record.
 */
export interface TokenIndex {
  /** Different texts among the records. */
  readonly recordCount: number;
  /** Records left out because an earlier one has the same bytes. */
  readonly duplicates: number;
  /** Tokens over all records (exact duplicates once). */
  readonly totalTokens: number;
  /** Different tokens. */
  readonly types: number;
  /** Records whose bytes are not UTF-8: they have no tokens and can earn nothing. */
  readonly unreadableRecords: number;
  /** Memory beside the segments' own, in bytes. */
  readonly tableBytes: number;
  /** Number of the token bytes[start, end), or -1 if no record has it. */
  tokenId(bytes: Uint8Array, start: number, end: number): number;
  /** Occurrences of a token (-1 has none). */
  countOf(token: number): number;
  /** The record of this rank. */
  record(rank: number): RecordInfo;
  /** Its bytes, which queries do not need: from wherever the opener of the index keeps them. */
  bytesOf(rank: number): Uint8Array;
  /** Surprisal of a token (-1: one that no record has) in 2⁻¹⁶ bit. */
  surprisalOf(token: number, frequencies: Frequencies): number;
  /** Token at a position, or -1 if that is the end of a record. */
  tokenAt(position: number): number;
  recordOf(position: number): number;
  placeOf(position: number): Place;
  /** Byte in the record at which the token at this position starts. */
  byteOffsetOf(position: number): number;
  cursor(): PhraseCursor;
  /** @param tokens numbers of a text's tokens (-1: unknown). */
  rows(tokens: Int32Array): PhraseRows;
  /** For sampling: occurrences of the cursor's phrase that another token follows. */
  followers(cursor: PhraseCursor): Followers;
}

/** The tokens that follow a phrase within its records, one for each occurrence. */
export interface Followers {
  /** Occurrences that are followed by a token. */
  readonly count: number;
  /** Whether they stand in at least two records. */
  readonly inSeveralRecords: boolean;
  /** Position of the following token of occurrence `i`, 0 ≤ i < count, in an order given by the data. */
  position(i: number): number;
}
