/** Files of what is made of artifacts: a header, then the image that is used as it is. */
import { createHash } from 'node:crypto';

/** A kind of image. */
export interface ImageFormat<T> {
  /** Ending of its files. */
  readonly name: string;
  /** Eight ASCII letters at the beginning. */
  readonly magic: string;
  readonly version: number;
  imageOf(value: T): Uint8Array;
  /** Keeps using the image; undefined for one that means nothing. */
  open(image: Uint8Array<ArrayBuffer>): T | undefined;
}

const HEADER_BYTES = 64;

/**
 * | bytes | field                 |
 * | ----- | --------------------- |
 * | 8     | magic                 |
 * | 4     | version of the format |
 * | 4     | zero                  |
 * | 8     | length of the image   |
 * | 32    | SHA-256 of the image  |
 * | 8     | zero                  |
 */
export function imageHeader(
  { magic, version }: Pick<ImageFormat<unknown>, 'magic' | 'version'>,
  image: Uint8Array,
): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(magic, 'latin1');
  header.writeUInt32LE(version, 8);
  header.writeBigUInt64LE(BigInt(image.length), 16);
  createHash('sha256').update(image).digest().copy(header, 24);
  return header;
}

/** What a file holds, whose bytes it keeps using; undefined if they are not exactly what was written. */
export function readImageFile<T>(format: ImageFormat<T>, file: Uint8Array<ArrayBuffer>): T | undefined {
  const image = file.subarray(HEADER_BYTES);
  const header = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, HEADER_BYTES));
  return header.equals(imageHeader(format, image)) ? format.open(image) : undefined;
}
