import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClusterBook } from '../../../../attribution/clusters/api.ts';
import type { CorpusRecord } from '../../../../attribution/corpus/corpus.ts';
import { cutStore, modelHash, train } from '../../../../attribution/influence/api.ts';
import { WHOLE } from '../../../../attribution/token/types.ts';
import {
  type Answer,
  answerAndAttribute,
  decodeTrained,
  encodeTrained,
  isSample,
  objectOf,
  type Trained,
  type TrainingSpec,
  trainingWork,
  trainRegistered,
} from '../../../../attribution/trained/api.ts';
import { answerCredits } from '../../../../attribution/trained/credits.ts';
import { MAX_TRAINING_WORK } from '../../../../attribution/trained/limits.ts';
import { checkTrainingCost } from '../../../../attribution/trained/work.ts';
import { address, textOf, utf8 } from '../builders.ts';
import { ADAPTER, DESCENT, english, NUMBERS, points, recordsOf, type SampleSpec } from './builders.ts';

const REQUEST = `0x${'77'.repeat(32)}`;
const NOBODY = new Set<string>();
const NO_COMMONS = new Set<number>();
/** No cap, so that credits are plain shares. */
const OPEN = { contributorCapPermille: 1000, coverageCapPermille: 1000, maxContributors: 64 };

function trainedOf(spec: TrainingSpec, records: readonly CorpusRecord[]): Trained {
  const { object, trained } = trainRegistered({ spec, records, encoder: english() });
  expect(object).toMatchObject({ outcome: 'trained' });
  return trained!;
}

function ask(trained: Trained, spec: TrainingSpec, prompt: string, rules = {}): Answer {
  return answerAndAttribute(trained, {
    spec,
    prompt: utf8(prompt),
    encoder: english(),
    requestHash: REQUEST,
    params: OPEN,
    commons: NO_COMMONS,
    ineligible: NOBODY,
    ...rules,
  });
}

function outcomeOf(spec: TrainingSpec, records: readonly SampleSpec[], more = {}) {
  return trainRegistered({ spec, records: recordsOf(records), ...more }).object;
}

