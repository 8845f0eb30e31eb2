/**
 * The past of an address: its transactions, the one with a nonce, the creation of a contract. The indexes answer; blocks
 * before they begin (on a node that is older than they are) are scanned, at most `maxHistoryBlocks` of them.
 */
import { LIST } from '../state/indexes/postings.ts';
import { isFeeless } from '../state/transactions/system.ts';
import { type ChainReader, type Hex, type Receipt, StateNotAvailable } from '../state/types.ts';
import { quantity } from './encode.ts';
import { limitExceeded } from './errors.ts';
import type { RpcContext } from './method.ts';
import { type Name, walk } from './posting-walk.ts';
import { decodedAt, minedTransactionJson, receiptJson } from './views.ts';

type Direction = 'before' | 'after';
interface Hit {
  readonly tx: object | null;
  readonly receipt: object;
}
/** Hits of one block, and how they were found: by a scan that counts its blocks, or by the indexes. */
type Found = { readonly hits: Hit[] } | 'a block without hits';

/** Blocks scanned before other requests get a turn. */
const SLICE = 64;

/** Lists in which a transaction stands under every account that it touches. */
export function namesOf(who: Hex): Name[] {
  return [LIST.sent, LIST.touched, LIST.moved].map((list) => ({ list, name: who }));
}

