import {
  type AdapterTraining,
  descentDamping,
  type FrozenPart,
  modelScores,
  prepareModel,
  type TrainedModel,
  train,
  trainModel,
} from '../../../attribution/influence/api.ts';
import { createPass, forward } from '../../../attribution/influence/models/adapter.ts';
import { denseGradients } from '../../../attribution/influence/models/curvature.ts';
import { modelGradients } from '../../../attribution/influence/models/kronecker.ts';
import type { ModelMetricOptions } from '../../../attribution/influence/models/metric.ts';
import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { asNumbers, loadDataSet, random, slice } from '../../unit/attribution/influence/oracle.ts';
import { barChart } from '../chart.ts';
import { table } from '../table.ts';
import type { Study, StudyContext, StudyPage } from '../types.ts';
import { figureLabel } from './measure.ts';
import { linearDatamodelingScore, mean, spearman } from './metrics.ts';
import { cosines, type Scorer } from './scorers.ts';
import { halves, pick, type SubsetTruth } from './truth.ts';

const HIDDEN = 48;
const TRAINED = 300;
const QUERIES = 150;
const SUBSETS = 50;
const TRAINING: Omit<AdapterTraining, 'seed'> = {
  method: 'adapter-sgd',
  l2Micro: 0,
  learningRateMicro: 50_000,
  initialScaleMicro: 125_000,
  epochs: 40,
  batchSize: 16,
  rank: 4,
  scaleMicro: 1_000_000,
  trainsHead: 0,
};

/** The seed that a registration would name. */
const REGISTERED = Uint8Array.of(0);

type AdapterModel = TrainedModel & { readonly kind: 'adapter' };

interface Row {
  readonly name: string;
  readonly kind: Scorer['kind'];
  /** With the registered seed. */
  readonly sameSeed: number;
  /** Mean of both runs with fresh seeds. */
  readonly freshSeeds: number;
  readonly cpuSeconds: number;
}

/** A frozen network for digits learns digits with rows and columns exchanged, through an adapter alone. */
export const study: Study = {
  name: 'influence-adapters',
  title: 'Influence against the truth: low-rank adapters',
  run: async (context) => {
    const digits = loadDataSet('digits');
    if (digits === undefined) {
      context.progress('SKIPPED: digits are not here');
      return { markdown: 'The data set was not there when this page was made.', data: [], figures: {} };
    }
    const frozen = frozenNetwork(slice(digits, 0, 400), context.seed);
    const turned = exchange(slice(digits, 400, 400 + TRAINED + QUERIES));
    const training = slice(turned, 0, TRAINED);
    const queries = slice(turned, TRAINED, TRAINED + QUERIES);
    const subsets = halves(TRAINED, SUBSETS, context.seed);
    // The registered seed, then fresh ones twice.
    const truths = [0, 1, 2].map((run) => subsetRuns(frozen, training, queries, subsets, run, context));
    const model = adapt(frozen, training, REGISTERED);
    const rows = scorers(model, training, queries).map((scorer) => judge(scorer, truths, context));
    const before = mean([...lossesOf(adapt(frozen, training, REGISTERED, 1), queries)]);
    return page(rows, truths, before, mean([...lossesOf(model, queries)]));
  },
};

/** Fixed random hidden units under a head that is trained to its optimum on the digits as they are. */
function frozenNetwork(data: LabelledFeatures, seed: number): FrozenPart {
  const { width, classes } = data;
  const next = random(seed);
  const hiddenWeights = Float64Array.from({ length: HIDDEN * (width + 1) }, () => (2 * next() - 1) / 2);
  const features = new Float64Array(data.labels.length * HIDDEN);
  data.labels.forEach((_, i) => {
    for (let h = 0; h < HIDDEN; h++) {
      let sum = hiddenWeights[h * (width + 1) + width]!;
      for (let j = 0; j < width; j++)
        sum += hiddenWeights[h * (width + 1) + j]! * data.features[i * width + j]!;
      features[i * HIDDEN + h] = Math.max(0, sum);
    }
  });
  const head = train({ ...data, features, width: HIDDEN }, { method: 'newton', l2Micro: 1_000_000 });
  return { kind: 'hidden', width, hidden: HIDDEN, classes, hiddenWeights, headWeights: head.weights };
}

/** Rows and columns of the 8 × 8 images exchanged. */
function exchange(data: LabelledFeatures): LabelledFeatures {
  const turned = data.features.map((_, at) => {
    const pixel = at % 64;
    return data.features[at - pixel + (pixel % 8) * 8 + (pixel >> 3)]!;
  });
  return { ...data, features: turned };
}

function adapt(
  frozen: FrozenPart,
  data: LabelledFeatures,
  seed: Uint8Array,
  learningRateMicro = TRAINING.learningRateMicro,
): AdapterModel {
  const options = { ...TRAINING, learningRateMicro, seed };
  return trainModel({ kind: 'adapter', data, frozen, options }) as AdapterModel;
}

function lossesOf({ frozen, adapter }: AdapterModel, data: LabelledFeatures): Float64Array {
  const pass = createPass(frozen, adapter);
  return Float64Array.from(data.labels, (label, i) =>
    forward(frozen, adapter, data.features, i * data.width, label, pass),
  );
}

function subsetRuns(
  frozen: FrozenPart,
  training: LabelledFeatures,
  queries: LabelledFeatures,
  subsets: readonly Int32Array[],
  run: number,
  { progress }: StudyContext,
): SubsetTruth {
  const outputs = Array.from(queries.labels, () => new Float64Array(subsets.length));
  subsets.forEach((subset, m) => {
    if (m % 10 === 0) progress(`run ${run}: training on half ${m} of ${subsets.length}`);
    const model = adapt(frozen, pick(training, subset), run === 0 ? REGISTERED : Uint8Array.of(run, m));
    lossesOf(model, queries).forEach((value, q) => {
      outputs[q]![m] = -value;
    });
  });
  return { subsets, outputs };
}

