/** What an operator must tell the door: which attributes it has, the types of its outputs, and what a run of it costs. */
import { ModelError, type ModelErrorCode } from '../errors.ts';
import type { OnnxAttribute, OnnxNode } from '../onnx.ts';
import type { FileTensor } from '../tensor-data.ts';
import type { ElementType, TensorType } from '../types.ts';

/** A value of the graph as the door sees it. */
export interface Value extends TensorType {
  /** A parameter: its numbers are in the file. */
  readonly parameter?: FileTensor | undefined;
  /** Integers of a small tensor that does not depend on the model's inputs: shapes, axes, starts. */
  readonly integers?: readonly number[] | undefined;
  /** Every element is known to be at least 1: it may divide integers. */
  readonly isPositive?: boolean | undefined;
}

export interface Inferred {
  readonly outputs: readonly Value[];
  /** Steps, a multiply-add is one. */
  readonly operations: number;
  /** Bytes that the kernel needs besides inputs and outputs. */
  readonly scratchBytes?: number;
  /** The node's products of integers are not the same on every processor, or may overflow. */
  readonly isInexactInteger?: boolean;
}

export interface OperatorRule {
  /** Least and most inputs and outputs. */
  readonly inputs: readonly [number, number];
  readonly outputs: readonly [number, number];
  readonly attributes: readonly string[];
  /** First version of the standard operator set that has it; default the oldest supported. */
  readonly since?: number;
  infer(node: NodeView): Inferred;
}

/** Typed access to one node, with errors that name it. */
export interface NodeView {
  readonly opset: number;
  readonly outputCount: number;
  readonly inputCount: number;
  /** @throws ModelError BadArity if it is left out. */
  input(index: number): Value;
  optional(index: number): Value | undefined;
  inputs(): readonly Value[];
  /** @throws ModelError BadAttribute if it is missing without a default, or of another kind. */
  int(name: string, fallback?: number): number;
  ints(name: string): readonly number[] | undefined;
  float(name: string, fallback: number): number;
  string(name: string, fallback: string): string;
  attribute(name: string): OnnxAttribute | undefined;
  /** Integers that the file must say, given as an input. @throws ModelError DataDependentShape */
  known(index: number, what: string): readonly number[];
  /** `axis` counted from the front. @throws ModelError BadAttribute */
  axis(axis: number, rank: number): number;
  refuse(code: ModelErrorCode, problem: string): ModelError;
}

export function viewOf(
  node: OnnxNode,
  at: number,
  opset: number,
  values: readonly (Value | undefined)[],
): NodeView {
  const label = `Node ${at} (${node.operator}${node.name === '' ? '' : ` '${node.name}'`})`;
  const refuse = (code: ModelErrorCode, problem: string): ModelError =>
    new ModelError(code, `${label} ${problem}`);
  const attribute = <K extends OnnxAttribute['kind']>(
    name: string,
    kind: K,
  ): Extract<OnnxAttribute, { kind: K }> | undefined => {
    const found = node.attributes.get(name);
    if (found === undefined) return undefined;
    if (found.kind !== kind)
      throw refuse('BadAttribute', `has attribute '${name}' as ${found.kind}, not ${kind}.`);
    return found as Extract<OnnxAttribute, { kind: K }>;
  };
  const input = (index: number): Value => {
    const value = values[index];
    if (value === undefined) throw refuse('BadArity', `lacks input ${index}.`);
    return value;
  };
  return {
    opset,
    outputCount: node.outputs.length,
    inputCount: values.length,
    input,
    optional: (index) => values[index],
    inputs: () => values.map((_, index) => input(index)),
    int(name, fallback) {
      const value = attribute(name, 'int')?.value ?? fallback;
      if (value === undefined) throw refuse('BadAttribute', `lacks attribute '${name}'.`);
      return value;
    },
    ints: (name) => attribute(name, 'ints')?.value,
    float: (name, fallback) => attribute(name, 'float')?.value ?? fallback,
    string: (name, fallback) => attribute(name, 'string')?.value ?? fallback,
    attribute: (name) => node.attributes.get(name),
    known(index, what) {
      const integers = input(index).integers;
      if (integers === undefined)
        throw refuse(
          'DataDependentShape',
          `takes its ${what} from data. Export with fixed shapes, so that the file says it.`,
        );
      return integers;
    },
    axis(axis, rank) {
      const positive = axis < 0 ? axis + rank : axis;
      if (!Number.isInteger(positive) || positive < 0 || positive >= rank)
        throw refuse('BadAttribute', `has axis ${axis}, but the tensor has ${rank} dimensions.`);
      return positive;
    },
    refuse,
  };
}

export const FLOAT: readonly ElementType[] = ['float32'];
export const NUMBERS: readonly ElementType[] = ['float32', 'int32', 'int64', 'uint8', 'int8'];
export const WIDE: readonly ElementType[] = ['float32', 'int32', 'int64'];
export const ANY: readonly ElementType[] = [...NUMBERS, 'bool'];

/** @throws ModelError UnsupportedType */
export function expectType(node: NodeView, value: Value, allowed: readonly ElementType[]): void {
  if (!allowed.includes(value.type))
    throw node.refuse('UnsupportedType', `takes ${allowed.join(', ')}, not ${value.type}.`);
}

/** @throws ModelError ShapeMismatch */
export function expectSameType(node: NodeView, first: Value, other: Value): void {
  if (first.type !== other.type)
    throw node.refuse('ShapeMismatch', `mixes ${first.type} and ${other.type}. Cast one of them.`);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Shape of two tensors combined element by element (numpy's rules). @throws ModelError ShapeMismatch */
export function broadcast(node: NodeView, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1)
      throw node.refuse('ShapeMismatch', `cannot combine shapes [${a.join(', ')}] and [${b.join(', ')}].`);
    return left === 1 ? right : left;
  });
}
