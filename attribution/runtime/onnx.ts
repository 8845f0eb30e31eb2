/**
 * A model file as the door reads it: the fields of onnx.proto3 (github.com/onnx/onnx, IR versions 4 to 10) that a static
 * graph of standard operators needs. What is only for people (descriptions, producer, metadata) is passed over; every
 * other field is refused by name, because a field that this reader skipped could mean something to the runtime.
 */
import { ModelError, type ModelErrorCode } from './errors.ts';
import {
  MAX_ATTRIBUTE_NUMBERS,
  MAX_ATTRIBUTES,
  MAX_DESCRIBED_VALUES,
  MAX_DIMENSION,
  MAX_GRAPH_VALUES,
  MAX_INITIALIZERS,
  MAX_MODEL_BYTES,
  MAX_NAME_BYTES,
  MAX_NODE_VALUES,
  MAX_NODES,
  MAX_OPSET_IMPORTS,
  MAX_RANK,
  MAX_TENSOR_BYTES,
} from './limits.ts';
import { type Cursor, cursorOver, readBlock, readFloat, readTag, readVarint, skip } from './protobuf.ts';
import { checkNumbers, type FileTensor, type TensorSource } from './tensor-data.ts';
import { ELEMENT_BYTES, ELEMENT_TYPE_NUMBERS, type ElementType } from './types.ts';

export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: OnnxGraph;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly FileTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** What the file says of values between nodes. */
  readonly described: readonly OnnxValue[];
}

export interface OnnxNode {
  /** Empty if it has none. */
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  /** Empty names stand for optional inputs and outputs that are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

export type OnnxAttribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: FileTensor };

/** A declared value. A dimension is a number, a name that somebody must give a size, or nothing. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType | undefined;
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

/** @throws ModelError with the first thing that is wrong. Time and memory grow with the bytes, not with what they claim. */
export function readModel(bytes: Uint8Array): OnnxModel {
  if (bytes.length > MAX_MODEL_BYTES)
    throw new ModelError(
      'TooLarge',
      `The file has ${bytes.length} bytes, at most ${MAX_MODEL_BYTES} are allowed.`,
    );
  let irVersion: number | undefined;
  let graph: OnnxGraph | undefined;
  const opsets: { domain: string; version: number }[] = [];
  readMessage(cursorOver(bytes), 'the model', {
    1: once(int((value) => (irVersion = value))),
    ...ignore(2, 3, 4, 5, 6, 14),
    7: once(block((part) => (graph = readGraph(part)))),
    8: many(
      MAX_OPSET_IMPORTS,
      block((part) => opsets.push(readOpset(part))),
    ),
    20: refuse('UnknownField', 'It carries training information. Export the model for inference.'),
    25: refuse('Functions', 'It defines functions. Inline them when you export.'),
    26: refuse('UnknownField', 'It is configured for several devices. Export it for one.'),
  });
  if (irVersion === undefined)
    throw new ModelError('UnsupportedVersion', 'The file names no format version. Is this an ONNX file?');
  if (graph === undefined) throw new ModelError('BadGraph', 'The file has no graph.');
  return { irVersion, opsets, graph };
}

function readOpset(part: Cursor): { domain: string; version: number } {
  let domain = '';
  let version = 0;
  readMessage(part, 'an operator set', {
    1: once(text((value) => (domain = value), 0)),
    2: once(int((value) => (version = value))),
  });
  return { domain, version };
}

function readGraph(part: Cursor): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers: FileTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const described: OnnxValue[] = [];
  const values = (list: OnnxValue[], limit: number): FieldRule =>
    many(
      limit,
      block((value) => list.push(readValue(value))),
    );
  readMessage(part, 'the graph', {
    1: many(
      MAX_NODES,
      block((node) => nodes.push(readNode(node))),
    ),
    ...ignore(2, 10, 16),
    5: many(
      MAX_INITIALIZERS,
      block((tensor) => initializers.push(readTensor(tensor))),
    ),
    11: values(inputs, MAX_GRAPH_VALUES),
    12: values(outputs, MAX_GRAPH_VALUES),
    13: values(described, MAX_DESCRIBED_VALUES),
    14: refuse('UnknownField', 'It carries quantisation annotations. Export with quantised operators.'),
    15: refuse('Sparse', 'It has sparse tensors. Export them dense.'),
  });
  return { nodes, initializers, inputs, outputs, described };
}

