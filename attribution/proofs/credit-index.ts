import { RECORDS_PER_COMMIT, type RecordInfo } from '../corpus/corpus.ts';
import type { PhraseTable } from '../index/phrase-table.ts';
import type { FirstPlace, PhraseRows } from '../index/token-index.ts';
import { foldByte, lex, tokenBytes } from '../lexer/lexer.ts';
import { createSurprisal } from '../surprisal/surprisal.ts';
import type { CreditIndex } from '../token/types.ts';
import type { DictionaryEntry } from './leaves.ts';
import type { PhraseAnswer } from './proven-phrases.ts';
import type { CommitmentSizes, CommittedRecord, PhraseNode } from './types.ts';

/** A token of the dictionary, with its occurrences in all records and in the oldest. */
type KnownToken = Pick<DictionaryEntry, 'id' | 'count' | 'oldestCount'>;

/** Who answers about tokens and phrases: shown leaves, or the whole commitment while a proof is made. */
export interface PhraseSource {
  readonly sizes: CommitmentSizes;
  /** Undefined: no record has the token. */
  token(folded: Uint8Array): KnownToken | undefined;
  /** Whether phrase[0, length) occurs. */
  find(phrase: Int32Array, length: number): PhraseAnswer;
  /** The node of a phrase that occurs. */
  cover(phrase: Int32Array, length: number): PhraseNode;
  tokenOf(node: PhraseNode, j: number): number;
}

/**
 * What attribution asks of an index, answered by a source. Prover and verifier run the rule over this same code, so that
 * there is no second rule, and the prover asks for exactly what the verifier will.
 *
 * Only tokens of the output are asked for: a token that only the prompt has can make no window of the output one of the
 * prompt's, whatever its number.
 */
export function createCreditIndex(source: PhraseSource, output: Uint8Array): CreditIndex {
  const known = new Map<string, KnownToken | undefined>();
  const tokens = lex(output);
  for (let i = 0; i < tokens.length; i++) {
    const folded = tokenBytes(output, tokens, i);
    const key = keyOf(folded, 0, folded.length);
    if (!known.has(key)) known.set(key, source.token(folded));
  }
  const entries = new Map([...known.values()].map((entry) => [entry?.id ?? -1, entry]));
  const { tokens: all, types, oldestTokens, oldestTypes } = source.sizes;
  const surprisal = { all: createSurprisal(all, types), oldest: createSurprisal(oldestTokens, oldestTypes) };
  const records = new Map<number, RecordInfo>();
  return {
    record: (rank) => records.get(rank)!,
    tokenId: (bytes, start, end) => known.get(keyOf(bytes, start, end))?.id ?? -1,
    surprisalOf(token, frequencies) {
      const entry = entries.get(token);
      return surprisal[frequencies]((frequencies === 'all' ? entry?.count : entry?.oldestCount) ?? 0);
    },
    rows: (ids) => new SourceRows(source, records, ids),
  };
}

function keyOf(bytes: Uint8Array, start: number, end: number): string {
  let key = '';
  for (let i = start; i < end; i++) key += String.fromCharCode(foldByte(bytes[i]!));
  return key;
}

/** The record as the rule asks for it. */
function recordInfo({ orderKey, contributor, dataNetId }: CommittedRecord): RecordInfo {
  return {
    orderKey,
    contributor,
    dataNetId,
    contributionId: Math.floor(orderKey / RECORDS_PER_COMMIT),
    recordIndex: orderKey % RECORDS_PER_COMMIT,
  };
}

/** Phrases of a text, read token by token from a source. Records that it names are kept for the index. */
class SourceRows implements PhraseRows {
  readonly #source: PhraseSource;
  readonly #records: Map<number, RecordInfo>;
  readonly #ids: Int32Array;
  /** By start: where the longest phrase ends that occurs. */
  readonly #ends: Int32Array;
  #length = 0;

  constructor(source: PhraseSource, records: Map<number, RecordInfo>, ids: Int32Array) {
    this.#source = source;
    this.#records = records;
    this.#ids = ids;
    this.#ends = new Int32Array(ids.length);
  }

  prepare(length: number, ends: Int32Array): void {
    this.#length = length;
    // What does not occur, to the right, ends the phrases that would contain it.
    let absentEnd = Number.POSITIVE_INFINITY;
    for (let start = this.#ids.length - length; start >= 0; start--) {
      const end = Math.min(ends[start]!, absentEnd - 1);
      if (end < start + length) continue;
      this.#ends[start] = this.#readOn(start, start + 1, end);
      if (this.#ends[start]! < end) absentEnd = this.#ends[start]! + 1;
    }
  }

  occurs(start: number): boolean {
    return this.#ends[start]! >= start + this.#length;
  }

  firstOf(start: number): FirstPlace {
    return this.#firstPlace(this.#cover(start, start + this.#length));
  }

  longest(start: number): number {
    return this.#ends[start]!;
  }

  write(start: number, from: number, end: number, table: PhraseTable): void {
    // A node answers for all lengths up to its depth; then the next token leads to another one.
    for (let at = from; at <= end; at++) {
      const node = this.#cover(start, at);
      const { position, rank } = this.#firstPlace(node);
      for (; ; at++) {
        table.offer(at - from, position, rank);
        if (at === end || at - start === node.depth) break;
      }
    }
  }

  /** Up to which token the phrases from `start` on that end at `from` to `to` occur; `from - 1` if none does. */
  #readOn(start: number, from: number, to: number): number {
    let along: PhraseNode | undefined;
    for (let end = from; end <= to; end++) {
      if (this.#ids[end - 1]! < 0) return end - 1;
      if (along !== undefined && this.#goesOn(along, start, end - 1)) continue;
      const answer = this.#source.find(this.#ids.subarray(start, end), end - start);
      if (answer.kind === 'absent') return end - 1;
      along = answer.node;
    }
    return to;
  }

  /** Whether the longest phrase of a node, which begins with tokens [start, end), has the next token, too. */
  #goesOn(node: PhraseNode, start: number, end: number): boolean {
    const depth = end - start;
    return depth < node.depth && this.#source.tokenOf(node, depth) === this.#ids[end];
  }

  #cover(start: number, end: number): PhraseNode {
    return this.#source.cover(this.#ids.subarray(start, end), end - start);
  }

  #firstPlace({ record, offset }: PhraseNode): FirstPlace {
    if (!this.#records.has(record.rank)) this.#records.set(record.rank, recordInfo(record));
    return { position: record.start + offset, rank: record.rank };
  }
}
