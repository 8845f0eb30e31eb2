/** Files that hold secrets: readable by their owner alone, replaced as a whole or not at all. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemReason, UserError } from '../config/errors.ts';

/** A key file is a few hundred bytes. */
export const MAX_KEY_FILE_BYTES = 64 * 1024;

export interface WriteOptions {
  /** Replace an existing file; default: refuse, keys are not made again. */
  readonly replace?: boolean;
  /** Default 0600. */
  readonly mode?: number;
}

/**
 * Writes a file durably: after a crash it holds the old content or the new one.
 * @throws UserError FILE_EXISTS
 */
export function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): void {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', options.mode ?? 0o600);
  try {
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (options.replace) renameSync(temporary, path);
    else linkNew(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(directory);
}

/** A hard link fails if the name is taken, and so two writers cannot both think that theirs is the key. */
function linkNew(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UserError(
        'FILE_EXISTS',
        `${path} exists already; move it away first, keys are never overwritten`,
      );
    if (existsSync(path)) throw error;
    // File systems without hard links.
    renameSync(temporary, path);
  }
}

/** Gives a file another name in its folder, for good: a cut of the power does not bring the old one back. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(dirname(to));
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * Content of a key file. Access of others is taken away if the file has it.
 * @throws UserError KEY_FILE_MISSING | KEY_FILE_INVALID
 */
export function readKeyFile(path: string): string {
  let size: number;
  try {
    const status = statSync(path);
    size = status.size;
    if ((status.mode & 0o077) !== 0) chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError('KEY_FILE_MISSING', `key file ${path} does not exist`);
    throw unreadable(path, error);
  }
  if (size > MAX_KEY_FILE_BYTES)
    throw new UserError('KEY_FILE_INVALID', `${path} is too large to be a key file`);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  return new UserError('KEY_FILE_INVALID', `cannot read the key file ${path}: ${systemReason(error)}`);
}

/** The same as JSON. @throws UserError */
export function readKeyJson(path: string): Record<string, unknown> {
  const text = readKeyFile(path);
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return json as Record<string, unknown>;
  } catch {
    // Reported below without the content: it may be a secret.
  }
  throw new UserError('KEY_FILE_INVALID', `${path} is not a JSON key file`);
}
