/**
 * An Ethereum chain, of any fork, in our own state: a genesis file and blocks, executed one after the other with
 * consensus off. Proof of work, its rewards and blobs have no place on this chain, so the rules of the older forks
 * are those of the library; accounts, slots, tries, history and database are ours, and every state root is compared.
 */
import { createBlockFromRLP } from '@ethereumjs/block';
import { type Common, createCommonFromGethGenesis } from '@ethereumjs/common';
import { createEVM } from '@ethereumjs/evm';
import type { TypedTransaction } from '@ethereumjs/tx';
import type { KZG } from '@ethereumjs/util';
import { createVM, runBlock } from '@ethereumjs/vm';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { type HeadState, openHeadState } from '../../../state/accounts/head-state.ts';
import { bloomOfLogs } from '../../../state/block/bloom.ts';
import { encodeHeader, headerHash, NO_OMMERS } from '../../../state/block/codec.ts';
import { orderedRoot } from '../../../state/block/roots.ts';
import {
  bareHex,
  bigintToBytes,
  concat,
  EMPTY_TRIE_ROOT,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  padLeft,
  toHex,
} from '../../../state/crypto.ts';
import type { Database, Write } from '../../../state/db/database.ts';
import { encodeHead } from '../../../state/db/head-record.ts';
import { COLUMN, hashKey, key, metaKey, numberKey, readU48, u32, u48 } from '../../../state/db/keys.ts';
import { versionedWriter } from '../../../state/db/versioned.ts';
import { slotName, World } from '../../../state/execution/world.ts';
import { createReader, type Reader } from '../../../state/reader.ts';
import { decodeRlp, encodeRlp } from '../../../state/rlp.ts';
import type { BlockHeader, Hex, Receipt } from '../../../state/types.ts';
import { kzg } from '../state/kzg.ts';
import { readBlock, readHeader, splitChain } from './ethereum-blocks.ts';

export interface GenesisFile {
  config: { chainId: number } & Record<string, unknown>;
  alloc: Record<string, { balance: string; nonce?: string; code?: string; storage?: Record<string, string> }>;
  nonce: string;
  timestamp: string;
  extraData: string;
  gasLimit: string;
  difficulty: string;
  mixHash: string;
  coinbase: string;
}

export interface ImportedChain {
  readonly reader: Reader;
  readonly common: Common;
}

/** @throws Error when a block does not give the roots that its header names */
export async function importChain(genesis: GenesisFile, chain: Uint8Array): Promise<ImportedChain> {
  const db = memoryDatabase();
  const receiptsOf = new Map<number, Receipt[]>();
  const common = createCommonFromGethGenesis(genesis as never, {
    chain: 'execution-apis',
    customCrypto: { kzg: kzg as unknown as KZG },
  });
  const params = {
    ...DEFAULT_PARAMS,
    chainId: genesis.config.chainId,
    block: { ...DEFAULT_PARAMS.block, minBaseFeePerGas: 0n },
  };
  const { header, state } = await writeGenesis(db, genesis);
  receiptsOf.set(0, []);
  const reader = createReader(db, params, headerHash(header), {
    header: (bytes) => readHeader(decodeRlp(bytes)),
    block: readBlock,
    receipts: (bytes) => receiptsOf.get(readU48(bytes, 0)) ?? [],
  });
  for (const bytes of splitChain(chain)) {
    const { header: next } = readBlock(bytes);
    const world = new ImportWorld(state);
    const receipts = await execute(world, bytes, common, reader);
    const sealed = world.seal();
    if (toHex(sealed.stateRoot) !== next.stateRoot)
      throw new Error(`block ${next.number}: state root ${toHex(sealed.stateRoot)}, not ${next.stateRoot}`);
    receiptsOf.set(next.number, receipts);
    await writeBlock(db, state, sealed, next, bytes);
    state.advance(sealed);
  }
  return { reader, common };
}

/** The state while the library executes a block, with roots in the middle of it: receipts once held them. */
class ImportWorld extends World {
  readonly head: HeadState;
  constructor(head: HeadState) {
    super(head);
    this.head = head;
  }

  seal(): ReturnType<HeadState['seal']> {
    return this.head.seal(this.unfinished());
  }

  override async getStateRoot(): Promise<Uint8Array> {
    return this.seal().stateRoot;
  }
}

async function execute(
  world: ImportWorld,
  bytes: Uint8Array,
  common: Common,
  reader: Reader,
): Promise<Receipt[]> {
  const block = createBlockFromRLP(bytes, { common, setHardfork: true });
  const blockchain = {
    async getBlock(number: number) {
      return { hash: () => fromHex(reader.hashByNumber(number)!) };
    },
    async putBlock() {},
    shallowCopy: () => blockchain,
  };
  const blockCommon = block.common.copy();
  const evm = await createEVM({ common: blockCommon, stateManager: world, blockchain });
  const vm = await createVM({
    common: blockCommon,
    stateManager: world,
    evm,
    blockchain: blockchain as never,
  });
  const result = await runBlock(vm, { block, skipBlockValidation: true });
  return result.receipts.map((receipt, index) => {
    const tx = block.transactions[index]!;
    const outcome = result.results[index]!;
    const logs = receipt.logs.map(([address, topics, data]) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data,
    }));
    const created = tx.to === undefined && outcome.execResult.exceptionError === undefined;
    const imported = {
      type: tx.type,
      ...('stateRoot' in receipt
        ? { postState: toHex(receipt.stateRoot) }
        : { status: receipt.status as 0 | 1 }),
      cumulativeGasUsed: receipt.cumulativeBlockGasUsed,
      gasUsed: outcome.totalGasSpent,
      effectiveGasPrice: priceOf(tx, block.header.baseFeePerGas),
      logs,
      logsBloom: bloomOfLogs(logs),
      contractAddress: created ? toHex(outcome.createdAddress!.bytes) : null,
      transactionHash: toHex(tx.hash()),
      from: toHex(tx.getSenderAddress().bytes),
      to: tx.to === undefined ? null : toHex(tx.to.bytes),
    };
    // Status and revert data that a receipt of its time did not have stay unknown.
    return imported as unknown as Receipt;
  });
}

