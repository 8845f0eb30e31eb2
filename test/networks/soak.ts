/**
 * npm run soak [-- --minutes 30]
 *
 * Four validators and a full node under load (transfers, contracts, native transactions, answers that are settled;
 * readers and subscribers who come and go) while two more full nodes join and leave, with and without what they had. The
 * heap of each of the five, all threads, after a forced collection at the end is at most 1.2 times that after five
 * minutes (a third of a shorter run); the same for what is held outside the heaps.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Hex } from '../e2e/support/client.ts';
import { type Crowd, startCrowd } from './crowd.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { growthOf, heapAfterCollection, INSPECT, type Memory } from './heap.ts';
import { checkAbsent, checkIncluded, compareHeaders, heightOf, now, untilFresh } from './judge.ts';
import { type RunningLoad, startLoad } from './load.ts';
import { LOAD_KINDS, type Manifest, names } from './manifest.ts';

const GROWTH_LIMIT = 1.2;
const BASELINE_MINUTES = 5;
const MAX_MINUTES = 24 * 60;
/** Figures on the way, besides those that count. */
const FIGURES = 6;
const MIB = 1024 * 1024;
/** A visitor stays, and is away, for this many blocks. */
const STAY_BLOCKS = 10;
const STAY_MS = 600_000;
/** People of the load; the first two accounts have texts in the economy. */
const SENDERS = 4;

const STAYERS = [...names('validator', 4), 'full-0'];
const VISITORS = ['full-1', 'full-2'];

const manifest: Manifest = {
  name: 'soak',
  validators: 4,
  powers: [1, 1, 1, 1],
  fullNodes: 3,
  snapshotInterval: 100,
  load: { senders: SENDERS, inFlight: 8, kinds: LOAD_KINDS },
  // They are started below.
  steps: [VISITORS.map((node) => ({ kind: 'start', node, from: 'blocks' }))],
};

interface Figure {
  readonly atMs: number;
  readonly nodes: readonly Memory[];
}

function minutesWanted(): number {
  try {
    const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
    const minutes = Number(values.minutes);
    if (minutes >= 1 && minutes <= MAX_MINUTES) return minutes;
    throw new Error(`--minutes is a number from 1 to ${MAX_MINUTES}, not "${values.minutes}"`);
  } catch (error) {
    console.error(`${(error as Error).message}; usage: npm run soak [-- --minutes N]`);
    process.exit(2);
  }
}

async function main(): Promise<number> {
  const minutes = minutesWanted();
  process.env['NODE_OPTIONS'] = INSPECT;
  const fleet = await startFleet(manifest);
  try {
    return await soak(fleet, minutes * 60_000);
  } catch (error) {
    // A visitor who cannot follow, or a node that is gone: nothing is left to be measured.
    console.log(`  ${(error as Error).message}`);
    console.log('FAILED');
    return 1;
  } finally {
    await fleet.close();
  }
}

async function soak(fleet: Fleet, lengthMs: number): Promise<number> {
  const began = performance.now();
  const passed = () => performance.now() - began;
  const load = startLoad({
    keys: fleet.network.accounts.slice(2, 2 + SENDERS).map(({ privateKey }) => privateKey as Hex),
    inFlight: manifest.load.inFlight,
    kinds: manifest.load.kinds,
    chainId: fleet.network.chainId,
    clients: fleet.clients,
  });
  const crowd = startCrowd(fleet);
  const figures: Figure[] = [];
  let baseline: Figure | undefined;
  let visits = 0;
  const baselineMs = Math.min(BASELINE_MINUTES * 60_000, lengthMs / 3);
  while (passed() < lengthMs) {
    const told = await visit(fleet, visits++);
    console.log(progress(fleet, passed(), load, crowd, told));
    const due = baseline === undefined ? baselineMs : ((figures.length + 1) * lengthMs) / FIGURES;
    if (passed() < due || passed() >= lengthMs) continue;
    const figure = { atMs: passed(), nodes: await memories(fleet) };
    figures.push(figure);
    baseline ??= figure;
    for (const line of table(figure, baseline)) console.log(line);
  }
  const end = { atMs: passed(), nodes: await memories(fleet) };
  baseline ??= end;
  for (const line of table(end, baseline)) console.log(line);
  const problems = [...(await crowd.stop()), ...(await judge(fleet, load))];
  if (baseline === end) problems.push('it was over before its first figure: give it more minutes');
  for (const part of ['heap', 'external'] as const) {
    const growth = Math.max(...growths(part, baseline, end));
    console.log(
      `${part === 'heap' ? 'heap' : 'memory outside the heap'} at the end: ${growth.toFixed(2)} times that at ${minutesOf(baseline.atMs)} minutes, the worst of ${STAYERS.length} nodes (limit ${GROWTH_LIMIT})`,
    );
    if (!(growth <= GROWTH_LIMIT)) problems.push(`${part} grew to ${growth.toFixed(2)} times`);
  }
  console.log(`${visits} visits of full nodes, ${crowd.told()}`);
  for (const problem of problems) console.log(`  ${problem}`);
  console.log(problems.length === 0 ? 'passed' : 'FAILED');
  return problems.length === 0 ? 0 : 1;
}

