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

/** Loading a graph into a fresh instance of the runtime: some 50 ms of one core, and some 40 ns a byte of its file. */
const GRAPH_UNITS = 32_768;
const GRAPH_BYTES_PER_UNIT = 32;
/** Units of a node or an initialiser, in loading and in one run: some 40 µs. */
const GRAPH_PART_UNITS = 32;
/** Passing numbers to the runtime's thread and back. */
const GRAPH_RUN_UNITS = 512;
/** Steps of a graph in a unit: docs/runtime.md, section 3. */
const GRAPH_STEPS_PER_UNIT = 4096;

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
  /** The graph that makes features of the prompt. */
  readonly graph?: GraphSizes;
}

export interface GraphSizes {
  /** Bytes of its file. */
  readonly modelBytes: number;
  /** Steps of one run. */
  readonly steps: number;
  /** Nodes and initialisers. */
  readonly parts: number;
}

/** A unit for each byte of the prompt and for each sample, whose score is an integer of arbitrary size, and the rest. */
export function inferenceUnitsOf(sizes: InferenceSizes): number {
  const { promptBytes, samples, dimensions, layers, solver, forward, turns, graph } = sizes;
  const parts = [
    (SCANS[solver] * samples * dimensions) / NUMBERS_PER_UNIT,
    (samples * layers) / LAYERS_PER_UNIT,
    forward / PRODUCTS_PER_UNIT,
    solver === 'ekfac' ? turns / TURNS_PER_UNIT : 0,
    solver === 'datainf' ? dimensions / DIVISIONS_PER_UNIT : 0,
    graph === undefined ? 0 : graphUnitsOf(graph),
  ];
  return parts.reduce((sum, part) => sum + Math.ceil(part), promptBytes + samples);
}

/** Units of one run, with the loading that comes before it where other graphs were asked meanwhile. */
export function graphUnitsOf({ modelBytes, steps, parts }: GraphSizes): number {
  return (
    GRAPH_UNITS +
    GRAPH_RUN_UNITS +
    GRAPH_PART_UNITS * parts +
    Math.ceil(modelBytes / GRAPH_BYTES_PER_UNIT) +
    Math.ceil(steps / GRAPH_STEPS_PER_UNIT)
  );
}
