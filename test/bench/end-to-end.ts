/**
 * Through JSON-RPC with one validator, every block durable, beside anvil on this machine: the same signed transfers
 * from sending the first until the last is in a block, and how many calls a second both answer. The clock decides
 * here, since two programs are compared; both run alone, one after the other.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import { rpc, startDevnet } from '../support/devnet.ts';
import { killOwned, spawnOwned } from '../support/owned.ts';
import type { BenchRow } from './types.ts';

const TRANSFERS = 1_000;
const SENDERS = 50;
const BATCH = 250;
const READS = 2_000;
const READERS = 8;
const ETHER = 10n ** 18n;
const DEADLINE_MS = 120_000;

type Hex = `0x${string}`;
/** Of reads, what the server itself took matters on a busy machine; the rates by the clock hang on the others, too. */
interface Reads {
  perSecond: number;
  /** CPU of the server for one call; undefined where the system does not tell. */
  cpuMicros: number | undefined;
}
interface Measured {
  transfersPerSecond: number;
  calls: Reads;
  blocks: Reads;
}

/** What a script of a package runs; the script itself where the system does not tell. */
function programOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ', 1)[0]) || pid;
  } catch {
    return pid;
  }
}

/** CPU of a process and its threads since it began, in microseconds; Linux only. */
function cpuOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // User and system time, in ticks of a hundredth of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return undefined;
  }
}

const senders = Array.from({ length: SENDERS }, (_, i) =>
  privateKeyToAccount(`0x${(i + 1_000).toString(16).padStart(64, '0')}`),
);

async function batch(url: string, calls: { method: string; params: unknown[] }[]): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call }))),
  });
  const answers = (await response.json()) as { error?: { message: string } }[];
  const failed = answers.find(({ error }) => error !== undefined);
  if (failed?.error !== undefined) throw new Error(failed.error.message);
}

