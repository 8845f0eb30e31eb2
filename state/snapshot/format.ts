/**
 * A snapshot: the state after one block in chunks, each of which can be checked when it arrives, with nothing but the
 * hash of a block that somebody trusts.
 *
 * A chunk is an RLP list of parts, each a list that begins with its kind:
 *   history   [1, [[header, set(h+1), certificate or empty], ...]]  headers downwards from the block of the snapshot
 *   node      [2, owner, path, node]                              an inner node of a trie that was cut
 *   accounts  [3, path, [[address, account, code or empty], ...]]    all leaves of the accounts trie below `path`
 *   slots     [4, owner, path, [[slot, value, body or empty], ...]]  all leaves of a storage trie below `path`
 * `owner` is empty for the accounts trie; a path has one nibble a byte. History comes first, then the accounts, then
 * the storages; within a trie a node comes before what hangs below it.
 *
 * The manifest: [version, number of the block, header, certificate, set(number), block, number of chunks].
 */
import { bigintToBytes } from '../crypto.ts';
import { LIMITS } from '../limits.ts';
import { decodeRlp, encodeRlp, RlpError, type RlpItem, rlpBytes, rlpList, rlpNumber } from '../rlp.ts';

export const SNAPSHOT_VERSION = 1;

export const PART = { history: 1, node: 2, accounts: 3, slots: 4 } as const;

export const SNAPSHOT_LIMITS = {
  /** Bytes of parts after which a chunk is full: some 10,000 accounts. */
  chunkBytes: 512 * 1024,
  /** Largest chunk that is accepted: one account with a large code, or one record with a large body, fits well. */
  maxChunkBytes: 8 * 1024 * 1024,
  /** Largest manifest: a block of 4 MiB and a set of 1,024 validators fit. */
  maxManifestBytes: 18 * 1024 * 1024,
  /** Items of a manifest: seven and the list around them. A byte of input can be an item of a hundred bytes of memory. */
  maxManifestItems: 8,
  /**
   * Items of a chunk, at all depths. Four of them, a slot, are counted as 45 bytes or more when a chunk is filled, so a
   * full one has at most 47,000.
   */
  maxChunkItems: 131_072,
  /** A header has 21 fields in one list. */
  maxHeaderItems: 22,
  /** An encoded set: 1,024 validators of about 115 bytes. */
  maxSetBytes: 256 * 1024,
  /** A certificate of a set of 1,024: 270 bytes. */
  maxCertificateBytes: 512,
  /** Chunks of one snapshot: 512 GiB. */
  maxChunks: 1_048_576,
  /** Headers before the block that are needed besides those that evidence may reach back to: BLOCKHASH asks for 256. */
  minHistory: 257,
} as const;

export type SnapshotErrorCode =
  /** Bytes that are no snapshot. */
  | 'MALFORMED'
  /** A part does not have the hash that is expected of it, or is not expected at all. */
  | 'WRONG_CHUNK'
  /** The block is not shown to descend from the trusted one with the votes of its validators. */
  | 'NOT_TRUSTED'
  /** Something that the state names is not in any chunk. */
  | 'INCOMPLETE';

/** The snapshot, or whoever served it, is at fault. */
export class SnapshotError extends Error {
  override name = 'SnapshotError';
  readonly code: SnapshotErrorCode;
  constructor(code: SnapshotErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Manifest {
  readonly number: number;
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
  /** Encoded set that voted on the block. */
  readonly voters: Uint8Array;
  readonly block: Uint8Array;
  readonly chunks: number;
}

const number = (value: number): Uint8Array => bigintToBytes(BigInt(value));

export function encodeManifest(manifest: Manifest): Uint8Array {
  const { header, certificate, voters, block } = manifest;
  return encodeRlp([
    number(SNAPSHOT_VERSION),
    number(manifest.number),
    header,
    certificate,
    voters,
    block,
    number(manifest.chunks),
  ]);
}

/** @throws SnapshotError MALFORMED */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const { maxManifestBytes, maxManifestItems } = SNAPSHOT_LIMITS;
  return decoding(bytes, maxManifestBytes, maxManifestItems, (item) => {
    const items = rlpList(item, 7);
    if (rlpNumber(items[0]) !== SNAPSHOT_VERSION) throw new RlpError('another version');
    const manifest = {
      number: rlpNumber(items[1]),
      header: rlpBytes(items[2]).slice(),
      certificate: rlpBytes(items[3]).slice(),
      voters: rlpBytes(items[4]).slice(),
      block: rlpBytes(items[5]).slice(),
      chunks: rlpNumber(items[6]),
    };
    if (manifest.number < 1 || manifest.chunks < 1 || manifest.chunks > SNAPSHOT_LIMITS.maxChunks)
      throw new RlpError('no block, or no chunks');
    return manifest;
  });
}

/** Parts of a chunk, not looked at any further. @throws SnapshotError MALFORMED */
export function decodeChunk(bytes: Uint8Array): readonly (readonly RlpItem[])[] {
  const { maxChunkBytes, maxChunkItems } = SNAPSHOT_LIMITS;
  return decoding(bytes, maxChunkBytes, maxChunkItems, (item) => rlpList(item).map((part) => rlpList(part)));
}

function decoding<T>(bytes: Uint8Array, most: number, maxItems: number, read: (item: RlpItem) => T): T {
  if (bytes.length > most) throw new SnapshotError('MALFORMED', `${bytes.length} bytes, at most ${most}`);
  try {
    return read(decodeRlp(bytes, LIMITS.maxRlpDepth, maxItems));
  } catch (error) {
    throw malformed(error);
  }
}

/** What a parser threw, as the snapshot's fault; anything else is passed on. */
export function malformed(error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string };
  if (error instanceof SnapshotError) return error;
  const isOfConsensus = code === 'MALFORMED' || code === 'BAD_SET' || code === 'LIMIT';
  if (error instanceof RlpError || error instanceof RangeError || isOfConsensus)
    return new SnapshotError('MALFORMED', message);
  return error;
}
