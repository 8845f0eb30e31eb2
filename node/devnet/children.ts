/** Processes of our own: started with an IPC channel, watched, and ended with us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../bin/openledger.js', import.meta.url));

/** What a node tells its parent. */
export interface ReadyMessage {
  readonly type: 'ready';
  readonly rpcPort: number | undefined;
  readonly p2pPort?: number;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Its standard output and error. */
  readonly logFile: string;
  /** Resolves with the first `ready` message; rejects with the log's end if the process ends before. */
  readonly ready: Promise<ReadyMessage>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Asks it to stop. */
  stop(): void;
  kill(): void;
}

/** Characters of a log's end that are shown when a child dies. */
const LOG_TAIL_BYTES = 4_096;
const LOG_TAIL_LINES = 12;
/** A log of an earlier run that is larger is put aside, as `.old`. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;

export interface ChildOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * How glibc gives memory back, unless the user has said otherwise. By itself it keeps an arena for each thread, and
 * after the first large block takes others of that size from the arenas, where a small one above them holds them all.
 */
const ALLOCATOR = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/** MiB of each half of the space for new objects; V8's own 16 of the main thread stay filled after a busy moment. */
const ENGINE = ['--max-semi-space-size=4'];

/** Starts `openledger ARGS`. The child ends by itself when the IPC channel breaks, that is when this process dies. */
export function startChild(options: ChildOptions): Child {
  if (existsSync(options.logFile) && statSync(options.logFile).size > MAX_LOG_BYTES)
    renameSync(options.logFile, `${options.logFile}.old`);
  const log = openSync(options.logFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...ENGINE, PROGRAM, ...options.args], {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...ALLOCATOR, ...options.environment, NO_COLOR: '1' },
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    // Not started at all; `exit` never comes then.
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  const ready = new Promise<ReadyMessage>((resolve, reject) => {
    child.on('message', (message: unknown) => {
      if (isReady(message)) resolve(message);
    });
    exited.then((how) =>
      reject(new Error(`${options.name} ended${describeExit(how)}:\n${tailOf(options.logFile)}`)),
    );
  });
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => {});
  return {
    name: options.name,
    pid: child.pid ?? 0,
    logFile: options.logFile,
    ready,
    exited,
    stop: () => {
      if (child.connected) child.send({ type: 'stop' }, () => {});
      else child.kill('SIGTERM');
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

function isReady(message: unknown): message is ReadyMessage {
  return typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'ready';
}

export function describeExit(how: { code: number | null; signal: NodeJS.Signals | null }): string {
  if (how.signal !== null) return ` by ${how.signal}`;
  return how.code === null ? '' : ` with exit code ${how.code}`;
}

/** Last lines of a log file. */
export function tailOf(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
      const length = readSync(file, bytes, 0, bytes.length, size - bytes.length);
      const lines = bytes.toString('utf8', 0, length).trimEnd().split('\n').slice(-LOG_TAIL_LINES);
      return lines.map((line) => `  | ${line}`).join('\n');
    } finally {
      closeSync(file);
    }
  } catch {
    return '  | (no log)';
  }
}

/** For a child: hands the parent's wish to stop, and its death, to `stop`. Does nothing when started by hand. */
export function onParent(stop: () => void): void {
  if (process.send === undefined) return;
  process.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'stop')
      stop();
  });
  process.once('disconnect', stop);
}

/** For a child: tells the parent, if there is one. */
export function tellParent(message: ReadyMessage): void {
  process.send?.(message);
}
