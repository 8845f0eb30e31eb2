import { RECORDS_PER_COMMIT, type RecordInfo } from '../corpus/corpus.ts';
import type { PhraseCursor, PhraseMark } from '../index/token-index.ts';
import { foldByte, lex, tokenBytes } from '../lexer/lexer.ts';
import { createSurprisal } from '../surprisal/surprisal.ts';
import type { CreditIndex } from '../token/types.ts';
import type { PhraseAnswer } from './proven-phrases.ts';
import type { CommitmentSizes, CommittedRecord, PhraseNode } from './types.ts';

/** Who answers about tokens and phrases: shown leaves, or the whole commitment while a proof is made. */
export interface PhraseSource {
  readonly sizes: CommitmentSizes;
  /** Undefined: no record has the token. */
  token(folded: Uint8Array): { readonly id: number; readonly count: number } | undefined;
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
  const known = new Map<string, { readonly id: number; readonly count: number } | undefined>();
  const tokens = lex(output);
  for (let i = 0; i < tokens.length; i++) {
    const folded = tokenBytes(output, tokens, i);
    const key = keyOf(folded, 0, folded.length);
    if (!known.has(key)) known.set(key, source.token(folded));
  }
  const counts = new Map([...known.values()].map((entry) => [entry?.id ?? -1, entry?.count ?? 0]));
  const surprisal = createSurprisal(source.sizes.tokens, source.sizes.types);
  const records = new KnownRecords();
  const marks: Int32Array[] = [];
  return {
    record: (rank) => records.byRank.get(rank)!,
    tokenId: (bytes, start, end) => known.get(keyOf(bytes, start, end))?.id ?? -1,
    surprisalOf: (token) => surprisal(counts.get(token) ?? 0),
    recordOf: (position) => records.rankOf(position),
    cursor: () => new SourceCursor(source, records, marks),
  };
}

function keyOf(bytes: Uint8Array, start: number, end: number): string {
  let key = '';
  for (let i = start; i < end; i++) key += String.fromCharCode(foldByte(bytes[i]!));
  return key;
}

/** The records that answers named. */
class KnownRecords {
  readonly byRank = new Map<number, RecordInfo>();
  readonly #byStart: CommittedRecord[] = [];

  add(record: CommittedRecord): void {
    if (this.byRank.has(record.rank)) return;
    const { orderKey, contributor, dataNetId } = record;
    this.byRank.set(record.rank, {
      orderKey,
      contributor,
      dataNetId,
      contributionId: Math.floor(orderKey / RECORDS_PER_COMMIT),
      recordIndex: orderKey % RECORDS_PER_COMMIT,
    });
    this.#byStart.splice(this.#after(record.start), 0, record);
  }

  /** The record at a position that some answer's phrase covers. */
  rankOf(position: number): number {
    return this.#byStart[this.#after(position) - 1]!.rank;
  }

  #after(position: number): number {
    let low = 0;
    let high = this.#byStart.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#byStart[middle]!.start <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A phrase that is read token by token. Marks are numbers of phrases kept for all cursors of one index. */
class SourceCursor implements PhraseCursor {
  depth = 0;
  #phrase: Int32Array = new Int32Array(64);
  /** A node whose longest phrase begins with this one, if known: along it no question is needed. */
  #along: PhraseNode | undefined;
  readonly #source: PhraseSource;
  readonly #records: KnownRecords;
  readonly #marks: Int32Array[];

  constructor(source: PhraseSource, records: KnownRecords, marks: Int32Array[]) {
    this.#source = source;
    this.#records = records;
    this.#marks = marks;
  }

  get count(): number {
    return this.depth === 0 ? 0 : this.#cover().count;
  }

  reset(): void {
    this.depth = 0;
    this.#along = undefined;
  }

  mark(): PhraseMark {
    return [this.#marks.push(this.#phrase.slice(0, this.depth)) - 1];
  }

  rewind(mark: PhraseMark): void {
    this.reset();
    for (const token of this.#marks[mark[0]!]!) this.#push(token);
  }

  earliest(): number {
    const { record, offset } = this.#cover();
    this.#records.add(record);
    return record.start + offset;
  }

  extend(token: number): boolean {
    if (token < 0) return false;
    const { depth } = this;
    this.#push(token);
    const along = this.#along;
    if (along !== undefined && depth < along.depth && this.#source.tokenOf(along, depth) === token)
      return true;
    const answer = this.#source.find(this.#phrase, this.depth);
    if (answer.kind === 'absent') {
      this.depth = depth;
      return false;
    }
    this.#along = answer.node;
    return true;
  }

  extendAll(tokens: Int32Array, from: number, to: number): number {
    if (this.depth === 0 || from >= to) return 0;
    const node = this.#cover();
    let read = 0;
    while (from + read < to && this.depth < node.depth) {
      const token = tokens[from + read]!;
      if (this.#source.tokenOf(node, this.depth) !== token) break;
      this.#push(token);
      read++;
    }
    return read;
  }

  #cover(): PhraseNode {
    const node = this.#source.cover(this.#phrase, this.depth);
    this.#along = node;
    return node;
  }

  #push(token: number): void {
    if (this.depth === this.#phrase.length) {
      const longer = new Int32Array(this.depth * 2);
      longer.set(this.#phrase);
      this.#phrase = longer;
    }
    this.#phrase[this.depth++] = token;
  }
}