function readNode(part: Cursor): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let name = '';
  let operator = '';
  let domain = '';
  readMessage(part, 'a node', {
    1: many(
      MAX_NODE_VALUES,
      text((value) => inputs.push(value), 0),
    ),
    2: many(
      MAX_NODE_VALUES,
      text((value) => outputs.push(value), 0),
    ),
    3: once(text((value) => (name = value), 0)),
    4: once(text((value) => (operator = value))),
    5: many(
      MAX_ATTRIBUTES,
      block((attribute) => {
        const [key, value] = readAttribute(attribute);
        if (attributes.has(key)) throw new ModelError('DuplicateName', `A node has two attributes '${key}'.`);
        attributes.set(key, value);
      }),
    ),
    ...ignore(6, 9),
    7: once(text((value) => (domain = value), 0)),
    8: refuse('Functions', 'A node calls an overload of a function. Inline functions when you export.'),
    10: refuse('UnknownField', 'A node is configured for several devices. Export it for one.'),
  });
  return { name, operator, domain, inputs, outputs, attributes };
}

/** Numbers of AttributeProto.AttributeType by the field that carries the value. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

function readAttribute(part: Cursor): [string, OnnxAttribute] {
  let name = '';
  let type: number | undefined;
  const floats: number[] = [];
  const ints: number[] = [];
  const found: OnnxAttribute[] = [];
  const subgraph = refuse('ControlFlow', 'A node has a subgraph. Export without If, Loop and Scan.');
  const sparse = refuse('Sparse', 'A node has a sparse tensor. Export it dense.');
  readMessage(part, 'an attribute', {
    1: once(text((value) => (name = value))),
    2: once(float((value) => found.push({ kind: 'float', value }))),
    3: once(int((value) => found.push({ kind: 'int', value }))),
    4: once(text((value) => found.push({ kind: 'string', value }), 0)),
    5: once(block((tensor) => found.push({ kind: 'tensor', value: readTensor(tensor) }))),
    6: subgraph,
    7: packable('float', (value) => floats.push(value)),
    8: packable('int', (value) => ints.push(value)),
    9: refuse('BadAttribute', 'An attribute is a list of strings, which no supported operator has.'),
    10: refuse('BadAttribute', 'An attribute is a list of tensors, which no supported operator has.'),
    11: subgraph,
    ...ignore(13),
    14: refuse('BadAttribute', 'An attribute is a type, which no supported operator has.'),
    15: refuse('BadAttribute', 'An attribute is a list of types, which no supported operator has.'),
    20: once(int((value) => (type = value))),
    21: refuse('Functions', 'An attribute refers to that of a function. Inline functions when you export.'),
    22: sparse,
    23: sparse,
  });
  if (name === '') throw new ModelError('BadName', 'An attribute has no name.');
  if (type === 5 || type === 10)
    throw new ModelError('ControlFlow', 'A node has a subgraph. Export without If, Loop and Scan.');
  // An empty list and a zero are not written at all: the declared type says what is meant.
  if (floats.length > 0 || type === ATTRIBUTE_TYPES.floats) found.push({ kind: 'floats', value: floats });
  if (ints.length > 0 || type === ATTRIBUTE_TYPES.ints) found.push({ kind: 'ints', value: ints });
  if (found.length === 0 && type === ATTRIBUTE_TYPES.int) found.push({ kind: 'int', value: 0 });
  if (found.length === 0 && type === ATTRIBUTE_TYPES.float) found.push({ kind: 'float', value: 0 });
  if (found.length === 0 && type === ATTRIBUTE_TYPES.string) found.push({ kind: 'string', value: '' });
  // What exporters write besides the value: a zero of another kind. The declared type decides.
  const attribute = found.find((value) => type === ATTRIBUTE_TYPES[value.kind]);
  if (attribute === undefined)
    throw new ModelError('BadAttribute', `Attribute '${name}' does not hold a value of its type ${type}.`);
  return [name, attribute];
}

function readTensor(part: Cursor): FileTensor {
  let name = '';
  let typeNumber = 0;
  let external = false;
  const shape: number[] = [];
  const sources: { readonly field: number; readonly bytes: Cursor }[] = [];
  const source = (field: number): FieldRule => once(block((bytes) => sources.push({ field, bytes })));
  readMessage(part, 'a tensor', {
    1: packable('int', (value) => {
      if (shape.push(value) > MAX_RANK)
        throw new ModelError('TooMany', `A tensor has over ${MAX_RANK} dimensions.`);
    }),
    2: once(int((value) => (typeNumber = value))),
    3: refuse('UnknownField', 'A tensor is stored in segments. Store it in one piece.'),
    4: source(4),
    5: source(5),
    6: refuse('StringTensor', 'A tensor holds strings. Turn text into numbers before the model.'),
    7: source(7),
    8: once(text((value) => (name = value), 0)),
    9: source(9),
    10: refuse('UnsupportedType', 'A tensor holds doubles. Export the model with 32-bit floats.'),
    11: refuse('UnsupportedType', 'A tensor holds unsigned 64-bit integers. Use int64.'),
    ...ignore(12, 16),
    13: refuse('ExternalData', 'A tensor lies in another file. Save the model as a single file.'),
    14: once(int((value) => (external = value !== 0))),
  });
  if (external)
    throw new ModelError(
      'ExternalData',
      `Tensor '${name}' lies in another file. Save the model as one file.`,
    );
  const type = elementType(typeNumber, `Tensor '${name}'`);
  const elements = elementCount(shape, type, `Tensor '${name}'`);
  const tensor: FileTensor = { name, type, shape, elements, data: sourceOf(name, type, elements, sources) };
  checkNumbers(tensor);
  return tensor;
}

/** Typed fields: 4 floats, 5 integers of up to 32 bits, 7 int64; 9 is raw. */
function sourceOf(
  name: string,
  type: ElementType,
  elements: number,
  sources: readonly { readonly field: number; readonly bytes: Cursor }[],
): TensorSource {
  const [first, second] = sources;
  if (second !== undefined) throw new ModelError('BadTensor', `Tensor '${name}' has its numbers twice.`);
  if (first === undefined) {
    if (elements !== 0) throw new ModelError('BadTensor', `Tensor '${name}' has no numbers.`);
    return { kind: 'raw', bytes: cursorOver(new Uint8Array(0)) };
  }
  const typed = type === 'float32' ? 4 : type === 'int64' ? 7 : 5;
  if (first.field !== 9 && first.field !== typed)
    throw new ModelError('BadTensor', `Tensor '${name}' has its numbers in a field of another type.`);
  // Packed floats are four little-endian bytes each, as raw ones are.
  return { kind: first.field === 5 || first.field === 7 ? 'varints' : 'raw', bytes: first.bytes };
}

