import { sha256 } from '@noble/hashes/sha2.js';
import { ByteWriter, fromHex, toHex } from '../credit/bytes.ts';
import { AttributionError } from '../errors.ts';
import type { FrozenPart, TrainedModel } from '../influence/api.ts';
import { MAX_CLASSES, MAX_RANK } from '../influence/limits.ts';
import { ByteReader } from './byte-reader.ts';
import { MAX_SAMPLES, MAX_WIDTH } from './limits.ts';
import { readMetric, writeMetric } from './metric-bytes.ts';
import { bigEndian, readDoubles, readUnsigned } from './number-bytes.ts';
import { gradientsOf } from './train.ts';
import type { Payee, Payees, Trained } from './types.ts';

/**
 * A trained model, its metric and whom its samples pay, as a node keeps them. All integers are big-endian, doubles are
 * IEEE 754:
 *
 * | bytes | field |
 * |---|---|
 * | 4 | `OLTM` |
 * | 1 | version (1) |
 * | 32, 32 | hash of the model, hash of the metric |
 * | 1 | model: 1 head, 2 adapter |
 * | 2, 2 | width, classes |
 * | 8 each | weights of the head, or of what the adapter rests on |
 * | 2, 4 | rank, scaleMicro; adapter only, as the next |
 * | 8 each | A, B |
 * | … | metric (metric-bytes.ts) |
 * | 4 | records passed over |
 * | 4 | payees |
 * | 28 each | contributor (20), DataNet (8) |
 * | 4 | samples |
 * | 4 each | place of a sample's payee |
 * | 32 | SHA-256 of all bytes before |
 *
 * The last hash tells damage; that the bytes are what training gives is known because the node wrote them.
 */
const MAGIC = Uint8Array.of(0x4f, 0x4c, 0x54, 0x4d);
const VERSION = 1;
const HEAD = 1;
const ADAPTER = 2;
const HASH_BYTES = 32;
const ADDRESS_BYTES = 20;

/** SHA-256; a platform's own is faster. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Bytes from which `decodeTrained` makes the same again. */
export function encodeTrained(trained: Trained, hash: Sha256 = sha256): Uint8Array {
  const { model, modelHash, metric, metricHash, payees, passedOver } = trained;
  const writer = new ByteWriter()
    .bytes(MAGIC, MAGIC.length)
    .uint(VERSION, 1)
    .bytes(fromHex(modelHash, HASH_BYTES), HASH_BYTES)
    .bytes(fromHex(metricHash, HASH_BYTES), HASH_BYTES);
  writeModel(writer, model);
  writeMetric(writer, metric);
  writer.uint(passedOver, 4).uint(payees.list.length, 4);
  for (const { contributor, dataNetId } of payees.list)
    writer.bytes(fromHex(contributor, ADDRESS_BYTES), ADDRESS_BYTES).uint(dataNetId, 8);
  const ofSample = bigEndian(payees.ofSample, 4);
  writer.uint(payees.ofSample.length, 4).bytes(ofSample, ofSample.length);
  const body = writer.done();
  return new ByteWriter().bytes(body, body.length).bytes(hash(body), HASH_BYTES).done();
}

/** What `encodeTrained` was given. @throws AttributionError 'InvalidTrainedModel' for bytes that it did not write. */
export function decodeTrained(bytes: Uint8Array, hash: Sha256 = sha256): Trained {
  const end = bytes.length - HASH_BYTES;
  const expected = end < 0 ? MAGIC : hash(bytes.subarray(0, end));
  if (!expected.every((byte, i) => bytes[end + i] === byte)) throw invalid('it is damaged');
  const reader = new ByteReader(bytes.subarray(0, end), invalid);
  if (MAGIC.some((byte) => reader.uint(1) !== byte)) throw invalid('it does not begin with OLTM');
  if (reader.uint(1) !== VERSION) throw invalid('its version is unknown');
  const modelHash = toHex(reader.bytes(HASH_BYTES));
  const metricHash = toHex(reader.bytes(HASH_BYTES));
  const model = readModel(reader);
  const metric = readMetric(reader, invalid);
  const passedOver = reader.uint(4);
  const payees = readPayees(reader, gradientsOf(metric).count);
  reader.end();
  return { model, modelHash, metric, metricHash, payees, passedOver };
}

function writeModel(writer: ByteWriter, model: TrainedModel): void {
  if (model.kind !== 'adapter') {
    const { width, classes, weights } = model.head;
    writer.uint(HEAD, 1).uint(width, 2).uint(classes, 2);
    numbers(writer, weights);
    return;
  }
  const { frozen, adapter } = model;
  if (frozen.kind !== 'linear') throw new Error('adapters of this chain rest on heads');
  writer.uint(ADAPTER, 1).uint(frozen.width, 2).uint(frozen.classes, 2);
  numbers(writer, frozen.weights);
  writer.uint(adapter.rank, 2).uint(adapter.scaleMicro, 4);
  numbers(writer, adapter.down);
  numbers(writer, adapter.up);
}

function numbers(writer: ByteWriter, doubles: Float64Array): void {
  writer.bytes(bigEndian(doubles, 8), 8 * doubles.length);
}

function readModel(reader: ByteReader): TrainedModel {
  const kind = reader.uint(1);
  const [width, classes] = [reader.uint(2), reader.uint(2)];
  const fits = width >= 1 && width <= MAX_WIDTH && classes >= 2 && classes <= MAX_CLASSES;
  if (!fits || (kind !== HEAD && kind !== ADAPTER)) throw invalid('it has no model');
  const weights = readDoubles(reader, classes * (width + 1));
  if (kind === HEAD) return { kind: 'head', head: { weights, width, classes } };
  const [rank, scaleMicro] = [reader.uint(2), reader.uint(4)];
  if (rank < 1 || rank > MAX_RANK) throw invalid('its adapter has no rank');
  const frozen: FrozenPart = { kind: 'linear', width, classes, weights };
  const down = readDoubles(reader, rank * width);
  const up = readDoubles(reader, classes * rank);
  const head = new Float64Array(0);
  return { kind: 'adapter', frozen, adapter: { rank, width, outputs: classes, scaleMicro, down, up, head } };
}

function readPayees(reader: ByteReader, samples: number): Payees {
  const length = reader.uint(4);
  if (length < 1 || length > MAX_SAMPLES) throw invalid('it has no payees');
  const list = Array.from({ length }, (): Payee => {
    return { contributor: toHex(reader.bytes(ADDRESS_BYTES)), dataNetId: reader.uint(8) };
  });
  if (reader.uint(4) !== samples) throw invalid('its payees are not those of its samples');
  const ofSample = readUnsigned(reader, samples);
  if (ofSample.some((place) => place >= length)) throw invalid('a sample has no payee');
  return { list, ofSample };
}

function invalid(reason: string): AttributionError {
  return new AttributionError('InvalidTrainedModel', `This is no trained model: ${reason}.`);
}
