import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { asHeight } from '../../../consensus/types.ts';
import { encodeFrame, scanFrames } from '../../../consensus/wal/frame.ts';
import { createFileStorage } from '../../../node/validator/file-storage.ts';
import { createWal, WAL_FILE } from '../../../node/validator/wal.ts';
import { A, GENESIS } from '../consensus/bench.ts';

const directories: string[] = [];
const directory = () => {
  const path = mkdtempSync(join(tmpdir(), 'validator-'));
  directories.push(path);
  return path;
};
afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true });
});
const log = () => {};
const vote = { kind: 'input', input: { kind: 'wake', nowMs: 5 } } as const;

describe('files', () => {
  it('append, read back after reopening, and truncate', () => {
    const path = directory();
    const file = createFileStorage(path).openAppend('log');
    file.append(Uint8Array.of(1, 2, 3));
    file.append(Uint8Array.of(4));
    file.fsync();
    file.close();
    const again = createFileStorage(path).openAppend('log');
    expect(again.read()).toEqual(Uint8Array.of(1, 2, 3, 4));
    again.truncate(2);
    again.append(Uint8Array.of(9));
    expect(again.read()).toEqual(Uint8Array.of(1, 2, 9));
    expect(again.size()).toBe(3);
    again.close();
  });

  it('replace whole files, never half of one', () => {
    const storage = createFileStorage(directory());
    expect(storage.readFile('last-signed')).toBeUndefined();
    storage.replaceFile('last-signed', Uint8Array.of(1, 2));
    storage.replaceFile('last-signed', Uint8Array.of(3));
    expect(storage.readFile('last-signed')).toEqual(Uint8Array.of(3));
  });
});

describe('the log on disk', () => {
  it('gives back the records of the height in progress, and forgets an earlier height', () => {
    const path = directory();
    const wal = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    expect(wal.open(asHeight(4)).result).toBe('new');
    wal.append(vote);
    wal.sync();
    wal.close();
    const again = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    expect(again.open(asHeight(4))).toEqual({ result: 'resume', records: [vote] });
    expect(again.open(asHeight(5)).result).toBe('new');
    again.close();
    const later = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    expect(later.open(asHeight(5)).result).toBe('new');
    later.close();
  });

  it('is left alone while the database is behind it', () => {
    const path = directory();
    const wal = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    wal.open(asHeight(9));
    wal.append(vote);
    wal.close();
    const behind = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    expect(behind.open(asHeight(7))).toEqual({ result: 'ahead', height: 9 });
    behind.append(vote);
    expect(behind.open(asHeight(9))).toEqual({ result: 'resume', records: [vote] });
    behind.close();
  });

  it('half a record at the end is cut off; damage before the end stops the node with the remedy', () => {
    const path = directory();
    const wal = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    wal.open(asHeight(4));
    wal.append(vote);
    wal.append(vote);
    wal.close();
    const whole = readFileSync(join(path, WAL_FILE));
    writeFileSync(join(path, WAL_FILE), whole.subarray(0, whole.length - 3));
    const torn = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    expect(torn.open(asHeight(4))).toEqual({ result: 'resume', records: [vote] });
    torn.close();
    whole[60] = whole[60]! ^ 1;
    writeFileSync(join(path, WAL_FILE), whole);
    expect(() => createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log })).toThrow(
      /WAL_DAMAGED.*consensus\.wal at offset \d+.*wal repair/,
    );
  });

  it('a whole record that this program cannot understand, and a log without its height, stop it with the remedy, too', () => {
    const path = directory();
    const wal = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    wal.open(asHeight(4));
    wal.append(vote);
    wal.close();
    const whole = readFileSync(join(path, WAL_FILE));
    const start = () => createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    writeFileSync(join(path, WAL_FILE), Buffer.concat([whole, encodeFrame(99, new Uint8Array(3))]));
    expect(start).toThrow(`at offset ${whole.length}`);
    expect(start).toThrow(`wal repair --home DIR --offset ${whole.length}`);
    const [height] = scanFrames(new Uint8Array(whole)).frames.slice(1);
    writeFileSync(join(path, WAL_FILE), whole.subarray(height!.offset));
    expect(start).toThrow(/WAL_DAMAGED: no record of the height.* at offset 0\..*--offset 0/);
  });

  it('A9: a log of another chain is not replayed', () => {
    const path = directory();
    const wal = createWal({ storage: createFileStorage(path), genesisHash: GENESIS, log });
    wal.open(asHeight(4));
    wal.close();
    expect(() => createWal({ storage: createFileStorage(path), genesisHash: A, log })).toThrow(
      'WAL_OF_OTHER_CHAIN',
    );
  });
});
