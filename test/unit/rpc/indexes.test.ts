/**
 * What the indexes answer against a look at everything: random chains, whose blocks are traced by the other engine as
 * they come, then asked whole, pruned, taken back, half rebuilt, rebuilt, and after a crash in the middle of it.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { creatorOf, searchTransactions, senderAndNonce } from '../../../rpc/history.ts';
import { DEFAULT_LIMITS } from '../../../rpc/limits.ts';
import { findLogs, type LogFilter, matches } from '../../../rpc/logs.ts';
import type { RpcContext } from '../../../rpc/method.ts';
import { historyMethods } from '../../../rpc/methods/ol-history.ts';
import { createCaller } from '../../../state/call.ts';
import { bareHex, concat, fromHex, toHex } from '../../../state/crypto.ts';
import { type DatabaseFiles, openDatabase } from '../../../state/db/database.ts';
import { COLUMN, metaKey } from '../../../state/db/keys.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { emptyIndexes } from '../../../state/indexes/store.ts';
import { reindex } from '../../../state/maintenance/reindex.ts';
import { rollbackTo } from '../../../state/maintenance/rollback.ts';
import { verifyDatabase } from '../../../state/maintenance/verify.ts';
import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import type { CallFrame, Hex, InternalOperation, Log } from '../../../state/types.ts';
import { deploy } from '../state/bytecode.ts';
import {
  accountAddress,
  accountKey,
  authorization,
  openTestChain,
  signedTransaction,
  type TestChain,
  temporaryDirectory,
  testGenesis,
  word,
} from '../state/support.ts';

const TRANSFER: Hex = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
const APPROVAL: Hex = '0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7b925b9';
const at = (n: number): Hex => `0x${(0xd0000 + n).toString(16).padStart(40, '0')}`;
/** Logs three topics and a word of data, or four topics. */
const [COIN, ART] = [at(1), at(2)];
/** Calls the address in its first word with the rest and its value; the second one reverts afterwards. */
const [RELAY, REGRET] = [at(3), at(4)];
/** Makes a contract with its value, by CREATE and by CREATE2 with its first word as salt. */
const [MAKER, MAKER2] = [at(5), at(6)];
/** Ends itself for its caller: only its value goes. */
const ENDER = at(7);
const relay = '602036036020' + '5f37' + '5f5f602036035f345f355a' + 'f150';
const make = '6001600c60003960016000f300';
const contract = (code: string, balance = 0n) => ({ balance, nonce: 1n, code: `0x${code}` as Hex });
const genesis = testGenesis({
  accounts: 6,
  alloc: {
    [COIN]: contract('6060355f526040356020355f3560205fa300'),
    [ART]: contract('6060356040356020355f355f5fa400'),
    [RELAY]: contract(`${relay}00`),
    [REGRET]: contract(`${relay}5f5ffd`),
    [MAKER]: contract(`6c${make}6000526000600d601334f000`.replace('6000600d', '600d')),
    [MAKER2]: contract(`5f356c${make}600052600d601334f500`),
    [ENDER]: contract('33ff', 7n),
  },
});

function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
type Random = ReturnType<typeof randomOf>;

/** What really happened in a transaction. */
interface Seen {
  readonly hash: Hex;
  readonly block: number;
  readonly index: number;
  readonly from: Hex;
  readonly nonce: bigint;
  readonly isFeeless: boolean;
  readonly touched: ReadonlySet<Hex>;
  readonly operations: readonly InternalOperation[];
  readonly created: ReadonlyMap<Hex, Hex>;
  readonly logs: readonly Log[];
}

function framesOf(frame: CallFrame): CallFrame[] {
  return [frame, ...frame.calls.flatMap(framesOf)];
}
function operationsOf(frame: CallFrame): InternalOperation[] {
  if (frame.error !== undefined) return [];
  const inner = frame.calls.flatMap(operationsOf);
  const { type, from, to, value } = frame;
  const moves =
    type === 'CREATE' || type === 'CREATE2' || type === 'SELFDESTRUCT' || (type === 'CALL' && value > 0n);
  return moves ? [{ type, from, to: to!, value } as InternalOperation, ...inner] : inner;
}

const isModule = (address: Hex) => moduleTable.at(address) !== undefined;

