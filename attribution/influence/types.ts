import type { Shard } from './solvers/shard.ts';

/** What a head is trained on: frozen features of n samples and their labels. */
export interface LabelledFeatures {
  /** n × width, one row a sample. Finite, at most MAX_FEATURE in absolute value. */
  readonly features: Float64Array;
  /** n labels from 0 to classes − 1. */
  readonly labels: Int32Array;
  readonly width: number;
  readonly classes: number;
}

/**
 * A softmax head on frozen features: logit c = Σⱼ weights[c·(width+1) + j]·xⱼ + weights[c·(width+1) + width]. The
 * bias is the weight of a feature that is always 1, and is regularised as the others are.
 */
export interface Head {
  readonly weights: Float64Array;
  readonly width: number;
  readonly classes: number;
}

/** How a head is trained. Every number is an integer, so that a registration can carry it; "micro" is 10⁻⁶. */
export type TrainingOptions = NewtonTraining | SgdTraining;

/** To the optimum of Σ loss + l2/2·|θ|², which is unique for l2 > 0. */
export interface NewtonTraining {
  readonly method: 'newton';
  readonly l2Micro: number;
}

/** Mini-batches in a seeded order: θ ← θ − rate·(mean gradient of the batch + l2/n·θ). */
export interface SgdTraining {
  readonly method: 'sgd';
  readonly l2Micro: number;
  readonly learningRateMicro: number;
  /** Initial weights are uniform in ± this. */
  readonly initialScaleMicro: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: Uint8Array;
}

export type SolverName = 'newton' | 'ekfac' | 'datainf' | 'dot';

/**
 * Rows of one number a parameter, as integers: number j of sample i is (row i)[j]·2^exponents[i·layers.length + layer
 * of j]. For most solvers a row is the gradient of a sample's loss, for `newton` what leaving it out does to the weights.
 */
export interface QuantisedGradients {
  readonly count: number;
  /** Numbers of each layer; their sum is `dimensions`. */
  readonly layers: readonly number[];
  readonly dimensions: number;
  readonly exponents: Int16Array;
  /** The smallest exponent of each layer. */
  readonly baseExponents: readonly number[];
  /** The rows, cut anywhere, in their order. */
  readonly shards: readonly Shard[];
}

/** Gradients of layers that multiply: of each layer Σ errorₜ ⊗ inputₜ over the positions t of a sample. */
export interface KroneckerGradients {
  /** Positions of sample i are starts[i] to starts[i + 1] − 1; count + 1 numbers from 0. */
  readonly starts: Int32Array;
  readonly layers: readonly KroneckerLayer[];
}

export interface KroneckerLayer {
  /** What the layer multiplies, positions × inputWidth. A parameter's number is error·inputWidth + input. */
  readonly inputs: Float64Array;
  readonly inputWidth: number;
  /** The gradient of the loss by what the layer gives, positions × errorWidth. */
  readonly errors: Float64Array;
  readonly errorWidth: number;
  /**
   * The same for answers that the model itself would give (positions × draws × errorWidth), of which the curvature is
   * made: drawn from the seed, or one for each answer times the root of its probability. The errors themselves make
   * it the empirical Fisher information.
   */
  readonly curvature: Float64Array;
  readonly draws: number;
}

/** What a query needs of the samples: prepared once, the same bits on every node. */
export type Metric = DotMetric | NewtonMetric | EkfacMetric | DataInfMetric;

export interface DotMetric {
  readonly solver: 'dot';
  readonly gradients: QuantisedGradients;
}

export interface NewtonMetric {
  readonly solver: 'newton';
  /** What leaving a sample out does to the weights; one layer a class (docs/influence.md). */
  readonly gradients: QuantisedGradients;
}

export interface EkfacMetric {
  readonly solver: 'ekfac';
  readonly gradients: QuantisedGradients;
  readonly factors: readonly EkfacLayer[];
}

/** The curvature of a layer: (error ⊗ input)·diag(1/reciprocals)·(error ⊗ input)ᵀ. */
export interface EkfacLayer {
  readonly input: EkfacBasis;
  readonly error: EkfacBasis;
  /** Number a·(input width) + b belongs to error vector a and input vector b; times 2^reciprocalExponent. */
  readonly reciprocals: Int32Array;
  readonly reciprocalExponent: number;
}

/** Orthonormal vectors, rounded: row k of `vectors` times 2^exponent; `components` is the transpose. */
export interface EkfacBasis {
  readonly width: number;
  readonly vectors: Int16Array;
  readonly components: Int16Array;
  readonly exponent: number;
}

export interface DataInfMetric {
  readonly solver: 'datainf';
  readonly gradients: QuantisedGradients;
  readonly layers: readonly DataInfLayer[];
}

/** In units of 4^base exponent: Nᵢ = |gᵢ|², total = ΣNᵢ, denominators[i] = total + 10·n·d·Nᵢ. */
export interface DataInfLayer {
  readonly total: bigint;
  readonly denominators: readonly bigint[];
}

/** Score i is values[i]·2^exponent: how much the query's loss would grow without sample i. Positive is helpful. */
export interface InfluenceScores {
  readonly values: readonly bigint[];
  readonly exponent: number;
}
