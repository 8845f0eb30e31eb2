import { keccak_256 } from '@noble/hashes/sha3.js';
import { ByteWriter, fromHex, toHex } from '../credit/bytes.ts';
import { checkCredits } from '../credit/check-credits.ts';
import { AttributionError } from '../errors.ts';
import type { Credit } from '../token/types.ts';
import { MAX_CITATIONS, MAX_PAID } from './limits.ts';
import type { RetrievalAttribution } from './types.ts';

/** First byte of a record, so that no record of another engine has the same bytes ('R'). */
const KIND = 0x52;

/** What the record keeps of a citation. */
export interface RecordedCitation {
  readonly orderKey: number;
  readonly score: number;
}

/**
 * What the chain keeps of a retrieval attribution. Layout, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | 0x52 |
 * | 1 | version of the rule (1) |
 * | 32 | hash of the request record |
 * | 32 | keccak-256 of the output |
 * | 8 | weight of all citations |
 * | 4 | coverage, parts of 10⁹ |
 * | 4 | uncovered, parts of 10⁹ |
 * | 2 | number of citations |
 * | 2 | number of entries |
 * | 12 each | citation: order key (8), score (4), by falling score, then rising order key |
 * | 24 each | entry: contributor (20), credit in parts of 10⁹ (4), by falling credit, then rising address |
 */
export interface RetrievalAttributionRecord {
  readonly version: 1;
  /** 0x and 64 hex digits. */
  readonly requestHash: string;
  /** 0x and 64 hex digits. */
  readonly outputHash: string;
  readonly totalWeight: number;
  readonly coverage: number;
  readonly uncovered: number;
  readonly citations: readonly RecordedCitation[];
  readonly credits: readonly Credit[];
}

const HEAD = 1 + 1 + 32 + 32 + 8 + 4 + 4 + 2 + 2;
const CITATION = 8 + 4;
const ENTRY = 20 + 4;

/** The record of an attribution, for a request and the output that answers it. */
export function retrievalRecord(
  requestHash: string,
  output: Uint8Array,
  attribution: RetrievalAttribution,
): RetrievalAttributionRecord {
  const { version, totalWeight, coverage, uncovered, citations, credits } = attribution;
  return {
    version,
    requestHash,
    outputHash: toHex(keccak_256(output)),
    totalWeight,
    coverage,
    uncovered,
    citations: citations.map(({ record, score }) => ({ orderKey: record.orderKey, score })),
    credits,
  };
}

/** Canonical bytes of a record. @throws AttributionError 'InvalidRecord' for one that breaks its own rules. */
export function encodeRetrievalRecord(record: RetrievalAttributionRecord): Uint8Array {
  checkRecord(record);
  const writer = new ByteWriter()
    .uint(KIND, 1)
    .uint(record.version, 1)
    .bytes(fromHex(record.requestHash, 32), 32)
    .bytes(fromHex(record.outputHash, 32), 32)
    .uint(record.totalWeight, 8)
    .uint(record.coverage, 4)
    .uint(record.uncovered, 4)
    .uint(record.citations.length, 2)
    .uint(record.credits.length, 2);
  for (const { orderKey, score } of record.citations) writer.uint(orderKey, 8).uint(score, 4);
  for (const { contributor, credit } of record.credits)
    writer.bytes(fromHex(contributor, 20), 20).uint(credit, 4);
  return writer.done();
}

/** The record in canonical bytes. @throws AttributionError 'InvalidRecord' for any other bytes. */
export function decodeRetrievalRecord(bytes: Uint8Array): RetrievalAttributionRecord {
  if (bytes.length < HEAD) throw invalid('it is too short');
  if (bytes[0] !== KIND) throw invalid('it is of another kind');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [cited, paid] = [view.getUint16(82), view.getUint16(84)];
  const creditsAt = HEAD + cited * CITATION;
  if (bytes.length !== creditsAt + paid * ENTRY)
    throw invalid('its length does not fit its number of citations and entries');
  const citations: RecordedCitation[] = [];
  for (let at = HEAD; at < creditsAt; at += CITATION)
    citations.push({ orderKey: safeInteger(view, at), score: view.getUint32(at + 8) });
  const credits: Credit[] = [];
  for (let at = creditsAt; at < bytes.length; at += ENTRY)
    credits.push({ contributor: toHex(bytes.subarray(at, at + 20)), credit: view.getUint32(at + 20) });
  const record = {
    version: bytes[1] as 1,
    requestHash: toHex(bytes.subarray(2, 34)),
    outputHash: toHex(bytes.subarray(34, 66)),
    totalWeight: safeInteger(view, 66),
    coverage: view.getUint32(74),
    uncovered: view.getUint32(78),
    citations,
    credits,
  };
  checkRecord(record);
  return record;
}

/** keccak-256 of the canonical bytes: what a settlement posts and every validator recomputes. 0x and 64 hex digits. */
export function retrievalRecordHash(record: RetrievalAttributionRecord): string {
  return toHex(keccak_256(encodeRetrievalRecord(record)));
}

function safeInteger(view: DataView, at: number): number {
  const value = view.getBigUint64(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid('a number in it is too large');
  return Number(value);
}

function checkRecord(record: RetrievalAttributionRecord): void {
  if (record.version !== 1) throw invalid(`version ${record.version} is unknown`);
  checkCitations(record.citations);
  checkPaid(record);
  const isPositive = record.totalWeight > 0;
  if (!Number.isSafeInteger(record.totalWeight) || isPositive !== record.citations.length > 0)
    throw invalid('its weight does not fit its citations');
}

function checkCitations(citations: readonly RecordedCitation[]): void {
  if (citations.length > MAX_CITATIONS) throw invalid(`it has more than ${MAX_CITATIONS} citations`);
  citations.forEach((citation, i) => {
    if (!Number.isSafeInteger(citation.orderKey) || citation.orderKey < 0)
      throw invalid('an order key is not an integer from 0 to 2^53 - 1');
    if (!Number.isSafeInteger(citation.score) || citation.score < 1 || citation.score > 0x7fffffff)
      throw invalid('a score is not a positive integer of 31 bits');
    const before = citations[i - 1];
    if (before === undefined) return;
    const inOrder =
      before.score > citation.score ||
      (before.score === citation.score && before.orderKey < citation.orderKey);
    if (!inOrder) throw invalid('its citations are not by falling score and rising order key');
  });
  if (new Set(citations.map(({ orderKey }) => orderKey)).size !== citations.length)
    throw invalid('a record is cited twice');
}

function checkPaid(record: RetrievalAttributionRecord): void {
  const { credits, citations } = record;
  if (credits.length > MAX_PAID || credits.length > citations.length)
    throw invalid('it pays more contributors than it cites records');
  checkCredits(record, invalid);
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidRecord', `This is no retrieval attribution record: ${reason}.`);
}
