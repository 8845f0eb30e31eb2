/**
 * Builds ONNX files for tests and for the training of the bundled model. The bytes are written by onnx-proto, which
 * shares nothing with the reader of the door.
 */
import proto, { type onnx } from 'onnx-proto';
import { ELEMENT_TYPE_NUMBERS, type ElementType, type TensorData } from '../../attribution/runtime/types.ts';

/** An attribute: an integer, a list of integers, `{ f }` a float, `{ s }` text, `{ t }` one tensor. */
export type Attribute =
  | number
  | readonly number[]
  | { readonly f: number }
  | { readonly s: string }
  | { readonly t: readonly [ElementType, readonly number[], Numbers] };
export type Numbers = TensorData | readonly number[];

export interface GraphBuilder {
  input(type: ElementType, name: string, shape: readonly (number | string)[]): string;
  /** A parameter; its name comes back. */
  constant(type: ElementType, shape: readonly number[], numbers: Numbers): string;
  /** A node with one output, whose name comes back. Empty inputs are left out. */
  node(operator: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  /** A node with several outputs. */
  nodes(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number,
  ): string[];
  /** Declares `value` as output `name`. */
  output(type: ElementType, name: string, value: string, shape: readonly (number | string)[]): void;
  bytes(): Uint8Array;
  /** The message before it is written, for tests that break it. */
  message(): onnx.IModelProto;
}

const ARRAYS = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

function rawData(type: ElementType, numbers: Numbers): Uint8Array {
  const data = ArrayBuffer.isView(numbers)
    ? numbers
    : type === 'int64'
      ? BigInt64Array.from(numbers, (number) => BigInt(number))
      : ARRAYS[type].from(numbers);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const tensor = (
  name: string,
  type: ElementType,
  shape: readonly number[],
  numbers: Numbers,
): onnx.ITensorProto => ({
  name,
  dataType: ELEMENT_TYPE_NUMBERS[type],
  dims: [...shape],
  rawData: rawData(type, numbers),
});

function attributeOf(name: string, value: Attribute): onnx.IAttributeProto {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (Array.isArray(value)) return { name, type: 7, ints: [...(value as number[])] };
  if ('f' in value) return { name, type: 1, f: value.f };
  if ('s' in value) return { name, type: 3, s: new TextEncoder().encode(value.s) };
  const { t } = value as { t: readonly [ElementType, readonly number[], Numbers] };
  return { name, type: 4, t: tensor('', ...t) };
}

const describedValue = (
  type: ElementType,
  name: string,
  shape: readonly (number | string)[],
): onnx.IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: ELEMENT_TYPE_NUMBERS[type],
      shape: {
        dim: shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size })),
      },
    },
  },
});

export function graphBuilder(opset = 17): GraphBuilder {
  const node: onnx.INodeProto[] = [];
  const initializer: onnx.ITensorProto[] = [];
  const input: onnx.IValueInfoProto[] = [];
  const output: onnx.IValueInfoProto[] = [];
  let names = 0;
  const builder: GraphBuilder = {
    input(type, name, shape) {
      input.push(describedValue(type, name, shape));
      return name;
    },
    constant(type, shape, numbers) {
      const name = `c${names++}`;
      initializer.push(tensor(name, type, shape, numbers));
      return name;
    },
    node: (operator, inputs, attributes = {}) => builder.nodes(operator, inputs, attributes, 1)[0]!,
    nodes(opType, inputs, attributes, outputs) {
      const made = Array.from({ length: outputs }, () => `v${names++}`);
      node.push({
        opType,
        input: [...inputs],
        output: made,
        attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
      });
      return made;
    },
    output(type, name, value, shape) {
      node.push({ opType: 'Identity', input: [value], output: [name] });
      output.push(describedValue(type, name, shape));
    },
    message: () => ({
      irVersion: 8,
      opsetImport: [{ domain: '', version: opset }],
      graph: { name: 'g', node, initializer, input, output },
    }),
    bytes: () => encodeModel(builder.message()),
  };
  return builder;
}

export function encodeModel(message: onnx.IModelProto): Uint8Array {
  return Uint8Array.from(proto.onnx.ModelProto.encode(proto.onnx.ModelProto.fromObject(message)).finish());
}

export function decodeModel(bytes: Uint8Array): onnx.IModelProto {
  return proto.onnx.ModelProto.toObject(proto.onnx.ModelProto.decode(bytes), {
    defaults: false,
  }) as onnx.IModelProto;
}

/** Whole numbers from a linear congruential generator (Numerical Recipes): the same everywhere. */
export function integers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * bound);
  };
}

/** Floats in (−scale, scale) with 12 bits, so that they are the same in every precision. */
export function floats(count: number, seed: number, scale = 1): Float32Array {
  const next = integers(seed);
  return Float32Array.from({ length: count }, () => ((next(4096) - 2048) / 2048) * scale);
}

export function bytesOf(count: number, seed: number, bound = 256): Uint8Array {
  const next = integers(seed);
  return Uint8Array.from({ length: count }, () => next(bound));
}
