import { describe, expect, it } from 'vitest';
import { type CorpusRecord, createCorpus } from '../../../../attribution/corpus/corpus.ts';
import {
  type AttributionRecord,
  attributionRecord,
  attributionRecordHash,
} from '../../../../attribution/credit/attribution-record.ts';
import { AttributionError } from '../../../../attribution/errors.ts';
import { buildTokenIndex } from '../../../../attribution/index/token-index.ts';
import { commitCorpus } from '../../../../attribution/proofs/commit-corpus.ts';
import {
  type AnswerInputs,
  proveCredits,
  verifyCreditsProof,
} from '../../../../attribution/proofs/credits-proof.ts';
import { attributeTokens } from '../../../../attribution/token/attribute.ts';
import { DEFAULT_TOKEN_ATTRIBUTION_PARAMS } from '../../../../attribution/token/types.ts';
import { address, recordsOf, utf8 } from '../builders.ts';
import { oracleCredits, uniqueRecords, words } from '../oracle.ts';
import { ADVERSARIAL, randomFrom, randomRecords } from './corpora.ts';

const SEED = Number(process.env['PROOF_SEED'] ?? 1);
const REQUEST = `0x${'5a'.repeat(32)}`;

function refused(work: () => unknown, about = ''): void {
  try {
    work();
  } catch (error) {
    if (error instanceof AttributionError && error.code === 'InvalidProof') return;
    throw error;
  }
  expect.fail(`was accepted: ${about}`);
}

/** An answer made of pieces of the records, with rules that let short and common windows credit somebody. */
function randomInputs(records: CorpusRecord[], random: (below: number) => number): AnswerInputs {
  const texts = records.map((record) => words(record.bytes)).filter((text) => text.length > 0);
  const piece = (): string[] => {
    if (texts.length === 0 || random(5) === 0) return ['unknown', 'a', '\u{1F600}'].slice(random(3));
    const text = texts[random(texts.length)]!;
    const start = random(text.length);
    return text.slice(start, start + 1 + random(random(3) === 0 ? 40 : 8));
  };
  const answer = Array.from({ length: random(5) }, piece).flat();
  return {
    requestHash: REQUEST,
    output: utf8(answer.join(' ')),
    prompt: utf8(random(2) === 0 ? '' : piece().join(' ')),
    params: {
      ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
      lmin: 1 + random(4),
      sminQ16: random(3) << 16,
      recordCapPermille: 1000,
      contributorCapPermille: random(2) === 0 ? 1000 : 500,
    },
    commons: random(3) === 0 ? [2] : [],
    ineligible: random(4) === 0 ? [address(1)] : [],
  };
}

function attributed(records: CorpusRecord[], inputs: AnswerInputs) {
  const { output, prompt, params } = inputs;
  return attributeTokens({
    index: buildTokenIndex(createCorpus(records)),
    output,
    prompt,
    params,
    commons: new Set(inputs.commons),
    ineligible: new Set(inputs.ineligible),
  });
}

function expectSameCredits(records: CorpusRecord[], inputs: AnswerInputs, about: string): AttributionRecord {
  const index = commitCorpus(createCorpus(records));
  const { bytes } = proveCredits(index, inputs);
  const proven = verifyCreditsProof(index.root, inputs, bytes);
  const full = attributed(records, inputs);
  expect(proven.recordHash, about).toBe(
    attributionRecordHash(attributionRecord(REQUEST, inputs.output, full)),
  );
  expect(
    proven.spans.map((span) => [span.startToken, span.endToken, span.orderKey, span.weightQ16, span.earns]),
    about,
  ).toEqual(
    full.spans.map((span) => [span.startToken, span.endToken, span.orderKey, span.weightQ16, span.earns]),
  );
  return proven.record;
}

/** The same against the rule as it is said, which is slow. */
function expectRule(records: CorpusRecord[], inputs: AnswerInputs, about: string): void {
  const record = expectSameCredits(records, inputs, about);
  const { credits, uncovered } = oracleCredits({
    ...inputs,
    records: uniqueRecords(records),
    commons: new Set(inputs.commons),
    ineligible: new Set(inputs.ineligible),
  });
  expect(record.uncovered, about).toBe(uncovered);
  expect(new Map(record.credits.map(({ contributor, credit }) => [contributor, credit])), about).toEqual(
    credits,
  );
}

