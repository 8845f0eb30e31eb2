/** Checks at the two ends of a run. */
import {
  type ElementType,
  ModelError,
  type ModelProfile,
  type NamedTensorType,
  type Tensor,
  type TensorData,
  type Tensors,
} from '../../attribution/runtime/api.ts';

const ARRAYS = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const satisfies Record<ElementType, unknown>;

/** The buffer's bytes as numbers of the type. */
export function arrayOver(type: ElementType, buffer: ArrayBuffer): TensorData {
  return new ARRAYS[type](buffer);
}

/** @throws ModelError BadInput: a name too many or too few, another type or shape, a number that is not finite. */
export function checkInputs(profile: ModelProfile, inputs: Tensors): void {
  const names = new Set(profile.inputs.map(({ name }) => name));
  for (const name of Object.keys(inputs))
    if (!names.has(name))
      throw new ModelError(
        'BadInput',
        `The model has no input '${name}'. It takes ${[...names].join(', ')}.`,
      );
  for (const expected of profile.inputs) {
    const tensor = Object.hasOwn(inputs, expected.name) ? inputs[expected.name] : undefined;
    if (tensor === undefined) throw new ModelError('BadInput', `Input '${expected.name}' is missing.`);
    expectTensor('BadInput', 'Input', expected, tensor);
    if (firstBad(tensor) !== undefined)
      throw new ModelError(
        'BadInput',
        `Number ${firstBad(tensor)} of input '${expected.name}' is not ${tensor.type === 'bool' ? '0 or 1' : 'finite'}.`,
      );
  }
}

/** @throws ModelError NonFiniteOutput, RuntimeRefused if a shape is not the one that the door computed */
export function checkOutputs(profile: ModelProfile, outputs: Tensors): void {
  for (const expected of profile.outputs) {
    const tensor = outputs[expected.name]!;
    expectTensor('RuntimeRefused', 'Output', expected, tensor);
    const bad = firstBad(tensor);
    if (bad !== undefined)
      throw new ModelError(
        'NonFiniteOutput',
        `Number ${bad} of output '${expected.name}' is ${tensor.data[bad]}. The model overflows on these inputs.`,
      );
  }
}

/** Zeros of every input's type and shape. */
export function zeroInputs(profile: ModelProfile): Tensors {
  return Object.fromEntries(
    profile.inputs.map(({ name, type, shape }) => [
      name,
      { type, shape, data: new ARRAYS[type](elements(shape)) },
    ]),
  );
}

function expectTensor(
  code: 'BadInput' | 'RuntimeRefused',
  what: string,
  { name, type, shape }: NamedTensorType,
  tensor: Tensor,
): void {
  const fits =
    tensor.type === type &&
    tensor.shape.join() === shape.join() &&
    tensor.data instanceof ARRAYS[type] &&
    tensor.data.length === elements(shape);
  if (!fits)
    throw new ModelError(
      code,
      `${what} '${name}' must be ${type}[${shape.join(', ')}]; it is ${tensor.type}[${tensor.shape.join(', ')}] with ${tensor.data.length} numbers.`,
    );
}

/** Index of the first number that its type does not allow here. */
function firstBad({ type, data }: Tensor): number | undefined {
  if (type !== 'float32' && type !== 'bool') return undefined;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (type === 'float32' ? !Number.isFinite(value) : value > 1) return i;
  }
  return undefined;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
