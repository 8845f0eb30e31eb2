/**
 * Through JSON-RPC with one validator, every block durable, beside anvil on this machine: the same signed transfers
 * from sending the first until the last is in a block, and how many calls a second both answer. The clock decides
 * here, since two programs are compared. They take turns, round by round, so that whatever else the machine does
 * falls on both; medians of the rounds are compared, and of the first rounds too, when nothing is compiled yet.
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

/** Of one round. */
const TRANSFERS = 1_000;
const ROUNDS = 5;
const SENDERS = 50;
const BATCH = 250;
const READS = 2_000;
const READERS = 8;
/** Which transfers a later block holds is chance; the first ones hold as few in both. */
const FIRST_BLOCK = '0x1';
const ETHER = 10n ** 18n;
const DEADLINE_MS = 120_000;

type Hex = `0x${string}`;

/** A node that is measured. */
interface Server {
  url: string;
  pid: number;
}
/** Of some work, what the server itself took matters on a busy machine; the rate hangs on the others, too. */
interface Round {
  perSecond: number;
  /** CPU of the server for one transfer or call; undefined where the system does not tell. */
  cpuMicros: number | undefined;
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

/** What a round sends: the same bytes to both. */
async function sign(chainId: number, round: number): Promise<Hex[]> {
  const each = TRANSFERS / SENDERS;
  const signed: Hex[] = [];
  for (let sent = 0; sent < each; sent++)
    for (const [i, sender] of senders.entries())
      signed.push(
        await sender.signTransaction({
          chainId,
          nonce: round * each + sent,
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

async function timed(pid: number, count: number, work: () => Promise<void>): Promise<Round> {
  const before = cpuOf(pid);
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  const after = cpuOf(pid);
  return {
    perSecond: count / seconds,
    cpuMicros: before === undefined || after === undefined ? undefined : (after - before) / count,
  };
}

function transfers({ url, pid }: Server, signed: readonly Hex[], round: number): Promise<Round> {
  const want = BigInt(((round + 1) * TRANSFERS) / SENDERS);
  return timed(pid, TRANSFERS, async () => {
    for (let at = 0; at < signed.length; at += BATCH)
      await batch(
        url,
        signed.slice(at, at + BATCH).map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] })),
      );
    // The last sender first; then all of them, once.
    for (const { address } of [senders.at(-1)!, ...senders])
      await until(
        'transfers',
        async () => BigInt(await rpc<Hex>(url, 'eth_getTransactionCount', [address, 'latest'])) === want,
      );
  });
}

/** Calls with some of them always under way. */
async function reads({ url, pid }: Server, method: string, params: unknown[]): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: READERS });
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const first = await ask(agent, url, body);
  if (!first.includes('"result"')) throw new Error(`${method}: ${first.slice(0, 200)}`);
  let left = READS;
  const measured = await timed(pid, READS, async () => {
    await Promise.all(
      Array.from({ length: READERS }, async () => {
        while (left-- > 0) await ask(agent, url, body);
      }),
    );
  });
  agent.destroy();
  return measured;
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
async function withAnvil(chainId: number, work: (anvil: Server) => Promise<void>): Promise<void> {
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
    await work({ url, pid: programOf(child.pid!) });
  } finally {
    killOwned(child);
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Rates and CPU of rounds that took turns. */
function rowsOf(name: string, unit: string, ours: readonly Round[], theirs: readonly Round[]): BenchRow[] {
  const rate = (rounds: readonly Round[]) => median(rounds.map(({ perSecond }) => perSecond));
  const cpu = (rounds: readonly Round[]) => median(rounds.map(({ cpuMicros }) => cpuMicros ?? Number.NaN));
  const row = (suffix: string, value: number, unit: string, peer: number, ratio: number): BenchRow => ({
    name: `end-to-end.${name}${suffix}`,
    value,
    unit,
    peer: `anvil ${peer.toFixed(0)}`,
    ratio,
  });
  const rows = [row('', rate(ours), unit, rate(theirs), rate(ours) / rate(theirs))];
  const [[ourFirst], [theirFirst]] = [ours, theirs];
  if (ourFirst !== undefined && theirFirst !== undefined)
    rows.push(
      row(
        '.first',
        ourFirst.perSecond,
        unit,
        theirFirst.perSecond,
        ourFirst.perSecond / theirFirst.perSecond,
      ),
    );
  // Without /proc there is none.
  if (!Number.isNaN(cpu(ours) + cpu(theirs)))
    rows.push(row('.cpu', cpu(ours), 'us of CPU', cpu(theirs), cpu(theirs) / cpu(ours)));
  return rows;
}

/** All rounds of one kind of work. */
async function compare(
  name: string,
  unit: string,
  servers: readonly [ours: Server, theirs: Server],
  work: (server: Server, round: number) => Promise<Round>,
): Promise<BenchRow[]> {
  const measured: [Round[], Round[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++)
    for (const turn of [0, 1]) {
      const which = (round + turn) % 2 === 0 ? 0 : 1;
      measured[which].push(await work(servers[which], round));
    }
  return rowsOf(name, unit, ...measured);
}

export async function run(): Promise<BenchRow[]> {
  const devnet = await startDevnet({ validators: 1 });
  const rows: BenchRow[] = [];
  try {
    const { chainId } = devnet;
    const ours: Server = { url: devnet.rpcUrls[0]!, pid: devnet.validators[0]!.pid };
    await fund(ours.url, chainId, devnet.accounts[0]!.privateKey);
    const rounds: Hex[][] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await sign(chainId, round));
    const call = { from: senders[0]!.address, to: senders[1]!.address, value: '0x1', data: '0x' };
    await withAnvil(chainId, async (anvil) => {
      const both = [ours, anvil] as const;
      rows.push(
        ...(await compare('transfers', 'tx/s', both, (server, round) =>
          transfers(server, rounds[round]!, round),
        )),
        ...(await compare('eth_call', 'calls/s', both, (server) =>
          reads(server, 'eth_call', [call, 'latest']),
        )),
        ...(await compare('eth_getBlockByNumber', 'calls/s', both, (server) =>
          reads(server, 'eth_getBlockByNumber', [FIRST_BLOCK, false]),
        )),
      );
    });
  } finally {
    await devnet.stop();
  }
  return rows;
}
