import { describe, expect, it } from 'vitest';
import {
  hashedContexts,
  modelScores,
  prepareModel,
  type SolverName,
  type TokenRecords,
  type TrainedModel,
  train,
  trainModel,
} from '../../../../attribution/influence/api.ts';
import { brownGenres, hashedWords, tfIdfCosines } from '../../../study/influence/brown.ts';
import { type Measured, measure } from '../../../study/influence/measure.ts';
import { mean, pearson } from '../../../study/influence/metrics.ts';
import { headScorers, type Scorer } from '../../../study/influence/scorers.ts';
import { halves, leaveOneOutTruth, subsetTruth } from '../../../study/influence/truth.ts';
import { asNumbers, loss, slice } from './oracle.ts';

const TRAINED = 70;
const L2 = 1_000_000;

/** The large version of this is the study `influence-text`. */
describe('which texts taught a classifier of genres (Brown corpus)', () => {
  const texts = brownGenres(['news', 'learned', 'romance', 'government'], 25, 400, 1);
  const all = hashedWords(texts, 64, 4);
  const training = slice(all, 0, TRAINED);
  const queries = slice(all, TRAINED, 100);
  const head = train(training, { method: 'newton', l2Micro: L2 });
  const truth = {
    leaveOneOut: leaveOneOutTruth(training, head, queries, L2, () => {}),
    subsets: subsetTruth(training, queries, L2, halves(TRAINED, 20, 1), () => {}),
  };
  const similar: Scorer = {
    name: 'TF-IDF',
    kind: 'control',
    score: () =>
      tfIdfCosines(texts.texts.slice(0, TRAINED), texts.texts.slice(TRAINED)).map((row, q) =>
        row.map((value, i) => (training.labels[i] === queries.labels[q] ? value : -value)),
      ),
  };
  const measured = [...headScorers({ training, queries, head, l2Micro: L2 }), similar].map((scorer) =>
    measure(scorer, truth),
  );
  const by = (name: string): Measured => measured.find((row) => row.name.startsWith(name))!;

  it('newton says what training again without each text says', () => {
    expect(by('newton').perQuery).toBeGreaterThanOrEqual(0.95);
    expect(by('newton').worstTenth).toBeGreaterThanOrEqual(0.9);
    expect(by('newton').meanLoss).toBeGreaterThanOrEqual(0.95);
    expect(by('newton').lds).toBeGreaterThanOrEqual(0.8);
  });

  it('datainf and every control are clearly worse', () => {
    const others = measured.filter((row) => row.kind === 'control' || row.name === 'datainf');
    expect(others.length).toBeGreaterThanOrEqual(6);
    for (const row of others) {
      expect(row.perQuery).toBeLessThan(by('newton').perQuery! - 0.3);
      expect(row.lds).toBeLessThan(by('newton').lds! - 0.1);
    }
  });

  it('datainf is hardly more than the gradient dot product', () => {
    expect(Math.abs(by('datainf').perQuery! - by('dot').perQuery!)).toBeLessThan(0.1);
  });
});

describe('which lines taught a next-token head', () => {
  const LINES = 24;
  const VOCABULARY = 'etaoinshr ';
  const l2Micro = 1_000_000;
  const lines = brownGenres(['news', 'romance'], 18, 60, 2).texts.map((text) =>
    Int32Array.from(text.toLowerCase().slice(0, 30), (letter) => {
      const at = VOCABULARY.indexOf(letter);
      return at < 0 ? VOCABULARY.length : at;
    }),
  );
  const context = { vocabulary: VOCABULARY.length + 1, reach: 2, width: 11, seed: 3 };
  const model = (records: TokenRecords) =>
    trainModel({ kind: 'next-token', data: records, options: { method: 'newton', l2Micro } });
  const weightsOf = (of: TrainedModel) => (of.kind === 'adapter' ? new Float64Array() : of.head.weights);
  const records = hashedContexts(lines.slice(0, LINES), context);
  const queries = hashedContexts(lines.slice(LINES), context);
  const trained = model(records);
  const lossesOf = (of: TrainedModel) =>
    Array.from({ length: lines.length - LINES }, (_, q) => {
      let sum = 0;
      for (let t = queries.starts[q]!; t < queries.starts[q + 1]!; t++)
        sum += loss(weightsOf(of), queries, t);
      return sum;
    });
  const before = lossesOf(trained);
  const truth = before.map(() => new Float64Array(LINES));
  for (let i = 0; i < LINES; i++) {
    const rest = hashedContexts(
      lines.slice(0, LINES).filter((_, at) => at !== i),
      context,
    );
    lossesOf(model(rest)).forEach((after, q) => {
      truth[q]![i] = after - before[q]!;
    });
  }
  const agreement = (solver: SolverName) => {
    const metric = prepareModel(trained, records, {
      solver,
      dampingMicro: l2Micro,
      draws: 0,
      correctsLeverage: 1,
      projectedWidth: 0,
      clipPercent: 100,
    });
    return mean(modelScores(metric, trained, queries).map((row, q) => pearson(asNumbers(row), truth[q]!)));
  };

  it('newton takes a whole line away and says what training without it says', () => {
    const newton = agreement('newton');
    expect(newton).toBeGreaterThanOrEqual(0.95);
    expect(agreement('datainf')).toBeLessThan(newton - 0.2);
    expect(agreement('dot')).toBeLessThan(newton - 0.2);
  });
});
