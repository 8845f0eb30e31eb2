import fc from 'fast-check';
import * as ort from 'onnxruntime-web';
import { beforeAll, describe, expect, it } from 'vitest';
import { AttributionError } from '../../../../attribution/errors.ts';
import { encodeText, normalise, squareRoot } from '../../../../attribution/retrieval/encoder/encode.ts';
import {
  distinctWords,
  textFeatures,
  wordFeatures,
} from '../../../../attribution/retrieval/encoder/features.ts';
import { encoderBytes, encoderHash, readEncoder } from '../../../../attribution/retrieval/encoder/file.ts';
import { MAX_FEATURES, MAX_TEXT_BYTES } from '../../../../attribution/retrieval/encoder/limits.ts';
import { createTextEncoding } from '../../../../attribution/retrieval/encoder/text-encoder.ts';
import type { Encoder } from '../../../../attribution/retrieval/encoder/types.ts';
import { encoderToOnnx } from '../../../study/retrieval/onnx-export.ts';
import { utf8 } from '../builders.ts';
import { random } from '../influence/oracle.ts';

const SHAPE = { rows: 300, width: 16, chunks: 4 };

/** An encoder of random numbers over the whole range. */
function randomEncoder(seed: number, shape = SHAPE): Encoder {
  const next = random(seed);
  return {
    shape,
    table: Int8Array.from({ length: shape.rows * shape.width }, () => Math.floor(next() * 255) - 127),
    weights: Uint8Array.from({ length: 512 }, () => Math.floor(next() * 128)),
  };
}

const ENCODER = randomEncoder(1);
const TEXTS = [
  'The jury said the election was conducted well; the jury praised the election.',
  'Ünïcödé wörds, 東京 and кириллица — with r2d2.',
  'a',
  '',
  '... !!! ???',
  'x'.repeat(10_000),
  Array.from({ length: 3000 }, (_, i) => `word${i * 7919}`).join(' '),
  'the '.repeat(5000),
];

describe('the sentence encoder', () => {
  it('brings vectors to length 512, and a text without words to zero', () => {
    for (const text of TEXTS) {
      const vector = encodeText(ENCODER, utf8(text));
      const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
      const hasWords = [...distinctWords(utf8(text))].length > 0;
      // Of 64 numbers a few are cut at 127.
      if (hasWords) expect(length).toBeGreaterThan(400);
      else expect(length).toBe(0);
      expect(length).toBeLessThan(520);
    }
  });

  it('rounds to the nearest, halves away from zero, and cuts at 127', () => {
    expect(Array.from(normalise(Int32Array.of(3, -4, 0, 0)))).toEqual([127, -127, 0, 0]);
    // Length ⌊√(32² + 1 + 1)⌋ = 32: 512/32 = 16.
    const flat = new Int32Array(1024).fill(1);
    expect(Array.from(normalise(flat)).every((value) => value === 16)).toBe(true);
    // Length 1024: 1/1024·512 = 0.5.
    flat.fill(32);
    flat[0] = 1;
    flat[1] = -1;
    expect(Array.from(normalise(flat).subarray(0, 3))).toEqual([1, -1, 16]);
    expect(Array.from(normalise(new Int32Array(3)))).toEqual([0, 0, 0]);
  });

  it('takes exact square roots', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 31n) - 1n), (root) => {
        const square = root * root;
        expect(squareRoot(square)).toBe(root);
        expect(squareRoot(square + 2n * root)).toBe(root);
        if (root > 0n) expect(squareRoot(square - 1n)).toBe(root - 1n);
      }),
    );
  });

  it('does not see case, punctuation or the order of words', () => {
    const a = encodeText(ENCODER, utf8('The old man, the SEA.'));
    expect(encodeText(ENCODER, utf8('sea -- the "Old" Man the'))).toEqual(a);
    expect(encodeText(ENCODER, utf8('the old man and the sea'))).not.toEqual(a);
  });

  it('makes n-grams of code points, not of bytes', () => {
    const rowsOf = (word: string) => wordFeatures(SHAPE, utf8(word)).rows.length / SHAPE.chunks;
    // The word, 3-grams and 4-grams of <word>.
    expect(rowsOf('sea')).toBe(1 + 3 + 2);
    expect(rowsOf('мир')).toBe(1 + 3 + 2);
    expect(rowsOf('東')).toBe(1 + 1);
    expect(rowsOf('x'.repeat(10_000))).toBe(rowsOf('x'.repeat(64)));
  });

  it('reads a text until its features are full', () => {
    const long = textFeatures(ENCODER, utf8(TEXTS[6]!));
    expect(long.count).toBeLessThanOrEqual(MAX_FEATURES);
    expect(long.count).toBeGreaterThan(MAX_FEATURES - 50);
    const start = TEXTS[6]!.split(' ').slice(0, 400).join(' ');
    expect(encodeText(ENCODER, utf8(start))).toEqual(encodeText(ENCODER, utf8(TEXTS[6]!)));
  });

  it('gives the same vectors from the kernel', () => {
    const encode = createTextEncoding(ENCODER);
    for (const text of TEXTS) expect(encode(utf8(text))).toEqual(encodeText(ENCODER, utf8(text)));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        expect(encode(utf8(text))).toEqual(encodeText(ENCODER, utf8(text)));
      }),
    );
  });

  it('refuses what is no text', () => {
    expect(() => encodeText(ENCODER, Uint8Array.of(0x61, 0xff))).toThrow(
      expect.objectContaining({ code: 'InvalidUtf8' }),
    );
    expect(() => encodeText(ENCODER, new Uint8Array(MAX_TEXT_BYTES + 1))).toThrow(
      expect.objectContaining({ code: 'ProblemTooLarge' }),
    );
  });
});

