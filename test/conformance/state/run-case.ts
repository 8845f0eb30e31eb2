/**
 * One state test through our execution: the state before it is written as a committed block is, the transaction comes
 * in as bytes through the one door, runs as in a block, and the tries that follow give the root. Modules and their
 * accounts are left out, since Ethereum has none.
 */
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { openHeadState } from '../../../state/accounts/head-state.ts';
import {
  bareHex,
  bigintToBytes,
  EMPTY_TRIE_ROOT,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  padLeft,
  toHex,
  ZERO_HASH,
} from '../../../state/crypto.ts';
import type { Database, Write } from '../../../state/db/database.ts';
import { versionedWriter } from '../../../state/db/versioned.ts';
import { type BlockRun, createBlockRun } from '../../../state/execution/block-run.ts';
import type { Fork } from '../../../state/execution/common.ts';
import { createEngine, type Engine } from '../../../state/execution/engine.ts';
import { rawLog } from '../../../state/execution/module-context.ts';
import { createModuleTable } from '../../../state/execution/module-table.ts';
import { slotName, World } from '../../../state/execution/world.ts';
import { LIMITS } from '../../../state/limits.ts';
import { encodeRlp } from '../../../state/rlp.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { TransactionError, type TransactionErrorCode } from '../../../state/transactions/errors.ts';
import type { ExecutionPorts, Hex, Log } from '../../../state/types.ts';
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
  if (expected.txbytes === undefined) return 'the case has no encoded transaction';
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

/** LevelDB's place is taken by a map: thousands of states of a few accounts, each used once. */
function memoryDatabase(): Database & { apply(writes: readonly Write[]): void } {
  const records = new Map<string, Uint8Array>();
  const apply = (writes: readonly Write[]): void => {
    for (const { key, value } of writes)
      if (value === undefined) records.delete(bareHex(key));
      else records.set(bareHex(key), value);
  };
  return {
    dir: '(memory)',
    get: (key) => records.get(bareHex(key)),
    // Nothing that is kept here is read in ranges.
    entries: async () => [],
    apply,
    async write(writes) {
      apply(writes);
    },
    async close() {},
  };
}

/** Writes the accounts of a test as block 0, and gives the database and the root. */
function writePre(pre: StateTest['pre']): { db: Database; stateRoot: Uint8Array } {
  const db = memoryDatabase();
  const head = openHeadState(db, EMPTY_TRIE_ROOT);
  const world = new World(head);
  for (const [name, { balance, nonce, code, storage }] of Object.entries(pre)) {
    const address = name.toLowerCase() as Hex;
    world.write(address, {
      nonce: BigInt(nonce),
      balance: BigInt(balance),
      storageRoot: EMPTY_TRIE_ROOT,
      codeHash: KECCAK_EMPTY,
    });
    world.writeCode(address, bytesOf(code));
    for (const [slot, value] of Object.entries(storage))
      world.writeSlot(address, slotName(BigInt(slot)), bigintToBytes(BigInt(value)));
  }
  world.endTransaction();
  const sealed = head.seal(world.changes());
  const writes: Write[] = [];
  const versioned = versionedWriter(db, 0, writes);
  writes.push(...head.writes(sealed, new Set(), versioned));
  versioned.finish();
  db.apply(writes);
  return { db, stateRoot: sealed.stateRoot };
}

function bytesOf(hex: Hex): Uint8Array {
  return fromHex(hex.toLowerCase());
}

const noModules = createModuleTable([], {
  genesisBalances: () => [],
  genesis() {},
  beginBlock() {},
  endBlock() {},
  validatorSets: () => ({ next: [], afterNext: [] }),
});
const noPorts: ExecutionPorts = {
  attribute: () => Promise.reject(new Error('a state test asked for an attribution')),
  infer: () => Promise.reject(new Error('a state test asked for an inference')),
  artifact: () => Promise.reject(new Error('a state test asked for an artifact')),
};

function blockRun(test: StateTest, world: World, engine: Engine, chainId: number): BlockRun {
  const { env } = test;
  const timestampMs = Number(env.currentTimestamp) * 1000;
  return createBlockRun({
    judge: () => undefined,
    verify: () => false,
    engine,
    modules: noModules,
    params: {
      ...DEFAULT_PARAMS,
      chainId,
      block: { ...DEFAULT_PARAMS.block, gasLimit: BigInt(env.currentGasLimit) },
    },
    genesisHash: ZERO_HASH,
    ports: noPorts,
    world,
    parent: { hash: ZERO_HASH, timestampMs },
    number: Number(env.currentNumber),
    origin: { originRound: 0, timestampMs, reveal: new Uint8Array(96), lastCommit: null },
    coinbase: env.currentCoinbase.toLowerCase() as Hex,
    prevRandao: toHex(padLeft(bigintToBytes(BigInt(env.currentRandom ?? 0)), 32)),
    baseFeePerGas: BigInt(env.currentBaseFee ?? 0),
  });
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
  const engines = new Map<string, Promise<Engine>>();
  const engineOf = (chainId: number, ethereumFork: Fork): Promise<Engine> => {
    const name = `${ethereumFork} ${chainId}`;
    let engine = engines.get(name);
    if (engine === undefined) {
      engine = createEngine({
        chainId,
        modules: noModules,
        // The chain of a state test has no headers: the hash of block n is that of its number as text.
        blockHash: (number) => toHex(keccak256(Buffer.from(String(number), 'ascii'))),
        libraryLoop: options.libraryLoop === true,
        ethereumFork,
      });
      engines.set(name, engine);
    }
    return engine;
  };

  /** The cases of a test share the state before them. */
  let last: { test: StateTest; state: ReturnType<typeof writePre> } | undefined;

  async function verdictOf(test: StateTest, fork: Fork, expected: Expectation): Promise<Verdict> {
    const chainId = Number(test.config?.chainid ?? 1);
    if (last?.test !== test) last = { test, state: writePre(test.pre) };
    const { db, stateRoot } = last.state;
    const head = openHeadState(db, stateRoot);
    const world = new World(head);
    let logs: Log[] = [];
    let refusal: TransactionError | undefined;
    try {
      const tx = decodeTransaction(bytesOf(expected.txbytes!), chainId, noModules, fork);
      const { receipt } = await blockRun(test, world, await engineOf(chainId, fork), chainId).apply(tx);
      logs = receipt.logs;
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
      refusal = error;
    }
    if (refusal !== undefined && expected.expectException === undefined)
      return { result: 'failed', why: `refused: ${refusal.code} ${refusal.message}` };
    if (refusal === undefined && expected.expectException !== undefined)
      return { result: 'failed', why: `accepted, expected ${expected.expectException}` };
    const wrong = refusal && wrongRefusal(expected.expectException!, refusal);
    if (wrong !== undefined) return { result: 'failed', why: wrong };
    const root = toHex(head.seal(world.changes()).stateRoot);
    if (root !== expected.hash) return { result: 'failed', why: `state root ${root}, not ${expected.hash}` };
    const logsHash = hashOfLogs(logs);
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