describe('training what a registration describes', () => {
  it('gives the head of its samples in their order, and says how many records were none', () => {
    const texts = [
      'left\n-16 8',
      'right\n24 0',
      'up\n1 1',
      'left\n1',
      'left\n1 2 3',
      'left\n1  2',
      'left\n01 2',
      'left\n-0 2',
      'left\n+1 2',
      'left\n1 2 ',
      ' left\n1 2',
      'left\r\n1 2',
      'left 1 2',
      '',
      'left\n-12345678901 2',
      'left\n600000 2',
      'right\n-24\n16\n',
    ];
    const { object, trained } = trainRegistered({
      spec: NUMBERS,
      records: recordsOf(texts.map((text) => ({ text }))),
    });
    expect(object).toMatchObject({
      outcome: 'trained',
      samples: 3,
      passedOver: 14,
      dimensions: 6,
      layers: 2,
    });
    // Divided by 2³.
    const data = {
      features: Float64Array.of(-2, 1, 3, 0, -3, 2),
      labels: Int32Array.of(0, 1, 1),
      width: 2,
      classes: 2,
    };
    const head = train(data, { method: 'newton', l2Micro: 100_000 });
    expect(trained?.modelHash).toBe(modelHash({ kind: 'head', head }));
  });

  it('reads texts by the encoder that the spec names, and no other', () => {
    const spec: TrainingSpec = {
      ...NUMBERS,
      features: { kind: 'text', width: 64, divisorExponent: 6, encoderHash: english().hash },
      classes: ['spam', 'ham'],
    };
    const records = [
      { text: 'spam\nWin a free prize now, claim your cash', by: 1 },
      { text: 'spam\nFree cash! You have won a prize', by: 2 },
      { text: 'ham\nShall we have lunch at the office tomorrow?', by: 3 },
      { text: 'ham\nThe meeting tomorrow is at noon in the office', by: 4 },
    ];
    const trained = trainedOf(spec, recordsOf(records));
    expect(textOf(ask(trained, spec, 'Claim your free prize').output)).toBe('spam');
    expect(textOf(ask(trained, spec, 'lunch tomorrow').output)).toBe('ham');
    const other = { ...spec, features: { ...spec.features, encoderHash: `0x${'00'.repeat(32)}` } };
    expect(outcomeOf(other, records, { encoder: english() })).toEqual({
      outcome: 'failed',
      failure: 'UnknownEncoder',
    });
    expect(outcomeOf(spec, records)).toEqual({ outcome: 'failed', failure: 'UnknownEncoder' });
    const wide = { ...DESCENT, classes: spec.classes, features: { ...spec.features, width: 1024 } };
    const short = { ...english(), width: 512 };
    expect(outcomeOf(wide, records, { encoder: short })).toMatchObject({ failure: 'UnknownEncoder' });
  });

  it('fails alike everywhere, with a reason', () => {
    const left = { text: 'left\n1 2' };
    const right = { text: 'right\n3 4' };
    expect(outcomeOf(NUMBERS, [])).toEqual({ outcome: 'failed', failure: 'TooFewSamples' });
    expect(outcomeOf(NUMBERS, [left])).toMatchObject({ failure: 'TooFewSamples' });
    expect(outcomeOf(NUMBERS, [left, { text: 'left\n2 2' }])).toMatchObject({
      failure: 'ClassWithoutSamples',
    });
    expect(outcomeOf(NUMBERS, [left, right], { claimedHash: `0x${'00'.repeat(32)}` })).toMatchObject({
      failure: 'HashMismatch',
    });
    expect(outcomeOf(ADAPTER, [left, right])).toMatchObject({ failure: 'ParentMismatch' });
    const runaway: TrainingSpec = {
      ...DESCENT,
      training: { ...DESCENT.training, learningRateMicro: 1_000_000_000, l2Micro: 1_000_000_000 } as never,
    };
    expect(outcomeOf(runaway, [left, right])).toMatchObject({ failure: 'NotConverged' });
    const tiny: TrainingSpec = {
      ...DESCENT,
      training: { ...DESCENT.training, learningRateMicro: 1, epochs: 1, batchSize: 64 } as never,
    };
    expect(outcomeOf(tiny, [left, right])).toMatchObject({ failure: 'Refused' });
    const { object } = trainRegistered({ spec: NUMBERS, records: points(20) });
    const claimedHash = object.outcome === 'trained' ? object.modelHash : '';
    const again = trainRegistered({ spec: NUMBERS, records: points(20), claimedHash });
    expect(again.object).toEqual(object);
    const kept = decodeTrained(encodeTrained(again.trained!));
    expect(objectOf(kept, claimedHash)).toEqual(object);
    expect(objectOf(kept, REQUEST)).toMatchObject({ failure: 'HashMismatch' });
  });

  it('refuses what is too much before it begins', () => {
    const many = function* (): Generator<CorpusRecord> {
      const [record] = recordsOf([{ text: 'no sample' }]);
      for (let i = 0; i <= 65_536; i++) yield { ...record!, orderKey: i };
    };
    expect(trainRegistered({ spec: NUMBERS, records: many() }).object).toMatchObject({
      failure: 'ProblemTooLarge',
    });
    const heavy = function* (): Generator<CorpusRecord> {
      const [record] = recordsOf([{ text: 'x'.repeat(1 << 20) }]);
      for (let i = 0; i < 33; i++) yield { ...record!, orderKey: i };
    };
    expect(trainRegistered({ spec: NUMBERS, records: heavy() }).object).toMatchObject({
      failure: 'ProblemTooLarge',
    });
    const long: TrainingSpec = {
      ...DESCENT,
      features: { kind: 'numbers', width: 2047, divisorExponent: 0 },
      classes: Array.from({ length: 256 }, (_, i) => `${i}`),
      training: { ...DESCENT.training, epochs: 1000 } as never,
      metric: { solver: 'datainf', clipPercent: 100, projectedWidth: 0 },
    };
    expect(trainingWork(long, 256)).toBeGreaterThan(MAX_TRAINING_WORK);
    expect(() => checkTrainingCost(long, 256)).toThrow(/multiplications/);
    const light: TrainingSpec = { ...long, training: { ...DESCENT.training, epochs: 1 } as never };
    expect(() => checkTrainingCost(light, 128)).not.toThrow();
    // 129 × 2048 × 256 numbers are more than a metric may have.
    expect(() => checkTrainingCost(light, 129)).toThrow(/numbers/);
  });

  it('of an adapter rests on its parent, which it does not change', () => {
    const parent = trainedOf(NUMBERS, points(30));
    const before = encodeTrained(parent);
    const input = { spec: ADAPTER, records: points(40, 3, 9) };
    const base = { spec: NUMBERS, model: parent.model };
    const { object, trained } = trainRegistered({ ...input, parent: base });
    expect(object).toMatchObject({ outcome: 'trained', samples: 40, dimensions: 4, layers: 2 });
    expect(encodeTrained(parent)).toEqual(before);
    expect(textOf(ask(trained!, ADAPTER, '-30 3').output)).toBe('left');
    const grandparent = { spec: ADAPTER, model: trained!.model };
    expect(trainRegistered({ ...input, parent: grandparent }).object).toMatchObject({
      failure: 'ParentMismatch',
    });
    const swapped = { ...base, spec: { ...NUMBERS, classes: ['right', 'left'] } };
    expect(trainRegistered({ ...input, parent: swapped }).object).toMatchObject({
      failure: 'ParentMismatch',
    });
  });
});

