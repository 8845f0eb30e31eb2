/** Every bound of models that the chain trains in one place, each with its reason. */

/** Classes of a model: as many as the influence engine takes. */
export { MAX_CLASSES } from '../influence/limits.ts';

/** Bytes of a label: a name, not a text. It is the whole output of an answer. */
export const MAX_LABEL_BYTES = 64;

/** Features of a sample: with the bias, as many as a factor of the influence engine may be wide. */
export const MAX_WIDTH = 2047;

/** Divisors of features reach 2³⁰: every 31-bit number can be brought below 2. */
export const MAX_DIVISOR_EXPONENT = 30;

/** Numbers that go into a graph: four times the words that the genre classifier tells apart. */
export const MAX_GRAPH_INPUT = 16_384;

/** Multiplications that a graph's run costs beside its steps: passing numbers to a thread and back, 0.3 ms of one core. */
export const GRAPH_RUN_WORK = 262_144;

/** Multiplications that a node or an initialiser costs, when its graph is loaded and in each run: 50 µs and half a microsecond. */
export const GRAPH_PART_WORK = 50_000;
export const GRAPH_PART_RUN_WORK = 512;

/** Multiplications that loading a graph costs, and each of its bytes: 50 ms of one core, and 50 ns. */
export const GRAPH_LOAD_WORK = 50_000_000;
export const GRAPH_BYTE_WORK = 64;

/** Bytes of one record: a genesis lets records have at most a mebibyte, as the sentence encoder does. */
export const MAX_RECORD_BYTES = 1 << 20;

/** Records that pinned snapshots may offer, samples or not: each is read and hashed. */
export const MAX_RECORDS = 65_536;

/** Bytes of all records together: their clusters take about 3 µs a word, so a minute of one core for short numbers. */
export const MAX_TRAINING_BYTES = 32 * 1024 * 1024;

/** Samples of one model: one answer looks at every one of them, at 3 µs each beside their products. */
export const MAX_SAMPLES = 16_384;

/** Fewest samples: with one alone there is nothing that it could be compared with. */
export const MIN_SAMPLES = 2;

/** Features of all samples together: 128 MiB of doubles, of which training and metric hold two copies. */
export const MAX_FEATURE_NUMBERS = 16 * 1024 * 1024;

/** Numbers of a metric's rows (samples × dimensions): 128 MiB, of which a node keeps several models in memory. */
export const MAX_METRIC_NUMBERS = 64 * 1024 * 1024;

/** Largest weight of a model that counts as trained: beyond it descent ran away, and gradients of answers could leave
 * the range that the influence engine takes (2²⁵⁶). */
export const MAX_WEIGHT = 1e18;

/** Multiplications of one training (`trainingWork`): two to four minutes of one core, beside the blocks. */
export const MAX_TRAINING_WORK = 137_438_953_472;
