import { describe, expect, it } from 'vitest';
import { headHash, replayTraining, train } from '../../../../attribution/influence/api.ts';
import { hessian, objective } from '../../../../attribution/influence/trainer/objective.ts';
import type { SgdTraining } from '../../../../attribution/influence/types.ts';
import { clouds, gradientWithout, loss } from './oracle.ts';

const DATA = clouds(120, 6, 4, 11);
const SGD: SgdTraining = {
  method: 'sgd',
  l2Micro: 1_000_000,
  learningRateMicro: 100_000,
  initialScaleMicro: 10_000,
  epochs: 30,
  batchSize: 16,
  seed: Uint8Array.of(42),
};

describe('training a head', () => {
  it('by Newton ends at the optimum', () => {
    const head = train(DATA, { method: 'newton', l2Micro: 500_000 });
    for (const component of gradientWithout(head.weights, DATA, 0.5, -1))
      expect(Math.abs(component)).toBeLessThan(1e-8);
  });

  it('by descent comes close to it', () => {
    const value = (weights: Float64Array) =>
      DATA.labels.reduce((sum, _, i) => sum + loss(weights, DATA, i), 0) +
      0.5 * weights.reduce((sum, w) => sum + w * w, 0);
    const best = value(train(DATA, { method: 'newton', l2Micro: 1_000_000 }).weights);
    const start = value(new Float64Array(DATA.classes * (DATA.width + 1)));
    const descended = value(train(DATA, SGD).weights);
    expect(descended).toBeGreaterThanOrEqual(best);
    expect(descended - best).toBeLessThan(0.1 * (start - best));
  });

  it('gives these bits on every processor', () => {
    expect(headHash(train(DATA, { method: 'newton', l2Micro: 500_000 }))).toBe(
      '0x1f3a43c71e8548849243c07b8705adcd6ddf10323eb4a07d50bcd9a52d76271e',
    );
    expect(headHash(train(DATA, SGD))).toBe(
      '0x9cd0459e32a9c8a89b2944a26d08986de8957384037606c9e0fbb7fdb1b32ed9',
    );
  });

  it('is checked by training again', () => {
    const claimed = headHash(train(DATA, SGD));
    expect(replayTraining(DATA, SGD, claimed).matches).toBe(true);
    expect(replayTraining(DATA, { ...SGD, seed: Uint8Array.of(43) }, claimed).matches).toBe(false);
    expect(replayTraining(DATA, { ...SGD, epochs: 31 }, claimed).matches).toBe(false);
    const changed = { ...DATA, features: DATA.features.map((x, i) => (i === 5 ? x + 1e-9 : x)) };
    expect(replayTraining(changed, SGD, claimed).matches).toBe(false);
  });

  it('hashes a zero of either sign alike', () => {
    const head = { width: 1, classes: 2, weights: Float64Array.of(0, 1, 2, 3) };
    expect(headHash({ ...head, weights: Float64Array.of(-0, 1, 2, 3) })).toBe(headHash(head));
    expect(headHash({ ...head, weights: Float64Array.of(0, 1, 2, 4) })).not.toBe(headHash(head));
  });

  it('uses the Hessian that finite differences of the gradient give', () => {
    const weights = Float64Array.from({ length: 28 }, (_, i) => Math.sin(i));
    const head = { weights, width: 6, classes: 4 };
    const matrix = hessian(DATA, objective(DATA, head, 2).probabilities, 2);
    for (const j of [0, 6, 13, 27]) {
      const moved = (by: number) =>
        gradientWithout(
          weights.map((w, i) => (i === j ? w + by : w)),
          DATA,
          2,
          -1,
        );
      const up = moved(1e-5);
      const down = moved(-1e-5);
      for (let i = 0; i < 28; i++)
        expect(Math.abs((up[i]! - down[i]!) / 2e-5 - matrix[i * 28 + j]!)).toBeLessThan(1e-5);
    }
  });
});
