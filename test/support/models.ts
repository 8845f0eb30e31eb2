/** Small models of every kind that the runtime is for, with weights from a seed. */
import type { Tensor, Tensors } from '../../attribution/runtime/api.ts';
import { bytesOf, floats, type GraphBuilder, graphBuilder } from './onnx.ts';

export interface TestModel {
  readonly bytes: Uint8Array;
  readonly inputs: Tensors;
}

export const float32 = (shape: readonly number[], data: Float32Array): Tensor => ({
  type: 'float32',
  shape,
  data,
});
export const uint8 = (shape: readonly number[], data: Uint8Array): Tensor => ({ type: 'uint8', shape, data });
export const int64 = (shape: readonly number[], data: readonly number[]): Tensor => ({
  type: 'int64',
  shape,
  data: BigInt64Array.from(data, BigInt),
});

/** Sizes of the float perceptron, whose weights the reference in TypeScript needs too. */
export const MLP = { inputs: 300, hidden: 32, classes: 10 } as const;
export const mlpWeights = {
  w1: floats(MLP.inputs * MLP.hidden, 1, 0.25),
  b1: floats(MLP.hidden, 2),
  w2: floats(MLP.hidden * MLP.classes, 3),
  b2: floats(MLP.classes, 4),
};

export function floatMlp(): TestModel {
  const g = graphBuilder();
  const { inputs, classes } = MLP;
  const x = g.input('float32', 'x', [1, inputs]);
  const layer = (from: string, w: Float32Array, b: Float32Array): string =>
    g.node('Add', [
      g.node('MatMul', [from, g.constant('float32', [w.length / b.length, b.length], w)]),
      g.constant('float32', [b.length], b),
    ]);
  const h = g.node('Relu', [layer(x, mlpWeights.w1, mlpWeights.b1)]);
  g.output('float32', 'y', layer(h, mlpWeights.w2, mlpWeights.b2), [1, classes]);
  return { bytes: g.bytes(), inputs: { x: float32([1, inputs], floats(inputs, 5)) } };
}

/** Sizes and numbers of the integer perceptron: U8 × U8 around zero point 128, products rescaled in 64 bits. */
export const INTEGER_MLP = { inputs: 256, hidden: 64, classes: 12, multiplier: 37, shift: 12 } as const;
export const integerWeights = {
  w1: bytesOf(INTEGER_MLP.inputs * INTEGER_MLP.hidden, 11),
  w2: bytesOf(INTEGER_MLP.hidden * INTEGER_MLP.classes, 12),
  b1: Array.from(bytesOf(INTEGER_MLP.hidden, 13), (value) => value - 128),
};

export function integerMlp(): TestModel {
  const g = graphBuilder();
  const { inputs, hidden, classes, multiplier, shift } = INTEGER_MLP;
  const x = g.input('uint8', 'x', [1, inputs]);
  const one = (value: number): string => g.constant('int64', [1], [value]);
  const zero = g.constant('uint8', [], [128]);
  const none = g.constant('uint8', [], [0]);
  const product = (a: string, az: string, w: Uint8Array, columns: number): string =>
    g.node('MatMulInteger', [a, g.constant('uint8', [w.length / columns, columns], w), az, zero]);
  // floor((a·m + half) / 2^shift): a positive bias makes truncation a floor.
  const bias = 2 ** 20;
  const rescale = (acc: string): string => {
    const scaled = g.node('Mul', [g.node('Cast', [acc], { to: 7 }), one(multiplier)]);
    const shifted = g.node('Add', [scaled, one(bias * 2 ** shift + 2 ** (shift - 1))]);
    return g.node('Sub', [g.node('Div', [shifted, one(2 ** shift)]), one(bias)]);
  };
  const z = g.node('Add', [
    rescale(product(x, zero, integerWeights.w1, hidden)),
    g.constant('int64', [hidden], integerWeights.b1),
  ]);
  const h = g.node('Cast', [g.node('Max', [g.node('Min', [z, one(255)]), one(0)])], { to: 2 });
  const y = rescale(product(h, none, integerWeights.w2, classes));
  g.output('int64', 'y', y, [1, classes]);
  g.output('int64', 'best', g.node('ArgMax', [y], { axis: 1, keepdims: 0 }), [1]);
  return { bytes: g.bytes(), inputs: { x: uint8([1, inputs], bytesOf(inputs, 14)) } };
}

