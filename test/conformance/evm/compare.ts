/**
 * A scenario on this node's machine, on the way that traces take, and on a stock node of the library. All must end
 * with the same status, gas, refund, data, logs and state root; a trace must show the same instructions.
 */
import { keccak256, toHex } from '../../../state/crypto.ts';
import type { Fork } from '../../../state/execution/common.ts';
import type { Outcome } from '../../../state/execution/engine.ts';
import { rawLog } from '../../../state/execution/module-context.ts';
import { encodeRlp } from '../../../state/rlp.ts';
import { createExecutor, type Executed, type Executor } from '../state/execute.ts';
import type { StateTest } from '../state/fixtures.ts';
import { type PeerAnswer, runOnPeer } from '../state/peer.ts';
import { FORKS } from '../state/run-case.ts';
import { encodeTransaction, type ForkName, type Scenario, stateTestOf } from './scenario.ts';

export interface Comparison {
  /** The first difference, if there is one. */
  difference: string | undefined;
  /** Gas that the transaction used; undefined if it was refused. */
  gasUsed: bigint | undefined;
  status: 0 | 1 | undefined;
  steps: number;
}

export interface Comparer {
  /** @param traced compare the instructions one by one as well */
  compare(scenario: Scenario, traced: boolean): Promise<Comparison>;
}

/** What an end is compared by, as text. */
type End = Readonly<Record<string, string>>;

const REFUSED = 'refused';

function ourEnd({ refusal, outcome, root }: Executed): End {
  if (refusal !== undefined) return { status: REFUSED, root };
  return { ...endOf(outcome), root };
}

function endOf(outcome: Outcome): End {
  return {
    status: String(outcome.status),
    gasUsed: String(outcome.gasUsed),
    refund: String(outcome.refund),
    created: String(outcome.createdAddress),
    data: toHex(outcome.returnData),
    logs: toHex(keccak256(encodeRlp(outcome.logs.map(rawLog)))),
    exception:
      outcome.exception === undefined || outcome.exception === 'revert'
        ? String(outcome.exception)
        : 'failed',
  };
}

function peerEnd({ refusal, result, root, logs }: PeerAnswer): End {
  if (result === undefined) return { status: refusal === undefined ? 'nothing' : REFUSED, root };
  const { exceptionError, returnValue, gasRefund } = result.execResult;
  const exception = exceptionError?.error;
  return {
    status: exception === undefined ? '1' : '0',
    gasUsed: String(result.totalGasSpent),
    refund: String(gasRefund ?? 0n),
    created: result.createdAddress === undefined ? 'null' : result.createdAddress.toString(),
    data: toHex(returnValue),
    logs,
    exception: exception === undefined || exception === 'revert' ? String(exception) : 'failed',
    root,
  };
}

function firstDifference(
  ours: End,
  theirs: End,
  who: string,
  ignored: readonly string[],
): string | undefined {
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  const texts = [...names]
    .filter((name) => ours[name] !== theirs[name] && !ignored.includes(name))
    .map((name) => `${name} ${ours[name]?.slice(0, 140)}, ${who} ${theirs[name]?.slice(0, 140)}`);
  return texts.length === 0 ? undefined : texts.join('; ');
}

const MOST_PRECOMPILE = 0x101n;

/** An instruction as a line. */
interface Shown {
  pc: number;
  opcode: { name: string; fee: number; dynamicFee?: bigint };
  gasLeft: bigint;
  depth: number;
  stack: readonly bigint[];
}
function lineOf({ pc, opcode, gasLeft, depth, stack }: Shown): string {
  const cost = opcode.dynamicFee ?? BigInt(opcode.fee);
  return `${depth} ${pc} ${opcode.name} gas ${gasLeft} cost ${cost} [${stack.map((item) => item.toString(16)).join(' ')}]`;
}
/** What a trace keeps of one scenario for comparison. */
const MOST_STEPS = 20_000;

export function forkOf(name: ForkName): Fork {
  return FORKS[name]!;
}

export function createComparer(executor: Executor = createExecutor()): Comparer {
  /** The cases of a scenario share the state before them. */
  const tests = new WeakMap<Scenario['accounts'], StateTest>();
  return {
    async compare(scenario, traced) {
      const test = tests.get(scenario.accounts) ?? stateTestOf(scenario);
      tests.set(scenario.accounts, test);
      const txbytes = encodeTransaction(scenario.tx);
      const fork = forkOf(scenario.fork);
      const [seen, known]: [string[], string[]] = [[], []];
      const keep = (lines: string[]) => (step: Shown) => {
        if (lines.length < MOST_STEPS) lines.push(lineOf(step));
      };
      const ran = await executor.execute(test, fork, txbytes);
      const ours = ourEnd(ran);
      const observer = traced ? { step: keep(seen) } : {};
      const shown = ourEnd(await executor.execute(test, fork, txbytes, observer));
      const theirs = peerEnd(await runOnPeer(test, fork, txbytes, traced ? { step: keep(known) } : {}));
      const at = seen.findIndex((line, i) => line !== known[i]);
      const stepsDiffer = at >= 0 || seen.length !== known.length;
      // The library counts what authorizations give back elsewhere; the gas that was used has it in either case.
      const { to, authorizations } = scenario.tx;
      const ignored = authorizations.length > 0 ? ['refund'] : [];
      // It calls some failures of precompiles reverts.
      if (to !== null && BigInt(to) <= MOST_PRECOMPILE) ignored.push('exception');
      const difference =
        firstDifference(ours, theirs, 'peer', ignored) ??
        firstDifference(ours, shown, 'trace', ignored) ??
        (stepsDiffer
          ? `step ${at}: ${seen[at]?.slice(0, 300)}, peer ${known[at]?.slice(0, 300)}`
          : undefined);
      return {
        difference,
        gasUsed: ran.outcome?.gasUsed,
        status: ran.outcome?.status,
        steps: seen.length,
      };
    },
  };
}
