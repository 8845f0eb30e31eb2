/**
 * Blocks as bytes. Header: the 21 fields of a Prague header, so that light clients and wallets hash it as they
 * always did. Body: rlp([header, transactions, [], [], originRound, timestampMs, reveal, lastCommit]); the two empty
 * lists stand where Ethereum has ommers and withdrawals. Strict both ways.
 */
import { decodeLastCommit, encodeLastCommit } from '../../consensus/codec.ts';
import { asRound } from '../../consensus/types.ts';
import {
  bigintToBytes,
  concat,
  EMPTY_TRIE_ROOT_HEX,
  fromHex,
  keccakHex,
  sha256,
  toHex,
  ZERO_HASH,
} from '../crypto.ts';
import { u32 } from '../db/keys.ts';
import { LIMITS } from '../limits.ts';
import {
  decodeRlp,
  encodeRlp,
  RlpError,
  type RlpItem,
  rlpBigint,
  rlpBytes,
  rlpList,
  rlpNumber,
} from '../rlp.ts';
import type { Block, BlockHeader, BlockOrigin, Hex, LastCommit } from '../types.ts';
import { BLOOM_BYTES } from './bloom.ts';

/** keccak of rlp([]): there are no ommers. */
export const NO_OMMERS: Hex = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';
export const ZERO_NONCE: Hex = '0x0000000000000000';
export const NO_WITHDRAWALS: Hex = EMPTY_TRIE_ROOT_HEX;
/** Request type of the origin: 'O'. */
const ORIGIN_REQUEST = 0x4f;
const REVEAL_BYTES = 96;
const MAX_ORIGIN_ROUND = 0xffff_ffff;
/** Transactions, the header's fields, the eight parts and what is inside the certificate. */
const MAX_ITEMS = LIMITS.maxBlockTransactions + 64;

/** Imported headers of older Ethereum forks end where a field is missing. */
export function encodeHeader(header: BlockHeader): Uint8Array {
  const number = (value: number) => bigintToBytes(BigInt(value));
  const newer: [keyof BlockHeader, () => RlpItem][] = [
    ['baseFeePerGas', () => bigintToBytes(header.baseFeePerGas)],
    ['withdrawalsRoot', () => fromHex(header.withdrawalsRoot, 32)],
    ['blobGasUsed', () => bigintToBytes(header.blobGasUsed)],
    ['excessBlobGas', () => bigintToBytes(header.excessBlobGas)],
    ['parentBeaconBlockRoot', () => fromHex(header.parentBeaconBlockRoot, 32)],
    ['requestsHash', () => fromHex(header.requestsHash, 32)],
  ];
  const missing = newer.findIndex(([name]) => header[name] === undefined);
  return encodeRlp([
    fromHex(header.parentHash, 32),
    fromHex(header.ommersHash, 32),
    fromHex(header.coinbase, 20),
    fromHex(header.stateRoot, 32),
    fromHex(header.transactionsRoot, 32),
    fromHex(header.receiptsRoot, 32),
    fromHex(header.logsBloom, BLOOM_BYTES),
    bigintToBytes(header.difficulty),
    number(header.number),
    bigintToBytes(header.gasLimit),
    bigintToBytes(header.gasUsed),
    number(header.timestamp),
    fromHex(header.extraData),
    fromHex(header.prevRandao, 32),
    fromHex(header.nonce, 8),
    ...newer.slice(0, missing === -1 ? undefined : missing).map(([, encode]) => encode()),
  ]);
}

