/** The leaves of the three trees as bytes (docs/proofs.md §3). */

import { fromHex, toHex } from '../credit/bytes.ts';
import { foldByte, lex, lexInto, TokenBuffer, tokenBytes } from '../lexer/lexer.ts';
import { ProofReader, ProofWriter } from './bytes.ts';
import { invalidProof } from './errors.ts';
import { INLINE_TOKENS, MAX_PLAIN_TOKEN_BYTES, NODES_PER_PAGE } from './limits.ts';
import { sha256 } from './sha256.ts';
import type { CommittedRecord, PhraseNode } from './types.ts';

/** No UTF-8 has this byte, so the key of a long token is no short token. */
const LONG_TOKEN = 0xff;

/**
 * What stands for a token in the dictionary: its folded bytes, or 0xff and their SHA-256 if they are more than
 * MAX_PLAIN_TOKEN_BYTES. Token ids are the places of these keys in their byte order.
 */
export function tokenKey(folded: Uint8Array): Uint8Array {
  if (folded.length <= MAX_PLAIN_TOKEN_BYTES) return folded;
  const key = new Uint8Array(33);
  key[0] = LONG_TOKEN;
  key.set(sha256(folded), 1);
  return key;
}

/** The tokens of a text as proofs name them: folded bytes. @throws InvalidUtf8 */
export function phraseTokens(text: Uint8Array): Uint8Array[] {
  const tokens = lex(text);
  return Array.from({ length: tokens.length }, (_, i) => tokenBytes(text, tokens, i));
}

/** Used again for each token: a new one would cost more than the token. */
const oneToken = new TokenBuffer();

/** Whether these bytes are one token, folded. */
export function isToken(bytes: Uint8Array): boolean {
  try {
    lexInto(oneToken, bytes, 1);
  } catch {
    return false;
  }
  const { length, starts, ends } = oneToken;
  const isWhole = length === 1 && starts[0] === 0 && ends[0] === bytes.length;
  return isWhole && bytes.every((byte) => foldByte(byte) === byte);
}

export interface DictionaryEntry {
  readonly id: number;
  readonly key: Uint8Array;
  readonly count: number;
  /** Its occurrences in the oldest records. */
  readonly oldestCount: number;
}

export function writeDictionaryEntry(writer: ProofWriter, entry: Omit<DictionaryEntry, 'id'>): void {
  writer.sized(entry.key);
  writer.varint(entry.count);
  writer.varint(entry.oldestCount);
}

export function readDictionaryEntry(id: number, bytes: Uint8Array): DictionaryEntry {
  const reader = new ProofReader(bytes);
  const entry = { id, key: reader.sized(), count: reader.varint(), oldestCount: reader.varint() };
  reader.end();
  return entry;
}

/** Symbols of a piece of the text: 0 ends a record, token id + 1 is a token. */
export function readChunk(bytes: Uint8Array, symbols: number): Int32Array {
  const reader = new ProofReader(bytes);
  const chunk = Int32Array.from({ length: symbols }, () => reader.varint());
  reader.end();
  return chunk;
}

/** Nodes as columns over a text (`symbols`: 0 ends a record, token id + 1 is a token), for writing many pages fast. */
export interface NodeColumns {
  readonly symbols: Int32Array;
  readonly count: number;
  readonly firsts: Int32Array;
  readonly counts: Int32Array;
  readonly parentDepths: Int32Array;
  readonly depths: Int32Array;
  /** Rank of the record at a position. */
  rankAt(position: number): number;
  startOf(rank: number): number;
  /** What `recordBytes` gives. */
  recordBytesOf(rank: number): Uint8Array;
}

/**
 * A page: its nodes one after another. Of a label only what it does not share with the one before is written, a record
 * only if it is another one than before.
 */
export function writePage(writer: ProofWriter, columns: NodeColumns, page: number): void {
  const { symbols, firsts } = columns;
  const end = Math.min(columns.count, (page + 1) * NODES_PER_PAGE);
  let firstBefore = 0;
  let lengthBefore = 0;
  let rankBefore = -1;
  for (let i = page * NODES_PER_PAGE; i < end; i++) {
    const first = firsts[i]!;
    const depth = columns.depths[i]!;
    const parentDepth = columns.parentDepths[i]!;
    const length = Math.min(depth, INLINE_TOKENS);
    const most = Math.min(length, lengthBefore);
    let shared = 0;
    while (shared < most && symbols[first + shared] === symbols[firstBefore + shared]) shared++;
    writer.varint(shared);
    writer.varint(parentDepth);
    writer.varint(depth - parentDepth - 1);
    writer.varint(columns.counts[i]!);
    for (let j = shared; j < length; j++) writer.varint(symbols[first + j]! - 1);
    const rank = columns.rankAt(first);
    writer.varint(rank);
    if (rank !== rankBefore) writer.bytes(columns.recordBytesOf(rank));
    writer.varint(first - columns.startOf(rank));
    firstBefore = first;
    lengthBefore = length;
    rankBefore = rank;
  }
}

/** A record in a page: start, length, order key, DataNet, contributor. */
export function recordBytes(record: CommittedRecord): Uint8Array {
  const writer = new ProofWriter();
  writer.varint(record.start);
  writer.varint(record.length);
  writer.varint(record.orderKey);
  writer.varint(record.dataNetId);
  writer.bytes(fromHex(record.contributor, 20));
  return writer.done();
}

/** The nodes of a page. @param count of nodes in it @throws AttributionError 'InvalidProof' */
export function readPage(bytes: Uint8Array, page: number, count: number): PhraseNode[] {
  const reader = new ProofReader(bytes);
  const nodes: PhraseNode[] = [];
  let before: PhraseNode | undefined;
  for (let i = 0; i < count; i++) {
    const shared = reader.varint();
    const parentDepth = reader.varint();
    const depth = parentDepth + 1 + reader.varint();
    const occurrences = reader.varint();
    const label = new Int32Array(Math.min(depth, INLINE_TOKENS));
    if (shared > Math.min(label.length, before?.label.length ?? 0))
      throw invalidProof('a node shares more than it has');
    if (before !== undefined) label.set(before.label.subarray(0, shared));
    for (let j = shared; j < label.length; j++) label[j] = reader.varint();
    const rank = reader.varint();
    const record: CommittedRecord = rank === before?.record.rank ? before.record : readRecord(reader, rank);
    const index = page * NODES_PER_PAGE + i;
    before = { index, parentDepth, depth, count: occurrences, label, record, offset: reader.varint() };
    nodes.push(before);
  }
  reader.end();
  return nodes;
}

function readRecord(reader: ProofReader, rank: number): CommittedRecord {
  const start = reader.varint();
  const length = reader.varint();
  const orderKey = reader.varint();
  const dataNetId = reader.varint();
  const contributor = toHex(reader.bytes(20));
  return { rank, start, length, orderKey, contributor, dataNetId };
}
