/**
 * Starts the shipped program's devnet as a user would (`openledger devnet`), in a folder of its own, and ends it with
 * all its children. Everything is judged from outside: devnet.json, RPC, WebSocket, standard output.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hex } from '../../genesis/types.ts';
import { killOwned, ownedFolder, removeOwned, spawnOwned } from './owned.ts';

/** Contents of devnet.json, as far as tests read it. */
export interface DevnetFile {
  chainId: number;
  rpcUrls: string[];
  wsUrls: string[];
  page: string;
  accounts: { name: string; address: Hex; privateKey: Hex }[];
  validators: { index: number; pid: number; home: string; address: Hex }[];
}

export interface RunningDevnet extends DevnetFile {
  dir: string;
  process: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  account(name: string): { name: string; address: Hex; privateKey: Hex };
  /** SIGINT, then waits until the process is gone; the folder stays when `keep`. */
  stop(options?: { keep?: boolean }): Promise<number | null>;
}

const cli = join(
  import.meta.dirname,
  import.meta.dirname.includes(`${join('dist', 'test')}`) ? '../../..' : '../..',
  'bin',
  'openledger.js',
);

export function cliPath(): string {
  return cli;
}

export function tempDir(prefix = 'openledger-'): string {
  return ownedFolder(prefix);
}

export interface StartOptions {
  dir?: string;
  validators?: number;
  args?: string[];
  /** Text that says that it is ready to be used. */
  until?: RegExp;
  timeoutMs?: number;
}

export async function startDevnet(options: StartOptions = {}): Promise<RunningDevnet> {
  const dir = options.dir ?? tempDir('openledger-devnet-');
  const child = spawnOwned(
    process.execPath,
    [cli, 'devnet', '--data', dir, '--validators', String(options.validators ?? 4), ...(options.args ?? [])],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } },
  );
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      output += chunk.toString('utf8');
      if ((options.until ?? /rpc/i).test(output) && fileReady(dir)) resolve();
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    const timer = setTimeout(
      () => reject(new Error(`the devnet was not ready in time:\n${output}`)),
      options.timeoutMs ?? 90_000,
    );
    timer.unref();
    exited.then((code) => reject(new Error(`the devnet ended with ${code}:\n${output}`)));
  });
  try {
    await ready;
  } catch (error) {
    killOwned(child);
    throw error;
  }
  const file = JSON.parse(readFileSync(join(dir, 'devnet.json'), 'utf8')) as DevnetFile;
  return {
    ...file,
    dir,
    process: child,
    output: () => output,
    account: (name) => {
      const found = file.accounts.find((account) => account.name === name);
      if (!found)
        throw new Error(
          `no development account named ${name}; there are ${file.accounts.map((account) => account.name).join(', ')}`,
        );
      return found;
    },
    stop: async ({ keep = false } = {}) => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      const code = await exited;
      if (!keep) removeOwned(dir);
      return code;
    },
  };
}

function fileReady(dir: string): boolean {
  try {
    return Array.isArray(JSON.parse(readFileSync(join(dir, 'devnet.json'), 'utf8')).rpcUrls);
  } catch {
    return false;
  }
}

/** Runs the CLI to its end. */
export async function runCli(
  args: string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawnOwned(process.execPath, [cli, ...args], {
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin?.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

let nextId = 1;

/** One JSON-RPC call; throws with the error's message and code. */
export async function rpc<T = unknown>(url: string, method: string, params: unknown[] = []): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params }),
  });
  const answer = (await response.json()) as {
    result?: T;
    error?: { code: number; message: string; data?: unknown };
  };
  if (answer.error)
    throw Object.assign(new Error(`${method}: ${answer.error.message}`), {
      code: answer.error.code,
      data: answer.error.data,
    });
  return answer.result as T;
}

/** Calls back for every new head until the returned function is called. Resolves once the subscription stands. */
export async function followHeads(
  wsUrl: string,
  onHead: (head: { number: number; hash: Hex }) => void,
): Promise<() => void> {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(wsUrl);
  await once(socket, 'open');
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }));
  await new Promise<void>((resolve, reject) => {
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      if (message.id === 1) message.error ? reject(new Error(message.error.message)) : resolve();
      else if (message.method === 'eth_subscription')
        onHead({ number: Number(message.params.result.number), hash: message.params.result.hash });
    });
    socket.on('error', reject);
  });
  return () => socket.close();
}

/** Resolves when `condition` holds; asks again at every new head of the node and fails after `timeoutMs`. */
export async function untilHead(
  wsUrl: string,
  condition: (head: { number: number; hash: Hex }) => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<number> {
  let stop: () => void = () => {};
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no head fulfilled the condition within ${timeoutMs} ms`)),
        timeoutMs,
      );
      followHeads(wsUrl, (head) => {
        Promise.resolve(condition(head)).then((done) => {
          if (!done) return;
          clearTimeout(timer);
          resolve(head.number);
        }, reject);
      }).then((close) => {
        stop = close;
      }, reject);
    });
  } finally {
    stop();
  }
}
