import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createCorpus } from '../../../attribution/corpus/corpus.ts';
import { PhraseTable } from '../../../attribution/index/phrase-table.ts';
import { buildTokenIndex } from '../../../attribution/index/token-index.ts';
import { attributeTokens } from '../../../attribution/token/attribute.ts';
import { maximalSpans } from '../../../attribution/token/spans.ts';
import {
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  type TokenAttribution,
  type TokenAttributionParams,
  WHOLE,
} from '../../../attribution/token/types.ts';
import { address, type RecordSpec, recordsOf, textOf, utf8 } from './builders.ts';
import { type OracleInput, oracleCredits, oracleOwners, stands, uniqueRecords, words } from './oracle.ts';

/** No least surprisal and no caps: what remains is who owns what. */
const PLAIN: TokenAttributionParams = {
  ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  lmin: 3,
  sminQ16: 0,
  recordCapPermille: 1000,
  contributorCapPermille: 1000,
};

interface Scene {
  records: readonly (RecordSpec | string)[];
  output: string;
  prompt?: string;
  commons?: number[];
  ineligible?: number[];
  params?: Partial<TokenAttributionParams>;
}

function inputOf(scene: Scene): OracleInput {
  return {
    records: recordsOf(scene.records),
    output: utf8(scene.output),
    prompt: utf8(scene.prompt ?? ''),
    commons: new Set(scene.commons),
    ineligible: new Set(scene.ineligible?.map(address)),
    params: { ...PLAIN, ...scene.params },
  };
}

function attribute(input: OracleInput): TokenAttribution {
  return attributeTokens({ ...input, index: buildTokenIndex(createCorpus(input.records)) });
}

/** Contributor number by output word, '-' where nobody owns it. */
function ownersOf(scene: Scene): string {
  const result = attribute(inputOf(scene));
  const owners: string[] = Array(result.outputTokens).fill('-');
  for (const span of result.spans) owners.fill(`${Number(span.contributor)}`, span.startToken, span.endToken);
  return owners.join('');
}

const earns = (result: TokenAttribution, by: number): number =>
  result.credits.find(({ contributor }) => contributor === address(by))?.credit ?? 0;

