/** Operators that move a window over images or sequences: convolutions and pools. Layout [batch, channels, ...space]. */
import { ELEMENT_BYTES } from '../types.ts';
import { STEPS } from './costs.ts';
import { isExactProduct } from './matrix.ts';
import {
  expectSameType,
  expectType,
  FLOAT,
  type NodeView,
  type OperatorRule,
  sizeOf,
  type Value,
} from './rule.ts';

const WINDOW_ATTRIBUTES = ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'];

/** Sizes of the output for each dimension of space. @throws ModelError */
function slide(node: NodeView, space: readonly number[], kernel: readonly number[]): number[] {
  const rank = space.length;
  const list = (name: string, length: number, fallback: number, least: number): readonly number[] => {
    const values = node.ints(name) ?? Array<number>(length).fill(fallback);
    if (values.length !== length || values.some((value) => value < least || value > 65_536))
      throw node.refuse(
        'BadAttribute',
        `has ${name} [${values.join(', ')}] for ${rank} dimensions of space.`,
      );
    return values;
  };
  const strides = list('strides', rank, 1, 1);
  const dilations = list('dilations', rank, 1, 1);
  const pads = list('pads', 2 * rank, 0, 0);
  const auto = node.string('auto_pad', 'NOTSET');
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(auto))
    throw node.refuse('BadAttribute', `has auto_pad '${auto}'.`);
  return space.map((size, i) => {
    const reach = (kernel[i]! - 1) * dilations[i]! + 1;
    if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') return Math.ceil(size / strides[i]!);
    const padded = auto === 'VALID' ? size : size + pads[i]! + pads[i + rank]!;
    if (padded < reach)
      throw node.refuse('ShapeMismatch', `has a window of ${reach} over ${padded} elements.`);
    return Math.floor((padded - reach) / strides[i]!) + 1;
  });
}

function kernelOf(node: NodeView, expected?: readonly number[]): readonly number[] {
  const kernel = node.ints('kernel_shape') ?? expected;
  if (kernel === undefined) throw node.refuse('BadAttribute', "lacks attribute 'kernel_shape'.");
  if (expected !== undefined && kernel.join() !== expected.join())
    throw node.refuse(
      'ShapeMismatch',
      `has kernel_shape [${kernel.join(', ')}] for weights [${expected.join(', ')}].`,
    );
  if (kernel.some((size) => size < 1 || size > 65_536))
    throw node.refuse('BadAttribute', `has kernel_shape [${kernel.join(', ')}].`);
  return kernel;
}

interface Convolution {
  readonly shape: readonly number[];
  /** Terms of each sum. */
  readonly inner: number;
  readonly operations: number;
  /** The input rearranged into a matrix (im2col), and the packed weights. */
  readonly scratchBytes: number;
}

function convolve(node: NodeView, x: Value, w: Value): Convolution {
  if (x.shape.length < 3 || x.shape.length > 5 || w.shape.length !== x.shape.length)
    throw node.refuse(
      'ShapeMismatch',
      `takes [batch, channels, 1 to 3 dimensions of space], not [${x.shape.join(', ')}] and [${w.shape.join(', ')}].`,
    );
  const [batch, channels, ...space] = x.shape as [number, number, ...number[]];
  const [filters, inGroup, ...window] = w.shape as [number, number, ...number[]];
  const groups = node.int('group', 1);
  if (groups < 1 || channels !== inGroup * groups || filters % groups !== 0)
    throw node.refuse(
      'ShapeMismatch',
      `has ${groups} groups for ${channels} channels, weights [${w.shape.join(', ')}].`,
    );
  const kernel = kernelOf(node, window);
  const shape = [batch, filters, ...slide(node, space, kernel)];
  const inner = inGroup * sizeOf(kernel);
  const columns = sizeOf(shape.slice(2));
  return {
    shape,
    inner,
    // Besides the sums: rearranging the input.
    operations: sizeOf(shape) * (inner + STEPS.output) + groups * inner * columns * STEPS.simple,
    scratchBytes: (inner * columns + sizeOf(w.shape)) * ELEMENT_BYTES[x.type] + sizeOf(shape) * 4,
  };
}

