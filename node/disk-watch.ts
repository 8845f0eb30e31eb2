/**
 * Stops the node while there is still room to stop in: a database that cannot write is not damaged, but whatever else
 * shares the disk might be, and a log that cannot be written helps nobody.
 */
import { statfsSync } from 'node:fs';
import type { Clock } from './validator/ports.ts';

export interface DiskWatch {
  stop(): void;
}

/** How often the free space is looked at: what can be written meanwhile is far below the least that is asked for. */
const EVERY_MS = 5_000;
const MIB = 1 << 20;

export interface DiskWatchOptions {
  /** On the disk that is watched. */
  readonly directory: string;
  /** 0: do not look. */
  readonly minFreeMib: number;
  readonly clock: Pick<Clock, 'setTimer'>;
  /** Called once. */
  readonly onLow: (message: string) => void;
  /** Bytes that this user may still write; the operating system's word by default. */
  readonly freeBytes?: (directory: string) => number;
}

/** Why the node should not run with this little space; undefined if there is enough. */
export function lowDisk({
  directory,
  minFreeMib,
  freeBytes = bytesFree,
}: Pick<DiskWatchOptions, 'directory' | 'minFreeMib' | 'freeBytes'>): string | undefined {
  if (minFreeMib === 0) return undefined;
  let free: number;
  try {
    free = freeBytes(directory);
  } catch {
    // Whatever is wrong with the folder is said by whoever uses it.
    return undefined;
  }
  if (free >= minFreeMib * MIB) return undefined;
  return (
    `DISK_FULL: ${Math.floor(free / MIB)} MiB are free on the disk that holds ${directory}, less than the ` +
    `${minFreeMib} of minFreeMib. Nothing is damaged: make room (openledger db prune), then start again`
  );
}

export function watchDisk(options: DiskWatchOptions): DiskWatch {
  let cancel = (): void => {};
  const look = (): void => {
    const problem = lowDisk(options);
    if (problem !== undefined) options.onLow(problem);
    else cancel = options.clock.setTimer(EVERY_MS, look);
  };
  if (options.minFreeMib > 0) cancel = options.clock.setTimer(EVERY_MS, look);
  return { stop: () => cancel() };
}

function bytesFree(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
