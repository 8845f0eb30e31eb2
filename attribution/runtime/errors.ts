/**
 * Why a model file, its inputs or its outputs are refused. All of these follow from bytes and declared limits alone, so
 * every node refuses alike; what goes wrong on one machine only is a Fault of the pool instead.
 */
export type ModelErrorCode =
  /** More bytes than a model may have. */
  | 'TooLarge'
  /** A message or field ends beyond the bytes that hold it. */
  | 'Truncated'
  /** A number is not encoded in the shortest way, or is too long. */
  | 'BadVarint'
  /** A field has a wire type that it must not have. */
  | 'BadWireType'
  /** A field that the ONNX subset does not have. */
  | 'UnknownField'
  /** A field that may stand once stands twice. */
  | 'RepeatedField'
  /** More nodes, tensors, names, attributes or numbers than the limit. */
  | 'TooMany'
  /** A name is empty, too long, or not printable ASCII. */
  | 'BadName'
  /** The file format version is not supported. */
  | 'UnsupportedVersion'
  /** The standard operator set is missing or its version is not supported. */
  | 'UnsupportedOpset'
  /** An operator set that is not the standard one. */
  | 'UnknownDomain'
  /** An operator that is not on the list of docs/runtime.md. */
  | 'UnknownOperator'
  /** Subgraphs: branches and loops. */
  | 'ControlFlow'
  /** Functions defined by the model. */
  | 'Functions'
  /** Sparse tensors. */
  | 'Sparse'
  /** Tensor data outside the file. */
  | 'ExternalData'
  /** Tensors of strings. */
  | 'StringTensor'
  /** An element type or a kind of value that is not supported. */
  | 'UnsupportedType'
  /** Data of a tensor do not fit its shape or type. */
  | 'BadTensor'
  /** A parameter is not a number. */
  | 'NonFiniteParameter'
  /** Two values share a name. */
  | 'DuplicateName'
  /** A node uses a value that itself or a later node makes. */
  | 'Cycle'
  /** A node or output names a value that nobody makes. */
  | 'DanglingInput'
  /** The graph is missing or has no nodes, inputs or outputs. */
  | 'BadGraph'
  /** An input has a dimension without a number. */
  | 'DynamicShape'
  /** A shape depends on data that are known only when the model runs. */
  | 'DataDependentShape'
  /** Shapes or types of a node's values do not fit each other or what the file says of them. */
  | 'ShapeMismatch'
  /** An attribute is unknown, missing, of the wrong kind or out of range. */
  | 'BadAttribute'
  /** A node has too few or too many inputs or outputs. */
  | 'BadArity'
  /** An integer division whose divisor is not known to be positive: processors trap on zero. */
  | 'UnsafeDivision'
  /** One tensor is larger than the limit. */
  | 'TensorTooLarge'
  /** Running the model needs more memory than the limit. */
  | 'MemoryTooLarge'
  /** Running the model takes more steps than the limit. */
  | 'TooManyOperations'
  /** The bytes are not those of the hash they were given with. */
  | 'HashMismatch'
  /** The pinned runtime refused the graph, or refused to run it on these inputs. */
  | 'RuntimeRefused'
  /** Inputs do not fit the model: names, types, shapes, or a number that is not finite. */
  | 'BadInput'
  /** An output holds NaN or an infinity. */
  | 'NonFiniteOutput';

/** A model, input or output that is refused. `code` is stable, `message` says what is wrong and what to do. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  constructor(code: ModelErrorCode, message: string) {
    super(message);
    this.name = 'ModelError';
    this.code = code;
  }
}
