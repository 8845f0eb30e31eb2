import { train } from '../../../attribution/influence/api.ts';
import { type DataSetName, loadDataSet, slice } from '../../unit/attribution/influence/oracle.ts';
import { barChart } from '../chart.ts';
import type { Study, StudyContext, StudyPage } from '../types.ts';
import { type Measured, measure, measuredTable } from './measure.ts';
import { headScorers } from './scorers.ts';
import { halves, leaveOneOutTruth, subsetTruth } from './truth.ts';

const TRAINED = 400;
const QUERIES = 100;
const SUBSETS = 50;

/** A data set and the regularisations of the head. */
interface Case {
  readonly data: DataSetName;
  readonly l2Micro: number;
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

function measureCase({ data, l2Micro }: Case, { seed, progress }: StudyContext): Measured[] | undefined {
  const all = loadDataSet(data);
  if (all === undefined) {
    progress(`SKIPPED: ${data} is not here`);
    return undefined;
  }
  const training = slice(all, 0, TRAINED);
  const queries = slice(all, TRAINED, TRAINED + QUERIES);
  const head = train(training, { method: 'newton', l2Micro });
  const say = (text: string) => progress(`${data}, l2 ${l2Micro / 1e6}: ${text}`);
  const truth = {
    leaveOneOut: leaveOneOutTruth(training, head, queries, l2Micro, say),
    subsets: subsetTruth(training, queries, l2Micro, halves(TRAINED, SUBSETS, seed), say),
  };
  return headScorers({ training, queries, head, l2Micro }).map((scorer) => {
    const row = measure(scorer, truth);
    say(`${row.name}: ${row.perQuery!.toFixed(3)}, LDS ${row.lds!.toFixed(3)}`);
    return row;
  });
}

function page(name: string, measured: readonly (Case & { readonly rows: readonly Measured[] })[]): StudyPage {
  const label = ({ data, l2Micro }: Case) => `${data}, l2 = ${l2Micro / 1e6}`;
  const names = measured[0]?.rows.map((row) => row.name) ?? [];
  const chart = (value: (row: Measured) => number | undefined, title: string) =>
    barChart({
      title,
      series: measured.map(label),
      groups: names.map((scorer, at) => ({
        label: scorer.replace(/ \(.*\)/, ''),
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
      `A softmax head is trained to its optimum on ${TRAINED} samples. The truth is made by training again, ${TRAINED} times`,
      `without one sample and ${SUBSETS} times on a random half; ${QUERIES} other samples are the queries. Scores and truth are`,
      'compared for each query over the samples (Pearson: mean over the queries and the bound of the worst tenth; Spearman:',
      '"ranks"), for the loss summed over the queries ("mean loss"), and over the halves (LDS: the linear datamodeling score,',
      "Spearman of the sum of a half's scores with minus the loss of its model). In bold: what the chain runs, in its own",
      'integers, without clipping. In italics: controls that a method must beat.',
      ...measured.flatMap((entry) => ['', `## ${label(entry)}`, '', measuredTable(entry.rows)]),
      '',
      ...Object.keys(figures).map((figure) => `![${figure}](${name}-${figure}.svg)\n`),
    ].join('\n'),
    data: measured
      .filter((entry, i) => measured.findIndex(({ data }) => data === entry.data) === i)
      .map(({ data }) => `${data} (UCI, the scikit-learn copy), ${TRAINED} samples and ${QUERIES} queries`),
    figures,
  };
}
