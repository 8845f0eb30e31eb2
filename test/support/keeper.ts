/**
 * The program that outlives whoever started it by one moment: reads lines from standard input, and when that ends (the
 * harness ended, by itself or by SIGKILL) kills the process groups that are noted and removes the folders that are.
 *
 * `+group PID`, `-group PID`, `+folder PATH`, `-folder PATH`
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const groups = new Set<number>();
const folders = new Set<string>();

// A terminal's Ctrl-C is for the harness; it runs in a session of its own besides.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const [, sign, what, name = ''] = /^([+-])(group|folder) (.+)$/.exec(line) ?? [];
  if (what === 'group') change(groups, sign, Number(name));
  else if (what === 'folder') change(folders, sign, name);
}
for (const group of groups) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
// Those that were killed just now may be writing still.
for (const folder of folders)
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });

function change<T>(set: Set<T>, sign: string | undefined, value: T): void {
  if (sign === '+') set.add(value);
  else set.delete(value);
}
