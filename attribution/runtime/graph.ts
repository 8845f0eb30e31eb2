/**
 * Walks a graph once in the file's order, which must be an order in which it can run, and computes type and shape of
 * every value, the memory that is alive at every node, and the steps. Nothing is run and nothing of the size of a tensor
 * is made: a file can only claim large shapes, and is refused at the first one that breaks a limit.
 */
import { ModelError } from './errors.ts';
import { MAX_OPERATIONS, MAX_PEAK_BYTES, MAX_RANK, MAX_TRACKED_ELEMENTS } from './limits.ts';
import { elementCount, type OnnxGraph, type OnnxNode, type OnnxValue } from './onnx.ts';
import { CONTROL_FLOW, OPERATORS } from './operators/registry.ts';
import { type Inferred, sizeOf, type Value, viewOf } from './operators/rule.ts';
import { type FileTensor, numbers } from './tensor-data.ts';
import { ELEMENT_BYTES, type FixedDimension, type NamedTensorType, type OperatorCount } from './types.ts';

export interface GraphFacts {
  readonly inputs: readonly NamedTensorType[];
  readonly outputs: readonly NamedTensorType[];
  readonly dimensions: readonly FixedDimension[];
  readonly operators: readonly OperatorCount[];
  readonly isIntegerOnly: boolean;
  /** Numbers in initialisers and constants, and their bytes. */
  readonly parameters: number;
  readonly parameterBytes: number;
  /** Largest sum of live values and scratch at one node. */
  readonly liveBytes: number;
  readonly operations: number;
}

/** @throws ModelError */
export function examineGraph(
  graph: OnnxGraph,
  opset: number,
  sizes: Readonly<Record<string, number>>,
): GraphFacts {
  if (graph.nodes.length === 0 || graph.inputs.length === 0 || graph.outputs.length === 0)
    throw new ModelError('BadGraph', 'The graph needs at least one node, one input and one output.');
  const used = new Map<string, number>();
  const inputs = graph.inputs.map((input) => fixInput(input, sizes, used));
  const described = new Map<string, OnnxValue>();
  for (const value of graph.described) {
    if (described.has(value.name))
      throw new ModelError('DuplicateName', `The file describes value '${value.name}' twice.`);
    described.set(value.name, value);
  }
  const declared = new Map([...described, ...graph.outputs.map((value) => [value.name, value] as const)]);

  const values = new Map<string, Value>();
  const define = (name: string, value: Value): void => {
    if (values.has(name))
      throw new ModelError('DuplicateName', `Two values are called '${name}'. Give each its own name.`);
    const claim = declared.get(name);
    if (claim !== undefined) expectClaim(claim, value, sizes);
    values.set(name, value);
  };
  for (const { name, type, shape } of inputs) define(name, { type, shape });
  for (const tensor of graph.initializers) defineParameter(tensor, define);

  const walk = walkNodes(graph, opset, values, define);
  const outputs = graph.outputs.map(({ name }): NamedTensorType => {
    const value = values.get(name);
    if (value === undefined)
      throw new ModelError('DanglingInput', `The graph returns '${name}', which nobody makes.`);
    return { name, type: value.type, shape: value.shape };
  });
  if (new Set(outputs.map(({ name }) => name)).size !== outputs.length)
    throw new ModelError('DuplicateName', 'The graph returns one value twice.');
  return {
    inputs,
    outputs,
    dimensions: [...used].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, size]) => ({ name, size })),
    operators: countOperators(graph.nodes),
    isIntegerOnly: walk.isExactInteger && [...values.values()].every((value) => value.type !== 'float32'),
    parameters: walk.parameters,
    parameterBytes: walk.parameterBytes,
    liveBytes: walk.liveBytes,
    operations: walk.operations,
  };
}

