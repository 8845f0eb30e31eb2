import { readFileSync } from 'node:fs';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../../attribution/credit/bytes.ts';
import { compileKernel } from '../../../../attribution/kernels/load.ts';
import * as matrix from '../../../../attribution/kernels/matrix.wasm.ts';
import { encodeText } from '../../../../attribution/retrieval/encoder/encode.ts';
import { encoderHash } from '../../../../attribution/retrieval/encoder/file.ts';
import { createTextEncoding } from '../../../../attribution/retrieval/encoder/text-encoder.ts';
import { dotInt8 } from '../../../../attribution/retrieval/shard.ts';
import { createContrast, plainMultiply } from '../../../../attribution/retrieval/trainer/contrast.ts';
import { trainEncoder } from '../../../../attribution/retrieval/trainer/train-encoder.ts';
import type { EncoderTraining } from '../../../../attribution/retrieval/trainer/types.ts';
import {
  BUNDLED_ENCODER_HASH,
  BUNDLED_TRAINING,
  loadBundledEncoder,
  trainingDocuments,
} from '../../../study/retrieval/bundled.ts';
import { utf8 } from '../builders.ts';
import { random } from '../influence/oracle.ts';

const TINY: EncoderTraining = {
  ...BUNDLED_TRAINING,
  shape: { rows: 500, width: 16, chunks: 4 },
  weights: 4096,
  steps: 12,
  batchSize: 32,
};

describe('the training of the encoder', () => {
  const documents = trainingDocuments().slice(0, 12);

  it('gives the same bits everywhere, for ever', () => {
    expect(encoderHash(trainEncoder(documents, TINY))).toBe(
      '0xaae8dd4a391de842be5dd487f508580a02fc0cccb9ec1a52d2452c1403029a45',
    );
    expect(encoderHash(trainEncoder(documents, { ...TINY, seed: Uint8Array.of(2) }))).not.toBe(
      encoderHash(trainEncoder(documents, TINY)),
    );
  });

  it('brings neighbours in a text nearer to each other than strangers', () => {
    /** How many strangers are nearer to a passage than the one that follows it. */
    const strangers = (steps: number) => {
      const encode = createTextEncoding(trainEncoder(documents, { ...TINY, steps }));
      const passages = documents.flatMap((document) => {
        const text = new TextDecoder().decode(document).split(' ');
        const at = (k: number) => text.slice(60 * k, 60 * (k + 1)).join(' ');
        return [0, 2, 4, 6, 8].map((k) => [at(k), at(k + 1)] as const);
      });
      const left = passages.map(([first]) => encode(utf8(first)));
      const right = passages.map(([, second]) => encode(utf8(second)));
      return left.reduce((sum, vector, i) => {
        const own = dotInt8(vector, right[i]!);
        return sum + right.filter((other) => dotInt8(vector, other) > own).length;
      }, 0);
    };
    expect(strangers(40)).toBeLessThan(0.95 * strangers(0));
  });

  it('refuses options out of range and documents without words', () => {
    const refused: [Partial<EncoderTraining>, string][] = [
      [{ batchSize: 20 }, 'InvalidParameter'],
      [{ batchSize: 4096 }, 'InvalidParameter'],
      [{ shape: { rows: 10, width: 8, chunks: 4 } }, 'InvalidParameter'],
      [{ shape: { rows: 100_000, width: 16, chunks: 4 } }, 'InvalidParameter'],
      [{ shape: { rows: 10, width: 512, chunks: 4 } }, 'InvalidParameter'],
      [{ steps: -1 }, 'InvalidParameter'],
      [{ mostWords: 7 }, 'InvalidParameter'],
      [{ learningRateMicro: 0 }, 'InvalidParameter'],
      [{ weights: 0 }, 'InvalidParameter'],
      [{ seed: new Uint8Array(65) }, 'InvalidParameter'],
    ];
    for (const [change, code] of refused)
      expect(() => trainEncoder(documents, { ...TINY, ...change })).toThrow(
        expect.objectContaining({ code }),
      );
    for (const none of [[], [utf8('')], [utf8('... !')]])
      expect(() => trainEncoder(none, TINY)).toThrow(expect.objectContaining({ code: 'ShapeMismatch' }));
    expect(() => trainEncoder([Uint8Array.of(0xff)], TINY)).toThrow(
      expect.objectContaining({ code: 'InvalidUtf8' }),
    );
    expect(trainEncoder([utf8('one'), utf8('')], TINY).weights.length).toBe(4096);
  });
});

