import {
  descentDamping,
  modelGradients,
  modelScores,
  prepareModel,
  type SgdTraining,
  type TrainedModel,
  trainModel,
} from '../../../attribution/influence/api.ts';
import { denseGradients } from '../../../attribution/influence/models/curvature.ts';
import type { ModelMetricOptions } from '../../../attribution/influence/models/metric.ts';
import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { asNumbers, slice } from '../../unit/attribution/influence/oracle.ts';
import { barChart } from '../chart.ts';
import { table } from '../table.ts';
import type { Study, StudyContext, StudyPage } from '../types.ts';
import { conjugateGradientScores } from './conjugate-gradients.ts';
import { figureLabel } from './measure.ts';
import { linearDatamodelingScore, mean, spearman } from './metrics.ts';
import { loadMnist } from './mnist-data.ts';
import { cosines, type Scorer } from './scorers.ts';
import { halves, losses, pick, type SubsetTruth } from './truth.ts';

const TRAINED = 5000;
const QUERIES = 500;
const SUBSETS = 50;
/** The widest projection with which ten classes stay within the 2,048 parameters of an exact inverse. */
const PROJECTED = 203;
/** dattri's settings of the linear model on MNIST; the initial weights are those of its framework's linear layer. */
const TRAINING: Omit<SgdTraining, 'seed'> = {
  method: 'sgd',
  l2Micro: 0,
  learningRateMicro: 10_000,
  initialScaleMicro: 35_714,
  epochs: 20,
  batchSize: 64,
};
/** The part of the reference's score that the default must reach. */
const LEAST_PART = 0.95;
/** The reference's damping of the mean Hessian and its steps: those of dattri's README. */
const REFERENCE = { damping: 0.1, iterations: 10 };

interface Row {
  readonly name: string;
  readonly kind: Scorer['kind'];
  /** Against the first and the second run of the truth. */
  readonly lds: readonly [number, number];
  readonly cpuSeconds: number;
}

/** The linear datamodeling score on MNIST by the protocol of TRAIS-Lab/dattri, on fewer images. */
export const study: Study = {
  name: 'influence-mnist',
  title: 'Influence against the truth: MNIST',
  run: async (context) => {
    const all = context.vectors === undefined ? undefined : loadMnist(context.vectors, context.seed);
    if (all === undefined) {
      context.progress('SKIPPED: the images are not here');
      return { markdown: 'The images were not there when this page was made.', data: [], figures: {} };
    }
    const start = process.cpuUsage();
    const training = slice(all, 0, TRAINED);
    const queries = slice(all, TRAINED, TRAINED + QUERIES);
    const subsets = halves(TRAINED, SUBSETS, context.seed);
    const truths = [1, 2].map((run) => subsetRuns(training, queries, subsets, run, context.progress));
    const model = trainHead(training, Uint8Array.of(0));
    const rows = scorers(model, training, queries, context).map((scorer) =>
      judge(scorer, truths, context.progress),
    );
    const used = process.cpuUsage(start);
    const accuracy = accuracyOf(model, queries);
    return page(rows, truths, accuracy, (used.user + used.system) / 1e6);
  },
};

type HeadModel = TrainedModel & { readonly kind: 'head' };

function trainHead(data: LabelledFeatures, seed: Uint8Array): HeadModel {
  return trainModel({ kind: 'head', data, options: { ...TRAINING, seed } }) as HeadModel;
}

/** The part of the samples whose label is the class with the least loss. */
function accuracyOf({ head }: HeadModel, data: LabelledFeatures): number {
  const byClass = Array.from({ length: data.classes }, (_, c) =>
    losses(head.weights, { ...data, labels: data.labels.map(() => c) }),
  );
  return mean(
    Array.from(data.labels, (label, q) => (byClass.every((row) => row[q]! >= byClass[label]![q]!) ? 1 : 0)),
  );
}

/** Minus the losses of the queries at models of the halves, each with fresh initial weights and order. */
function subsetRuns(
  training: LabelledFeatures,
  queries: LabelledFeatures,
  subsets: readonly Int32Array[],
  run: number,
  progress: (text: string) => void,
): SubsetTruth {
  const outputs = Array.from(queries.labels, () => new Float64Array(subsets.length));
  subsets.forEach((subset, m) => {
    if (m % 10 === 0) progress(`run ${run}: training on half ${m} of ${subsets.length}`);
    const { head } = trainHead(pick(training, subset), Uint8Array.of(run, m));
    losses(head.weights, queries).forEach((value, q) => {
      outputs[q]![m] = -value;
    });
  });
  return { subsets, outputs };
}

function scorers(
  model: HeadModel,
  training: LabelledFeatures,
  queries: LabelledFeatures,
  { progress }: StudyContext,
): Scorer[] {
  const damping = descentDamping(TRAINED, TRAINING);
  const tuned = REFERENCE.damping * TRAINED * 1e6;
  const engine = (name: string, options: Partial<ModelMetricOptions>): Scorer => ({
    name,
    kind: 'engine',
    score: () => engineRows(model, training, queries, options),
  });
  return [
    engine('newton, 203 directions', { dampingMicro: damping, projectedWidth: PROJECTED }),
    engine("newton 203, reference's damping", { dampingMicro: tuned, projectedWidth: PROJECTED }),
    engine('newton, 100 directions', { dampingMicro: damping, projectedWidth: 100 }),
    engine('ekfac, 203 directions', { solver: 'ekfac', dampingMicro: damping, projectedWidth: PROJECTED }),
    engine('datainf', { solver: 'datainf' }),
    { ...engine('dot (gradient dot product)', { solver: 'dot' }), kind: 'control' },
    {
      name: `conjugate gradients in doubles (damping ${REFERENCE.damping}, ${REFERENCE.iterations} steps)`,
      kind: 'reference',
      score: () =>
        conjugateGradientScores(
          model.head.weights,
          training,
          queries,
          REFERENCE.damping,
          REFERENCE.iterations,
          progress,
        ),
    },
    ...controls(model, training, queries),
  ];
}

