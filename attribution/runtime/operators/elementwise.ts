/** Operators that work element by element. */
import { numbers } from '../tensor-data.ts';
import type { ElementType } from '../types.ts';
import { STEPS } from './costs.ts';
import {
  ANY,
  broadcast,
  expectSameType,
  expectType,
  FLOAT,
  type NodeView,
  NUMBERS,
  type OperatorRule,
  sizeOf,
  type Value,
  WIDE,
} from './rule.ts';

function unary(types: readonly ElementType[], steps: number, ...attributes: string[]): OperatorRule {
  return {
    inputs: [1, 1],
    outputs: [1, 1],
    attributes,
    infer(node) {
      const { type, shape } = node.input(0);
      expectType(node, node.input(0), types);
      for (const name of attributes) node.float(name, 0);
      return { outputs: [{ type, shape }], operations: sizeOf(shape) * steps };
    },
  };
}

/** Two or more inputs of one type, broadcast. */
function combine(
  types: readonly ElementType[],
  result: 'same' | 'bool',
  options: {
    readonly most?: number;
    readonly steps?: number;
    /** Value of two known integers. */
    readonly fold?: (a: number, b: number) => number;
    /** Whether the output is known to be positive, from what is known of the inputs. */
    readonly positive?: (inputs: readonly boolean[]) => boolean;
    readonly divides?: boolean;
  } = {},
): OperatorRule {
  const { most = 2, steps = STEPS.simple, fold, positive, divides = false } = options;
  return {
    inputs: [most === 2 ? 2 : 1, most],
    outputs: [1, 1],
    attributes: [],
    infer(node) {
      const values = node.inputs();
      const [first] = values as [Value];
      expectType(node, first, types);
      let shape: readonly number[] = first.shape;
      for (const value of values.slice(1)) {
        expectSameType(node, first, value);
        shape = broadcast(node, shape, value.shape);
      }
      if (divides && first.type !== 'float32') expectPositive(node, values[1]!);
      return {
        outputs: [
          {
            type: result === 'bool' ? 'bool' : first.type,
            shape,
            integers: fold === undefined ? undefined : folded(values, sizeOf(shape), fold),
            isPositive: positive?.(values.map(isPositive)),
          },
        ],
        operations: sizeOf(shape) * steps * Math.max(1, values.length - 1),
      };
    },
  };
}

/** Known integers of equal or single length; undefined where a result would leave the exact range. */
function folded(
  values: readonly Value[],
  size: number,
  fold: (a: number, b: number) => number,
): number[] | undefined {
  const known = values.map((value) => value.integers);
  if (!known.every((list) => list !== undefined && (list.length === size || list.length === 1)))
    return undefined;
  const lists = known as (readonly number[])[];
  const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i]!;
  const result = Array.from({ length: size }, (_, i) =>
    lists.slice(1).reduce((sum, list) => fold(sum, at(list, i)), at(lists[0]!, i)),
  );
  return result.every(Number.isSafeInteger) ? result : undefined;
}

/** Every element is at least 1, from the file's numbers or from what made the value. */
export function isPositive(value: Value): boolean {
  if (value.isPositive === true) return true;
  if (value.integers !== undefined) return value.integers.every((integer) => integer > 0);
  if (value.parameter === undefined || value.type === 'float32') return false;
  for (const number of numbers(value.parameter)) if (number < 1) return false;
  return true;
}

function expectPositive(node: NodeView, divisor: Value): void {
  if (!isPositive(divisor))
    throw node.refuse(
      'UnsafeDivision',
      'divides integers by a value that may be zero or negative, where processors trap. Divide by a positive constant, or by Max(x, 1).',
    );
}

const clip: OperatorRule = {
  inputs: [1, 3],
  outputs: [1, 1],
  attributes: [],
  infer(node) {
    const value = node.input(0);
    expectType(node, value, NUMBERS);
    for (const index of [1, 2]) {
      const bound = node.optional(index);
      if (bound === undefined) continue;
      expectSameType(node, value, bound);
      if (sizeOf(bound.shape) !== 1)
        throw node.refuse('ShapeMismatch', 'has a bound that is not a single number.');
    }
    const least = node.optional(1);
    return {
      outputs: [
        { type: value.type, shape: value.shape, isPositive: least !== undefined && isPositive(least) },
      ],
      operations: sizeOf(value.shape) * STEPS.simple,
    };
  },
};

const cast: OperatorRule = {
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: ['to', 'saturate'],
  infer(node) {
    const value = node.input(0);
    const type = typeOfNumber(node, node.int('to'));
    node.int('saturate', 1);
    const isWide = type === 'int32' || type === 'int64';
    return {
      outputs: [
        {
          type,
          shape: value.shape,
          integers: isWide && value.integers?.every((n) => fits(n, type)) ? value.integers : undefined,
          // Widening keeps the sign of what is known to be positive.
          isPositive: type === 'int64' && value.type !== 'float32' && isPositive(value),
        },
      ],
      operations: sizeOf(value.shape) * STEPS.slow,
    };
  },
};

