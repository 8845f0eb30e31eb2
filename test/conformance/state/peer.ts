/**
 * What a stock node of the library answers to the transaction of a state test under a fork for which the test has no
 * expectation: its own state, tries, instruction loop and `runTx`. So the tests that were written for one fork say
 * something about another, that of this chain among them.
 */
import { createBlock } from '@ethereumjs/block';
import { type Common, createCustomCommon, Mainnet } from '@ethereumjs/common';
import { createEVM, type InterpreterStep } from '@ethereumjs/evm';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address, type KZG } from '@ethereumjs/util';
import { createVM, type RunTxResult, runTx } from '@ethereumjs/vm';
import { bigintToBytes, fromHex, keccak256, padLeft, toHex } from '../../../state/crypto.ts';
import type { Fork } from '../../../state/execution/common.ts';
import { encodeRlp } from '../../../state/rlp.ts';
import type { Hex } from '../../../state/types.ts';
import type { Expectation, StateTest } from './fixtures.ts';
import { kzg } from './kzg.ts';

export interface PeerAnswer {
  /** Why the transaction was refused. */
  refusal?: string;
  /** Of one that ran. */
  result?: RunTxResult;
  root: Hex;
  logs: Hex;
}

export interface PeerOptions {
  /** Told before every instruction. */
  step?: (step: InterpreterStep) => void;
}

const commons = new Map<string, Common>();

/** One for all: to make one takes longer than most transactions. */
function commonFor(chainId: number, fork: Fork): Common {
  const name = `${fork} ${chainId}`;
  let common = commons.get(name);
  if (common === undefined) {
    common = createCustomCommon({ chainId, name: 'peer' }, Mainnet, {
      hardfork: fork,
      customCrypto: { keccak256, kzg: kzg as unknown as KZG },
    });
    commons.set(name, common);
  }
  return common;
}

/** What the peer makes of the signed bytes of a transaction. */
export async function runOnPeer(
  test: StateTest,
  fork: Fork,
  txbytes: Uint8Array,
  options: PeerOptions = {},
): Promise<PeerAnswer> {
  const { env } = test;
  const common = commonFor(Number(test.config?.chainid ?? 1), fork);
  const stateManager = (await stateBefore(test, common)).shallowCopy();
  const blockchain = {
    getBlock: async (number: number) => ({ hash: () => keccak256(Buffer.from(String(number), 'ascii')) }),
    putBlock: async () => {},
    shallowCopy: () => blockchain,
  };
  const evm = await createEVM({ common, stateManager, blockchain });
  const vm = await createVM({ common, stateManager, evm, blockchain });
  const { step } = options;
  if (step !== undefined)
    evm.events?.on('step', (data, resolve) => {
      step(data);
      resolve?.();
    });
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
  let result: RunTxResult | undefined;
  let refusal: string | undefined;
  try {
    result = await runTx(vm, { tx: createTxFromRLP(txbytes, { common }), block });
  } catch (error) {
    refusal = (error as Error).message;
  }
  return {
    ...(result === undefined ? {} : { result }),
    ...(refusal === undefined ? {} : { refusal }),
    root: toHex(await stateManager.getStateRoot()),
    logs: toHex(keccak256(encodeRlp(result?.execResult.logs ?? []))),
  };
}

/** The expectation of a case under `fork`. `expectException` is 'PEER' if the peer refuses the transaction. */
export async function askPeer(test: StateTest, fork: Fork, original: Expectation): Promise<Expectation> {
  const { refusal, root, logs } = await runOnPeer(
    test,
    fork,
    fromHex(original.txbytes!.toLowerCase() as Hex),
  );
  return {
    indexes: original.indexes,
    txbytes: original.txbytes!,
    hash: root,
    logs,
    ...(refusal === undefined ? {} : { expectException: 'PEER' }),
  };
}

/** The cases of a test share the state before them. */
let last: { test: StateTest; common: Common; state: MerkleStateManager } | undefined;

async function stateBefore(test: StateTest, common: Common): Promise<MerkleStateManager> {
  if (last?.test !== test || last.common !== common)
    last = { test, common, state: await stateOf(test.pre, common) };
  return last.state;
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
