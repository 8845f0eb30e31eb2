/** Runs one manifest and says what was wrong. */
import type { Hex } from '../e2e/support/client.ts';
import { type Fleet, hasClient, startFleet } from './fleet.ts';
import {
  checkAbsent,
  checkIncluded,
  compareHeaders,
  type Judged,
  type Moment,
  now,
  type Recovery,
  untilFresh,
} from './judge.ts';
import { type LoadReport, startLoad } from './load.ts';
import type { Manifest, Perturbation } from './manifest.ts';
import { type Done, perturb } from './perturb.ts';

export interface Outcome {
  readonly problems: readonly string[];
  readonly blocks: number;
  readonly transactions: number;
  readonly refused: number;
  readonly repeated: number;
  /** Wrong transfers that a node took which was behind, and that are in no block. */
  readonly dropped: number;
  readonly slowest: Recovery;
  readonly seconds: number;
}

/** After a perturbation every node has a new block within this time (machine.ts). */
export const FRESH_MS = 20_000;
/** Lines of a node's log that are shown with a problem. */
const LOG_LINES = 15;

/** @param note told of every step */
export async function runManifest(manifest: Manifest, note: (line: string) => void): Promise<Outcome> {
  const began = performance.now();
  const fleet = await startFleet(manifest);
  try {
    const load = startLoad({
      keys: fleet.network.accounts.slice(0, manifest.load.senders).map(({ privateKey }) => privateKey as Hex),
      inFlight: manifest.load.inFlight,
      kinds: manifest.load.kinds,
      chainId: fleet.network.chainId,
      clients: fleet.clients,
    });
    note(
      `${manifest.validators} validators and ${fleet.running().length - manifest.validators} full nodes run`,
    );
    const problems: string[] = [];
    let slowest: Recovery = { wallMs: 0, ownMs: 0 };
    for (const step of manifest.steps) {
      try {
        const took = await runStep(fleet, step, note);
        if (took.ownMs > slowest.ownMs) slowest = took;
      } catch (error) {
        problems.push((error as Error).message);
        break;
      }
    }
    const report = await load.stop();
    problems.push(...report.problems);
    const top = await judgeChain(fleet, manifest, report, problems);
    if (problems.length > 0) for (const line of logs(fleet)) note(line);
    return {
      problems,
      blocks: top,
      transactions: report.accepted.length,
      refused: [...report.refused.values()].reduce((sum, count) => sum + count, 0),
      repeated: report.repeated,
      dropped: report.wrong.length,
      slowest,
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await fleet.close();
  }
}

/** Adds what is wrong with the chain that came of it to what is known already, and gives the number of its blocks. */
async function judgeChain(
  fleet: Fleet,
  manifest: Manifest,
  report: LoadReport,
  problems: string[],
): Promise<number> {
  // A step that failed may leave a process that has ended, or does not answer.
  const deaf = fleet.running().filter(({ node }) => !hasClient(node));
  problems.push(...deaf.map(({ name }) => `${name} was started and does not answer`));
  const fromSnapshot = new Set(
    manifest.steps
      .flat()
      .flatMap((one) => (one.kind === 'start' && one.from === 'snapshot' ? [one.node] : [])),
  );
  const {
    top,
    holders,
    problems: different,
  } = await compareHeaders(
    judged(fleet, (name) => deaf.every((one) => one.name !== name)),
    fromSnapshot,
  );
  problems.push(...different);
  const tell = (error: Error) => [error.message];
  problems.push(...(await checkIncluded(holders, report.accepted).catch(tell)));
  problems.push(...(await checkAbsent(holders, report.wrong).catch(tell)));
  return top;
}

/**
 * All of a step at the same time. After each fault its node has a fresh block in time, and after the last one all have.
 * The time until then, from the moment at which the last fault was taken back.
 * @throws Error that says which perturbation failed
 */
async function runStep(
  fleet: Fleet,
  step: readonly Perturbation[],
  note: (line: string) => void,
): Promise<Recovery> {
  for (const { node } of step) fleet.touched.add(node);
  // All of them end before an error is told, so that none of them goes on while the network is judged.
  const ended = await Promise.allSettled(step.map((one) => runOne(fleet, one)));
  for (const { node } of step) fleet.touched.delete(node);
  const failed = ended.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const done = ended.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const title = step.map(({ kind, node }) => `${kind} ${node}`).join(' and ');
  const last = done.map(({ liftedAt }) => liftedAt).reduce((a, b) => (a.wallMs > b.wallMs ? a : b));
  const took = await untilFresh(judged(fleet), last, FRESH_MS).catch(named(title));
  for (const { one, afterwards } of done) await afterwards?.().catch(named(`${one.kind} ${one.node}`));
  for (const { one, told, back } of done)
    note(
      `${one.kind} ${one.node}${told === '' ? '' : ` (${told})`}: ${step.length > 1 ? `back after ${shown(back)}` : `all are fresh after ${shown(took)}`}`,
    );
  if (step.length > 1) note(`  at the same time: all are fresh after ${shown(took)}`);
  return took;
}

interface Ended extends Done {
  readonly one: Perturbation;
  readonly liftedAt: Moment;
  readonly back: Recovery;
}

async function runOne(fleet: Fleet, one: Perturbation): Promise<Ended> {
  let liftedAt = now();
  try {
    const done = await perturb(fleet, one, () => {
      liftedAt = now();
    });
    const mine = judged(fleet, (name) => name === one.node);
    const others = judged(fleet, (name) => !fleet.touched.has(name));
    const back = await untilFresh(mine, liftedAt, FRESH_MS, others);
    return { one, ...done, liftedAt, back };
  } catch (error) {
    return named(`${one.kind} ${one.node}`)(error as Error);
  }
}

function named(title: string): (error: Error) => never {
  return (error) => {
    throw new Error(`${title}: ${error.message}`);
  };
}

/** One that is being started has no client yet: only those that are `wanted` are looked at. */
function judged(fleet: Fleet, wanted: (name: string) => boolean = () => true): Judged[] {
  return fleet
    .running()
    .filter(({ name }) => wanted(name))
    .map(({ name, node }) => ({ name, client: node.client }));
}

function logs(fleet: Fleet): string[] {
  return fleet
    .running()
    .flatMap(({ name, node }) => [
      `--- end of the log of ${name}`,
      ...node.log().trimEnd().split('\n').slice(-LOG_LINES),
    ]);
}

/** On a quiet machine both are the same. */
function shown({ wallMs, ownMs }: Recovery): string {
  const own = `${(ownMs / 1000).toFixed(1)} s`;
  return wallMs < 1.1 * ownMs ? own : `${own} (${(wallMs / 1000).toFixed(1)} s with others on the machine)`;
}

export function summary(name: string, outcome: Outcome): string {
  const { problems, blocks, transactions, refused, repeated, dropped, slowest } = outcome;
  const taken = dropped === 0 ? '' : ` (${dropped} more were taken, and are in no block)`;
  return `${problems.length === 0 ? 'passed' : 'FAILED'} ${name}: ${blocks} blocks, ${transactions} transactions (${repeated} given again), ${refused} refused${taken}, slowest recovery ${shown(slowest)}, ${outcome.seconds.toFixed(0)} s in all`;
}
