import { answerScores, headGradients, prepare } from '../../../attribution/influence/api.ts';
import { newtonParts } from '../../../attribution/influence/solvers/newton.ts';
import type { Head, LabelledFeatures, SolverName } from '../../../attribution/influence/types.ts';
import { asNumbers, loss, slice } from '../../unit/attribution/influence/oracle.ts';

/** One way to say what each training sample is worth for each query: row q, column i. */
export interface Scorer {
  readonly name: string;
  /** 'engine': runs on the chain, in its integers. 'reference': doubles. 'control': what must be beaten. */
  readonly kind: 'engine' | 'reference' | 'control';
  score(): ScoreRow[];
}

type ScoreRow = ArrayLike<number>;

/** Every solver that a registration can name, in the order of the tables. */
export const SOLVERS: readonly SolverName[] = ['newton', 'ekfac', 'datainf', 'dot'];

/** A head with everything that scores may look at. */
export interface Problem {
  readonly training: LabelledFeatures;
  readonly queries: LabelledFeatures;
  readonly head: Head;
  readonly l2Micro: number;
}

/** The engine's solvers, the exact influence function in doubles, and the controls. */
export function headScorers(problem: Problem): Scorer[] {
  return [
    ...SOLVERS.map((solver) => engineScorer(problem, solver)),
    { name: 'exact influence function', kind: 'reference', score: () => exactInfluence(problem) },
    ...controls(problem),
  ];
}

function engineScorer({ training, queries, head, l2Micro }: Problem, solver: SolverName): Scorer {
  return {
    name: solver === 'dot' ? 'dot (gradient dot product)' : solver,
    kind: solver === 'dot' ? 'control' : 'engine',
    score: () => {
      const metric = prepare({ data: training, head }, { solver, l2Micro, clipPercent: 100 });
      return Array.from(queries.labels, (_, q) =>
        asNumbers(answerScores(metric, head, slice(queries, q, q + 1))),
      );
    },
  };
}

/** vᵀ·H⁻¹·gᵢ in doubles, without the correction for the sample's own leverage. */
function exactInfluence({ training, queries, head, l2Micro }: Problem): Float64Array[] {
  const { inverse } = newtonParts(training, head, l2Micro / 1e6, 0);
  const gradients = headGradients(training, head);
  const size = head.weights.length;
  return Array.from(queries.labels, (_, q) => {
    const v = headGradients(slice(queries, q, q + 1), head);
    const solved = v.map((_, a) => product(inverse.subarray(a * size, (a + 1) * size), v));
    return rowProducts(gradients, solved);
  });
}

/** What knows little or nothing of the model: gradient cosine, the samples' own losses, and likeness of features. */
function controls({ training, queries, head }: Problem): Scorer[] {
  const own = Float64Array.from(training.labels, (_, i) => loss(head.weights, training, i));
  const agrees = (q: number, i: number) => (queries.labels[q] === training.labels[i] ? 1 : -1);
  const perQuery = (row: (q: number) => Float64Array) => Array.from(queries.labels, (_, q) => row(q));
  const gradients = () => headGradients(training, head);
  const features = (data: LabelledFeatures, q: number) =>
    data.features.subarray(q * data.width, (q + 1) * data.width);
  return [
    {
      name: 'gradient cosine',
      kind: 'control',
      score: () => {
        const all = gradients();
        return perQuery((q) => cosines(all, headGradients(slice(queries, q, q + 1), head)));
      },
    },
    { name: "sample's own loss", kind: 'control', score: () => perQuery(() => own) },
    {
      name: 'own loss, minus where labels differ',
      kind: 'control',
      score: () => perQuery((q) => own.map((value, i) => value * agrees(q, i))),
    },
    {
      name: 'nearest neighbours (feature cosine, minus where labels differ)',
      kind: 'control',
      score: () =>
        perQuery((q) =>
          cosines(training.features, features(queries, q)).map((value, i) => value * agrees(q, i)),
        ),
    },
  ];
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

/** Products of every row with one vector. */
export function rowProducts(rows: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return Float64Array.from({ length: rows.length / size }, (_, i) =>
    product(rows.subarray(i * size, (i + 1) * size), vector),
  );
}

/** Cosines of every row with one vector; 0 for a row of zeros. */
export function cosines(rows: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  const length = Math.sqrt(product(vector, vector));
  return rowProducts(rows, vector).map((value, i) => {
    const row = rows.subarray(i * size, (i + 1) * size);
    return value / (Math.sqrt(product(row, row)) * length) || 0;
  });
}
