import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createMPT, verifyMPTWithMerkleProof } from '@ethereumjs/mpt';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeAccount } from '../../../state/accounts/account.ts';
import { bytesToBigint, concat, fromHex, keccak256, toHex } from '../../../state/crypto.ts';
import { openDatabase, type Write } from '../../../state/db/database.ts';
import { COLUMN } from '../../../state/db/keys.ts';
import { pruneBlock, readAt, readCurrent, versionedWriter } from '../../../state/db/versioned.ts';
import { openReader } from '../../../state/reader.ts';
import { decodeRlp, rlpBytes } from '../../../state/rlp.ts';
import { type Hex, StateNotAvailable } from '../../../state/types.ts';
import { KEEPER } from './bytecode.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  type TestChain,
  temporaryDirectory,
  testGenesis,
  word,
} from './support.ts';

const KEEPER_AT: Hex = '0x00000000000000000000000000000000000d0001';
const alloc = { [KEEPER_AT]: { balance: 0n, nonce: 1n, code: toHex(KEEPER) } };

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
async function open(...args: Parameters<typeof openTestChain>): Promise<TestChain> {
  const chain = await openTestChain(...args);
  cleanups.push(() => chain.close());
  return chain;
}
function directory(): string {
  const { dir, remove } = temporaryDirectory();
  cleanups.push(remove);
  return dir;
}

let nonce = 0;
const keep = (slot: number, value: number) =>
  signedTransaction({
    key: accountKey(0),
    nonce: nonce++,
    to: KEEPER_AT,
    data: concat(word(slot), word(value), word(0)),
    gasLimit: 200_000n,
  });

