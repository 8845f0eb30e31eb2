/**
 * What an imported chain of Ethereum does otherwise than ours: calls run under the fork of its head at Ethereum's
 * prices, old transactions run again under the fork of their block, and blocks write the beacon root (EIP-4788).
 */

import { createBlockFromRLP } from '@ethereumjs/block';
import { createEVM, type EVMResult, type InterpreterStep, type Message } from '@ethereumjs/evm';
import { createTxFromRLP } from '@ethereumjs/tx';
import { createVM, runTx } from '@ethereumjs/vm';
import type { EthereumRules } from '../../../state/call.ts';
import { bigintToBytes, fromHex, toHex } from '../../../state/crypto.ts';
import type { Engine } from '../../../state/execution/engine.ts';
import { slotName, type World } from '../../../state/execution/world.ts';
import type { BlockHeader, PooledTransaction } from '../../../state/types.ts';
import type { ImportedChain } from './import.ts';

const BEACON_ROOTS = '0x000f3df6d732807ef1319fb7b8bb8522d0beac02';
const BEACON_RING = 8_191;

export function ethereumRules(chain: ImportedChain): EthereumRules {
  /** For the work of a block, while there was any. */
  function payMiner(world: World, { difficulty, number, coinbase }: BlockHeader): void {
    if (difficulty === 0n) return;
    chain.common.setHardforkBy({ blockNumber: BigInt(number) });
    world.addBalance(coinbase, chain.common.param('minerReward'));
  }
  return {
    fork: 'osaka',
    engineOf: (number) => createReplayEngine(chain, number),
    steps: { begin: writeBeaconRoot, end: payMiner },
  };
}

/** EIP-4788. */
function writeBeaconRoot(world: World, header: BlockHeader): void {
  if (header.parentBeaconBlockRoot === undefined || world.code(BEACON_ROOTS).length === 0) return;
  const ring = header.timestamp % BEACON_RING;
  world.writeSlot(BEACON_ROOTS, slotName(BigInt(ring)), bigintToBytes(BigInt(header.timestamp)));
  world.writeSlot(BEACON_ROOTS, slotName(BigInt(ring + BEACON_RING)), fromHex(header.parentBeaconBlockRoot));
}

/** Transactions of one block under the rules of its fork, by the library. It runs no calls. */
async function createReplayEngine({ reader, common }: ImportedChain, number: number): Promise<Engine> {
  const block = createBlockFromRLP(reader.blockBytes(number)!, { common, setHardfork: true });
  const blockchain = {
    async getBlock(wanted: number) {
      return { hash: () => fromHex(reader.hashByNumber(wanted)!) };
    },
    async putBlock() {},
    shallowCopy: () => blockchain,
  };
  return {
    async runTransaction(world, _context, tx, { observer } = {}) {
      const forkRules = block.common.copy();
      // Receipts before Byzantium hold a root, which nobody asks a replay for.
      const state: World = Object.create(world, { getStateRoot: { value: async () => new Uint8Array(32) } });
      const evm = await createEVM({ common: forkRules, stateManager: state, blockchain });
      const vm = await createVM({
        common: forkRules,
        stateManager: state,
        evm,
        blockchain: blockchain as never,
      });
      evm.events.on('beforeMessage', (message: Message) => observer?.enter?.(message));
      evm.events.on('afterMessage', (result: EVMResult) => observer?.exit?.(result));
      if (observer?.step) evm.events.on('step', (step: InterpreterStep) => observer.step?.(step));
      const { raw } = tx as PooledTransaction;
      const result = await runTx(vm, {
        tx: createTxFromRLP(raw, { common: forkRules }),
        block,
        blockGasUsed: 0n,
        skipHardForkValidation: true,
        skipBlockGasLimitValidation: true,
      });
      world.endTransaction();
      const { exceptionError, returnValue, logs } = result.execResult;
      return {
        gasUsed: result.totalGasSpent,
        refund: 0n,
        status: exceptionError === undefined ? 1 : 0,
        logs: (logs ?? []).map(([address, topics, data]) => ({
          address: toHex(address),
          topics: topics.map(toHex),
          data,
        })),
        logsBloom: result.bloom.bitvector,
        returnData: returnValue,
        createdAddress: result.createdAddress === undefined ? null : toHex(result.createdAddress.bytes),
        exception: exceptionError?.error,
        accessList: undefined,
      };
    },
    runMessage: () => Promise.reject(new Error('this engine runs transactions only')),
  };
}
