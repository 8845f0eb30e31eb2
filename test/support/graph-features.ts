/** Graphs that make features of trained models, as settings name them and as contributions carry them. */
import { createHash } from 'node:crypto';
import { checkModel } from '../../attribution/runtime/api.ts';
import type { GraphFeatures } from '../../attribution/trained/api.ts';
import { floats, graphBuilder } from './onnx.ts';

/** The file in base64, cut into records of `recordBytes` characters. */
export function graphRecords(file: Uint8Array, recordBytes = 4096): Uint8Array[] {
  const text = new TextEncoder().encode(Buffer.from(file).toString('base64'));
  const records: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += recordBytes) records.push(text.slice(at, at + recordBytes));
  return records;
}

/** Settings for a file that the door lets in, or, with `steps`, for any. */
export function graphSettings(
  file: Uint8Array,
  rest: Pick<GraphFeatures, 'width' | 'inputWidth'> & Partial<GraphFeatures>,
): GraphFeatures {
  const { operations, operators, initializers } =
    rest.steps === undefined ? checkModel(file) : { operations: 0, operators: [], initializers: 1 };
  return {
    kind: 'onnx',
    divisorExponent: 0,
    input: 'numbers',
    inputExponent: 3,
    contributionId: `0x${'c1'.repeat(32)}`,
    artifactRoot: `0x${'a2'.repeat(32)}`,
    modelHash: `0x${createHash('sha256').update(file).digest('hex')}`,
    modelBytes: file.length,
    steps: operations,
    parts: operators.reduce((sum, { nodes }) => sum + nodes, initializers),
    ...rest,
  };
}

/** Two numbers to four: a layer of tanh with weights from a seed. */
export function tanhLayer(seed = 7): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, 2]);
  const product = g.node('MatMul', [x, g.constant('float32', [2, 4], floats(8, seed))]);
  const sum = g.node('Add', [product, g.constant('float32', [4], floats(4, seed + 1))]);
  g.output('float32', 'features', g.node('Tanh', [sum]), [1, 4]);
  return g.bytes();
}

/** Two numbers to one: their quotient, which is nothing for a second number of 0. */
export function quotient(): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, 2]);
  const [a = '', b = ''] = g.nodes('Split', [x, g.constant('int64', [2], [1, 1])], { axis: 1 }, 2);
  g.output('float32', 'quotient', g.node('Div', [a, b]), [1, 1]);
  return g.bytes();
}

/** Passes the door, and runs on zeros; the runtime stops on a point whose first number is neither 0 nor 1. */
export function outOfBounds(): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, 2]);
  const table = g.constant('float32', [2, 2], [0, 1, 2, 3]);
  const [first = ''] = g.nodes('Split', [x, g.constant('int64', [2], [1, 1])], { axis: 1 }, 2);
  const index = g.node('Reshape', [g.node('Cast', [first], { to: 7 }), g.constant('int64', [1], [1])]);
  g.output('float32', 'row', g.node('Gather', [table, index], { axis: 0 }), [1, 2]);
  return g.bytes();
}

/** What the door does not let in: an operator that is not on its list. */
export function unknownOperator(): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, 2]);
  g.output('float32', 'y', g.node('RandomNormalLike', [x]), [1, 2]);
  return g.bytes();
}

/** Two numbers to two, after a product of two matrices of so many rows and columns. */
export function heavy(rows = 2048): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, 2]);
  const side = g.constant('int64', [2], [rows, rows]);
  const square = g.node('ConstantOfShape', [side], { value: { t: ['float32', [1], [0.5]] } });
  const sum = g.node('ReduceSum', [g.node('MatMul', [square, square])], { keepdims: 0 });
  g.output('float32', 'y', g.node('Add', [x, sum]), [1, 2]);
  return g.bytes();
}

/** `inputs` numbers to `outputs`: a layer of max(0, ·) with weights below `scale`. */
export function perceptron(inputs: number, outputs: number, scale: number): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, inputs]);
  const weights = g.constant('float32', [inputs, outputs], floats(inputs * outputs, 3, scale));
  g.output('float32', 'features', g.node('Relu', [g.node('MatMul', [x, weights])]), [1, outputs]);
  return g.bytes();
}

/** Two numbers to two, through as many nodes as a graph may have. */
export function longChain(nodes = 8_191): Uint8Array {
  const g = graphBuilder();
  let value = g.input('float32', 'point', [1, 2]);
  for (let i = 0; i < nodes; i++) value = g.node('Neg', [value]);
  g.output('float32', 'y', value, [1, 2]);
  return g.bytes();
}

/** Two numbers and what `count` constants of one number each are together, put side by side. */
export function manyConstants(count = 8_000): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'point', [1, 2]);
  const rows: string[] = [];
  for (let from = 0; from < count; from += 200) {
    const part = Array.from({ length: 200 }, (_, i) => g.constant('float32', [1, 1], [from + i]));
    rows.push(g.node('Concat', part, { axis: 1 }));
  }
  const sum = g.node('ReduceSum', [g.node('Concat', rows, { axis: 1 })], { keepdims: 0 });
  g.output('float32', 'y', g.node('Add', [x, sum]), [1, 2]);
  return g.bytes();
}
