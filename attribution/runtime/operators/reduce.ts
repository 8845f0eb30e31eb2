/** Operators that fold whole dimensions: sums, maxima, the best k, softmax and normalisations. */
import type { ElementType } from '../types.ts';
import { STEPS } from './costs.ts';
import {
  expectSameType,
  expectType,
  FLOAT,
  type NodeView,
  NUMBERS,
  type OperatorRule,
  sizeOf,
  WIDE,
} from './rule.ts';

/** From this version on the axes are an input; before, an attribute (ReduceSum changed five versions earlier). */
const AXES_AS_INPUT = 18;

function reduce(types: readonly ElementType[], axesSince = AXES_AS_INPUT): OperatorRule {
  return {
    inputs: [1, 2],
    outputs: [1, 1],
    attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
    infer(node) {
      const { type, shape } = node.input(0);
      expectType(node, node.input(0), types);
      const axes = axesOf(node, axesSince).map((axis) => node.axis(axis, shape.length));
      const isNoop = node.int('noop_with_empty_axes', 0) !== 0;
      const folded = axes.length > 0 ? new Set(axes) : new Set(isNoop ? [] : shape.keys());
      const keeps = node.int('keepdims', 1) !== 0;
      const reduced = shape.flatMap((size, i) => (folded.has(i) ? (keeps ? [1] : []) : [size]));
      return {
        outputs: [{ type, shape: reduced }],
        operations: sizeOf(shape) * STEPS.slow,
        scratchBytes: sizeOf(shape) * 4,
      };
    },
  };
}

function axesOf(node: NodeView, axesSince: number): readonly number[] {
  const attribute = node.ints('axes');
  if (node.opset < axesSince) {
    if (node.optional(1) !== undefined)
      throw node.refuse('BadArity', `has axes as an input, which operator set ${node.opset} does not know.`);
    return attribute ?? [];
  }
  if (attribute !== undefined)
    throw node.refuse(
      'BadAttribute',
      `has axes as an attribute, which operator set ${node.opset} does not know.`,
    );
  return node.optional(1) === undefined ? [] : node.known(1, 'axes');
}

const argBest: OperatorRule = {
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: ['axis', 'keepdims', 'select_last_index'],
  infer(node) {
    const { shape } = node.input(0);
    expectType(node, node.input(0), NUMBERS);
    const axis = node.axis(node.int('axis', 0), shape.length);
    node.int('select_last_index', 0);
    const keeps = node.int('keepdims', 1) !== 0;
    const reduced = shape.flatMap((size, i) => (i === axis ? (keeps ? [1] : []) : [size]));
    return { outputs: [{ type: 'int64', shape: reduced }], operations: sizeOf(shape) * STEPS.slow };
  },
};

const topK: OperatorRule = {
  inputs: [2, 2],
  outputs: [2, 2],
  attributes: ['axis', 'largest', 'sorted'],
  infer(node) {
    const { type, shape } = node.input(0);
    expectType(node, node.input(0), WIDE);
    const axis = node.axis(node.int('axis', -1), shape.length);
    const [k] = node.known(1, 'count');
    if (k === undefined || k < 1 || k > shape[axis]!)
      throw node.refuse('ShapeMismatch', `takes the best ${k} of ${shape[axis]}.`);
    if (node.int('sorted', 1) !== 1)
      throw node.refuse('BadAttribute', 'leaves the order open; use sorted=1.');
    node.int('largest', 1);
    const best = shape.map((size, i) => (i === axis ? k : size));
    return {
      outputs: [
        { type, shape: best },
        { type: 'int64', shape: best },
      ],
      operations: sizeOf(shape) * STEPS.sort,
      scratchBytes: sizeOf(shape) * 16,
    };
  },
};

const softmax: OperatorRule = {
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: ['axis'],
  infer(node) {
    const { type, shape } = node.input(0);
    expectType(node, node.input(0), FLOAT);
    node.axis(node.int('axis', -1), shape.length);
    // On an axis that is not the last one the kernel transposes.
    return {
      outputs: [{ type, shape }],
      operations: sizeOf(shape) * STEPS.softmax,
      scratchBytes: sizeOf(shape) * 8,
    };
  },
};

const cumSum: OperatorRule = {
  inputs: [2, 2],
  outputs: [1, 1],
  attributes: ['exclusive', 'reverse'],
  infer(node) {
    const { type, shape } = node.input(0);
    expectType(node, node.input(0), WIDE);
    const [axis] = node.known(1, 'axis');
    node.axis(axis ?? Number.NaN, shape.length);
    node.int('exclusive', 0);
    node.int('reverse', 0);
    return { outputs: [{ type, shape }], operations: sizeOf(shape) * STEPS.slow };
  },
};

const layerNormalization: OperatorRule = {
  inputs: [2, 3],
  outputs: [1, 1],
  attributes: ['axis', 'epsilon', 'stash_type'],
  since: 17,
  infer(node) {
    const { type, shape } = node.input(0);
    expectType(node, node.input(0), FLOAT);
    const axis = node.axis(node.int('axis', -1), shape.length);
    node.float('epsilon', 1e-5);
    node.int('stash_type', 1);
    for (const index of [1, 2]) {
      const value = node.optional(index);
      if (value === undefined) continue;
      expectSameType(node, node.input(0), value);
      if (value.shape.join() !== shape.slice(axis).join())
        throw node.refuse('ShapeMismatch', `has a scale or bias of shape [${value.shape.join(', ')}].`);
    }
    return {
      outputs: [{ type, shape }],
      operations: sizeOf(shape) * STEPS.normalise,
      scratchBytes: sizeOf(shape) * 4,
    };
  },
};

/** x, scale, bias, mean, variance: only as in inference, with one output. */
const batchNormalization: OperatorRule = {
  inputs: [5, 5],
  outputs: [1, 1],
  attributes: ['epsilon', 'momentum', 'training_mode'],
  infer(node) {
    const { type, shape } = node.input(0);
    for (const value of node.inputs()) expectType(node, value, FLOAT);
    node.float('epsilon', 1e-5);
    node.float('momentum', 0.9);
    if (node.int('training_mode', 0) !== 0) throw node.refuse('BadAttribute', 'is in training mode.');
    for (const value of node.inputs().slice(1))
      if (value.shape.length !== 1 || value.shape[0] !== shape[1])
        throw node.refuse('ShapeMismatch', `has a statistic of shape [${value.shape.join(', ')}].`);
    return { outputs: [{ type, shape }], operations: sizeOf(shape) * STEPS.simple };
  },
};

export const REDUCE: Readonly<Record<string, OperatorRule>> = {
  ReduceSum: reduce(WIDE, 13),
  ReduceMean: reduce(FLOAT),
  ReduceMax: reduce(NUMBERS),
  ReduceMin: reduce(NUMBERS),
  ReduceProd: reduce(WIDE),
  ReduceL2: reduce(FLOAT),
  ReduceSumSquare: reduce(FLOAT),
  ArgMax: argBest,
  ArgMin: argBest,
  TopK: topK,
  Softmax: softmax,
  LogSoftmax: softmax,
  CumSum: cumSum,
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
};
