/**
 * Attribution units of one answer of a model that the chain trained: what answering and attributing it may cost at most,
 * from what validators attested of the model and from the prompt's size. The unit is that of attribution-units.ts.
 */

/** Numbers of a metric's rows that a scan passes in a unit. */
const NUMBERS_PER_UNIT = 1024;
/** Units of a sample beside its products: its score is an integer of arbitrary size. */
const UNITS_PER_SAMPLE = 2;
/** Scans of all rows that a query takes. */
const SCANS = { newton: 1, ekfac: 1, datainf: 3 } as const;

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
}

export function inferenceUnitsOf({ promptBytes, samples, dimensions, solver }: InferenceSizes): number {
  const scan = Math.ceil((SCANS[solver] * samples * dimensions) / NUMBERS_PER_UNIT);
  return promptBytes + scan + UNITS_PER_SAMPLE * samples;
}
