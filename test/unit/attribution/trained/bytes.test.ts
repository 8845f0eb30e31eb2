import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../../attribution/credit/bytes.ts';
import { AttributionError } from '../../../../attribution/errors.ts';
import {
  decodeInfluenceRecord,
  decodeTrained,
  decodeTrainingObject,
  decodeTrainingSpec,
  encodeInfluenceRecord,
  encodeTrained,
  encodeTrainingObject,
  encodeTrainingSpec,
  fitsParent,
  type InfluenceRecord,
  influenceRecordHash,
  MAX_SPEC_BYTES,
  type TrainingObject,
  type TrainingSpec,
  trainedKindOf,
  trainingSpecHash,
  trainRegistered,
} from '../../../../attribution/trained/api.ts';
import { address } from '../builders.ts';
import { ADAPTER, DESCENT, NUMBERS, points } from './builders.ts';

const TEXT: TrainingSpec = {
  ...NUMBERS,
  features: { kind: 'text', width: 256, divisorExponent: 5, encoderHash: `0x${'ab'.repeat(32)}` },
  classes: ['ham', 'Spam — ünwanted'],
};
const GRAPH: TrainingSpec = {
  ...NUMBERS,
  features: {
    kind: 'onnx',
    width: 8,
    divisorExponent: 2,
    input: 'numbers',
    inputWidth: 3,
    inputExponent: 4,
    contributionId: `0x${'c1'.repeat(32)}`,
    artifactRoot: `0x${'a2'.repeat(32)}`,
    modelHash: `0x${'f3'.repeat(32)}`,
    modelBytes: 1000,
    steps: 70_000,
    parts: 12,
  },
};
const TRAINED: TrainingObject = {
  outcome: 'trained',
  modelHash: `0x${'11'.repeat(32)}`,
  metricHash: `0x${'22'.repeat(32)}`,
  samples: 1000,
  passedOver: 7,
  dimensions: 650,
  layers: 10,
};
const RECORD: InfluenceRecord = {
  version: 1,
  requestHash: `0x${'11'.repeat(32)}`,
  outputHash: `0x${'22'.repeat(32)}`,
  modelHash: `0x${'33'.repeat(32)}`,
  metricHash: `0x${'44'.repeat(32)}`,
  coverage: 900_000_000,
  uncovered: 100_000_000,
  credits: [
    { contributor: address(2), credit: 600_000_000 },
    { contributor: address(1), credit: 300_000_000 },
  ],
};

/**
 * Every truncation is refused with the code, and every flipped bit too, unless the bytes are just as canonical then:
 * nothing is ever read in two ways.
 */
function judge<T>(
  bytes: Uint8Array,
  code: string,
  decode: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): { refused: number } {
  const attempt = (changed: Uint8Array): boolean => {
    let value: T;
    try {
      value = decode(changed);
    } catch (error) {
      expect(error).toBeInstanceOf(AttributionError);
      expect(error).toMatchObject({ code });
      return false;
    }
    expect(encode(value)).toEqual(changed);
    return true;
  };
  expect(attempt(bytes)).toBe(true);
  for (let length = 0; length < bytes.length; length++) expect(attempt(bytes.slice(0, length))).toBe(false);
  expect(attempt(Uint8Array.of(...bytes, 0))).toBe(false);
  let refused = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if (!attempt(changed)) refused++;
  }
  return { refused };
}