describe('an answer of a trained model', () => {
  it('is the label of the largest logit, of equal ones the first', () => {
    const trained = trainedOf(NUMBERS, points(40));
    expect(textOf(ask(trained, NUMBERS, '-9 0').output)).toBe('left');
    expect(textOf(ask(trained, NUMBERS, '9 0').output)).toBe('right');
    // Mirror images: at 0 0 both logits are the same bits.
    const mirrored = trainedOf(NUMBERS, recordsOf([{ text: 'left\n8 8' }, { text: 'right\n-8 -8' }]));
    expect(textOf(ask(mirrored, NUMBERS, '0 0').output)).toBe('left');
  });

  it('credits those without whose samples the model would be less sure, as training again says', () => {
    const records = points(24, 24);
    const trained = trainedOf(NUMBERS, records);
    const answer = ask(trained, NUMBERS, '-20 30');
    expect(textOf(answer.output)).toBe('left');
    const paid = new Set(answer.record.credits.map(({ contributor }) => contributor));
    const certainty = (model: Trained['model']) => {
      if (model.kind === 'adapter') throw new Error('not a head');
      const { weights } = model.head;
      const logit = (c: number) =>
        weights[3 * c]! * (-20 / 8) + weights[3 * c + 1]! * (30 / 8) + weights[3 * c + 2]!;
      return logit(0) - logit(1);
    };
    const losses = records.map((record, i) => ({
      contributor: record.contributor,
      lost:
        certainty(trained.model) -
        certainty(
          trainedOf(
            NUMBERS,
            records.filter((_, j) => j !== i),
          ).model,
        ),
    }));
    const byContributor = new Map<string, number>();
    for (const { contributor, lost } of losses)
      byContributor.set(contributor, (byContributor.get(contributor) ?? 0) + Math.max(0, lost));
    const largest = [...byContributor].sort((a, b) => b[1] - a[1])[0]!;
    expect(answer.record.credits[0]!.contributor).toBe(largest[0]);
    for (const contributor of paid) expect(byContributor.get(contributor)).toBeGreaterThan(0);
  });

  it('has this record for ever, of every kind of model, however the rows are cut', () => {
    const base = trainedOf(NUMBERS, points(40));
    const parent = { spec: NUMBERS, model: base.model };
    const adapter = trainRegistered({ spec: ADAPTER, records: points(40, 5, 2), parent }).trained!;
    const datainf: TrainingSpec = { ...NUMBERS, metric: { ...NUMBERS.metric, solver: 'datainf' } };
    const hashes = (
      [
        [base, NUMBERS],
        [trainedOf(DESCENT, points(40)), DESCENT],
        [trainedOf(datainf, points(40)), datainf],
        [adapter, ADAPTER],
      ] as const
    ).map(([trained, spec]) => {
      const { recordHash } = ask(trained, spec, '20 -3');
      for (const sizes of [[40], [1, 39], [13, 14, 13]])
        for (const arithmetic of ['wasm', 'typescript'] as const)
          expect(ask(cut(trained, sizes, arithmetic), spec, '20 -3').recordHash).toBe(recordHash);
      expect(ask(decodeTrained(encodeTrained(trained)), spec, '20 -3').recordHash).toBe(recordHash);
      return recordHash;
    });
    expect(hashes).toEqual([
      '0x030f806c36f5d76f19a29e3904b367eb067417cff04a0b9688afb4bc8d22da70',
      '0xa03ee2da016631d0369392431b361808c93940bc94404806f83b9e9709362590',
      '0x62a1f072b5c40bb528f729f59adfd6d08d9b9e8b54592a019b34bf9b6baa0ac5',
      '0xe4f0cb28288017284a77cb23d81c58e8cb614a7ad24d78b59634135b16cb0e1a',
    ]);
  });

  it('refuses what is no prompt, as everybody can tell before', () => {
    const trained = trainedOf(NUMBERS, points(10));
    for (const prompt of ['', '1', '1 2 3', 'left\n1 2', '1\t2', 'a b']) {
      expect(isSample(NUMBERS.features, utf8(prompt))).toBe(false);
      expect(() => ask(trained, NUMBERS, prompt)).toThrow(/not what the model takes/);
    }
    expect(isSample(NUMBERS.features, utf8('1 2'))).toBe(true);
    const text = {
      kind: 'text',
      width: 256,
      divisorExponent: 0,
      encoderHash: `0x${'00'.repeat(32)}`,
    } as const;
    expect(isSample(text, utf8('anything'))).toBe(true);
    expect(isSample(text, Uint8Array.of(0xff))).toBe(false);
    expect(isSample(text, new Uint8Array((1 << 20) + 1))).toBe(false);
  });
});

