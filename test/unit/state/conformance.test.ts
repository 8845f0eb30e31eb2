import { createBlock } from '@ethereumjs/block';
import { createCustomCommon, Mainnet } from '@ethereumjs/common';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address } from '@ethereumjs/util';
import { createVM, runTx, encodeReceipt as stockEncodeReceipt } from '@ethereumjs/vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { openHeadState } from '../../../state/accounts/head-state.ts';
import { encodeReceipt } from '../../../state/block/receipts.ts';
import { concat, EMPTY_TRIE_ROOT, fromHex, toHex, ZERO_HASH } from '../../../state/crypto.ts';
import { openDatabase, type Write } from '../../../state/db/database.ts';
import { versionedWriter } from '../../../state/db/versioned.ts';
import { createBlockRun } from '../../../state/execution/block-run.ts';
import { createEngine } from '../../../state/execution/engine.ts';
import { createModuleTable } from '../../../state/execution/module-table.ts';
import { World } from '../../../state/execution/world.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import type { Hex } from '../../../state/types.ts';
import { deploy, forwarder, KEEPER } from './bytecode.ts';
import {
  accountAddress,
  accountKey,
  authorization,
  GWEI,
  noPorts,
  START_MS,
  signedTransaction,
  temporaryDirectory,
  word,
} from './support.ts';

/** Ethereum alone: no modules, no system steps, so that a stock node can follow. */
const noModules = createModuleTable([], {
  genesisBalances: () => [],
  genesis() {},
  beginBlock() {},
  endBlock() {},
  validatorSets: () => ({ next: [], afterNext: [] }),
});

const KEEPER_AT: Hex = '0x00000000000000000000000000000000000d0001';
const FORWARD_AT: Hex = '0x00000000000000000000000000000000000d0002';
const COINBASE: Hex = '0x00000000000000000000000000000000000d00cb';
const PEOPLE = 4;

const person = fc.integer({ min: 0, max: PEOPLE - 1 });
const small = fc.integer({ min: 0, max: 3 });
/** One wish of a sender; nonces are filled in when the sequence is played. */
const wish = fc.oneof(
  fc.record({
    kind: fc.constant('pay' as const),
    from: person,
    to: fc.integer({ min: 0, max: 30 }),
    value: fc.bigInt(0n, OPEN),
  }),
  fc.record({
    kind: fc.constantFrom('keep' as const, 'forward' as const),
    from: person,
    slot: small,
    value: small,
    mode: fc.constantFrom(0, 0, 0, 1),
  }),
  fc.record({ kind: fc.constant('deploy' as const), from: person, value: fc.bigInt(0n, 10n) }),
  fc.record({ kind: fc.constant('vanish' as const), from: person, value: fc.bigInt(0n, 10n) }),
  fc.record({ kind: fc.constant('starve' as const), from: person, slot: small }),
  fc.record({
    kind: fc.constant('delegate' as const),
    from: person,
    authority: fc.integer({ min: 20, max: 22 }),
  }),
);
type WishOf = typeof wish extends fc.Arbitrary<infer T> ? T : never;

function sign(w: WishOf, nonces: number[]): Uint8Array {
  const base = {
    key: accountKey(w.from),
    nonce: nonces[w.from]!++,
    gasLimit: 300_000n,
    maxFeePerGas: 50n * GWEI,
  };
  switch (w.kind) {
    case 'pay':
      return signedTransaction({ ...base, to: accountAddress(w.to), value: w.value });
    case 'keep':
    case 'forward':
      return signedTransaction({
        ...base,
        to: w.kind === 'keep' ? KEEPER_AT : FORWARD_AT,
        data: concat(word(w.slot), word(w.value), word(w.mode)),
        accessList: w.slot === 0 ? [{ address: KEEPER_AT, storageKeys: [toHex(word(0))] }] : [],
      });
    case 'deploy':
      return signedTransaction({ ...base, to: null, value: w.value, data: deploy(KEEPER) });
    case 'vanish':
      // Writes a slot and destroys itself while it is being made (EIP-6780).
      return signedTransaction({ ...base, to: null, value: w.value, data: fromHex('0x600560015533ff') });
    case 'starve':
      return signedTransaction({
        ...base,
        to: KEEPER_AT,
        data: concat(word(w.slot), word(9), word(0)),
        gasLimit: 25_000n,
      });
    case 'delegate':
      return signedTransaction({
        ...base,
        to: accountAddress(w.authority),
        data: concat(word(1), word(2), word(0)),
        authorizationList: [authorization(accountKey(w.authority), KEEPER_AT, 0)],
      });
  }
}