describe('the file of an encoder', () => {
  const bytes = encoderBytes(ENCODER);

  it('comes back as it was', () => {
    expect(readEncoder(bytes)).toEqual(ENCODER);
    expect(encoderHash(readEncoder(bytes))).toBe(encoderHash(ENCODER));
  });

  it('and a text are read alike from a Buffer, whose slices share memory, and left as they are', () => {
    const padded = Buffer.from([7, 7, 7, ...bytes]);
    const read = readEncoder(padded.subarray(3));
    expect(read).toEqual(ENCODER);
    padded.fill(0);
    expect(encoderHash(read)).toBe(encoderHash(ENCODER));
    const text = Buffer.from('The Jury');
    expect(encodeText(ENCODER, text)).toEqual(encodeText(ENCODER, utf8('The Jury')));
    expect(text.toString()).toBe('The Jury');
  });

  it('is refused when it is cut, longer, or says what it is not', () => {
    const changed = (at: number, ...values: number[]) => {
      const copy = bytes.slice();
      copy.set(values, at);
      return copy;
    };
    const wrong = [
      new Uint8Array(),
      bytes.subarray(0, 16),
      bytes.subarray(0, bytes.length - 1),
      Uint8Array.from([...bytes, 0]),
      changed(0, 0),
      changed(4, 2),
      changed(5, 0xff, 0xff, 0xff, 0xff),
      changed(5, 0, 0, 0, 0),
      changed(9, 0, 0),
      changed(9, 0, 17),
      changed(11, 0xff, 0xff),
      changed(13, 0xff, 0xff, 0xff, 0xff),
      changed(17, 0x80),
      changed(bytes.length - 1, 128),
    ];
    for (const file of wrong) {
      expect(() => readEncoder(file)).toThrow(AttributionError);
      expect(() => readEncoder(file)).toThrow(/no sentence encoder/);
    }
  });
});

describe('the encoder as ONNX', () => {
  beforeAll(() => {
    ort.env.wasm.numThreads = 1;
  });

  it('gives the same vectors in onnxruntime-web, also at the ends of the range', async () => {
    const random = randomEncoder(7, { rows: 65_536, width: 16, chunks: 2 });
    const extreme = {
      ...ENCODER,
      table: ENCODER.table.map(() => -127),
      weights: ENCODER.weights.map(() => 127),
    };
    for (const encoder of [random, extreme]) {
      const session = await ort.InferenceSession.create(encoderToOnnx(encoder), {
        executionProviders: ['wasm'],
      });
      for (const text of TEXTS)
        expect(await runOnnx(session, encoder, utf8(text))).toEqual(encodeText(encoder, utf8(text)));
      await session.release();
    }
  });
});

async function runOnnx(
  session: ort.InferenceSession,
  encoder: Encoder,
  text: Uint8Array,
): Promise<Int8Array> {
  const { chunks } = encoder.shape;
  const features = textFeatures(encoder, text);
  const rows = new Int32Array(MAX_FEATURES * chunks);
  rows.set(features.rows);
  const weights = new Uint8Array(MAX_FEATURES);
  weights.set(features.weights);
  const { vector } = await session.run({
    rows: new ort.Tensor('int32', rows, [MAX_FEATURES, chunks]),
    weights: new ort.Tensor('uint8', weights, [1, MAX_FEATURES]),
  });
  return Int8Array.from(vector!.data as Int8Array);
}