/** @throws RlpError */
export function decodeHeader(item: RlpItem): BlockHeader {
  const f = rlpList(item, 21);
  const hex = (index: number, length: number) => toHex(rlpBytes(f[index], length));
  const zero = (index: number): 0n => {
    if (rlpBytes(f[index]).length !== 0) throw new RlpError(`header field ${index} is not zero`);
    return 0n;
  };
  return {
    parentHash: hex(0, 32),
    ommersHash: hex(1, 32),
    coinbase: hex(2, 20),
    stateRoot: hex(3, 32),
    transactionsRoot: hex(4, 32),
    receiptsRoot: hex(5, 32),
    logsBloom: hex(6, BLOOM_BYTES),
    difficulty: zero(7),
    number: rlpNumber(f[8]),
    gasLimit: rlpBigint(f[9], 8),
    gasUsed: rlpBigint(f[10], 8),
    timestamp: rlpNumber(f[11]),
    extraData: hex(12, 32),
    prevRandao: hex(13, 32),
    nonce: hex(14, 8),
    baseFeePerGas: rlpBigint(f[15]),
    withdrawalsRoot: hex(16, 32),
    blobGasUsed: zero(17),
    excessBlobGas: zero(18),
    parentBeaconBlockRoot: hex(19, 32),
    requestsHash: hex(20, 32),
  };
}

export function headerHash(header: BlockHeader): Hex {
  return keccakHex(encodeHeader(header));
}

/**
 * EIP-7685 hash over exactly one request, `0x4f ‖ originRound u32 ‖ timestampMs u64`: sha256 over the sha256 of
 * each request. This is how the header commits to the origin (docs/adr/0002-origin-in-requests-hash.md).
 */
export function requestsHashOf(originRound: number, timestampMs: number): Hex {
  const request = concat(
    Uint8Array.of(ORIGIN_REQUEST),
    u32(originRound),
    u32(Math.floor(timestampMs / 0x1_0000_0000)),
    u32(timestampMs % 0x1_0000_0000),
  );
  return toHex(sha256(sha256(request)));
}

/** keccak of the RLP of `lastCommit`, zero without one: the header's parentBeaconBlockRoot (A2). */
export function lastCommitHash(lastCommit: LastCommit | null): Hex {
  return lastCommit === null
    ? ZERO_HASH
    : keccakHex(encodeLastCommit({ ...lastCommit, round: asRound(lastCommit.round) }));
}

export function encodeBlock(block: Omit<Block, 'hash'>): Uint8Array {
  return encodeRlp([
    decodeRlp(encodeHeader(block.header)),
    block.transactions,
    [],
    [],
    bigintToBytes(BigInt(block.originRound)),
    bigintToBytes(BigInt(block.timestampMs)),
    block.reveal,
    block.lastCommit === null
      ? new Uint8Array(0)
      : decodeRlp(encodeLastCommit({ ...block.lastCommit, round: asRound(block.lastCommit.round) })),
  ]);
}

/**
 * Parses a block. Transactions are only cut apart here, not decoded.
 * @throws RlpError, or ConsensusError from the certificate's encoding
 */
export function decodeBlock(bytes: Uint8Array): Block {
  const items = rlpList(decodeRlp(bytes, LIMITS.maxRlpDepth, MAX_ITEMS), 8);
  const header = decodeHeader(items[0]!);
  if (rlpList(items[1]).length > LIMITS.maxBlockTransactions) throw new RlpError('too many transactions');
  const transactions = rlpList(items[1]).map((item) => rlpBytes(item).slice());
  rlpList(items[2], 0);
  rlpList(items[3], 0);
  const originRound = rlpNumber(items[4]);
  if (originRound > MAX_ORIGIN_ROUND) throw new RlpError('origin round beyond 32 bits');
  const reveal = rlpBytes(items[6]).slice();
  if (reveal.length !== REVEAL_BYTES && !(header.number === 0 && reveal.length === 0))
    throw new RlpError(`reveal of ${reveal.length} bytes`);
  const commit = items[7]!;
  if (commit instanceof Uint8Array && commit.length > 0) throw new RlpError('last commit is not a list');
  const origin: BlockOrigin = {
    originRound,
    timestampMs: rlpNumber(items[5]),
    reveal,
    lastCommit: commit instanceof Uint8Array ? null : decodeLastCommit(encodeRlp(commit)),
  };
  return { ...origin, hash: headerHash(header), header, transactions };
}
