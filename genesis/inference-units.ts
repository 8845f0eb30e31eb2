/**
 * Attribution units of one answer of a model that the chain trained: what answering and attributing it may cost at most,
 * from what validators attested of the model and from the prompt's size. The unit is that of attribution-units.ts, about
 * 1.5 µs of one core; `npm run bench -- trained` prints what a unit takes for models of many shapes.
 */

/** Numbers of a metric's rows that a scan passes in a unit. */
const NUMBERS_PER_UNIT = 4096;
/** Scans of all rows that a query takes. */
const SCANS = { newton: 1, ekfac: 1, datainf: 3 } as const;
/** Layers of samples in a unit: `newton` evaluates an exponential function for each, the others add up products. */
const LAYERS_PER_UNIT = 10;
/** Multiplications of whole numbers in a unit by which `ekfac` turns a query into the bases of its factors. */
const TURNS_PER_UNIT = 768;
/** Numbers of a query that `datainf` divides in a unit, as integers of arbitrary size. */
const DIVISIONS_PER_UNIT = 3;
/** Multiplications of doubles in a unit on the way through the model. */
const PRODUCTS_PER_UNIT = 1024;

export interface InferenceSizes {
  /** Bytes of the prompt. */
  readonly promptBytes: number;
  /** Samples that the model was trained on. */
  readonly samples: number;
  /** Numbers of one row of its metric. */
  readonly dimensions: number;
  /** Layers that a row is cut into. */
  readonly layers: number;
  /** How influence is measured. */
  readonly solver: keyof typeof SCANS;
  /** Multiplications of the prompt's way through the model, and of its projection. */
  readonly forward: number;
  /** Multiplications that turn a query into the bases of the layers' factors. */
  readonly turns: number;
}

/** A unit for each byte of the prompt and for each sample, whose score is an integer of arbitrary size, and the rest. */
export function inferenceUnitsOf(sizes: InferenceSizes): number {
  const { promptBytes, samples, dimensions, layers, solver, forward, turns } = sizes;
  const parts = [
    (SCANS[solver] * samples * dimensions) / NUMBERS_PER_UNIT,
    (samples * layers) / LAYERS_PER_UNIT,
    forward / PRODUCTS_PER_UNIT,
    solver === 'ekfac' ? turns / TURNS_PER_UNIT : 0,
    solver === 'datainf' ? dimensions / DIVISIONS_PER_UNIT : 0,
  ];
  return parts.reduce((sum, part) => sum + Math.ceil(part), promptBytes + samples);
}
