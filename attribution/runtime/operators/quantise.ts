/** Between floats and bytes. Their scales are floats, so that a model which uses them is not integer-only. */
import { STEPS } from './costs.ts';
import {
  expectSameType,
  expectType,
  FLOAT,
  type NodeView,
  type OperatorRule,
  sizeOf,
  type Value,
} from './rule.ts';

/** One scale for the tensor, or one for each element of `axis`. */
function expectScale(node: NodeView, value: Value, scale: Value): void {
  expectType(node, scale, FLOAT);
  if (scale.shape.length === 0 || (scale.shape.length === 1 && scale.shape[0] === 1)) return;
  const axis = node.axis(node.int('axis', 1), value.shape.length);
  if (scale.shape.length !== 1 || scale.shape[0] !== value.shape[axis])
    throw node.refuse('ShapeMismatch', `has scales of shape [${scale.shape.join(', ')}].`);
}

const quantizeLinear: OperatorRule = {
  inputs: [2, 3],
  outputs: [1, 1],
  attributes: ['axis', 'saturate'],
  infer(node) {
    const value = node.input(0);
    expectType(node, value, FLOAT);
    expectScale(node, value, node.input(1));
    node.int('saturate', 1);
    const zero = node.optional(2);
    if (zero !== undefined) expectType(node, zero, ['uint8', 'int8']);
    return {
      outputs: [{ type: zero?.type ?? 'uint8', shape: value.shape }],
      operations: sizeOf(value.shape) * STEPS.slow,
    };
  },
};

const dequantizeLinear: OperatorRule = {
  inputs: [2, 3],
  outputs: [1, 1],
  attributes: ['axis'],
  infer(node) {
    const value = node.input(0);
    expectType(node, value, ['uint8', 'int8', 'int32']);
    expectScale(node, value, node.input(1));
    const zero = node.optional(2);
    if (zero !== undefined) expectSameType(node, value, zero);
    return {
      outputs: [{ type: 'float32', shape: value.shape }],
      operations: sizeOf(value.shape) * STEPS.simple,
    };
  },
};

const dynamicQuantizeLinear: OperatorRule = {
  inputs: [1, 1],
  outputs: [3, 3],
  attributes: [],
  infer(node) {
    const value = node.input(0);
    expectType(node, value, FLOAT);
    return {
      outputs: [
        { type: 'uint8', shape: value.shape },
        { type: 'float32', shape: [] },
        { type: 'uint8', shape: [] },
      ],
      operations: sizeOf(value.shape) * STEPS.slow,
    };
  },
};

export const QUANTISE: Readonly<Record<string, OperatorRule>> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
};