function scorers(model: AdapterModel, training: LabelledFeatures, queries: LabelledFeatures): Scorer[] {
  const dampingMicro = descentDamping(TRAINED, TRAINING);
  const engine = (name: string, options: Partial<ModelMetricOptions>): Scorer => ({
    name,
    kind: 'engine',
    score: () => {
      const metric = prepareModel(model, training, {
        solver: 'newton',
        dampingMicro,
        draws: 0,
        correctsLeverage: 0,
        projectedWidth: 0,
        clipPercent: 100,
        ...options,
      });
      return modelScores(metric, model, queries).map(asNumbers);
    },
  });
  const agrees = (q: number, i: number) => (queries.labels[q] === training.labels[i] ? 1 : -1);
  const gradient = (data: LabelledFeatures) => denseGradients(modelGradients(model, data, 'none'));
  const rowsOf = (row: (q: number) => Float64Array) => Array.from(queries.labels, (_, q) => row(q));
  return [
    engine('newton', {}),
    engine('newton, without own curvature', { correctsLeverage: 1 }),
    engine('ekfac', { solver: 'ekfac' }),
    engine('datainf', { solver: 'datainf' }),
    { ...engine('dot (gradient dot product)', { solver: 'dot' }), kind: 'control' },
    {
      name: 'gradient cosine',
      kind: 'control',
      score: () => {
        const all = gradient(training);
        return rowsOf((q) => cosines(all, gradient(slice(queries, q, q + 1))));
      },
    },
    {
      name: 'own loss, minus where labels differ',
      kind: 'control',
      score: () => {
        const own = lossesOf(model, training);
        return rowsOf((q) => own.map((value, i) => value * agrees(q, i)));
      },
    },
    {
      name: 'nearest neighbours (feature cosine, minus where labels differ)',
      kind: 'control',
      score: () =>
        rowsOf((q) =>
          cosines(
            training.features,
            queries.features.subarray(q * queries.width, (q + 1) * queries.width),
          ).map((value, i) => value * agrees(q, i)),
        ),
    },
  ];
}

function judge(scorer: Scorer, truths: readonly SubsetTruth[], { progress }: StudyContext): Row {
  const start = process.cpuUsage();
  const scores = scorer.score();
  const used = process.cpuUsage(start);
  const [sameSeed, first, second] = truths.map(({ subsets, outputs }) =>
    mean(outputs.map((output, q) => linearDatamodelingScore(scores[q]!, subsets, output))),
  );
  const freshSeeds = (first! + second!) / 2;
  progress(`${scorer.name}: LDS ${sameSeed!.toFixed(4)}, fresh seeds ${freshSeeds.toFixed(4)}`);
  const cpuSeconds = (used.user + used.system) / 1e6;
  return { name: scorer.name, kind: scorer.kind, sameSeed: sameSeed!, freshSeeds, cpuSeconds };
}

function page(
  rows: readonly Row[],
  truths: readonly SubsetTruth[],
  before: number,
  after: number,
): StudyPage {
  const agreement = mean(truths[1]!.outputs.map((output, q) => spearman(output, truths[2]!.outputs[q]!)));
  const name = ({ name, kind }: Row) =>
    kind === 'engine' ? `**${name}**` : kind === 'control' ? `_${name}_` : name;
  return {
    markdown: [
      `A network of ${HIDDEN} fixed hidden units and a head for digits is frozen. Through an adapter of rank ${TRAINING.rank} on its first map`,
      `(A and B, ${TRAINING.rank * (64 + HIDDEN)} numbers) it learns ${TRAINED} digits with rows and columns exchanged, by descent (rate`,
      `${TRAINING.learningRateMicro / 1e6}, batches of ${TRAINING.batchSize}, ${TRAINING.epochs} epochs): the mean loss of ${QUERIES} queries falls from ${before.toFixed(2)} to ${after.toFixed(2)}. The truth: the same`,
      `training on ${SUBSETS} random halves, once with the registered seed (the model that the chain would have trained on that half)`,
      'and twice with fresh seeds, that is, other initial weights and orders. LDS: the mean over the',
      "queries of Spearman's correlation between the sum of a half's scores and minus the loss of its model.",
      '',
      `The two runs with fresh seeds agree ${agreement.toFixed(3)}, so that no score can pass about ${Math.sqrt(agreement).toFixed(3)} there.`,
      '',
      table(
        ['scores', 'LDS, registered seed', 'LDS, fresh seeds', 'CPU s'],
        rows.map((row) => [
          name(row),
          row.sameSeed.toFixed(3),
          row.freshSeeds.toFixed(3),
          row.cpuSeconds.toFixed(2),
        ]),
      ),
      '',
      'In bold: what validators can recompute; `newton` and `ekfac` with the damping that follows from the training, n/(rate·steps).',
      'In italics: controls.',
      '',
      '![LDS](influence-adapters-lds.svg)',
    ].join('\n'),
    data: [
      `digits (UCI, the scikit-learn copy): 400 to make the frozen part, ${TRAINED} samples, ${QUERIES} queries`,
    ],
    figures: {
      lds: barChart({
        title: 'Linear datamodeling score of an adapter',
        series: ['registered seed', 'fresh seeds'],
        groups: rows.map((row) => ({
          label: figureLabel(row.name),
          values: [row.sameSeed, row.freshSeeds],
        })),
        max: 1,
      }),
    },
  };
}