const alloc: { address: Hex; balance: bigint; nonce: bigint; code?: Uint8Array }[] = [
  ...Array.from({ length: PEOPLE }, (_, i) => ({
    address: accountAddress(i),
    balance: 100n * OPEN,
    nonce: 0n,
  })),
  { address: KEEPER_AT, balance: 0n, nonce: 1n, code: KEEPER },
  { address: FORWARD_AT, balance: 0n, nonce: 1n, code: forwarder('CALL', KEEPER_AT) },
];

async function stockNode() {
  const common = createCustomCommon({ chainId: DEFAULT_PARAMS.chainId, name: 'peer' }, Mainnet, {
    hardfork: 'osaka',
  });
  const stateManager = new MerkleStateManager({ common });
  for (const { address, balance, nonce, code } of alloc) {
    const at = new Address(fromHex(address));
    await stateManager.putAccount(at, new Account(nonce, balance));
    if (code !== undefined) await stateManager.putCode(at, code);
  }
  const vm = await createVM({ common, stateManager });
  return {
    async block(number: number, raws: Uint8Array[]) {
      const block = createBlock(
        {
          header: {
            number,
            timestamp: Math.floor((START_MS + number * 1000) / 1000),
            coinbase: new Address(fromHex(COINBASE)),
            gasLimit: DEFAULT_PARAMS.block.gasLimit,
            baseFeePerGas: 10n * GWEI,
          },
        },
        { common, skipConsensusFormatValidation: true },
      );
      const receipts: string[] = [];
      let blockGasUsed = 0n;
      for (const raw of raws) {
        const tx = createTxFromRLP(raw, { common });
        const result = await runTx(vm, { tx, block, blockGasUsed });
        blockGasUsed += result.totalGasSpent;
        receipts.push(toHex(stockEncodeReceipt(result.receipt, tx.type)));
      }
      return { receipts, root: toHex(await stateManager.getStateRoot()) };
    },
  };
}

async function ourNode(dir: string) {
  const db = await openDatabase(dir);
  let head = openHeadState(db, EMPTY_TRIE_ROOT);
  const commit = async (world: World, number: number) => {
    const sealed = head.seal(world.changes());
    const writes: Write[] = [];
    const versioned = versionedWriter(db, number, writes);
    writes.push(...head.writes(sealed, new Set(), versioned));
    versioned.finish();
    await db.write(writes);
    head.advance(sealed);
    // Every other block forgets all it had in memory.
    if (number % 2 === 0) head = openHeadState(db, sealed.stateRoot);
    return toHex(sealed.stateRoot);
  };
  const world = new World(head);
  for (const { address, balance, nonce, code } of alloc) {
    world.write(address, {
      nonce,
      balance,
      storageRoot: EMPTY_TRIE_ROOT,
      codeHash: world.read(address)?.codeHash ?? NO_CODE,
    });
    if (code !== undefined) world.writeCode(address, code);
  }
  world.endTransaction();
  await commit(world, 0);
  const engine = await createEngine({
    chainId: DEFAULT_PARAMS.chainId,
    modules: noModules,
    blockHash: () => ZERO_HASH,
  });
  return {
    close: () => db.close(),
    async block(number: number, raws: Uint8Array[]) {
      const current = new World(head);
      const run = createBlockRun({
        judge: () => undefined,
        verify: () => false,
        engine,
        modules: noModules,
        params: DEFAULT_PARAMS,
        genesisHash: ZERO_HASH,
        ports: noPorts,
        world: current,
        parent: { hash: ZERO_HASH, timestampMs: START_MS },
        number,
        origin: {
          originRound: 0,
          timestampMs: START_MS + number * 1000,
          reveal: new Uint8Array(96),
          lastCommit: null,
        },
        coinbase: COINBASE,
        prevRandao: ZERO_HASH,
        baseFeePerGas: 10n * GWEI,
      });
      await run.begin();
      const receipts: string[] = [];
      for (const raw of raws) {
        const { receipt } = await run.apply(decodeTransaction(raw, DEFAULT_PARAMS.chainId, noModules));
        receipts.push(toHex(encodeReceipt(receipt)));
      }
      await run.finish();
      return { receipts, root: await commit(current, number) };
    },
  };
}

const NO_CODE = fromHex('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');

describe('execution', () => {
  it('gives the receipts and state roots of a stock node for random transactions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(wish, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
        async (blocks) => {
          const temporary = temporaryDirectory();
          const ours = await ourNode(temporary.dir);
          try {
            const stock = await stockNode();
            const nonces = new Array<number>(PEOPLE).fill(0);
            for (const [i, wishes] of blocks.entries()) {
              const raws = wishes.map((w) => sign(w, nonces));
              expect(await ours.block(i + 1, raws)).toEqual(await stock.block(i + 1, raws));
            }
          } finally {
            await ours.close();
            temporary.remove();
          }
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);
});
