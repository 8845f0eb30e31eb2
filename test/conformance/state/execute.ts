/**
 * A transaction on the accounts of a state test through our execution: the state before it is written as a committed
 * block is, the transaction comes in as bytes through the one door, runs as in a block, and the tries that follow give
 * the root. Modules and their accounts are left out, since Ethereum has none.
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
import { createEngine, type Engine, type Observer, type Outcome } from '../../../state/execution/engine.ts';
import { createModuleTable } from '../../../state/execution/module-table.ts';
import { slotName, World } from '../../../state/execution/world.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { TransactionError } from '../../../state/transactions/errors.ts';
import type { ExecutionPorts, Hex } from '../../../state/types.ts';
import type { StateTest } from './fixtures.ts';

export type Executed =
  | { refusal: TransactionError; outcome?: undefined; root: Hex }
  | { refusal?: undefined; outcome: Outcome; root: Hex };

export interface Executor {
  /** @throws whatever is no refusal of the transaction */
  execute(test: StateTest, fork: Fork, txbytes: Uint8Array, observer?: Observer): Promise<Executed>;
}

/** @param options `libraryLoop`: programs run in the library's own loop, which tells whose fault a failure is */
export function createExecutor(options: { libraryLoop?: boolean } = {}): Executor {
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

  return {
    async execute(test, fork, txbytes, observer) {
      const chainId = Number(test.config?.chainid ?? 1);
      if (last?.test !== test) last = { test, state: writePre(test.pre) };
      const { db, stateRoot } = last.state;
      const head = openHeadState(db, stateRoot);
      const world = new World(head);
      try {
        const tx = decodeTransaction(txbytes, chainId, noModules, fork);
        const run = blockRun(test, world, await engineOf(chainId, fork), chainId);
        const { outcome } = await run.apply(tx, observer);
        return { outcome, root: toHex(head.seal(world.changes()).stateRoot) };
      } catch (error) {
        if (!(error instanceof TransactionError)) throw error;
        return { refusal: error, root: toHex(head.seal(world.changes()).stateRoot) };
      }
    },
  };
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
