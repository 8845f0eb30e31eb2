/**
 * Finality as a user meets it: four validators as processes on this machine; the time from `eth_sendRawTransaction` at
 * one of them until a *different* one answers with the receipt. On an idle chain, under 200 transfers a second, and with
 * blocks whose attribution budget is full. What agreeing costs is read from the validators' main threads, which do that
 * and the network and nothing else.
 */
import { readFileSync } from 'node:fs';
import { attributionUnitsOf } from '../../genesis/attribution-units.ts';
import { DEVNET_PARAMS } from '../../genesis/parameters.ts';
import { requestInference } from '../../node/client/infer.ts';
import { signEip1559 } from '../../node/client/sign.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import { addressOf } from '../../node/keys/hex.ts';
import { fromHex, toHex } from '../../state/crypto.ts';
import { inferenceInterface } from '../../state/modules/interfaces.ts';
import { chainClient, foundEconomy } from '../e2e/support/ai.ts';
import { followHeads, type RunningDevnet, rpc, startDevnet, untilHead } from '../support/devnet.ts';
import type { BenchRow } from './types.ts';

export const about =
  'Finality: p50 at most 400 ms, p99 at most 1,200 ms; lag of the main thread p99 at most 50 ms; with full attribution budget p99 at most 2,500 ms.';

type Hex = `0x${string}`;

const WARM_UP = 3;
const IDLE_SAMPLES = 150;
const RATE = 200;
const LOAD_SECONDS = 20;
/** Transfers are handed over in groups, as wallets behind one gateway would. */
const GROUP_MS = 50;
const SENDERS = 20;
/** Groups of settlements that fill a block. */
const FULL_BLOCKS = 20;
/** Three settlements of this many tokens fill the budget of a block. */
const ANSWER_TOKENS = 320;
/** A word and its punctuation are up to 1.3 tokens. */
const ANSWER_WORDS = 240;
const PROMPT = 'What did people see that year?';
const SETTLED_AT_ONCE = 3;
const GWEI = 1_000_000_000n;
const RECEIVER: Hex = '0x00000000000000000000000000000000000051ab';
/** Who waits longer has lost it, and counts as for ever: a pool that overflows drops what it had taken. */
const LOST_MS = 60_000;
/** For what the load has left behind, on a machine that could not keep up. */
const DRAINED_MS = 600_000;
/** Of `utime` and `stime` in /proc: fixed in Linux whatever the kernel's own clock is. */
const TICKS_PER_SECOND = 100;

export async function run(): Promise<BenchRow[]> {
  const devnet = await startDevnet();
  try {
    const watch = await watchReceipts(devnet);
    try {
      const rows: BenchRow[] = [];
      for (const phase of [idle, underLoad, fullBudget]) {
        const found = await phase(devnet, watch);
        for (const { name, value, unit } of found)
          process.stderr.write(`  ${name}: ${value.toFixed(1)} ${unit}\n`);
        rows.push(...found);
      }
      return rows;
    } finally {
      watch.close();
    }
  } finally {
    await devnet.stop();
  }
}

// --- receipts of another validator ----------------------------------------------------------------------------------

interface Watch {
  /** Resolves with the time at which validator 1 has answered with the receipt; infinity if it is lost. */
  certified(hash: Hex): Promise<number>;
  close(): void;
}

async function watchReceipts(devnet: RunningDevnet): Promise<Watch> {
  const url = devnet.rpcUrls[1] as string;
  const waiting = new Map<string, (atMs: number) => void>();
  const close = await followHeads(devnet.wsUrls[1] as string, async (head) => {
    const block = await rpc<{ transactions: string[] } | null>(url, 'eth_getBlockByHash', [head.hash, false]);
    await Promise.all(
      (block?.transactions ?? []).map(async (hash) => {
        const done = waiting.get(hash);
        if (done === undefined) return;
        waiting.delete(hash);
        const receipt = await rpc<{ status: string } | null>(url, 'eth_getTransactionReceipt', [hash]);
        if (receipt?.status !== '0x1') throw new Error(`${hash} has no good receipt`);
        done(performance.now());
      }),
    );
  });
  return {
    certified: (hash) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(Number.POSITIVE_INFINITY), LOST_MS);
        waiting.set(hash, (atMs) => {
          clearTimeout(timer);
          resolve(atMs);
        });
      }),
    close,
  };
}

