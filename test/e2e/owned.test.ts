/** However a harness ends: what it has started, and what that has started, ends with it, even if it was stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const owned = pathToFileURL(join(import.meta.dirname, '../../dist/test/support/owned.js')).href;
/** A child that starts one of its own and says both numbers; the first is then stopped as a paused node is. */
const HARNESS = `
const { spawnOwned, ownedFolder } = await import(${JSON.stringify(owned)});
const folder = ownedFolder('openledger-owned-');
const parent = "const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);"
  + "console.log(child.pid); setInterval(() => {}, 1000)";
const child = spawnOwned(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
child.stdout.once('data', (text) => {
  child.kill('SIGSTOP');
  console.log(JSON.stringify({ pids: [child.pid, Number(text)], folder }));
  if (process.env.HOW === 'throw') throw new Error('nobody catches this');
  if (process.env.HOW === 'exit') process.exit(3);
});
`;
const GONE_MS = 10_000;

let harness: ChildProcess | undefined;
afterEach(() => harness?.kill('SIGKILL'));

describe('what a harness has started ends with it', () => {
  const cases = [
    { how: 'SIGINT', end: 'SIGINT' },
    { how: 'SIGTERM', end: 'SIGTERM' },
    { how: 'SIGHUP', end: 'SIGHUP' },
    { how: 'SIGKILL', end: 'SIGKILL' },
    { how: 'throw', end: 1 },
    { how: 'exit', end: 3 },
  ] as const;
  it.each(cases)('by $how', async ({ how, end }) => {
    harness = spawn(process.execPath, ['--input-type=module', '-e', HARNESS], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, HOW: how },
    });
    const exited = once(harness, 'exit');
    const [text] = await once(harness.stdout!, 'data');
    const { pids, folder } = JSON.parse(String(text)) as { pids: number[]; folder: string };
    if (how === end) harness.kill(how);
    const [status, signal] = await exited;
    expect(signal ?? status).toBe(end);
    const deadline = performance.now() + GONE_MS;
    while ((pids.some(isAlive) || existsSync(folder)) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
