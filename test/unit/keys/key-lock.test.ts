/** Two nodes with one key sign two different things: the second does not start, whatever its data folder is. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEY_LOCK_FOLDER, lockKey } from '../../../node/keys/key-lock.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ol-key-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const keyFile = (): string => join(dir, 'validator.json');
const lockFolder = (): string => join(dir, KEY_LOCK_FOLDER);

describe('the folder of a consensus key', () => {
  it('has one user at a time, who may come again', async () => {
    const first = await lockKey(keyFile());
    await expect(lockKey(keyFile())).rejects.toMatchObject({
      code: 'KEY_IN_USE',
      message: expect.stringContaining(keyFile()),
    });
    await first.release();
    await (await lockKey(keyFile())).release();
  });

  it('is free again when the process that had it was killed', async () => {
    const program =
      "import { Level } from 'level'; const db = new Level(process.argv[1]); await db.open(); " +
      "process.stdout.write('held'); setInterval(() => {}, 1000);";
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, lockFolder()]);
    const ended = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await expect(lockKey(keyFile())).rejects.toMatchObject({ code: 'KEY_IN_USE' });
    child.kill('SIGKILL');
    await ended;
    await (await lockKey(keyFile())).release();
  });

  it('is usable though the files of the lock are damaged: there is nothing in them', async () => {
    await (await lockKey(keyFile())).release();
    for (const name of readdirSync(lockFolder()))
      if (name !== 'LOCK') writeFileSync(join(lockFolder(), name), 'damage');
    const lock = await lockKey(keyFile());
    await expect(lockKey(keyFile())).rejects.toMatchObject({ code: 'KEY_IN_USE' });
    await lock.release();
  });

  it('with a record of another user is refused before the first vote, unless root runs the node', async () => {
    writeFileSync(join(dir, 'last-signed'), '', { mode: 0o000 });
    const locking = lockKey(keyFile());
    // No file keeps root out.
    if (process.getuid?.() === 0) return (await locking).release();
    await expect(locking).rejects.toMatchObject({
      code: 'KEY_FOLDER_UNUSABLE',
      message: expect.stringMatching(/last-signed.*no permission.*belong to the user/),
    });
  });

  it('that cannot be written is named', async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(lockFolder(), 'a file where the folder should be');
    await expect(lockKey(keyFile())).rejects.toMatchObject({
      code: 'KEY_FOLDER_UNUSABLE',
      message: expect.stringContaining(keyFile()),
    });
  });
});
