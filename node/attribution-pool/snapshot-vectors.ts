/**
 * Snapshots as retrieval attribution searches them: the vectors of their records, of each cluster of near duplicates
 * the one that stands for it, in one shard. A contribution's vectors are made once and kept on disk.
 */
import { createHash } from 'node:crypto';
import { AttributionError, InvalidUtf8, packOrderKey } from '../../attribution/api.ts';
import {
  createShard,
  type RetrievalRecord,
  representatives,
  type Shard,
  type TextEncoding,
} from '../../attribution/retrieval/api.ts';
import { hashContribution, readLeaves } from './contributions.ts';
import { LIMITS } from './limits.ts';
import type { PinnedContribution } from './types.ts';
import { VECTOR_FILE, type VectorStore } from './vector-store.ts';

/** An encoder ready to use. */
export interface LoadedEncoder {
  /** keccak-256 of its file. */
  readonly hash: string;
  /** Numbers of a vector. */
  readonly dimensions: number;
  readonly encode: TextEncoding;
}

export interface VectorIndex {
  readonly shard: Shard;
  /** Accepted records, near duplicates included. */
  readonly records: number;
  readonly contributions: number;
  /** How many contributions' vectors were on disk. */
  readonly found: number;
}

/** Bytes of an order key. */
const KEY_BYTES = 8;

/**
 * Stops after each contribution and each slice of one, so that answers that are waited for come in between.
 * @throws MissingArtifact, AttributionError
 */
export function* indexVectors(
  contributions: readonly PinnedContribution[],
  encoder: LoadedEncoder,
  store: VectorStore | undefined,
): Generator<undefined, VectorIndex> {
  const records: RetrievalRecord[] = [];
  let found = 0;
  for (const contribution of contributions) {
    const indexes = acceptedIndexes(contribution);
    const key = keyOf(contribution, encoder);
    const known = store?.has(key) ? store.load(key) : undefined;
    const isWhole = known?.length === indexes.length * encoder.dimensions;
    if (isWhole) found++;
    const vectors = known !== undefined && isWhole ? known : yield* vectorsOf(contribution, indexes, encoder);
    if (!isWhole) store?.save(key, vectors);
    indexes.forEach((recordIndex, i) => {
      records.push({
        orderKey: packOrderKey(contribution.commitSequence, recordIndex),
        contributor: contribution.contributor,
        dataNetId: contribution.dataNetId,
        contributionId: contribution.contributionId,
        recordIndex,
        founder: founderOf(contribution, recordIndex),
        vector: vectors.subarray(i * encoder.dimensions, (i + 1) * encoder.dimensions),
      });
    });
    yield;
  }
  const shard = createShard(representatives(records), encoder.dimensions);
  return { shard, records: records.length, contributions: contributions.length, found };
}

/** Places of the accepted records, without reading the artifact where the state says them. */
function acceptedIndexes({ accepted, leaves }: PinnedContribution): number[] {
  if (accepted === null) return readLeaves(leaves).map((_, index) => index);
  const indexes: number[] = [];
  for (let index = 0; index < 8 * accepted.length; index++)
    if ((accepted[index >> 3]! & (1 << (index & 7))) !== 0) indexes.push(index);
  return indexes;
}

function* vectorsOf(
  { leaves }: PinnedContribution,
  indexes: readonly number[],
  { dimensions, encode }: LoadedEncoder,
): Generator<undefined, Int8Array> {
  const texts = readLeaves(leaves);
  const vectors = new Int8Array(indexes.length * dimensions);
  let bytes = 0;
  for (const [i, index] of indexes.entries()) {
    const text = texts[index]!;
    vectors.set(vectorOf(text, encode) ?? [], i * dimensions);
    bytes += text.length;
    if (bytes < LIMITS.encodedSliceBytes) continue;
    bytes = 0;
    yield;
  }
  return vectors;
}

/** A record that the encoder does not read has the zero vector: nobody finds it, and every node goes on. */
function vectorOf(text: Uint8Array, encode: TextEncoding): Int8Array | undefined {
  try {
    return encode(text);
  } catch (error) {
    if (error instanceof InvalidUtf8 || error instanceof AttributionError) return undefined;
    throw error;
  }
}

/** As validators attested it at the approval. */
function founderOf({ founders, commitSequence }: PinnedContribution, recordIndex: number): number {
  if (founders === undefined || founders.length < KEY_BYTES * (recordIndex + 1))
    throw new Error(`no cluster is known of record ${recordIndex} of commit ${commitSequence}`);
  const view = new DataView(founders.buffer, founders.byteOffset, founders.byteLength);
  return Number(view.getBigUint64(KEY_BYTES * recordIndex));
}

/** Name of a contribution's vectors: a hash of all that they depend on. */
function keyOf(contribution: PinnedContribution, encoder: LoadedEncoder): string {
  const hash = createHash('sha256').update(`OL/vectors/${VECTOR_FILE.version} ${encoder.hash}`);
  hashContribution(hash, contribution);
  return hash.digest('hex');
}
