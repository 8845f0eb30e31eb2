/**
 * npm run soak [-- --minutes 30]
 *
 * Four validators under load while two full nodes come and go, with and without what they had. The heap of each validator
 * after a forced collection at the end is at most 1.2 times that after five minutes (a third of a shorter run).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Hex } from '../e2e/support/client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { heapAfterCollection, INSPECT } from './heap.ts';
import { checkAbsent, checkIncluded, compareHeaders, heightOf, untilFresh } from './judge.ts';
import { startLoad } from './load.ts';
import { LOAD_KINDS, type Manifest, names } from './manifest.ts';

const GROWTH_LIMIT = 1.2;
const BASELINE_MINUTES = 5;
const MAX_MINUTES = 24 * 60;
const MIB = 1024 * 1024;
/** A visitor stays, and is away, for this many blocks. */
const STAY_BLOCKS = 10;
const STAY_MS = 600_000;

const manifest: Manifest = {
  name: 'soak',
  validators: 4,
  powers: [1, 1, 1, 1],
  fullNodes: 2,
  snapshotInterval: 100,
  load: { senders: 4, inFlight: 8, kinds: LOAD_KINDS },
  // Visitors: they are started below.
  steps: [names('full', 2).map((node) => ({ kind: 'start', node, from: 'blocks' }))],
};

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
  const minutes = Number(values.minutes);
  if (!(minutes >= 1 && minutes <= MAX_MINUTES)) {
    console.error(`--minutes is a number from 1 to ${MAX_MINUTES}`);
    return 2;
  }
  process.env['NODE_OPTIONS'] = INSPECT;
  const fleet = await startFleet(manifest);
  try {
    return await soak(fleet, minutes * 60_000);
  } finally {
    await fleet.close();
  }
}

async function soak(fleet: Fleet, lengthMs: number): Promise<number> {
  const began = performance.now();
  const baselineMs = Math.min(BASELINE_MINUTES * 60_000, lengthMs / 3);
  const load = startLoad({
    keys: fleet.network.accounts.slice(0, manifest.load.senders).map(({ privateKey }) => privateKey as Hex),
    inFlight: manifest.load.inFlight,
    kinds: manifest.load.kinds,
    chainId: fleet.network.chainId,
    clients: fleet.clients,
  });
  let baseline: number[] | undefined;
  let baselineAtMs = 0;
  let visits = 0;
  while (performance.now() - began < lengthMs) {
    await visit(fleet, visits++);
    if (baseline === undefined && performance.now() - began >= baselineMs) {
      baseline = await heaps(fleet);
      baselineAtMs = performance.now() - began;
      tell(fleet, began, 'heap', baseline);
    }
  }
  const end = await heaps(fleet);
  tell(fleet, began, 'heap', end);
  const report = await load.stop();
  const nodes = fleet.running().map(({ name, node }) => ({ name, client: node.client }));
  const { top, problems } = await compareHeaders(nodes);
  problems.push(...report.problems, ...(await checkIncluded(nodes, report.accepted)));
  problems.push(...(await checkAbsent(nodes, report.wrong)));
  const growth = Math.max(...end.map((bytes, i) => bytes / (baseline?.[i] ?? Number.NaN)));
  if (!(growth <= GROWTH_LIMIT)) problems.push(`a heap grew to ${growth.toFixed(2)} times`);
  console.log(
    `${top} blocks, ${report.accepted.length} transfers, ${visits} visits, heap at the end ${growth.toFixed(2)} times that at ${(baselineAtMs / 60_000).toFixed(1)} minutes (limit ${GROWTH_LIMIT})`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
  console.log(problems.length === 0 ? 'passed' : 'FAILED');
  return problems.length === 0 ? 0 : 1;
}

/** A full node comes, follows, and leaves; every other time it has lost what it had, every third time it is killed. */
async function visit(fleet: Fleet, number: number): Promise<void> {
  const node = fleet.node(`full-${number % 2}`);
  const [validator] = fleet.running();
  if (validator === undefined) throw new Error('no validator is running');
  const pass = async () => {
    const from = await heightOf(validator.node.client);
    await validator.node.client.untilHead(({ number: height }) => height >= from + STAY_BLOCKS, STAY_MS);
  };
  if (number % 4 >= 2) rmSync(join(node.home, 'data'), { recursive: true, force: true });
  const since = performance.now();
  await node.start();
  await untilFresh([{ name: `full-${number % 2}`, client: node.client }], since, STAY_MS);
  await pass();
  if (number % 3 === 0) await node.kill();
  else if ((await node.stop()) !== 0) throw new Error(`full-${number % 2} did not end cleanly`);
  await pass();
}

function heaps(fleet: Fleet): Promise<number[]> {
  return Promise.all(
    names('validator', manifest.validators).map((name) =>
      heapAfterCollection(join(fleet.node(name).home, 'node.log')),
    ),
  );
}

function tell(fleet: Fleet, began: number, what: string, bytes: readonly number[]): void {
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  const figures = bytes.map((one) => (one / MIB).toFixed(1)).join(', ');
  console.log(
    `after ${minutes} minutes: ${what} of the validators ${figures} MiB, ${fleet.running().length} nodes run`,
  );
}

process.exit(await main());