function engineRows(
  model: HeadModel,
  training: LabelledFeatures,
  queries: LabelledFeatures,
  options: Partial<ModelMetricOptions>,
): number[][] {
  const metric = prepareModel(model, training, {
    solver: 'newton',
    dampingMicro: 1,
    draws: 0,
    correctsLeverage: 0,
    projectedWidth: 0,
    clipPercent: 100,
    ...options,
  });
  return modelScores(metric, model, queries).map(asNumbers);
}

function controls(model: HeadModel, training: LabelledFeatures, queries: LabelledFeatures): Scorer[] {
  const agrees = (q: number, i: number) => (queries.labels[q] === training.labels[i] ? 1 : -1);
  const perQuery = (row: (q: number) => Float64Array) => Array.from(queries.labels, (_, q) => row(q));
  const gradient = (data: LabelledFeatures) => denseGradients(modelGradients(model, data, 'none'));
  return [
    {
      name: 'gradient cosine',
      kind: 'control',
      score: () => {
        const all = gradient(training);
        return perQuery((q) => cosines(all, gradient(slice(queries, q, q + 1))));
      },
    },
    {
      name: 'own loss, minus where labels differ',
      kind: 'control',
      score: () => {
        const own = losses(model.head.weights, training);
        return perQuery((q) => own.map((value, i) => value * agrees(q, i)));
      },
    },
    {
      name: 'nearest neighbours (feature cosine, minus where labels differ)',
      kind: 'control',
      score: () =>
        perQuery((q) =>
          cosines(
            training.features,
            queries.features.subarray(q * queries.width, (q + 1) * queries.width),
          ).map((value, i) => value * agrees(q, i)),
        ),
    },
  ];
}

function judge(scorer: Scorer, truths: readonly SubsetTruth[], progress: (text: string) => void): Row {
  const start = process.cpuUsage();
  const scores = scorer.score();
  const used = process.cpuUsage(start);
  const [first, second] = truths.map(({ subsets, outputs }) =>
    mean(outputs.map((output, q) => linearDatamodelingScore(scores[q]!, subsets, output))),
  );
  progress(`${scorer.name}: LDS ${first!.toFixed(4)}, ${second!.toFixed(4)}`);
  return {
    name: scorer.name,
    kind: scorer.kind,
    lds: [first!, second!],
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

function page(
  rows: readonly Row[],
  truths: readonly SubsetTruth[],
  accuracy: number,
  cpuSeconds: number,
): StudyPage {
  const agreement = mean(truths[0]!.outputs.map((output, q) => spearman(output, truths[1]!.outputs[q]!)));
  const average = ({ lds }: Row) => (lds[0] + lds[1]) / 2;
  const reference = average(rows.find(({ kind }) => kind === 'reference')!);
  const name = ({ name, kind }: Row) =>
    kind === 'engine' ? `**${name}**` : kind === 'control' ? `_${name}_` : name;
  return {
    markdown: [
      `A softmax head of 7,850 weights on ${TRAINED} images, trained as dattri does (descent with rate 0.01, batches of 64, 20`,
      `epochs; right on ${(100 * accuracy).toFixed(1)} % of the queries). The truth: the same training on ${SUBSETS} random halves, each with`,
      `fresh initial weights and order, done twice; ${QUERIES} other images are the queries. LDS is`,
      "the mean over the queries of Spearman's correlation between the sum of a half's scores and minus the loss of its model.",
      '',
      `The two runs of the truth agree ${agreement.toFixed(3)}, so that no score can pass about √${agreement.toFixed(3)} = ${Math.sqrt(agreement).toFixed(3)}.`,
      '',
      table(
        ['scores', 'LDS, run 1', 'LDS, run 2', 'mean', 'of the reference', 'CPU s'],
        rows.map((row) => [
          name(row),
          ...row.lds.map((value) => value.toFixed(3)),
          average(row).toFixed(3),
          `${((100 * average(row)) / reference).toFixed(1)} %`,
          row.cpuSeconds.toFixed(1),
        ]),
      ),
      '',
      'In bold: exact integer solvers of this project. The head is too large for an exact inverse (2,048 parameters), so `newton` takes gradients',
      'and curvature in the 203 directions in which the images vary most (a subspace found by fixed arithmetic from the',
      "registered samples, part of the metric's hash); probabilities are those of the whole head. Its damping is not tuned:",
      'n/(rate·steps), the regularisation that stopping descent early amounts to (docs/influence.md, section 8). The reference is',
      "written without any code of the engine, and its damping and steps are those of dattri's README. In italics: controls.",
      '',
      '![LDS](influence-mnist-lds.svg)',
      '',
      `CPU time of the whole study: ${cpuSeconds.toFixed(0)} s, one thread, nothing cached.`,
    ].join('\n'),
    data: [
      `MNIST, the 10,000 test images: ${TRAINED} samples and ${QUERIES} queries in an order drawn from the seed`,
    ],
    failures:
      average(rows[0]!) >= LEAST_PART * reference
        ? []
        : [`${rows[0]!.name} reaches ${average(rows[0]!) / reference} of the reference`],
    figures: {
      lds: barChart({
        title: 'Linear datamodeling score on MNIST',
        series: ['LDS'],
        groups: rows.map((row) => ({
          label: figureLabel(row.name),
          values: [average(row)],
        })),
        max: Math.sqrt(agreement),
      }),
    },
  };
}
