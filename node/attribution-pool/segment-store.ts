/**
 * Segments of token indexes in a folder of the data directory, one file each, named by what is in it. They can all be
 * made again from the artifacts: what is damaged is removed and built again, and when the folder is full the file that
 * was not used for longest goes.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { Segment } from '../../attribution/api.ts';
import { LIMITS } from './limits.ts';
import { readSegmentFile, segmentHeader } from './segment-file.ts';

export interface SegmentStore {
  /** Whether there is a file of this name; what is in it shows when it is loaded. */
  has(key: string): boolean;
  /** Undefined if there is none or it is damaged; then it is gone. */
  load(key: string): Segment | undefined;
  /** Durable when it returns. Never fails: what cannot be kept is built again after the next start. */
  save(key: string, segment: Segment): void;
}

export interface SegmentStoreOptions {
  readonly directory: string;
  /** Most bytes of all files. Default LIMITS.segmentFileBytes. */
  readonly maxBytes?: number;
  /** Told once for each problem of the disk. */
  readonly warn: (message: string) => void;
}

const SUFFIX = '.segment';
const NAME = /^[0-9a-f]{64}\.segment$/;

export function openSegmentStore(options: SegmentStoreOptions): SegmentStore {
  const { directory, maxBytes = LIMITS.segmentFileBytes, warn } = options;
  const pathOf = (key: string) => join(directory, `${key}${SUFFIX}`);

  const attempt = <T>(what: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        warn(`${what} in ${directory} failed: ${(error as Error).message}`);
      return undefined;
    }
  };
  attempt('clearing what a crash left', () => {
    mkdirSync(directory, { recursive: true });
    // Another thread of this process may be writing now; files of an earlier process are torn.
    for (const name of readdirSync(directory))
      if (name.endsWith('.tmp') && !name.startsWith(`${process.pid}-`)) rmSync(join(directory, name));
  });

  const makeRoom = (spared: string): void => {
    const files = readdirSync(directory)
      .filter((name) => NAME.test(name))
      .map((name) => ({ name, ...sizeAndUse(join(directory, name)) }))
      .sort((a, b) => a.usedMs - b.usedMs);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= maxBytes) return;
      if (file.name === `${spared}${SUFFIX}`) continue;
      rmSync(join(directory, file.name), { force: true });
      bytes -= file.bytes;
    }
  };

  return {
    has: (key) => existsSync(pathOf(key)),
    load(key) {
      const file = attempt('reading a segment', () => readWhole(pathOf(key)));
      if (file === undefined) return undefined;
      const segment = readSegmentFile(file);
      if (segment === undefined) {
        warn(`segment ${key} is damaged and is built again`);
        attempt('removing a damaged segment', () => rmSync(pathOf(key)));
        return undefined;
      }
      // Its time says when it was used last.
      attempt('marking a segment as used', () => utimesSync(pathOf(key), new Date(), new Date()));
      return segment;
    },
    save(key, segment) {
      attempt('keeping a segment', () => {
        writeDurably(directory, pathOf(key), `${process.pid}-${threadId}-${key}.tmp`, segment.views.image);
        makeRoom(key);
      });
    },
  };
}

/** Into memory of its own, not a part of a shared pool: views of it must begin at multiples of 8. */
function readWhole(path: string): Uint8Array<ArrayBuffer> {
  const file = readFileSync(path);
  if (file.byteOffset % 8 === 0 && file.buffer instanceof ArrayBuffer)
    return new Uint8Array(file.buffer, file.byteOffset, file.length);
  return new Uint8Array(file);
}

/** A reader sees the whole file or none. */
function writeDurably(directory: string, path: string, tempName: string, image: Uint8Array): void {
  const temp = join(directory, tempName);
  try {
    const file = openSync(temp, 'w');
    try {
      for (const part of [segmentHeader(image), image])
        for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    throw error;
  }
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function sizeAndUse(path: string): { bytes: number; usedMs: number } {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, usedMs: mtimeMs };
}
