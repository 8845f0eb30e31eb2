/** The peer of the benchmarks of execution: the stock library's `runBlock` on its own state over LevelDB. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBlock } from '@ethereumjs/block';
import { createCustomCommon, Mainnet } from '@ethereumjs/common';
import { createMPT } from '@ethereumjs/mpt';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address, type DB, ValueEncoding } from '@ethereumjs/util';
import { createVM, runBlock } from '@ethereumjs/vm';
import { Level } from 'level';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { fromHex, toHex } from '../../state/crypto.ts';
import type { Hex } from '../../state/types.ts';

export const BASE_FEE = 10_000_000_000n;
export const COINBASE: Hex = '0x00000000000000000000000000000000000d00cb';
/** Enough that the parameters never end a block. */
export const GAS_LIMIT = 200_000_000n;

/** What executes one block after the other; each gives the CPU that the block took and the root behind it. */
export interface Side {
  block(
    raws: readonly Uint8Array[],
    number: number,
  ): Promise<{ cpu: number; commitCpu: number; root: string }>;
  close(): Promise<void>;
}

export interface StockState {
  accounts: readonly [address: Hex, balance: bigint][];
  contracts: readonly [address: Hex, code: Uint8Array][];
}

export function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** LevelDB in the shape that the library's trie takes, with bytes as they are. */
function levelOfLibrary(level: Level<string, Uint8Array>): DB<string, Uint8Array> {
  return {
    get: (key) => level.get(key),
    put: (key, value) => level.put(key, value),
    del: (key) => level.del(key),
    batch: (operations) =>
      level.batch(
        operations.map((one) =>
          one.type === 'put'
            ? { type: 'put', key: one.key, value: one.value }
            : { type: 'del', key: one.key },
        ),
      ),
    shallowCopy: () => levelOfLibrary(level),
    open: () => level.open(),
  };
}

/** @param contracts addresses with their code, a wei each */
export async function openStock({ accounts, contracts }: StockState): Promise<Side> {
  const common = createCustomCommon({ chainId: DEFAULT_PARAMS.chainId, name: 'bench' }, Mainnet, {
    hardfork: 'prague',
  });
  const dir = mkdtempSync(join(tmpdir(), 'openledger-bench-'));
  const level = new Level<string, Uint8Array>(dir, { valueEncoding: 'view' });
  const trie = await createMPT({
    db: levelOfLibrary(level) as DB<string, string | Uint8Array>,
    valueEncoding: ValueEncoding.Bytes,
    useKeyHashing: true,
  });
  const stateManager = new MerkleStateManager({ common, trie });
  await stateManager.checkpoint();
  for (const [address, balance] of accounts)
    await stateManager.putAccount(new Address(fromHex(address)), new Account(0n, balance));
  for (const [address, code] of contracts) {
    await stateManager.putAccount(new Address(fromHex(address)), new Account(0n, 1n));
    await stateManager.putCode(new Address(fromHex(address)), code);
  }
  await stateManager.commit();
  const vm = await createVM({ common, stateManager });
  return {
    async block(raws, number) {
      const start = process.cpuUsage();
      const block = createBlock(
        {
          header: {
            number,
            timestamp: 1,
            coinbase: new Address(fromHex(COINBASE)),
            gasLimit: GAS_LIMIT,
            baseFeePerGas: BASE_FEE,
          },
          transactions: raws.map((raw) => createTxFromRLP(raw, { common })),
        },
        { common, skipConsensusFormatValidation: true },
      );
      const { stateRoot } = await runBlock(vm, { block, generate: true, skipBlockValidation: true });
      return { cpu: cpuMs(start), commitCpu: 0, root: toHex(stateRoot) };
    },
    async close() {
      await level.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
