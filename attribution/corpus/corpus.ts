import { AttributionError } from '../errors.ts';
import { MAX_INDEX_RECORDS } from '../limits.ts';

/** A 20-byte address as 0x and 40 lower-case hex digits. */
export type ContributorAddress = string;

/**
 * Whose record it is and where it stands.
 * `orderKey`: unique over the chain, below 2⁵³; the earlier commit has the lower key (see `packOrderKey`).
 * `dataNetId`, `contributionId`: numbers of the modules. `recordIndex`: leaf number in the contribution's artifact.
 */
export interface RecordInfo {
  readonly orderKey: number;
  readonly contributor: ContributorAddress;
  readonly dataNetId: number;
  readonly contributionId: number;
  readonly recordIndex: number;
}

/** One record of a pinned snapshot. */
export interface CorpusRecord extends RecordInfo {
  readonly bytes: Uint8Array;
}

/** Records in order-key order, each text once; `rank` of a record is its place in `records`. */
export interface Corpus {
  readonly records: readonly CorpusRecord[];
  /** Records left out because an earlier one has the same bytes. */
  readonly duplicates: number;
}

/** Records of one commit that an order key can tell apart. */
export const RECORDS_PER_COMMIT = 65_536;

/**
 * Order key of a record: its commit's place in the chain, then its place in the contribution.
 * @param commitSequence number of the commit over the whole chain, below 2³⁷.
 * @param recordIndex place of the record in its contribution, below 65,536.
 */
export function packOrderKey(commitSequence: number, recordIndex: number): number {
  const key = commitSequence * RECORDS_PER_COMMIT + recordIndex;
  const fits =
    Number.isSafeInteger(key) && commitSequence >= 0 && recordIndex >= 0 && recordIndex < RECORDS_PER_COMMIT;
  if (!fits)
    throw new AttributionError(
      'InvalidParameter',
      `Commit ${commitSequence}, record ${recordIndex} has no order key.`,
    );
  return key;
}

/**
 * Puts the records of all pinned snapshots in order-key order and keeps each text once: of equal bytes the record of
 * lowest order key stays. The same record pinned by two snapshots counts once, too.
 * @throws AttributionError 'DuplicateOrderKey' if two different texts have one key, 'CorpusTooLarge',
 *   'InvalidParameter' for a key that is no safe integer or an address that is not lower-case hex.
 */
export function createCorpus(source: Iterable<CorpusRecord>): Corpus {
  const all = [...source];
  if (all.length > MAX_INDEX_RECORDS)
    throw new AttributionError(
      'CorpusTooLarge',
      `${all.length} records are pinned; an index holds ${MAX_INDEX_RECORDS}.`,
    );
  for (const record of all) checkRecord(record);
  const first = firstOfEqualTexts(all);
  const records = all.filter((_, i) => first[i] === 1).sort((a, b) => a.orderKey - b.orderKey);
  checkOrderKeys(all);
  return { records, duplicates: all.length - records.length };
}

function checkRecord(record: CorpusRecord): void {
  if (!Number.isSafeInteger(record.orderKey) || record.orderKey < 0)
    throw new AttributionError(
      'InvalidParameter',
      `Order key ${record.orderKey} is not an integer from 0 to 2^53 - 1.`,
    );
  if (!/^0x[0-9a-f]{40}$/.test(record.contributor))
    throw new AttributionError(
      'InvalidParameter',
      `Contributor '${record.contributor}' is not 0x and 40 lower-case hex digits.`,
    );
}

function checkOrderKeys(all: readonly CorpusRecord[]): void {
  const sorted = [...all].sort((a, b) => a.orderKey - b.orderKey);
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1]!, sorted[i]!];
    if (
      a.orderKey === b.orderKey &&
      (a.contributor !== b.contributor || compareBytes(a.bytes, b.bytes) !== 0)
    )
      throw new AttributionError(
        'DuplicateOrderKey',
        `Two different records have the order key ${a.orderKey}.`,
      );
  }
}

/**
 * Marks, among records of equal bytes, the one of lowest order key. By sorting (length, checksum, bytes, key) rather
 * than by a hash table, so that texts crafted to collide cost a logarithm and not a square.
 */
function firstOfEqualTexts(all: readonly CorpusRecord[]): Uint8Array {
  const checksums = Uint32Array.from(all, (record) => checksum(record.bytes));
  const order = Array.from(all.keys()).sort((i, j) => {
    const [a, b] = [all[i]!, all[j]!];
    return (
      a.bytes.length - b.bytes.length ||
      checksums[i]! - checksums[j]! ||
      compareBytes(a.bytes, b.bytes) ||
      a.orderKey - b.orderKey ||
      i - j
    );
  });
  const first = new Uint8Array(all.length);
  order.forEach((i, at) => {
    const before = at > 0 ? order[at - 1]! : -1;
    const same =
      before >= 0 &&
      checksums[before] === checksums[i] &&
      compareBytes(all[before]!.bytes, all[i]!.bytes) === 0;
    if (!same) first[i] = 1;
  });
  return first;
}

/** Lexicographic order of byte strings, a prefix before its extensions. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  return sum >>> 0;
}
