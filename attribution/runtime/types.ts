/** What the door says of a model, and the tensors that go in and out. */

/** Element types that both the door and the executor know, by their names in ONNX. */
export type ElementType = 'float32' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool';

/** Numbers of the types in a model file (TensorProto.DataType). */
export const ELEMENT_TYPE_NUMBERS: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
};

export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
};

/** Type and fixed shape of a value; no dimension is unknown. */
export interface TensorType {
  readonly type: ElementType;
  readonly shape: readonly number[];
}

export interface NamedTensorType extends TensorType {
  readonly name: string;
}

/**
 * `integer-only`: no float anywhere and only 8-bit products that every processor computes alike, so that a native runtime
 * gives the same bits. `float`: everything else; exact on the pinned WebAssembly build alone.
 */
export type ModelClass = 'integer-only' | 'float';

export interface OperatorCount {
  readonly name: string;
  readonly nodes: number;
}

/** A size that the file leaves open and the registration fixes, by its name in the file. */
export interface FixedDimension {
  readonly name: string;
  readonly size: number;
}

/** What is known of a model before it runs. Canonical bytes and hash: profile.ts. */
export interface ModelProfile {
  /** SHA-256 of the file: 0x and 64 lower-case hex digits. */
  readonly modelHash: string;
  readonly modelBytes: number;
  readonly irVersion: number;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly modelClass: ModelClass;
  /** In ascending order of their names. */
  readonly operators: readonly OperatorCount[];
  /** In the file's order. */
  readonly inputs: readonly NamedTensorType[];
  readonly outputs: readonly NamedTensorType[];
  /** In ascending order of their names; empty if the file leaves nothing open. */
  readonly dimensions: readonly FixedDimension[];
  /** Numbers in all initialisers and constants. */
  readonly parameters: number;
  /** Initialisers of the graph; follows from the file and is no part of the canonical bytes. */
  readonly initializers: number;
  /** Upper figure for the memory of loading and running it once. */
  readonly peakBytes: number;
  /** Steps of one run: a multiply-add is one, others are weighted (docs/runtime.md, §3). */
  readonly operations: number;
}

export interface CheckOptions {
  /** Sizes for the names of open dimensions (`batch`, `sequence`). A name without a size is refused. */
  readonly dimensions?: Readonly<Record<string, number>>;
}

export type TensorData = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

/** A value that goes into or comes out of a model. `bool` is one byte an element, 0 or 1. */
export interface Tensor extends TensorType {
  readonly data: TensorData;
}

/** By the names of the profile. */
export type Tensors = Readonly<Record<string, Tensor>>;
