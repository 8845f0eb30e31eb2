/**
 * Questions about the past that no index answers: blocks are scanned, from the newest or the oldest, at most
 * `maxHistoryBlocks` of them, and where states are still kept the block is found by bisection.
 */
import type { Block, CallFrame, ChainReader, Hex, Receipt } from '../state/types.ts';
import { quantity } from './encode.ts';
import { limitExceeded } from './errors.ts';
import type { RpcContext } from './method.ts';
import { decodedAt, minedTransactionJson, receiptJson } from './views.ts';

type Direction = 'before' | 'after';
interface Hit {
  readonly tx: object | null;
  readonly receipt: object;
}

/** Blocks scanned before other requests get a turn. */
const SLICE = 64;

/**
 * Transactions that an address sent, received, was created by, or emitted an event in; whole blocks, the newest first.
 * Calls between contracts that leave no event are not found.
 * @param from 0: from the head, or from block 0
 * @throws RpcError -32005 when nothing was found within the bound
 */
export async function searchTransactions(
  { reader, limits }: RpcContext,
  who: Hex,
  from: number,
  wanted: number,
  direction: Direction,
): Promise<object> {
  const head = reader.head().number;
  const size = Math.min(Math.max(wanted, 1), limits.maxPageItems);
  const step = direction === 'before' ? -1 : 1;
  const fromEnd = step === -1 ? head : 0;
  const start = from === 0 ? fromEnd : step === -1 ? Math.min(from - 1, head) : from + 1;
  const isInside = (number: number): boolean => number >= 0 && number <= head;
  const found: Hit[][] = [];
  let count = 0;
  let number = start;
  for (let scanned = 0; isInside(number) && count < size; number += step) {
    scanned += 1;
    if (scanned > limits.maxHistoryBlocks) {
      if (count > 0) break;
      throw limitExceeded(
        `no transaction of ${who} in ${limits.maxHistoryBlocks} blocks from ${start}`,
        limits.maxHistoryBlocks,
      );
    }
    if (scanned % SLICE === 0) await new Promise(setImmediate);
    const hits = hitsOf(reader, number, who);
    count += hits.length;
    if (hits.length > 0) found.push(hits);
  }
  const ended = !isInside(number);
  const hits = (direction === 'before' ? found : found.reverse()).flat();
  return {
    txs: hits.map(({ tx }) => tx),
    receipts: hits.map(({ receipt }) => receipt),
    firstPage: direction === 'before' ? from === 0 : ended,
    lastPage: direction === 'before' ? ended : from === 0,
  };
}

/** Of one block, the last first. */
function hitsOf(reader: ChainReader, number: number, who: Hex): Hit[] {
  const receipts = reader.receipts(number) ?? [];
  const indexes = receipts.flatMap((receipt, index) => (touches(receipt, who) ? [index] : []));
  if (indexes.length === 0) return [];
  const block = reader.blockByNumber(number);
  if (block === undefined) return [];
  return indexes.reverse().map((index) => ({
    tx: minedTransactionJson(reader, { block, index }),
    receipt: { ...receiptJson(block, receipts, index), timestamp: quantity(block.header.timestamp) },
  }));
}

function touches({ from, to, contractAddress, logs }: Receipt, who: Hex): boolean {
  return from === who || to === who || contractAddress === who || logs.some(({ address }) => address === who);
}

/** First block from `low` on for which `holds` is true; it must hold at `high` and, once true, stay true. */
function firstBlock(low: number, high: number, holds: (number: number) => boolean): number {
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Newest block up to `from` whose receipts have one that fits. @throws RpcError -32005 beyond the bound */
async function scanBack<T>(
  { reader, limits }: RpcContext,
  from: number,
  what: string,
  pick: (receipts: readonly Receipt[], block: () => Block) => T | undefined,
): Promise<T | null> {
  for (let number = from; number >= 0; number--) {
    const scanned = from - number + 1;
    if (scanned > limits.maxHistoryBlocks)
      throw limitExceeded(`${what} not found in ${limits.maxHistoryBlocks} blocks`, limits.maxHistoryBlocks);
    if (scanned % SLICE === 0) await new Promise(setImmediate);
    const found = pick(reader.receipts(number) ?? [], () => reader.blockByNumber(number)!);
    if (found !== undefined) return found;
  }
  return null;
}

/** Hash of the transaction, or null. */
export async function senderAndNonce(context: RpcContext, who: Hex, nonce: bigint): Promise<Hex | null> {
  const { reader } = context;
  const head = reader.head().number;
  const oldest = reader.oldestState();
  const isUsed = (number: number): boolean => (reader.stateAt(number).account(who)?.nonce ?? 0n) > nonce;
  if (!isUsed(head)) return null;
  const from = firstBlock(oldest, head, isUsed);
  const pick = (receipts: readonly Receipt[], block: () => Block): Hex | undefined =>
    receipts.find(
      (receipt, index) =>
        receipt.from === who && decodedAt(reader, { block: block(), index })?.nonce === nonce,
    )?.transactionHash;
  // A nonce that an authorization used up (EIP-7702) belongs to no transaction of the account.
  if (from > oldest) return pick(reader.receipts(from) ?? [], () => reader.blockByNumber(from)!) ?? null;
  return scanBack(context, from, `a transaction of ${who} with nonce ${nonce}`, pick);
}

/** Transaction and creator of a contract; null for other accounts and for those of the genesis. */
export async function creatorOf(context: RpcContext, who: Hex): Promise<{ hash: Hex; creator: Hex } | null> {
  const { reader, caller } = context;
  const head = reader.head().number;
  const oldest = reader.oldestState();
  const isContract = (number: number): boolean => {
    const code = reader.stateAt(number).code(who);
    // EIP-7702: a delegation is no contract.
    return code.length > 0 && !(code.length === 23 && code[0] === 0xef && code[1] === 0x01);
  };
  if (!isContract(head)) return null;
  const born = firstBlock(oldest, head, isContract);
  if (born === 0) return null;
  const pick = (receipts: readonly Receipt[]) => {
    const receipt = receipts.find(({ contractAddress }) => contractAddress === who);
    return receipt && { hash: receipt.transactionHash, creator: receipt.from };
  };
  if (born === oldest) return scanBack(context, born, `the creation of ${who}`, pick);
  const plain = pick(reader.receipts(born) ?? []);
  if (plain !== undefined) return plain;
  for (const { receipt, frame } of await caller.traceBlock(born)) {
    const creator = creationIn(frame, who);
    if (creator !== undefined) return { hash: receipt.transactionHash, creator };
  }
  return null;
}

function creationIn({ type, to, from, error, calls }: CallFrame, who: Hex): Hex | undefined {
  if (error !== undefined) return undefined;
  if (to === who && (type === 'CREATE' || type === 'CREATE2')) return from;
  for (const call of calls) {
    const found = creationIn(call, who);
    if (found !== undefined) return found;
  }
  return undefined;
}
