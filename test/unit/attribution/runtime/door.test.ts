import { describe, expect, it } from 'vitest';
import { checkModel, ModelError, type ModelErrorCode } from '../../../../attribution/runtime/api.ts';
import { STEPS } from '../../../../attribution/runtime/operators/costs.ts';
import { attentionBlock, convolution, floatMlp, integerMlp, MLP } from '../../../support/models.ts';
import { type Attribute, encodeModel, floats, graphBuilder } from '../../../support/onnx.ts';

/** The code with which the door refuses the file. */
function refusal(bytes: Uint8Array, dimensions: Record<string, number> = {}): ModelErrorCode | 'accepted' {
  try {
    checkModel(bytes, { dimensions });
    return 'accepted';
  } catch (error) {
    if (error instanceof ModelError) return error.code;
    throw error;
  }
}

/** A graph of one node over the input x: float32[2, 6]. */
function single(
  operator: string,
  attributes: Record<string, Attribute> = {},
  others: (g: ReturnType<typeof graphBuilder>) => string[] = () => [],
  opset = 17,
): Uint8Array {
  const g = graphBuilder(opset);
  const x = g.input('float32', 'x', [2, 6]);
  const y = g.node(operator, [x, ...others(g)], attributes);
  const message = g.message();
  message.graph!.output = [{ name: y }];
  return encodeModel(message);
}

describe('the profile of a model', () => {
  it('counts parameters, steps and memory from shapes alone', () => {
    const { inputs, hidden, classes } = MLP;
    const { bytes } = floatMlp();
    const profile = checkModel(bytes);
    const parameters = inputs * hidden + hidden + hidden * classes + classes;
    expect(profile).toMatchObject({
      opset: 17,
      irVersion: 8,
      modelClass: 'float',
      modelBytes: bytes.length,
      parameters,
      inputs: [{ name: 'x', type: 'float32', shape: [1, inputs] }],
      outputs: [{ name: 'y', type: 'float32', shape: [1, classes] }],
      operators: [
        { name: 'Add', nodes: 2 },
        { name: 'Identity', nodes: 1 },
        { name: 'MatMul', nodes: 2 },
        { name: 'Relu', nodes: 1 },
      ],
    });
    // Two products, then each element that is made: products, Add and Relu, Add and Identity.
    const elements = 3 * hidden + 3 * classes;
    expect(profile.operations).toBe(inputs * hidden + hidden * classes + elements * STEPS.simple);
    // The file twice, the parameters twice, and the first product: input, result, packed weights.
    const live = 4 * (inputs + hidden + inputs * hidden);
    expect(profile.peakBytes).toBe(2 * bytes.length + 8 * parameters + live);
  });

  it('is integer-only if there is no float and every product of bytes is exact everywhere', () => {
    expect(checkModel(integerMlp().bytes).modelClass).toBe('integer-only');
    for (const model of [floatMlp(), convolution(), attentionBlock()])
      expect(checkModel(model.bytes).modelClass).toBe('float');
  });

  it.each([
    ['signed weights saturate on some processors', 'int8', 64, 'float'],
    ['unsigned ones do not', 'uint8', 64, 'integer-only'],
    ['33,025 terms fit 32 bits', 'uint8', 33_025, 'integer-only'],
    ['33,026 may not', 'uint8', 33_026, 'float'],
  ] as const)('%s', (_, type, inner, expected) => {
    const g = graphBuilder();
    const x = g.input('uint8', 'x', [1, inner]);
    const w = g.constant(type, [inner, 1], new Uint8Array(inner).fill(1));
    g.output('int32', 'y', g.node('MatMulInteger', [x, w]), [1, 1]);
    expect(checkModel(g.bytes()).modelClass).toBe(expected);
  });

  it('takes sizes for open dimensions and says which it used', () => {
    const g = graphBuilder();
    const x = g.input('float32', 'x', ['batch', 6]);
    g.output('float32', 'y', g.node('Relu', [x]), ['batch', 6]);
    expect(refusal(g.bytes())).toBe('DynamicShape');
    expect(refusal(g.bytes(), { batch: 0 })).toBe('DynamicShape');
    const profile = checkModel(g.bytes(), { dimensions: { batch: 3, unused: 9 } });
    expect(profile.outputs[0]!.shape).toEqual([3, 6]);
    expect(profile.dimensions).toEqual([{ name: 'batch', size: 3 }]);
  });

  it('follows shapes that the file computes', () => {
    const g = graphBuilder();
    const x = g.input('float32', 'x', ['batch', 2, 8]);
    const shape = g.node('Shape', [x]);
    const first = g.node('Slice', [
      shape,
      ...[[0], [1], [0]].map((numbers) => g.constant('int64', [1], numbers)),
    ]);
    const wanted = g.node('Concat', [first, g.constant('int64', [1], [-1])], { axis: 0 });
    g.output('float32', 'y', g.node('Reshape', [x, wanted]), [4, 16]);
    expect(checkModel(g.bytes(), { dimensions: { batch: 4 } }).outputs[0]!.shape).toEqual([4, 16]);
  });
});

