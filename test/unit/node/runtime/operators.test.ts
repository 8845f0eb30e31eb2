/** Every operator of the list against the pinned runtime: it exists there, and makes the types and shapes of the door. */
import { describe, expect, it } from 'vitest';
import { checkModel, type Tensors } from '../../../../attribution/runtime/api.ts';
import { OPERATORS } from '../../../../attribution/runtime/operators/registry.ts';
import { sizeOf } from '../../../../attribution/runtime/operators/rule.ts';
import type { ElementType } from '../../../../attribution/runtime/types.ts';
import { DEFAULT_PARAMS } from '../../../../genesis/parameters.ts';
import { createWorkerCore } from '../../../../node/runtime-pool/worker-core.ts';
import {
  type Attribute,
  encodeModel,
  floats,
  type GraphBuilder,
  graphBuilder,
} from '../../../support/onnx.ts';

type Cases = readonly [string, (g: GraphBuilder, c: Constants) => string | string[]][];

/** Cases in one model: each model costs a fresh instance, and has at most 64 outputs. */
const GROUP = 24;

/** Small parameters by their numbers. */
interface Constants {
  readonly f: (shape: readonly number[], seed?: number) => string;
  readonly i: (...numbers: number[]) => string;
  readonly scalar: (value: number) => string;
  readonly u8: (shape: readonly number[], value?: number) => string;
}

/** Inputs of every case: x float[2, 3, 4], p the same but positive, i int64[2, 3], u uint8[2, 3], b bool[2, 3], s float[1, 2, 6, 6]. */
const INPUTS: readonly [ElementType, string, readonly number[]][] = [
  ['float32', 'x', [2, 3, 4]],
  ['int64', 'i', [2, 3]],
  ['uint8', 'u', [2, 3]],
  ['bool', 'b', [2, 3]],
  ['float32', 's', [1, 2, 6, 6]],
];

const unary = (names: string, attributes: Record<string, Attribute> = {}): Cases =>
  names.split(' ').map((name) => [name, (g) => g.node(name, ['p'], attributes)]);

