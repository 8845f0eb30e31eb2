import { keccak_256 } from '@noble/hashes/sha3.js';
import { ByteWriter, fromHex, toHex } from '../credit/bytes.ts';
import { checkCredits } from '../credit/check-credits.ts';
import { AttributionError } from '../errors.ts';
import { MAX_PAID_CONTRIBUTORS } from '../influence/limits.ts';
import type { Credit } from '../token/types.ts';
import { ByteReader } from './byte-reader.ts';

/** First byte of a record, so that no record of another engine has the same bytes ('I'). */
const KIND = 0x49;
const VERSION = 1;
const ADDRESS_BYTES = 20;

/**
 * What the chain keeps of an answer of a model that it trained. Layout, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | 0x49 |
 * | 1 | version of the rule (1) |
 * | 32 | hash of the request record |
 * | 32 | keccak-256 of the output |
 * | 32 | hash of the model |
 * | 32 | hash of the metric |
 * | 4 | coverage, parts of 10⁹ |
 * | 4 | uncovered, parts of 10⁹ |
 * | 2 | number of entries |
 * | 24 each | contributor (20), credit in parts of 10⁹ (4), by falling credit, then rising address |
 */
export interface InfluenceRecord {
  readonly version: 1;
  /** 0x and 64 hex digits, as the other hashes. */
  readonly requestHash: string;
  readonly outputHash: string;
  readonly modelHash: string;
  readonly metricHash: string;
  readonly coverage: number;
  readonly uncovered: number;
  readonly credits: readonly Credit[];
}

/** Canonical bytes of a record. @throws AttributionError 'InvalidRecord' for one that breaks its own rules. */
export function encodeInfluenceRecord(record: InfluenceRecord): Uint8Array {
  checkRecord(record);
  const writer = new ByteWriter().uint(KIND, 1).uint(record.version, 1);
  for (const hash of [record.requestHash, record.outputHash, record.modelHash, record.metricHash])
    writer.bytes(fromHex(hash, 32), 32);
  writer.uint(record.coverage, 4).uint(record.uncovered, 4).uint(record.credits.length, 2);
  for (const { contributor, credit } of record.credits)
    writer.bytes(fromHex(contributor, ADDRESS_BYTES), ADDRESS_BYTES).uint(credit, 4);
  return writer.done();
}

/** The record in canonical bytes. @throws AttributionError 'InvalidRecord' for any other bytes. */
export function decodeInfluenceRecord(bytes: Uint8Array): InfluenceRecord {
  const reader = new ByteReader(bytes, invalid);
  if (reader.uint(1) !== KIND) throw invalid('it is of another kind');
  const record: InfluenceRecord = {
    version: reader.uint(1) as 1,
    requestHash: toHex(reader.bytes(32)),
    outputHash: toHex(reader.bytes(32)),
    modelHash: toHex(reader.bytes(32)),
    metricHash: toHex(reader.bytes(32)),
    coverage: reader.uint(4),
    uncovered: reader.uint(4),
    credits: Array.from({ length: reader.uint(2) }, () => ({
      contributor: toHex(reader.bytes(ADDRESS_BYTES)),
      credit: reader.uint(4),
    })),
  };
  reader.end();
  checkRecord(record);
  return record;
}

/** keccak-256 of the canonical bytes: what a receipt names and every validator recomputes. 0x and 64 hex digits. */
export function influenceRecordHash(record: InfluenceRecord): string {
  return toHex(keccak_256(encodeInfluenceRecord(record)));
}

function checkRecord({ version, credits, coverage, uncovered }: InfluenceRecord): void {
  if (version !== VERSION) throw invalid(`version ${version} is unknown`);
  if (credits.length > MAX_PAID_CONTRIBUTORS)
    throw invalid(`it has more than ${MAX_PAID_CONTRIBUTORS} entries`);
  checkCredits({ credits, coverage, uncovered }, invalid);
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidRecord', `This is no influence record: ${reason}.`);
}
