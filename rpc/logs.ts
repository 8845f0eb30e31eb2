/** Log filters: what they say, which logs match, and the search behind eth_getLogs. */
import { keccak256 } from '../state/crypto.ts';
import type { Block, ChainReader, Hex, Log, Receipt } from '../state/types.ts';
import { bytesOf, hexOf, quantity } from './encode.ts';
import { limitExceeded, RPC_CODES, RpcError } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { blocksWith, groupsOf } from './log-index.ts';
import { headerOf, headOf } from './method.ts';
import {
  address,
  asObject,
  type BlockSelector,
  blockNumberOrTag,
  custom,
  hash,
  list,
  optional,
  type Param,
} from './params.ts';

export interface LogFilter {
  readonly fromBlock: BlockSelector | undefined;
  readonly toBlock: BlockSelector | undefined;
  readonly blockHash: Hex | undefined;
  /** Empty: any. */
  readonly addresses: readonly Hex[];
  /** Per position the accepted values; empty: any. */
  readonly topics: readonly (readonly Hex[])[];
}

/** Parameter of eth_getLogs, eth_newFilter and eth_subscribe('logs'). */
export function logFilter(limits: RpcLimits): Param<LogFilter> {
  const addresses = list(address, limits.maxLogAddresses);
  const hashes = list(optional(hash), limits.maxLogTopics);
  return custom('log filter', (value, refuse) => {
    const given = asObject(value);
    const blockHash = optional(hash).read(given['blockHash']);
    const fromBlock = optional(blockNumberOrTag).read(given['fromBlock']);
    const toBlock = optional(blockNumberOrTag).read(given['toBlock']);
    if (blockHash !== undefined && (fromBlock !== undefined || toBlock !== undefined))
      refuse('cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other');
    const who = given['address'];
    const topics = given['topics'] ?? [];
    if (!Array.isArray(topics)) return refuse('topics: expected an array');
    if (topics.length > 4) refuse('exceed max topics: at most 4 positions');
    return {
      blockHash,
      fromBlock,
      toBlock,
      addresses:
        who === undefined || who === null
          ? []
          : Array.isArray(who)
            ? addresses.read(who)
            : [address.read(who)],
      topics: topics.map((position) => {
        if (position === null || position === undefined) return [];
        if (!Array.isArray(position)) return [hash.read(position)];
        const read = hashes.read(position);
        // A null among the alternatives means: anything.
        return read.includes(undefined) ? [] : (read as Hex[]);
      }),
    };
  });
}

export function matches(filter: LogFilter, log: Log): boolean {
  if (filter.addresses.length > 0 && !filter.addresses.includes(log.address)) return false;
  if (filter.topics.length > log.topics.length) return false;
  return filter.topics.every(
    (accepted, position) => accepted.length === 0 || accepted.includes(log.topics[position] as Hex),
  );
}

/** Bits of a bloom filter that a value sets, as (byte, mask) pairs; see the Yellow Paper, 4.3.1. */
type BloomBits = readonly { readonly byte: number; readonly mask: number }[];

/** For a quick no: a block's bloom that lacks a bit of every accepted value has no matching log. */
export function bloomTest(filter: LogFilter): (bloom: Hex) => boolean {
  const bitsOf = (value: Hex): BloomBits => {
    const digest = keccak256(bytesOf(value));
    return [0, 2, 4].map((at) => {
      const bit = (((digest[at] ?? 0) << 8) | (digest[at + 1] ?? 0)) & 2047;
      return { byte: 255 - (bit >> 3), mask: 1 << (bit & 7) };
    });
  };
  const groups = [filter.addresses, ...filter.topics]
    .filter((values) => values.length > 0)
    .map((values) => values.map(bitsOf));
  if (groups.length === 0) return () => true;
  return (bloom) => {
    const bytes = Buffer.from(bloom.slice(2), 'hex');
    return groups.every((group) =>
      group.some((bits) => bits.every(({ byte, mask }) => ((bytes[byte] ?? 0) & mask) !== 0)),
    );
  };
}

export function logJson(
  log: Log,
  block: Pick<Block, 'hash' | 'header'>,
  transactionHash: Hex,
  transactionIndex: number,
  logIndex: number,
): object {
  return {
    address: log.address,
    topics: log.topics,
    data: hexOf(log.data),
    blockNumber: quantity(block.header.number),
    blockHash: block.hash,
    blockTimestamp: quantity(block.header.timestamp),
    transactionHash,
    transactionIndex: quantity(transactionIndex),
    logIndex: quantity(logIndex),
    removed: false,
  };
}

/** Matching logs of one block, in order. Log indexes count through the block. */
export function blockLogs(
  filter: LogFilter,
  block: Pick<Block, 'hash' | 'header'>,
  receipts: readonly Receipt[],
): object[] {
  const found: object[] = [];
  let logIndex = 0;
  receipts.forEach((receipt, transactionIndex) => {
    for (const log of receipt.logs) {
      if (matches(filter, log))
        found.push(logJson(log, block, receipt.transactionHash, transactionIndex, logIndex));
      logIndex += 1;
    }
  });
  return found;
}

/** Blocks scanned before other requests get a turn. */
const SCAN_SLICE = 64;

/** So few blocks are looked at themselves: their blooms are read faster than the indexes. */
const FEW_BLOCKS = 8;

