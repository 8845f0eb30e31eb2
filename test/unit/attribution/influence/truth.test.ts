import { describe, expect, it } from 'vitest';
import { train } from '../../../../attribution/influence/api.ts';
import { brownGenres, hashedWords, tfIdfCosines } from '../../../study/influence/brown.ts';
import { type Measured, measure } from '../../../study/influence/measure.ts';
import { headScorers, type Scorer } from '../../../study/influence/scorers.ts';
import { halves, leaveOneOutTruth, subsetTruth } from '../../../study/influence/truth.ts';
import { slice } from './oracle.ts';

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
