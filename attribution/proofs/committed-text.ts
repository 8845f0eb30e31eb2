import { type Corpus, compareBytes } from '../corpus/corpus.ts';
import { AttributionError, InvalidUtf8 } from '../errors.ts';
import { oldestTokens, type TokenCounts } from '../index/oldest.ts';
import { Vocabulary } from '../index/vocabulary.ts';
import { lexInto, TokenBuffer } from '../lexer/lexer.ts';
import { proofTooLarge } from './errors.ts';
import { tokenKey } from './leaves.ts';
import type { CommittedRecord } from './types.ts';

/** A corpus as tokens: what is committed, before it is hashed. */
export interface CommittedText {
  /** Record r ends in the symbol r, token t is the symbol records + t. */
  readonly symbols: Int32Array;
  /** Where each record starts, and the end of the text. */
  readonly recordStarts: Int32Array;
  /** By token id. */
  readonly keys: readonly Uint8Array[];
  readonly counts: Int32Array;
  readonly oldest: TokenCounts;
  /** Records that are not UTF-8 and so have no tokens. */
  readonly unreadableRecords: number;
}

/** @throws AttributionError 'ProofTooLarge' above `maxTokens`, 'InvalidParameter' for a DataNet that is no number. */
export function readCommittedText(corpus: Corpus, maxTokens: number): CommittedText {
  const { records } = corpus;
  const vocabulary = new Vocabulary();
  const recordStarts = new Int32Array(records.length + 1);
  const buffer = new TokenBuffer();
  let symbols = new Int32Array(1024);
  let length = 0;
  let unreadableRecords = 0;
  records.forEach((record, rank) => {
    if (!Number.isSafeInteger(record.dataNetId) || record.dataNetId < 0)
      throw new AttributionError(
        'InvalidParameter',
        `DataNet ${record.dataNetId} is not a number from 0 on.`,
      );
    recordStarts[rank] = length;
    if (!readTokens(buffer, record.bytes)) unreadableRecords++;
    if (length + buffer.length - rank > maxTokens)
      throw proofTooLarge(`The snapshots have more than ${maxTokens} tokens; no proofs are made of so many.`);
    const needed = length + buffer.length + 1;
    if (needed > symbols.length) {
      const larger = new Int32Array(Math.max(needed, symbols.length * 2));
      larger.set(symbols);
      symbols = larger;
    }
    for (let i = 0; i < buffer.length; i++)
      symbols[length++] =
        records.length + vocabulary.intern(record.bytes, buffer.starts[i]!, buffer.ends[i]!);
    symbols[length++] = rank;
  });
  recordStarts[records.length] = length;
  const text = symbols.slice(0, length);
  const { keys, counts } = numberByKey(text, records.length, vocabulary);
  const oldest = countOldest(text, recordStarts, keys.length);
  return { symbols: text, recordStarts, unreadableRecords, keys, counts, oldest };
}

/** Counts over the oldest records of docs/attribution.md, section 2. */
function countOldest(symbols: Int32Array, recordStarts: Int32Array, types: number): TokenCounts {
  const records = recordStarts.length - 1;
  const wanted = oldestTokens(symbols.length - records);
  const counts = new Uint32Array(types);
  let tokens = 0;
  for (let rank = 0; tokens < wanted; rank++) {
    const end = recordStarts[rank + 1]! - 1;
    for (let p = recordStarts[rank]!; p < end; p++) counts[symbols[p]! - records]!++;
    tokens += end - recordStarts[rank]!;
  }
  return { tokens, types: counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0), counts };
}

/** False for a record that is not UTF-8: it has no tokens. */
function readTokens(buffer: TokenBuffer, bytes: Uint8Array): boolean {
  try {
    lexInto(buffer, bytes, Number.MAX_SAFE_INTEGER);
    return true;
  } catch (error) {
    if (!(error instanceof InvalidUtf8)) throw error;
    buffer.length = 0;
    return false;
  }
}

/** Gives the tokens their ids: the places of their keys in byte order. Renumbers `symbols` in place. */
function numberByKey(symbols: Int32Array, records: number, vocabulary: Vocabulary) {
  const found = Array.from({ length: vocabulary.size }, (_, id) => tokenKey(vocabulary.bytesOf(id)));
  const order = Array.from(found.keys()).sort((a, b) => compareBytes(found[a]!, found[b]!));
  const idOf = new Int32Array(order.length);
  order.forEach((old, id) => {
    idOf[old] = id;
  });
  const counts = new Int32Array(order.length);
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i]! < records) continue;
    const id = idOf[symbols[i]! - records]!;
    counts[id]!++;
    symbols[i] = records + id;
  }
  return { keys: order.map((old) => found[old]!), counts };
}

/** Positions between two entries of the table below: a step is a record, and records have hundreds of tokens. */
const TABLE_STEP = 32;

/** Finds the rank of the record at a position: a table of every 32nd position, then record by record. */
export function createRankTable(recordStarts: Int32Array): (position: number) => number {
  const length = recordStarts[recordStarts.length - 1]!;
  const table = new Int32Array(Math.ceil(length / TABLE_STEP));
  for (let i = 0, rank = 0; i < table.length; i++) {
    while (recordStarts[rank + 1]! <= i * TABLE_STEP) rank++;
    table[i] = rank;
  }
  return (position) => {
    let rank = table[Math.floor(position / TABLE_STEP)]!;
    while (recordStarts[rank + 1]! <= position) rank++;
    return rank;
  };
}

/** A record without its text, which need not stay in memory. */
export type RecordHead = Pick<CommittedRecord, 'orderKey' | 'contributor' | 'dataNetId'>;

export function committedRecord(
  heads: readonly RecordHead[],
  recordStarts: Int32Array,
  rank: number,
): CommittedRecord {
  const { orderKey, contributor, dataNetId } = heads[rank]!;
  const start = recordStarts[rank]!;
  return { rank, start, length: recordStarts[rank + 1]! - start - 1, orderKey, contributor, dataNetId };
}
