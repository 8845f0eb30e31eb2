/** The chain as the pool sees it: the head's accounts, the next base fee, and what a transaction costs. */
import type { ChainParams } from '../../genesis/types.ts';
import { KECCAK_EMPTY_HEX } from '../../state/crypto.ts';
import { nextBaseFee } from '../../state/execution/fees.ts';
import { LIMITS as STATE_LIMITS } from '../../state/limits.ts';
import { moduleAddress, TYPE } from '../../state/modules/addresses.ts';
import type { Reader } from '../../state/reader.ts';
import { decodeTransaction } from '../../state/transactions/decode.ts';
import { TransactionError } from '../../state/transactions/errors.ts';
import { floorGas, intrinsicGas } from '../../state/transactions/intrinsic.ts';
import { isDelegation } from '../../state/transactions/validate.ts';
import type { BlockHeader, Chain, Hex, PooledTransaction, StateView } from '../../state/types.ts';
import type { GateAnswer, PoolChain } from '../mempool/index.ts';

export function createPoolChain(
  chain: Chain,
  params: ChainParams,
  nowMs: () => number,
  baseFeeAt: (timestampMs: number) => bigint,
  gate: (transaction: PooledTransaction) => GateAnswer,
): PoolChain {
  let viewAt = -1;
  let view: StateView | undefined;
  const headView = (): StateView => {
    const { number } = chain.head();
    if (view === undefined || viewAt !== number) {
      view = chain.reader.stateAt(number);
      viewAt = number;
    }
    return view;
  };
  return {
    decode(raw) {
      try {
        return decodeTransaction(raw, params.chainId);
      } catch (error) {
        // geth's text for what viem and ethers look for.
        if (error instanceof TransactionError && error.code === 'UNSUPPORTED_TYPE')
          throw new TransactionError(error.code, `transaction type not supported: ${error.message}`);
        throw error;
      }
    },
    account(address) {
      const account = headView().account(address);
      if (account === undefined) return { nonce: 0n, balance: 0n, code: 'none' };
      const { nonce, balance, codeHash } = account;
      if (codeHash === EMPTY_CODE) return { nonce, balance, code: 'none' };
      return { nonce, balance, code: isDelegation(headView().code(address)) ? 'delegation' : 'contract' };
    },
    headNumber: () => chain.head().number,
    nextBaseFee: () => baseFeeAt(nowMs()),
    intrinsicGas: (tx) => ({ intrinsic: intrinsicGas(tx), floor: floorGas(tx) }),
    maxTransactionGas: () => ({
      perTransaction: STATE_LIMITS.transactionGasCap,
      perBlock: params.block.gasLimit,
    }),
    minBaseFee: () => params.block.minBaseFeePerGas,
    gate,
  };
}

/** keccak of nothing. */
const EMPTY_CODE: Hex = KECCAK_EMPTY_HEX;

/**
 * Base fee of a child of the head that is made at a time (A10: it depends on how much has passed). Every transaction
 * that comes asks for it, so the head's header is read once.
 */
export function createBaseFee(
  chain: Pick<Chain, 'head'> & { readonly reader: Pick<Reader, 'headerByNumber'> },
  params: ChainParams,
): (timestampMs: number) => bigint {
  let known: { hash: Hex; header: BlockHeader } | undefined;
  return (timestampMs) => {
    const head = chain.head();
    if (known?.hash !== head.hash) {
      const header = chain.reader.headerByNumber(head.number);
      if (header === undefined) throw new Error(`the head ${head.number} cannot be read`);
      known = { hash: head.hash, header };
    }
    return nextBaseFee(
      { ...known.header, timestampMs: head.timestampMs },
      Math.max(timestampMs, head.timestampMs),
      params.block,
    );
  };
}

const CONTRIBUTION = moduleAddress(TYPE.contribution);
const INFERENCE = moduleAddress(TYPE.inference);

/** Calls of the modules whose handlers may ask this node for bytes or for an attribution. */
export function mayNeedThisNode(tx: PooledTransaction): boolean {
  if (tx.native !== undefined) return tx.type === TYPE.contribution || tx.type === TYPE.inference;
  return tx.to === CONTRIBUTION || tx.to === INFERENCE;
}