function expectBias(node: NodeView, index: number, filters: number): void {
  const bias = node.optional(index);
  if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== filters))
    throw node.refuse(
      'ShapeMismatch',
      `has a bias of shape [${bias.shape.join(', ')}] for ${filters} filters.`,
    );
}

const conv: OperatorRule = {
  inputs: [2, 3],
  outputs: [1, 1],
  attributes: [...WINDOW_ATTRIBUTES, 'group'],
  infer(node) {
    const x = node.input(0);
    const w = node.input(1);
    expectType(node, x, FLOAT);
    expectSameType(node, x, w);
    expectBias(node, 2, w.shape[0] ?? 0);
    const { shape, operations, scratchBytes } = convolve(node, x, w);
    return { outputs: [{ type: 'float32', shape }], operations, scratchBytes };
  },
};

const convInteger: OperatorRule = {
  inputs: [2, 4],
  outputs: [1, 1],
  attributes: [...WINDOW_ATTRIBUTES, 'group'],
  infer(node) {
    const x = node.input(0);
    const w = node.input(1);
    expectType(node, x, ['uint8', 'int8']);
    expectType(node, w, ['uint8', 'int8']);
    for (const [index, value] of [
      [2, x],
      [3, w],
    ] as const) {
      const zero = node.optional(index);
      if (zero === undefined) continue;
      expectSameType(node, value, zero);
      if (sizeOf(zero.shape) !== 1)
        throw node.refuse('ShapeMismatch', 'has a zero point that is no single number.');
    }
    const { shape, inner, operations, scratchBytes } = convolve(node, x, w);
    return {
      outputs: [{ type: 'int32', shape }],
      operations,
      scratchBytes,
      isInexactInteger: !isExactProduct(x, w, inner),
    };
  },
};

/** x, scale, zero, w, scale, zero, output scale, output zero, bias. */
const qLinearConv: OperatorRule = {
  inputs: [8, 9],
  outputs: [1, 1],
  attributes: [...WINDOW_ATTRIBUTES, 'group'],
  infer(node) {
    const x = node.input(0);
    const w = node.input(3);
    const zero = node.input(7);
    for (const value of [x, w, zero]) expectType(node, value, ['uint8', 'int8']);
    for (const index of [1, 4, 6]) expectType(node, node.input(index), FLOAT);
    expectBias(node, 8, w.shape[0] ?? 0);
    const { shape, operations, scratchBytes } = convolve(node, x, w);
    return { outputs: [{ type: zero.type, shape }], operations, scratchBytes };
  },
};

function pool(...attributes: string[]): OperatorRule {
  return {
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', ...attributes],
    infer(node) {
      const x = node.input(0);
      expectType(node, x, FLOAT);
      if (x.shape.length < 3 || x.shape.length > 5)
        throw node.refuse('ShapeMismatch', `takes 3 to 5 dimensions, not ${x.shape.length}.`);
      if (node.int('ceil_mode', 0) !== 0) throw node.refuse('BadAttribute', 'has ceil_mode; use floor.');
      const [batch, channels, ...space] = x.shape as [number, number, ...number[]];
      const kernel = kernelOf(node);
      if (kernel.length !== space.length)
        throw node.refuse('BadAttribute', `has kernel_shape [${kernel.join(', ')}].`);
      const shape = [batch, channels, ...slide(node, space, kernel)];
      return {
        outputs: [{ type: 'float32', shape }],
        operations: sizeOf(shape) * (sizeOf(kernel) * STEPS.poolTerm + STEPS.output),
      };
    },
  };
}

const globalPool: OperatorRule = {
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: [],
  infer(node) {
    const x = node.input(0);
    expectType(node, x, FLOAT);
    if (x.shape.length < 3) throw node.refuse('ShapeMismatch', `takes at least 3 dimensions.`);
    const shape = x.shape.map((size, i) => (i < 2 ? size : 1));
    return { outputs: [{ type: 'float32', shape }], operations: sizeOf(x.shape) * STEPS.simple };
  },
};

export const WINDOW: Readonly<Record<string, OperatorRule>> = {
  Conv: conv,
  ConvInteger: convInteger,
  QLinearConv: qLinearConv,
  MaxPool: pool('storage_order'),
  AveragePool: pool('count_include_pad'),
  GlobalMaxPool: globalPool,
  GlobalAveragePool: globalPool,
};
