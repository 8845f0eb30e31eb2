import { keccak_256 } from '@noble/hashes/sha3.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCorpus } from '../../../attribution/corpus/corpus.ts';
import { toHex } from '../../../attribution/credit/bytes.ts';
import { buildTokenIndex, type TokenIndex } from '../../../attribution/index/token-index.ts';
import { continueText } from '../../../attribution/language-model/continue-text.ts';
import { createGenerator } from '../../../attribution/language-model/generator.ts';
import { lex } from '../../../attribution/lexer/lexer.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import { recordsOf, textOf, utf8 } from './builders.ts';
import { words } from './oracle.ts';

const indexOf = (texts: string[]): TokenIndex => buildTokenIndex(createCorpus(recordsOf(texts)));
const seeded = (number: number): Uint8Array => Uint8Array.of(number >> 8, number & 255);

const TEXTS = [
  'The cat sat on the mat. It slept all day, and nobody woke it.',
  'The cat sat on the chair (the old one), and looked out of the window.',
  "A dog can't sit on the mat; the cat won't let it. $5 says so!",
  '東京の猫は、よく眠る。 The cat of Tokyo sleeps well.',
];

describe('the continuation model', () => {
  it('says only what it is asked for: the same seed gives the same text, another one another text', () => {
    const index = indexOf(TEXTS);
    const say = (seed: number) =>
      textOf(continueText({ index, prompt: utf8('the cat'), seed: seeded(seed), maxTokens: 30 }).text);
    expect(say(1)).toBe(say(1));
    expect(new Set(Array.from({ length: 20 }, (_, seed) => say(seed))).size).toBeGreaterThan(5);
  });

  it('writes text whose tokens are those it chose', () => {
    const piece = fc.constantFrom('a', 'B', 'c', '猫', ',', '(', '.', ' ', ' ', "'", 'é', '\n');
    const texts = fc.array(
      fc.array(piece, { maxLength: 25 }).map((list) => list.join('')),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(texts, fc.nat(65_535), (drawn, seed) => {
        const index = indexOf(drawn);
        const { text, tokens } = continueText({
          index,
          prompt: utf8('a b'),
          seed: seeded(seed),
          maxTokens: 40,
        });
        const read = words(text).map((word) => index.tokenId(utf8(word), 0, utf8(word).length));
        expect(read).toEqual([...tokens]);
        expect(tokens.length).toBe(index.totalTokens > 0 ? 40 : 0);
      }),
      { numRuns: 500 },
    );
  });

  it('takes the longest context that continues in two records', () => {
    // "x a b" continues with "only" in one record; "a b" in two, with "twice" and "only".
    const index = indexOf(['x a b only', 'y a b twice', 'b never', 'b never again']);
    const next = new Set<string>();
    for (let seed = 0; seed < 60; seed++)
      next.add(textOf(continueText({ index, prompt: utf8('x a b'), seed: seeded(seed), maxTokens: 1 }).text));
    expect([...next].sort()).toEqual(['only', 'twice']);
  });

  it('falls back to any token where no context continues, and says nothing without records', () => {
    const { tokens } = continueText({
      index: indexOf(['word']),
      prompt: utf8('unknown'),
      seed: seeded(1),
      maxTokens: 3,
    });
    expect(tokens).toEqual([0, 0, 0]);
    const none = continueText({ index: indexOf([]), prompt: utf8('the'), seed: seeded(1), maxTokens: 3 });
    expect(none).toEqual({ text: new Uint8Array(), tokens: [], positions: [] });
  });

  it('draws in proportion to how often a token follows', () => {
    const index = indexOf(['go left', 'go left now', 'go left then', 'go right']);
    let left = 0;
    for (let seed = 0; seed < 2000; seed++) {
      const { text } = continueText({ index, prompt: utf8('go'), seed: seeded(seed), maxTokens: 1 });
      if (textOf(text) === 'left') left++;
    }
    // 1,500 expected, standard deviation 19; the seeds are fixed, so this is exact on every machine.
    expect(Math.abs(left - 1500)).toBeLessThan(80);
  });

  it('D3: keeps to its limits of tokens and bytes, and ends with a sentence when told', () => {
    const index = indexOf(TEXTS);
    for (let seed = 0; seed < 50; seed++) {
      const input = { index, prompt: utf8('the cat'), seed: seeded(seed) };
      const short = continueText({ ...input, maxTokens: 100, maxBytes: 40 });
      expect(short.text.length).toBeLessThanOrEqual(40);
      expect(continueText({ ...input, maxTokens: 0 }).tokens).toEqual([]);
      const sentence = continueText({ ...input, maxTokens: 400, minTokens: 5 });
      expect(textOf(sentence.text)).toMatch(/[.!?]$/);
    }
    expect(() => continueText({ index, prompt: utf8(''), seed: seeded(1), maxTokens: 5000 })).toThrow(
      expect.objectContaining({ code: 'InvalidParameter' }),
    );
  });

  it('C1: gives this text for this seed for ever', () => {
    const { text } = continueText({
      index: indexOf(TEXTS),
      prompt: utf8('The cat'),
      seed: utf8('seed'),
      maxTokens: 24,
    });
    expect(textOf(text)).toBe("of Tokyo day 京、 It. It. $ 京 slept the mat. $$ mat;'. $ る well");
  });
});

describe('the generator', () => {
  it('is keccak over domain, seed and counter', () => {
    const generator = createGenerator(utf8('s'));
    for (const counter of [0, 1, 2]) {
      const block = Uint8Array.of(...utf8('OL/continuation/v1'), ...utf8('s'), 0, 0, 0, 0, 0, 0, 0, counter);
      const head = BigInt(toHex(keccak_256(block).slice(0, 8)));
      expect(generator.below(1000)).toBe(Number((head * 1000n) >> 64n));
    }
  });
});

describe('the Brown corpus', () => {
  const documents = loadBrownCorpus();

  it('has 500 documents of 15 genres, as plain text', () => {
    expect(documents).toHaveLength(500);
    expect(new Set(documents.map((document) => document.genre)).size).toBe(15);
    const first = documents[0]!;
    expect(first.id).toBe('ca01');
    expect(first.genre).toBe('news');
    expect(
      first.text.startsWith(
        "The Fulton County Grand Jury said Friday an investigation of Atlanta's recent primary election produced " +
          '"no evidence" that any irregularities took place.\n\nThe jury further said',
      ),
    ).toBe(true);
  });

  it('carries no tags and no double spaces', () => {
    for (const { text } of documents) {
      expect(text).not.toMatch(/\/(nns?|vb[dgn]?|at|jj|np|pps)\b|``|''| {2}/);
      expect(lex(utf8(text)).length).toBeGreaterThan(1500);
    }
  });
});
