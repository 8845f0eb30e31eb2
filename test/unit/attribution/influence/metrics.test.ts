import { describe, expect, it } from 'vitest';
import {
  areaUnderCurve,
  linearDatamodelingScore,
  quantile,
  ranks,
  spearman,
} from '../../../study/influence/metrics.ts';

/** Inputs and results are those of TRAIS-Lab/dattri's own tests (test_lds, test_loo, test_mislabel_detection_auc). */
describe('the measures of attribution agree with published values', () => {
  it('linear datamodeling score', () => {
    const scores = [
      [0.1, 0.2, 0.3, 0.4],
      [0.2, 0.1, 0.3, 0.4],
    ];
    const subsets = [
      [0, 1],
      [0, 2],
      [1, 2],
    ];
    const outputs = [
      [0.3, 0.4, 0.5],
      [0.3, 0.4, 0.3],
    ];
    const values = scores.map((row, query) => linearDatamodelingScore(row, subsets, outputs[query]!));
    expect(values[0]).toBeCloseTo(1, 12);
    expect(values[1]).toBeCloseTo(0.8660254037844387, 12);
  });

  it('rank correlation with leave-one-out', () => {
    expect(spearman([0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4])).toBeCloseTo(1, 12);
    expect(spearman([0.4, 0.3, 0.2, 0.1], [1, 3, 2, 4])).toBeCloseTo(-0.8, 12);
  });

  it('area under the curve of a search for wrong labels', () => {
    const scores = Array.from({ length: 100 }, (_, i) => i);
    expect(areaUnderCurve(scores, (i) => i >= 90)).toBe(1);
    expect(areaUnderCurve(scores, (i) => i >= 80 && i < 90)).toBeCloseTo(8 / 9, 12);
  });

  it('ties share their rank, and count a half', () => {
    expect([...ranks([3, 1, 3, 2, 3])]).toEqual([4, 1, 4, 2, 4]);
    expect(areaUnderCurve([1, 1, 1, 1], (i) => i === 2)).toBe(0.5);
    expect([quantile([5, 1, 3], 0.1), quantile([5, 1, 3], 0.5), quantile([5, 1, 3], 1)]).toEqual([1, 3, 5]);
  });
});