async function until(what: string, isDone: () => Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!(await isDone())) {
    if (performance.now() - begun > DEADLINE_MS) throw new Error(`${what}: not within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function sign(chainId: number): Promise<Hex[]> {
  const each = TRANSFERS / SENDERS;
  const signed: Hex[] = [];
  for (let nonce = 0; nonce < each; nonce++)
    for (const [i, sender] of senders.entries())
      signed.push(
        await sender.signTransaction({
          chainId,
          nonce,
          type: 'eip1559',
          to: senders[(i + 7) % SENDERS]!.address,
          value: 1n,
          gas: 21_000n,
          maxFeePerGas: 100_000_000_000n,
          maxPriorityFeePerGas: 1_000_000_000n,
        }),
      );
  return signed;
}

/** A request on a connection that stays open, with as little work on this side as can be: both share its core. */
function ask(agent: Agent, url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const sent = request(url, { agent, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve(text));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Calls a second with some of them always under way; the second round counts, when everything has been compiled. */
async function throughput(url: string, pid: number, method: string, params: unknown[]): Promise<Reads> {
  const agent = new Agent({ keepAlive: true, maxSockets: READERS });
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const first = await ask(agent, url, body);
  if (!first.includes('"result"')) throw new Error(`${method}: ${first.slice(0, 200)}`);
  let seconds = 0;
  let cpuMicros: number | undefined;
  for (let round = 0; round < 2; round++) {
    let left = READS;
    const before = cpuOf(pid);
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: READERS }, async () => {
        while (left-- > 0) await ask(agent, url, body);
      }),
    );
    seconds = (performance.now() - begun) / 1_000;
    const after = cpuOf(pid);
    cpuMicros = before === undefined || after === undefined ? undefined : (after - before) / READS;
  }
  agent.destroy();
  return { perSecond: READS / seconds, cpuMicros };
}

async function measure(url: string, pid: number, chainId: number): Promise<Measured> {
  const signed = await sign(chainId);
  const last = senders.at(-1)!.address;
  const begun = performance.now();
  for (let at = 0; at < signed.length; at += BATCH)
    await batch(
      url,
      signed.slice(at, at + BATCH).map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] })),
    );
  const want = BigInt(TRANSFERS / SENDERS);
  await until(
    'transfers',
    async () =>
      // The last sender first; then all of them, once.
      BigInt(await rpc<Hex>(url, 'eth_getTransactionCount', [last, 'latest'])) === want,
  );
  for (const { address } of senders)
    await until(
      'transfers',
      async () => BigInt(await rpc<Hex>(url, 'eth_getTransactionCount', [address, 'latest'])) === want,
    );
  const seconds = (performance.now() - begun) / 1_000;
  const call = { from: senders[0]!.address, to: senders[1]!.address, value: '0x1', data: '0x' };
  return {
    transfersPerSecond: TRANSFERS / seconds,
    calls: await throughput(url, pid, 'eth_call', [call, 'latest']),
    blocks: await throughput(url, pid, 'eth_getBlockByNumber', ['latest', false]),
  };
}

async function fund(url: string, chainId: number, privateKey: Hex): Promise<void> {
  const rich = privateKeyToAccount(privateKey);
  const nonce = Number(await rpc<Hex>(url, 'eth_getTransactionCount', [rich.address, 'latest']));
  const signed = await Promise.all(
    senders.map(({ address }, i) =>
      rich.signTransaction({
        chainId,
        nonce: nonce + i,
        type: 'eip1559',
        to: address,
        value: ETHER,
        gas: 21_000n,
        maxFeePerGas: 100_000_000_000n,
        maxPriorityFeePerGas: 1_000_000_000n,
      }),
    ),
  );
  for (let at = 0; at < signed.length; at += 10)
    await batch(
      url,
      signed.slice(at, at + 10).map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] })),
    );
  await until(
    'funds',
    async () =>
      BigInt(await rpc<Hex>(url, 'eth_getTransactionCount', [rich.address, 'latest'])) ===
      BigInt(nonce + SENDERS),
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** anvil mines as soon as it can, as ours does. Its first account is rich. */
async function anvil(chainId: number): Promise<Measured> {
  const port = await freePort();
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@foundry-rs/anvil/package.json'));
  const { bin } = require('@foundry-rs/anvil/package.json') as { bin: Record<string, string> };
  const child: ChildProcess = spawnOwned(
    process.execPath,
    [join(folder, bin['anvil']!), '--port', `${port}`, '--chain-id', `${chainId}`, '--silent'],
    { stdio: 'ignore' },
  );
  try {
    const url = `http://127.0.0.1:${port}`;
    await until('anvil', () =>
      rpc(url, 'eth_chainId', []).then(
        () => true,
        () => false,
      ),
    );
    await fund(url, chainId, '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
    return await measure(url, programOf(child.pid!), chainId);
  } finally {
    killOwned(child);
  }
}

export async function run(): Promise<BenchRow[]> {
  const devnet = await startDevnet({ validators: 1 });
  let ours: Measured;
  try {
    const url = devnet.rpcUrls[0]!;
    await fund(url, devnet.chainId, devnet.accounts[0]!.privateKey);
    ours = await measure(url, devnet.validators[0]!.pid, devnet.chainId);
  } finally {
    await devnet.stop();
  }
  const theirs = await anvil(devnet.chainId);
  const reads = (name: string, key: 'calls' | 'blocks'): BenchRow[] => {
    const [we, they] = [ours[key], theirs[key]];
    const rows: BenchRow[] = [
      {
        name: `end-to-end.${name}`,
        value: we.perSecond,
        unit: 'calls/s',
        peer: `anvil ${they.perSecond.toFixed(0)}`,
        ratio: we.perSecond / they.perSecond,
      },
    ];
    if (we.cpuMicros !== undefined && they.cpuMicros !== undefined)
      rows.push({
        name: `end-to-end.${name}.cpu`,
        value: we.cpuMicros,
        unit: 'us of CPU',
        peer: `anvil ${they.cpuMicros.toFixed(0)}`,
        ratio: they.cpuMicros / we.cpuMicros,
      });
    return rows;
  };
  return [
    {
      name: 'end-to-end.transfers',
      value: ours.transfersPerSecond,
      unit: 'tx/s',
      peer: `anvil ${theirs.transfersPerSecond.toFixed(0)}`,
      ratio: ours.transfersPerSecond / theirs.transfersPerSecond,
    },
    ...reads('eth_call', 'calls'),
    ...reads('eth_getBlockByNumber', 'blocks'),
  ];
}