describe('values with a past', () => {
  it('are read as they were after any block that is kept, whatever was set, deleted and pruned', async () => {
    const change = fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 3 }), { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 0, max: 10 }),
        async (blocks, retention) => {
          const { dir, remove } = temporaryDirectory();
          const db = await openDatabase(dir);
          try {
            const states: Map<number, number>[] = [];
            let now = new Map<number, number>();
            let oldest = 0;
            for (const [block, changes] of blocks.entries()) {
              now = new Map(now);
              const writes: Write[] = [];
              if (block - retention > oldest) {
                oldest++;
                const bytes = new Uint8Array(6);
                bytes[5] = oldest;
                writes.push({ key: concat(Uint8Array.of(COLUMN.meta), Buffer.from('oldest')), value: bytes });
                pruneBlock(db, oldest, writes, () => {});
              }
              const versioned = versionedWriter(db, block, writes);
              for (const [key, value] of new Map(changes)) {
                if (value === undefined) now.delete(key);
                else now.set(key, value);
                versioned.set(
                  COLUMN.slot,
                  Uint8Array.of(key),
                  value === undefined ? undefined : Uint8Array.of(value),
                );
              }
              versioned.finish();
              await db.write([...writes, { key: Uint8Array.of(1), value: Uint8Array.of(1) }]);
              states.push(now);
              for (let at = 0; at <= block; at++)
                for (let key = 0; key < 4; key++) {
                  const read = () => readAt(db, COLUMN.slot, Uint8Array.of(key), at)?.[0];
                  if (at >= oldest) expect(read()).toBe(states[at]!.get(key));
                }
              for (let key = 0; key < 4; key++)
                expect(readCurrent(db, COLUMN.slot, Uint8Array.of(key))?.[0]).toBe(now.get(key));
            }
          } finally {
            await db.close();
            remove();
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('past states of a chain', () => {
  it('answer reads and proofs that an independent verifier accepts, for every block that is kept', async () => {
    nonce = 0;
    const chain = await open({ alloc, retention: 4 });
    const { reader } = chain.chain;
    const history: { slot: number; value: number }[][] = [
      [
        { slot: 0, value: 7 },
        { slot: 1, value: 1 },
      ],
      [
        { slot: 0, value: 0 },
        { slot: 2, value: 300 },
      ],
      [{ slot: 1, value: 9 }],
      [
        { slot: 0, value: 5 },
        { slot: 2, value: 0 },
      ],
      [{ slot: 3, value: 1 }],
      [{ slot: 1, value: 0 }],
      [],
    ];
    const expected: number[][] = [[0, 0, 0, 0]];
    for (const writes of history) {
      await chain.produce(writes.map(({ slot, value }) => keep(slot, value)));
      const next = expected.at(-1)!.slice();
      for (const { slot, value } of writes) next[slot] = value;
      expected.push(next);
    }
    expect(reader.oldestState()).toBe(history.length - 4);
    const slots = [0, 1, 2, 3].map((slot) => toHex(word(slot)));
    for (let number = reader.oldestState(); number <= history.length; number++) {
      const stateRoot = fromHex(reader.blockByNumber(number)!.header.stateRoot);
      const view = reader.stateAt(number);
      const proof = reader.proof(KEEPER_AT, slots, number);
      const stored = await verifyMPTWithMerkleProof(
        await createMPT(),
        stateRoot,
        keccak256(fromHex(KEEPER_AT)),
        proof.accountProof,
      );
      const account = proof.account!;
      expect(stored).toEqual(
        encodeAccount({
          nonce: account.nonce,
          balance: account.balance,
          storageRoot: fromHex(account.storageRoot),
          codeHash: fromHex(account.codeHash),
        }),
      );
      for (const [slot, value] of expected[number]!.entries()) {
        expect(bytesToBigint(view.storage(KEEPER_AT, word(slot)))).toBe(BigInt(value));
        const proved = proof.storageProof[slot]!;
        expect(proved.value).toBe(BigInt(value));
        const leaf = await verifyMPTWithMerkleProof(
          await createMPT(),
          fromHex(account.storageRoot),
          keccak256(word(slot)),
          proved.proof,
        );
        expect(leaf === null ? 0n : bytesToBigint(rlpBytes(decodeRlp(leaf)))).toBe(BigInt(value));
      }
      // Somebody who is not there is proved not to be there.
      const nobody = accountAddress(90);
      const absent = reader.proof(nobody, [], number);
      expect(absent.account).toBeUndefined();
      expect(
        await verifyMPTWithMerkleProof(
          await createMPT(),
          stateRoot,
          keccak256(fromHex(nobody)),
          absent.accountProof,
        ),
      ).toBeNull();
    }
    expect(() => reader.stateAt(reader.oldestState() - 1)).toThrow(StateNotAvailable);
    expect(() => reader.stateAt(history.length + 1)).toThrow(StateNotAvailable);
    expect(() => reader.proof(KEEPER_AT, [], 0)).toThrow(StateNotAvailable);
  });

  it('lists the accounts of the head in pages, each once, in the order of their hashes', async () => {
    const chain = await open({ alloc });
    await chain.produce([
      signedTransaction({ key: accountKey(0), nonce: 0, to: accountAddress(50), value: 1n }),
    ]);
    const { reader } = chain.chain;
    const seen: Hex[] = [];
    for (let after: Hex | undefined; ; ) {
      const page = reader.accounts(after, 3);
      if (page.length === 0) break;
      seen.push(...page.map(({ address }) => address));
      after = seen.at(-1);
    }
    const byHash = [...seen].sort((a, b) => Buffer.compare(keccak256(fromHex(a)), keccak256(fromHex(b))));
    expect(seen).toEqual(byHash);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toContain(accountAddress(50));
    expect(seen).toContain(KEEPER_AT);
  });
});

describe('a data directory', () => {
  it('is found again as it was left, with everything but the caches', async () => {
    nonce = 0;
    const dir = directory();
    const genesis = testGenesis({ alloc });
    const first = await openTestChain({ dir, genesis });
    const { block } = await first.produce([keep(1, 42)]);
    const pending = await first.build([keep(2, 43)]);
    const head = first.chain.head();
    await first.close();

    const again = await open({ dir, genesis });
    expect(again.chain.head()).toEqual(head);
    expect(again.chain.reader.blockByHash(block.hash)).toEqual(block);
    expect(again.chain.reader.receipts(1)).toHaveLength(1);
    // What was only checked is gone, and can be checked again.
    expect(await again.chain.check(pending.bytes)).toMatchObject({ answer: 'valid' });
    await again.commit(pending.block.hash);
    expect(bytesToBigint(again.chain.reader.stateAt(2).storage(KEEPER_AT, word(2)))).toBe(43n);
  });

  it('is refused to a second executor, and to a chain with another genesis', async () => {
    const dir = directory();
    const genesis = testGenesis();
    const running = await openTestChain({ dir, genesis });
    await expect(openTestChain({ dir, genesis })).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
    const genesisHash = running.chain.reader.genesisHash;
    await running.close();
    const other = testGenesis({ accounts: 2 });
    const refusal = await openTestChain({ dir, genesis: other }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'WRONG_CHAIN' });
    expect((refusal as Error).message).toContain(genesisHash);
    await expect(openReader(directory(), genesis)).rejects.toMatchObject({ code: 'NOT_INITIALISED' });
    const params = { ...genesis, params: { ...genesis.params, chainId: 1 } };
    await expect(openTestChain({ dir, genesis: params })).rejects.toMatchObject({ code: 'WRONG_CHAIN' });
    const again = await open({ dir, genesis });
    expect(again.chain.head().number).toBe(0);
  });

  it('is refused while another process holds it', async () => {
    const dir = directory();
    const script = join(directory(), 'holder.mjs');
    writeFileSync(
      script,
      `import { Level } from ${JSON.stringify(import.meta.resolve('level'))};
       const db = new Level(process.argv[2]); await db.open(); process.stdout.write('held'); process.stdin.resume();
       process.stdin.on('end', () => process.exit(0));`,
    );
    const holder = spawn(process.execPath, [script, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    await expect(openDatabase(dir)).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
    holder.stdin.end();
    await once(holder, 'exit');
    const db = await openDatabase(dir);
    await db.close();
  });

  it('can be read from another thread of the same process, which sees each commit', async () => {
    const dir = directory();
    const genesis = testGenesis();
    const chain = await open({ dir, genesis });
    const reader = await openReader(dir, genesis);
    cleanups.push(() => reader.close());
    expect(reader.head().number).toBe(0);
    await chain.produce([]);
    expect(reader.head()).toEqual(chain.chain.head());
    expect(reader.genesisHash).toBe(chain.chain.reader.genesisHash);
    // A thread opens the same handle by the same path.
    const thread = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       import(workerData.level).then(async ({ Level }) => {
         const db = new Level(workerData.dir, { keyEncoding: 'view', valueEncoding: 'view', multithreading: true });
         await db.open();
         const head = db.getSync(Buffer.from('mhead'));
         parentPort.postMessage(head === undefined ? -1 : head.length);
         await db.close();
       });`,
      { eval: true, workerData: { dir, level: import.meta.resolve('level') } },
    );
    const [length] = await once(thread, 'message');
    expect(length).toBeGreaterThan(40);
    await once(thread, 'exit');
    await chain.produce([]);
    expect(reader.head().number).toBe(2);
  });
});
