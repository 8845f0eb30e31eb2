/** Numbers of a tensor in the file: raw little-endian bytes, or packed in a typed field. */
import { ModelError } from './errors.ts';
import { type Cursor, cursorOver, readVarint } from './protobuf.ts';
import { ELEMENT_BYTES, type TensorType } from './types.ts';

/** A tensor of the file. Its numbers stay where they are and are read when somebody asks. */
export interface FileTensor extends TensorType {
  readonly name: string;
  readonly elements: number;
  readonly data: TensorSource;
}

export type TensorSource =
  | { readonly kind: 'raw'; readonly bytes: Cursor }
  /** Packed varints (int32_data, int64_data). */
  | { readonly kind: 'varints'; readonly bytes: Cursor };

/** Reads every number once, where its type allows values that are none. @throws ModelError BadTensor, NonFiniteParameter */
export function checkNumbers(tensor: FileTensor): void {
  const { name, type, elements, data } = tensor;
  const size = data.bytes.end - data.bytes.at;
  if (data.kind === 'raw') {
    const expected = elements * ELEMENT_BYTES[type];
    if (size !== expected)
      throw new ModelError('BadTensor', `Tensor '${name}' has ${size} bytes, its shape needs ${expected}.`);
    if (type === 'float32') expectNumbers(tensor, data.bytes);
    if (type !== 'bool') return;
  }
  let count = 0;
  for (const value of numbers(tensor)) {
    count++;
    if (!isInRange(value, type))
      throw new ModelError('BadTensor', `Number ${count - 1} of tensor '${name}' does not fit ${type}.`);
  }
  if (count !== elements)
    throw new ModelError('BadTensor', `Tensor '${name}' has ${count} numbers, its shape needs ${elements}.`);
}

/** Infinities are allowed, since masks use them. @throws ModelError NonFiniteParameter */
function expectNumbers({ name }: FileTensor, { bytes, at, end }: Cursor): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
  for (let i = 0; i < view.byteLength; i += 4)
    if ((view.getUint32(i, true) & 0x7fffffff) > 0x7f800000)
      throw new ModelError(
        'NonFiniteParameter',
        `Number ${i / 4} of tensor '${name}' is NaN. Repair the weights.`,
      );
}

/** The numbers in order; 64-bit ones beyond ±(2⁵³ − 1) as that bound. */
export function* numbers(tensor: FileTensor): Generator<number> {
  const { bytes, at, end } = tensor.data.bytes;
  if (tensor.data.kind === 'varints') {
    const cursor = cursorOver(bytes, at, end);
    while (cursor.at < end) yield readVarint(cursor);
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
  const step = ELEMENT_BYTES[tensor.type];
  for (let i = 0; i < view.byteLength; i += step) yield readNumber(view, i, tensor.type);
}

function readNumber(view: DataView, at: number, type: TensorType['type']): number {
  switch (type) {
    case 'float32':
      return view.getFloat32(at, true);
    case 'uint8':
    case 'bool':
      return view.getUint8(at);
    case 'int8':
      return view.getInt8(at);
    case 'int32':
      return view.getInt32(at, true);
    case 'int64': {
      const value = view.getInt32(at + 4, true) * 4294967296 + view.getUint32(at, true);
      return Math.min(Math.max(value, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
    }
  }
}

function isInRange(value: number, type: TensorType['type']): boolean {
  switch (type) {
    case 'float32':
    case 'int64':
      return true;
    case 'uint8':
      return value >= 0 && value <= 255;
    case 'bool':
      return value === 0 || value === 1;
    case 'int8':
      return value >= -128 && value <= 127;
    case 'int32':
      return value >= -0x80000000 && value <= 0x7fffffff;
  }
}
