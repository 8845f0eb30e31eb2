/** Runs one manifest and says what was wrong. */
import type { Hex } from '../e2e/support/client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { checkAbsent, checkIncluded, compareHeaders, untilFresh } from './judge.ts';
import { startLoad } from './load.ts';
import type { Manifest } from './manifest.ts';
import { perturb } from './perturb.ts';

export interface Outcome {
  readonly problems: readonly string[];
  readonly blocks: number;
  readonly transfers: number;
  readonly refused: number;
  readonly repeated: number;
  /** The slowest recovery. */
  readonly freshMs: number;
  readonly seconds: number;
}

/** After a perturbation every node has a new block within this time. */
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
      chainId: fleet.network.chainId,
      clients: fleet.clients,
    });
    note(
      `${manifest.validators} validators and ${fleet.running().length - manifest.validators} full nodes run`,
    );
    const problems: string[] = [];
    let freshMs = 0;
    for (const one of manifest.perturbations) {
      try {
        let liftedAt = performance.now();
        const { told, afterwards } = await perturb(fleet, one, () => {
          liftedAt = performance.now();
        });
        const tookMs = await untilFresh(judged(fleet), liftedAt, FRESH_MS);
        await afterwards?.();
        freshMs = Math.max(freshMs, tookMs);
        note(
          `${one.kind} ${one.node}${told === '' ? '' : ` (${told})`}: all are fresh after ${seconds(tookMs)} s`,
        );
      } catch (error) {
        problems.push(`${one.kind} ${one.node}: ${(error as Error).message}`);
        break;
      }
    }
    const report = await load.stop();
    problems.push(...report.problems);
    const { top, problems: different } = await compareHeaders(judged(fleet));
    problems.push(...different, ...(await checkIncluded(judged(fleet), report.accepted)));
    problems.push(...(await checkAbsent(judged(fleet), report.wrong)));
    if (problems.length > 0) for (const line of logs(fleet)) note(line);
    return {
      problems,
      blocks: top,
      transfers: report.accepted.length,
      refused: [...report.refused.values()].reduce((sum, count) => sum + count, 0),
      repeated: report.repeated,
      freshMs,
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await fleet.close();
  }
}

function judged(fleet: Fleet) {
  return fleet.running().map(({ name, node }) => ({ name, client: node.client }));
}

function logs(fleet: Fleet): string[] {
  return fleet
    .running()
    .flatMap(({ name, node }) => [
      `--- end of the log of ${name}`,
      ...node.log().trimEnd().split('\n').slice(-LOG_LINES),
    ]);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

export function summary(name: string, outcome: Outcome): string {
  const { problems, blocks, transfers, refused, repeated, freshMs } = outcome;
  return `${problems.length === 0 ? 'passed' : 'FAILED'} ${name}: ${blocks} blocks, ${transfers} transfers (${repeated} given again), ${refused} refused, slowest recovery ${seconds(freshMs)} s, ${outcome.seconds.toFixed(0)} s in all`;
}