describe('the contrastive loss', () => {
  const next = random(3);
  const [size, dimensions] = [16, 32];

  it('has the gradient that finite differences of the loss say', () => {
    const [left, right] = [0, 1].map(() =>
      Float32Array.from({ length: size * dimensions }, () => next() - 0.5),
    );
    const documents = Array.from({ length: size }, (_, i) => i % 11);
    const contrast = createContrast(size, dimensions);
    contrast.left.set(left!);
    contrast.right.set(right!);
    contrast.differentiate(documents, 4);
    for (const at of [0, 37, 300, size * dimensions - 1])
      for (const [side, gradient] of [
        [left!, contrast.left],
        [right!, contrast.right],
      ] as const) {
        const kept = side[at]!;
        side[at] = kept + 1e-2;
        const above = lossOf(left!, right!, documents);
        side[at] = kept - 1e-2;
        const below = lossOf(left!, right!, documents);
        side[at] = kept;
        expect(gradient[at]).toBeCloseTo((above - below) / 2e-2, 2);
      }
  });

  /** The loss said again with the platform's own functions. */
  function lossOf(left: Float32Array, right: Float32Array, documents: readonly number[]): number {
    const logit = (i: number, j: number) => {
      let sum = 0;
      for (let k = 0; k < dimensions; k++) sum += left[i * dimensions + k]! * right[j * dimensions + k]!;
      return 4 * sum;
    };
    const all = documents.map((_, i) => i);
    const rivals = (i: number) => all.filter((j) => j === i || documents[j] !== documents[i]);
    return all.reduce((loss, i) => {
      const forth = rivals(i).reduce((sum, j) => sum + Math.exp(logit(i, j)), 0);
      const back = rivals(i).reduce((sum, j) => sum + Math.exp(logit(j, i)), 0);
      return loss + (Math.log(forth) + Math.log(back)) / 2 - logit(i, i);
    }, 0);
  }

  it('multiplies matrices in the kernel as in plain TypeScript, bit for bit', () => {
    const [rows, inner, columns] = [5, 23, 48];
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(compileKernel(matrix), { env: { memory } });
    const multiply = exports['multiply'] as (...numbers: number[]) => void;
    const a = new Float32Array(memory.buffer, 0, rows * inner);
    const b = new Float32Array(memory.buffer, 1024, inner * columns);
    const c = new Float32Array(memory.buffer, 16_384, rows * columns);
    for (let i = 0; i < a.length; i++) a[i] = (next() - 0.5) * 1e3;
    for (let i = 0; i < b.length; i++) b[i] = next() - 0.5;
    multiply(0, 1024, 16_384, rows, inner, columns);
    expect(c).toEqual(plainMultiply(a, b, rows, inner, columns));
  });
});

describe('the bundled encoder', () => {
  it('is the one whose hash is written down, and small', () => {
    expect(encoderHash(loadBundledEncoder())).toBe(BUNDLED_ENCODER_HASH);
    expect(loadBundledEncoder().shape).toEqual(BUNDLED_TRAINING.shape);
    const vector = encodeText(loadBundledEncoder(), utf8('The jury praised the election.'));
    expect(Array.from(vector.subarray(0, 8))).toEqual([-29, 8, -10, 18, 11, 8, 23, 25]);
    expect(toHex(keccak_256(new Uint8Array(vector.buffer)))).toBe(
      '0xc9fdced3440450200ed8ee438acf6f4d9bbc980f2a92df0b0d19c421d64c9fe0',
    );
    expect(readFileSync('attribution/retrieval/encoder/english-v1.bin').length).toBeLessThanOrEqual(
      2_000_000,
    );
  });
});
