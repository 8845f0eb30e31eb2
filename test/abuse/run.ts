/**
 * A devnet whose first validator is attacked while its blocks are counted at another one. Transfers that come at a
 * steady rate give it a pace to keep.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createWalletClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { projectRoot } from '../conformance/state/fixtures.ts';
import { heapAfterCollection } from '../networks/heap.ts';
import { followHeads, type RunningDevnet, startDevnet } from '../support/devnet.ts';
import type { AttackOrder } from './attacker.ts';
import { type Tally, type Target, warmUp } from './attacks.ts';

export interface AbuseOptions {
  readonly seconds: number;
  readonly connections: number;
  /** How long the pace is measured before the attack. */
  readonly calmSeconds: number;
  /**
   * Whether memory is compared, after what the attack left has ended: takes a minute, and NODE_OPTIONS that let nodes
   * be debugged.
   */
  readonly settle: boolean;
  readonly log?: (text: string) => void;
}

export interface AbuseReport {
  readonly seconds: number;
  /** Whether a block came within 10 s after the attack. */
  readonly goesOn: boolean;
  /** Blocks a second before and during the attack, and the longest time without one during it. */
  readonly calmPace: number;
  readonly pace: number;
  readonly longestGapMs: number;
  /**
   * Resident bytes of the attacked process before and after, each after a forced collection: V8 collects while it
   * allocates, so that an idle process holds garbage. `uncollected`: at the end, before it. undefined where the system
   * does not tell.
   */
  readonly memory: { readonly start: number; readonly end: number; readonly uncollected: number } | undefined;
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Time of a simple question to the attacked node during the attack: median and worst of those asked. */
  readonly medianMs: number;
  readonly worstMs: number;
}

/** A transfer this often keeps blocks coming. */
const TRANSFER_EVERY_MS = 250;
/** What still waits is given up 30 s after it came, and threads that nobody needs end 20 s later. */
const SETTLE_MS = 55_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function runAbuse(options: AbuseOptions): Promise<AbuseReport> {
  const log = options.log ?? (() => {});
  const devnet = await startDevnet({ validators: 4 });
  const stops: (() => unknown)[] = [];
  try {
    const blocks: { number: number; at: number }[] = [];
    stops.push(
      await followHeads(urlOf(devnet.wsUrls[1]), ({ number }) =>
        blocks.push({ number, at: performance.now() }),
      ),
    );
    stops.push(sendTransfers(devnet));
    const target = targetOf(devnet);

    // Nothing is attacked before there is a chain that moves.
    await nextBlocks(blocks, 2, 60_000);
    log(`the pace of ${options.calmSeconds} s without an attack`);
    await sleep(1_000);
    const calm = await paceOf(blocks, options.calmSeconds);
    // Code is loaded and buffers grow to their size before memory is compared.
    if (options.settle) await warmUp(target);

    const start = options.settle ? await keptBytes(devnet) : undefined;
    log(`${options.connections} connections attack for ${options.seconds} s`);
    const questions = askSimply(target);
    const { seconds, connections } = options;
    const attacking = attack({ target, connections, durationMs: seconds * 1_000 });
    const during = await paceOf(blocks, seconds);
    const tallies = await attacking;
    const times = await questions.stop();
    const goesOn = await nextBlocks(blocks, 1, 10_000);
    if (options.settle) await sleep(SETTLE_MS);
    const uncollected = residentBytes(devnet);
    const end = options.settle ? await keptBytes(devnet) : undefined;
    return {
      seconds,
      goesOn,
      calmPace: calm.pace,
      pace: during.pace,
      longestGapMs: during.longestGapMs,
      memory:
        start === undefined || end === undefined || uncollected === undefined
          ? undefined
          : { start, end, uncollected },
      tallies,
      medianMs: times[times.length >> 1] ?? Number.POSITIVE_INFINITY,
      worstMs: times.at(-1) ?? Number.POSITIVE_INFINITY,
    };
  } finally {
    for (const stop of stops) await stop();
    await devnet.stop();
  }
}