describe('who owns a word', () => {
  it('is the record that has the phrase', () => {
    const records = [
      { text: 'one two three four', by: 1 },
      { text: 'red green blue black', by: 2 },
    ];
    expect(ownersOf({ records, output: 'Red, red green blue and one two three' })).toBe('--222-111');
  });

  it('is the earliest of several, whatever order they arrive in', () => {
    const records = [
      { text: 'late: one two three', by: 1, key: 8 },
      { text: 'early one two three', by: 2, key: 2 },
    ];
    expect(ownersOf({ records, output: 'one two three' })).toBe('222');
  });

  it('is a later one that explains clearly more of the answer', () => {
    const records = [
      { text: 'b c d', by: 1 },
      { text: 'a b c d e f g', by: 2 },
    ];
    expect(ownersOf({ records, output: 'a b c d e f g' })).toBe('2222222');
  });

  it('stays the earlier one when a later record only adds a word', () => {
    const records = [
      { text: 'a b c d e f g h', by: 1 },
      { text: 'a b c d e f g h i', by: 2 },
    ];
    expect(ownersOf({ records, output: 'a b c d e f g h i' })).toBe('111111112');
  });

  it('is in version 3 the same, for the same weight, whatever is copied later with changed words', () => {
    const records = ['the cat sat on the mat', 'a dog and a cat ran over the hill', 'it rained on the hill'];
    const output = 'so the cat sat on the hill and a cat ran over the mat';
    // 20 tokens, and all three are the oldest records that have 16; up to 31 in all, later ones change nothing.
    const later = { text: 'a cat sat on the cat ran over the cat', by: 9 };
    const weights = (version: 1 | 3, more: readonly RecordSpec[]) =>
      oracleOwners(inputOf({ records: [...records, ...more], output, params: { version } }));
    expect(weights(3, [later])).toEqual(weights(3, []));
    expect(weights(1, [later])).not.toEqual(weights(1, []));
    const paid = (more: readonly RecordSpec[]) =>
      attribute(inputOf({ records: [...records, ...more], output, params: { version: 3 } })).credits;
    expect(paid([later])).toEqual(paid([]));
    const crossing = { text: 'the cat ran and ran and ran and ran', by: 9 };
    expect(weights(3, [later, crossing])).not.toEqual(weights(3, []));
  });

  it('is in version 2 the earlier one only with four fifths of the best', () => {
    // All words carry the same surprisal: seven of nine is between three quarters and four fifths.
    const records = [
      { text: 'a b c d e f g', by: 1 },
      { text: 'a b c d e f g h i', by: 2 },
    ];
    const scene = {
      records: [...records, { text: 'h i', by: 3 }, { text: 'h i', by: 3 }],
      output: 'a b c d e f g h i',
    };
    expect(ownersOf({ ...scene, params: { version: 1 } })).toBe('111111122');
    expect(ownersOf({ ...scene, params: { version: 2 } })).toBe('222222222');
  });

  it('is nobody where the phrase is shorter than a window, or not in one record', () => {
    expect(ownersOf({ records: ['a b', 'b c'], output: 'a b c' })).toBe('---');
    expect(ownersOf({ records: ['a b . c'], output: 'a b c' })).toBe('---');
  });

  it('is nobody where the prompt already said it', () => {
    const scene = { records: ['a b c d e'], output: 'a b c d e' };
    expect(ownersOf(scene)).toBe('11111');
    expect(ownersOf({ ...scene, prompt: 'say: A B C' })).toBe('-1111');
    expect(ownersOf({ ...scene, prompt: 'a b c d e' })).toBe('-----');
  });

  it('is nobody where it first stood in the commons', () => {
    const records = [
      { text: 'a b c', net: 7, by: 1 },
      { text: 'a b c d e', by: 2 },
    ];
    expect(ownersOf({ records, output: 'a b c d e', commons: [7] })).toBe('-2222');
    expect(ownersOf({ records, output: 'a b c d e' })).toBe('22222');
  });

  it('is the contributor where the commons copied it later', () => {
    const records = [
      { text: 'a b c', by: 2 },
      { text: 'a b c', net: 7, by: 1 },
      { text: 'z a b c', net: 7, by: 1 },
    ];
    expect(ownersOf({ records, output: 'a b c', commons: [7] })).toBe('222');
  });

  it('is nobody for windows without a word or with too little surprisal', () => {
    expect(ownersOf({ records: ['( . ) !'], output: '( . ) !' })).toBe('----');
    const common = Array(50).fill('of the in').join(' ');
    const scene = { records: [common, { text: 'rare unusual words', by: 2 }], params: { sminQ16: 12 << 16 } };
    expect(ownersOf({ ...scene, output: 'of the in rare unusual words' })).toBe('---222');
  });

  it('does not change when exact copies are added, earlier names first', () => {
    const scene = {
      output: 'a b c d e f',
      records: [
        { text: 'a b c d', by: 1 },
        { text: 'c d e f', by: 2 },
      ],
    };
    const copies = Array.from({ length: 20 }, () => ({ text: 'a b c d', by: 3 }));
    expect(attribute(inputOf({ ...scene, records: [...scene.records, ...copies] })).credits).toEqual(
      attribute(inputOf(scene)).credits,
    );
  });
});

