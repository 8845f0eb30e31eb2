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

export type SolverName = 'newton' | 'datainf' | 'dot';

/**
 * Gradients as integers: number j of sample i is values[i·dimensions + j]·2^exponents[i·layers.length + layer of j].
 */
export interface QuantisedGradients {
  readonly count: number;
  /** Numbers of each layer; their sum is `dimensions`. */
  readonly layers: readonly number[];
  readonly dimensions: number;
  readonly values: Int16Array;
  readonly exponents: Int16Array;
  /** The smallest exponent of each layer. */
  readonly baseExponents: readonly number[];
}

/** What a query needs of the samples: prepared once, the same bits on every node. */
export type Metric = DotMetric | NewtonMetric | DataInfMetric;

export interface DotMetric {
  readonly solver: 'dot';
  readonly gradients: QuantisedGradients;
}

export interface NewtonMetric {
  readonly solver: 'newton';
  /** Corrected for the leverage of each sample (docs/influence.md). */
  readonly gradients: QuantisedGradients;
  /** dimensions², symmetric: the inverse Hessian is inverse·2^inverseExponent. */
  readonly inverse: Int32Array;
  readonly inverseExponent: number;
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