/** The input with every open dimension replaced by its given size. */
function fixInput(
  input: OnnxValue,
  sizes: Readonly<Record<string, number>>,
  used: Map<string, number>,
): NamedTensorType {
  const { name, type, shape } = input;
  if (type === undefined || shape === undefined)
    throw new ModelError('DynamicShape', `Input '${name}' has no type or shape. Export with fixed shapes.`);
  const fixed = shape.map((dimension, i) => {
    if (typeof dimension === 'number') return dimension;
    const size = dimension !== undefined && Object.hasOwn(sizes, dimension) ? sizes[dimension] : undefined;
    if (dimension === undefined || size === undefined)
      throw new ModelError(
        'DynamicShape',
        `Dimension ${i} of input '${name}' is open (${dimension ?? 'without a name'}). Export with fixed shapes, or give its size.`,
      );
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ModelError('DynamicShape', `The size given for '${dimension}' is ${size}; use 1 or more.`);
    used.set(dimension, size);
    return size;
  });
  if (elementCount(fixed, type, `Input '${name}'`) === 0)
    throw new ModelError('DynamicShape', `Input '${name}' has no elements.`);
  return { name, type, shape: fixed };
}

function defineParameter(tensor: FileTensor, define: (name: string, value: Value) => void): void {
  const { name, type, shape, elements } = tensor;
  if (name === '') throw new ModelError('BadName', 'An initialiser has no name.');
  // An empty list of integers is the shape of a single number.
  if (elements === 0 && (shape.length !== 1 || type === 'float32'))
    throw new ModelError('BadTensor', `Tensor '${name}' has no elements.`);
  const isTracked = type !== 'float32' && elements <= MAX_TRACKED_ELEMENTS;
  define(name, {
    type,
    shape,
    parameter: tensor,
    integers: isTracked ? [...numbers(tensor)] : undefined,
  });
}

/** What the file says of a value must be what the operators make of it: the runtime believes the file. */
function expectClaim(claim: OnnxValue, value: Value, sizes: Readonly<Record<string, number>>): void {
  const isType = claim.type === undefined || claim.type === value.type;
  const fits = (dimension: number | string | undefined, i: number): boolean => {
    const size =
      typeof dimension === 'string' && Object.hasOwn(sizes, dimension) ? sizes[dimension] : dimension;
    return typeof size !== 'number' || size === value.shape[i];
  };
  const isShape =
    claim.shape === undefined || (claim.shape.length === value.shape.length && claim.shape.every(fits));
  if (!isType || !isShape)
    throw new ModelError(
      'ShapeMismatch',
      `The file says that '${claim.name}' is ${claim.type}[${claim.shape?.join(', ')}], but it is ${value.type}[${value.shape.join(', ')}].`,
    );
}

interface Walk {
  readonly isExactInteger: boolean;
  readonly parameters: number;
  readonly parameterBytes: number;
  readonly liveBytes: number;
  readonly operations: number;
}

function walkNodes(
  graph: OnnxGraph,
  opset: number,
  values: Map<string, Value>,
  define: (name: string, value: Value) => void,
): Walk {
  const lastUse = lastUses(graph);
  const madeLater = new Set(graph.nodes.flatMap((node) => node.outputs));
  const alive = new Map<string, number>();
  let live = 0;
  let isExactInteger = true;
  let parameters = 0;
  let parameterBytes = 0;
  let liveBytes = 0;
  let operations = 0;
  const keep = (name: string, value: Value): void => {
    const bytes = sizeOf(value.shape) * ELEMENT_BYTES[value.type];
    alive.set(name, bytes);
    live += bytes;
  };
  const count = (value: Value): void => {
    parameters += sizeOf(value.shape);
    parameterBytes += sizeOf(value.shape) * ELEMENT_BYTES[value.type];
  };
  for (const [name, value] of values) value.parameter === undefined ? keep(name, value) : count(value);

  for (const [at, node] of graph.nodes.entries()) {
    const inferred = inferNode(node, at, opset, values, madeLater);
    for (const [i, name] of node.outputs.entries()) {
      // Reading it later must be no longer a cycle, also for outputs that are left out.
      madeLater.delete(name);
      const value = inferred.outputs[i];
      if (name === '' || value === undefined) continue;
      expectSize(name, value, at, node);
      define(name, value);
      keep(name, value);
      if (node.operator === 'Constant') count(value);
    }
    operations += inferred.operations;
    liveBytes = Math.max(liveBytes, live + (inferred.scratchBytes ?? 0));
    isExactInteger &&= inferred.isInexactInteger !== true;
    if (operations > MAX_OPERATIONS)
      throw new ModelError(
        'TooManyOperations',
        `A run takes over ${MAX_OPERATIONS} steps. Use a smaller model.`,
      );
    if (liveBytes > MAX_PEAK_BYTES)
      throw new ModelError(
        'MemoryTooLarge',
        `Node ${at} (${node.operator}) needs ${liveBytes} bytes, at most ${MAX_PEAK_BYTES} are allowed.`,
      );
    for (const name of lastUse.get(at) ?? []) {
      live -= alive.get(name) ?? 0;
      alive.delete(name);
    }
  }
  return { isExactInteger, parameters, parameterBytes, liveBytes, operations };
}

