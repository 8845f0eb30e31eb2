/**
 * Blocks of transfers and of storage-writing calls through our block executor, against the stock library's `runBlock`
 * in the same process and the same run. Both start from raw bytes (decode, recover senders, execute, all roots) and
 * must end in the same state root. CPU time of the process, so that a busy machine does not decide the ratio.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PARAMS, OPEN } from '../../genesis/parameters.ts';
import { openHeadState, type Sealed } from '../../state/accounts/head-state.ts';
import { encodeReceipt } from '../../state/block/receipts.ts';
import { orderedRoot } from '../../state/block/roots.ts';
import {
  addressOfPrivateKey,
  bigintToBytes,
  concat,
  EMPTY_TRIE_ROOT,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  signHash,
  toHex,
  ZERO_HASH,
} from '../../state/crypto.ts';
import { openDatabase, type Write } from '../../state/db/database.ts';
import { versionedWriter } from '../../state/db/versioned.ts';
import { createBlockRun } from '../../state/execution/block-run.ts';
import { createEngine } from '../../state/execution/engine.ts';
import { createModuleTable } from '../../state/execution/module-table.ts';
import { World } from '../../state/execution/world.ts';
import { encodeRlp } from '../../state/rlp.ts';
import { decodeTransaction } from '../../state/transactions/decode.ts';
import { type ExecutionPorts, Fault, type Hex, type Receipt } from '../../state/types.ts';
import { BASE_FEE, COINBASE, cpuMs, GAS_LIMIT, openStock, type Side } from './stock.ts';
import type { BenchRow } from './types.ts';

const SENDERS = 500;
const FUNDED = 10_000;
const BLOCKS = 10;
/** Blocks that warm the compiler and the caches of both. */
const WARM_BLOCKS = 3;
const TOKEN: Hex = '0x00000000000000000000000000000000000d0001';
/**
 * What a token's transfer costs without its compiler: two balances moved, one log. Calldata: from slot, to slot,
 * amount. slot[from] -= amount; slot[to] += amount; log.
 */
const TOKEN_CODE = fromHex('0x6040355f3554035f35556040356020355401602035556040355f526020355f3560205fa200');

const noModules = createModuleTable([], {
  genesisBalances: () => [],
  genesis() {},
  beginBlock() {},
  endBlock() {},
  validatorSets: () => ({ next: [], afterNext: [] }),
});

const noPorts: ExecutionPorts = {
  attribute: async () => {
    throw new Fault('no inference here');
  },
  infer: async () => {
    throw new Fault('no trained models here');
  },
  artifact: async () => {
    throw new Fault('no artifacts here');
  },
};

const keys = Array.from({ length: SENDERS }, (_, i) => keccak256(Buffer.from(`bench ${i}`)));
const senders = keys.map(addressOfPrivateKey);

function word(value: bigint): Uint8Array {
  const short = bigintToBytes(value);
  return concat(new Uint8Array(32 - short.length), short);
}

function sign(
  key: Uint8Array,
  nonce: number,
  to: Hex,
  value: bigint,
  data: Uint8Array,
  gas: bigint,
): Uint8Array {
  const items = [
    bigintToBytes(BigInt(DEFAULT_PARAMS.chainId)),
    bigintToBytes(BigInt(nonce)),
    bigintToBytes(1_000_000_000n),
    bigintToBytes(100_000_000_000n),
    bigintToBytes(gas),
    fromHex(to),
    bigintToBytes(value),
    data,
    [],
  ];
  const { r, s, yParity } = signHash(keccak256(concat(Uint8Array.of(2), encodeRlp(items))), key);
  return concat(
    Uint8Array.of(2),
    encodeRlp([...items, bigintToBytes(BigInt(yParity)), bigintToBytes(r), bigintToBytes(s)]),
  );
}

type Workload = (sender: number, block: number) => Uint8Array;
const transfers: Workload = (sender, block) =>
  sign(
    keys[sender]!,
    block,
    fundedAddress((sender * 7 + block * 13) % FUNDED),
    1n,
    new Uint8Array(0),
    21_000n,
  );
const tokens: Workload = (sender, block) =>
  sign(
    keys[sender]!,
    block,
    TOKEN,
    0n,
    concat(word(BigInt(sender + 1)), word(BigInt(1000 + ((sender * 7 + block) % SENDERS))), word(1n)),
    150_000n,
  );

function fundedAddress(index: number): Hex {
  return `0x${(0x1000_0000 + index).toString(16).padStart(40, '0')}`;
}

const funded = Array.from({ length: FUNDED }, (_, i) => fundedAddress(i));