/** What is wrong with the chain that came of it. */
async function judge(fleet: Fleet, load: RunningLoad): Promise<string[]> {
  const report = await load.stop();
  const nodes = fleet.running().map(({ name, node }) => ({ name, client: node.client }));
  const { top, holders, problems } = await compareHeaders(nodes);
  problems.push(...report.problems, ...(await checkIncluded(holders, report.accepted)));
  problems.push(...(await checkAbsent(holders, report.wrong)));
  console.log(`${top} blocks, ${report.accepted.length} transactions, all judged`);
  return problems;
}

/**
 * A full node comes, follows, is counted as a peer, and leaves and is counted no more; every other time it has lost what
 * it had, every third time it is killed. For people: how it went.
 */
async function visit(fleet: Fleet, number: number): Promise<string> {
  const name = VISITORS[number % VISITORS.length] as string;
  const node = fleet.node(name);
  const { client } = fleet.node('validator-0');
  const pass = async () => {
    const from = await heightOf(client);
    await client.untilHead(({ number: height }) => height >= from + STAY_BLOCKS, STAY_MS);
  };
  const untilPeers = (count: number) =>
    client.until(
      async () => (Number(await client.call<Hex>('net_peerCount')) === count ? true : undefined),
      STAY_MS,
    );
  const anew = number % 4 >= 2;
  if (anew) rmSync(join(node.home, 'data'), { recursive: true, force: true });
  fleet.touched.add(name);
  const since = now();
  await node.start();
  const follows = await untilFresh([{ name, client: node.client }], since, STAY_MS);
  await untilPeers(STAYERS.length);
  fleet.touched.delete(name);
  await pass();
  fleet.touched.add(name);
  const killed = number % 3 === 0;
  if (killed) await node.kill();
  else if ((await node.stop()) !== 0) throw new Error(`${name} did not end cleanly`);
  await untilPeers(STAYERS.length - 1);
  fleet.touched.delete(name);
  await pass();
  return `${name} came ${anew ? 'without' : 'with'} what it had, followed after ${(follows.wallMs / 1000).toFixed(1)} s, ${killed ? 'was killed' : 'left'}`;
}

/** Of each node. */
function growths(part: 'heap' | 'external', before: Figure, after: Figure): number[] {
  return after.nodes.map((memory, index) => {
    const old = before.nodes[index];
    return old === undefined ? Number.NaN : growthOf(part, old, memory);
  });
}

/** One node after the other: a collection stops it for a moment. */
async function memories(fleet: Fleet): Promise<Memory[]> {
  const found: Memory[] = [];
  for (const name of STAYERS) found.push(await heapAfterCollection(join(fleet.node(name).home, 'node.log')));
  return found;
}

function progress(fleet: Fleet, atMs: number, load: RunningLoad, crowd: Crowd, told: string): string {
  return `${minutesOf(atMs)} min: ${told}; ${load.accepted()} transactions, ${crowd.told()}; ${fleet.running().length} nodes run`;
}

function table({ atMs, nodes }: Figure, baseline: Figure): string[] {
  const mib = (bytes: number) => (bytes / MIB).toFixed(1).padStart(6);
  return nodes.map((memory, index) => {
    const grown = growths('heap', baseline, { atMs, nodes })[index]?.toFixed(2);
    const threads = memory.threads
      .map((one) => `${one.name.split('/')[0]} ${mib(one.heap).trim()}`)
      .join(', ');
    return `${minutesOf(atMs)} min: ${STAYERS[index]?.padEnd(11)} heap ${mib(memory.heap)} MiB (${grown}x), outside ${mib(memory.external)}, resident ${mib(memory.resident)}; ${threads}`;
  });
}

function minutesOf(ms: number): string {
  return (ms / 60_000).toFixed(1);
}

process.exit(await main());
