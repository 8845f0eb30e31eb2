/** One state test through our execution, and whether it ended as expected. */
import { fromHex, keccak256, toHex } from '../../../state/crypto.ts';
import type { Fork } from '../../../state/execution/common.ts';
import { rawLog } from '../../../state/execution/module-context.ts';
import { LIMITS } from '../../../state/limits.ts';
import { encodeRlp } from '../../../state/rlp.ts';
import type { TransactionError, TransactionErrorCode } from '../../../state/transactions/errors.ts';
import type { Hex, Log } from '../../../state/types.ts';
import { createExecutor } from './execute.ts';
import type { Expectation, StateTest } from './fixtures.ts';
import { askPeer } from './peer.ts';

export type Verdict =
  | { result: 'passed' }
  | { result: 'failed'; why: string }
  | { result: 'skipped'; reason: string };

/** By their names in the tests. */
export const FORKS: Readonly<Record<string, Fork>> = { Cancun: 'cancun', Prague: 'prague', Osaka: 'osaka' };

/** Excess of blob gas up to which a blob costs 1 wei by EIP-4844, which is what BLOBBASEFEE says on this chain. */
const MAX_FREE_EXCESS = 2_000_000n;
const BLOB_TYPE = 3;

/** Why a case says nothing about this chain; undefined if it is to be run. */
function reasonToSkip(test: StateTest, forkName: string, expected: Expectation): string | undefined {
  if (!Object.hasOwn(FORKS, forkName))
    return `fork ${forkName}: the engine runs ${Object.keys(FORKS).join(', ')}`;
  if (expected.txbytes === undefined) return 'neither a signed transaction nor a key to sign it with';
  if (Number(expected.txbytes.slice(0, 4)) === BLOB_TYPE) return 'blob transaction: this chain has none';
  if (BigInt(test.env.currentExcessBlobGas ?? 0) > MAX_FREE_EXCESS)
    return 'blob price above 1 wei: this chain has no blobs';
  if (expected.txbytes.length / 2 - 1 > LIMITS.maxTransactionBytes)
    return `transaction above ${LIMITS.maxTransactionBytes} bytes`;
  if (BigInt(test.env.currentNumber) > MAX_NUMBER || BigInt(test.env.currentTimestamp) > MAX_SECONDS)
    return 'block number or time above 2^53';
  return undefined;
}
const MAX_NUMBER = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_SECONDS = MAX_NUMBER / 1000n;

/** What our refusals are called in the tests. Under other names any refusal will do. */
const REFUSALS: Readonly<Record<string, readonly TransactionErrorCode[]>> = {
  INTRINSIC_GAS_TOO_LOW: ['INTRINSIC_GAS'],
  INTRINSIC_GAS_BELOW_FLOOR_GAS_COST: ['INTRINSIC_GAS'],
  INSUFFICIENT_ACCOUNT_FUNDS: ['INSUFFICIENT_FUNDS'],
  GASLIMIT_PRICE_PRODUCT_OVERFLOW: ['INSUFFICIENT_FUNDS', 'MALFORMED'],
  INSUFFICIENT_MAX_FEE_PER_GAS: ['FEE_TOO_LOW'],
  PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS: ['TIP_ABOVE_FEE'],
  GAS_ALLOWANCE_EXCEEDED: ['BLOCK_GAS_EXCEEDED'],
  GAS_LIMIT_EXCEEDS_MAXIMUM: ['GAS_ABOVE_CAP'],
  INITCODE_SIZE_EXCEEDED: ['INITCODE_TOO_LARGE'],
  NONCE_MISMATCH_TOO_LOW: ['NONCE_TOO_LOW'],
  NONCE_MISMATCH_TOO_HIGH: ['NONCE_TOO_HIGH'],
  NONCE_IS_MAX: ['NONCE_EXHAUSTED', 'MALFORMED'],
  SENDER_NOT_EOA: ['SENDER_NOT_EOA'],
  INVALID_CHAINID: ['WRONG_CHAIN_ID'],
  RLP_INVALID_VALUE: ['MALFORMED'],
};

function wrongRefusal(expected: string, error: TransactionError): string | undefined {
  const names = expected.split('|').map((name) => name.replace('TransactionException.', ''));
  const right = names.some((name) => REFUSALS[name]?.includes(error.code) ?? true);
  return right ? undefined : `refused as ${error.code} (${error.message}), expected ${expected}`;
}

function hashOfLogs(logs: readonly Log[]): Hex {
  return toHex(keccak256(encodeRlp(logs.map(rawLog))));
}

export interface Runner {
  run(test: StateTest, forkName: string, expected: Expectation): Promise<Verdict>;
}

export interface RunnerOptions {
  /** Programs run in the library's own loop, which tells whose fault a failure is. */
  libraryLoop?: boolean;
  /** All cases run under this fork, and a stock node says what is expected. Else the tests say both. */
  peer?: Fork;
}

export function createRunner(options: RunnerOptions = {}): Runner {
  const executor = createExecutor({ libraryLoop: options.libraryLoop === true });

  async function verdictOf(test: StateTest, fork: Fork, expected: Expectation): Promise<Verdict> {
    const { refusal, outcome, root } = await executor.execute(
      test,
      fork,
      fromHex(expected.txbytes!.toLowerCase() as Hex),
    );
    if (refusal !== undefined && expected.expectException === undefined)
      return { result: 'failed', why: `refused: ${refusal.code} ${refusal.message}` };
    if (refusal === undefined && expected.expectException !== undefined)
      return { result: 'failed', why: `accepted, expected ${expected.expectException}` };
    const wrong = refusal && wrongRefusal(expected.expectException!, refusal);
    if (wrong !== undefined) return { result: 'failed', why: wrong };
    if (root !== expected.hash) return { result: 'failed', why: `state root ${root}, not ${expected.hash}` };
    const logsHash = hashOfLogs(outcome?.logs ?? []);
    if (logsHash !== expected.logs)
      return { result: 'failed', why: `hash of logs ${logsHash}, not ${expected.logs}` };
    return { result: 'passed' };
  }

  return {
    async run(test, forkName, expected) {
      const reason = reasonToSkip(test, forkName, expected);
      if (reason !== undefined) return { result: 'skipped', reason };
      try {
        if (options.peer === undefined) return await verdictOf(test, FORKS[forkName]!, expected);
        return await verdictOf(test, options.peer, await askPeer(test, options.peer, expected));
      } catch (error) {
        return { result: 'failed', why: `${(error as Error).name}: ${(error as Error).message}` };
      }
    },
  };
}