function urlOf(url: string | undefined): string {
  if (url === undefined) throw new Error('the devnet has too few nodes');
  return url;
}

function targetOf(devnet: RunningDevnet): Target {
  const { hostname, port } = new URL(urlOf(devnet.rpcUrls[0]));
  const account = devnet.accounts[0]?.address;
  if (account === undefined) throw new Error('the devnet has no accounts');
  return { host: hostname, port: Number(port), account };
}

/** In a thread of its own, so that what is measured here is not the attackers' delay. */
async function attack(order: AttackOrder): Promise<ReadonlyMap<string, Tally>> {
  const worker = new Worker(join(projectRoot(), 'dist/test/abuse/attacker.js'), { workerData: order });
  const [tallies] = await once(worker, 'message');
  await worker.terminate();
  return tallies;
}

/** Whether `count` more blocks come in time. */
async function nextBlocks(blocks: readonly unknown[], count: number, withinMs: number): Promise<boolean> {
  const goal = blocks.length + count;
  const deadline = performance.now() + withinMs;
  while (blocks.length < goal && performance.now() < deadline) await sleep(100);
  return blocks.length >= goal;
}

async function paceOf(
  blocks: readonly { number: number; at: number }[],
  seconds: number,
): Promise<{ pace: number; longestGapMs: number }> {
  const from = performance.now();
  await sleep(seconds * 1_000);
  const to = performance.now();
  const seen = blocks.filter(({ at }) => at >= from && at <= to).map(({ at }) => at);
  const marks = [from, ...seen, to];
  const gaps = marks.slice(1).map((at, i) => at - (marks[i] ?? from));
  return { pace: (seen.length * 1_000) / (to - from), longestGapMs: Math.max(...gaps) };
}

/** Through the second validator, signed here. Returns what ends it. */
function sendTransfers(devnet: RunningDevnet): () => Promise<void> {
  const url = urlOf(devnet.rpcUrls[1]);
  const privateKey = devnet.accounts[1]?.privateKey;
  if (privateKey === undefined) throw new Error('the devnet has no accounts');
  const account = privateKeyToAccount(privateKey);
  const chain = defineChain({
    id: devnet.chainId,
    name: 'devnet',
    nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const wallet = createWalletClient({ account, chain, transport: http(url) });
  let isOn = true;
  const sending = (async () => {
    for (let nonce = 0; isOn; nonce++) {
      await wallet.sendTransaction({
        ...{ to: account.address, value: 1n, nonce, gas: 21_000n },
        ...{ maxFeePerGas: 20_000_000_000n, maxPriorityFeePerGas: 1n },
      });
      await sleep(TRANSFER_EVERY_MS);
    }
  })();
  return async () => {
    isOn = false;
    await sending;
  };
}

/** What a wallet would see meanwhile. */
function askSimply({ host, port }: Target): { stop(): Promise<number[]> } {
  const times: number[] = [];
  let isOn = true;
  const asking = (async () => {
    while (isOn) {
      const from = performance.now();
      await fetch(`http://${host}:${port}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}',
      }).then(
        (response) => response.text(),
        () => {},
      );
      times.push(performance.now() - from);
      await sleep(250);
    }
  })();
  return {
    async stop() {
      isOn = false;
      await asking;
      return times.sort((a, b) => a - b);
    },
  };
}

/** What stays when everything that nobody needs has been collected. */
async function keptBytes(devnet: RunningDevnet): Promise<number | undefined> {
  await heapAfterCollection(join(devnet.dir, 'validator-0', 'validator-0.log'));
  return residentBytes(devnet);
}

function residentBytes(devnet: RunningDevnet): number | undefined {
  try {
    const status = readFileSync(`/proc/${devnet.validators[0]?.pid}/status`, 'utf8');
    return Number(status.match(/VmRSS:\s+(\d+) kB/)?.[1]) * 1024;
  } catch {
    return undefined;
  }
}
