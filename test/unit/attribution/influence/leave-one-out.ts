import { headGradients, prepare, scores, train } from '../../../../attribution/influence/api.ts';
import { newtonParts } from '../../../../attribution/influence/solvers/newton.ts';
import type { LabelledFeatures, SolverName } from '../../../../attribution/influence/types.ts';
import { asNumbers, correlation, loss, retrainWithout, slice } from './oracle.ts';

export interface LeaveOneOut {
  /** Mean over the queries of the correlation over the removed samples between score and true change of the loss. */
  readonly perQuery: Record<SolverName, number>;
  /** The same for the mean loss of all queries. */
  readonly meanLoss: Record<SolverName, number>;
}

/** Removes the first `removed` samples one by one, trains again, and compares the losses of the queries. */
export function leaveOneOut(
  data: LabelledFeatures,
  queries: LabelledFeatures,
  l2Micro: number,
  removed: number,
): LeaveOneOut {
  const head = train(data, { method: 'newton', l2Micro });
  const { inverse } = newtonParts(data, head, l2Micro / 1e6);
  const count = queries.labels.length;
  const before = Array.from({ length: count }, (_, q) => loss(head.weights, queries, q));
  const truth: number[][] = before.map(() => []);
  for (let i = 0; i < removed; i++) {
    const weights = retrainWithout(data, head, inverse, l2Micro / 1e6, i);
    before.forEach((value, q) => {
      truth[q]!.push(loss(weights, queries, q) - value);
    });
  }
  const mean = (rows: number[][]) =>
    Array.from({ length: removed }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
  const result = { perQuery: {}, meanLoss: {} } as LeaveOneOut;
  for (const solver of ['newton', 'datainf', 'dot'] as const) {
    const metric = prepare({ data, head }, { solver, l2Micro, clipPercent: 100 });
    const rows = before.map((_, q) =>
      asNumbers(scores(metric, headGradients(slice(queries, q, q + 1), head))).slice(0, removed),
    );
    result.perQuery[solver] = rows.reduce((sum, row, q) => sum + correlation(row, truth[q]!), 0) / count;
    result.meanLoss[solver] = correlation(mean(rows), mean(truth));
  }
  return result;
}
