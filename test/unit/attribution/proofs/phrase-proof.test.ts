import { describe, expect, it } from 'vitest';
import { createCorpus } from '../../../../attribution/corpus/corpus.ts';
import { AttributionError } from '../../../../attribution/errors.ts';
import { commitCorpus } from '../../../../attribution/proofs/commit-corpus.ts';
import { provePhrase, verifyPhraseProof } from '../../../../attribution/proofs/phrase-proof.ts';
import { address, recordsOf } from '../builders.ts';
import { ADVERSARIAL, bruteForce, phraseOf, phrasesFor, randomFrom, randomRecords } from './corpora.ts';

const SEED = Number(process.env['PROOF_SEED'] ?? 1);
const indexOf = (records: Parameters<typeof createCorpus>[0]) => commitCorpus(createCorpus(records));
const refused = (work: () => unknown, about = '') => {
  try {
    work();
  } catch (error) {
    if (error instanceof AttributionError && error.code === 'InvalidProof') return;
    throw error;
  }
  expect.fail(`was accepted: ${about}`);
};

describe('a phrase proof', () => {
  it('says what looking at every place says, on random corpora', () => {
    for (let round = 0; round < 150; round++) {
      const random = randomFrom(SEED * 1000 + round);
      const records = randomRecords(random);
      const index = indexOf(records);
      for (const phrase of phrasesFor(records, random, 8)) {
        const expected = bruteForce(records, phrase);
        const about = `seed ${SEED}, round ${round}, ${phrase.map((token) => new TextDecoder().decode(token)).join(' ')}`;
        const { bytes } = provePhrase(index, phrase);
        expect(verifyPhraseProof(index.root, bytes), about).toEqual(expected);
      }
    }
  });

  for (const [name, records] of Object.entries(ADVERSARIAL))
    it(`says the same on a corpus that is ${name}`, () => {
      const index = indexOf(records);
      const random = randomFrom(SEED);
      const phrases = [
        ...phrasesFor(records, random, 150),
        ...['a', 'zzz', '!', 'w0', 'w0 w1', 'b a'].map(phraseOf),
      ];
      for (const phrase of phrases)
        expect(verifyPhraseProof(index.root, provePhrase(index, phrase).bytes)).toEqual(
          bruteForce(records, phrase),
        );
    });

  it('says the same of every phrase of up to four words, from the first in order to the last', () => {
    for (const records of [
      recordsOf(['b', 'c b', 'c c c', 'b c']),
      recordsOf(['a b a b a', 'c', 'b b']),
      recordsOf([{ text: 'c a', by: 2 }, { text: 'a c a c', by: 1 }, { text: 'b' }]),
    ]) {
      const index = indexOf(records);
      let phrases = [''];
      for (let length = 1; length <= 4; length++) {
        phrases = phrases.flatMap((phrase) => ['a', 'b', 'c', 'd'].map((word) => `${phrase} ${word}`));
        for (const phrase of phrases.map(phraseOf))
          expect(verifyPhraseProof(index.root, provePhrase(index, phrase).bytes)).toEqual(
            bruteForce(records, phrase),
          );
      }
    }
  });

  it('says that a phrase longer than every record does not occur', () => {
    for (const records of [ADVERSARIAL['all equal']!, recordsOf(['a a a']), ADVERSARIAL['periodic']!]) {
      const index = indexOf(records);
      const longest = Math.max(...records.map((record) => record.bytes.length));
      for (const words of [longest, longest + 1]) {
        const phrase = phraseOf(Array(words).fill('a').join(' '));
        expect(verifyPhraseProof(index.root, provePhrase(index, phrase).bytes).kind).toBe('absent');
      }
    }
  });

  it('says that no phrase crosses records', () => {
    const index = indexOf(recordsOf(['the cat sat', 'on the mat']));
    const statement = verifyPhraseProof(index.root, provePhrase(index, phraseOf('sat on')).bytes);
    expect(statement.kind).toBe('absent');
  });

  it('names the record of lowest order key, and counts equal records once', () => {
    const index = indexOf(
      recordsOf([
        { text: 'a cat sat here', by: 2, key: 30 },
        { text: 'the cat sat and the cat sat', by: 3, net: 4, key: 20 },
        { text: 'a cat sat here', by: 1, key: 10 },
      ]),
    );
    expect(verifyPhraseProof(index.root, provePhrase(index, phraseOf('Cat sat')).bytes)).toMatchObject({
      count: 3,
      first: { contributor: address(1), orderKey: 10, dataNetId: 1, token: 1 },
    });
  });

  it('reaches past the tokens that a node carries, up to the longest phrase', () => {
    const text = Array.from({ length: 300 }, (_, i) => `w${i % 97}`).join(' ');
    const records = recordsOf([{ text: `start ${text}` }, { text: `${text} end` }, { text }]);
    const index = indexOf(records);
    for (const phrase of [text, `start ${text}`, `${text} end`, `${text} start`, `${text} w0`]) {
      const { bytes } = provePhrase(index, phraseOf(phrase));
      expect(verifyPhraseProof(index.root, bytes)).toEqual(bruteForce(records, phraseOf(phrase)));
    }
  });

  it('is refused after a change of any bit', () => {
    const random = randomFrom(SEED);
    const named = ['empty', 'one token', 'all equal', 'fibonacci', 'suffixes'].map(
      (name) => ADVERSARIAL[name]!,
    );
    const corpora = [randomRecords(randomFrom(12)), ...named];
    let flips = 0;
    for (const records of corpora) {
      const index = indexOf(records);
      for (const phrase of phrasesFor(records, random, 1)) {
        const { bytes } = provePhrase(index, phrase);
        for (let bit = 0; bit < 8 * bytes.length; bit++, flips++) {
          bytes[bit >> 3]! ^= 1 << (bit & 7);
          refused(() => verifyPhraseProof(index.root, bytes), `bit ${bit}`);
          bytes[bit >> 3]! ^= 1 << (bit & 7);
        }
        const root = index.root.slice();
        root[flips % 32]! ^= 1 << (flips % 8);
        refused(() => verifyPhraseProof(root, bytes));
      }
    }
    expect(flips).toBeGreaterThan(10_000);
  });

  it('is refused, and nothing else happens, after any larger change', () => {
    const random = randomFrom(SEED);
    const index = indexOf(ADVERSARIAL['periodic']!);
    const proofs = ['a b', 'a a', 'nothing', 'b c a b'].map(
      (text) => provePhrase(index, phraseOf(text)).bytes,
    );
    for (let round = 0; round < 3000; round++) {
      const proof = [...proofs[random(proofs.length)]!];
      const before = proof.join();
      for (let changes = 1 + random(3); changes > 0; changes--) {
        const [at, length] = [random(proof.length), random(40)];
        const other = proofs[random(proofs.length)]!;
        const piece = [...other.subarray(at, at + length)];
        const noise = Array.from({ length: random(6) }, () => [0, 1, 127, 128, 255, random(256)][random(6)]!);
        proof.splice(at, random(2) * length, ...[piece, noise, []][random(3)]!);
      }
      if (proof.join() !== before)
        refused(() => verifyPhraseProof(index.root, Uint8Array.from(proof)), `seed ${SEED}, round ${round}`);
    }
  });

  it('is refused when cut, extended, or taken from another root or phrase', () => {
    const index = indexOf(ADVERSARIAL['fibonacci']!);
    const other = indexOf(ADVERSARIAL['periodic']!);
    const { bytes } = provePhrase(index, phraseOf('a b a'));
    for (let length = 0; length < bytes.length; length++)
      refused(() => verifyPhraseProof(index.root, bytes.subarray(0, length)));
    for (const tail of [[0], [255], [0, 0, 0, 0], Array(32).fill(0)])
      refused(() => verifyPhraseProof(index.root, Uint8Array.from([...bytes, ...tail])));
    refused(() => verifyPhraseProof(other.root, bytes));
    // Another phrase in its place: the bytes before the evidence are version, kind, length and the tokens.
    const another = provePhrase(index, phraseOf('a b b')).bytes;
    const head = 3 + 2 * 3;
    refused(() =>
      verifyPhraseProof(index.root, Uint8Array.from([...another.subarray(0, head), ...bytes.subarray(head)])),
    );
    refused(() =>
      verifyPhraseProof(index.root, Uint8Array.from([...bytes.subarray(0, head), ...another.subarray(head)])),
    );
  });

  it('is refused in any other form, also where it would say the truth', () => {
    const index = indexOf(recordsOf(['a b c d', 'b c e']));
    const { bytes } = provePhrase(index, phraseOf('b c'));
    // A capital letter is no folded token.
    const capital = bytes.slice();
    capital[4] = 'B'.charCodeAt(0);
    refused(() => verifyPhraseProof(index.root, capital));
    // A number with a needless byte.
    refused(() =>
      verifyPhraseProof(
        index.root,
        Uint8Array.from([...bytes.subarray(0, 2), 0x82, 0, ...bytes.subarray(3)]),
      ),
    );
  });

  it('is made of phrases only', () => {
    const index = indexOf(recordsOf(['a b']));
    for (const phrase of [
      [],
      [new Uint8Array(0)],
      ['two words'].map((text) => new TextEncoder().encode(text)),
      [Uint8Array.of(0xff)],
      phraseOf('a').map(() => Uint8Array.of(65)),
    ])
      expect(() => provePhrase(index, phrase)).toThrow(AttributionError);
  });

  it('is refused for a corpus above the bound', () => {
    const corpus = createCorpus(recordsOf(['a b c', 'd']));
    expect(commitCorpus(corpus, { maxTokens: 4 }).sizes.tokens).toBe(4);
    expect(() => commitCorpus(corpus, { maxTokens: 3 })).toThrow(
      expect.objectContaining({ code: 'ProofTooLarge' }),
    );
  });
});
