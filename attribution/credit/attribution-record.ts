import { keccak_256 } from '@noble/hashes/sha3.js';
import { AttributionError } from '../errors.ts';
import { MAX_CONTRIBUTORS } from '../limits.ts';
import type { Credit, TokenAttribution } from '../token/types.ts';
import { TOKEN_RULES, type TokenRuleVersion } from '../token/versions.ts';
import { ByteWriter, fromHex, toHex } from './bytes.ts';
import { checkCredits } from './check-credits.ts';

/**
 * What the chain keeps of an attribution. Layout, all integers big-endian:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | version of the attribution rule |
 * | 32 | hash of the request record |
 * | 32 | keccak-256 of the output |
 * | 8 | weight of all positions, in 2⁻¹⁶ bit |
 * | 4 | coverage, parts of 10⁹ |
 * | 4 | uncovered, parts of 10⁹ |
 * | 2 | number of entries |
 * | 24 each | contributor (20), credit in parts of 10⁹ (4), by falling credit, then rising address |
 */
export interface AttributionRecord {
  readonly version: TokenRuleVersion;
  /** 0x and 64 hex digits. */
  readonly requestHash: string;
  /** 0x and 64 hex digits. */
  readonly outputHash: string;
  readonly totalWeightQ16: number;
  readonly coverage: number;
  readonly uncovered: number;
  readonly credits: readonly Credit[];
}

const HEAD = 1 + 32 + 32 + 8 + 4 + 4 + 2;
const ENTRY = 20 + 4;

/** The record of an attribution, for a request and the output that answers it. */
export function attributionRecord(
  requestHash: string,
  output: Uint8Array,
  attribution: Omit<TokenAttribution, 'spans'>,
): AttributionRecord {
  const { version, totalWeightQ16, coverage, uncovered, credits } = attribution;
  return {
    version,
    requestHash,
    outputHash: toHex(keccak_256(output)),
    totalWeightQ16,
    coverage,
    uncovered,
    credits,
  };
}

/** Canonical bytes of a record. @throws AttributionError 'InvalidRecord' for one that breaks its own rules. */
export function encodeAttributionRecord(record: AttributionRecord): Uint8Array {
  checkRecord(record);
  const writer = new ByteWriter()
    .uint(record.version, 1)
    .bytes(fromHex(record.requestHash, 32), 32)
    .bytes(fromHex(record.outputHash, 32), 32)
    .uint(record.totalWeightQ16, 8)
    .uint(record.coverage, 4)
    .uint(record.uncovered, 4)
    .uint(record.credits.length, 2);
  for (const { contributor, credit } of record.credits)
    writer.bytes(fromHex(contributor, 20), 20).uint(credit, 4);
  return writer.done();
}

/** The record in canonical bytes. @throws AttributionError 'InvalidRecord' for any other bytes. */
export function decodeAttributionRecord(bytes: Uint8Array): AttributionRecord {
  if (bytes.length < HEAD) throw invalid('it is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(81);
  if (bytes.length !== HEAD + count * ENTRY) throw invalid('its length does not fit its number of entries');
  const totalWeight = view.getBigUint64(65);
  if (totalWeight > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid('its total weight is too large');
  const credits: Credit[] = [];
  for (let at = HEAD; at < bytes.length; at += ENTRY)
    credits.push({ contributor: toHex(bytes.subarray(at, at + 20)), credit: view.getUint32(at + 20) });
  const record = {
    version: bytes[0] as TokenRuleVersion,
    requestHash: toHex(bytes.subarray(1, 33)),
    outputHash: toHex(bytes.subarray(33, 65)),
    totalWeightQ16: Number(totalWeight),
    coverage: view.getUint32(73),
    uncovered: view.getUint32(77),
    credits,
  };
  checkRecord(record);
  return record;
}

/** keccak-256 of the canonical bytes: what a settlement posts and every validator recomputes. 0x and 64 hex digits. */
export function attributionRecordHash(record: AttributionRecord): string {
  return toHex(keccak_256(encodeAttributionRecord(record)));
}

function checkRecord(record: AttributionRecord): void {
  const { credits } = record;
  if (!Object.hasOwn(TOKEN_RULES, record.version)) throw invalid(`version ${record.version} is unknown`);
  if (credits.length > MAX_CONTRIBUTORS) throw invalid(`it has more than ${MAX_CONTRIBUTORS} entries`);
  checkCredits(record, invalid);
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidRecord', `This is no attribution record: ${reason}.`);
}
