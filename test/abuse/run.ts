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
import { followHeads, type RunningDevnet, startDevnet } from '../support/devnet.ts';
import type { AttackOrder } from './attacker.ts';
import { type Tally, type Target, warmUp } from './attacks.ts';

export interface AbuseOptions {
  readonly seconds: number;
  readonly connections: number;
  /** How long the pace is measured before the attack. */
  readonly calmSeconds: number;
  /** Whether memory is compared: takes a minute more a round. */
  readonly settle: boolean;
  /** Attacks one after the other, with a rest between them: what leaks grows with each. */
  readonly rounds: number;
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
  /** Resident bytes of the attacked process; undefined where the system does not tell, or if nobody asked. */
  readonly memory: MemoryReport | undefined;
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Time of a simple question to the attacked node during the attack: median and worst of those asked. */
  readonly medianMs: number;
  readonly worstMs: number;
}

/** All as the system tells them: nothing is collected for the sake of the figure. */
export interface MemoryReport {
  /** When each kind of call was answered once and the node has rested. */
  readonly start: number;
  readonly rounds: readonly {
    readonly highest: number;
    /** The moment the attackers are gone. */
    readonly end: number;
    readonly rested: number;
  }[];
}

/** A transfer this often keeps blocks coming. */
const TRANSFER_EVERY_MS = 250;
/**
 * The call at work ends within 5 s, its thread when nobody needs it for 5 s; threads that were worn out are replaced and
 * warm 5 s later; quiet threads collect every 2 s, and V8 gives pages back over some seconds more.
 */
const REST_MS = 30_000;

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
    if (options.settle) {
      // Code is loaded before memory is compared.
      await warmUp(target);
      await sleep(REST_MS);
    }
    const start = options.settle ? residentBytes(devnet) : undefined;
    const { seconds, connections } = options;
    const tallies = new Map<string, Tally>();
    const rounds: MemoryReport['rounds'][number][] = [];
    const paces: { pace: number; longestGapMs: number }[] = [];
    const questions = askSimply(target);
    let times: number[] = [];
    for (let round = 0; round < options.rounds; round++) {
      log(`${connections} connections attack for ${seconds} s`);
      const watched = watchMemory(devnet);
      const attacking = attack({ target, connections, durationMs: seconds * 1_000 });
      paces.push(await paceOf(blocks, seconds));
      add(tallies, await attacking);
      const end = residentBytes(devnet);
      const highest = watched.stop();
      if (round === options.rounds - 1) times = await questions.stop();
      if (options.settle) await sleep(REST_MS);
      const rested = residentBytes(devnet);
      if (end !== undefined && rested !== undefined) rounds.push({ highest, end, rested });
    }
    const goesOn = await nextBlocks(blocks, 1, 10_000);
    return {
      seconds,
      goesOn,
      calmPace: calm.pace,
      pace: Math.min(...paces.map(({ pace }) => pace)),
      longestGapMs: Math.max(...paces.map(({ longestGapMs }) => longestGapMs)),
      memory: start === undefined ? undefined : { start, rounds },
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

function add(all: Map<string, Tally>, more: ReadonlyMap<string, Tally>): void {
  for (const [name, tally] of more) {
    const sum = all.get(name) ?? { right: 0, cut: 0, wrong: [] };
    sum.right += tally.right;
    sum.cut += tally.cut;
    sum.wrong.push(...tally.wrong);
    all.set(name, sum);
  }
}

/** The highest that was seen, looked at four times a second. */
function watchMemory(devnet: RunningDevnet): { stop(): number } {
  let highest = 0;
  const look = (): void => {
    highest = Math.max(highest, residentBytes(devnet) ?? 0);
  };
  const timer = setInterval(look, 250);
  return {
    stop() {
      clearInterval(timer);
      look();
      return highest;
    },
  };
}

function residentBytes(devnet: RunningDevnet): number | undefined {
  try {
    const status = readFileSync(`/proc/${devnet.validators[0]?.pid}/status`, 'utf8');
    return Number(status.match(/VmRSS:\s+(\d+) kB/)?.[1]) * 1024;
  } catch {
    return undefined;
  }
}
