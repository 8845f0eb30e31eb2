/**
 * Questions about the past over 100,000 blocks through the indexes, against a scan of the same blocks' blooms and
 * receipts in the same run; and what the indexes cost the block that is committed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { searchTransactions, senderAndNonce } from '../../rpc/history.ts';
import { DEFAULT_LIMITS } from '../../rpc/limits.ts';
import { findLogs, type LogFilter } from '../../rpc/logs.ts';
import type { RpcContext } from '../../rpc/method.ts';
import { bloomOfLogs, joinBlooms } from '../../state/block/bloom.ts';
import { encodeBlock, encodeHeader, headerHash, NO_OMMERS, ZERO_NONCE } from '../../state/block/codec.ts';
import { encodeReceipt, encodeStoredReceipts } from '../../state/block/receipts.ts';
import { orderedRoot } from '../../state/block/roots.ts';
import { EMPTY_TRIE_ROOT_HEX, keccakHex, toHex, ZERO_HASH } from '../../state/crypto.ts';
import { type Database, openDatabase, type Write } from '../../state/db/database.ts';
import { encodeHead } from '../../state/db/head-record.ts';
import { COLUMN, metaKey, numberKey } from '../../state/db/keys.ts';
import { postingsOf } from '../../state/indexes/postings.ts';
import { NEW_INDEXES } from '../../state/indexes/store.ts';
import { createReader, type Reader } from '../../state/reader.ts';
import type { BlockHeader, ChainReader, Hex, Log, Receipt, ValidatorRecord } from '../../state/types.ts';
import { accountAddress, accountKey, openTestChain, signedTransaction } from '../unit/state/support.ts';
import type { BenchRow } from './types.ts';

const BLOCKS = 100_000;
const LOGS_A_BLOCK = 4;
/** Blocks with the rare topic and the rare sender. */
const RARE_EVERY = 20_000;
const HOLDERS = 5_000;
const TOKEN: Hex = '0x00000000000000000000000000000000000d0001';
const TRANSFER: Hex = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
const RARE: Hex = keccakHex(Buffer.from('rare'));
const RARE_SENDER = 3;
const ROUNDS = 5;
const BATCH = 500;

const holder = (n: number): Hex => `0x${(0x1000_0000 + (n % HOLDERS)).toString(16).padStart(40, '0')}`;
const topicOf = (address: Hex): Hex => `0x${address.slice(2).padStart(64, '0')}`;
const isRare = (number: number): boolean => number % RARE_EVERY === RARE_EVERY >> 1;

/** A head names validators, whom nobody here asks. */
const NOBODY: ValidatorRecord = {
  address: TOKEN,
  blsPublicKey: `0x${'00'.repeat(48)}`,
  power: 1n,
  recipient: TOKEN,
  priority: 0n,
};

/** The blooms of holders and topics come again and again: each is hashed once. */
const blooms = new Map<string, Uint8Array>();
function bloomOf(log: Log): Uint8Array {
  const parts = [{ ...log, topics: [] }, ...log.topics.map((topic) => ({ ...log, topics: [topic] }))];
  return joinBlooms(
    parts.map((part) => {
      const name = part.address + part.topics.join();
      const known = blooms.get(name) ?? bloomOfLogs([part]);
      blooms.set(name, known);
      return known;
    }),
  );
}

function receiptsOf(number: number): { receipts: Receipt[]; raws: Uint8Array[] } {
  const raws: Uint8Array[] = [];
  const receipts = Array.from({ length: LOGS_A_BLOCK }, (_, i): Receipt => {
    const from = holder(number * 7 + i * 13);
    const topics = [TRANSFER, topicOf(from), topicOf(holder(number * 11 + i * 17 + 1))];
    const logs: Log[] = [{ address: TOKEN, topics, data: new Uint8Array(32) }];
    return {
      type: 2,
      status: 1,
      cumulativeGasUsed: 0n,
      gasUsed: 50_000n,
      effectiveGasPrice: 1n,
      logs,
      logsBloom: bloomOf(logs[0]!),
      contractAddress: null,
      revertData: new Uint8Array(0),
      inside: { operations: [], called: [] },
      transactionHash: keccakHex(Buffer.from(`${number} ${i}`)),
      from,
      to: TOKEN,
    };
  });
  if (isRare(number)) {
    const nonce = Math.floor(number / RARE_EVERY);
    const raw = signedTransaction({ key: accountKey(RARE_SENDER), nonce, to: TOKEN });
    const log: Log = {
      address: TOKEN,
      topics: [TRANSFER, RARE, topicOf(holder(nonce))],
      data: new Uint8Array(32),
    };
    const last = receipts.length - 1;
    receipts[0] = { ...receipts[0]!, from: accountAddress(RARE_SENDER), transactionHash: keccakHex(raw) };
    receipts[last] = { ...receipts[last]!, logs: [log], logsBloom: bloomOf(log) };
    raws.push(raw);
  }
  return { receipts, raws };
}

