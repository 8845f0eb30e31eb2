/** One node process: started with an IPC channel, its output in a file, its end awaited. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { cliPath } from '../../support/devnet.ts';
import { spawnOwned } from '../../support/owned.ts';

export interface NodeProcess {
  readonly pid: number;
  /** Rejects with the end of the log if the process ends before it is ready. */
  readonly ready: Promise<{ rpcPort: number; p2pPort: number }>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Asks it to stop, as the parent of a devnet does. */
  stop(): void;
  signal(name: NodeJS.Signals): void;
}

/** @param program a script that takes the arguments of `openledger`; default: `openledger` itself */
export function startProcess(options: { home: string; logFile: string; program?: string }): NodeProcess {
  const log = openSync(options.logFile, 'a');
  let child: ChildProcess;
  try {
    child = spawnOwned(process.execPath, [options.program ?? cliPath(), 'start', '--home', options.home], {
      stdio: ['ignore', log, log, 'ipc'],
      // Settings of whoever runs the tests must not reach the nodes.
      env: Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith('OPENLEDGER_')),
      ),
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  const ready = new Promise<{ rpcPort: number; p2pPort: number }>((resolve, reject) => {
    child.on('message', (message: { type?: string; rpcPort: number; p2pPort: number }) => {
      if (message.type === 'ready') resolve(message);
    });
    void exited.then(({ code, signal }) =>
      reject(new Error(`the node ended with ${signal ?? `exit code ${code}`}:\n${tail(options.logFile)}`)),
    );
  });
  ready.catch(() => {});
  return {
    pid: child.pid ?? 0,
    ready,
    exited,
    stop: () => {
      child.send({ type: 'stop' }, () => {});
    },
    signal: (name) => {
      child.kill(name);
    },
  };
}

export function tail(logFile: string, lines = 20): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