const CASES: Cases = [
  ...unary(
    'Abs Neg Sign Relu Floor Ceil Round Sqrt Reciprocal HardSigmoid HardSwish Exp Log Sin Cos Tanh Sigmoid',
  ),
  ...unary(
    'Erf Elu Selu Softplus Softsign Identity Softmax LogSoftmax ReduceSum ReduceMean ReduceMax ReduceMin',
  ),
  ...unary('ReduceProd ReduceL2 ReduceSumSquare Size Shape'),
  ...unary('LeakyRelu ThresholdedRelu', { alpha: { f: 0.5 } }),
  ...unary('ArgMax ArgMin', { axis: 2, keepdims: 0 }),
  ...unary('Flatten', { axis: 2 }),
  ...unary('Transpose', { perm: [2, 0, 1] }),
  ...unary('DynamicQuantizeLinear').map(([name]): Cases[number] => [
    name,
    (g) => g.nodes(name, ['p'], {}, 3),
  ]),
  ['ReduceMean', (g) => g.node('ReduceMean', ['x'], { axes: [-1], keepdims: 0 })],
  ['ReduceSum', (g, c) => g.node('ReduceSum', ['i', c.i(1)], { keepdims: 0 })],
  ['Softmax', (g) => g.node('Softmax', ['x'], { axis: 0 })],
  ...[
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Pow',
    'PRelu',
    'Min',
    'Max',
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'Less',
    'LessOrEqual',
  ].map((name): Cases[number] => [name, (g, c) => g.node(name, ['p', c.f([3, 1], 3)])]),
  ...[
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Mod',
    'Min',
    'Max',
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'Less',
    'LessOrEqual',
  ].map((name): Cases[number] => [name, (g, c) => g.node(name, ['i', c.i(3, 4, 5)])]),
  ...['And', 'Or', 'Xor'].map((name): Cases[number] => [name, (g) => g.node(name, ['b', 'b'])]),
  ['Not', (g) => g.node('Not', ['b'])],
  ['Clip', (g, c) => g.node('Clip', ['x', c.scalar(-0.5), c.scalar(0.5)])],
  ['Cast', (g) => [1, 2, 3, 6, 7, 9].map((to) => g.node('Cast', ['p'], { to }))],
  ['Where', (g, c) => g.node('Where', ['b', 'i', c.i(7)])],
  ['MatMul', (g, c) => g.node('MatMul', ['x', c.f([4, 5])])],
  ['MatMul', (g) => g.node('MatMul', ['x', g.node('Transpose', ['x'], { perm: [0, 2, 1] })])],
  ['MatMul', (g, c) => g.node('MatMul', ['x', c.f([4])])],
  ['MatMul', (g) => g.node('MatMul', ['i', g.constant('int64', [3, 2], [1, 2, 3, 4, 5, 6])])],
  [
    'Gemm',
    (g, c) =>
      g.node('Gemm', [c.f([4, 2]), g.node('Flatten', ['x'], { axis: 2 }), c.f([6])], {
        transA: 1,
        transB: 1,
        alpha: { f: 0.5 },
      }),
  ],
  ['MatMulInteger', (g, c) => g.node('MatMulInteger', ['u', c.u8([3, 5]), c.u8([], 128), c.u8([], 128)])],
  [
    'QLinearMatMul',
    (g, c) =>
      g.node('QLinearMatMul', [
        'u',
        c.scalar(0.5),
        c.u8([], 128),
        c.u8([3, 5]),
        c.scalar(0.25),
        c.u8([], 128),
        c.scalar(4),
        c.u8([], 128),
      ]),
  ],
  [
    'Conv',
    (g, c) =>
      g.node('Conv', ['s', c.f([4, 1, 3, 3]), c.f([4])], {
        group: 2,
        pads: [1, 0, 1, 0],
        strides: [2, 1],
        dilations: [1, 2],
        kernel_shape: [3, 3],
      }),
  ],
  [
    'Conv',
    (g, c) => g.node('Conv', ['s', c.f([4, 2, 3, 3])], { auto_pad: { s: 'SAME_UPPER' }, strides: [4, 4] }),
  ],
  ['Conv', (g, c) => g.node('Conv', ['x', c.f([5, 3, 2])])],
  [
    'ConvInteger',
    (g, c) =>
      g.node('ConvInteger', [
        g.node('Cast', [g.node('Abs', ['s'])], { to: 2 }),
        c.u8([4, 2, 3, 3]),
        c.u8([], 3),
        c.u8([], 128),
      ]),
  ],
  [
    'QLinearConv',
    (g, c) =>
      g.node('QLinearConv', [
        g.node('Cast', [g.node('Abs', ['s'])], { to: 2 }),
        c.scalar(0.5),
        c.u8([], 128),
        c.u8([4, 2, 3, 3]),
        c.scalar(0.25),
        c.u8([], 128),
        c.scalar(4),
        c.u8([], 128),
      ]),
  ],
  ['MaxPool', (g) => g.node('MaxPool', ['s'], { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 1, 1, 1] })],
  [
    'AveragePool',
    (g) => g.node('AveragePool', ['s'], { kernel_shape: [2, 2], count_include_pad: 1, pads: [0, 0, 1, 1] }),
  ],
  ['GlobalMaxPool', (g) => g.node('GlobalMaxPool', ['s'])],
  ['GlobalAveragePool', (g) => g.node('GlobalAveragePool', ['s'])],
  ['TopK', (g, c) => g.nodes('TopK', ['x', c.i(2)], { axis: 2 }, 2)],
  ['CumSum', (g) => g.node('CumSum', ['x', g.constant('int64', [], [1])], { reverse: 1 })],
  [
    'LayerNormalization',
    (g, c) => g.node('LayerNormalization', ['x', c.f([3, 4]), c.f([3, 4])], { axis: -2 }),
  ],
  [
    'BatchNormalization',
    (g, c) =>
      g.node('BatchNormalization', ['s', c.f([2]), c.f([2]), c.f([2]), g.constant('float32', [2], [1, 2])]),
  ],
  ['Reshape', (g, c) => g.node('Reshape', ['x', c.i(0, -1)])],
  ['Squeeze', (g, c) => g.node('Squeeze', ['s', c.i(0)])],
  ['Squeeze', (g) => g.node('Squeeze', ['s'])],
  ['Unsqueeze', (g, c) => g.node('Unsqueeze', ['x', c.i(0, -1)])],
  ['Concat', (g) => g.node('Concat', ['x', 'p', 'x'], { axis: -1 })],
  ['Split', (g) => g.nodes('Split', ['x'], { axis: 2 }, 2)],
  ['Split', (g, c) => g.nodes('Split', ['x', c.i(1, 3)], { axis: 2 }, 2)],
  ['Slice', (g, c) => g.node('Slice', ['x', c.i(-1, 1), c.i(-100, 4), c.i(1, 2), c.i(-2, 2)])],
  [
    'Slice',
    (g) =>
      g.node('Slice', [
        'x',
        g.constant('int64', [1], BigInt64Array.of(1n)),
        g.constant('int64', [1], BigInt64Array.of((1n << 63n) - 1n)),
      ]),
  ],
  [
    'Gather',
    (g, c) => g.node('Gather', ['x', g.node('Reshape', [c.i(1, -1, 0, 2), c.i(2, 2)])], { axis: 1 }),
  ],
  [
    'GatherElements',
    (g) => g.node('GatherElements', ['i', g.constant('int64', [2, 2], [0, 1, 2, 0])], { axis: 1 }),
  ],
  ['Expand', (g, c) => g.node('Expand', ['i', c.i(4, 1, 1)])],
  ['Tile', (g, c) => g.node('Tile', ['i', c.i(2, 3)])],
  ['Pad', (g, c) => g.node('Pad', ['x', c.i(0, 1, 0, 0, 0, 2)], { mode: { s: 'edge' } })],
  ['Trilu', (g) => g.node('Trilu', ['x'], { upper: 0 })],
  ['Shape', (g) => g.node('Shape', ['x'], { start: 1, end: -1 })],
  ['Constant', (g) => g.node('Constant', [], { value: { t: ['float32', [2, 2], floats(4, 9)] } })],
  ['Constant', (g) => g.node('Constant', [], { value_ints: [3, 4] })],
  [
    'ConstantOfShape',
    (g, c) => g.node('ConstantOfShape', [c.i(2, 2)], { value: { t: ['int64', [1], [7]] } }),
  ],
  [
    'Range',
    (g) =>
      g.node(
        'Range',
        [1, 10, 4].map((value) => g.constant('int64', [], [value])),
      ),
  ],
  [
    'OneHot',
    (g) =>
      g.node('OneHot', ['i', g.constant('int64', [], [5]), g.constant('float32', [2], [0, 1])], { axis: 1 }),
  ],
  ['QuantizeLinear', (g, c) => g.node('QuantizeLinear', ['x', c.scalar(0.01), c.u8([], 128)])],
  [
    'DequantizeLinear',
    (g, c) =>
      g.node('DequantizeLinear', ['u', g.constant('float32', [3], [0.5, 0.25, 1]), c.u8([3], 128)], {
        axis: 1,
      }),
  ],
];