/** For each node the values that nobody needs after it. Outputs of the graph are needed to the end. */
function lastUses(graph: OnnxGraph): Map<number, string[]> {
  const last = new Map<string, number>();
  for (const [at, node] of graph.nodes.entries())
    for (const name of [...node.outputs, ...node.inputs]) last.set(name, at);
  for (const { name } of graph.outputs) last.delete(name);
  const ends = new Map<number, string[]>();
  for (const [name, at] of last) ends.set(at, [...(ends.get(at) ?? []), name]);
  return ends;
}

function inferNode(
  node: OnnxNode,
  at: number,
  opset: number,
  values: ReadonlyMap<string, Value>,
  madeLater: ReadonlySet<string>,
): Inferred {
  if (node.domain !== '' && node.domain !== 'ai.onnx')
    throw new ModelError(
      'UnknownDomain',
      `Node ${at} uses operator set '${node.domain}'. Export with standard operators only.`,
    );
  if (CONTROL_FLOW.has(node.operator))
    throw new ModelError(
      'ControlFlow',
      `Node ${at} is a ${node.operator}. Export without branches and loops.`,
    );
  const rule = OPERATORS.get(node.operator);
  if (rule === undefined || opset < (rule.since ?? 0))
    throw new ModelError(
      'UnknownOperator',
      `Node ${at} is a ${node.operator}, which operator set ${opset} does not have here. See docs/runtime.md, §2.`,
    );
  const inputs = node.inputs.map((name) => {
    if (name === '') return undefined;
    const value = values.get(name);
    if (value !== undefined) return value;
    throw madeLater.has(name)
      ? new ModelError(
          'Cycle',
          `Node ${at} (${node.operator}) reads '${name}', which is made later or by itself.`,
        )
      : new ModelError('DanglingInput', `Node ${at} (${node.operator}) reads '${name}', which nobody makes.`);
  });
  const view = viewOf(node, at, opset, inputs);
  expectCount(view.refuse, 'inputs', inputs.length, rule.inputs);
  expectCount(view.refuse, 'outputs', node.outputs.length, rule.outputs);
  if (node.outputs.every((name) => name === '')) throw view.refuse('BadArity', 'has no named output.');
  for (const name of node.attributes.keys())
    if (!rule.attributes.includes(name))
      throw view.refuse('BadAttribute', `has an unknown attribute '${name}'.`);
  return rule.infer(view);
}

function expectCount(
  refuse: (code: 'BadArity', problem: string) => ModelError,
  what: string,
  count: number,
  [least, most]: readonly [number, number],
): void {
  if (count < least || count > most)
    throw refuse('BadArity', `has ${count} ${what}; it takes ${least} to ${most}.`);
}

function expectSize(name: string, value: Value, at: number, node: OnnxNode): void {
  if (value.shape.length > MAX_RANK)
    throw new ModelError('TooMany', `Node ${at} (${node.operator}) makes over ${MAX_RANK} dimensions.`);
  const elements = elementCount(value.shape, value.type, `Value '${name}'`);
  if (elements === 0 && (value.shape.length !== 1 || value.type === 'float32'))
    throw new ModelError('ShapeMismatch', `Node ${at} (${node.operator}) makes '${name}' without elements.`);
}

function countOperators(nodes: readonly OnnxNode[]): OperatorCount[] {
  const counts = new Map<string, number>();
  for (const { operator } of nodes) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => ({ name, nodes: count }));
}
