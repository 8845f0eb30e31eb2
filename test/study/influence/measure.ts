import { table } from '../table.ts';
import { linearDatamodelingScore, mean, pearson, quantile, spearman } from './metrics.ts';
import type { Scorer } from './scorers.ts';
import type { LeaveOneOutTruth, SubsetTruth } from './truth.ts';

/** One line of a table: how a scorer agrees with the truths, and what it cost. */
export interface Measured {
  readonly name: string;
  readonly kind: Scorer['kind'];
  /** Pearson's correlation with leave-one-out over the samples: the mean over the queries, and the worst tenth's bound. */
  readonly perQuery?: number;
  readonly worstTenth?: number;
  /** Spearman's, mean over the queries. */
  readonly rank?: number;
  /** Pearson's correlation of the scores and of the changes, both added up over the queries. */
  readonly meanLoss?: number;
  /** Linear datamodeling score, mean over the queries. */
  readonly lds?: number;
  readonly cpuSeconds: number;
}

/** Runs a scorer once and compares it with every truth that is given. */
export function measure(
  scorer: Scorer,
  truth: { readonly leaveOneOut?: LeaveOneOutTruth; readonly subsets?: SubsetTruth },
): Measured {
  const start = process.cpuUsage();
  const rows = scorer.score();
  const used = process.cpuUsage(start);
  const { leaveOneOut, subsets } = truth;
  const correlations = leaveOneOut?.map((changes, q) => pearson(rows[q]!, changes));
  return {
    name: scorer.name,
    kind: scorer.kind,
    ...(leaveOneOut && {
      perQuery: mean(correlations!),
      worstTenth: quantile(correlations!, 0.1),
      rank: mean(leaveOneOut.map((changes, q) => spearman(rows[q]!, changes))),
      meanLoss: pearson(columnSums(rows), columnSums(leaveOneOut)),
    }),
    ...(subsets && {
      lds: mean(
        subsets.outputs.map((outputs, q) => linearDatamodelingScore(rows[q]!, subsets.subsets, outputs)),
      ),
    }),
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

function columnSums(rows: readonly ArrayLike<number>[]): Float64Array {
  const sums = new Float64Array(rows[0]!.length);
  for (const row of rows) for (let i = 0; i < row.length; i++) sums[i]! += row[i]!;
  return sums;
}

/** A table in Markdown; missing values are dashes. Engines in bold, controls in italics. */
export function measuredTable(rows: readonly Measured[]): string {
  const number = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(3));
  const name = ({ name, kind }: Measured) =>
    kind === 'engine' ? `**${name}**` : kind === 'control' ? `_${name}_` : name;
  return table(
    ['scores', 'a query', 'worst tenth', 'ranks', 'mean loss', 'LDS', 'CPU s'],
    rows.map((row) => [
      name(row),
      ...[row.perQuery, row.worstTenth, row.rank, row.meanLoss, row.lds].map(number),
      row.cpuSeconds.toFixed(2),
    ]),
  );
}

/** A scorer's name, short enough for the left side of a chart. */
export function figureLabel(name: string): string {
  return name.replace(/ \(.*\)/, '').replace(', minus where labels differ', ' ± label');
}
