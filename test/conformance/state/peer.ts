/**
 * What a stock node of the library answers to the transaction of a state test under a fork for which the test has no
 * expectation: its own state, tries, instruction loop and `runTx`. So the tests that were written for one fork say
 * something about another, that of this chain among them.
 */
import { createBlock } from '@ethereumjs/block';
import { type Common, createCustomCommon, Mainnet } from '@ethereumjs/common';
import { createEVM } from '@ethereumjs/evm';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address, type KZG } from '@ethereumjs/util';
import { createVM, runTx } from '@ethereumjs/vm';
import { bigintToBytes, fromHex, keccak256, padLeft, toHex } from '../../../state/crypto.ts';
import type { Fork } from '../../../state/execution/common.ts';
import { encodeRlp } from '../../../state/rlp.ts';
import type { Expectation, StateTest } from './fixtures.ts';
import { kzg } from './kzg.ts';

/** The expectation of a case under `fork`. `expectException` is 'PEER' if the peer refuses the transaction. */
export async function askPeer(test: StateTest, fork: Fork, original: Expectation): Promise<Expectation> {
  const { env } = test;
  const common = createCustomCommon({ chainId: Number(test.config?.chainid ?? 1), name: 'peer' }, Mainnet, {
    hardfork: fork,
    customCrypto: { kzg: kzg as unknown as KZG },
  });
  const stateManager = await stateOf(test.pre, common);
  const blockchain = {
    getBlock: async (number: number) => ({ hash: () => keccak256(Buffer.from(String(number), 'ascii')) }),
    putBlock: async () => {},
    shallowCopy: () => blockchain,
  };
  const evm = await createEVM({ common, stateManager, blockchain });
  const vm = await createVM({ common, stateManager, evm, blockchain });
  const block = createBlock(
    {
      header: {
        number: BigInt(env.currentNumber),
        timestamp: BigInt(env.currentTimestamp),
        coinbase: new Address(fromHex(env.currentCoinbase.toLowerCase())),
        gasLimit: BigInt(env.currentGasLimit),
        baseFeePerGas: BigInt(env.currentBaseFee ?? 0),
        mixHash: padLeft(bigintToBytes(BigInt(env.currentRandom ?? 0)), 32),
      },
    },
    { common, skipConsensusFormatValidation: true },
  );
  let logs: [Uint8Array, Uint8Array[], Uint8Array][] = [];
  let refused = false;
  try {
    const tx = createTxFromRLP(fromHex(original.txbytes!.toLowerCase()), { common });
    logs = (await runTx(vm, { tx, block })).execResult.logs ?? [];
  } catch {
    refused = true;
  }
  return {
    indexes: original.indexes,
    txbytes: original.txbytes!,
    hash: toHex(await stateManager.getStateRoot()),
    logs: toHex(keccak256(encodeRlp(logs))),
    ...(refused ? { expectException: 'PEER' } : {}),
  };
}

async function stateOf(pre: StateTest['pre'], common: Common): Promise<MerkleStateManager> {
  const stateManager = new MerkleStateManager({ common });
  for (const [name, { balance, nonce, code, storage }] of Object.entries(pre)) {
    const address = new Address(fromHex(name.toLowerCase()));
    await stateManager.putAccount(address, new Account(BigInt(nonce), BigInt(balance)));
    const bytes = fromHex(code.toLowerCase());
    if (bytes.length > 0) await stateManager.putCode(address, bytes);
    for (const [slot, value] of Object.entries(storage))
      if (BigInt(value) > 0n)
        await stateManager.putStorage(
          address,
          padLeft(bigintToBytes(BigInt(slot)), 32),
          bigintToBytes(BigInt(value)),
        );
  }
  await stateManager.flush();
  return stateManager;
}
