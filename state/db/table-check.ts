/**
 * Checksums of LevelDB's tables. LevelDB itself looks at them only when it rewrites a table, and decodes a damaged
 * block as if it were whole, which can end the process; so whoever suspects the disk reads the files here first.
 * Format: https://github.com/google/leveldb/blob/main/doc/table_format.md
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { liveTables } from './live-tables.ts';
import { Damage, readVarint } from './varint.ts';

const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** Type of compression and checksum behind each block. */
const TRAILER_BYTES = 5;
/** An index is far smaller; a length beyond this is itself damage. */
const MAX_INDEX_BYTES = 256 << 20;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * What is wrong with each table of the database in `dir`, in words; empty if all are whole or nothing is there. A table
 * that is not part of the database is half a rewrite that a crash or a full disk ended: the next open deletes it.
 */
export function damagedTables(dir: string): string[] {
  const problems: string[] = [];
  if (!existsSync(dir)) return problems;
  const live = liveTables(dir);
  for (const name of readdirSync(dir).sort()) {
    const number = /^(\d+)\.(?:ldb|sst)$/.exec(name)?.[1];
    if (number === undefined || live?.has(Number(number)) === false) continue;
    try {
      checkTable(readFileSync(join(dir, name)));
    } catch (error) {
      // A running node deletes what it has rewritten; a table that a stopped one lacks is missed when it is opened.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      if (!(error instanceof Damage) && !(error instanceof RangeError)) throw error;
      problems.push(`the table ${name}: ${error.message}`);
    }
  }
  return problems;
}

function checkTable(file: Buffer): void {
  if (file.length < FOOTER_BYTES) throw new Damage(`it has ${file.length} bytes`);
  const footer = file.subarray(file.length - FOOTER_BYTES);
  if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) throw new Damage('its end is not that of a table');
  const at = { next: 0 };
  const metaIndex = readHandle(footer, at);
  const index = readHandle(footer, at);
  for (const handle of handlesIn(checkedBlock(file, metaIndex))) checkedBlock(file, handle);
  for (const handle of handlesIn(checkedBlock(file, index))) checkedBlock(file, handle);
}

/** The block without compression. */
function checkedBlock(file: Buffer, { offset, size }: Handle): () => Buffer {
  const end = offset + size;
  if (end + TRAILER_BYTES > file.length) throw new Damage(`a block at byte ${offset} reaches beyond the end`);
  const type = file[end] as number;
  if (masked(crc32c(file, offset, end + 1)) !== file.readUInt32LE(end + 1))
    throw new Damage(`the block at byte ${offset} has a wrong checksum`);
  const content = file.subarray(offset, end);
  return () => (type === 1 ? unsnappy(content) : content);
}

/** The values of an index block are places of other blocks. */
function* handlesIn(block: () => Buffer): Generator<Handle> {
  const bytes = block();
  const restarts = bytes.readUInt32LE(bytes.length - 4);
  const end = bytes.length - 4 * (restarts + 1);
  const at = { next: 0 };
  while (at.next < end) {
    readVarint(bytes, at);
    const keyBytes = readVarint(bytes, at);
    const valueBytes = readVarint(bytes, at);
    const value = at.next + keyBytes;
    yield readHandle(bytes, { next: value });
    at.next = value + valueBytes;
  }
}

function readHandle(bytes: Buffer, at: { next: number }): Handle {
  return { offset: readVarint(bytes, at), size: readVarint(bytes, at) };
}

/** Format: https://github.com/google/snappy/blob/main/format_description.txt */
function unsnappy(input: Buffer): Buffer {
  const at = { next: 0 };
  const length = readVarint(input, at);
  if (length > MAX_INDEX_BYTES) throw new Damage('a block is said to be larger than any');
  const out = Buffer.alloc(length);
  let filled = 0;
  while (at.next < input.length) {
    const tag = input[at.next++] as number;
    if ((tag & 3) === 0) {
      let bytes = tag >> 2;
      if (bytes >= 60) {
        const width = bytes - 59;
        bytes = input.readUIntLE(at.next, width);
        at.next += width;
      }
      bytes += 1;
      if (at.next + bytes > input.length || filled + bytes > length)
        throw new Damage('compressed bytes do not fit');
      input.copy(out, filled, at.next, at.next + bytes);
      at.next += bytes;
      filled += bytes;
      continue;
    }
    const width = [0, 1, 2, 4][tag & 3] as number;
    const low = input.readUIntLE(at.next, width);
    at.next += width;
    const distance = width === 1 ? ((tag >> 5) << 8) | low : low;
    const bytes = width === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    if (distance === 0 || distance > filled || filled + bytes > length)
      throw new Damage('compressed bytes do not fit');
    // Source and target may overlap, on purpose.
    for (let i = 0; i < bytes; i++) out[filled + i] = out[filled + i - distance] as number;
    filled += bytes;
  }
  if (filled !== length) throw new Damage('compressed bytes do not fit');
  return out;
}

/** CRC-32C (Castagnoli), reflected; eight tables for eight bytes a turn. */
const TABLES = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let i = 0; i < 256; i++) {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  TABLES[0]![i] = value;
}
for (let i = 0; i < 256; i++)
  for (let t = 1; t < 8; t++) {
    const below = TABLES[t - 1]![i] as number;
    TABLES[t]![i] = (below >>> 8) ^ (TABLES[0]![below & 0xff] as number);
  }

function crc32c(bytes: Buffer, from: number, to: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = 0xffffffff;
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = (crc ^ bytes.readUInt32LE(i)) >>> 0;
    const high = bytes.readUInt32LE(i + 4);
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[high & 0xff]! ^
      t2[(high >>> 8) & 0xff]! ^
      t1[(high >>> 16) & 0xff]! ^
      t0[high >>> 24]!;
  }
  for (; i < to; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** LevelDB stores checksums so, since a checksum of bytes that hold checksums is a weak one. */
function masked(crc: number): number {
  return ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;
}
