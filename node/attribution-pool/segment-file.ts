/** A segment of a token index as a file: header, then the image that queries read. */
import { createHash } from 'node:crypto';
import { AttributionError, Segment } from '../../attribution/api.ts';

/**
 * | bytes | field                                                    |
 * | ----- | -------------------------------------------------------- |
 * | 8     | `OLSEGMNT`                                               |
 * | 4     | version of the format: 1                                 |
 * | 4     | zero                                                     |
 * | 8     | length of the image                                      |
 * | 32    | SHA-256 of the image                                     |
 * | 8     | zero                                                     |
 */
const MAGIC = Buffer.from('OLSEGMNT', 'latin1');
export const SEGMENT_FILE_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 64;

export function segmentHeader(image: Uint8Array): Uint8Array {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(SEGMENT_FILE_VERSION, 8);
  header.writeBigUInt64LE(BigInt(image.length), 16);
  createHash('sha256').update(image).digest().copy(header, 24);
  return header;
}

/** The segment of a file's bytes, which it keeps using; undefined if they are not exactly what was written. */
export function readSegmentFile(file: Uint8Array<ArrayBuffer>): Segment | undefined {
  const image = file.subarray(SEGMENT_HEADER_BYTES);
  const header = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, SEGMENT_HEADER_BYTES));
  if (!header.equals(segmentHeader(image))) return undefined;
  try {
    return new Segment(image);
  } catch (error) {
    if (error instanceof AttributionError) return undefined;
    throw error;
  }
}
