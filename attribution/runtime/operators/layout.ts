/** Operators that move elements without arithmetic. Those that work on shapes also follow small known integers. */
import { MAX_TRACKED_ELEMENTS } from '../limits.ts';
import { numbers } from '../tensor-data.ts';
import type { ElementType } from '../types.ts';
import { STEPS } from './costs.ts';
import {
  ANY,
  expectSameType,
  expectType,
  type Inferred,
  type OperatorRule,
  sizeOf,
  type Value,
} from './rule.ts';

/** One output, whose elements are copied. */
function moved(
  type: ElementType,
  shape: readonly number[],
  integers?: readonly number[] | undefined,
  positive?: boolean,
): Inferred {
  return {
    outputs: [{ type, shape, integers, isPositive: positive }],
    operations: sizeOf(shape) * STEPS.simple,
  };
}

/** A value with the same elements in the same order. */
function reshaped(value: Value, shape: readonly number[]): Inferred {
  return moved(value.type, shape, value.integers, value.isPositive);
}

function rule(
  inputs: readonly [number, number],
  attributes: readonly string[],
  infer: OperatorRule['infer'],
): OperatorRule {
  return { inputs, outputs: [1, 1], attributes, infer };
}

const reshape = rule([2, 2], ['allowzero'], (node) => {
  const value = node.input(0);
  const wanted = node.known(1, 'shape');
  const keepsZero = node.int('allowzero', 0) !== 0;
  const shape = wanted.map((size, i) => (size === 0 && !keepsZero ? value.shape[i] : size));
  const open = shape.indexOf(-1);
  const known = sizeOf(shape.filter((size) => size !== -1) as number[]);
  if (open !== -1) shape[open] = sizeOf(value.shape) / known;
  if (
    shape.some((size) => size === undefined || !Number.isInteger(size) || size < 0) ||
    sizeOf(shape as number[]) !== sizeOf(value.shape)
  )
    throw node.refuse('ShapeMismatch', `reshapes [${value.shape.join(', ')}] to [${wanted.join(', ')}].`);
  return reshaped(value, shape as number[]);
});

const flatten = rule([1, 1], ['axis'], (node) => {
  const value = node.input(0);
  const axis = node.int('axis', 1);
  const cut = axis === value.shape.length ? axis : node.axis(axis, value.shape.length);
  return reshaped(value, [sizeOf(value.shape.slice(0, cut)), sizeOf(value.shape.slice(cut))]);
});

const squeeze = rule([1, 2], [], (node) => {
  const value = node.input(0);
  const rank = value.shape.length;
  const axes =
    node.optional(1) === undefined
      ? [...value.shape.keys()].filter((i) => value.shape[i] === 1)
      : node.known(1, 'axes').map((axis) => node.axis(axis, rank));
  if (axes.some((axis) => value.shape[axis] !== 1))
    throw node.refuse('ShapeMismatch', `squeezes axes [${axes.join(', ')}] of [${value.shape.join(', ')}].`);
  return reshaped(
    value,
    value.shape.filter((_, i) => !axes.includes(i)),
  );
});

const unsqueeze = rule([2, 2], [], (node) => {
  const value = node.input(0);
  const wanted = node.known(1, 'axes');
  const rank = value.shape.length + wanted.length;
  const axes = new Set(wanted.map((axis) => node.axis(axis, rank)));
  if (axes.size !== wanted.length) throw node.refuse('BadAttribute', 'names an axis twice.');
  const rest = [...value.shape];
  return reshaped(
    value,
    Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : rest.shift()!)),
  );
});

const transpose = rule([1, 1], ['perm'], (node) => {
  const value = node.input(0);
  const order = node.ints('perm') ?? [...value.shape.keys()].reverse();
  if (order.length !== value.shape.length || new Set(order).size !== order.length)
    throw node.refuse('BadAttribute', `has perm [${order.join(', ')}] for ${value.shape.length} dimensions.`);
  const shape = order.map((from) => value.shape[node.axis(from, value.shape.length)]!);
  return moved(value.type, shape, undefined, value.isPositive);
});

