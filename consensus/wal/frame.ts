/**
 * Framing of the write-ahead log: length u32 | crc32c u32 | kind u8 | payload. The length counts kind and payload;
 * the checksum covers length, kind and payload. A record that was being written when the machine stopped is normal
 * and is cut off. Damage anywhere else is not repaired silently: votes may depend on what is lost.
 */
import { writer } from '../bytes.ts';
import { ConsensusError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { crc32c } from './crc32c.ts';

const HEADER_BYTES = 8;

export interface WalFrame {
  readonly kind: number;
  readonly payload: Uint8Array;
  /** Where the record begins in the file. */
  readonly offset: number;
}

export type WalScan =
  | {
      readonly result: 'ok';
      readonly frames: readonly WalFrame[];
      /** Bytes up to the end of the last whole record: truncate the file to this length. */
      readonly validBytes: number;
      readonly torn: boolean;
    }
  | {
      readonly result: 'damaged';
      readonly frames: readonly WalFrame[];
      readonly offset: number;
      readonly problem: string;
    };

/** @throws ConsensusError LIMIT if the record is larger than LIMITS.maxWalRecordBytes. */
export function encodeFrame(kind: number, payload: Uint8Array): Uint8Array {
  const length = 1 + payload.length;
  if (length > LIMITS.maxWalRecordBytes)
    throw new ConsensusError('LIMIT', `log record of ${length} bytes, at most ${LIMITS.maxWalRecordBytes}`);
  const frame = writer(HEADER_BYTES + length)
    .u32(length)
    .u32(0)
    .u8(kind)
    .bytes(payload)
    .finish();
  new DataView(frame.buffer).setUint32(4, checksum(frame, 0, length));
  return frame;
}

/** Length and content are chained, so that a damaged length cannot pass. */
function checksum(bytes: Uint8Array, offset: number, length: number): number {
  const body = crc32c(bytes, offset + HEADER_BYTES, offset + HEADER_BYTES + length);
  return (body ^ crc32c(bytes, offset, offset + 4)) >>> 0;
}

/**
 * Reads all records. A bad record counts as torn only if nothing that could be a record follows it: the bytes a
 * crash leaves behind reach to the end of the file.
 */
export function scanFrames(file: Uint8Array): WalScan {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const frames: WalFrame[] = [];
  let at = 0;
  while (at < file.length) {
    const problem = problemAt(file, view, at);
    if (problem !== undefined) {
      if (laterRecord(file, view, at + 1)) return { result: 'damaged', frames, offset: at, problem };
      return { result: 'ok', frames, validBytes: at, torn: true };
    }
    const length = view.getUint32(at);
    const start = at + HEADER_BYTES;
    frames.push({ kind: file[start]!, payload: file.slice(start + 1, start + length), offset: at });
    at = start + length;
  }
  return { result: 'ok', frames, validBytes: at, torn: false };
}

function problemAt(file: Uint8Array, view: DataView, at: number): string | undefined {
  if (at + HEADER_BYTES > file.length) return 'the header of a record is cut off';
  const length = view.getUint32(at);
  if (length < 1 || length > LIMITS.maxWalRecordBytes) return `a record claims ${length} bytes`;
  if (at + HEADER_BYTES + length > file.length) return 'a record is cut off';
  if (view.getUint32(at + 4) !== checksum(file, at, length)) return 'a checksum does not match';
  return undefined;
}

/** All records but blocks are smaller than this, and some of them stand between any two blocks. */
const SMALL_RECORD_BYTES = 512;

/**
 * Whether a whole small record with a right checksum stands anywhere at or after `from`. Only small ones are looked
 * for, so that the search through a torn block takes linear time.
 */
function laterRecord(file: Uint8Array, view: DataView, from: number): boolean {
  for (let at = from; at + HEADER_BYTES < file.length; at++) {
    if (file[at] !== 0 || file[at + 1] !== 0 || view.getUint32(at) > SMALL_RECORD_BYTES) continue;
    if (problemAt(file, view, at) === undefined) return true;
  }
  return false;
}

/** The sentence that stops the node, with file, offset and remedy. */
export function walDamage(fileName: string, scan: Extract<WalScan, { result: 'damaged' }>): ConsensusError {
  return new ConsensusError(
    'WAL_DAMAGED',
    `WAL_DAMAGED: ${scan.problem} in ${fileName} at offset ${scan.offset}. A crash does not leave that: ` +
      `the disk or the file is damaged, or another version wrote it. To cut the log there and sit out the current height: ` +
      `openledger wal repair --home DIR --offset ${scan.offset}`,
  );
}
