/** Blocks, transactions and receipts as the Ethereum JSON-RPC shows them. */
import { decodeTransaction } from '../state/transactions/decode.ts';
import { decodeIncluded } from '../state/transactions/system.ts';
import type { Block, ChainReader, PooledTransaction, Receipt } from '../state/types.ts';
import { hexOf, quantity } from './encode.ts';
import { logJson } from './logs.ts';
import { describeCall, isNativeType } from './native.ts';

/** Where a mined transaction stands. */
export interface Position {
  readonly block: Block;
  readonly index: number;
}

/** Header fields in geth's names, and two of ours: `originRound` and `timestampMs` (the proposer's clock). */
export function headerJson(block: Block): Record<string, unknown> {
  const { header } = block;
  return {
    number: quantity(header.number),
    hash: block.hash,
    parentHash: header.parentHash,
    sha3Uncles: header.ommersHash,
    miner: header.coinbase,
    stateRoot: header.stateRoot,
    transactionsRoot: header.transactionsRoot,
    receiptsRoot: header.receiptsRoot,
    logsBloom: header.logsBloom,
    difficulty: '0x0',
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: quantity(header.timestamp),
    extraData: header.extraData,
    mixHash: header.prevRandao,
    nonce: header.nonce,
    baseFeePerGas: quantity(header.baseFeePerGas),
    withdrawalsRoot: header.withdrawalsRoot,
    blobGasUsed: '0x0',
    excessBlobGas: '0x0',
    parentBeaconBlockRoot: header.parentBeaconBlockRoot,
    requestsHash: header.requestsHash,
    originRound: quantity(block.originRound),
    timestampMs: quantity(block.timestampMs),
  };
}

export function blockJson(reader: ChainReader, block: Block, full: boolean): object {
  const number = block.header.number;
  // Receipts know the hashes; without them (never, for a committed block) the transactions would be hashed again.
  const receipts = reader.receipts(number) ?? [];
  return {
    ...headerJson(block),
    size: quantity(reader.blockBytes(number)?.length ?? 0),
    transactions: full
      ? block.transactions.map((_, index) => minedTransactionJson(reader, { block, index }))
      : receipts.map((receipt) => receipt.transactionHash),
    uncles: [],
    withdrawals: [],
  };
}

/** The transaction at a position, or undefined beyond the block's end. */
export function decodedAt(reader: ChainReader, { block, index }: Position): PooledTransaction | undefined {
  const raw = block.transactions[index];
  return raw === undefined ? undefined : decodeIncluded(raw, reader.params.chainId);
}

export function minedTransactionJson(reader: ChainReader, position: Position): object | null {
  const transaction = decodedAt(reader, position);
  if (transaction === undefined) return null;
  return transactionJson(transaction, reader.params.chainId, position);
}

/** @param position undefined while it waits in the pool */
export function transactionJson(
  transaction: PooledTransaction,
  chainId: number,
  position: Position | undefined,
): Record<string, unknown> {
  const { type } = transaction;
  const legacy = type === 0 || type === 1;
  const baseFee = position?.block.header.baseFeePerGas;
  const tip = transaction.maxPriorityFeePerGas;
  const price =
    legacy || baseFee === undefined ? transaction.maxFeePerGas : min(transaction.maxFeePerGas, baseFee + tip);
  const yParity = type === 0 ? undefined : quantity(transaction.v);
  const chain = type === 0 ? transaction.chainId : BigInt(chainId);
  return {
    blockHash: position?.block.hash ?? null,
    blockNumber: position ? quantity(position.block.header.number) : null,
    blockTimestamp: position ? quantity(position.block.header.timestamp) : null,
    transactionIndex: position ? quantity(position.index) : null,
    hash: transaction.hash,
    type: quantity(type),
    from: transaction.from,
    to: transaction.to,
    nonce: quantity(transaction.nonce),
    value: quantity(transaction.value),
    gas: quantity(transaction.gasLimit),
    gasPrice: quantity(price),
    ...(legacy
      ? {}
      : {
          maxFeePerGas: quantity(transaction.maxFeePerGas),
          maxPriorityFeePerGas: quantity(tip),
        }),
    input: hexOf(transaction.data),
    ...(type === 0 && chain === null ? {} : { chainId: quantity(chain ?? 0n) }),
    ...(type === 1 || type === 2 || type === 4 ? { accessList: transaction.accessList ?? [] } : {}),
    ...(type === 4
      ? {
          authorizationList: (transaction.authorizationList ?? []).map((item) => ({
            chainId: quantity(item.chainId),
            address: item.address,
            nonce: quantity(item.nonce),
            yParity: quantity(item.yParity),
            r: quantity(item.r),
            s: quantity(item.s),
          })),
        }
      : {}),
    ...(isNativeType(type) ? describeCall(transaction.to, transaction.data) : {}),
    v: quantity(transaction.v),
    r: quantity(transaction.r),
    s: quantity(transaction.s),
    ...(yParity === undefined ? {} : { yParity }),
  };
}

export function receiptJson(block: Block, receipts: readonly Receipt[], index: number): object | null {
  const receipt = receipts[index];
  if (receipt === undefined) return null;
  let logIndex = 0;
  for (const earlier of receipts.slice(0, index)) logIndex += earlier.logs.length;
  return {
    transactionHash: receipt.transactionHash,
    transactionIndex: quantity(index),
    blockHash: block.hash,
    blockNumber: quantity(block.header.number),
    from: receipt.from,
    to: receipt.to,
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(receipt.gasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    contractAddress: receipt.contractAddress,
    logs: receipt.logs.map((log, at) => logJson(log, block, receipt, index, logIndex + at)),
    logsBloom: hexOf(receipt.logsBloom),
    status: quantity(receipt.status),
    type: quantity(receipt.type),
    // Why it failed, as eth_call would say it (Besu has this field too).
    ...(receipt.status === 0 ? { revertReason: hexOf(receipt.revertData) } : {}),
  };
}

export function receiptsJson(block: Block, receipts: readonly Receipt[]): object[] {
  return receipts.map((_, index) => receiptJson(block, receipts, index) as object);
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** A transaction of the pool from its raw bytes. */
export function pendingTransactionJson(raw: Uint8Array, chainId: number): Record<string, unknown> {
  return transactionJson(decodeTransaction(raw, chainId), chainId, undefined);
}
