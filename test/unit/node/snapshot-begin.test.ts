/** Two starts on one folder that both look for a snapshot: neither deletes what the other restores. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { clearRestoring } from '../../../node/snapshots/begin.ts';

const dir = mkdtempSync(join(tmpdir(), 'ol-begin-'));
let other: ChildProcess | undefined;
afterAll(() => {
  other?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const HOLD = `import('level').then(async ({ Level }) => {
  await new Level(process.argv[1]).open();
  console.log('open');
  setInterval(() => {}, 1_000);
})`;

it('what another process restores is left to it, and deleted once it was killed', async () => {
  const folder = join(dir, 'chain.restoring');
  other = spawn(process.execPath, ['-e', HOLD, folder], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(other.stdout!, 'data');
  const files = readdirSync(folder);
  await expect(clearRestoring(folder)).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(files));
  other.kill('SIGKILL');
  await once(other, 'exit');
  await clearRestoring(folder);
  expect(existsSync(folder)).toBe(false);
});
