/** Makes a failing scenario smaller while it still fails. */
import { type Program, type Statement, sizeOfProgram } from './program.ts';
import type { DrawnAccount, DrawnTransaction, Scenario } from './scenario.ts';

type Code = Program | Uint8Array;

/** Each try runs the scenario on three machines. */
const MOST_TRIES = 1_500;

/** @param fails whether a scenario still shows the failure */
export async function shrink(
  scenario: Scenario,
  fails: (smaller: Scenario) => Promise<boolean>,
): Promise<Scenario> {
  let best = scenario;
  let tries = 0;
  for (let improved = true; improved && tries < MOST_TRIES; ) {
    improved = false;
    for (const smaller of candidates(best)) {
      if (++tries > MOST_TRIES) break;
      if (!(await fails(smaller))) continue;
      best = smaller;
      improved = true;
      break;
    }
  }
  return best;
}

/** Scenarios with one thing less, the largest steps first. */
function* candidates(scenario: Scenario): Generator<Scenario> {
  const { accounts, tx } = scenario;
  for (const address of accounts.keys()) {
    const fewer = new Map(accounts);
    fewer.delete(address);
    yield { ...scenario, accounts: fewer };
  }
  const changeTx = (change: Partial<DrawnTransaction>): Scenario => ({
    ...scenario,
    tx: { ...tx, ...change },
  });
  for (const list of without(tx.accessList)) yield changeTx({ accessList: list });
  if (tx.authorizations.length > 1)
    for (const list of without(tx.authorizations)) yield changeTx({ authorizations: list });
  for (const data of smallerCodes(tx.data)) yield changeTx({ data });
  if (tx.value > 0n) yield changeTx({ value: 0n });
  for (const [address, account] of accounts) {
    const change = (part: Partial<DrawnAccount>): Scenario => ({
      ...scenario,
      accounts: new Map(accounts).set(address, { ...account, ...part }),
    });
    for (const code of smallerCodes(account.code)) yield change({ code });
    for (const slot of Object.keys(account.storage))
      yield change({
        storage: Object.fromEntries(Object.entries(account.storage).filter(([key]) => key !== slot)),
      });
  }
}

/** A list without its first half, its second half, and each of its items. */
function* without<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let size = list.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < list.length; from += size)
      yield [...list.slice(0, from), ...list.slice(from + size)];
}

function* smallerCodes(code: Code): Generator<Code> {
  if (code instanceof Uint8Array) {
    if (code.length > 0) yield new Uint8Array(0);
    if (code.length > 64) yield code.slice(0, code.length >> 1);
    return;
  }
  for (const statements of without<Statement>(code.statements)) yield { ...code, statements };
  for (const [name, part] of code.data)
    for (const smaller of smallerCodes(part)) yield { ...code, data: new Map(code.data).set(name, smaller) };
}

export function sizeOfScenario({ accounts, tx }: Scenario): number {
  const size = (code: Code) => (code instanceof Uint8Array ? 1 : sizeOfProgram(code));
  return [...accounts.values()].reduce((sum, { code }) => sum + size(code), size(tx.data));
}
