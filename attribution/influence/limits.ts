/** Every bound of the influence engine in one place, each with its reason. */

/** Samples of one problem: their gradients are kept in memory, two bytes a number. */
export const MAX_SAMPLES = 65_536;

/** Numbers in all gradients of a problem (samples × dimensions): 1 GiB of 16-bit integers. */
export const MAX_GRADIENT_NUMBERS = 512 * 1024 * 1024;

/** Classes of a head: the leverage correction solves one system of this size for each sample. */
export const MAX_CLASSES = 256;

/** Parameters of a head whose Hessian is inverted exactly: 2,048² doubles are 32 MiB, the inverse takes seconds. */
export const MAX_EXACT_PARAMETERS = 2048;

/** Numbers of one gradient: a sum of that many products of two 16-bit integers stays below 2⁵³. */
export const MAX_DIMENSIONS = 1 << 20;

/** Layers of one gradient, each with an exponent of its own. */
export const MAX_LAYERS = 256;

/** Largest absolute value of a feature: logits then stay far from the ends of the double's range. */
export const MAX_FEATURE = 65_536;

/** Largest absolute value of a gradient's number (2²⁵⁶): products of two stay finite. */
export const MAX_GRADIENT = 1.157920892373162e77;

/** A gradient whose numbers are all below this (2⁻²⁵⁶) counts as zero: far below any rounding error. */
export const MIN_GRADIENT = 8.636168555094445e-78;

/** Samples whose gradient is smaller than the largest by more than this many bits share the smallest exponent, so that
 * scores of all samples fit one scale: 2⁻²⁴ of the largest gradient earns nothing that a payment could show. */
export const MAX_EXPONENT_SPREAD = 24;

/** Steps of Newton's method: it converges in about ten, and each costs one Hessian. */
export const MAX_NEWTON_STEPS = 64;

/** Halvings of one Newton step before it is given up. */
export const MAX_STEP_HALVINGS = 40;

/** Passes over the samples of stochastic gradient descent. */
export const MAX_EPOCHS = 1000;

/** Bytes of a training seed. */
export const MAX_SEED_BYTES = 64;

/** Contributors that one query pays: the rest of the scores is noise, and each costs 24 bytes for ever. */
export const MAX_PAID_CONTRIBUTORS = 64;

/** Refinements of the newton solver's steps: four are enough but for hardly regularised heads, which need twice that. */
export const MAX_REFINEMENTS = 16;

/** Samples squared × parameters × refinements of the newton solver: a minute of one core. */
export const MAX_REFINEMENT_PRODUCTS = 32 * 1024 * 1024 * 1024;

/** Inputs or errors of a layer with Kronecker factors: their eigenvectors cost about 10·width³ operations. */
export const MAX_FACTOR_WIDTH = 2048;

/** Inputs, and curvature errors, of one layer with Kronecker factors: 512 MiB of doubles each. */
export const MAX_FACTOR_NUMBERS = 64 * 1024 * 1024;

/** Steps for one eigenvalue: two are usual, and more than ten are not known of finite matrices. */
export const MAX_EIGEN_STEPS = 64;

/** Positions of all samples together in layers with Kronecker factors. */
export const MAX_POSITIONS = 1024 * 1024;

/** Curvature errors of one position: one for each class of the widest head. */
export const MAX_CURVATURE_DRAWS = 256;

/** Largest number of a matrix whose eigenvectors are taken: squares and their sums stay finite. */
export const MAX_MATRIX_NUMBER = 1e120;

/** Multiplications to prepare a metric (`newton`: samples × parameters²; `ekfac`: eigenvectors, turned factors and their
 * squares): two to four minutes of one core, in the background of a node. */
export const MAX_PREPARATION_PRODUCTS = 128 * 1024 * 1024 * 1024;

/** Epochs × positions × multiplications of one position in descent: about an hour of one core. */
export const MAX_TRAINING_WORK = 274_877_906_944;

/** Errors of curvature (positions × draws × errors, all layers): 512 MiB of doubles. */
export const MAX_CURVATURE_NUMBERS = 64 * 1024 * 1024;

/** Answers drawn at a position for the curvature: sixteen already leave a few per cent of noise. */
export const MAX_CURVATURE_SAMPLES = 64;

/** Steps of the correction for a sample's own leverage. One position of C classes ends after C − 1; what a long record
 * still lacks after this many is far below the error of a linear prediction. */
export const MAX_LEVERAGE_STEPS = 32;

/** Rank of an adapter: beyond it an adapter is no longer smaller than what it adapts. */
export const MAX_RANK = 256;

/** Units of the frozen hidden layer below an adapter. */
export const MAX_HIDDEN = 8192;

/** Words of a next-token head: probabilities of all tokens are kept, eight bytes each. */
export const MAX_VOCABULARY = 4096;

/** Tokens that a context reaches back. */
export const MAX_CONTEXT_TOKENS = 64;

/** Passes of the subspace iteration that finds a projection: the captured variance no longer changes in its third
 * digit after four. */
export const PROJECTION_PASSES = 6;