/**
 * Transactions that an address sent, received, was created by, was called in or emitted an event in; whole blocks, the
 * newest first.
 * @param from 0: from the head, or from the oldest block that is kept
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
  const first = reader.postings.first();
  const size = Math.min(Math.max(wanted, 1), limits.maxPageItems);
  const isBefore = direction === 'before';
  const low = isBefore || from === 0 ? first : Math.max(from + 1, first);
  const high = isBefore && from !== 0 ? Math.min(from - 1, head) : head;
  const found: Hit[][] = [];
  let count = 0;
  let scanned = 0;
  let ended = true;
  for await (const next of blocksOf(reader, who, low, high, isBefore)) {
    const isHit = next !== 'a block without hits';
    if (count >= size) {
      // One further block with hits, or one that nobody knows: there may be another page.
      ended = false;
      break;
    }
    if (!isHit) {
      scanned += 1;
      if (scanned < limits.maxHistoryBlocks) continue;
      if (count > 0) {
        ended = false;
        break;
      }
      throw limitExceeded(
        `no transaction of ${who} in ${limits.maxHistoryBlocks} blocks without indexes`,
        limits.maxHistoryBlocks,
      );
    }
    count += next.hits.length;
    found.push(next.hits);
  }
  const hits = (isBefore ? found : found.reverse()).flat();
  return {
    txs: hits.map(({ tx }) => tx),
    receipts: hits.map(({ receipt }) => receipt),
    firstPage: isBefore ? from === 0 : ended,
    lastPage: isBefore ? ended : from === 0,
  };
}

async function* blocksOf(
  reader: ChainReader,
  who: Hex,
  low: number,
  high: number,
  newestFirst: boolean,
): AsyncGenerator<Found> {
  const oldest = reader.postings.oldest();
  if (!newestFirst) yield* scannedBlocks(reader, who, low, Math.min(high, oldest - 1), false);
  for await (const { block, positions } of walk(
    reader.postings,
    namesOf(who),
    Math.max(low, oldest),
    high,
    newestFirst,
  ))
    yield {
      hits: hitsAt(
        reader,
        block,
        [...new Set(positions.flat())].sort((a, b) => b - a),
      ),
    };
  if (newestFirst) yield* scannedBlocks(reader, who, low, Math.min(high, oldest - 1), true);
}

async function* scannedBlocks(
  reader: ChainReader,
  who: Hex,
  low: number,
  high: number,
  newestFirst: boolean,
): AsyncGenerator<Found> {
  for (let i = 0; i <= high - low; i++) {
    if (i % SLICE === SLICE - 1) await new Promise(setImmediate);
    const number = newestFirst ? high - i : low + i;
    const receipts = reader.receipts(number) ?? [];
    const indexes = receipts.flatMap((receipt, index) => (touches(receipt, who) ? [index] : []));
    if (indexes.length === 0) yield 'a block without hits';
    else yield { hits: hitsAt(reader, number, indexes.reverse()) };
  }
}

function hitsAt(reader: ChainReader, number: number, indexes: readonly number[]): Hit[] {
  const receipts = reader.receipts(number) ?? [];
  const block = reader.blockByNumber(number);
  if (block === undefined) return [];
  return indexes.map((index) => ({
    tx: minedTransactionJson(reader, { block, index }),
    receipt: { ...receiptJson(block, receipts, index), timestamp: quantity(block.header.timestamp) },
  }));
}

function touches({ from, to, contractAddress, logs, inside }: Receipt, who: Hex): boolean {
  return (
    from === who ||
    to === who ||
    contractAddress === who ||
    logs.some(({ address }) => address === who) ||
    inside?.called.includes(who) === true ||
    inside?.operations.some((operation) => operation.from === who || operation.to === who) === true
  );
}

/** Newest block without indexes whose receipts have one that fits. @throws RpcError -32005 beyond the bound */
async function scanBack<T>(
  { reader, limits }: RpcContext,
  what: string,
  pick: (receipts: readonly Receipt[], number: number) => T | undefined,
): Promise<T | undefined> {
  const newest = reader.postings.oldest() - 1;
  for (let number = newest; number >= reader.postings.first(); number--) {
    const scanned = newest - number + 1;
    if (scanned > limits.maxHistoryBlocks)
      throw limitExceeded(
        `${what} not found in ${limits.maxHistoryBlocks} blocks without indexes`,
        limits.maxHistoryBlocks,
      );
    if (scanned % SLICE === 0) await new Promise(setImmediate);
    const found = pick(reader.receipts(number) ?? [], number);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Hash of the transaction, or null. A nonce that an authorization used up (EIP-7702) belongs to no transaction of the
 * account. @throws StateNotAvailable if it can only be in blocks that are no longer kept
 */
export async function senderAndNonce(context: RpcContext, who: Hex, nonce: bigint): Promise<Hex | null> {
  const { reader } = context;
  const head = reader.head().number;
  if ((reader.stateAt(head).account(who)?.nonce ?? 0n) <= nonce) return null;
  const indexed = await bisectNonce(reader, who, nonce, head);
  if (indexed !== 'before the indexes') return indexed;
  const older = await scanBack(context, `a transaction of ${who} with nonce ${nonce}`, (receipts, number) => {
    const index = receipts.findIndex(
      (receipt, at) => receipt.from === who && !isFeeless(receipt) && nonceAt(reader, number, at) === nonce,
    );
    return receipts[index]?.transactionHash;
  });
  const first = reader.postings.first();
  if (older === undefined && first > 0)
    throw new StateNotAvailable(`transactions before block ${first} are no longer kept`);
  return older ?? null;
}

/** Nonces grow with the blocks, so that few postings need to be looked at. */
async function bisectNonce(
  reader: ChainReader,
  who: Hex,
  nonce: bigint,
  head: number,
): Promise<Hex | null | 'before the indexes'> {
  let low = reader.postings.oldest();
  let high = head;
  let isAfterAnother = false;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const [posting] = await reader.postings.range(LIST.sent, who, middle, high, { limit: 1 });
    if (posting === undefined) {
      high = middle - 1;
      continue;
    }
    const { block, positions } = posting;
    if (nonceAt(reader, block, positions[0]!) > nonce) high = middle - 1;
    else if (nonceAt(reader, block, positions.at(-1)!) < nonce) {
      low = block + 1;
      isAfterAnother = true;
    } else {
      const index = positions.find((at) => nonceAt(reader, block, at) === nonce);
      return index === undefined ? null : (reader.receipts(block)?.[index]?.transactionHash ?? null);
    }
  }
  return isAfterAnother ? null : 'before the indexes';
}

/** @throws StateNotAvailable where pruning has just passed the block */
function nonceAt(reader: ChainReader, number: number, index: number): bigint {
  const block = reader.blockByNumber(number);
  const transaction = block && decodedAt(reader, { block, index });
  if (transaction === undefined) throw new StateNotAvailable(`block ${number} is no longer kept`);
  return transaction.nonce;
}

/**
 * Transaction and creator of a contract; null for other accounts, for those of the genesis, and for contracts of blocks
 * that are no longer kept.
 */
export async function creatorOf(context: RpcContext, who: Hex): Promise<{ hash: Hex; creator: Hex } | null> {
  const { reader } = context;
  const head = reader.head().number;
  const code = reader.stateAt(head).code(who);
  // EIP-7702: a delegation is no contract.
  if (code.length === 0 || (code.length === 23 && code[0] === 0xef && code[1] === 0x01)) return null;
  const created = await reader.postings.creation(who, head);
  if (created !== undefined) {
    const receipt = reader.receipts(created.block)?.[created.transaction];
    return receipt === undefined ? null : { hash: receipt.transactionHash, creator: created.creator };
  }
  return (await scanBack(context, `the creation of ${who}`, (receipts) => creationIn(receipts, who))) ?? null;
}

function creationIn(receipts: readonly Receipt[], who: Hex): { hash: Hex; creator: Hex } | undefined {
  for (const { transactionHash: hash, contractAddress, from, inside } of receipts) {
    if (contractAddress === who) return { hash, creator: from };
    const operation = inside?.operations.find(({ type, to }) => type.startsWith('CREATE') && to === who);
    if (operation !== undefined) return { hash, creator: operation.from };
  }
  return undefined;
}