describe('credits', () => {
  const phrase = (letter: string, length: number) =>
    Array.from({ length }, (_, i) => `${letter}${i}`).join(' ');

  it('C3: pays a record at most a tenth of the pool; the rest is uncovered', () => {
    const result = attribute(
      inputOf({ records: [phrase('a', 20)], output: phrase('a', 20), params: { recordCapPermille: 100 } }),
    );
    expect(result.credits).toEqual([{ contributor: address(1), credit: 100_000_000 }]);
    expect(result.uncovered).toBe(900_000_000);
    expect(result.matchedWeightQ16).toBe(result.totalWeightQ16);
  });

  it('C3: pays a contributor at most half of the pool, over all of its records', () => {
    const letters = [...'abcdefgh'];
    const records = [...letters.map((letter) => phrase(letter, 10)), { text: phrase('z', 20), by: 2 }];
    const output = `${letters.map((letter) => phrase(letter, 10)).join(' ')} ${phrase('z', 20)}`;
    const result = attribute(inputOf({ records, output, params: { contributorCapPermille: 500 } }));
    expect(result.credits).toEqual([
      { contributor: address(1), credit: 500_000_000 },
      { contributor: address(2), credit: 200_000_000 },
    ]);
  });

  it('C3: pays to all together the coverage cap at most, each cut in proportion', () => {
    const letters = [...'abcdefgh'];
    const records = letters.map((letter, i) => ({ text: phrase(letter, 10), by: i < 6 ? 1 : 2 }));
    const scene = { records, output: records.map(({ text }) => text).join(' ') };
    const paid = (coverageCapPermille: number) => {
      const { credits, uncovered } = attribute(inputOf({ ...scene, params: { coverageCapPermille } }));
      return [...credits.map(({ credit }) => credit), uncovered];
    };
    expect(paid(1000)).toEqual([750_000_000, 250_000_000, 0]);
    const [first, second, uncovered] = paid(600);
    expect(Math.abs(first! - 450_000_000)).toBeLessThan(1000);
    expect(Math.abs(second! - 150_000_000)).toBeLessThan(1000);
    expect(uncovered).toBeGreaterThanOrEqual(400_000_000);
  });

  it('C3: pays the ineligible nothing, and nobody else for their words', () => {
    const records = [
      { text: phrase('a', 6), by: 1 },
      { text: `${phrase('a', 6)} copied`, by: 2 },
      { text: phrase('b', 6), by: 3 },
    ];
    const scene = { records, output: `${phrase('a', 6)} ${phrase('b', 6)}` };
    const result = attribute(inputOf({ ...scene, ineligible: [1] }));
    expect(earns(result, 1)).toBe(0);
    expect(earns(result, 2)).toBe(0);
    expect(earns(result, 3)).toBe(earns(attribute(inputOf(scene)), 3));
    expect(result.spans.map((span) => [Number(span.contributor), span.earns])).toEqual([
      [1, false],
      [3, true],
    ]);
  });

  it('C4: gives an empty vector that sums to 0 where nothing is covered', () => {
    for (const output of ['', 'nothing known here', '!!!']) {
      const result = attribute(inputOf({ records: ['a b c'], output }));
      expect(result).toMatchObject({ coverage: 0, uncovered: WHOLE, credits: [], spans: [] });
    }
    expect(attribute(inputOf({ records: [], output: 'a b c' }))).toMatchObject({ coverage: 0, credits: [] });
  });

  it('D3: keeps the largest contributors only, and the earliest of equal ones', () => {
    const records = [...'abcde'].map((letter, i) => ({
      text: phrase(letter, letter === 'e' ? 5 : 4),
      by: i + 1,
    }));
    const output = records.map((record) => record.text).join(' ');
    const result = attribute(inputOf({ records, output, params: { maxContributors: 3 } }));
    expect(result.credits.map(({ contributor }) => Number(contributor))).toEqual([5, 1, 2]);
    expect(result.uncovered).toBeGreaterThan(0);
  });

  it('D3: refuses parameters outside their range, and texts that are too long', () => {
    const scene = { records: ['a b c'], output: 'a b c d' };
    for (const params of [
      { lmin: 0 },
      { lmin: 65 },
      { lmin: 8, lmax: 7 },
      { coverageCapPermille: 0 },
      { maxOutputTokens: 5000 },
      { recordCapPermille: 1001 },
      { wmaxQ16: 1.5 },
    ])
      expect(() => attribute(inputOf({ ...scene, params }))).toThrow(
        expect.objectContaining({ code: 'InvalidParameter' }),
      );
    expect(() => attribute(inputOf({ ...scene, params: { maxOutputTokens: 3 } }))).toThrow(
      expect.objectContaining({ code: 'TooManyTokens' }),
    );
    expect(() => attribute(inputOf({ ...scene, prompt: 'w x y z', params: { maxPromptTokens: 3 } }))).toThrow(
      expect.objectContaining({ code: 'TooManyTokens' }),
    );
  });
});

