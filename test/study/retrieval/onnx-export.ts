/**
 * The encoder's arithmetic as an ONNX graph of integers alone: from the rows and weights of a text's features
 * (attribution/retrieval/encoder/features.ts), padded with zeros to a fixed number, to the vector of 8-bit integers.
 * Products are unsigned × unsigned with a zero point of 128, which every runtime computes alike.
 */
import proto, { type onnx } from 'onnx-proto';
import { MAX_FEATURES } from '../../../attribution/retrieval/encoder/limits.ts';
import type { Encoder } from '../../../attribution/retrieval/encoder/types.ts';

/** Numbers of the types in TensorProto.DataType. */
const TYPES = { uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
type Type = keyof typeof TYPES;

const IR_VERSION = 8;
const OPSET = 17;
const ZERO_POINT = 128;
/** The length of a sum of 2,048 features with 1,024 numbers is below 2³¹. */
const ROOT_BITS = 31;
const LENGTH = 512n;
const LARGEST = 127n;

/** Inputs `rows` (int32, MAX_FEATURES × chunks) and `weights` (uint8, 1 × MAX_FEATURES); output `vector` (int8, 1 × n). */
export function encoderToOnnx({ shape, table }: Encoder): Uint8Array {
  const { rows, width, chunks } = shape;
  const size = width * chunks;
  const graph = new Graph();
  const unsigned = Uint8Array.from(table, (value) => value + ZERO_POINT);
  const found = graph.node('Gather', [graph.constant('uint8', [rows, width], unsigned), 'rows']);
  const features = graph.node('Reshape', [found, graph.numbers([BigInt(MAX_FEATURES), BigInt(size)])]);
  const zero = graph.constant('uint8', [], Uint8Array.of(0));
  const middle = graph.constant('uint8', [], Uint8Array.of(ZERO_POINT));
  const sums = graph.node('Cast', [graph.node('MatMulInteger', ['weights', features, zero, middle])], {
    to: TYPES.int64,
  });
  graph.node('Cast', [normalised(graph, sums)], { to: TYPES.int8 }, 'vector');
  return graph.bytes(
    [value('int32', 'rows', [MAX_FEATURES, chunks]), value('uint8', 'weights', [1, MAX_FEATURES])],
    [value('int8', 'vector', [1, size])],
  );
}

/** Each sum × 512 / length, to the nearest with halves away from zero, cut at ±127. */
function normalised(graph: Graph, sums: string): string {
  const squares = graph.node('Mul', [sums, sums]);
  const length = squareRoot(graph, graph.node('ReduceSum', [squares, graph.numbers([1n])], { keepdims: 1 }));
  const sizes = graph.node('Mul', [graph.node('Abs', [sums]), graph.numbers([2n * LENGTH])]);
  const divisor = graph.node('Max', [graph.node('Add', [length, length]), graph.numbers([1n])]);
  const quotient = graph.node('Div', [graph.node('Add', [sizes, length]), divisor]);
  const cut = graph.node('Min', [quotient, graph.numbers([LARGEST])]);
  return graph.node('Mul', [cut, graph.node('Sign', [sums])]);
}

/** ⌊√n⌋ bit by bit from the highest: a bit stays if the square does not exceed n. */
function squareRoot(graph: Graph, n: string): string {
  let root = graph.numbers([0n]);
  for (let bit = ROOT_BITS - 1; bit >= 0; bit--) {
    const next = graph.node('Add', [root, graph.numbers([1n << BigInt(bit)])]);
    const fits = graph.node('LessOrEqual', [graph.node('Mul', [next, next]), n]);
    root = graph.node('Where', [fits, next, root]);
  }
  return root;
}

class Graph {
  readonly #nodes: onnx.INodeProto[] = [];
  readonly #constants: onnx.ITensorProto[] = [];

  constant(type: Type, dims: number[], data: Uint8Array | BigInt64Array): string {
    const name = `c${this.#constants.length}`;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#constants.push({ name, dims, dataType: TYPES[type], rawData });
    return name;
  }

  numbers(values: readonly bigint[]): string {
    return this.constant('int64', [values.length], BigInt64Array.from(values));
  }

  node(
    opType: string,
    input: string[],
    attributes: Record<string, number> = {},
    output = `v${this.#nodes.length}`,
  ): string {
    const attribute = Object.entries(attributes).map(([name, i]) => ({ name, type: 2, i }));
    this.#nodes.push({ opType, input, output: [output], attribute });
    return output;
  }

  bytes(input: onnx.IValueInfoProto[], output: onnx.IValueInfoProto[]): Uint8Array {
    const model = proto.onnx.ModelProto.fromObject({
      irVersion: IR_VERSION,
      opsetImport: [{ domain: '', version: OPSET }],
      graph: { name: 'encoder', node: this.#nodes, initializer: this.#constants, input, output },
    });
    return proto.onnx.ModelProto.encode(model).finish();
  }
}

function value(type: Type, name: string, dims: readonly number[]): onnx.IValueInfoProto {
  return {
    name,
    type: { tensorType: { elemType: TYPES[type], shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
  };
}