function headerOf(number: number, receipts: readonly Receipt[]): BlockHeader {
  return {
    parentHash: ZERO_HASH,
    ommersHash: NO_OMMERS,
    coinbase: holder(number),
    stateRoot: EMPTY_TRIE_ROOT_HEX,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: toHex(joinBlooms(receipts.map(({ logsBloom }) => logsBloom))),
    difficulty: 0n,
    number,
    gasLimit: 30_000_000n,
    gasUsed: 0n,
    timestamp: number,
    extraData: ZERO_HASH,
    prevRandao: ZERO_HASH,
    nonce: ZERO_NONCE,
    baseFeePerGas: 1n,
    withdrawalsRoot: EMPTY_TRIE_ROOT_HEX,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: ZERO_HASH,
  };
}

async function fill(db: Database): Promise<void> {
  let writes: Write[] = [NEW_INDEXES];
  for (let number = 0; number < BLOCKS; number++) {
    const { receipts, raws } = receiptsOf(number);
    const header = headerOf(number, receipts);
    writes.push(
      { key: numberKey(COLUMN.header, number), value: encodeHeader(header) },
      { key: numberKey(COLUMN.receipts, number), value: encodeStoredReceipts(receipts) },
    );
    if (raws.length > 0) {
      const origin = {
        originRound: 0,
        timestampMs: number * 1000,
        reveal: new Uint8Array(96),
        lastCommit: null,
      };
      const bytes = encodeBlock({ header, transactions: raws, ...origin });
      writes.push({ key: numberKey(COLUMN.block, number), value: bytes });
    }
    for (const entry of postingsOf(number, receipts)) writes.push(entry);
    if (number === BLOCKS - 1) {
      const head = { number, hash: headerHash(header), stateRoot: header.stateRoot, timestamp: number };
      const sets = { nextValidators: [NOBODY], afterNextValidators: [NOBODY] };
      writes.push({
        key: metaKey('head'),
        value: encodeHead({ ...head, timestampMs: number * 1000, ...sets }),
      });
    }
    if (number % BATCH === BATCH - 1) {
      await db.write(writes);
      writes = [];
    }
  }
}

function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** The best of some rounds; what it found, to be compared. */
async function best(
  rounds: number,
  work: () => Promise<unknown>,
): Promise<{ wall: number; cpu: number; found: string }> {
  let [wall, cpu, found] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, ''];
  for (let round = 0; round < rounds; round++) {
    const [started, used] = [performance.now(), process.cpuUsage()];
    const result = await work();
    wall = Math.min(wall, performance.now() - started);
    cpu = Math.min(cpu, cpuMs(used));
    found = JSON.stringify(result);
  }
  return { wall, cpu, found };
}

/** The same chain to somebody without indexes. */
function unindexed(reader: Reader): Reader {
  return { ...reader, postings: { ...reader.postings, oldest: () => BLOCKS } };
}

const limits = { ...DEFAULT_LIMITS, maxLogBlocks: BLOCKS, maxHistoryBlocks: BLOCKS };
const context = (reader: ChainReader): RpcContext => ({ reader, limits }) as unknown as RpcContext;