/**
 * eth_getLogs. The indexes tell which blocks to read; where they do not reach, blooms of headers do.
 * @throws RpcError: unknown block, inverted or too wide range, too many results.
 */
export async function queryLogs(
  reader: ChainReader,
  filter: LogFilter,
  limits: RpcLimits,
): Promise<object[]> {
  if (filter.blockHash !== undefined) {
    const block = reader.blockByHash(filter.blockHash);
    if (block === undefined) throw new RpcError(RPC_CODES.server, 'unknown block');
    return blockLogs(filter, block, reader.receipts(block.header.number) ?? []);
  }
  const { from, to, head } = rangeOf(reader, filter);
  // A poller may begin behind the head; who names both ends has to know them.
  if (from > head && filter.toBlock?.by !== 'number') return [];
  if (from > to) throw invalidRange();
  if (to > head) throw new RpcError(RPC_CODES.invalidParams, 'block range extends beyond current head block');
  return findLogs(reader, filter, from, to, limits);
}

function rangeOf(reader: ChainReader, filter: LogFilter): { from: number; to: number; head: number } {
  const head = reader.head().number;
  return { from: boundOf(filter.fromBlock, head), to: boundOf(filter.toBlock, head), head };
}

function invalidRange(): RpcError {
  return new RpcError(RPC_CODES.invalidParams, 'invalid block range params');
}

/** A filter whose numbers are the wrong way round can never tell anything. @throws RpcError as geth */
export function checkRange({ fromBlock, toBlock }: LogFilter): void {
  const isNumber = fromBlock?.by === 'number' && toBlock?.by === 'number';
  if (isNumber && fromBlock.number > toBlock.number) throw invalidRange();
}

/** Whether a search reads so little that it is made where it is asked for: few blocks of little gas. */
export function isShortSearch(
  reader: ChainReader,
  from: number,
  to: number,
  limits: Pick<RpcLimits, 'smallBlockGas'>,
): boolean {
  if (to - from >= FEW_BLOCKS) return false;
  let gas = 0n;
  for (let number = from; number <= to; number++) gas += headerOf(reader, number)?.gasUsed ?? 0n;
  return gas <= limits.smallBlockGas;
}

/** Parameter that says the same as the filter. */
export function filterJson({ addresses, topics, ...at }: LogFilter): object {
  const text = (selector: BlockSelector | undefined): string | undefined =>
    selector?.by === 'number' ? quantity(selector.number) : selector?.by === 'tag' ? selector.tag : undefined;
  return {
    ...(at.blockHash === undefined
      ? { fromBlock: text(at.fromBlock), toBlock: text(at.toBlock) }
      : { blockHash: at.blockHash }),
    address: addresses,
    topics,
  };
}

function boundOf(selector: BlockSelector | undefined, head: number): number {
  if (selector?.by === 'number') return selector.number;
  return selector?.by === 'tag' && selector.tag === 'earliest' ? 0 : head;
}

/**
 * Matching logs of the blocks `from` to `to`, which the head is not before.
 * @throws RpcError -32005: too many blocks without indexes, too many results, too many index entries
 */
export async function findLogs(
  reader: ChainReader,
  filter: LogFilter,
  from: number,
  to: number,
  limits: RpcLimits,
): Promise<object[]> {
  const groups = groupsOf(filter);
  const oldest = reader.postings.oldest();
  const isScanned = groups.length === 0 || to - from < Math.min(FEW_BLOCKS, limits.maxLogBlocks);
  const indexed = isScanned ? to + 1 : Math.max(from, oldest);
  const found: object[] = [];
  const read = (number: number): void => {
    // What this node has forgotten is an error, not an empty answer.
    const receipts = reader.receipts(number) ?? [];
    const block = headOf(reader, number);
    if (block === undefined) return;
    for (const log of blockLogs(filter, block, receipts)) found.push(log);
    if (found.length > limits.maxLogResults)
      throw limitExceeded(
        `query returned more than ${limits.maxLogResults} results; narrow the block range, try up to block ${number - 1}`,
        limits.maxLogResults,
      );
  };
  await scan(reader, filter, from, Math.min(to, indexed - 1), limits, read);
  let spent = 0;
  const spend = (count: number, at: number): void => {
    spent += count;
    if (spent > limits.maxLogPostings)
      throw limitExceeded(
        `query looked at more than ${limits.maxLogPostings} index entries; narrow the block range, try up to block ${at - 1}`,
        limits.maxLogPostings,
      );
  };
  if (indexed <= to)
    for await (const number of blocksWith(reader.postings, groups, indexed, to, spend)) read(number);
  return found;
}

/** Calls `read` with the blocks whose blooms do not exclude the filter. */
async function scan(
  reader: ChainReader,
  filter: LogFilter,
  from: number,
  to: number,
  limits: RpcLimits,
  read: (number: number) => void,
): Promise<void> {
  if (to - from + 1 > limits.maxLogBlocks)
    throw limitExceeded(`block range of ${to - from + 1} blocks in eth_getLogs`, limits.maxLogBlocks);
  const mayMatch = bloomTest(filter);
  for (let number = from; number <= to; number++) {
    if ((number - from) % SCAN_SLICE === SCAN_SLICE - 1) await new Promise(setImmediate);
    const header = headerOf(reader, number);
    if (header === undefined || mayMatch(header.logsBloom)) read(number);
  }
}