const concat = rule([1, 256], ['axis'], (node) => {
  const values = node.inputs();
  const [first] = values as [Value];
  const axis = node.axis(node.int('axis'), first.shape.length);
  let length = 0;
  for (const value of values) {
    expectSameType(node, first, value);
    const fits =
      value.shape.length === first.shape.length &&
      value.shape.every((size, i) => i === axis || size === first.shape[i]);
    if (!fits)
      throw node.refuse(
        'ShapeMismatch',
        `joins shapes [${first.shape.join(', ')}] and [${value.shape.join(', ')}] on axis ${axis}.`,
      );
    length += value.shape[axis]!;
  }
  const shape = first.shape.map((size, i) => (i === axis ? length : size));
  const isKnown = first.shape.length === 1 && length <= MAX_TRACKED_ELEMENTS;
  const known = isKnown && values.every((value) => value.integers !== undefined);
  return moved(first.type, shape, known ? values.flatMap((value) => value.integers!) : undefined);
});

const split: OperatorRule = {
  inputs: [1, 2],
  outputs: [1, 256],
  attributes: ['axis', 'num_outputs'],
  infer(node) {
    const value = node.input(0);
    const axis = node.axis(node.int('axis', 0), value.shape.length);
    const size = value.shape[axis]!;
    const count = node.outputCount;
    if (node.attribute('num_outputs') !== undefined && node.int('num_outputs') !== count)
      throw node.refuse('BadAttribute', `has num_outputs ${node.int('num_outputs')}, but ${count} outputs.`);
    const part = Math.ceil(size / count);
    const parts =
      node.optional(1) === undefined
        ? Array.from({ length: count }, (_, i) => Math.min(part, size - part * i))
        : node.known(1, 'sizes');
    if (parts.length !== count || parts.some((n) => n < 1) || parts.reduce((a, b) => a + b, 0) !== size)
      throw node.refuse('ShapeMismatch', `splits ${size} into [${parts.join(', ')}] for ${count} outputs.`);
    return {
      outputs: parts.map((length) => ({
        type: value.type,
        shape: value.shape.map((old, i) => (i === axis ? length : old)),
      })),
      operations: sizeOf(value.shape) * STEPS.simple,
    };
  },
};

/** data, starts, ends, axes, steps. */
const slice = rule([3, 5], [], (node) => {
  const value = node.input(0);
  const rank = value.shape.length;
  const starts = node.known(1, 'starts');
  const ends = node.known(2, 'ends');
  const axes = node.optional(3) === undefined ? [...starts.keys()] : node.known(3, 'axes');
  const steps = node.optional(4) === undefined ? starts.map(() => 1) : node.known(4, 'steps');
  if ([ends, axes, steps].some((list) => list.length !== starts.length))
    throw node.refuse('ShapeMismatch', 'has starts, ends, axes and steps of different length.');
  const shape = [...value.shape];
  let range = { start: 0, step: 1 };
  const seen = new Set<number>();
  for (const [i, wanted] of axes.entries()) {
    const axis = node.axis(wanted, rank);
    if (seen.has(axis)) throw node.refuse('BadAttribute', `names axis ${axis} twice.`);
    seen.add(axis);
    const size = value.shape[axis]!;
    const step = steps[i]!;
    if (step === 0) throw node.refuse('BadAttribute', 'has a step of 0.');
    const clamp = (n: number, low: number, high: number): number =>
      Math.min(Math.max(n < 0 ? n + size : n, low), high);
    const start = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size);
    shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    range = { start, step };
  }
  const { integers } = value;
  const known =
    integers !== undefined && rank === 1
      ? Array.from({ length: shape[0]! }, (_, i) => integers[range.start + i * range.step]!)
      : undefined;
  const result = moved(value.type, shape, axes.length === 0 ? integers : known, value.isPositive);
  return steps.every((step) => step === 1) ? result : { ...result, operations: sizeOf(shape) * STEPS.slow };
});

