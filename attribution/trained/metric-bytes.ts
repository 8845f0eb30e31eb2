import type { ByteWriter } from '../credit/bytes.ts';
import { createShard, type Metric, type ModelMetric, type QuantisedGradients } from '../influence/api.ts';
import { MAX_FACTOR_WIDTH, MAX_LAYERS } from '../influence/limits.ts';
import { prepareDataInf } from '../influence/solvers/datainf.ts';
import { basisOf } from '../influence/solvers/ekfac.ts';
import { readRow } from '../influence/solvers/store.ts';
import type { EkfacBasis, EkfacLayer } from '../influence/types.ts';
import type { ByteReader } from './byte-reader.ts';
import { MAX_METRIC_NUMBERS, MAX_SAMPLES } from './limits.ts';
import { bigEndian, readDoubles, readIntegers, readShorts } from './number-bytes.ts';
import type { TrainedMetric } from './types.ts';

/**
 * A metric as bytes:
 *
 * | bytes | field |
 * |---|---|
 * | 1 | 1 of a model at its optimum, 2 of another |
 * | 2 | directions of the projection, 0: none; of another only, as the next |
 * | 2 | inputs of a direction; with a projection only, as the next |
 * | 8 each | basis |
 * | 1 | solver: 1 newton, 2 datainf, 4 ekfac |
 * | 4, 2 | samples, layers |
 * | 4 each | numbers of each layer |
 * | 2 each | smallest exponent of each layer |
 * | 2 each | exponents, sample by sample |
 * | 2 each | rows, sample by sample |
 *
 * then of ekfac for each layer: widths of inputs and errors (2 each), three exponents (4 each), reciprocals (4 each),
 * input vectors, error vectors (2 each). What datainf derives from the rows is derived again.
 */
const OPTIMUM = 1;
const DESCENT = 2;
const SOLVERS = { newton: 1, datainf: 2, ekfac: 4 } as const;

type Refuse = (reason: string) => Error;

export function writeMetric(writer: ByteWriter, metric: TrainedMetric): void {
  if (metric.kind === 'optimum') {
    writer.uint(OPTIMUM, 1);
    writeRows(writer, metric.metric);
    return;
  }
  const { projection, rows } = metric.metric;
  writer.uint(DESCENT, 1).uint(projection?.rank ?? 0, 2);
  if (projection !== undefined) {
    writer.uint(projection.inputWidth, 2);
    writer.bytes(bigEndian(projection.basis, 8), 8 * projection.basis.length);
  }
  writeRows(writer, rows);
}

/** @throws what `refuse` makes for bytes that are no metric */
export function readMetric(reader: ByteReader, refuse: Refuse): TrainedMetric {
  const kind = reader.uint(1);
  if (kind === OPTIMUM) return { kind: 'optimum', metric: readRows(reader, refuse) };
  if (kind !== DESCENT) throw refuse('it has no metric');
  const projection = readProjection(reader, refuse);
  return { kind: 'descent', metric: { projection, rows: readRows(reader, refuse) } };
}

function readProjection(reader: ByteReader, refuse: Refuse): ModelMetric['projection'] {
  const rank = reader.uint(2);
  if (rank === 0) return undefined;
  const inputWidth = reader.uint(2);
  if (rank > inputWidth || inputWidth > MAX_FACTOR_WIDTH) throw refuse('its projection is too wide');
  return { rank, inputWidth, basis: readDoubles(reader, rank * inputWidth) };
}

function writeRows(writer: ByteWriter, metric: Metric): void {
  if (metric.solver === 'dot') throw new Error('no model of this chain is measured by plain products');
  const { count, layers, exponents, baseExponents } = metric.gradients;
  writer.uint(SOLVERS[metric.solver], 1).uint(count, 4).uint(layers.length, 2);
  writer.bytes(bigEndian(layers, 4), 4 * layers.length);
  writer.bytes(bigEndian(baseExponents, 2), 2 * layers.length);
  writer.bytes(bigEndian(exponents, 2), 2 * exponents.length);
  for (let i = 0; i < count; i++) {
    const row = bigEndian(readRow(metric.gradients, i), 2);
    writer.bytes(row, row.length);
  }
  if (metric.solver !== 'ekfac') return;
  for (const { input, error, reciprocals, reciprocalExponent } of metric.factors) {
    writer.uint(input.width, 2).uint(error.width, 2);
    writer.bytes(bigEndian([input.exponent, error.exponent, reciprocalExponent], 4), 12);
    writer.bytes(bigEndian(reciprocals, 4), 4 * reciprocals.length);
    for (const { vectors } of [input, error]) writer.bytes(bigEndian(vectors, 2), 2 * vectors.length);
  }
}

function readRows(reader: ByteReader, refuse: Refuse): Metric {
  const number = reader.uint(1);
  const solver = (['newton', 'datainf', 'ekfac'] as const).find((name) => SOLVERS[name] === number);
  if (solver === undefined) throw refuse('its solver is unknown');
  const gradients = readGradients(reader, refuse);
  switch (solver) {
    case 'newton':
      return { solver, gradients };
    case 'datainf':
      return prepareDataInf(gradients);
    case 'ekfac':
      return {
        solver,
        gradients,
        factors: gradients.layers.map((size) => readFactors(reader, size, refuse)),
      };
  }
}

function readGradients(reader: ByteReader, refuse: Refuse): QuantisedGradients {
  const [count, layerCount] = [reader.uint(4), reader.uint(2)];
  if (count < 1 || count > MAX_SAMPLES || layerCount < 1 || layerCount > MAX_LAYERS)
    throw refuse('it has no samples or no layers');
  const layers = [...readIntegers(reader, layerCount)];
  const dimensions = layers.reduce((sum, size) => sum + size, 0);
  if (layers.some((size) => size < 1) || count * dimensions > MAX_METRIC_NUMBERS)
    throw refuse('its rows are too long');
  const baseExponents = [...readShorts(reader, layerCount)];
  const exponents = readShorts(reader, count * layerCount);
  const shard = createShard(layers, count);
  for (let i = 0; i < count; i++) shard.write(i, readShorts(reader, dimensions));
  return { count, layers, dimensions, exponents, baseExponents, shards: [shard] };
}

function readFactors(reader: ByteReader, size: number, refuse: Refuse): EkfacLayer {
  const [inputs, errors] = [reader.uint(2), reader.uint(2)];
  if (inputs > MAX_FACTOR_WIDTH || errors > MAX_FACTOR_WIDTH || inputs * errors !== size)
    throw refuse('its factors do not fit its layers');
  const [inputExponent, errorExponent, reciprocalExponent] = readIntegers(reader, 3);
  const reciprocals = readIntegers(reader, size);
  const readBasis = (width: number, exponent: number): EkfacBasis =>
    basisOf(readShorts(reader, width * width), width, exponent);
  return {
    input: readBasis(inputs, inputExponent!),
    error: readBasis(errors, errorExponent!),
    reciprocals,
    reciprocalExponent: reciprocalExponent!,
  };
}