function priceOf(tx: TypedTransaction, baseFee: bigint | undefined): bigint {
  if ('gasPrice' in tx) return tx.gasPrice;
  return tx.getEffectivePriorityFee(baseFee ?? 0n) + (baseFee ?? 0n);
}

/** A validator that nobody asks: the record of the head wants one. */
const NOBODY = {
  address: `0x${'00'.repeat(20)}` as Hex,
  blsPublicKey: `0x${'00'.repeat(48)}` as Hex,
  power: 1n,
  recipient: `0x${'00'.repeat(20)}` as Hex,
  priority: 0n,
};

async function writeBlock(
  db: Database,
  state: HeadState,
  sealed: ReturnType<HeadState['seal']>,
  header: BlockHeader,
  bytes: Uint8Array,
): Promise<void> {
  const { number } = header;
  const writes: Write[] = [];
  const versioned = versionedWriter(db, number, writes);
  writes.push(...state.writes(sealed, new Set(), versioned));
  versioned.finish();
  const { hash, transactions } = readBlock(bytes);
  writes.push(
    { key: numberKey(COLUMN.header, number), value: encodeHeader(header) },
    { key: numberKey(COLUMN.block, number), value: bytes },
    { key: numberKey(COLUMN.receipts, number), value: u48(number) },
    { key: hashKey(COLUMN.blockHash, hash), value: u48(number) },
    {
      key: metaKey('head'),
      value: encodeHead({
        number,
        hash,
        stateRoot: header.stateRoot,
        timestamp: header.timestamp,
        timestampMs: header.timestamp * 1000,
        nextValidators: [NOBODY],
        afterNextValidators: [NOBODY],
      }),
    },
  );
  for (const [index, raw] of transactions.entries())
    writes.push({
      key: key(COLUMN.transaction, keccak256(raw)),
      value: concat(u48(number), u32(index)),
    });
  await db.write(writes);
}

async function writeGenesis(
  db: Database,
  genesis: GenesisFile,
): Promise<{ header: BlockHeader; state: HeadState }> {
  const state = openHeadState(db, EMPTY_TRIE_ROOT);
  const world = new World(state);
  for (const [name, account] of Object.entries(genesis.alloc)) {
    const address = `0x${name.toLowerCase().replace(/^0x/, '')}` as Hex;
    world.write(address, {
      nonce: BigInt(account.nonce ?? 0),
      balance: BigInt(account.balance),
      storageRoot: EMPTY_TRIE_ROOT,
      codeHash: KECCAK_EMPTY,
    });
    if (account.code !== undefined) world.writeCode(address, fromHex(account.code.toLowerCase() as Hex));
    for (const [slot, value] of Object.entries(account.storage ?? {}))
      world.writeSlot(address, slotName(BigInt(slot)), bigintToBytes(BigInt(value)));
  }
  world.endTransaction();
  const sealed = state.seal(world.changes());
  const header = {
    parentHash: toHex(new Uint8Array(32)),
    ommersHash: NO_OMMERS,
    coinbase: genesis.coinbase.toLowerCase() as Hex,
    stateRoot: toHex(sealed.stateRoot),
    transactionsRoot: orderedRoot([]),
    receiptsRoot: orderedRoot([]),
    logsBloom: toHex(new Uint8Array(256)),
    difficulty: BigInt(genesis.difficulty),
    number: 0,
    gasLimit: BigInt(genesis.gasLimit),
    gasUsed: 0n,
    timestamp: Number(genesis.timestamp),
    extraData: genesis.extraData.toLowerCase() as Hex,
    prevRandao: genesis.mixHash as Hex,
    nonce: toHex(padLeft(bigintToBytes(BigInt(genesis.nonce)), 8)),
  } as unknown as BlockHeader;
  await writeBlock(db, state, sealed, header, encodeRlp([decodeRlp(encodeHeader(header)), [], []]));
  state.advance(sealed);
  return { header, state };
}

function memoryDatabase(): Database {
  const records = new Map<string, Uint8Array>();
  return {
    dir: '(memory)',
    get: (name) => records.get(bareHex(name)),
    // Nothing that is kept here is read in ranges.
    entries: async () => [],
    async write(writes) {
      for (const { key: name, value } of writes)
        if (value === undefined) records.delete(bareHex(name));
        else records.set(bareHex(name), value);
    },
    async close() {},
  };
}
