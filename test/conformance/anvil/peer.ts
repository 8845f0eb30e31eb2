/** A pinned anvil beside our node: the same chain id, clock, gas limit and accounts, blocks only when told. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { freePorts } from '../../../node/devnet/ports.ts';
import type { Hex } from '../../../state/types.ts';
import { killOwned, spawnOwned } from '../../support/owned.ts';
import { projectRoot } from '../state/fixtures.ts';

export type Ask = (method: string, ...params: unknown[]) => Promise<unknown>;

export interface Peer {
  readonly ask: Ask;
  stop(): Promise<void>;
}

export interface PeerOptions {
  readonly chainId: number;
  readonly timestamp: number;
  readonly gasLimit: bigint;
  readonly balances: ReadonlyMap<Hex, bigint>;
}

/** Anvil answers within a second or two; a busy machine gets more. */
const START_MS = 30_000;

const program = () => join(projectRoot(), 'node_modules/.bin/anvil');

/** What it calls itself, or undefined where it does not run. */
export function anvilVersion(): string | undefined {
  const { status, stdout } = spawnSync(program(), ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n', 1)[0] : undefined;
}

/** @throws Error if it does not come up */
export async function startAnvil(options: PeerOptions): Promise<Peer> {
  const [port] = await freePorts(1);
  const child = spawnOwned(
    program(),
    [
      ...['--port', String(port), '--chain-id', String(options.chainId), '--hardfork', 'osaka', '--silent'],
      ...['--timestamp', String(options.timestamp), '--gas-limit', String(options.gasLimit)],
      ...['--accounts', '0', '--no-mining', '--order', 'fifo', '--disable-min-priority-fee'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const peer: Peer = {
    ask: askOver(`http://127.0.0.1:${port}`),
    async stop() {
      killOwned(child);
      await exited;
    },
  };
  try {
    const deadline = performance.now() + START_MS;
    while (
      !(await peer.ask('eth_chainId').then(
        () => true,
        () => false,
      ))
    ) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error('anvil did not start');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const [address, balance] of options.balances)
      await peer.ask('anvil_setBalance', address, `0x${balance.toString(16)}`);
    return peer;
  } catch (error) {
    await peer.stop();
    throw error;
  }
}

/** @throws Error with the `code` of the answer */
function askOver(url: string): Ask {
  return async (method, ...params) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return resultOf((await response.json()) as Answer);
  };
}

export interface Answer {
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

export function resultOf({ result, error }: Answer): unknown {
  if (error !== undefined)
    throw Object.assign(new Error(error.message), { code: error.code, data: error.data });
  return result;
}
