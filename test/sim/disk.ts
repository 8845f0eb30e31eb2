/**
 * A disk that forgets. What was not synced when the process dies is lost, or half of it is; the file then ends in
 * the middle of a record. A process can also be made to die at its n-th write: before it, or just after.
 */
import type { AppendFile, Storage } from '../../node/validator/ports.ts';
import type { Rng } from './random.ts';

export class SimulatedCrash extends Error {
  override name = 'SimulatedCrash';
}

export interface Disk {
  /** A view for one life of the process. Every call throws SimulatedCrash once `alive()` is false. */
  mount(alive: () => boolean, die: () => void): Storage;
  /** The process dies at the n-th write operation from now. */
  crashAtWrite(operations: number): void;
  /** Drops what was not synced, keeping a random part of it if the disk tears. */
  afterCrash(rng: Rng): void;
  /** Everything is gone. */
  wipe(): void;
}

interface File {
  durable: Uint8Array;
  pending: Uint8Array[];
}

/** @param options.lies the canary: replaceFile and fsync promise what they do not keep. */
export function createDisk(options: { readonly tears: boolean; readonly lies: boolean }): Disk {
  const files = new Map<string, File>();
  const small = new Map<string, { now: Uint8Array; durable: Uint8Array | undefined }>();
  let writesLeft = Number.POSITIVE_INFINITY;
  let after = false;

  const fileOf = (name: string): File => {
    let file = files.get(name);
    if (file === undefined) {
      file = { durable: new Uint8Array(0), pending: [] };
      files.set(name, file);
    }
    return file;
  };
  const join = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

  return {
    mount(alive, die) {
      const write = (work: () => void): void => {
        if (!alive()) throw new SimulatedCrash('dead');
        writesLeft--;
        if (writesLeft > 0) {
          work();
          return;
        }
        writesLeft = Number.POSITIVE_INFINITY;
        after = !after;
        if (after) work();
        die();
        throw new SimulatedCrash('crash at a write');
      };
      return {
        openAppend(name): AppendFile {
          const file = fileOf(name);
          return {
            name,
            read: () => new Uint8Array(join([file.durable, ...file.pending])),
            size: () => file.pending.reduce((sum, part) => sum + part.length, file.durable.length),
            append: (bytes) => write(() => void file.pending.push(bytes.slice())),
            fsync: () =>
              write(() => {
                if (options.lies) return;
                file.durable = join([file.durable, ...file.pending]);
                file.pending = [];
              }),
            truncate: (length) =>
              write(() => {
                file.durable = join([file.durable, ...file.pending]).subarray(0, length);
                file.pending = [];
              }),
            close() {},
          };
        },
        readFile: (name) => small.get(name)?.now.slice(),
        replaceFile: (name, bytes) =>
          write(() => {
            const before = small.get(name)?.durable;
            small.set(name, { now: bytes.slice(), durable: options.lies ? before : bytes.slice() });
          }),
      };
    },
    crashAtWrite(operations) {
      writesLeft = operations;
    },
    afterCrash(rng) {
      writesLeft = Number.POSITIVE_INFINITY;
      for (const file of files.values()) {
        const pending = join(file.pending);
        const kept = options.tears && pending.length > 0 ? rng.int(pending.length + 1) : 0;
        file.durable = join([file.durable, pending.subarray(0, kept)]);
        file.pending = [];
      }
      for (const [name, file] of small) {
        if (file.durable === undefined) small.delete(name);
        else file.now = file.durable;
      }
    },
    wipe() {
      files.clear();
      small.clear();
    },
  };
}