const gather = rule([2, 2], ['axis'], (node) => {
  const value = node.input(0);
  const indices = node.input(1);
  expectType(node, indices, ['int32', 'int64']);
  const axis = node.axis(node.int('axis', 0), value.shape.length);
  const size = value.shape[axis]!;
  if (indices.integers?.some((index) => index < -size || index >= size))
    throw node.refuse('ShapeMismatch', `reads an element outside its ${size}.`);
  const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
  const { integers } = value;
  const known =
    integers !== undefined && value.shape.length === 1
      ? indices.integers?.map((index) => integers[index < 0 ? index + size : index]!)
      : undefined;
  const result = moved(value.type, shape, known, value.isPositive);
  const blocks = sizeOf(value.shape.slice(0, axis)) * sizeOf(indices.shape);
  return { ...result, operations: result.operations + blocks * STEPS.copy };
});

const gatherElements = rule([2, 2], ['axis'], (node) => {
  const value = node.input(0);
  const indices = node.input(1);
  expectType(node, indices, ['int32', 'int64']);
  const axis = node.axis(node.int('axis', 0), value.shape.length);
  const fits =
    indices.shape.length === value.shape.length &&
    indices.shape.every((size, i) => i === axis || size <= value.shape[i]!);
  if (!fits) throw node.refuse('ShapeMismatch', `has indices of shape [${indices.shape.join(', ')}].`);
  const result = moved(value.type, indices.shape, undefined, value.isPositive);
  return { ...result, operations: sizeOf(indices.shape) * STEPS.slow };
});

const expand = rule([2, 2], [], (node) => {
  const value = node.input(0);
  const wanted = node.known(1, 'shape');
  const rank = Math.max(wanted.length, value.shape.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const old = value.shape[i - rank + value.shape.length] ?? 1;
    const size = wanted[i - rank + wanted.length] ?? 1;
    if (size < 1 || (old !== size && old !== 1 && size !== 1))
      throw node.refuse('ShapeMismatch', `expands [${value.shape.join(', ')}] to [${wanted.join(', ')}].`);
    return Math.max(old, size);
  });
  return moved(value.type, shape, undefined, value.isPositive);
});

const tile = rule([2, 2], [], (node) => {
  const value = node.input(0);
  const repeats = node.known(1, 'repeats');
  if (repeats.length !== value.shape.length || repeats.some((count) => count < 1))
    throw node.refuse(
      'ShapeMismatch',
      `repeats [${repeats.join(', ')}] for ${value.shape.length} dimensions.`,
    );
  return moved(
    value.type,
    value.shape.map((size, i) => size * repeats[i]!),
    undefined,
    value.isPositive,
  );
});

/** data, pads, value, axes. */
const pad = rule([2, 4], ['mode'], (node) => {
  const value = node.input(0);
  const rank = value.shape.length;
  const pads = node.known(1, 'pads');
  const axes =
    node.optional(3) === undefined
      ? [...value.shape.keys()]
      : node.known(3, 'axes').map((axis) => node.axis(axis, rank));
  const mode = node.string('mode', 'constant');
  if (!['constant', 'reflect', 'edge'].includes(mode))
    throw node.refuse('BadAttribute', `has mode '${mode}'.`);
  if (
    pads.length !== 2 * axes.length ||
    pads.some((count) => count < 0) ||
    new Set(axes).size !== axes.length
  )
    throw node.refuse('ShapeMismatch', `has pads [${pads.join(', ')}] for ${axes.length} dimensions.`);
  const shape = [...value.shape];
  for (const [i, axis] of axes.entries()) {
    const before = pads[i]!;
    const after = pads[i + axes.length]!;
    if (mode === 'reflect' && Math.max(before, after) >= value.shape[axis]!)
      throw node.refuse('ShapeMismatch', 'reflects more elements than there are.');
    shape[axis] = value.shape[axis]! + before + after;
  }
  return moved(value.type, shape);
});

const trilu = rule([1, 2], ['upper'], (node) => {
  const value = node.input(0);
  if (value.shape.length < 2) throw node.refuse('ShapeMismatch', 'takes matrices.');
  node.int('upper', 1);
  return moved(value.type, value.shape);
});