/** By the engine of the traces, which shares no code with the machine that ran the block. */
async function look(chain: TestChain, number: number): Promise<Seen[]> {
  const { reader } = chain.chain;
  const traces = await createCaller(reader).traceBlock(number, { details: true });
  return traces.map(({ receipt, frame }, index) => {
    const failed = frame.error !== undefined;
    const operations = failed ? [] : frame.calls.flatMap(operationsOf);
    const touched = new Set<Hex>([receipt.from]);
    if (receipt.to !== null) touched.add(receipt.to);
    if (receipt.contractAddress !== null) touched.add(receipt.contractAddress);
    // A contract that was taken back never was; an account that was called was called.
    for (const { type, to } of frame.calls.flatMap(framesOf))
      if (to !== null && !type.startsWith('CREATE') && type !== 'SELFDESTRUCT' && !isModule(to))
        touched.add(to);
    for (const { address } of receipt.logs) touched.add(address);
    for (const { from, to } of operations) touched.add(from).add(to);
    const created = new Map<Hex, Hex>();
    if (receipt.contractAddress !== null) created.set(receipt.contractAddress, receipt.from);
    for (const { type, from, to } of operations) if (type.startsWith('CREATE')) created.set(to, from);
    const transaction = chain.decode(reader.blockByNumber(number)!.transactions[index]!);
    return {
      hash: receipt.transactionHash,
      block: number,
      index,
      from: receipt.from,
      nonce: transaction.nonce,
      isFeeless: false,
      touched,
      operations,
      created,
      logs: receipt.logs,
    };
  });
}

const people = [0, 1, 2, 3, 4, 5].map(accountAddress);
const contracts = [COIN, ART, RELAY, REGRET, MAKER, MAKER2, ENDER];