describe('a proof of credits', () => {
  it('gives what the whole corpus gives, by index and by brute force, on random corpora', () => {
    for (let round = 0; round < 120; round++) {
      const random = randomFrom(SEED * 100_000 + round);
      const records = randomRecords(random);
      expectRule(records, randomInputs(records, random), `seed ${SEED}, round ${round}`);
    }
  });

  for (const [name, records] of Object.entries(ADVERSARIAL))
    it(`gives the same on a corpus that is ${name}`, () => {
      for (let round = 0; round < 3; round++) {
        const random = randomFrom(SEED + round);
        expectRule(records, randomInputs(records, random), `seed ${SEED}, round ${round}`);
      }
    });

  it('covers quotations longer than what a node carries', () => {
    const story = Array.from({ length: 120 }, (_, i) => `word${(i * 37) % 101}`);
    const records = recordsOf([
      { text: story.slice(0, 90).join(' '), by: 1 },
      { text: story.join(' '), by: 2 },
      { text: story.slice(20).join(' '), by: 3 },
    ]);
    const inputs = {
      ...randomInputs(records, randomFrom(1)),
      output: utf8(`So: ${story.join(' ')}`),
      prompt: utf8('?'),
    };
    expectSameCredits(records, inputs, 'long quotation');
  });

  it('is refused after a change of any bit, and for any other answer, rule or root', () => {
    const records = recordsOf([
      { text: 'the quick brown fox jumps over the lazy dog', by: 1 },
      { text: 'a quick brown fox sleeps. the lazy dog does not', by: 2, net: 2 },
      { text: 'unrelated words stand here', by: 3 },
    ]);
    const index = commitCorpus(createCorpus(records));
    const inputs: AnswerInputs = {
      requestHash: REQUEST,
      output: utf8('The quick brown fox jumps over a lazy dog'),
      prompt: utf8('What does the fox do?'),
      params: { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, lmin: 2, sminQ16: 0, recordCapPermille: 1000 },
      commons: [],
      ineligible: [],
    };
    const { bytes } = proveCredits(index, inputs);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      refused(() => verifyCreditsProof(index.root, inputs, bytes), `bit ${bit}`);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    for (let length = 0; length < bytes.length; length += 7)
      refused(() => verifyCreditsProof(index.root, inputs, bytes.subarray(0, length)));
    refused(() => verifyCreditsProof(index.root, inputs, Uint8Array.from([...bytes, 0])));
    const others: Partial<AnswerInputs>[] = [
      { requestHash: `0x${'5b'.repeat(32)}` },
      { output: utf8('the quick brown fox jumps over a lazy dog') },
      { prompt: utf8('What does the fox do!') },
      { commons: [2] },
      { ineligible: [address(9)] },
      { params: { ...inputs.params, maxContributors: 63 } },
      { params: { ...inputs.params, lmin: 3 } },
    ];
    for (const other of others) refused(() => verifyCreditsProof(index.root, { ...inputs, ...other }, bytes));
    const another = commitCorpus(createCorpus(records.slice(0, 2)));
    refused(() => verifyCreditsProof(another.root, inputs, bytes));
    expect(verifyCreditsProof(index.root, inputs, bytes).record.credits).not.toEqual([]);
  });

  it('shows each leaf once: far less than its phrases one by one', () => {
    const random = randomFrom(3);
    const text = Array.from({ length: 2000 }, () => `w${random(300)}`);
    const records = recordsOf(
      Array.from({ length: 40 }, (_, i) => ({
        text: text.slice(50 * i, 50 * i + 50).join(' '),
        by: 1 + (i % 5),
      })),
    );
    const index = commitCorpus(createCorpus(records));
    const inputs = { ...randomInputs(records, random), output: records[7]!.bytes, prompt: utf8('') };
    const { bytes } = proveCredits(index, { ...inputs, params: DEFAULT_TOKEN_ATTRIBUTION_PARAMS });
    expect(bytes.length).toBeLessThan(50 * 900);
  });
});
