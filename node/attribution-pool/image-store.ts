/**
 * What is made of artifacts (segments of token indexes, vectors of records) in a folder of the data directory, one file
 * each, named by what is in it. All of it can be made again: what is damaged is removed and built again, and when the
 * folder is full the file that was not used for longest goes.
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
import { type ImageFormat, imageHeader, readImageFile } from './image-file.ts';

export interface ImageStore<T> {
  /** Whether there is a file of this name; what is in it shows when it is loaded. */
  has(key: string): boolean;
  /** Undefined if there is none or it is damaged; then it is gone. */
  load(key: string): T | undefined;
  /** Durable when it returns. Never fails: what cannot be kept is built again after the next start. */
  save(key: string, value: T): void;
}

export interface ImageStoreOptions<T> {
  readonly directory: string;
  readonly format: ImageFormat<T>;
  /** Most bytes of all files. */
  readonly maxBytes: number;
  /** Told once for each problem of the disk. */
  readonly warn: (message: string) => void;
}

const KEY = /^[0-9a-f]{64}$/;

export function openImageStore<T>(options: ImageStoreOptions<T>): ImageStore<T> {
  const { directory, maxBytes, format, warn } = options;
  const suffix = `.${format.name}`;
  const pathOf = (key: string) => join(directory, `${key}${suffix}`);
  const isOurs = (name: string) => name.endsWith(suffix) && KEY.test(name.slice(0, -suffix.length));

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
      .filter(isOurs)
      .map((name) => ({ name, ...sizeAndUse(join(directory, name)) }))
      .sort((a, b) => a.usedMs - b.usedMs);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= maxBytes) return;
      if (file.name === `${spared}${suffix}`) continue;
      rmSync(join(directory, file.name), { force: true });
      bytes -= file.bytes;
    }
  };

  return {
    has: (key) => existsSync(pathOf(key)),
    load(key) {
      const file = attempt('reading a file', () => readWhole(pathOf(key)));
      if (file === undefined) return undefined;
      const value = readImageFile(format, file);
      if (value === undefined) {
        warn(`${format.name} ${key} is damaged and is built again`);
        attempt('removing a damaged file', () => rmSync(pathOf(key)));
        return undefined;
      }
      // Its time says when it was used last.
      attempt('marking a file as used', () => utimesSync(pathOf(key), new Date(), new Date()));
      return value;
    },
    save(key, value) {
      attempt('keeping a file', () => {
        const image = format.imageOf(value);
        const parts = [imageHeader(format, image), image];
        writeDurably(directory, pathOf(key), `${process.pid}-${threadId}-${key}.tmp`, parts);
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
function writeDurably(directory: string, path: string, tempName: string, parts: Uint8Array[]): void {
  const temp = join(directory, tempName);
  try {
    const file = openSync(temp, 'w');
    try {
      for (const part of parts) for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
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