/** Hands transactions to validator 0 or another one and measures each until validator 1 has its receipt. */
async function send(
  devnet: RunningDevnet,
  watch: Watch,
  signed: readonly { raw: Uint8Array; hash: Hex }[],
  to = 0,
): Promise<number[]> {
  const all = signed.map(({ hash }) => watch.certified(hash));
  const sent = performance.now();
  const answer = await fetch(devnet.rpcUrls[to] as string, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      signed.map(({ raw }, id) => ({
        jsonrpc: '2.0',
        id,
        method: 'eth_sendRawTransaction',
        params: [toHex(raw)],
      })),
    ),
  });
  for (const { error } of (await answer.json()) as { error?: { message: string } }[])
    if (error !== undefined) throw new Error(error.message);
  return Promise.all(all.map(async (at) => (await at) - sent));
}

// --- transfers ------------------------------------------------------------------------------------------------------

interface Sender {
  transfer(): { raw: Uint8Array; hash: Hex };
}

function sender(
  devnet: RunningDevnet,
  privateKey: Uint8Array,
  nonce: bigint,
  to = RECEIVER,
  value = 1n,
): Sender {
  let next = nonce;
  return {
    transfer: () =>
      signEip1559(
        {
          chainId: devnet.chainId,
          nonce: next++,
          maxFeePerGas: 100n * GWEI,
          maxPriorityFeePerGas: GWEI,
          gasLimit: 21_000n,
          to,
          value,
          data: new Uint8Array(0),
        },
        privateKey,
      ),
  };
}

async function idle(devnet: RunningDevnet, watch: Watch): Promise<BenchRow[]> {
  const alice = sender(devnet, fromHex(devnet.account('alice').privateKey, 32), 0n);
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + IDLE_SAMPLES; i++)
    times.push(...(await send(devnet, watch, [alice.transfer()])));
  const [first = 0] = times.splice(0, WARM_UP);
  return [row('first transfer after the start', first), ...percentiles('idle', times)];
}

async function underLoad(devnet: RunningDevnet, watch: Watch): Promise<BenchRow[]> {
  const rich = fromHex(devnet.account('bob').privateKey, 32);
  const keys = Array.from({ length: SENDERS }, (_, i) =>
    fromHex(`0x${(i + 77_000).toString(16).padStart(64, '0')}`, 32),
  );
  for (const [nonce, key] of keys.entries())
    await send(devnet, watch, [
      sender(devnet, rich, BigInt(nonce), addressOf(key).toLowerCase() as Hex, 10n ** 18n).transfer(),
    ]);
  const people = keys.map((key) => sender(devnet, key, 0n));
  const perGroup = (RATE * GROUP_MS) / 1_000;
  // Whose turn it is alternates, and each sender stays with one node, as wallets do. Signed before, so that this process does not take the validators' time while it is measured.
  const groups = Array.from({ length: (LOAD_SECONDS * 1_000) / GROUP_MS }, (_, group) =>
    Array.from({ length: perGroup }, (_, i) => people[(group % 2) * (SENDERS / 2) + i]!.transfer()),
  );
  await Promise.all(devnet.rpcUrls.map(metrics));
  const before = await snapshot(devnet);
  const begun = performance.now();
  const all: Promise<number[]>[] = [];
  for (const [group, transfers] of groups.entries()) {
    // A rate is kept by the clock: the next group goes out whether or not the last one is in a block.
    const waitMs = begun + group * GROUP_MS - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    all.push(send(devnet, watch, transfers, group % 2 === 0 ? 0 : 2));
  }
  const times = (await Promise.all(all)).flat();
  const seconds = (performance.now() - begun) / 1_000;
  const after = await snapshot(devnet);
  const heights = after.height - before.height;
  const spent = (key: 'mainCpu' | 'bls' | 'active') => after[key] - before[key];
  return [
    ...percentiles(`${RATE} transfers a second`, times),
    {
      ...row('transfers a second that were reached', times.filter(Number.isFinite).length / seconds),
      unit: 'tx/s',
    },
    { ...row('blocks a second under this load', heights / seconds), unit: 'blocks/s' },
    row(
      'CPU of consensus and network for a height, one validator',
      (1_000 * spent('mainCpu')) / devnet.validators.length / heights,
    ),
    {
      ...row('of the time that these threads were not idle in BLS', (100 * spent('bls')) / spent('active')),
      unit: '%',
    },
    row('lag of the main thread under this load, p99 of the worst validator', after.lagMs),
  ];
}

// --- full blocks ----------------------------------------------------------------------------------------------------