function fits(value: number, type: 'int32' | 'int64'): boolean {
  return type === 'int64' || (value >= -0x80000000 && value <= 0x7fffffff);
}

const CAST_TYPES: Readonly<Record<number, ElementType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
};

export function typeOfNumber(node: NodeView, number: number): ElementType {
  const type = CAST_TYPES[number];
  if (type === undefined) throw node.refuse('UnsupportedType', `casts to element type ${number}.`);
  return type;
}

const where: OperatorRule = {
  inputs: [3, 3],
  outputs: [1, 1],
  attributes: [],
  infer(node) {
    const [condition, yes, no] = node.inputs() as [Value, Value, Value];
    expectType(node, condition, ['bool']);
    expectType(node, yes, ANY);
    expectSameType(node, yes, no);
    const shape = broadcast(node, condition.shape, broadcast(node, yes.shape, no.shape));
    return { outputs: [{ type: yes.type, shape }], operations: sizeOf(shape) * 2 * STEPS.simple };
  },
};

const identity: OperatorRule = {
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: [],
  infer(node) {
    const value = node.input(0);
    return { outputs: [value], operations: sizeOf(value.shape) * STEPS.simple };
  },
};

const SIGNED: readonly ElementType[] = ['float32', 'int8', 'int32', 'int64'];

export const ELEMENTWISE: Readonly<Record<string, OperatorRule>> = {
  Abs: unary(NUMBERS, STEPS.simple),
  Neg: unary(SIGNED, STEPS.simple),
  Sign: unary(NUMBERS, STEPS.simple),
  Relu: unary(['float32', 'int8', 'int32'], STEPS.simple),
  Not: unary(['bool'], STEPS.simple),
  Floor: unary(FLOAT, STEPS.simple),
  Ceil: unary(FLOAT, STEPS.simple),
  Round: unary(FLOAT, STEPS.simple),
  Sqrt: unary(FLOAT, STEPS.slow),
  Reciprocal: unary(FLOAT, STEPS.slow),
  LeakyRelu: unary(FLOAT, STEPS.simple, 'alpha'),
  ThresholdedRelu: unary(FLOAT, STEPS.simple, 'alpha'),
  HardSigmoid: unary(FLOAT, 2 * STEPS.simple, 'alpha', 'beta'),
  HardSwish: { ...unary(FLOAT, 2 * STEPS.simple), since: 14 },
  Exp: unary(FLOAT, STEPS.function),
  Log: unary(FLOAT, STEPS.function),
  Sin: unary(FLOAT, STEPS.function),
  Cos: unary(FLOAT, STEPS.function),
  Tanh: unary(FLOAT, STEPS.function),
  Sigmoid: unary(FLOAT, STEPS.function),
  Erf: unary(FLOAT, STEPS.function),
  Elu: unary(FLOAT, STEPS.function, 'alpha'),
  Selu: unary(FLOAT, STEPS.function, 'alpha', 'gamma'),
  Softplus: unary(FLOAT, STEPS.twoFunctions),
  Softsign: unary(FLOAT, STEPS.slow),
  Add: combine(WIDE, 'same', { fold: (a, b) => a + b }),
  Sub: combine(WIDE, 'same', { fold: (a, b) => a - b }),
  Mul: combine(WIDE, 'same', { fold: (a, b) => a * b }),
  Div: combine(WIDE, 'same', {
    steps: STEPS.slow,
    divides: true,
    fold: (a, b) => Math.trunc(a / b),
  }),
  Mod: { ...combine(['int32', 'int64'], 'same', { steps: STEPS.slow, divides: true }), attributes: ['fmod'] },
  Pow: combine(FLOAT, 'same', { steps: STEPS.function }),
  PRelu: combine(FLOAT, 'same'),
  Min: combine(NUMBERS, 'same', { most: 16, positive: (inputs) => inputs.every(Boolean) }),
  Max: combine(NUMBERS, 'same', { most: 16, positive: (inputs) => inputs.some(Boolean) }),
  Equal: combine(ANY, 'bool'),
  Greater: combine(NUMBERS, 'bool'),
  GreaterOrEqual: combine(NUMBERS, 'bool'),
  Less: combine(NUMBERS, 'bool'),
  LessOrEqual: combine(NUMBERS, 'bool'),
  And: combine(['bool'], 'bool'),
  Or: combine(['bool'], 'bool'),
  Xor: combine(['bool'], 'bool'),
  Clip: clip,
  Cast: cast,
  Where: where,
  Identity: identity,
};
