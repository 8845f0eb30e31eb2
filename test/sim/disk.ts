/**
 * A disk that forgets and fails. What was not synced when the process dies is lost, or a part of it is, cut at any
 * byte; a write can fail with ENOSPC after some of its bytes, or with EIO; bits flip in files that nobody reads.
 */
import type { AppendFile, Storage } from '../../node/validator/ports.ts';
import type { Rng } from './random.ts';

export class SimulatedCrash extends Error {
  override name = 'SimulatedCrash';
}

export type DiskError = 'ENOSPC' | 'EIO';

export interface Disk {
  /**
   * A view for one life of the process. Every call throws SimulatedCrash once `alive()` is false.
   * @param step called before and after each write: the process may die there
   * @param onError called when a write has failed
   */
  mount(alive: () => boolean, step: () => void, onError: () => void): Storage;
  /** Every write fails from now on; undefined: none does. */
  failWith(error: DiskError | undefined): void;
  /** Drops what was not synced, keeping a random part of it if the disk tears. */
  afterCrash(rng: Rng): void;
  /** Flips one bit of a file: the place of its byte, or undefined if there is none. */
  flipBit(name: string, rng: Rng): number | undefined;
  /** Everything is gone but the files named in `keep`. */
  wipe(keep: readonly string[]): void;
  /** Cuts a file, as the repair command does. */
  cut(name: string, length: number): void;
  /** What a reader of the file would get. */
  content(name: string): Uint8Array | undefined;
}

/** Bytes in pieces, put together when somebody reads them. */
interface File {
  durable: Uint8Array[];
  pending: Uint8Array[];
}

/** Where only the process has died, the system still has all that was written. */
function keptOf(bytes: number, rng: Rng): number {
  return rng.chance(0.3) ? bytes : rng.int(bytes + 1);
}

/** @param options.lies the canary: replaceFile and fsync promise what they do not keep. */
export function createDisk(options: {
  readonly tears: boolean;
  readonly lies: boolean;
  readonly rng: Rng;
}): Disk {
  const files = new Map<string, File>();
  const small = new Map<string, { now: Uint8Array; durable: Uint8Array | undefined }>();
  let failing: DiskError | undefined;

  const fileOf = (name: string): File => {
    let file = files.get(name);
    if (file === undefined) {
      file = { durable: [], pending: [] };
      files.set(name, file);
    }
    return file;
  };
  const join = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);
  const whole = (file: File): Uint8Array => join([...file.durable, ...file.pending]);
  const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

  return {
    mount(alive, step, onError) {
      const check = (): void => {
        if (!alive()) throw new SimulatedCrash('dead');
      };
      /** @param part what a failing write leaves behind */
      const write = (work: () => void, part: () => void = () => {}): void => {
        check();
        step();
        check();
        if (failing !== undefined) {
          if (failing === 'ENOSPC') part();
          onError();
          throw Object.assign(new Error(`${failing}: simulated`), { code: failing });
        }
        work();
        step();
        check();
      };
      return {
        openAppend(name): AppendFile {
          const file = fileOf(name);
          return {
            name,
            read: () => new Uint8Array(whole(file)),
            size: () => sizeOf(file.durable) + sizeOf(file.pending),
            append: (bytes) =>
              write(
                () => void file.pending.push(bytes.slice()),
                () => void file.pending.push(bytes.slice(0, options.rng.int(bytes.length))),
              ),
            fsync: () =>
              write(() => {
                if (options.lies) return;
                file.durable.push(...file.pending);
                file.pending = [];
              }),
            truncate: (length) =>
              write(() => {
                file.durable = length === 0 ? [] : [whole(file).subarray(0, length)];
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
    failWith(error) {
      failing = error;
    },
    afterCrash(rng) {
      for (const file of files.values()) {
        const pending = join(file.pending);
        const kept = options.tears && pending.length > 0 ? keptOf(pending.length, rng) : 0;
        file.durable.push(pending.subarray(0, kept));
        file.pending = [];
      }
      for (const [name, file] of small) {
        if (file.durable === undefined) small.delete(name);
        else file.now = file.durable;
      }
    },
    flipBit(name, rng) {
      const file = files.get(name);
      const bytes = file === undefined ? small.get(name)?.durable : join(file.durable);
      if (bytes === undefined || bytes.length === 0) return undefined;
      const flipped = bytes.slice();
      const at = rng.int(flipped.length);
      flipped[at]! ^= 1 << rng.int(8);
      if (file !== undefined) file.durable = [flipped];
      else small.set(name, { now: flipped, durable: flipped });
      return at;
    },
    wipe(keep) {
      for (const name of [...files.keys()]) if (!keep.includes(name)) files.delete(name);
      for (const name of [...small.keys()]) if (!keep.includes(name)) small.delete(name);
    },
    cut(name, length) {
      const file = fileOf(name);
      file.durable = [whole(file).slice(0, length)];
      file.pending = [];
    },
    content: (name) => {
      const file = files.get(name);
      return file === undefined ? small.get(name)?.now : whole(file);
    },
  };
}
