/** A database is looked after: pruned, verified, taken back, exported; and damage is found before it spreads. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Genesis } from '../../../genesis/types.ts';
import { encodeAccount } from '../../../state/accounts/account.ts';
import { rootHash, toNibbles } from '../../../state/accounts/nodes.ts';
import { updateTrie } from '../../../state/accounts/trie.ts';
import { openChain } from '../../../state/chain.ts';
import {
  bareHex,
  concat,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  stripZeros,
  toHex,
} from '../../../state/crypto.ts';
import { type DatabaseFiles, diskFull, openDatabase } from '../../../state/db/database.ts';
import { COLUMN, numberKey } from '../../../state/db/keys.ts';
import { pruneAll } from '../../../state/db/retention.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { exportState } from '../../../state/maintenance/export.ts';
import { LIMITS } from '../../../state/maintenance/limits.ts';
import { rollbackTo } from '../../../state/maintenance/rollback.ts';
import { databaseStats } from '../../../state/maintenance/stats.ts';
import { verifyDatabase } from '../../../state/maintenance/verify.ts';
import { encodeRlp } from '../../../state/rlp.ts';
import { type Hex, StateNotAvailable } from '../../../state/types.ts';
import { KEEPER } from './bytecode.ts';
import {
  accountKey,
  noPorts,
  openTestChain,
  signedTransaction,
  type TestChain,
  temporaryDirectory,
  testGenesis,
  verifier,
  word,
} from './support.ts';

const KEEPER_AT: Hex = '0x00000000000000000000000000000000000d0001';
const alloc = { [KEEPER_AT]: { balance: 0n, nonce: 1n, code: toHex(KEEPER) } };
const genesis = testGenesis({ alloc });
const { recordAccounts } = moduleTable;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
function directory(): string {
  const { dir, remove } = temporaryDirectory();
  cleanups.push(remove);
  return dir;
}

const keep = (nonce: number, slot: number, value: number) =>
  signedTransaction({
    key: accountKey(0),
    nonce,
    to: KEEPER_AT,
    data: concat(word(slot), word(value), word(0)),
    gasLimit: 200_000n,
  });

/** Blocks that set, change and clear slots; every fifth is empty. */
async function grow(chain: TestChain, from: number, to: number): Promise<void> {
  let nonce = Number((await nonceOf(chain)) ?? 0);
  for (let block = from; block <= to; block++) {
    const transactions =
      block % 5 === 0
        ? []
        : [keep(nonce++, block % 7, block % 3 === 0 ? 0 : block), keep(nonce++, 100 + block, block)];
    await chain.produce(transactions);
  }
}
async function nonceOf(chain: TestChain): Promise<bigint | undefined> {
  const { reader } = chain.chain;
  const address = chain.decode(keep(0, 0, 0)).from;
  return reader.stateAt(reader.head().number).account(address)?.nonce;
}

async function withDatabase<T>(dir: string, work: (db: DatabaseFiles) => Promise<T>): Promise<T> {
  const db = await openDatabase(dir);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** A stopped chain of `blocks` blocks in a folder of its own. */
async function stopped(blocks: number, retention = 0): Promise<{ dir: string; genesisHash: Hex }> {
  const dir = directory();
  const chain = await openTestChain({ genesis, dir, retention });
  await grow(chain, 1, blocks);
  const { genesisHash } = chain.chain.reader;
  await chain.close();
  return { dir, genesisHash };
}

async function dump(db: DatabaseFiles): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for await (const [key, value] of db.scan()) entries.set(bareHex(key), bareHex(value));
  return entries;
}

