/**
 * Which tables make up a LevelDB: its MANIFEST is a log of records, each of which says what tables came and went.
 * Formats: https://github.com/google/leveldb/blob/main/doc/log_format.md and db/version_edit.cc there
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Damage, readVarint } from './varint.ts';

const BLOCK_BYTES = 32_768;
/** Checksum, length and type before each piece of a record. */
const HEADER_BYTES = 7;
const PIECE = { full: 1, first: 2, middle: 3, last: 4 } as const;
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/** Numbers of the tables of the database in `dir`; undefined where that cannot be read, which opening it will tell. */
export function liveTables(dir: string): ReadonlySet<number> | undefined {
  try {
    const manifest = readFileSync(join(dir, 'CURRENT'), 'utf8').trim();
    if (!/^MANIFEST-\d+$/.test(manifest)) return undefined;
    const live = new Set<number>();
    for (const record of recordsIn(readFileSync(join(dir, manifest)))) applyEdit(record, live);
    return live;
  } catch (error) {
    if (error instanceof Damage || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole records; one that a crash cut off at the end counts for nothing, as in LevelDB. */
function* recordsIn(log: Buffer): Generator<Buffer> {
  let pieces: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= log.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const length = log.readUInt16LE(at + 4);
    const type = log[at + 6];
    const piece = log.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (piece.length < length) return;
    at += HEADER_BYTES + length;
    if (type === PIECE.full || type === PIECE.first) pieces = [];
    else if (type !== PIECE.middle && type !== PIECE.last) throw new Damage('a record of an unknown type');
    pieces.push(piece);
    if (type === PIECE.full || type === PIECE.last) yield Buffer.concat(pieces);
  }
}

function applyEdit(record: Buffer, live: Set<number>): void {
  const at = { next: 0 };
  const skipText = (): void => {
    const length = readVarint(record, at);
    at.next += length;
  };
  while (at.next < record.length) {
    const tag = readVarint(record, at);
    switch (tag) {
      case TAG.comparator:
        skipText();
        break;
      case TAG.logNumber:
      case TAG.nextFile:
      case TAG.lastSequence:
      case TAG.previousLog:
        readVarint(record, at);
        break;
      case TAG.compactPointer:
        readVarint(record, at);
        skipText();
        break;
      case TAG.deletedFile:
        readVarint(record, at);
        live.delete(readVarint(record, at));
        break;
      case TAG.newFile:
        readVarint(record, at);
        live.add(readVarint(record, at));
        readVarint(record, at);
        skipText();
        skipText();
        break;
      default:
        throw new Damage(`an edit with the tag ${tag}`);
    }
  }
}
