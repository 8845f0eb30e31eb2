/**
 * Processes and temporary folders of a test or a harness: none outlives it, whether it ends by itself, by an error that
 * nobody caught, by SIGINT, SIGTERM or SIGHUP, or by SIGKILL, and whether they run or are stopped. Each process leads a
 * group of its own, so that what it starts ends as well; a keeper (keeper.ts) does what this process cannot do any more.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const groups = new Set<number>();
const folders = new Set<string>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm that is killed by force leaves what it runs. Whoever starts a harness without npm may go before it ends. */
const PARENT_EVERY_MS = 1_000;

/** Like `spawn`; the process and all its descendants in the same group end with this one. */
export function spawnOwned(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const tell = keeper();
  const child = spawn(command, [...args], { ...options, detached: true });
  const { pid } = child;
  if (pid !== undefined) {
    groups.add(pid);
    tell(`+group ${pid}`);
    child.once('exit', () => {
      // What it has started may live on: how long is what a test wants to see. The number stays theirs meanwhile.
      if (isAlive(pid)) return;
      groups.delete(pid);
      tell(`-group ${pid}`);
    });
  }
  return child;
}

/** SIGKILL for the process and what it has started. */
export function killOwned(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid);
}

/** Those that have not ended. */
export function ownedProcesses(): readonly number[] {
  return [...groups];
}

/** A new folder for temporary files that is removed with this process, unless `removeOwned` does before. */
export function ownedFolder(prefix: string): string {
  const tell = keeper();
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.add(folder);
  tell(`+folder ${folder}`);
  return folder;
}

export function removeOwned(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  if (folders.delete(folder)) keeper()(`-folder ${folder}`);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended, with all that it had started.
  }
}

function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function endAll(): void {
  for (const pid of groups) killGroup(pid);
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Written to until a moment ago: the keeper tries again.
    }
  }
}

let told: ((line: string) => void) | undefined;

/** Starts it the first time. */
function keeper(): (line: string) => void {
  if (told !== undefined) return told;
  const child = spawn(process.execPath, [keeperFile()], {
    env: {},
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  const { stdin } = child;
  // Without it there is still what this process does itself.
  child.on('error', () => {});
  stdin.on('error', () => {});
  child.unref();
  (stdin as unknown as { unref(): void }).unref();
  process.once('exit', endAll);
  for (const name of SIGNALS) process.once(name, () => end(name));
  if (process.env['npm_lifecycle_event'] !== undefined) endWithParent();
  told = (line) => {
    stdin.write(`${line}\n`);
  };
  return told;
}

/** As the signal would have ended it, had nobody listened. */
function end(name: NodeJS.Signals): void {
  endAll();
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end('SIGTERM');
  }, PARENT_EVERY_MS).unref();
}

/** Sources run under vitest; what they start runs what is built. */
function keeperFile(): string {
  const beside = join(import.meta.dirname, 'keeper.js');
  return existsSync(beside)
    ? beside
    : join(import.meta.dirname, '..', '..', 'dist', 'test', 'support', 'keeper.js');
}
