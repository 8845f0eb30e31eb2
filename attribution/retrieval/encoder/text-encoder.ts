import * as kernel from '../../kernels/encoder.wasm.ts';
import { compileKernel } from '../../kernels/load.ts';
import { textFeatures } from './features.ts';
import { MAX_FEATURES } from './limits.ts';
import type { Encoder } from './types.ts';

/** @throws InvalidUtf8; AttributionError 'ProblemTooLarge'. */
export type TextEncoding = (text: Uint8Array) => Int8Array;

type Encode = (
  table: number,
  rows: number,
  weights: number,
  count: number,
  width: number,
  chunks: number,
  sums: number,
  out: number,
) => void;

const PAGE = 65_536;

/** The vectors of `encodeText` by the WebAssembly kernel; holds the table in a memory of its own. */
export function createTextEncoding(encoder: Encoder): TextEncoding {
  const { width, chunks } = encoder.shape;
  const size = width * chunks;
  // Each part begins at a multiple of 16.
  const rowsAt = Math.ceil(encoder.table.length / 16) * 16;
  const weightsAt = rowsAt + 2 * MAX_FEATURES * chunks;
  const sumsAt = weightsAt + MAX_FEATURES;
  const outAt = sumsAt + 4 * size;
  const pages = Math.ceil((outAt + size) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(compileKernel(kernel), { env: { memory } });
  const encode = exports['encode'] as Encode;
  new Int8Array(memory.buffer).set(encoder.table);
  const rows = new Uint16Array(memory.buffer, rowsAt, MAX_FEATURES * chunks);
  const weights = new Uint8Array(memory.buffer, weightsAt, MAX_FEATURES);
  return (text) => {
    const features = textFeatures(encoder, text);
    rows.set(features.rows);
    weights.set(features.weights);
    encode(0, rowsAt, weightsAt, features.count, width, chunks, sumsAt, outAt);
    return new Int8Array(memory.buffer.slice(outAt, outAt + size));
  };
}
