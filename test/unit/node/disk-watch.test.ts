import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lowDisk, watchDisk } from '../../../node/disk-watch.ts';
import { createFileStorage } from '../../../node/validator/file-storage.ts';

const MIB = 1 << 20;

describe('a disk that fills up', () => {
  it('is noticed before it is full, once, in one line that says what to do', () => {
    let free = 300 * MIB;
    const timers: (() => void)[] = [];
    const messages: string[] = [];
    watchDisk({
      directory: 'd',
      minFreeMib: 256,
      clock: {
        setTimer(_ms, run) {
          timers.push(run);
          return () => {};
        },
      },
      onLow: (message) => messages.push(message),
      freeBytes: () => free,
    });
    timers.shift()!();
    expect(messages).toEqual([]);
    free = 255 * MIB;
    timers.shift()!();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/^DISK_FULL: 255 MiB are free .* less than the 256 .*make room/);
    expect(timers).toEqual([]);
  });

  it('is not looked at where the operator said so, nor where the folder cannot be asked', () => {
    expect(lowDisk({ directory: 'd', minFreeMib: 0, freeBytes: () => 0 })).toBeUndefined();
    const broken = () => {
      throw new Error('no such folder');
    };
    expect(lowDisk({ directory: 'd', minFreeMib: 1, freeBytes: broken })).toBeUndefined();
  });

  it.skipIf(process.platform !== 'linux')(
    'makes a write to the consensus log fail, not pass unnoticed',
    () => {
      const dir = mkdtempSync(join(tmpdir(), 'ol-full-'));
      try {
        symlinkSync('/dev/full', join(dir, 'consensus.wal'));
        const file = createFileStorage(dir).openAppend('consensus.wal');
        expect(() => file.append(new Uint8Array(100))).toThrow(/ENOSPC/);
        file.close();
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  );
});
