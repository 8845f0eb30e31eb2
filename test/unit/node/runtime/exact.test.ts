/** The exact runtime against references in plain TypeScript, against itself, and against frozen hashes. */
import { afterEach, describe, expect, it } from 'vitest';
import { checkModel, type Tensor, type Tensors } from '../../../../attribution/runtime/api.ts';
import type { RuntimePool } from '../../../../node/runtime-pool/index.ts';
import {
  attentionBlock,
  FROZEN,
  float32,
  floatMlp,
  INTEGER_MLP,
  integerMlp,
  integerWeights,
  MLP,
  mlpWeights,
  type TestModel,
  uint8,
} from '../../../support/models.ts';
import { bytesOf, floats } from '../../../support/onnx.ts';
import { compiledPool, hashOf } from '../../../support/runtime.ts';

let pool: RuntimePool | undefined;
afterEach(async () => {
  await pool?.close();
  pool = undefined;
});

const run = (on: RuntimePool, { bytes, inputs }: TestModel, other: Tensors = inputs): Promise<Tensors> =>
  on.run(checkModel(bytes).modelHash, bytes, other);

/** Sum of products as the kernel makes it: blocks of 256 terms, each from left to right in single precision. */
function kernelDot(count: number, term: (k: number) => number): number {
  const BLOCK = 256;
  let total = 0;
  for (let start = 0; start < count; start += BLOCK) {
    let sum = 0;
    for (let k = start; k < Math.min(count, start + BLOCK); k++)
      sum = Math.fround(sum + Math.fround(term(k)));
    total = start === 0 ? sum : Math.fround(total + sum);
  }
  return total;
}

function referenceFloatMlp(x: Float32Array): Float32Array {
  const layer = (from: Float32Array, w: Float32Array, b: Float32Array): Float32Array =>
    b.map((bias, n) => Math.fround(kernelDot(from.length, (k) => from[k]! * w[k * b.length + n]!) + bias));
  const h = layer(x, mlpWeights.w1, mlpWeights.b1).map((value) => Math.max(value, 0));
  return layer(h, mlpWeights.w2, mlpWeights.b2);
}

function referenceIntegerMlp(x: Uint8Array): bigint[] {
  const { hidden, classes, multiplier, shift } = INTEGER_MLP;
  const rescale = (sum: bigint): bigint =>
    (sum * BigInt(multiplier) + (1n << BigInt(shift - 1))) >> BigInt(shift);
  const dot = (from: ArrayLike<number>, zero: number, w: Uint8Array, columns: number, n: number): bigint => {
    let sum = 0n;
    for (let k = 0; k < from.length; k++) sum += BigInt((from[k]! - zero) * (w[k * columns + n]! - 128));
    return sum;
  };
  const h = integerWeights.b1.map((bias, n) => {
    const z = Number(rescale(dot(x, 128, integerWeights.w1, hidden, n))) + bias;
    return Math.min(Math.max(z, 0), 255);
  });
  return Array.from({ length: classes }, (_, n) => rescale(dot(h, 0, integerWeights.w2, classes, n)));
}

describe('the exact runtime', () => {
  it('computes an integer-only graph as BigInt does, in every bit, and so does the native runtime', async () => {
    pool = compiledPool();
    const model = integerMlp();
    const { modelHash } = checkModel(model.bytes);
    for (let seed = 0; seed < 8; seed++) {
      const data =
        seed === 0 ? new Uint8Array(INTEGER_MLP.inputs).fill(255) : bytesOf(INTEGER_MLP.inputs, seed);
      const inputs = { x: uint8([1, INTEGER_MLP.inputs], data) };
      const expected = referenceIntegerMlp(data);
      const outputs = await run(pool, model, inputs);
      expect([...(outputs['y']!.data as BigInt64Array)]).toEqual(expected);
      const largest = [...expected].sort((a, b) => Number(b - a))[0]!;
      expect(outputs['best']!.data[0]).toBe(BigInt(expected.indexOf(largest)));
      const served = await pool.serve(modelHash, model.bytes, inputs);
      expect([...(served.outputs['y']!.data as BigInt64Array)]).toEqual(expected);
    }
  });

  it('computes a float perceptron as Math.fround does in the order of its kernel, in every bit', async () => {
    pool = compiledPool();
    for (let seed = 60; seed < 64; seed++) {
      const data = floats(MLP.inputs, seed, 3).map((value, i) => value / (1 + (i % 7)));
      const outputs = await run(pool, floatMlp(), { x: float32([1, MLP.inputs], data) });
      expect(outputs['y']!.data).toEqual(referenceFloatMlp(data));
    }
  });

  it('gives frozen results: again, in fresh workers, with one worker and with two, whatever ran before', {
    timeout: 180_000,
  }, async () => {
    const hashes = async (workers: number, models: typeof FROZEN): Promise<string[]> => {
      pool = compiledPool({ workers });
      const own = pool;
      const results = await Promise.all(
        [...models, ...models].map(async ({ name, make }) => `${name}: ${hashOf(await run(own, make()))}`),
      );
      await own.close();
      return results.sort();
    };
    const expected = [...FROZEN, ...FROZEN].map(({ name, hash }) => `${name}: ${hash}`).sort();
    expect(await hashes(1, FROZEN)).toEqual(expected);
    expect(await hashes(2, [...FROZEN].reverse())).toEqual(expected);
  });

  it('serves floats natively within a millionth of the exact result', async () => {
    pool = compiledPool();
    const model = attentionBlock();
    const exact = (await run(pool, model))['y']! as Tensor;
    const { outputs, engine } = await pool.serve(
      checkModel(model.bytes).modelHash,
      model.bytes,
      model.inputs,
    );
    expect(engine).toBe('native');
    const largest = Math.max(...(exact.data as Float32Array).map(Math.abs));
    for (const [i, value] of outputs['y']!.data.entries())
      expect(Math.abs(Number(value) - Number(exact.data[i]))).toBeLessThan(largest * 1e-6);
  });
});