describe('the definition', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd', ',');
  const phraseOf = (maxLength: number) => fc.array(word, { maxLength });
  const drawn = fc
    .record({
      records: fc.array(
        fc.record({
          text: phraseOf(14),
          by: fc.integer({ min: 1, max: 4 }),
          net: fc.integer({ min: 1, max: 3 }),
        }),
        { maxLength: 14 },
      ),
      order: fc.infiniteStream(fc.nat(1_000_000)),
      pieces: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), phraseOf(2)), { maxLength: 5 }),
      prompt: phraseOf(8),
      commons: fc.subarray([1, 2, 3], { maxLength: 1 }),
      ineligible: fc.subarray([1, 2, 3, 4], { maxLength: 1 }),
      params: fc.record({
        version: fc.constantFrom(1 as const, 2 as const, 3 as const),
        lmin: fc.integer({ min: 1, max: 4 }),
        lmax: fc.integer({ min: 4, max: 20 }),
        sminQ16: fc.integer({ min: 0, max: 8 << 16 }),
        wmaxQ16: fc.integer({ min: 1, max: 5 << 16 }),
        recordCapPermille: fc.integer({ min: 1, max: 1000 }),
        contributorCapPermille: fc.integer({ min: 1, max: 1000 }),
        coverageCapPermille: fc.integer({ min: 1, max: 1000 }),
        maxContributors: fc.integer({ min: 1, max: 4 }),
      }),
    })
    .map(({ records, order, pieces, prompt, ...rest }) => {
      const keys = new Set<number>();
      while (keys.size < records.length) keys.add(order.next().value);
      const key = [...keys];
      // Answers are stitched from the records, so that most windows occur.
      const output = pieces.flatMap(([r, from, length, extra]) => {
        const source = records[r % Math.max(1, records.length)]?.text ?? [];
        const start = source.length === 0 ? 0 : from % source.length;
        return [...source.slice(start, start + 2 + (length % 8)), ...extra];
      });
      const specs = records.map(({ text, ...record }, i) => ({
        ...record,
        text: text.join(' '),
        key: key[i]!,
      }));
      return inputOf({ records: specs, output: output.join(' '), prompt: prompt.join(' '), ...rest });
    });
  const show = (input: OracleInput) => ({
    records: input.records.map((r) => [r.orderKey, r.contributor.slice(-1), r.dataNetId, textOf(r.bytes)]),
    output: textOf(input.output),
    prompt: textOf(input.prompt),
    commons: [...input.commons],
    params: input.params,
  });

  it('C1: gives the owners that the brute-force oracle gives', () => {
    fc.assert(
      fc.property(drawn, (input) => {
        const { owners } = oracleOwners(input);
        const keys = uniqueRecords(input.records).map((record) => record.orderKey);
        const result = attribute(input);
        const fast: number[] = Array(result.outputTokens).fill(-1);
        for (const span of result.spans)
          fast.fill(keys.indexOf(span.orderKey), span.startToken, span.endToken);
        expect(fast, JSON.stringify(show(input))).toEqual(owners);
      }),
      { numRuns: 1000 },
    );
  });

  it('C3: gives the credits that the brute-force oracle gives, and 10^9 in sum', () => {
    fc.assert(
      fc.property(drawn, (input) => {
        const { credits, uncovered } = oracleCredits(input);
        const result = attribute(input);
        expect(new Map(result.credits.map((entry) => [entry.contributor, entry.credit]))).toEqual(credits);
        expect(result.uncovered).toBe(uncovered);
        expect(result.coverage + result.uncovered).toBe(WHOLE);
        expect(result.credits.reduce((sum, entry) => sum + entry.credit, 0)).toBe(result.coverage);
        const largest = Math.max(0, ...result.credits.map((entry) => entry.credit));
        expect(largest).toBeLessThanOrEqual(input.params.contributorCapPermille * 1_000_000);
      }),
      { numRuns: 600 },
    );
  });

  it('does not depend on the order in which records are handed in', () => {
    fc.assert(
      fc.property(drawn, (input) => {
        expect(attribute({ ...input, records: [...input.records].reverse() })).toEqual(attribute(input));
      }),
      { numRuns: 300 },
    );
  });

  it('names in each span a phrase that stands there, as often as it says', () => {
    fc.assert(
      fc.property(drawn, (input) => {
        const y = words(input.output);
        const records = uniqueRecords(input.records);
        const texts = records.map((record) => words(record.bytes));
        for (const span of attribute(input).spans) {
          const phrase = y.slice(span.matchStartToken, span.matchStartToken + span.matchLength);
          const owner = records.findIndex((record) => record.orderKey === span.orderKey);
          expect(stands(phrase, texts[owner]!)).toBe(true);
          const occurrences = texts.map((text) =>
            text.filter((_, at) => phrase.every((w, k) => text[at + k] === w)),
          );
          expect(span.count).toBe(occurrences.flat().length);
          expect(textOf(records[owner]!.bytes.slice(span.recordByte)).startsWith(y[span.startToken]!)).toBe(
            true,
          );
          expect(textOf(input.output.slice(span.startByte, span.endByte)).replaceAll(' ', '')).toBe(
            y.slice(span.startToken, span.endToken).join(''),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lists exactly the phrases that cannot be longer on either side', () => {
    fc.assert(
      fc.property(drawn, (input) => {
        const y = words(input.output);
        const texts = uniqueRecords(input.records).map((record) => words(record.bytes));
        const occurs = (s: number, e: number) =>
          s >= 0 && e <= y.length && texts.some((t) => stands(y.slice(s, e), t));
        const expected: string[] = [];
        for (let s = 0; s < y.length; s++)
          for (let e = s + 2; e <= y.length; e++)
            if (occurs(s, e) && !occurs(s - 1, e) && !occurs(s, e + 1)) expected.push(`${s}-${e}`);
        const spans = maximalSpans(buildTokenIndex(createCorpus(input.records)), input.output, 2);
        expect(spans.map((span) => `${span.startToken}-${span.endToken}`)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the worst case', () => {
  const letters = (length: number) => Array.from({ length }, (_, i) => `w${i}`);
  // Bounds in steps, not in time: what a hostile corpus can make an answer cost.
  it.each([
    ['one word repeated', Array(50).fill('x '.repeat(1500)), 'x '.repeat(1024)],
    [
      'every prefix of the answer',
      letters(300).map((_, i) =>
        letters(300)
          .slice(0, i + 1)
          .join(' '),
      ),
      letters(300).join(' '),
    ],
    [
      'a phrase in 5,000 records',
      letters(5000).map((w) => `one two three four five ${w}`),
      'one two three four five '.repeat(200),
    ],
  ])('D3: costs no more than lmax steps a token for %s', (_, texts, output) => {
    const index = buildTokenIndex(createCorpus(recordsOf(texts)));
    const offer = vi.spyOn(PhraseTable.prototype, 'offer');
    const result = attributeTokens({
      index,
      commons: new Set(),
      ineligible: new Set(),
      output: utf8(output),
      prompt: new Uint8Array(),
      params: PLAIN,
    });
    const tokens = result.outputTokens;
    expect(offer.mock.calls.length).toBeLessThanOrEqual(tokens * (PLAIN.lmax - PLAIN.lmin + 1));
    expect(offer.mock.calls.length).toBeGreaterThan(tokens / 2);
    offer.mockRestore();
    expect(result.spans.length).toBeGreaterThan(0);
  });
});
