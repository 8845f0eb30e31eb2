/**
 * The journal of our own users' transactions: what this node has acknowledged is tried again after a restart.
 * Records are length u32be, CRC-32 u32be of the bytes, bytes. The file is written before the acknowledgement leaves,
 * so a killed process loses nothing; a machine that loses power may lose what its system had not yet written.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 as checksum } from 'node:zlib';
import { systemReason, UserError } from '../config/errors.ts';
import type { Log } from '../log.ts';
import { LIMITS } from './limits.ts';
import type { PoolJournal } from './types.ts';

const HEADER_BYTES = 8;

/** Opens or creates the file at `path`; its folder must exist. @throws UserError DATA_DIR_UNUSABLE */
export function openJournal(path: string, log: Log): PoolJournal {
  let file = open(path);
  let bytes = readFileSync(path).length;
  return {
    load() {
      const content = readFileSync(path);
      const { raws, end } = scanJournal(content);
      if (end < content.length) {
        // A torn end is what a kill leaves; whatever stands behind damage was acknowledged by peers' pools too.
        log('warn', 'the end of the transaction journal was torn and is cut off', {
          file: path,
          offset: end,
          lost: content.length - end,
        });
        ftruncateSync(file, end);
        bytes = end;
      }
      return raws;
    },
    append(raws) {
      const block = encode(raws);
      writeFully(file, block);
      bytes += block.length;
    },
    rewrite(raws) {
      const block = encode(raws);
      const temporary = `${path}.new`;
      const next = openSync(temporary, 'w', 0o600);
      writeFully(next, block);
      fsyncSync(next);
      closeSync(next);
      renameSync(temporary, path);
      const folder = openSync(dirname(path), 'r');
      fsyncSync(folder);
      closeSync(folder);
      closeSync(file);
      file = openSync(path, 'a+', 0o600);
      bytes = block.length;
    },
    size: () => bytes,
    close: () => closeSync(file),
  };
}

function open(path: string): number {
  try {
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new UserError('DATA_DIR_UNUSABLE', `cannot use ${path}: ${systemReason(error)}`);
  }
}

function encode(raws: readonly Uint8Array[]): Uint8Array {
  const block = Buffer.alloc(raws.reduce((sum, raw) => sum + HEADER_BYTES + raw.length, 0));
  let at = 0;
  for (const raw of raws) {
    block.writeUInt32BE(raw.length, at);
    block.writeUInt32BE(checksum(raw), at + 4);
    block.set(raw, at + HEADER_BYTES);
    at += HEADER_BYTES + raw.length;
  }
  return block;
}

/** The transactions of a journal up to `end`, where it is torn or damaged. */
export function scanJournal(content: Buffer): { raws: Uint8Array[]; end: number } {
  const raws: Uint8Array[] = [];
  let at = 0;
  while (content.length - at >= HEADER_BYTES) {
    const length = content.readUInt32BE(at);
    const start = at + HEADER_BYTES;
    if (length > LIMITS.maxTransactionBytes || length > content.length - start) break;
    const raw = Uint8Array.from(content.subarray(start, start + length));
    if (content.readUInt32BE(at + 4) !== checksum(raw)) break;
    raws.push(raw);
    at = start + length;
  }
  return { raws, end: at };
}

function writeFully(file: number, block: Uint8Array): void {
  for (let at = 0; at < block.length; ) at += writeSync(file, block, at);
}