async function ours(): Promise<Side> {
  const dir = mkdtempSync(join(tmpdir(), 'openledger-bench-'));
  const db = await openDatabase(dir);
  const head = openHeadState(db, EMPTY_TRIE_ROOT);
  const world = new World(head);
  const give = (address: Hex, balance: bigint) =>
    world.write(address, { nonce: 0n, balance, storageRoot: EMPTY_TRIE_ROOT, codeHash: KECCAK_EMPTY });
  for (const address of senders) give(address, OPEN);
  for (const address of funded) give(address, 1n);
  give(TOKEN, 1n);
  world.writeCode(TOKEN, TOKEN_CODE);
  world.endTransaction();
  const commit = async (sealed: Sealed, number: number) => {
    const writes: Write[] = [];
    const versioned = versionedWriter(db, number, writes);
    writes.push(...head.writes(sealed, new Set(), versioned));
    versioned.finish();
    await db.write(writes);
    head.advance(sealed);
  };
  await commit(head.seal(world.changes()), 0);
  const engine = await createEngine({
    chainId: DEFAULT_PARAMS.chainId,
    modules: noModules,
    blockHash: () => ZERO_HASH,
  });
  return {
    async block(raws, number) {
      const start = process.cpuUsage();
      const current = new World(head);
      const run = createBlockRun({
        judge: () => undefined,
        verify: () => false,
        engine,
        modules: noModules,
        params: { ...DEFAULT_PARAMS, block: { ...DEFAULT_PARAMS.block, gasLimit: GAS_LIMIT } },
        genesisHash: ZERO_HASH,
        ports: noPorts,
        world: current,
        parent: { hash: ZERO_HASH, timestampMs: 0 },
        number,
        origin: { originRound: 0, timestampMs: 1000, reveal: new Uint8Array(96), lastCommit: null },
        coinbase: COINBASE,
        prevRandao: ZERO_HASH,
        baseFeePerGas: BASE_FEE,
      });
      await run.begin();
      const receipts: Receipt[] = [];
      for (const raw of raws) {
        const { receipt } = await run.apply(decodeTransaction(raw, DEFAULT_PARAMS.chainId, noModules));
        receipts.push(receipt);
      }
      await run.finish();
      orderedRoot(raws);
      orderedRoot(receipts.map(encodeReceipt));
      const sealed = head.seal(current.changes());
      const cpu = cpuMs(start);
      if (receipts.some((receipt) => receipt.status === 0)) throw new Error('a benchmark transaction failed');
      const committing = process.cpuUsage();
      await commit(sealed, number);
      return { cpu, commitCpu: cpuMs(committing), root: toHex(sealed.stateRoot) };
    },
    async close() {
      await db.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Block by block in turns, so that what else the machine does falls on both; medians of the blocks. */
async function compare(name: string, workload: Workload): Promise<BenchRow[]> {
  const we = await ours();
  const they = await openStock({
    accounts: [
      ...senders.map((address): [Hex, bigint] => [address, OPEN]),
      ...funded.map((address): [Hex, bigint] => [address, 1n]),
    ],
    contracts: [[TOKEN, TOKEN_CODE]],
  });
  const cpu: number[] = [];
  const withCommit: number[] = [];
  const theirCpu: number[] = [];
  for (let block = 0; block < BLOCKS; block++) {
    const raws = Array.from({ length: SENDERS }, (_, sender) => workload(sender, block));
    const mine = await we.block(raws, block + 1);
    const theirs = await they.block(raws, block + 1);
    if (mine.root !== theirs.root) throw new Error(`${name}: roots differ: ${mine.root} and ${theirs.root}`);
    if (block < WARM_BLOCKS) continue;
    cpu.push(mine.cpu);
    withCommit.push(mine.cpu + mine.commitCpu);
    theirCpu.push(theirs.cpu);
  }
  await we.close();
  await they.close();
  const perSecond = (ms: number) => (SENDERS * 1000) / ms;
  const peer = `@ethereumjs/vm runBlock on level ${perSecond(median(theirCpu)).toFixed(0)}`;
  const row = (suffix: string, ms: number): BenchRow => ({
    name: `executor.${name}${suffix}`,
    value: perSecond(ms),
    unit: 'tx/s of CPU',
    peer,
    ratio: median(theirCpu) / ms,
  });
  return [row('', median(cpu)), row('.with-commit', median(withCommit))];
}

/** Loops until their gas is spent: a counter with a product and a division, hashes of 64 bytes, a slot read and written. */
const LOOPS = {
  arithmetic: fromHex('0x62ffffff5b6001900380600302816007045050600456'),
  keccak: fromHex('0x5b60405f205f525f56'),
  storage: fromHex('0x5b5f546001015f555f56'),
} as const;
const LOOP_GAS = 3_000_000n;

/** Millions of gas a second of CPU, the best of five. */
async function loopSpeed(code: Uint8Array, libraryLoop: boolean): Promise<number> {
  const engine = await createEngine({
    chainId: DEFAULT_PARAMS.chainId,
    modules: noModules,
    blockHash: () => ZERO_HASH,
    libraryLoop,
  });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const world = new World({
      account: () => undefined,
      slot: () => new Uint8Array(0),
      code: () => new Uint8Array(0),
      body: () => undefined,
    });
    world.write(TOKEN, { nonce: 1n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash: KECCAK_EMPTY });
    world.writeCode(TOKEN, code);
    world.endTransaction();
    const start = process.cpuUsage();
    await engine.runMessage(
      world,
      {
        params: DEFAULT_PARAMS,
        genesisHash: ZERO_HASH,
        ports: noPorts,
        block: { number: 1, timestamp: 1, parentTimestampMs: 0 },
        coinbase: COINBASE,
        prevRandao: ZERO_HASH,
        gasLimit: GAS_LIMIT,
        baseFeePerGas: BASE_FEE,
      },
      {
        from: senders[0]!,
        to: TOKEN,
        data: new Uint8Array(0),
        value: 0n,
        gasLimit: LOOP_GAS,
        gasPrice: BASE_FEE,
        warm: [],
      },
    );
    best = Math.min(best, cpuMs(start));
  }
  return Number(LOOP_GAS) / 1_000 / best;
}

async function compute(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, code] of Object.entries(LOOPS)) {
    const theirs = await loopSpeed(code, true);
    const we = await loopSpeed(code, false);
    rows.push({
      name: `executor.compute.${name}`,
      value: we,
      unit: 'Mgas/s of CPU',
      peer: `@ethereumjs/evm loop ${theirs.toFixed(1)}`,
      ratio: we / theirs,
    });
  }
  return rows;
}

export async function run(): Promise<BenchRow[]> {
  return [
    ...(await compare('transfers', transfers)),
    ...(await compare('tokens', tokens)),
    ...(await compute()),
  ];
}