/** The same with its rows in shards of these sizes. */
function cut(trained: Trained, sizes: readonly number[], arithmetic: 'wasm' | 'typescript'): Trained {
  const { metric } = trained;
  if (metric.kind === 'optimum') {
    const gradients = cutStore(metric.metric.gradients, sizes, arithmetic);
    return { ...trained, metric: { ...metric, metric: { ...metric.metric, gradients } } };
  }
  const { rows, projection } = metric.metric;
  const gradients = cutStore(rows.gradients, sizes, arithmetic);
  return { ...trained, metric: { ...metric, metric: { projection, rows: { ...rows, gradients } } } };
}

describe('whom the samples of a cluster pay', () => {
  const WORDS =
    'the quick brown fox jumps over the lazy dog while seven wizards watch from the old stone bridge';
  const spec: TrainingSpec = {
    ...NUMBERS,
    features: { kind: 'text', width: 64, divisorExponent: 6, encoderHash: english().hash },
    classes: ['a', 'b'],
  };
  const others = [
    { text: 'b\nquarterly revenue grew by nine percent in the northern region', by: 8 },
    { text: 'b\nthe committee approved the budget after a long discussion', by: 9 },
  ];

  it('is the earliest commit among them, though a copy was approved before', () => {
    const trained = trainedOf(
      spec,
      recordsOf([
        { text: `a\n${WORDS} today`, by: 2, commit: 50 },
        { text: `a\n${WORDS}`, by: 1, commit: 10 },
        ...others,
      ]),
    );
    expect(textOf(ask(trained, spec, WORDS).output)).toBe('a');
    const paid = ask(trained, spec, WORDS).record.credits.map(({ contributor }) => contributor);
    expect(paid).toContain(address(1));
    expect(paid).not.toContain(address(2));
  });

  it('is the earlier one of equal bytes that two DataNets hold, and they are one sample', () => {
    const copy = { text: `a\n${WORDS}`, by: 2, net: 2, commit: 50 };
    const own = { text: `a\n${WORDS}`, by: 1, net: 1, commit: 10 };
    const { object, trained } = trainRegistered({
      spec,
      records: recordsOf([copy, own, ...others]),
      encoder: english(),
    });
    expect(object).toMatchObject({ samples: 3, passedOver: 1 });
    expect(ask(trained!, spec, WORDS).record.credits.map(({ contributor }) => contributor)).toContain(
      address(1),
    );
  });

  it('agrees with the clusters of the book, record by record', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ tail: fc.nat(2), topic: fc.nat(3), by: fc.nat(4), swap: fc.boolean() }), {
          minLength: 4,
          maxLength: 14,
        }),
        (drawn) => {
          const commits = drawn.map((_, i) => i + 1);
          drawn.forEach(({ swap }, i) => {
            if (swap && i > 0) [commits[i - 1], commits[i]] = [commits[i]!, commits[i - 1]!];
          });
          const text = ({ tail, topic }: { tail: number; topic: number }, i: number) =>
            `${i % 2 === 0 ? 'a' : 'b'}\n${Array.from({ length: 24 }, (_, w) => `w${topic}x${w}`).join(' ')} tail${tail}`;
          const records = recordsOf(
            drawn.map((one, i) => ({ text: text(one, i), by: one.by, commit: commits[i]! })),
          );
          const { trained } = trainRegistered({ spec, records, encoder: english() });
          const book = createClusterBook();
          const founders: number[] = [];
          const seen: Record<string, number> = {};
          const samples: number[] = [];
          records.forEach((record, i) => {
            const key = textOf(record.bytes);
            if (seen[key] === undefined) {
              const placed = book.add({ orderKey: record.orderKey, text: record.bytes });
              if (placed.kind === 'crowded') throw new Error('crowded');
              seen[key] = placed.founder;
              samples.push(i);
            }
            founders.push(seen[key]!);
          });
          const expected = samples.map((i) => {
            const together = records.filter((_, j) => founders[j] === founders[i]);
            return together.sort((a, b) => a.orderKey - b.orderKey)[0]!.contributor;
          });
          const { list, ofSample } = trained!.payees;
          expect([...ofSample].map((place) => list[place]!.contributor)).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('credits of an answer', () => {
  /** The rule in fractions, written a second time: shares of 10⁹ before rounding. */
  function sharesOf(scores: readonly bigint[], owners: readonly number[], rules: typeof RULES) {
    const negative = scores.filter((score) => score < 0n).map((score) => -score);
    negative.sort((a, b) => (a < b ? -1 : 1));
    const floor = negative.length === 0 ? 0n : negative[Math.ceil(0.9 * negative.length - 1e-9) - 1]!;
    const weight = (score: bigint) => (score > floor ? Number(score - floor) : 0);
    const total = scores.reduce((sum, score) => sum + weight(score), 0);
    const sums = new Map<number, number>();
    scores.forEach((score, i) => {
      const owner = owners[i]!;
      if (rules.ineligible.has(address(owner)) || rules.commons.has(owner)) return;
      sums.set(owner, (sums.get(owner) ?? 0) + weight(score));
    });
    const cap = (total * rules.params.contributorCapPermille) / 1000;
    const paid = [...sums]
      .filter(([, sum]) => sum > 0)
      .map(([owner, sum]) => ({ owner, share: Math.min(sum, cap) / total }))
      .sort((a, b) => b.share - a.share)
      .slice(0, rules.params.maxContributors);
    const together = paid.reduce((sum, { share }) => sum + share, 0);
    const cut = Math.min(1, rules.params.coverageCapPermille / 1000 / together);
    return paid.map(({ owner, share }) => ({ owner, share: share * cut }));
  }
  const RULES = {
    params: { contributorCapPermille: 400, coverageCapPermille: 700, maxContributors: 3 },
    commons: new Set([2]),
    ineligible: new Set([address(1)]),
  };

  it('are those of the rule in fractions, to one part of 10⁹ a contributor, and sum to the whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 74n }), fc.nat(6)), {
          minLength: 1,
          maxLength: 40,
        }),
        (samples) => {
          const scores = samples.map(([score]) => score);
          const owners = samples.map(([, owner]) => owner);
          const list = Array.from({ length: 7 }, (_, i) => ({ contributor: address(i), dataNetId: i }));
          const { credits, uncovered } = answerCredits(
            scores,
            { list, ofSample: Uint32Array.from(owners) },
            RULES,
          );
          const expected = sharesOf(scores, owners, RULES);
          expect(credits.reduce((sum, { credit }) => sum + credit, uncovered)).toBe(WHOLE);
          for (const { owner, share } of expected) {
            const credit = credits.find(({ contributor }) => contributor === address(owner))?.credit ?? 0;
            // Doubles of the oracle, and the cut to 53 bits.
            expect(Math.abs(credit - share * WHOLE)).toBeLessThanOrEqual(2);
          }
          expect(credits.length).toBeLessThanOrEqual(expected.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of the ineligible and of the commons pass to nobody', () => {
    const trained = trainedOf(NUMBERS, points(24, 24));
    const open = ask(trained, NUMBERS, '20 -3').record;
    const first = open.credits[0]!;
    const without = ask(trained, NUMBERS, '20 -3', { ineligible: new Set([first.contributor]) }).record;
    expect(without.credits).toEqual(open.credits.slice(1));
    expect(without.uncovered).toBe(open.uncovered + first.credit);
    const commons = ask(trained, NUMBERS, '20 -3', { commons: new Set([1]) }).record;
    expect(commons).toMatchObject({ credits: [], uncovered: WHOLE });
  });

  it('are capped, and what is cut off is uncovered', () => {
    const trained = trainedOf(NUMBERS, points(10));
    const open = ask(trained, NUMBERS, '-20 30').record;
    expect(open.credits.length).toBe(4);
    const { credits, uncovered } = ask(trained, NUMBERS, '-20 30', {
      params: { contributorCapPermille: 300, coverageCapPermille: 1000, maxContributors: 3 },
    }).record;
    const [first, second, third] = open.credits;
    expect(credits).toEqual([{ ...first, credit: 300_000_000 }, { ...second, credit: 300_000_000 }, third]);
    expect(uncovered).toBe(400_000_000 - third!.credit);
    const together = ask(trained, NUMBERS, '-20 30', {
      params: { contributorCapPermille: 300, coverageCapPermille: 600, maxContributors: 2 },
    }).record;
    expect(together).toMatchObject({
      credits: [{ credit: 300_000_000 }, { credit: 300_000_000 }],
      uncovered: 400_000_000,
    });
    const half = ask(trained, NUMBERS, '-20 30', {
      params: { contributorCapPermille: 300, coverageCapPermille: 300, maxContributors: 2 },
    }).record;
    expect(half).toMatchObject({
      credits: [{ credit: 150_000_000 }, { credit: 150_000_000 }],
      uncovered: 700_000_000,
    });
  });
});