/** One transaction of `who`; `nonces` counts what authorizations use up, too. */
function randomTransaction(random: Random, who: number, nonces: number[]): Uint8Array {
  const pick = <T>(items: readonly T[]): T => items[random(items.length)]!;
  const padded = (address: Hex): Uint8Array => concat(new Uint8Array(12), fromHex(address));
  const token = (): { to: Hex; data: Uint8Array } => ({
    to: pick([COIN, ART]),
    data: concat(
      fromHex(random(4) === 0 ? APPROVAL : TRANSFER),
      padded(pick(people)),
      padded(pick(people)),
      word(1 + random(9)),
    ),
  });
  const inner = (): { to: Hex; data: Uint8Array } => {
    switch (random(6)) {
      case 0:
        return token();
      case 1:
        return { to: pick([MAKER, MAKER2]), data: word(random(3)) };
      case 2:
        return { to: ENDER, data: new Uint8Array() };
      case 3:
        return { to: pick(people), data: new Uint8Array() };
      case 4: {
        const deeper = inner();
        return { to: pick([RELAY, REGRET]), data: concat(padded(deeper.to), deeper.data) };
      }
      default:
        return token();
    }
  };
  const own = { key: accountKey(who), nonce: nonces[who]!, gasLimit: 500_000n };
  nonces[who]! += 1;
  switch (random(8)) {
    case 0:
      return signedTransaction({ ...own, to: pick(people), value: BigInt(random(3)) });
    case 1:
      return signedTransaction({ ...own, to: null, data: deploy(fromHex('0x00')) });
    case 2: {
      const other = (who + 1) % people.length;
      const list = [authorization(accountKey(other), RELAY, nonces[other]!)];
      // Delegates only the last account, which then acts like a relay of its own.
      if (other !== 5) return signedTransaction({ ...own, to: pick(people), value: 1n });
      nonces[other]! += 1;
      return signedTransaction({ ...own, to: pick(people), authorizationList: list });
    }
    case 3:
      return signedTransaction({
        ...own,
        to: dataNetInterface.address,
        data: dataNetInterface.encodeCall('create', ['verse', '', '', []]),
      });
    default: {
      const { to, data } = inner();
      const value = random(2) === 0 || to === COIN || to === ART ? 0n : BigInt(1 + random(5));
      return signedTransaction({ ...own, to, data, value });
    }
  }
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Grown {
  readonly dir: string;
  readonly seen: Seen[];
  chain: TestChain;
  readonly nonces: number[];
}

async function grow(grown: Grown, random: Random, blocks: number): Promise<void> {
  const { chain, seen, nonces } = grown;
  for (let i = 0; i < blocks; i++) {
    const transactions: Uint8Array[] = [];
    // Account 5 is delegated and its nonce used by others: it sends nothing itself in the same block.
    for (let n = random(6); n > 0; n--) transactions.push(randomTransaction(random, random(5), nonces));
    const { block, built } = await chain.produce(transactions);
    expect(built.dropped).toEqual([]);
    expect(block.transactions).toHaveLength(transactions.length);
    seen.push(...(await look(chain, block.header.number)));
  }
}

async function newChain(keep?: { blocks: number; receipts: number; index: number }): Promise<Grown> {
  const { dir, remove } = temporaryDirectory();
  cleanups.push(remove);
  const chain = await openTestChain({ genesis, dir, retention: 0, ...(keep && { keep }) });
  return { dir, chain, seen: [], nonces: people.map(() => 0) };
}

async function withDatabase<T>(dir: string, work: (db: DatabaseFiles) => Promise<T>): Promise<T> {
  const db = await openDatabase(dir);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

async function postingsIn(dir: string): Promise<string[]> {
  return withDatabase(dir, async (db) => {
    const all: string[] = [];
    for await (const [key, value] of db.scan(
      Uint8Array.of(COLUMN.posting),
      Uint8Array.of(COLUMN.posting + 1),
    ))
      all.push(`${bareHex(key)} ${bareHex(value)}`);
    return all;
  });
}

const limits = { ...DEFAULT_LIMITS, maxPageItems: 1_000 };
const context = ({ chain }: Grown): RpcContext =>
  ({ reader: chain.chain.reader, limits }) as unknown as RpcContext;

type HistoryItem = { hash?: Hex; transactionHash?: Hex; blockNumber: number; logIndex?: number };
interface HistoryPage {
  items: HistoryItem[];
  next: string | null;
}
/** All pages of an `ol` list. */
async function allPages(
  grown: Grown,
  name: string,
  who: Hex,
  limit: number,
  extra = {},
): Promise<HistoryItem[]> {
  const items: HistoryItem[] = [];
  const method = historyMethods(limits)[name]!;
  for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
    const args = [who, { limit, ...extra, ...(cursor === null ? {} : { cursor }) }];
    const read = method.params.map((param, i) => param.read(args[i]));
    const page = (await method.run(context(grown), read, undefined)) as HistoryPage;
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

/** Asks everything, and compares with `seen` in the blocks from `first` on. */
async function compare(grown: Grown, random: Random, options: { indexed?: boolean } = {}): Promise<void> {
  const { chain } = grown;
  const { reader } = chain.chain;
  const head = reader.head().number;
  const first = reader.postings.first();
  const oldest = options.indexed === false ? reader.postings.oldest() : first;
  const seen = grown.seen.filter(({ block }) => block >= first && block <= head);
  const newestFirst = [...seen].sort((a, b) => b.block - a.block || b.index - a.index);
  const others = [...new Set(seen.flatMap(({ touched }) => [...touched]))];
  // Everybody who is asked often, and some of the rest, each time others.
  const asked = new Set<Hex>([
    ...people,
    ...contracts,
    ...Array.from({ length: 8 }, () => others[random(others.length)]!),
  ]);

  for (const who of asked) {
    const mine = newestFirst.filter(({ touched }) => touched.has(who)).map(({ hash }) => hash);
    const found: Hex[] = [];
    let before = 0;
    for (let isLast = false; !isLast; ) {
      const page = (await searchTransactions(context(grown), who, before, 5 + random(20), 'before')) as {
        txs: { hash: Hex; blockNumber: Hex }[];
        receipts: { transactionHash: Hex }[];
        lastPage: boolean;
      };
      expect(page.receipts.map(({ transactionHash }) => transactionHash)).toEqual(
        page.txs.map(({ hash }) => hash),
      );
      found.push(...page.txs.map(({ hash }) => hash));
      isLast = page.lastPage;
      if (page.txs.length > 0) before = Number(page.txs.at(-1)!.blockNumber);
      if (before === 0) break;
    }
    expect(found, `transactions of ${who}`).toEqual(mine);
    const after = (await searchTransactions(context(grown), who, 0, 999, 'after')) as {
      txs: { hash: Hex }[];
    };
    expect(after.txs.map(({ hash }) => hash)).toEqual(mine);

    const indexed = newestFirst.filter(({ block }) => block >= oldest);
    const listed = await allPages(grown, 'ol_addressTransactions', who, 10 + random(20));
    expect(listed.map(({ hash }) => hash)).toEqual(
      indexed.filter(({ touched }) => touched.has(who)).map(({ hash }) => hash),
    );
    const moved = indexed.flatMap(({ hash, operations }) =>
      [...operations].reverse().flatMap(({ from, to }) => (from === who || to === who ? [hash] : [])),
    );
    const internal = await allPages(grown, 'ol_internalTransfers', who, 5 + random(9));
    expect(internal.map(({ transactionHash }) => transactionHash)).toEqual(moved);
    const topic = `0x${who.slice(2).padStart(64, '0')}`;
    for (const standard of ['erc20', 'erc721'] as const) {
      const expected = indexed.flatMap(({ hash, logs }) =>
        logs
          .filter(({ topics }) => topics[0] === TRANSFER && (topics[1] === topic || topics[2] === topic))
          .filter(({ topics }) => topics.length === (standard === 'erc20' ? 3 : 4))
          .map(() => hash),
      );
      const tokens = await allPages(grown, 'ol_tokenTransfers', who, 5 + random(9), { standard });
      expect(tokens.map(({ transactionHash }) => transactionHash)).toEqual(expected);
    }

    const creation = newestFirst.find(({ created }) => created.has(who));
    const hasCode = reader.stateAt(head).code(who).length > 0 && !people.includes(who);
    expect(await creatorOf(context(grown), who)).toEqual(
      creation && hasCode ? { hash: creation.hash, creator: creation.created.get(who) } : null,
    );
  }

  for (const [index, who] of people.entries())
    for (let nonce = 0; nonce < grown.nonces[index]! + 2; nonce++) {
      const sent = seen.find((item) => item.from === who && item.nonce === BigInt(nonce));
      const asked = senderAndNonce(context(grown), who, BigInt(nonce)).catch((error) => error.code);
      // Forgotten is not the same as never sent.
      if (sent !== undefined || first === 0) expect(await asked).toBe(sent?.hash ?? null);
      else expect([null, 'STATE_NOT_AVAILABLE']).toContain(await asked);
    }

  const names = [...new Set(seen.flatMap(({ logs }) => logs.flatMap(({ topics }) => topics)))];
  const somewhere = () => first + random(head - first + 1);
  for (let i = 0; i < 40; i++) {
    const some = <T>(items: readonly T[]): T[] =>
      random(2) === 0 || items.length === 0
        ? []
        : Array.from({ length: 1 + random(3) }, () => items[random(items.length)]!);
    const filter: LogFilter = {
      fromBlock: undefined,
      toBlock: undefined,
      blockHash: undefined,
      addresses: some([COIN, ART, people[0]!]),
      topics: Array.from({ length: random(4) }, () => some(names)),
    };
    const [a, b] = [somewhere(), somewhere()];
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    let logIndex = 0;
    let block = -1;
    const expected = seen.flatMap((item) => {
      if (item.block !== block) logIndex = 0;
      block = item.block;
      return item.logs.flatMap((log) => {
        const index = logIndex++;
        return item.block >= from && item.block <= to && matches(filter, log)
          ? [`${item.hash} ${index}`]
          : [];
      });
    });
    const found = (await findLogs(reader, filter, from, to, limits)) as {
      transactionHash: Hex;
      logIndex: Hex;
    }[];
    expect(found.map((log) => `${log.transactionHash} ${Number(log.logIndex)}`)).toEqual(expected);
  }
}

/** A chosen seed gets a longer chain. */
const BLOCKS = process.env['SEED'] === undefined ? 28 : 70;
const seeds = process.env['SEED'] === undefined ? [1] : [Number(process.env['SEED'])];

describe('what the indexes answer is what happened', () => {
  for (const seed of seeds)
    it(`on a chain that grows, goes back and is indexed anew (seed ${seed})`, {
      timeout: 120_000,
    }, async () => {
      console.log(`seed ${seed}; replay with SEED=${seed}`);
      const random = randomOf(seed);
      const grown = await newChain();
      await grow(grown, random, BLOCKS);
      const { reader } = grown.chain.chain;
      for (const item of grown.seen) {
        if (item.touched.has(dataNetInterface.address)) continue;
        const stored = reader.receipts(item.block)![item.index]!.inside;
        expect(stored?.operations, item.hash).toEqual(item.operations);
      }
      await compare(grown, random);
      const { genesisHash } = reader;
      await grown.chain.close();
      const whole = await postingsIn(grown.dir);
      const isWhole = () =>
        withDatabase(grown.dir, async (db) => {
          const report = await verifyDatabase(db, {
            genesisHash,
            recordAccounts: moduleTable.recordAccounts,
          });
          expect(report.problems).toEqual([]);
          return report.indexEntries;
        });
      expect(await isWhole()).toBe(whole.length);

      // Interrupted after a few batches: what is below is scanned, what is above comes from the indexes.
      let batches = 0;
      const part = await withDatabase(grown.dir, (db) =>
        reindex(db, { anew: true, batch: 100, stop: () => batches++ > 1 }),
      );
      expect(part.oldest).toBeGreaterThan(3);
      await isWhole();
      grown.chain = await openTestChain({ genesis, dir: grown.dir, retention: 0 });
      expect(grown.chain.chain.reader.postings.oldest()).toBe(part.oldest);
      await compare(grown, random, { indexed: false });
      await grown.chain.close();
      const rest = await withDatabase(grown.dir, (db) => reindex(db));
      expect([rest.oldest, rest.blocks + part.blocks]).toEqual([0, BLOCKS + 1]);
      expect(await postingsIn(grown.dir)).toEqual(whole);

      // Back, and on from there with other blocks.
      const target = 10 + random(BLOCKS - 12);
      await withDatabase(grown.dir, (db) => rollbackTo(db, target));
      await isWhole();
      const undone = grown.seen.splice(grown.seen.findIndex(({ block }) => block > target));
      for (const [i, who] of people.entries()) {
        const first = undone.find(({ from }) => from === who);
        if (first !== undefined) grown.nonces[i] = Number(first.nonce);
      }
      grown.chain = await openTestChain({ genesis, dir: grown.dir, retention: 0 });
      const { reader: again } = grown.chain.chain;
      for (const [i, who] of people.entries())
        grown.nonces[i] = Number(again.stateAt(target).account(who)?.nonce ?? 0n);
      await compare(grown, random);
      await grow(grown, random, 8);
      await compare(grown, random);
      await grown.chain.close();
      await isWhole();
    });

  it('where receipts are forgotten, in what is left, and nothing else is left', {
    timeout: 120_000,
  }, async () => {
    const seed = seeds[0]! + 100;
    console.log(`seed ${seed}`);
    const random = randomOf(seed);
    const grown = await newChain({ blocks: 20, receipts: 10, index: 15 });
    await grow(grown, random, 24);
    const { reader } = grown.chain.chain;
    expect([reader.postings.oldest(), reader.postings.first()]).toEqual([14, 14]);
    await compare(grown, random);
    const { genesisHash } = reader;
    await grown.chain.close();
    const whole = await postingsIn(grown.dir);
    await withDatabase(grown.dir, async (db) => {
      const report = await verifyDatabase(db, { genesisHash, recordAccounts: moduleTable.recordAccounts });
      expect(report).toMatchObject({ problems: [], indexEntries: whole.length });
      expect(await reindex(db)).toMatchObject({ oldest: 14, last: 14, blocks: 11 });
    });
    expect(await postingsIn(grown.dir)).toEqual(whole);
  });

  it('after a crash while they were thrown away, and on a chain of an older version', {
    timeout: 120_000,
  }, async () => {
    const random = randomOf(7);
    const grown = await newChain();
    await grow(grown, random, 12);
    await grown.chain.close();
    const whole = await postingsIn(grown.dir);
    await withDatabase(grown.dir, async (db) => {
      // As far as `emptyIndexes` gets: the form is gone, half of the postings are.
      await db.write([{ key: metaKey('indexFormat') }]);
      const half = fromHex(`0x${whole[whole.length >> 1]!.split(' ')[0]}`);
      await db.clear(Uint8Array.of(COLUMN.posting), half);
    });
    grown.chain = await openTestChain({ genesis, dir: grown.dir, retention: 0 });
    expect(grown.chain.chain.reader.postings.oldest()).toBe(13);
    expect(await postingsIn(grown.dir)).toEqual([]);
    await grow(grown, random, 12);
    await compare(grown, random, { indexed: false });
    await grown.chain.close();
    await withDatabase(grown.dir, async (db) => {
      expect((await rollbackTo(db, 9)).number).toBe(9);
      await emptyIndexes(db);
      expect(await reindex(db)).toMatchObject({ head: 9, oldest: 0, blocks: 10 });
    });
    const upTo9 = whole.filter((line) => Number.parseInt(line.split(' ')[0]!.slice(-12), 16) <= 9);
    expect(await postingsIn(grown.dir)).toEqual(upTo9);
  });
});

it('a posting of a stranger is found by the verification', async () => {
  const grown = await newChain();
  await grow(grown, randomOf(3), 3);
  const { genesisHash } = grown.chain.chain.reader;
  await grown.chain.close();
  await withDatabase(grown.dir, async (db) => {
    const key = concat(Uint8Array.of(COLUMN.posting, 5), fromHex(people[0]!), word(2).subarray(26));
    await db.write([{ key: concat(key.subarray(0, -6), word(1).subarray(26)), value: Uint8Array.of(9) }]);
    const report = await verifyDatabase(db, { genesisHash, recordAccounts: moduleTable.recordAccounts });
    expect(report.problems.join()).toMatch(/index/);
    await reindex(db, { anew: true });
    expect(
      (await verifyDatabase(db, { genesisHash, recordAccounts: moduleTable.recordAccounts })).problems,
    ).toEqual([]);
  });
  expect(toHex(Uint8Array.of(COLUMN.posting))).toBe('0x70');
});
