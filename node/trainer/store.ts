/**
 * Trained models and their metrics in a folder of the data directory, one file each, named by what they were trained
 * from. They can all be made again: what is damaged is removed and trained again, and when the folder is full the file
 * that was not used for longest goes.
 */
import { createHash } from 'node:crypto';
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
import { AttributionError } from '../../attribution/api.ts';
import { decodeTrained, encodeTrained, type Trained } from '../../attribution/trained/api.ts';
import { LIMITS } from './limits.ts';

export interface TrainedStore {
  /** The model and the size of its file; undefined if there is none or it is damaged, and then it is gone. */
  load(key: string): { trained: Trained; bytes: number } | undefined;
  /** Durable when it returns. @throws what the disk throws */
  save(key: string, trained: Trained): void;
}

export interface TrainedStoreOptions {
  readonly dataDir: string;
  /** Most bytes of all files. Default LIMITS.fileBytes. */
  readonly maxBytes?: number;
}

const NAME = /^[0-9a-f]{64}\.trained$/;
const SUFFIX = '.trained';

/** Whether there is a file of this name; what is in it shows when it is loaded. */
export function hasTrained(dataDir: string, key: string): boolean {
  return existsSync(pathOf(dataDir, key));
}

export function openTrainedStore({
  dataDir,
  maxBytes = LIMITS.fileBytes,
}: TrainedStoreOptions): TrainedStore {
  const folder = folderOf(dataDir);
  mkdirSync(folder, { recursive: true });
  // Another thread of this process may be writing now; files of an earlier process are torn.
  for (const name of readdirSync(folder))
    if (name.endsWith('.tmp') && !name.startsWith(`${process.pid}-`)) rmSync(join(folder, name));

  return {
    load(key) {
      const path = pathOf(dataDir, key);
      if (!existsSync(path)) return undefined;
      const file = readFileSync(path);
      try {
        const trained = decodeTrained(file, sha256);
        // Its time says when it was used last.
        utimesSync(path, new Date(), new Date());
        return { trained, bytes: file.length };
      } catch (error) {
        if (!(error instanceof AttributionError)) throw error;
        rmSync(path, { force: true });
        return undefined;
      }
    },
    save(key, trained) {
      writeDurably(folder, `${key}${SUFFIX}`, encodeTrained(trained, sha256));
      makeRoom(folder, `${key}${SUFFIX}`, maxBytes);
    },
  };
}

function folderOf(dataDir: string): string {
  return join(dataDir, 'trained');
}

function pathOf(dataDir: string, key: string): string {
  return join(folderOf(dataDir), `${key}${SUFFIX}`);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** A reader sees the whole file or none. */
function writeDurably(folder: string, name: string, bytes: Uint8Array): void {
  const temp = join(folder, `${process.pid}-${threadId}-${name}.tmp`);
  try {
    const file = openSync(temp, 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temp, join(folder, name));
  } catch (error) {
    rmSync(temp, { force: true });
    throw error;
  }
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Removes the files used longest ago, but not `spared`. */
function makeRoom(folder: string, spared: string, maxBytes: number): void {
  const files = readdirSync(folder)
    .filter((name) => NAME.test(name))
    .map((name) => ({ name, ...sizeAndUse(join(folder, name)) }))
    .sort((a, b) => a.usedMs - b.usedMs);
  let left = { bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), files: files.length };
  for (const { name, bytes } of files) {
    if (left.bytes <= maxBytes && left.files <= LIMITS.files) return;
    if (name === spared) continue;
    rmSync(join(folder, name), { force: true });
    left = { bytes: left.bytes - bytes, files: left.files - 1 };
  }
}

function sizeAndUse(path: string): { bytes: number; usedMs: number } {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, usedMs: mtimeMs };
}