function readValue(part: Cursor): OnnxValue {
  let name = '';
  let type: ElementType | undefined;
  let shape: (number | string | undefined)[] | undefined;
  const kind = refuse('UnsupportedType', 'A value is no tensor (a sequence, map or optional).');
  readMessage(part, 'a value', {
    1: once(text((value) => (name = value))),
    2: once(
      block((typePart) =>
        readMessage(typePart, 'a type', {
          1: once(
            block((tensor) =>
              readMessage(tensor, 'a tensor type', {
                1: once(int((value) => (type = elementType(value, 'A value')))),
                2: once(block((shapePart) => (shape = readShape(shapePart)))),
              }),
            ),
          ),
          4: kind,
          5: kind,
          ...ignore(6),
          7: kind,
          8: kind,
          9: kind,
        }),
      ),
    ),
    ...ignore(3, 4),
  });
  if (name === '') throw new ModelError('BadName', 'A value has no name.');
  return { name, type, shape };
}

function readShape(part: Cursor): (number | string | undefined)[] {
  const shape: (number | string | undefined)[] = [];
  readMessage(part, 'a shape', {
    1: many(
      MAX_RANK,
      block((dimension) => {
        let value: number | string | undefined;
        readMessage(dimension, 'a dimension', {
          1: once(
            int((size) => {
              checkDimension(size, 'A value');
              value = size;
            }),
          ),
          2: once(text((label) => (value ??= label === '' ? undefined : label), 0)),
          ...ignore(3),
        });
        shape.push(value);
      }),
    ),
  });
  return shape;
}

function elementType(number: number, what: string): ElementType {
  if (number === 8)
    throw new ModelError('StringTensor', `${what} holds strings. Turn text into numbers before the model.`);
  const types = Object.keys(ELEMENT_TYPE_NUMBERS) as ElementType[];
  const type = types.find((name) => ELEMENT_TYPE_NUMBERS[name] === number);
  if (type === undefined)
    throw new ModelError(
      'UnsupportedType',
      `${what} has element type ${number}; supported are ${types.map((name) => `${name} (${ELEMENT_TYPE_NUMBERS[name]})`).join(', ')}.`,
    );
  return type;
}

/** Number of elements. @throws ModelError BadTensor, TensorTooLarge */
export function elementCount(shape: readonly number[], type: ElementType, what: string): number {
  let elements = 1;
  for (const size of shape) {
    checkDimension(size, what);
    elements *= size;
    if (elements * ELEMENT_BYTES[type] > MAX_TENSOR_BYTES)
      throw new ModelError(
        'TensorTooLarge',
        `${what} has shape [${shape.join(', ')}]; one tensor may have ${MAX_TENSOR_BYTES} bytes.`,
      );
  }
  return elements;
}

