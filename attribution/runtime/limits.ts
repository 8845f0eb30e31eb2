/** Every bound of the model door in one place, each with its reason. Sizes in bytes unless a name says otherwise. */

/** A model file. The largest that is practical here has 10 M floats or 35 M bytes of weights (docs/runtime.md, §6). */
export const MAX_MODEL_BYTES = 64 * 1024 * 1024;

/** Nodes of a graph. A transformer of 24 layers exported operator by operator has about 2,000. */
export const MAX_NODES = 8192;

/** Initialisers of a graph. */
export const MAX_INITIALIZERS = 8192;

/** Names of one kind in one message: inputs and outputs of a node or of the graph, described values. */
export const MAX_NODE_VALUES = 256;
export const MAX_GRAPH_VALUES = 64;
export const MAX_DESCRIBED_VALUES = 16_384;

/**
 * Attributes of one node (Conv has the most: six) and numbers in one of them (axes, pads, small constants). Over all nodes
 * these are at most 8 M numbers, which fit the heap of a worker.
 */
export const MAX_ATTRIBUTES = 16;
export const MAX_ATTRIBUTE_NUMBERS = 64;

/** Imported operator sets: the standard one, and what exporters add without using it. */
export const MAX_OPSET_IMPORTS = 16;

/** Bytes of a name. Exporters write the path of a layer; 512 is twice the longest seen. */
export const MAX_NAME_BYTES = 512;

/** Dimensions of a tensor: kernels of the runtime keep them in fixed arrays of this order. */
export const MAX_RANK = 8;

/** Elements of one dimension: products of two stay exact in doubles. */
export const MAX_DIMENSION = 1 << 26;

/** Bytes of one tensor. */
export const MAX_TENSOR_BYTES = 256 * 1024 * 1024;

/**
 * Declared memory of a run (docs/runtime.md, §3). The executor gives the WebAssembly memory twice this, so that what the
 * door lets in never meets the wall.
 */
export const MAX_PEAK_BYTES = 512 * 1024 * 1024;

/** Multiply-adds of a run, other steps weighted: seconds of one core in WebAssembly (docs/runtime.md, §3). */
export const MAX_OPERATIONS = 16 * 1024 * 1024 * 1024;

/** Elements of an integer tensor whose values the door follows, to know shapes: shapes have at most MAX_RANK. */
export const MAX_TRACKED_ELEMENTS = 64;

/** Format versions and versions of the standard operator set whose meanings the door knows. */
export const MIN_IR_VERSION = 4;
export const MAX_IR_VERSION = 10;
export const MIN_OPSET = 13;
export const MAX_OPSET = 21;

/** Longest sum of products of two unsigned bytes that an int32 holds: 33,025 · 255² < 2³¹. */
export const MAX_INTEGER_DOT = 33_025;
