/** The validator's files on a real disk. Synchronous on purpose: nothing may overtake an fsync. */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from './limits.ts';
import type { AppendFile, Storage } from './ports.ts';

/** @param directory created if it does not exist; owner-only, since the last-signed record is part of the key's safety */
export function createFileStorage(directory: string): Storage {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    openAppend: (name) => openAppendFile(join(directory, name), () => syncDirectory(directory)),
    readFile(name) {
      const path = join(directory, name);
      return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
    },
    replaceFile(name, bytes) {
      const path = join(directory, name);
      const fd = openSync(`${path}.new`, 'w', 0o600);
      try {
        writeAll(fd, bytes);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(`${path}.new`, path);
      syncDirectory(directory);
    },
  };
}

function openAppendFile(path: string, syncName: () => void): AppendFile {
  const isNew = !existsSync(path);
  const fd = openSync(path, 'a+', 0o600);
  if (isNew) syncName();
  let length = fstatSync(fd).size;
  let open = true;
  return {
    name: path,
    read() {
      if (length > LIMITS.maxWalBytes)
        throw new Error(`${path} has ${length} bytes, more than ${LIMITS.maxWalBytes}`);
      return new Uint8Array(readFileSync(path));
    },
    size: () => length,
    append(bytes) {
      writeAll(fd, bytes);
      length += bytes.length;
    },
    fsync: () => fsyncSync(fd),
    truncate(newLength) {
      ftruncateSync(fd, newLength);
      fsyncSync(fd);
      length = newLength;
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

/** A rename or a new name is durable only once the directory is. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