describe('a training spec', () => {
  it('has these bytes and this hash for ever', () => {
    expect(toHex(encodeTrainingSpec(NUMBERS))).toBe(
      '0x0101000203' + '0002046c656674057269676874' + '0100000000000186a0' + '01640000',
    );
    expect(trainingSpecHash(NUMBERS)).toBe(
      '0x586ecdedf54edfe40ccc2f1b0e141cf408211dd6c74ee120fc124886577c4ec7',
    );
    expect(toHex(encodeTrainingSpec(GRAPH))).toBe(
      `0x0103000802${'01000304'}${'c1'.repeat(32)}${'a2'.repeat(32)}${'f3'.repeat(32)}${'000003e8'}${'0000000000011170'}${'000c'}` +
        '0002046c656674057269676874' +
        '0100000000000186a0' +
        '01640000',
    );
    expect(trainingSpecHash(DESCENT)).toBe(
      '0xfc31ef0287424b92c9bdad87df236f642d3a2406efe83978b41b7970d5c97c3d',
    );
    expect(trainingSpecHash(ADAPTER)).toBe(
      '0xef5c52e771e6776c2b8b813c67ad429cbfb18c1b0865b4628c2a2608a1ee4e93',
    );
  });

  it('comes back from its bytes', () => {
    for (const spec of [NUMBERS, DESCENT, ADAPTER, TEXT, GRAPH])
      expect(decodeTrainingSpec(encodeTrainingSpec(spec))).toEqual(spec);
    expect([NUMBERS, DESCENT, ADAPTER].map(trainedKindOf)).toEqual(['base', 'base', 'adapter']);
  });

  it('is refused when cut, flipped or longer, unless it is another spec then', () => {
    for (const spec of [NUMBERS, DESCENT, ADAPTER, TEXT, GRAPH])
      judge(encodeTrainingSpec(spec), 'InvalidTrainingSpec', decodeTrainingSpec, encodeTrainingSpec);
  });

  it('is never anything else than refused or canonical, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(encodeTrainingSpec(decodeTrainingSpec(bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidTrainingSpec' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused beyond its bounds', () => {
    const many = Array.from({ length: 256 }, (_, i) => `class ${i}`);
    const wrong: Partial<TrainingSpec>[] = [
      { features: { kind: 'numbers', width: 0, divisorExponent: 0 } },
      { features: { kind: 'numbers', width: 2048, divisorExponent: 0 } },
      { features: { kind: 'numbers', width: 2, divisorExponent: 31 } },
      { features: { kind: 'text', width: 2, divisorExponent: 0, encoderHash: '0x00' } },
      ...[
        { input: 'pixels' as 'words' },
        { inputWidth: 0 },
        { inputWidth: 16_385 },
        { inputExponent: 31 },
        // Counts are whole.
        { input: 'words' as const },
        { contributionId: '0x00' },
        { artifactRoot: `0x${'AB'.repeat(32)}` },
        { modelHash: '' },
        { modelBytes: 0 },
        { modelBytes: 2 ** 26 + 1 },
        { steps: 2 ** 34 + 1 },
        { parts: 0 },
        { parts: 16_385 },
      ].map((change) => ({ features: { ...GRAPH.features, ...change } as TrainingSpec['features'] })),
      { classes: ['one'] },
      { classes: ['one', 'one'] },
      { classes: ['one', ''] },
      { classes: ['one', 'two\n'] },
      { classes: ['one', 'two\u007f'] },
      { classes: ['one', '\ud800'] },
      { classes: ['one', 'x'.repeat(65)] },
      { classes: [...many, 'one more'] },
      { training: { method: 'newton', l2Micro: 0 } },
      // 256 × 9 parameters are too many to invert.
      { classes: many, features: { kind: 'numbers', width: 8, divisorExponent: 0 } },
      { metric: { ...NUMBERS.metric, clipPercent: 0 } },
      { metric: { ...NUMBERS.metric, clipPercent: 101 } },
      // A head at its optimum is not projected.
      { metric: { ...NUMBERS.metric, projectedWidth: 1 } },
      { metric: { ...NUMBERS.metric, solver: 'dot' as 'ekfac' } },
    ];
    for (const change of wrong)
      expect(() => encodeTrainingSpec({ ...NUMBERS, ...change }), JSON.stringify(change)).toThrow(
        /no training spec/,
      );
    const { training } = ADAPTER;
    if (training.method !== 'adapter-sgd') throw new Error('not an adapter');
    for (const change of [
      { rank: 0 },
      { rank: 257 },
      { scaleMicro: 0 },
      { initialScaleMicro: 0 },
      { trainsHead: 1 as const },
      { epochs: 0 },
      { epochs: 1001 },
      { seed: new Uint8Array(65) },
    ])
      expect(() => encodeTrainingSpec({ ...ADAPTER, training: { ...training, ...change } })).toThrow(
        /no training spec/,
      );
    const wide = { ...DESCENT, metric: { ...DESCENT.metric, projectedWidth: 4 } };
    expect(() => encodeTrainingSpec(wide)).toThrow(/projectedWidth/);
    expect(() => decodeTrainingSpec(new Uint8Array(MAX_SPEC_BYTES + 1))).toThrow(/too long/);
  });

  it('can be as large as the limits say, and no larger', () => {
    const classes = Array.from({ length: 256 }, (_, i) => `${i}`.padEnd(64, '.'));
    const { features } = GRAPH;
    const training = { ...ADAPTER.training, seed: new Uint8Array(64) } as TrainingSpec['training'];
    const metric = { ...ADAPTER.metric, solver: 'datainf' } as const;
    expect(encodeTrainingSpec({ features, classes, training, metric }).length).toBe(MAX_SPEC_BYTES);
  });

  it('of an adapter fits a base of the same features and classes only', () => {
    expect(fitsParent(ADAPTER, NUMBERS)).toBe(true);
    expect(fitsParent(ADAPTER, DESCENT)).toBe(true);
    expect(fitsParent(ADAPTER, ADAPTER)).toBe(false);
    expect(fitsParent(ADAPTER, { ...NUMBERS, classes: ['right', 'left'] })).toBe(false);
    expect(fitsParent(ADAPTER, TEXT)).toBe(false);
    const finer = { ...NUMBERS.features, divisorExponent: 4 };
    expect(fitsParent(ADAPTER, { ...NUMBERS, features: finer })).toBe(false);
    const onGraph = { ...ADAPTER, features: GRAPH.features };
    expect(fitsParent(onGraph, GRAPH)).toBe(true);
    const other = { ...GRAPH.features, modelHash: `0x${'00'.repeat(32)}` } as TrainingSpec['features'];
    expect(fitsParent(onGraph, { ...GRAPH, features: other })).toBe(false);
  });
});