function diskBytes(dir: string): number {
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

describe('retention', () => {
  it('forgets bodies, receipts and index entries, each after its time, and says so when asked for them', async () => {
    const dir = directory();
    const chain = await openTestChain({
      genesis,
      dir,
      retention: 4,
      keep: { blocks: 12, receipts: 8, index: 6 },
    });
    await grow(chain, 1, 30);
    const { reader } = chain.chain;
    const genesisHash = reader.genesisHash;
    const hashes = [17, 18, 21, 22, 23, 24].map((number) => ({
      number,
      hash: reader.blockByNumber(number)?.transactions[0],
    }));
    expect(reader.blockByNumber(17)).toBeUndefined();
    expect(reader.blockByNumber(18)?.header.number).toBe(18);
    expect(() => reader.receipts(21)).toThrow(StateNotAvailable);
    expect(() => reader.receipts(21)).toThrow(
      /receipts of block 21 are no longer kept; the oldest are of 22/,
    );
    expect(reader.receipts(22)).toHaveLength(2);
    const found = hashes.map(({ number, hash }) => [
      number,
      hash !== undefined && reader.transactionLocation(toHex(keccak256(hash))) !== undefined,
    ]);
    expect(found).toEqual([
      [17, false],
      [18, false],
      [21, false],
      [22, false],
      [23, false],
      [24, true],
    ]);
    // What judges evidence stays.
    expect(reader.headerByNumber(1)?.number).toBe(1);
    expect(reader.validators(1)).toHaveLength(1);
    expect(reader.certificate(1)).toBeDefined();
    await chain.close();
    const report = await withDatabase(dir, (db) =>
      verifyDatabase(db, { genesisHash, recordAccounts, bls: verifier }),
    );
    expect(report).toMatchObject({ problems: [], head: 30, headers: 31, bodies: 13, receipts: 9 });
  });

  it('gives the space back', async () => {
    const dir = directory();
    const chain = await openTestChain({ genesis, dir, retention: 0 });
    let nonce = 0;
    for (let block = 1; block <= 60; block++) {
      // Bytes that do not compress.
      const data = concat(...Array.from({ length: 1_500 }, (_, i) => keccak256(word(block * 10_000 + i))));
      await chain.produce([
        signedTransaction({ key: accountKey(0), nonce: nonce++, to: KEEPER_AT, data, gasLimit: 2_500_000n }),
      ]);
    }
    const genesisHash = chain.chain.reader.genesisHash;
    await chain.close();
    const stats = await withDatabase(dir, databaseStats);
    expect(stats[0]).toMatchObject({ name: 'block', entries: 61 });
    const before = diskBytes(dir);
    await withDatabase(dir, (db) =>
      pruneAll(db, 60, { states: 5, blocks: 5, receipts: 5, index: 5 }, recordAccounts),
    );
    const after = diskBytes(dir);
    console.log(`pruning 60 blocks to 5: ${before} bytes on disk before, ${after} after`);
    expect(after).toBeLessThan(before / 4);
    const report = await withDatabase(dir, (db) => verifyDatabase(db, { genesisHash, recordAccounts }));
    expect(report).toMatchObject({ problems: [], bodies: 6 });
    const again = await openTestChain({ genesis, dir, retention: 5 });
    await grow(again, 61, 63);
    await again.close();
  });

  it('says when the disk had no room for it: LevelDB is silent about a rewrite, and takes no write after it', async () => {
    const { dir } = await stopped(12);
    const full = (db: DatabaseFiles): DatabaseFiles => {
      let isFull = false;
      return {
        ...db,
        async compact() {
          isFull = true;
        },
        async write(writes) {
          if (isFull) throw diskFull(dir);
          await db.write(writes);
        },
      };
    };
    const pruning = withDatabase(dir, (db) =>
      pruneAll(full(db), 12, { states: 5, blocks: 5, receipts: 5, index: 5 }, moduleTable.recordAccounts),
    );
    await expect(pruning).rejects.toThrow(/^DISK_FULL: .*make room/);
  });
});

describe('going back', () => {
  it('and coming again gives the same database, byte for byte', async () => {
    const { dir, genesisHash } = await stopped(23);
    const before = await withDatabase(dir, dump);
    const kept = await withDatabase(dir, async (db) =>
      Array.from({ length: 23 }, (_, i) => ({
        bytes: db.get(numberKey(COLUMN.block, i + 1))!.slice(),
        certificate: db.get(numberKey(COLUMN.certificate, i + 1))!.slice(),
      })),
    );
    await withDatabase(dir, async (db) => {
      expect(await rollbackTo(db, 9)).toMatchObject({ number: 9 });
      const report = await verifyDatabase(db, { genesisHash, recordAccounts, bls: verifier });
      expect(report).toMatchObject({ problems: [], head: 9, headers: 10 });
    });
    const chain = await openChain({ dir, genesis, ports: noPorts, bls: verifier, retention: 0 });
    for (const { bytes, certificate } of kept.slice(9)) {
      const answer = await chain.check(bytes);
      expect(answer.answer).toBe('valid');
      if (answer.answer === 'valid') await chain.commit(answer.block.hash, certificate);
    }
    await chain.close();
    expect(await withDatabase(dir, dump)).toEqual(before);
  });

  it('reaches as far as states are kept, and no further', async () => {
    const { dir, genesisHash } = await stopped(23, 6);
    await withDatabase(dir, async (db) => {
      await expect(rollbackTo(db, 16)).rejects.toMatchObject({ code: 'TOO_FAR_BACK' });
      await expect(rollbackTo(db, 23)).rejects.toMatchObject({ code: 'UNKNOWN_BLOCK' });
      await rollbackTo(db, 17);
      const report = await verifyDatabase(db, { genesisHash, recordAccounts });
      expect(report).toMatchObject({ problems: [], head: 17 });
    });
    const chain = await openTestChain({ genesis, dir, retention: 6 });
    await grow(chain, 18, 40);
    await chain.close();
    const report = await withDatabase(dir, (db) => verifyDatabase(db, { genesisHash, recordAccounts }));
    expect(report).toMatchObject({ problems: [], head: 40 });
  });
});

describe('damage', () => {
  const places: readonly (readonly [string, number, RegExp])[] = [
    ['a header', COLUMN.header, /header|follow|hash/],
    ['a body', COLUMN.block, /body/],
    ['receipts', COLUMN.receipts, /receipts/],
    ['a certificate', COLUMN.certificate, /certificate/],
    ['the index of blocks', COLUMN.blockHash, /not found by its hash/],
    ['the index of transactions', COLUMN.transaction, /not found by its hash/],
    ['the indexes of history', COLUMN.posting, /index entry/],
    ['a code', COLUMN.code, /code/],
    ['a body of a record', COLUMN.body, /lost its body/],
    ['an account', COLUMN.account, /state root|storage root|lost all/],
    ['a slot', COLUMN.slot, /storage root/],
    ['a node of the accounts', COLUMN.accountNode, /trie of the accounts/],
    ['a node of a storage', COLUMN.slotNode, /trie of account/],
    ['the name of an account', COLUMN.preimage, /not found by its hash/],
    ['the past of a value', COLUMN.history, /lost the value before/],
  ];
  it('is found in every column, and named', async () => {
    const { dir, genesisHash } = await stopped(12);
    for (const [what, column, expected] of places)
      for (const how of ['missing', 'changed'] as const) {
        if (how === 'changed' && column === COLUMN.history) continue;
        await withDatabase(dir, async (db) => {
          const entries: (readonly [Uint8Array, Uint8Array])[] = [];
          for await (const [key, value] of db.scan(Uint8Array.of(column), Uint8Array.of(column + 1)))
            if (
              value.length > 12 ||
              column === COLUMN.blockHash ||
              column === COLUMN.code ||
              column === COLUMN.transaction ||
              column === COLUMN.posting ||
              column === COLUMN.slot
            )
              entries.push([key.slice(), value.slice()]);
          const [key, value] = entries[Math.floor(entries.length / 2)]!;
          const changed = value.slice();
          // Sender and receiver at the end of stored receipts are kept for speed: no root commits to them.
          changed[column === COLUMN.receipts ? 9 : changed.length - 1]! ^= 1;
          await db.write([how === 'missing' ? { key } : { key, value: changed }]);
          const { problems } = await verifyDatabase(db, { genesisHash, recordAccounts, bls: verifier });
          expect(problems.join('\n'), `${what} ${how}`).toMatch(expected);
          await db.write([{ key, value }]);
        });
      }
    const report = await withDatabase(dir, (db) =>
      verifyDatabase(db, { genesisHash, recordAccounts, bls: verifier }),
    );
    expect(report.problems).toEqual([]);
  });

  it('of the last block stops a start in one line that says what to do', async () => {
    const { dir } = await stopped(6);
    const open = () => openChain({ dir, genesis, ports: noPorts, bls: verifier });
    const targets = [
      [numberKey(COLUMN.header, 6), /header of block 6 is missing/],
      [numberKey(COLUMN.block, 6), /body of block 6 is missing/],
      [numberKey(COLUMN.receipts, 6), /receipts of block 6 are missing/],
      [numberKey(COLUMN.certificate, 6), /certificate of block 6 is missing/],
      [Uint8Array.of(COLUMN.accountNode), /root of the state is missing/],
      [numberKey(COLUMN.header, 3), /header of block 3 is missing/],
    ] as const;
    for (const [key, message] of targets) {
      const value = await withDatabase(dir, async (db) => {
        const before = db.get(key)!.slice();
        await db.write([{ key }]);
        return before;
      });
      await expect(open()).rejects.toThrow(message);
      await expect(open()).rejects.toMatchObject({
        code: 'DATABASE_DAMAGED',
        message: expect.stringMatching(/openledger db verify.*openledger rollback.*openledger reset/),
      });
      await withDatabase(dir, (db) => db.write([{ key, value }]));
    }
    await (await open()).close();
  });
});

describe('an export', () => {
  it('comes in small pieces, also of accounts that have nothing but a balance', async () => {
    const dir = directory();
    const alloc: Genesis['alloc'] = {};
    for (let i = 1; i <= 3_000; i++) alloc[`0x${i.toString(16).padStart(40, 'a')}`] = { balance: 1n };
    await (await openTestChain({ genesis: testGenesis({ alloc }), dir })).close();
    const lengths = await withDatabase(dir, async (db) => {
      const all: number[] = [];
      for await (const { length } of exportState(db, 0, recordAccounts)) all.push(length);
      return all;
    });
    const whole = lengths.reduce((sum, length) => sum + length, 0);
    expect(whole).toBeGreaterThan(3 * LIMITS.exportPieceChars);
    // One account with its code may come on top.
    expect(Math.max(...lengths)).toBeLessThan(1.5 * LIMITS.exportPieceChars);
  });

  it('holds the whole state of the block: its accounts give the state root again', async () => {
    const { dir } = await stopped(20);
    for (const number of [20, 11]) {
      const text = await withDatabase(dir, async (db) => {
        let all = '';
        for await (const piece of exportState(db, number, recordAccounts)) all += piece;
        return all;
      });
      const json = JSON.parse(text) as {
        stateRoot: Hex;
        alloc: Record<Hex, { balance: Hex; nonce: Hex; code?: Hex; storage?: Record<Hex, Hex> }>;
        bodies: Record<Hex, Hex>;
      };
      const nothing = () => undefined;
      const accounts = Object.entries(json.alloc).map(([address, { balance, nonce, code, storage }]) => {
        const slots = Object.entries(storage ?? {}).map(([slot, value]) => ({
          key: toNibbles(keccak256(fromHex(slot as Hex))),
          value: encodeRlp(stripZeros(fromHex(value))),
        }));
        const value = encodeAccount({
          nonce: BigInt(nonce),
          balance: BigInt(balance),
          codeHash: code === undefined ? KECCAK_EMPTY : keccak256(fromHex(code)),
          storageRoot: rootHash(updateTrie(null, slots, nothing)),
        });
        return { key: toNibbles(keccak256(fromHex(address as Hex))), value };
      });
      expect(toHex(rootHash(updateTrie(null, accounts, nothing)))).toBe(json.stateRoot);
      for (const [hash, body] of Object.entries(json.bodies))
        expect(toHex(keccak256(fromHex(body)))).toBe(hash);
      expect(Object.keys(json.bodies).length).toBeGreaterThan(0);
    }
  });
});
