import { AttributionError } from '../errors.ts';
import { checkRange } from '../influence/check.ts';
import * as int8 from '../kernels/int8.wasm.ts';
import { compileKernel } from '../kernels/load.ts';
import { MAX_DIMENSIONS, MAX_RECORDS, MAX_SHARD_BYTES } from './limits.ts';
import type { RetrievalRecord } from './types.ts';

const PAGE = 65_536;
/** Vectors are padded with zeros to this many bytes, the width of the kernel's registers. */
const LANES = 16;

/** Some records' vectors where the kernel finds them. Any cut into shards gives the same citations. */
export interface Shard {
  readonly dimensions: number;
  readonly records: readonly RetrievalRecord[];
  /** Scores of all records for a query of `dimensions` numbers; valid until the next call. */
  scores(query: Int8Array): Int32Array;
}

type Scan = (query: number, vectors: number, scores: number, count: number, stride: number) => void;
let kernel: WebAssembly.Module | undefined;

/**
 * Puts vectors into one WebAssembly memory: the query (2 bytes a number), the scores (4 bytes a record), the vectors.
 * @throws AttributionError 'InvalidParameter' for dimensions out of range, 'ShapeMismatch' for a vector of another
 *   length, 'CorpusTooLarge'.
 */
export function createShard(records: readonly RetrievalRecord[], dimensions: number): Shard {
  checkRange('number of dimensions', dimensions, 1, MAX_DIMENSIONS);
  const stride = Math.ceil(dimensions / LANES) * LANES;
  const count = records.length;
  if (count > MAX_RECORDS || count * stride > MAX_SHARD_BYTES)
    throw new AttributionError(
      'CorpusTooLarge',
      `${count} vectors of ${dimensions} do not fit one shard of ${MAX_SHARD_BYTES} bytes and ${MAX_RECORDS} records.`,
    );
  const scoresAt = 2 * stride;
  const vectorsAt = scoresAt + Math.ceil((4 * count) / LANES) * LANES;
  const pages = Math.ceil((vectorsAt + count * stride) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const vectors = new Int8Array(memory.buffer, vectorsAt, count * stride);
  records.forEach(({ vector }, i) => {
    checkLength(vector, dimensions);
    vectors.set(vector, i * stride);
  });
  kernel ??= compileKernel(int8);
  const scan = new WebAssembly.Instance(kernel, { env: { memory } }).exports['scanI8'] as Scan;
  const widened = new Int16Array(memory.buffer, 0, dimensions);
  const scores = new Int32Array(memory.buffer, scoresAt, count);
  return {
    dimensions,
    records,
    scores: (query) => {
      checkLength(query, dimensions);
      widened.set(query);
      scan(0, vectorsAt, scoresAt, count, stride);
      return scores;
    },
  };
}

/** The same scores in plain TypeScript: what the kernel is held against. */
export function plainScores(records: readonly RetrievalRecord[], query: Int8Array): Int32Array {
  return Int32Array.from(records, ({ vector }) => dotInt8(vector, query));
}

/** Σ a[i]·b[i]; exact for at most MAX_DIMENSIONS numbers. */
export function dotInt8(a: Int8Array, b: Int8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function checkLength(vector: Int8Array, dimensions: number): void {
  if (!(vector instanceof Int8Array) || vector.length !== dimensions)
    throw new AttributionError(
      'ShapeMismatch',
      `A vector of ${vector?.length} numbers was given where ${dimensions} 8-bit integers are needed.`,
    );
}
