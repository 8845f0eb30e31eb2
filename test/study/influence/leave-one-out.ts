import { train } from '../../../attribution/influence/api.ts';
import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { type DataSetName, loadDataSet, slice } from '../../unit/attribution/influence/oracle.ts';
import { barChart } from '../chart.ts';
import type { Study, StudyContext, StudyPage } from '../types.ts';
import { figureLabel, type Measured, measure, measuredTable } from './measure.ts';
import { headScorers, type Scorer } from './scorers.ts';
import { halves, leaveOneOutTruth, subsetTruth } from './truth.ts';

const SUBSETS = 50;

/** Samples and queries, and controls that only this data set has. */
export interface Loaded {
  readonly training: LabelledFeatures;
  readonly queries: LabelledFeatures;
  readonly controls?: readonly Scorer[];
}

/** A data set and the regularisation of the head. */
export interface Case {
  readonly label: string;
  readonly l2Micro: number;
  readonly source: string;
  /** What `newton` must reach: correlation with leave-one-out a query, and LDS. */
  readonly bars: { readonly perQuery: number; readonly lds: number };
  /** Undefined if the data are not here. */
  load(seed: number): Loaded | undefined;
}

/** A UCI set: 400 samples and 100 queries. */
export function tabularCase(data: DataSetName, l2Micro: number, bars: Case['bars']): Case {
  return {
    bars,
    label: `${data}, l2 = ${l2Micro / 1e6}`,
    l2Micro,
    source: `${data} (UCI, the scikit-learn copy): 400 samples and 100 queries in a fixed order`,
    load: () => {
      const all = loadDataSet(data);
      return all && { training: slice(all, 0, 400), queries: slice(all, 400, 500) };
    },
  };
}

/** Against training again without each sample, and on half of the samples. */
export function leaveOneOutStudy(name: string, title: string, cases: readonly Case[]): Study {
  return {
    name,
    title,
    run: async (context) => {
      const measured = cases.flatMap((entry) => {
        const rows = measureCase(entry, context);
        return rows === undefined ? [] : [{ ...entry, rows }];
      });
      return page(name, measured);
    },
  };
}

function measureCase(
  { label, l2Micro, load }: Case,
  { seed, progress }: StudyContext,
): Measured[] | undefined {
  const loaded = load(seed);
  if (loaded === undefined) {
    progress(`SKIPPED: ${label}, its data are not here`);
    return undefined;
  }
  const { training, queries, controls = [] } = loaded;
  const head = train(training, { method: 'newton', l2Micro });
  const say = (text: string) => progress(`${label}: ${text}`);
  const truth = {
    leaveOneOut: leaveOneOutTruth(training, head, queries, l2Micro, say),
    subsets: subsetTruth(training, queries, l2Micro, halves(training.labels.length, SUBSETS, seed), say),
  };
  return [...headScorers({ training, queries, head, l2Micro }), ...controls].map((scorer) => {
    const row = measure(scorer, truth);
    say(`${row.name}: ${row.perQuery!.toFixed(3)}, LDS ${row.lds!.toFixed(3)}`);
    return row;
  });
}

function page(name: string, measured: readonly (Case & { readonly rows: readonly Measured[] })[]): StudyPage {
  const names = measured[0]?.rows.map((row) => row.name) ?? [];
  const chart = (value: (row: Measured) => number | undefined, title: string) =>
    barChart({
      title,
      series: measured.map(({ label }) => label),
      groups: names.map((scorer, at) => ({
        label: figureLabel(scorer),
        values: measured.map(({ rows }) => value(rows[at]!)),
      })),
      max: 1,
    });
  const figures: Record<string, string> =
    measured.length === 0
      ? {}
      : {
          'leave-one-out': chart((row) => row.perQuery, 'Correlation with true leave-one-out'),
          lds: chart((row) => row.lds, 'Linear datamodeling score over 50 halves'),
        };
  return {
    markdown: [
      'A softmax head is trained to its optimum on the samples. The truth is made by training again, without each sample in',
      `turn and on ${SUBSETS} random halves; other samples are the queries. Scores and truth are`,
      'compared for each query over the samples (Pearson: mean over the queries and the bound of the worst tenth; Spearman:',
      '"ranks"), for the loss summed over the queries ("mean loss"), and over the halves (LDS: the linear datamodeling score,',
      "Spearman of the sum of a half's scores with minus the loss of its model). In bold: what validators can recompute, in its own",
      'integers, without clipping. In italics: controls that a method must beat.',
      ...measured.flatMap((entry) => ['', `## ${entry.label}`, '', measuredTable(entry.rows)]),
      '',
      ...Object.keys(figures).map((figure) => `![${figure}](${name}-${figure}.svg)\n`),
    ].join('\n'),
    failures: measured.flatMap(({ label, bars, rows }) => {
      const { perQuery, lds } = rows.find((row) => row.name === 'newton')!;
      return [
        ...(perQuery! >= bars.perQuery ? [] : [`${label}: newton correlates ${perQuery} with leave-one-out`]),
        ...(lds! >= bars.lds ? [] : [`${label}: newton has an LDS of ${lds}`]),
      ];
    }),
    data: [...new Set(measured.map(({ source }) => source))],
    figures,
  };
}
