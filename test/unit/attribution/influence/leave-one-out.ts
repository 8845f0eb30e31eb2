import {
  answerScores,
  headGradients,
  prepare,
  scores,
  train,
} from '../../../../attribution/influence/api.ts';
import { newtonParts } from '../../../../attribution/influence/solvers/newton.ts';
import type { LabelledFeatures } from '../../../../attribution/influence/types.ts';
import { asNumbers, correlation, loss, ranks, retrainWithout, shuffledIndices, slice } from './oracle.ts';

/** The solvers, `newton` also with the loss taken as linear in its steps. */
export const SCORINGS = ['newton', 'newton, linear', 'ekfac', 'datainf', 'dot'] as const;
export type Scoring = (typeof SCORINGS)[number];

export interface LeaveOneOut {
  /** Mean over the queries of the correlation over the removed samples between score and true change of the loss. */
  readonly perQuery: Record<Scoring, number>;
  /** The same for the mean loss of all queries. */
  readonly meanLoss: Record<Scoring, number>;
}

/** Removes the first `removed` samples one by one, trains again, and compares the losses of the queries. */
export function leaveOneOut(
  data: LabelledFeatures,
  queries: LabelledFeatures,
  l2Micro: number,
  removed: number,
): LeaveOneOut {
  const head = train(data, { method: 'newton', l2Micro });
  const { inverse } = newtonParts(data, head, l2Micro / 1e6, 0);
  const before = lossesOf(head.weights, queries);
  const truth: number[][] = before.map(() => []);
  for (let i = 0; i < removed; i++) {
    const after = lossesOf(retrainWithout(data, head, inverse, l2Micro / 1e6, i), queries);
    before.forEach((value, q) => {
      truth[q]!.push(after[q]! - value);
    });
  }
  const result = { perQuery: {}, meanLoss: {} } as LeaveOneOut;
  const scored = scoresOf(data, queries, l2Micro);
  for (const scoring of SCORINGS) {
    const rows = scored[scoring].map((row) => row.slice(0, removed));
    result.perQuery[scoring] = mean(rows.map((row, q) => correlation(row, truth[q]!)));
    result.meanLoss[scoring] = correlation(meanRow(rows), meanRow(truth));
  }
  return result;
}

/**
 * The linear datamodelling score: rank correlation between the true losses of heads trained on random halves and the
 * sum of the scores of the samples that were left out, mean over the queries.
 */
export function halvesScore(
  data: LabelledFeatures,
  queries: LabelledFeatures,
  l2Micro: number,
  halves: number,
): Record<Scoring, number> {
  const count = data.labels.length;
  const left: number[][] = [];
  const losses: number[][] = [];
  for (let half = 0; half < halves; half++) {
    const order = shuffledIndices(count, 1000 + half);
    const kept = order.slice(count >> 1);
    const { width } = data;
    const subset = {
      ...data,
      features: Float64Array.from(
        kept.flatMap((i) => [...data.features.subarray(i * width, (i + 1) * width)]),
      ),
      labels: Int32Array.from(kept, (i) => data.labels[i]!),
    };
    left.push(order.slice(0, count >> 1));
    losses.push(lossesOf(train(subset, { method: 'newton', l2Micro }).weights, queries));
  }
  const result = {} as Record<Scoring, number>;
  const scored = scoresOf(data, queries, l2Micro);
  for (const scoring of SCORINGS)
    result[scoring] = mean(
      scored[scoring].map((row, q) => {
        const predicted = left.map((samples) => samples.reduce((sum, i) => sum + row[i]!, 0));
        return correlation(ranks(predicted), ranks(losses.map((all) => all[q]!)));
      }),
    );
  return result;
}

/** Rows of scores, one a query. */
function scoresOf(
  data: LabelledFeatures,
  queries: LabelledFeatures,
  l2Micro: number,
): Record<Scoring, number[][]> {
  const head = train(data, { method: 'newton', l2Micro });
  const answers = Array.from(queries.labels, (_, q) => slice(queries, q, q + 1));
  const result = {} as Record<Scoring, number[][]>;
  for (const solver of ['newton', 'ekfac', 'datainf', 'dot'] as const) {
    const metric = prepare({ data, head }, { solver, l2Micro, clipPercent: 100 });
    result[solver] = answers.map((answer) => asNumbers(answerScores(metric, head, answer)));
    if (solver === 'newton')
      result['newton, linear'] = answers.map((answer) =>
        asNumbers(scores(metric, headGradients(answer, head))),
      );
  }
  return result;
}

function lossesOf(weights: Float64Array, queries: LabelledFeatures): number[] {
  return Array.from(queries.labels, (_, q) => loss(weights, queries, q));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function meanRow(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => mean(rows.map((row) => row[i]!)));
}