async function questions(reader: Reader): Promise<BenchRow[]> {
  const filter = (addresses: Hex[], topics: Hex[][]): LogFilter => ({
    fromBlock: undefined,
    toBlock: undefined,
    blockHash: undefined,
    addresses,
    topics,
  });
  const sender = accountAddress(RARE_SENDER);
  // The state of this chain is empty; the sender's nonce is past what is asked.
  const withNonce = (base: Reader): Reader => ({
    ...base,
    stateAt: (number) => ({
      ...base.stateAt(number),
      account: () => ({ nonce: 99n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT_HEX, codeHash: ZERO_HASH }),
    }),
  });
  const logs = (wanted: LogFilter) => (from: Reader) => findLogs(from, wanted, 0, BLOCKS - 1, limits);
  const asked: [string, (from: Reader) => Promise<unknown>][] = [
    ['getLogs.rare-topic', logs(filter([], [[], [RARE]]))],
    ['getLogs.rare-topic-of-a-busy-token', logs(filter([TOKEN], [[TRANSFER], [RARE]]))],
    ['getLogs.one-holder', logs(filter([TOKEN], [[TRANSFER], [topicOf(holder(1))]]))],
    ['searchTransactions.rare-sender', (from) => searchTransactions(context(from), sender, 0, 25, 'before')],
    ['senderAndNonce', (from) => senderAndNonce(context(withNonce(from)), sender, 1n)],
  ];
  const rows: BenchRow[] = [];
  for (const [name, ask] of asked) {
    const ours = await best(ROUNDS, () => ask(reader));
    const scan = await best(1, () => ask(unindexed(reader)));
    if (ours.found !== scan.found) throw new Error(`${name}: the indexes and the scan disagree`);
    rows.push({
      name: `indexes.${name}`,
      value: ours.wall,
      unit: `ms over ${BLOCKS} blocks (CPU ${ours.cpu.toFixed(1)})`,
      peer: `scan of blooms and receipts ${scan.wall.toFixed(0)} (CPU ${scan.cpu.toFixed(0)})`,
      ratio: scan.cpu / ours.cpu,
    });
  }
  return rows;
}

const TRANSFERS = 500;

/** What the indexes add to a block of transfers that is built and committed. */
async function costOfTransfers(db: Database): Promise<BenchRow> {
  const chain = await openTestChain({ accounts: TRANSFERS });
  let [whole, indexes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let nonce = 0; nonce < ROUNDS + 1; nonce++) {
    const raws = Array.from({ length: TRANSFERS }, (_, who) =>
      signedTransaction({ key: accountKey(who), nonce, to: holder(who * 7 + nonce * 13), value: 1n }),
    );
    const start = process.cpuUsage();
    const { block, receipts } = await chain.produce(raws);
    whole = Math.min(whole, cpuMs(start));
    if (receipts.length !== TRANSFERS) throw new Error('the block is not full');
    const alone = process.cpuUsage();
    await db.write(postingsOf(block.header.number, receipts));
    indexes = Math.min(indexes, cpuMs(alone));
  }
  await chain.close();
  return {
    name: 'indexes.cost.transfers',
    value: (indexes * 1000) / TRANSFERS,
    unit: 'us of CPU a transfer',
    peer: `build and commit, indexes included ${((whole * 1000) / TRANSFERS).toFixed(0)}`,
    ratio: whole / indexes,
  };
}

/** The block with most to index: logs with four topics that nobody has named before. */
async function worstBlock(db: Database): Promise<BenchRow> {
  const gasOfLog = 375 * 5;
  const count = Math.floor(Number(DEFAULT_PARAMS.block.gasLimit) / gasOfLog);
  const logs = Array.from(
    { length: count },
    (_, i): Log => ({
      address: TOKEN,
      topics: [0, 1, 2, 3].map((at) => keccakHex(Buffer.from(`worst ${i} ${at}`))),
      data: new Uint8Array(0),
    }),
  );
  const [model] = receiptsOf(0).receipts;
  const receipts = [{ ...model!, logs, logsBloom: new Uint8Array(256) }];
  const ours = await best(3, async () => db.write(postingsOf(BLOCKS, receipts)));
  const hashed = await best(3, async () => {
    const logsBloom = bloomOfLogs(logs);
    orderedRoot([encodeReceipt({ ...receipts[0]!, logsBloom })]);
  });
  return {
    name: 'indexes.cost.worst-block',
    value: ours.wall,
    unit: `ms for ${count} logs of four new topics (CPU ${ours.cpu.toFixed(0)})`,
    peer: `bloom and receipts root of the same block ${hashed.wall.toFixed(0)} (CPU ${hashed.cpu.toFixed(0)})`,
    ratio: hashed.cpu / ours.cpu,
  };
}

export async function run(): Promise<BenchRow[]> {
  const dir = mkdtempSync(join(tmpdir(), 'openledger-bench-'));
  const db = await openDatabase(dir);
  try {
    await fill(db);
    const rows = await questions(createReader(db, DEFAULT_PARAMS, ZERO_HASH));
    return [...rows, await costOfTransfers(db), await worstBlock(db)];
  } finally {
    await db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

export const about =
  '100,000 synthetic blocks with four token transfers each among 5,000 holders, in a LevelDB of their own.';