/** A file with these cases, whose outputs come without claims, so that the door's own figures stand. */
function fileOf(cases: Cases): Uint8Array {
  const g = graphBuilder();
  for (const [type, name, shape] of INPUTS) g.input(type, name, shape);
  const p = g.node('Add', [g.node('Abs', ['x']), g.constant('float32', [], [0.25])]);
  const named = (names: readonly string[]): string[] => names.map((name) => (name === 'p' ? p : name));
  const positive: GraphBuilder = {
    ...g,
    node: (operator, inputs, attributes) => g.node(operator, named(inputs), attributes),
    nodes: (operator, inputs, attributes, count) => g.nodes(operator, named(inputs), attributes, count),
  };
  const constants: Constants = {
    f: (shape, seed = 1) => g.constant('float32', shape, floats(sizeOf(shape), seed)),
    i: (...numbers) => g.constant('int64', [numbers.length], numbers),
    scalar: (value) => g.constant('float32', [], [value]),
    u8: (shape, value) =>
      g.constant(
        'uint8',
        shape,
        Array.from({ length: sizeOf(shape) }, (_, i) => value ?? (i * 37) % 256),
      ),
  };
  const outputs = cases.flatMap(([, build]) => build(positive, constants));
  const message = g.message();
  message.graph!.output = outputs.map((name) => ({ name }));
  return encodeModel(message);
}

const inputs: Tensors = Object.fromEntries(
  INPUTS.map(([type, name, shape]) => {
    const length = sizeOf(shape);
    const data =
      type === 'float32'
        ? floats(length, 17, 2)
        : type === 'int64'
          ? BigInt64Array.from({ length }, (_, i) => BigInt(i))
          : Uint8Array.from({ length }, (_, i) => (type === 'bool' ? i % 2 : i * 40));
    return [name, { type, shape, data }];
  }),
);

describe('the operators of the list', () => {
  const handle = createWorkerCore(DEFAULT_PARAMS.runtime);

  /** What the worker says, which compares type and shape of every output with the profile. */
  async function outcome(cases: Cases): Promise<string> {
    const bytes = fileOf(cases);
    const key = checkModel(bytes).modelHash;
    const loaded = await handle({ id: 1, kind: 'load', key, modelHash: key, bytes, options: {} });
    if (loaded.kind !== 'done') return JSON.stringify(loaded);
    const ran = await handle({ id: 2, kind: 'run', key, inputs });
    return ran.kind === 'done' ? 'as the door says' : JSON.stringify(ran);
  }

  const groups = Array.from({ length: Math.ceil(CASES.length / GROUP) }, (_, i) =>
    CASES.slice(i * GROUP, (i + 1) * GROUP),
  );
  it.each(groups.map((group) => [group.map(([name]) => name).join(' '), group] as const))(
    '%s',
    async (_, group) => {
      if ((await outcome(group)) === 'as the door says') return;
      // Together they are refused at the first; alone each says what is wrong with it.
      for (const single of group)
        expect(`${single[0]}: ${await outcome([single])}`).toMatch(/as the door says$/);
      expect.unreachable('refused together but not alone');
    },
  );

  it('are all tried', () => {
    const tried = new Set(CASES.map(([name]) => name));
    expect([...OPERATORS.keys()].filter((name) => !tried.has(name))).toEqual([]);
  });
});
