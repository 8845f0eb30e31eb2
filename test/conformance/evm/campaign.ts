/** Scenarios by seed, each at several gas limits. */
import { toHex } from '../../../state/crypto.ts';
import { minimumGasLimit } from '../../../state/transactions/intrinsic.ts';
import { createRandom } from '../random.ts';
import { askPeer } from '../state/peer.ts';
import { type Comparer, type Comparison, createComparer, forkOf } from './compare.ts';
import { codeOf, drawScenario, encodeTransaction, type Scenario, stateTestOf } from './scenario.ts';
import { shrink } from './shrink.ts';

export interface Failure {
  seed: number;
  difference: string;
  /** As a state test, which `npm run conformance:state -- FILE` runs again: the stock node says what is expected. */
  stateTest: string;
}

export interface CampaignReport {
  cases: number;
  succeeded: number;
  failed: number;
  refused: number;
  steps: number;
  failures: Failure[];
}

/** Gas limits at which a scenario runs besides the drawn one: where it ended, and anywhere below. */
const RANDOM_LIMITS = 3;
/** Instructions are compared in every so many of the scenarios. */
const TRACED_EVERY = 4;

export interface CampaignOptions {
  comparer?: Comparer;
  onFailure?: (failure: Failure) => void;
}

export async function runCampaign(
  seeds: Iterable<number>,
  { comparer = createComparer(), onFailure = () => {} }: CampaignOptions = {},
): Promise<CampaignReport> {
  const report: CampaignReport = { cases: 0, succeeded: 0, failed: 0, refused: 0, steps: 0, failures: [] };
  for (const seed of seeds) {
    const failure = await runSeed(comparer, seed, report);
    if (failure === undefined) continue;
    report.failures.push(failure);
    onFailure(failure);
  }
  return report;
}

async function runSeed(
  comparer: Comparer,
  seed: number,
  report: CampaignReport,
): Promise<Failure | undefined> {
  const scenario = drawScenario(seed);
  const traced = seed % TRACED_EVERY === 0;
  const first = await one(comparer, scenario, traced, report);
  if (first.difference !== undefined) return failureOf(comparer, seed, scenario, first.difference);
  for (const gasLimit of limitsAround(seed, scenario, first)) {
    const changed = { ...scenario, tx: { ...scenario.tx, gasLimit } };
    const { difference } = await one(comparer, changed, traced, report);
    if (difference !== undefined) return failureOf(comparer, seed, changed, difference);
  }
  return undefined;
}

async function one(
  comparer: Comparer,
  scenario: Scenario,
  traced: boolean,
  report: CampaignReport,
): Promise<Comparison> {
  const comparison = await comparer.compare(scenario, traced);
  report.cases++;
  report.steps += comparison.steps;
  if (comparison.status === undefined) report.refused++;
  else if (comparison.status === 1) report.succeeded++;
  else report.failed++;
  return comparison;
}

/** Where the transaction just ends, where it just does not, and anywhere between its least limit and its use. */
function limitsAround(seed: number, { tx }: Scenario, { gasUsed }: Comparison): bigint[] {
  if (gasUsed === undefined) return [];
  const random = createRandom(seed ^ 0x5eed);
  const { to, accessList, authorizations } = tx;
  const shape = {
    to,
    data: codeOf(tx.data),
    accessList: [...accessList],
    authorizationList: authorizations.map(() => undefined as never),
  };
  const least = minimumGasLimit(shape as Parameters<typeof minimumGasLimit>[0]);
  const most = gasUsed > least ? Number(gasUsed - least) : 0;
  const limits = [gasUsed, gasUsed - 1n, gasUsed + 1n, least];
  for (let i = 0; i < RANDOM_LIMITS && most > 0; i++) limits.push(least + BigInt(random.below(most)));
  return [...new Set(limits)];
}

async function failureOf(
  comparer: Comparer,
  seed: number,
  scenario: Scenario,
  difference: string,
): Promise<Failure> {
  let last = difference;
  const kind = kindOf(difference);
  const small = await shrink(scenario, async (smaller) => {
    const found = (await comparer.compare(smaller, difference.startsWith('step'))).difference;
    if (found === undefined || kindOf(found) !== kind) return false;
    last = found;
    return true;
  });
  return { seed, difference: last, stateTest: await asStateTest(seed, small) };
}

/** Which things differ: a smaller scenario must fail in the same way. */
function kindOf(difference: string): string {
  return difference
    .split('; ')
    .map((part) => part.split(' ', 1)[0])
    .join();
}

async function asStateTest(seed: number, scenario: Scenario): Promise<string> {
  const test = stateTestOf(scenario);
  const txbytes = toHex(encodeTransaction(scenario.tx));
  const unknown = { indexes: { data: 0, gas: 0, value: 0 }, hash: '0x', logs: '0x' } as const;
  const expected = await askPeer(test, forkOf(scenario.fork), { ...unknown, txbytes });
  return JSON.stringify({ [`seed-${seed}`]: { ...test, post: { [scenario.fork]: [expected] } } });
}
