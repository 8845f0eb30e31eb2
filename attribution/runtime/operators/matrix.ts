/** Matrix products, in floats and in integers. */
import { MAX_INTEGER_DOT } from '../limits.ts';
import { ELEMENT_BYTES } from '../types.ts';
import { STEPS } from './costs.ts';
import {
  broadcast,
  expectSameType,
  expectType,
  FLOAT,
  type Inferred,
  type NodeView,
  type OperatorRule,
  sizeOf,
  type Value,
  WIDE,
} from './rule.ts';

interface Product {
  readonly shape: number[];
  /** Terms of each sum. */
  readonly inner: number;
}

/** Shape of `a × b` by numpy's rules for stacks of matrices. @throws ModelError ShapeMismatch */
function matrixProduct(node: NodeView, a: readonly number[], b: readonly number[]): Product {
  if (a.length === 0 || b.length === 0) throw node.refuse('ShapeMismatch', 'multiplies a single number.');
  const left = a.length === 1 ? [1, a[0]!] : a;
  const right = b.length === 1 ? [b[0]!, 1] : b;
  const inner = left[left.length - 1]!;
  if (inner !== right[right.length - 2])
    throw node.refuse(
      'ShapeMismatch',
      `cannot multiply shapes [${a.join(', ')}] and [${b.join(', ')}]: ${inner} columns, ${right[right.length - 2]} rows.`,
    );
  const shape = broadcast(node, left.slice(0, -2), right.slice(0, -2));
  if (a.length > 1) shape.push(left[left.length - 2]!);
  if (b.length > 1) shape.push(right[right.length - 1]!);
  return { shape, inner };
}

/** A term of each sum is a step. A second matrix that comes with the data is put into the kernel's order in each run. */
function productSteps(shape: readonly number[], inner: number, b: Value): number {
  const isWide = b.type === 'int32' || b.type === 'int64';
  const isColumn = b.shape[b.shape.length - 1] === 1 || b.shape.length === 1;
  const term = isWide ? STEPS.integerTerm : isColumn ? STEPS.columnTerm : 1;
  const packing = b.parameter === undefined ? sizeOf(b.shape) * STEPS.simple : 0;
  return sizeOf(shape) * (inner * term + STEPS.simple) + packing;
}

/** The kernels copy the second matrix into blocks of their own order. */
function packed(value: Value): number {
  return sizeOf(value.shape) * ELEMENT_BYTES[value.type];
}

const matMul: OperatorRule = {
  inputs: [2, 2],
  outputs: [1, 1],
  attributes: [],
  infer(node) {
    const a = node.input(0);
    const b = node.input(1);
    expectType(node, a, WIDE);
    expectSameType(node, a, b);
    const { shape, inner } = matrixProduct(node, a.shape, b.shape);
    return {
      outputs: [{ type: a.type, shape }],
      operations: productSteps(shape, inner, b),
      scratchBytes: packed(b),
    };
  },
};

const gemm: OperatorRule = {
  inputs: [2, 3],
  outputs: [1, 1],
  attributes: ['alpha', 'beta', 'transA', 'transB'],
  infer(node) {
    const a = node.input(0);
    const b = node.input(1);
    expectType(node, a, FLOAT);
    expectSameType(node, a, b);
    node.float('alpha', 1);
    node.float('beta', 1);
    if (a.shape.length !== 2 || b.shape.length !== 2)
      throw node.refuse('ShapeMismatch', 'takes two matrices.');
    const left = node.int('transA', 0) !== 0 ? [...a.shape].reverse() : a.shape;
    const right = node.int('transB', 0) !== 0 ? [...b.shape].reverse() : b.shape;
    const { shape, inner } = matrixProduct(node, left, right);
    const c = node.optional(2);
    if (c !== undefined) {
      expectSameType(node, a, c);
      if (sizeOf(broadcast(node, shape, c.shape)) !== sizeOf(shape))
        throw node.refuse('ShapeMismatch', `adds shape [${c.shape.join(', ')}] to [${shape.join(', ')}].`);
    }
    return {
      outputs: [{ type: 'float32', shape }],
      operations: productSteps(shape, inner, b),
      scratchBytes: packed(b),
    };
  },
};

/** U8 × U8 sums of at most MAX_INTEGER_DOT terms are the same on every processor; others are left to the exact build. */
export function isExactProduct(a: Value, b: Value, inner: number): boolean {
  return a.type === 'uint8' && b.type === 'uint8' && inner <= MAX_INTEGER_DOT;
}

/** A zero point: one number of the tensor's type, or (second matrix only) one a column. */
function expectZeroPoint(node: NodeView, index: number, value: Value, columns: number): void {
  const zero = node.optional(index);
  if (zero === undefined) return;
  expectSameType(node, value, zero);
  const size = sizeOf(zero.shape);
  if (size !== 1 && size !== columns)
    throw node.refuse('ShapeMismatch', `has a zero point of ${size} numbers.`);
}

const matMulInteger: OperatorRule = {
  inputs: [2, 4],
  outputs: [1, 1],
  attributes: [],
  infer(node) {
    const a = node.input(0);
    const b = node.input(1);
    expectType(node, a, ['uint8', 'int8']);
    expectType(node, b, ['uint8', 'int8']);
    const { shape, inner } = matrixProduct(node, a.shape, b.shape);
    expectZeroPoint(node, 2, a, 1);
    expectZeroPoint(node, 3, b, b.shape[b.shape.length - 1]!);
    return {
      outputs: [{ type: 'int32', shape }],
      operations: productSteps(shape, inner, b),
      scratchBytes: packed(b),
      isInexactInteger: !isExactProduct(a, b, inner),
    };
  },
};

/** a, scale, zero, b, scale, zero, output scale, output zero. */
const qLinearMatMul: OperatorRule = {
  inputs: [8, 8],
  outputs: [1, 1],
  attributes: [],
  infer(node): Inferred {
    const a = node.input(0);
    const b = node.input(3);
    const zero = node.input(7);
    for (const value of [a, b, zero]) expectType(node, value, ['uint8', 'int8']);
    for (const index of [1, 4, 6]) expectType(node, node.input(index), FLOAT);
    const { shape, inner } = matrixProduct(node, a.shape, b.shape);
    expectZeroPoint(node, 2, a, 1);
    expectZeroPoint(node, 5, b, b.shape[b.shape.length - 1]!);
    return {
      outputs: [{ type: zero.type, shape }],
      operations: productSteps(shape, inner, b),
      scratchBytes: packed(b) + sizeOf(shape) * 4,
    };
  },
};

export const MATRIX: Readonly<Record<string, OperatorRule>> = {
  MatMul: matMul,
  Gemm: gemm,
  MatMulInteger: matMulInteger,
  QLinearMatMul: qLinearMatMul,
};
