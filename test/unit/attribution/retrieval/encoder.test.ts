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
import { wordHash } from '../../../../attribution/retrieval/encoder/hash.ts';
import {
  MAX_CORRECTED_BYTES,
  MAX_FEATURES,
  MAX_TEXT_BYTES,
} from '../../../../attribution/retrieval/encoder/limits.ts';
import {
  neighbour,
  spelledWord,
  visitNeighbours,
} from '../../../../attribution/retrieval/encoder/spelling.ts';
import { createTextEncoding } from '../../../../attribution/retrieval/encoder/text-encoder.ts';
import type { Encoder, Vocabulary } from '../../../../attribution/retrieval/encoder/types.ts';
import { createVocabulary, isKnown } from '../../../../attribution/retrieval/encoder/vocabulary.ts';
import { dotInt8 } from '../../../../attribution/retrieval/shard.ts';
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
    vocabulary: vocabularyOf('the', 'jury', 'said', 'election', 'praised', 'conducted', 'word', 'worn'),
  };
}

function vocabularyOf(...words: string[]): Vocabulary {
  return createVocabulary(Uint32Array.from(words, (word) => wordHash(utf8(word))).sort());
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
  'Teh jurry siad: elction prasied, wordy, electiomn.',
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

describe('the spelling of words', () => {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const read = (word: string, encoder: Encoder = ENCODER) => decode(spelledWord(encoder, utf8(word)));

  it('visits exactly the words one typing error away', () => {
    const letters = Array.from({ length: 26 }, (_, i) => String.fromCharCode(0x61 + i));
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'z'), minLength: 4, maxLength: 7 }), (word) => {
        const wanted = new Set<string>();
        for (let i = 0; i <= word.length; i++) {
          const [before, after] = [word.slice(0, i), word.slice(i)];
          for (const letter of letters) wanted.add(before + letter + after);
          if (after === '') continue;
          wanted.add(before + after.slice(1));
          for (const letter of letters) wanted.add(before + letter + after.slice(1));
          if (after.length > 1) wanted.add(before + after[1] + after[0] + after.slice(2));
        }
        wanted.delete(word);
        const found = new Set<string>();
        visitNeighbours(utf8(word), (hash, at, gone, first, second) => {
          const made = neighbour(utf8(word), { at, gone, first, second });
          expect(wordHash(made)).toBe(hash);
          found.add(decode(made));
        });
        found.delete(word);
        expect([...found].sort()).toEqual([...wanted].sort());
      }),
    );
  });

  it('finds a word of the vocabulary behind each kind of error, and leaves other words alone', () => {
    for (const error of ['eelction', 'elction', 'electiion', 'elextion'])
      expect(read(error)).toBe('election');
    for (const kept of ['election', 'zebra', 'jry', 'élection', 'elect10n', 'elxxtion'])
      expect(read(kept)).toBe(kept);
    const long = 'a'.repeat(MAX_CORRECTED_BYTES);
    const knows = (...words: string[]): Encoder => ({ ...ENCODER, vocabulary: vocabularyOf(...words) });
    expect(read(long, knows(`b${long.slice(1)}`))).toBe(`b${long.slice(1)}`);
    expect(read(`${long}a`, knows(`${long}b`))).toBe(`${long}a`);
    expect(read('xyyz', knows('xyz'))).toBe('xyz');
    expect(read('teh', knows('the'))).toBe('teh');
  });

  it('takes the more frequent of two neighbours, which has the lower weight', () => {
    const prefer = (word: string) => {
      const weights = ENCODER.weights.map(() => 90);
      weights[wordHash(utf8(word)) % weights.length] = 10;
      return read('worl', { ...ENCODER, weights, vocabulary: vocabularyOf('word', 'worn', 'world') });
    };
    for (const word of ['word', 'worn', 'world']) expect(prefer(word)).toBe(word);
    const equal = { ...ENCODER, weights: ENCODER.weights.map(() => 90) };
    const lowest = ['word', 'worn'].sort((a, b) => wordHash(utf8(a)) - wordHash(utf8(b)))[0];
    expect(read('worx', equal)).toBe(lowest);
  });

  it('brings a misspelt word near to the right one without making both the same', () => {
    const vector = (text: string) => encodeText(ENCODER, utf8(text));
    const [right, wrong, other] = ['election', 'elction', 'zebra'].map(vector);
    expect(wrong).not.toEqual(right);
    expect(dotInt8(right!, wrong!)).toBeGreaterThan(0.7 * dotInt8(right!, right!));
    expect(dotInt8(right!, other!)).toBeLessThan(0.5 * dotInt8(right!, right!));
  });

  it('tells words of the vocabulary from all others', () => {
    const next = random(11);
    const hashes = Uint32Array.from(
      new Set(Array.from({ length: 500 }, () => Math.floor(next() * 2 ** 32))),
    ).sort();
    const vocabulary = createVocabulary(hashes);
    for (const hash of hashes) {
      expect(isKnown(vocabulary, hash)).toBe(true);
      expect(isKnown(vocabulary, (hash ^ 1) >>> 0)).toBe(hashes.includes((hash ^ 1) >>> 0));
    }
    expect(isKnown(createVocabulary(Uint32Array.of(0, 0xffffffff)), 0xffffffff)).toBe(true);
    expect(isKnown(createVocabulary(new Uint32Array()), 0)).toBe(false);
  });
});

describe('the file of an encoder', () => {
  const bytes = encoderBytes(ENCODER);
  // Without the places of the buckets, which follow from the hashes and are many.
  const partsOf = ({ vocabulary, ...rest }: Encoder) => ({ ...rest, hashes: vocabulary.hashes });

  it('comes back as it was', () => {
    expect(partsOf(readEncoder(bytes))).toEqual(partsOf(ENCODER));
    expect(encoderHash(readEncoder(bytes))).toBe(encoderHash(ENCODER));
  });

  it('and a text are read alike from a Buffer, whose slices share memory, and left as they are', () => {
    const padded = Buffer.from([7, 7, 7, ...bytes]);
    const read = readEncoder(padded.subarray(3));
    expect(partsOf(read)).toEqual(partsOf(ENCODER));
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
    const weightsEnd = bytes.length - 4 * ENCODER.vocabulary.hashes.length;
    const wrong = [
      new Uint8Array(),
      bytes.subarray(0, 16),
      bytes.subarray(0, bytes.length - 1),
      Uint8Array.from([...bytes, 0]),
      changed(0, 0),
      changed(4, 1),
      changed(5, 0xff, 0xff, 0xff, 0xff),
      changed(5, 0, 0, 0, 0),
      changed(9, 0, 0),
      changed(9, 0, 17),
      changed(11, 0xff, 0xff),
      changed(13, 0xff, 0xff, 0xff, 0xff),
      changed(17, 0xff, 0xff, 0xff, 0xff),
      changed(17, 0, 0, 0, 0),
      changed(21, 0x80),
      changed(weightsEnd - 1, 128),
      // The first hash twice, and the two first hashes exchanged.
      changed(weightsEnd + 4, ...bytes.subarray(weightsEnd, weightsEnd + 4)),
      changed(
        weightsEnd,
        ...bytes.subarray(weightsEnd + 4, weightsEnd + 8),
        ...bytes.subarray(weightsEnd, weightsEnd + 4),
      ),
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
