/**
 * Block 0. Its state is the accounts of the genesis file, the accounts of the modules, and what staking makes of
 * the validators; its header commits to all of it, and its parentHash is the hash of the parameters, so that chains
 * with different rules never share a genesis hash.
 */
import { canonicalParams } from '../genesis/schema.ts';
import type { ChainParams, Genesis } from '../genesis/types.ts';
import { openHeadState, type Sealed } from './accounts/head-state.ts';
import { BLOOM_BYTES } from './block/bloom.ts';
import {
  encodeBlock,
  headerHash,
  NO_OMMERS,
  NO_WITHDRAWALS,
  requestsHashOf,
  ZERO_NONCE,
} from './block/codec.ts';
import { orderedRoot } from './block/roots.ts';
import { setHash } from './block/validators.ts';
import {
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  fromHex,
  KECCAK_EMPTY,
  keccakHex,
  stripZeros,
  toHex,
  ZERO_ADDRESS,
  ZERO_HASH,
} from './crypto.ts';
import type { Database } from './db/database.ts';
import { systemContext } from './execution/module-context.ts';
import type { ModuleTable } from './execution/module-table.ts';
import { slotName, World } from './execution/world.ts';
import type { ValidatorSets } from './modules/context.ts';
import { type Block, ChainError, type ExecutionPorts, Fault, type Hex } from './types.ts';

/** What stands at a module's address: Solidity checks that a callee has code, and nothing ever runs this. */
export const MODULE_CODE = Uint8Array.of(0xfe);

export interface GenesisBlock {
  block: Block;
  bytes: Uint8Array;
  sealed: Sealed;
  sets: ValidatorSets;
}

/** keccak of the canonical bytes of the parameters: parentHash of block 0. */
export function paramsHash(params: ChainParams): Hex {
  return keccakHex(canonicalParams(params));
}

const NO_DATABASE: Database = {
  dir: '',
  get: () => undefined,
  entries: async () => [],
  write: async () => {},
  close: async () => {},
};

const NO_PORTS: ExecutionPorts = {
  attribute: async () => {
    throw new Fault('genesis has no inference');
  },
  infer: async () => {
    throw new Fault('genesis has no models');
  },
  artifact: async () => {
    throw new Fault('genesis has no artifacts');
  },
};

/** @throws ChainError BAD_GENESIS */
export async function makeGenesisBlock(genesis: Genesis, modules: ModuleTable): Promise<GenesisBlock> {
  const head = openHeadState(NO_DATABASE, EMPTY_TRIE_ROOT);
  const world = new World(head);
  try {
    for (const [name, account] of Object.entries(genesis.alloc)) {
      const address = name.toLowerCase() as Hex;
      fromHex(address, 20);
      const storage = Object.entries(account.storage ?? {});
      const code = account.code === undefined ? EMPTY_BYTES : fromHex(account.code);
      if (storage.length > 0 && code.length === 0)
        throw new RangeError(`account ${address} has storage but no code`);
      world.write(address, {
        nonce: account.nonce ?? 0n,
        balance: account.balance,
        storageRoot: EMPTY_TRIE_ROOT,
        codeHash: world.read(address)?.codeHash ?? KECCAK_EMPTY,
      });
      world.writeCode(address, code);
      for (const [slot, value] of storage)
        world.writeSlot(address, slotName(fromHex(slot, 32)), stripZeros(fromHex(value, 32)));
    }
    for (const module of modules.list)
      for (const address of [module.address, module.recordAddress]) {
        const balance = world.read(address)?.balance ?? 0n;
        world.write(address, { nonce: 1n, balance, storageRoot: EMPTY_TRIE_ROOT, codeHash: KECCAK_EMPTY });
        world.writeCode(address, MODULE_CODE);
      }
    for (const { address, balance } of modules.hooks.genesisBalances(genesis))
      world.addBalance(address, balance);
    await modules.hooks.genesis(
      systemContext(world, {
        params: genesis.params,
        genesisHash: ZERO_HASH,
        ports: NO_PORTS,
        block: { number: 0, timestamp: genesis.timestamp, parentTimestampMs: 0 },
      }),
      genesis,
    );
  } catch (error) {
    if (error instanceof ChainError) throw error;
    throw new ChainError('BAD_GENESIS', `the genesis file cannot be used: ${(error as Error).message}`);
  }
  world.endTransaction();
  const sealed = head.seal(world.changes());
  const sets = modules.hooks.validatorSets(world);
  const timestampMs = genesis.timestamp * 1000;
  const header: Block['header'] = {
    parentHash: paramsHash(genesis.params),
    ommersHash: NO_OMMERS,
    coinbase: ZERO_ADDRESS,
    stateRoot: toHex(sealed.stateRoot),
    transactionsRoot: orderedRoot([]),
    receiptsRoot: orderedRoot([]),
    logsBloom: toHex(new Uint8Array(BLOOM_BYTES)),
    difficulty: 0n,
    number: 0,
    gasLimit: genesis.params.block.gasLimit,
    gasUsed: 0n,
    timestamp: genesis.timestamp,
    extraData: setHash(sets.next),
    prevRandao: ZERO_HASH,
    nonce: ZERO_NONCE,
    baseFeePerGas: genesis.params.block.initialBaseFeePerGas,
    withdrawalsRoot: NO_WITHDRAWALS,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: requestsHashOf(0, timestampMs),
  };
  const block: Block = {
    hash: headerHash(header),
    header,
    transactions: [],
    originRound: 0,
    timestampMs,
    reveal: EMPTY_BYTES,
    lastCommit: null,
  };
  return { block, bytes: encodeBlock(block), sealed, sets };
}