function checkDimension(size: number, what: string): void {
  if (size < 0) throw new ModelError('BadTensor', `${what} has a dimension of ${size}.`);
  if (size > MAX_DIMENSION)
    throw new ModelError('TensorTooLarge', `${what} has a dimension of ${size}; at most ${MAX_DIMENSION}.`);
}

// ---- fields ----

interface FieldRule {
  /** How often the field may stand in one message. */
  readonly limit: number;
  read(cursor: Cursor, wire: number): void;
}

/** Reads a message by a table of its fields. Tables do not refer to themselves, so that nesting has a fixed depth. */
function readMessage(cursor: Cursor, what: string, rules: Readonly<Record<number, FieldRule>>): void {
  const seen = new Map<number, number>();
  for (;;) {
    const at = cursor.at;
    const tag = readTag(cursor);
    if (tag === undefined) return;
    const rule = rules[tag.number];
    if (rule === undefined)
      throw new ModelError('UnknownField', `Byte ${at}: field ${tag.number} of ${what} is not known.`);
    const times = (seen.get(tag.number) ?? 0) + 1;
    seen.set(tag.number, times);
    if (times > rule.limit)
      throw rule.limit === 1
        ? new ModelError('RepeatedField', `Byte ${at}: field ${tag.number} of ${what} stands twice.`)
        : new ModelError('TooMany', `Field ${tag.number} of ${what} stands over ${rule.limit} times.`);
    rule.read(cursor, tag.wire);
  }
}

type Read = FieldRule['read'];

const once = (read: Read): FieldRule => ({ limit: 1, read });
const many = (limit: number, read: Read): FieldRule => ({ limit, read });

/** Fields for people: passed over, however often they stand. */
function ignore(...numbers: number[]): Record<number, FieldRule> {
  const rule = many(MAX_MODEL_BYTES, (cursor, wire) => skip(cursor, wire as 0 | 1 | 2 | 5));
  return Object.fromEntries(numbers.map((number) => [number, rule]));
}

function refuse(code: ModelErrorCode, message: string): FieldRule {
  return once(() => {
    throw new ModelError(code, message);
  });
}

function int(take: (value: number) => void): Read {
  return (cursor, wire) => {
    expectWire(cursor, wire, 0);
    take(readVarint(cursor));
  };
}

function float(take: (value: number) => void): Read {
  return (cursor, wire) => {
    expectWire(cursor, wire, 5);
    take(readFloat(cursor));
  };
}

function block(take: (part: Cursor) => void): Read {
  return (cursor, wire) => {
    expectWire(cursor, wire, 2);
    take(readBlock(cursor));
  };
}

/** A name of printable ASCII: it is compared, hashed and shown, so it must have one form. */
function text(take: (value: string) => void, minBytes = 1): Read {
  return block(({ bytes, at, end }) => {
    if (end - at < minBytes) throw new ModelError('BadName', `The name at byte ${at} is empty.`);
    if (end - at > MAX_NAME_BYTES)
      throw new ModelError('BadName', `The name at byte ${at} is longer than ${MAX_NAME_BYTES} bytes.`);
    for (let i = at; i < end; i++)
      if (bytes[i]! < 0x20 || bytes[i]! > 0x7e)
        throw new ModelError(
          'BadName',
          `The name at byte ${at} has characters that are not printable ASCII.`,
        );
    // In one piece: appended letter by letter, a name takes thirty times its size.
    take(String.fromCharCode(...bytes.subarray(at, end)));
  });
}

/** A repeated number: one at a time, or many in one block. */
function packable(kind: 'int' | 'float', take: (value: number) => void): FieldRule {
  let count = 0;
  const counted = (value: number): void => {
    if (++count > MAX_ATTRIBUTE_NUMBERS)
      throw new ModelError('TooMany', `A list has over ${MAX_ATTRIBUTE_NUMBERS} numbers.`);
    take(value);
  };
  const readOne = (cursor: Cursor): void => counted(kind === 'int' ? readVarint(cursor) : readFloat(cursor));
  return many(MAX_ATTRIBUTE_NUMBERS, (cursor, wire) => {
    if (wire === 2) {
      const part = readBlock(cursor);
      while (part.at < part.end) readOne(part);
      return;
    }
    expectWire(cursor, wire, kind === 'int' ? 0 : 5);
    readOne(cursor);
  });
}

function expectWire(cursor: Cursor, wire: number, expected: number): void {
  if (wire !== expected)
    throw new ModelError(
      'BadWireType',
      `The field before byte ${cursor.at} has wire type ${wire}, not ${expected}.`,
    );
}