const shapeOf = rule([1, 1], ['start', 'end'], (node) => {
  const { shape } = node.input(0);
  const bound = (name: string, fallback: number): number => {
    const value = node.int(name, fallback);
    return Math.min(Math.max(value < 0 ? value + shape.length : value, 0), shape.length);
  };
  const part = shape.slice(bound('start', 0), bound('end', shape.length));
  return moved('int64', [part.length], part);
});

const size = rule([1, 1], [], (node) => moved('int64', [], [sizeOf(node.input(0).shape)]));

const constant = rule([0, 0], ['value', 'value_int', 'value_ints', 'value_float', 'value_floats'], (node) => {
  for (const name of ['value', 'value_int', 'value_ints', 'value_float', 'value_floats']) {
    const attribute = node.attribute(name);
    if (attribute === undefined) continue;
    switch (attribute.kind) {
      case 'tensor': {
        const tensor = attribute.value;
        const tracked = tensor.type !== 'float32' && tensor.elements <= MAX_TRACKED_ELEMENTS;
        return {
          outputs: [
            {
              type: tensor.type,
              shape: tensor.shape,
              parameter: tensor,
              integers: tracked ? [...numbers(tensor)] : undefined,
            },
          ],
          operations: tensor.elements * STEPS.simple,
        };
      }
      case 'int':
        return moved('int64', [], [attribute.value]);
      case 'ints': {
        const { length } = attribute.value;
        return moved('int64', [length], length <= MAX_TRACKED_ELEMENTS ? attribute.value : undefined);
      }
      case 'float':
        return moved('float32', []);
      case 'floats':
        return moved('float32', [attribute.value.length]);
      default:
        throw node.refuse('StringTensor', 'holds strings.');
    }
  }
  throw node.refuse('BadAttribute', 'holds no value.');
});

const constantOfShape = rule([1, 1], ['value'], (node) => {
  const shape = node.known(0, 'shape');
  if (shape.some((length) => length < 0))
    throw node.refuse('ShapeMismatch', `makes shape [${shape.join(', ')}].`);
  const attribute = node.attribute('value');
  if (attribute === undefined) return moved('float32', shape);
  if (attribute.kind !== 'tensor' || attribute.value.elements !== 1)
    throw node.refuse('BadAttribute', 'needs one number as its value.');
  const [number] = [...numbers(attribute.value)];
  const { type } = attribute.value;
  const isTracked = type !== 'float32' && sizeOf(shape) <= MAX_TRACKED_ELEMENTS;
  const integers = isTracked ? Array<number>(sizeOf(shape)).fill(number!) : undefined;
  return moved(type, shape, integers, type !== 'float32' && number! >= 1);
});

const range = rule([3, 3], [], (node) => {
  const first = node.input(0);
  expectType(node, first, ['int32', 'int64']);
  for (const value of node.inputs()) expectSameType(node, first, value);
  const [start] = node.known(0, 'start');
  const [limit] = node.known(1, 'limit');
  const [step] = node.known(2, 'step');
  if (start === undefined || limit === undefined || step === undefined || step === 0)
    throw node.refuse('BadAttribute', 'needs a start, a limit and a step that is not 0.');
  const count = Math.max(0, Math.ceil((limit - start) / step));
  const integers =
    count <= MAX_TRACKED_ELEMENTS ? Array.from({ length: count }, (_, i) => start + i * step) : undefined;
  return moved(first.type, [count], integers);
});

/** indices, depth, [off, on]. */
const oneHot = rule([3, 3], ['axis'], (node) => {
  const indices = node.input(0);
  const values = node.input(2);
  expectType(node, indices, ['int32', 'int64', 'float32']);
  expectType(node, values, ANY);
  const [depth] = node.known(1, 'depth');
  if (depth === undefined || depth < 1) throw node.refuse('ShapeMismatch', `has depth ${depth}.`);
  const axis = node.axis(node.int('axis', -1), indices.shape.length + 1);
  const shape = [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)];
  return { ...moved(values.type, shape), operations: sizeOf(shape) * STEPS.slow };
});

export const LAYOUT: Readonly<Record<string, OperatorRule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Trilu: { ...trilu, since: 14 },
  Shape: shapeOf,
  Size: size,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  OneHot: oneHot,
};