describe('a training object', () => {
  it('has these bytes for ever', () => {
    expect(toHex(encodeTrainingObject(TRAINED))).toBe(
      `0x0101${'11'.repeat(32)}${'22'.repeat(32)}000003e8000000070000028a000a`,
    );
    expect(toHex(encodeTrainingObject({ outcome: 'failed', failure: 'NotConverged' }))).toBe('0x010204');
  });

  it('comes back, and is refused when cut, flipped or longer, unless it is another one then', () => {
    for (const object of [TRAINED, { outcome: 'failed', failure: 'Refused' }] as TrainingObject[])
      judge(
        encodeTrainingObject(object),
        'InvalidTrainingObject',
        decodeTrainingObject,
        encodeTrainingObject,
      );
  });

  it('is refused with numbers that no training has', () => {
    for (const change of [
      { samples: 1 },
      { samples: 16_385 },
      { passedOver: 65_536 },
      { dimensions: 0 },
      { layers: 0 },
      { layers: 257 },
      { dimensions: 5, layers: 6 },
    ])
      expect(() => encodeTrainingObject({ ...TRAINED, ...change } as TrainingObject)).toThrow(
        /no training object/,
      );
  });
});

describe('an influence record', () => {
  it('has these bytes and this hash for ever', () => {
    expect(toHex(encodeInfluenceRecord(RECORD))).toBe(
      `0x4901${'11'.repeat(32)}${'22'.repeat(32)}${'33'.repeat(32)}${'44'.repeat(32)}` +
        '35a4e90005f5e1000002' +
        `${'00'.repeat(19)}0223c34600${'00'.repeat(19)}0111e1a300`,
    );
    expect(influenceRecordHash(RECORD)).toBe(
      '0x0911cfc1cd31fcfbd8ad99584ce41eb5c3a094d872c4233223965fcd3900f4f4',
    );
  });

  it('comes back, and is refused when cut, flipped or longer, unless it is another one then', () => {
    const { refused } = judge(
      encodeInfluenceRecord(RECORD),
      'InvalidRecord',
      decodeInfluenceRecord,
      encodeInfluenceRecord,
    );
    // Kind, version, coverage, uncovered, number of entries and both credits.
    expect(refused).toBeGreaterThanOrEqual(8 * (1 + 1 + 4 + 4 + 2 + 4 + 4));
  });

  it('is refused when its parts do not fit each other', () => {
    const [first, second] = RECORD.credits as [InfluenceRecord['credits'][0], InfluenceRecord['credits'][0]];
    const wrong: Partial<InfluenceRecord>[] = [
      { version: 2 as 1 },
      { credits: [second, first] },
      { credits: [first, first] },
      { credits: [first] },
      { credits: [first, second, { contributor: address(3), credit: 0 }] },
      { coverage: RECORD.coverage + 1 },
      { coverage: RECORD.coverage + 1, uncovered: RECORD.uncovered - 1 },
      {
        coverage: 65,
        uncovered: 999_999_935,
        credits: Array.from({ length: 65 }, (_, i) => ({ contributor: address(i), credit: 1 })),
      },
    ];
    for (const change of wrong)
      expect(() => encodeInfluenceRecord({ ...RECORD, ...change })).toThrow(/no influence record/);
  });
});

describe('a trained model on disk', () => {
  const ofSpec = (spec: TrainingSpec, parent?: TrainingSpec) => {
    const base = parent && trainRegistered({ spec: parent, records: points(24) }).trained!;
    const { trained } = trainRegistered({
      spec,
      records: points(24, 5, 2),
      ...(parent && base ? { parent: { spec: parent, model: base.model } } : {}),
    });
    return encodeTrained(trained!);
  };
  const datainf: TrainingSpec = { ...NUMBERS, metric: { ...NUMBERS.metric, solver: 'datainf' } };

  it('comes back from its bytes, of every kind and solver', () => {
    for (const bytes of [ofSpec(NUMBERS), ofSpec(DESCENT), ofSpec(datainf), ofSpec(ADAPTER, NUMBERS)])
      expect(encodeTrained(decodeTrained(bytes))).toEqual(bytes);
  });

  it('is refused with any bit flipped, cut anywhere, or longer', () => {
    const { refused } = judge(ofSpec(NUMBERS), 'InvalidTrainedModel', decodeTrained, encodeTrained);
    expect(refused).toBe(8 * ofSpec(NUMBERS).length);
  });

  it('is refused or canonical with any byte changed and the hash made to fit', () => {
    for (const bytes of [ofSpec(NUMBERS), ofSpec(DESCENT), ofSpec(ADAPTER, NUMBERS)]) {
      const zero = () => new Uint8Array(32);
      const whole = encodeTrained(decodeTrained(bytes), zero);
      fc.assert(
        fc.property(fc.nat(whole.length - 33), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = whole.slice();
          changed[at]! ^= flip;
          try {
            expect(encodeTrained(decodeTrained(changed, zero), zero).length).toBe(changed.length);
          } catch (error) {
            expect(error).toMatchObject({ code: 'InvalidTrainedModel' });
          }
        }),
        { numRuns: 500 },
      );
    }
  });
});