export function convolution(): TestModel {
  const g = graphBuilder();
  const x = g.input('float32', 'x', [1, 3, 16, 16]);
  const conv = (from: string, cin: number, cout: number, stride: number, seed: number): string =>
    g.node(
      'Conv',
      [
        from,
        g.constant('float32', [cout, cin, 3, 3], floats(cout * cin * 9, seed, 0.5)),
        g.constant('float32', [cout], floats(cout, seed + 1)),
      ],
      { pads: [1, 1, 1, 1], strides: [stride, stride], kernel_shape: [3, 3] },
    );
  const a = g.node('Relu', [conv(x, 3, 8, 1, 21)]);
  const b = g.node('Sigmoid', [
    conv(g.node('MaxPool', [a], { kernel_shape: [2, 2], strides: [2, 2] }), 8, 16, 2, 23),
  ]);
  const pooled = g.node('Flatten', [g.node('GlobalAveragePool', [b])]);
  g.output('float32', 'y', g.node('Softmax', [pooled]), [1, 16]);
  return { bytes: g.bytes(), inputs: { x: float32([1, 3, 16, 16], floats(768, 25)) } };
}

/** One block of a transformer: attention with a causal mask, layer norms, a gated feed-forward. */
export function attentionBlock(): TestModel {
  const [length, width, heads] = [24, 64, 4];
  const each = width / heads;
  const g = graphBuilder();
  const x = g.input('float32', 'x', [1, length, width]);
  const linear = (from: string, columns: number, rows: number, seed: number): string =>
    g.node('MatMul', [from, g.constant('float32', [rows, columns], floats(rows * columns, seed, 0.2))]);
  const norm = (from: string, seed: number): string =>
    g.node(
      'LayerNormalization',
      [
        from,
        g.constant('float32', [width], floats(width, seed)),
        g.constant('float32', [width], floats(width, seed + 1)),
      ],
      { axis: -1, epsilon: { f: 1e-5 } },
    );
  const split = g.constant('int64', [4], [1, length, heads, each]);
  const toHeads = (from: string, perm: readonly number[]): string =>
    g.node('Transpose', [g.node('Reshape', [from, split])], { perm });
  const n = norm(x, 31);
  const q = toHeads(linear(n, width, width, 33), [0, 2, 1, 3]);
  const k = toHeads(linear(n, width, width, 34), [0, 2, 3, 1]);
  const v = toHeads(linear(n, width, width, 35), [0, 2, 1, 3]);
  const mask = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  const scores = g.node('Add', [
    g.node('Mul', [g.node('MatMul', [q, k]), g.constant('float32', [], [0.25])]),
    g.constant('float32', [length, length], mask),
  ]);
  const mixed = g.node('MatMul', [g.node('Softmax', [scores], { axis: -1 }), v]);
  const joined = g.node('Reshape', [
    g.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    g.constant('int64', [3], [1, length, width]),
  ]);
  const after = g.node('Add', [x, linear(joined, width, width, 36)]);
  const m = norm(after, 37);
  const gate = linear(m, 2 * width, width, 39);
  const silu = g.node('Mul', [gate, g.node('Sigmoid', [gate])]);
  const up = g.node('Mul', [silu, linear(m, 2 * width, width, 40)]);
  g.output('float32', 'y', g.node('Add', [after, linear(up, width, 2 * width, 41)]), [1, length, width]);
  return { bytes: g.bytes(), inputs: { x: float32([1, length, width], floats(length * width, 42)) } };
}

/** Looks numbers up in a table: fails on inputs that lie outside. */
export function lookUp(): GraphBuilder {
  const g = graphBuilder();
  const x = g.input('int64', 'x', [4]);
  g.output('float32', 'y', g.node('Gather', [g.constant('float32', [8], floats(8, 51)), x]), [4]);
  return g;
}

/**
 * Every kind of model with the SHA-256 of its outputs (hashOf in runtime.ts) on the pinned runtime. They are the same on
 * every processor; a change means that the runtime, its options or these models changed.
 */
export const FROZEN: readonly {
  readonly name: string;
  readonly make: () => TestModel;
  readonly hash: string;
}[] = [
  {
    name: 'a float perceptron',
    make: floatMlp,
    hash: 'ac641fd366a73a1adbc99f8daae1933ae37c782da32d38e673b014b7a2d0be7b',
  },
  {
    name: 'an integer-only perceptron',
    make: integerMlp,
    hash: '946245985e0f96c0c45041d0eab6effda67de089a5a6a71b76e7ce1a900314eb',
  },
  {
    name: 'a convolution',
    make: convolution,
    hash: '294a1106adc572125f6e2e798a2b0ef89b196acf2e069f3eabeb96ed5b99f04c',
  },
  {
    name: 'an attention block',
    make: attentionBlock,
    hash: '35634d0d4cb2bc8c9fabab926069b0c0081631d2d212e09428b2e6dfeae57b6e',
  },
];