describe('what the door refuses', () => {
  const cases: [string, ModelErrorCode | 'accepted', () => Uint8Array][] = [
    ['an operator that nobody knows', 'UnknownOperator', () => single('Frobnicate')],
    ['an operator with a name of JavaScript', 'UnknownOperator', () => single('constructor')],
    [
      'an operator of a later version',
      'UnknownOperator',
      () => single('LayerNormalization', {}, (g) => [g.constant('float32', [6], floats(6, 1))], 16),
    ],
    ['loops', 'ControlFlow', () => single('Loop')],
    ['random numbers', 'UnknownOperator', () => single('RandomNormalLike')],
    [
      'an attribute that the operator does not have',
      'BadAttribute',
      () => single('Relu', { alpha: { f: 1 } }),
    ],
    ['an attribute of another kind', 'BadAttribute', () => single('LeakyRelu', { alpha: 1 })],
    ['an axis that is not there', 'BadAttribute', () => single('Softmax', { axis: 2 })],
    ['too many inputs', 'BadArity', () => single('Relu', {}, () => ['x'])],
    ['shapes that do not fit', 'ShapeMismatch', () => single('MatMul', {}, () => ['x'])],
    [
      'types that do not fit',
      'ShapeMismatch',
      () => single('Add', {}, (g) => [g.constant('int64', [6], [1, 2, 3, 4, 5, 6])]),
    ],
    [
      'a shape that comes with the data',
      'DataDependentShape',
      () => {
        const g = graphBuilder();
        const x = g.input('float32', 'x', [4]);
        g.output('float32', 'y', g.node('Reshape', [x, g.input('int64', 'shape', [1])]), [4]);
        return g.bytes();
      },
    ],
    ['an old operator set', 'UnsupportedOpset', () => single('Relu', {}, () => [], 12)],
    ['a new operator set', 'UnsupportedOpset', () => single('Relu', {}, () => [], 22)],
    [
      'a reduction whose axes stand where its version does not look',
      'BadAttribute',
      () => single('ReduceMean', { axes: [1] }, () => [], 18),
    ],
    [
      'division of integers by data',
      'UnsafeDivision',
      () => {
        const g = graphBuilder();
        const x = g.input('int64', 'x', [4]);
        g.output('int64', 'y', g.node('Div', [x, x]), [4]);
        return g.bytes();
      },
    ],
    [
      'division of integers by a constant with a zero',
      'UnsafeDivision',
      () => {
        const g = graphBuilder();
        const x = g.input('int64', 'x', [4]);
        g.output('int64', 'y', g.node('Div', [x, g.constant('int64', [4], [1, 2, 0, 4])]), [4]);
        return g.bytes();
      },
    ],
    [
      'not: division by Max(x, 1)',
      'accepted',
      () => {
        const g = graphBuilder();
        const x = g.input('int64', 'x', [4]);
        const safe = g.node('Max', [x, g.constant('int64', [1], [1])]);
        g.output('int64', 'y', g.node('Div', [x, safe]), [4]);
        return g.bytes();
      },
    ],
    [
      'a weight that is not a number',
      'NonFiniteParameter',
      () => single('Add', {}, (g) => [g.constant('float32', [6], [0, 0, Number.NaN, 0, 0, 0])]),
    ],
    [
      'not: a mask of minus infinity',
      'accepted',
      () => single('Add', {}, (g) => [g.constant('float32', [6], [0, -Infinity, 0, 0, 0, 0])]),
    ],
  ];
  it.each(cases)('%s: %s', (_, code, make) => {
    expect(refusal(make())).toBe(code);
  });
});