async function fullBudget(devnet: RunningDevnet, watch: Watch): Promise<BenchRow[]> {
  const url = devnet.rpcUrls[0] as string;
  await untilEmpty(devnet);
  const node = { rpcPort: Number(new URL(url).port) };
  const {
    modelId,
    people: { asker, operator },
  } = await foundEconomy(devnet, node);
  const client = chainClient(node);
  // Half of it stands in a text of the model's, half in another one.
  const words = loadBrownCorpus().map(({ text }) => text.split(/\s+/));
  const half = ANSWER_WORDS / 2;
  const answer = [words[0], words[201]].flatMap((text) => text?.slice(50, 50 + half) ?? []).join(' ');
  const sizes = { outputBytes: Buffer.byteLength(answer), promptBytes: Buffer.byteLength(PROMPT) };
  const units =
    SETTLED_AT_ONCE *
    attributionUnitsOf({ ...sizes, maxOutputTokens: ANSWER_TOKENS, lmax: DEVNET_PARAMS.attribution.lmax });
  const times: number[] = [];
  for (let block = 0; block < FULL_BLOCKS; block++) {
    const ids: Hex[] = [];
    for (let i = 0; i < SETTLED_AT_ONCE; i++)
      ids.push(
        await requestInference(client, asker, { modelId, prompt: PROMPT, maxOutputTokens: ANSWER_TOKENS }),
      );
    const nonce = BigInt(await rpc<Hex>(url, 'eth_getTransactionCount', [operator.address, 'pending']));
    const settlements = [];
    for (const [i, id] of ids.entries()) {
      const { recordHash } = await rpc<{ recordHash: Hex }>(url, 'ol_previewAttribution', [
        id,
        toHex(new TextEncoder().encode(answer)),
      ]);
      const data = inferenceInterface.encodeCall('settle', [id, answer, recordHash]);
      settlements.push(
        signEip1559(
          {
            chainId: devnet.chainId,
            nonce: nonce + BigInt(i),
            maxFeePerGas: 100n * GWEI,
            maxPriorityFeePerGas: GWEI,
            gasLimit: 8_000_000n,
            to: inferenceInterface.address,
            value: 0n,
            data,
          },
          operator.privateKey,
        ),
      );
    }
    times.push(...(await send(devnet, watch, settlements)));
  }
  return [
    {
      ...row('attribution settled at once, of a block', (100 * units) / DEVNET_PARAMS.block.attributionUnits),
      unit: '%',
    },
    ...percentiles('full attribution budget', times),
  ];
}

/** Resolves when no pool holds a transaction any more. */
async function untilEmpty(devnet: RunningDevnet): Promise<void> {
  const isEmpty = async (url: string) => {
    const { pending, queued } = await rpc<{ pending: Hex; queued: Hex }>(url, 'txpool_status');
    return Number(pending) + Number(queued) === 0;
  };
  await untilHead(
    devnet.wsUrls[1] as string,
    async () => (await Promise.all(devnet.rpcUrls.map(isEmpty))).every(Boolean),
    DRAINED_MS,
  );
}

// --- numbers --------------------------------------------------------------------------------------------------------

interface Snapshot {
  height: number;
  /** Seconds of the main threads of all validators. */
  mainCpu: number;
  /** Seconds that these have spent on signatures, and in all; both by the clock, since so they are counted. */
  bls: number;
  active: number;
  /** Since the metrics were read before, the worst validator. */
  lagMs: number;
}

async function snapshot(devnet: RunningDevnet): Promise<Snapshot> {
  const texts = await Promise.all(devnet.rpcUrls.map(metrics));
  const read = (text: string, name: string) => {
    const line = text.split('\n').find((one) => one.startsWith(`openledger_${name} `));
    if (line === undefined) throw new Error(`no metric ${name}`);
    return Number(line.slice(line.lastIndexOf(' ')));
  };
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    height: Math.min(...texts.map((text) => read(text, 'consensus_latest_block_height'))),
    mainCpu: sum(devnet.validators.map(({ pid }) => mainThreadSeconds(pid))),
    bls: sum(texts.map((text) => read(text, 'bls_seconds_total{thread="main"}'))),
    active: sum(texts.map((text) => read(text, 'event_loop_active_seconds_total'))),
    lagMs: 1_000 * Math.max(...texts.map((text) => read(text, 'event_loop_lag_seconds{quantile="0.99"}'))),
  };
}

async function metrics(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** The first thread of a process has its number. Fields 14 and 15 follow the name, which may hold spaces. */
function mainThreadSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function percentiles(name: string, times: readonly number[]): BenchRow[] {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return [row(`${name}, p50`, at(0.5)), row(`${name}, p99`, at(0.99))];
}

function row(name: string, value: number): BenchRow {
  return { name: `finality, 4 validators, ${name}`, value, unit: 'ms' };
}
