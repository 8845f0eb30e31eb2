/** Blocks, transactions and receipts as the Ethereum JSON-RPC shows them. */
import { keccakHex } from '../state/crypto.ts';
import { decodeTransaction } from '../state/transactions/decode.ts';
import { decodeIncluded } from '../state/transactions/system.ts';
import {
  type Block,
  type ChainReader,
  type Hex,
  type PooledTransaction,
  type Receipt,
  StateNotAvailable,
} from '../state/types.ts';
import { hexOf, quantity } from './encode.ts';
import { logJson } from './logs.ts';
import { describeCall, isNativeType } from './native.ts';

/** Where a mined transaction stands. */
export interface Position {
  readonly block: Pick<Block, 'hash' | 'header' | 'transactions'>;
  readonly index: number;
}

/** A block with what it has: simulated ones lack the origin, imported ones of Ethereum bring ommers and withdrawals. */
type ShownBlock = Pick<Block, 'hash' | 'header'> & Partial<Block> & ForeignParts;
interface ForeignParts {
  readonly uncles?: readonly Hex[];
  readonly withdrawals?: readonly {
    readonly index: bigint;
    readonly validatorIndex: bigint;
    readonly address: Hex;
    readonly amount: bigint;
  }[];
}

/** Header fields in geth's names, and two of ours: `originRound` and `timestampMs` (the proposer's clock). */
export function headerJson(block: ShownBlock): Record<string, unknown> {
  const { header, originRound, timestampMs } = block;
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
    difficulty: quantity(header.difficulty),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: quantity(header.timestamp),
    extraData: header.extraData,
    mixHash: header.prevRandao,
    nonce: header.nonce,
    // Headers of older forks of Ethereum end earlier; JSON leaves out what is undefined.
    baseFeePerGas: maybeQuantity(header.baseFeePerGas),
    withdrawalsRoot: header.withdrawalsRoot,
    blobGasUsed: maybeQuantity(header.blobGasUsed),
    excessBlobGas: maybeQuantity(header.excessBlobGas),
    parentBeaconBlockRoot: header.parentBeaconBlockRoot,
    requestsHash: header.requestsHash,
    ...(originRound === undefined || timestampMs === undefined
      ? {}
      : { originRound: quantity(originRound), timestampMs: quantity(timestampMs) }),
  };
}

function maybeQuantity(value: bigint | undefined): string | undefined {
  return value === undefined ? undefined : quantity(value);
}

export function blockJson(reader: ChainReader, block: Block & ForeignParts, full: boolean): object {
  const number = block.header.number;
  return {
    ...headerJson(block),
    size: quantity(reader.blockBytes(number)?.length ?? 0),
    transactions: full
      ? block.transactions.map((_, index) => minedTransactionJson(reader, { block, index }))
      : transactionHashes(reader, block),
    uncles: block.uncles ?? [],
    ...(block.header.withdrawalsRoot === undefined ? {} : { withdrawals: withdrawalsJson(block) }),
  };
}

function withdrawalsJson({ withdrawals = [] }: ForeignParts): object[] {
  return withdrawals.map((item) => ({
    index: quantity(item.index),
    validatorIndex: quantity(item.validatorIndex),
    address: item.address,
    amount: quantity(item.amount),
  }));
}

/** Receipts know the hashes; where they are no longer kept the transactions are hashed again. */
function transactionHashes(reader: ChainReader, block: Block): readonly Hex[] {
  const receipts = keptReceipts(reader, block.header.number);
  return receipts === undefined
    ? block.transactions.map(keccakHex)
    : receipts.map((receipt) => receipt.transactionHash);
}

/** Receipts of a block for lists that end where they are no longer kept; undefined there. */
export function keptReceipts(reader: ChainReader, number: number): readonly Receipt[] | undefined {
  try {
    return reader.receipts(number);
  } catch (error) {
    if (error instanceof StateNotAvailable) return undefined;
    throw error;
  }
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
  let firstLog = 0;
  for (let earlier = 0; earlier < index; earlier++) firstLog += receipts[earlier]!.logs.length;
  return oneReceiptJson(block, receipt, index, firstLog);
}

/** @param firstLog how many logs of the block come before it */
function oneReceiptJson(block: Block, receipt: Receipt, index: number, firstLog: number): object {
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
    logs: receipt.logs.map((log, at) => logJson(log, block, receipt.transactionHash, index, firstLog + at)),
    logsBloom: hexOf(receipt.logsBloom),
    ...(receipt.postState === undefined ? { status: quantity(receipt.status) } : { root: receipt.postState }),
    type: quantity(receipt.type),
    // Why it failed, as eth_call would say it (Besu has this field too). Imported receipts do not know.
    ...(receipt.status === 0 && receipt.revertData !== undefined
      ? { revertReason: hexOf(receipt.revertData) }
      : {}),
  };
}

export function receiptsJson(block: Block, receipts: readonly Receipt[]): object[] {
  let logs = 0;
  return receipts.map((receipt, index) => {
    const shown = oneReceiptJson(block, receipt, index, logs);
    logs += receipt.logs.length;
    return shown;
  });
}

/** A line of a list of transactions. */
export function transactionSummary(
  reader: ChainReader,
  block: Block,
  receipts: readonly Receipt[],
  index: number,
): object {
  const receipt = receipts[index] as Receipt;
  const transaction = decodedAt(reader, { block, index });
  const call = describeCall(receipt.to, transaction?.data ?? new Uint8Array(0));
  return {
    hash: receipt.transactionHash,
    blockNumber: block.header.number,
    timestamp: block.header.timestamp,
    index,
    from: receipt.from,
    to: receipt.to,
    contractAddress: receipt.contractAddress,
    value: quantity(transaction?.value ?? 0n),
    type: quantity(receipt.type),
    inputSize: transaction?.data.length ?? 0,
    module: 'module' in call ? call.module : null,
    operation: 'module' in call ? call.operation : null,
    status: receipt.status,
    gasUsed: quantity(receipt.gasUsed),
    fee: quantity(receipt.gasUsed * receipt.effectiveGasPrice),
  };
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** A transaction of the pool from its raw bytes. */
export function pendingTransactionJson(raw: Uint8Array, chainId: number): Record<string, unknown> {
  return transactionJson(decodeTransaction(raw, chainId), chainId, undefined);
}
