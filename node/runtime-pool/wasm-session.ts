/**
 * One model in one fresh WebAssembly instance of the pinned runtime. Its C functions are called directly, so that no
 * other JavaScript than the pinned glue stands between the inputs and the result: one thread, no arena and no memory
 * pattern (a run must not depend on earlier ones), graph optimisation off (each node is computed by its own kernel, as
 * the file says and as the door counted).
 */
import {
  type ElementType,
  ModelError,
  type ModelProfile,
  type Tensor,
  type Tensors,
} from '../../attribution/runtime/api.ts';
import { ELEMENT_BYTES, ELEMENT_TYPE_NUMBERS } from '../../attribution/runtime/types.ts';
import { Fault } from '../../state/types.ts';
import { LIMITS } from './limits.ts';
import type { OrtModule, PinnedRuntime } from './pinned-runtime.ts';
import { arrayOver } from './tensors.ts';

export interface WasmSession {
  /** @param inputs checked against the profile. @throws ModelError RuntimeRefused, Fault */
  run(inputs: Tensors): Promise<Tensors>;
}

const THREADS = 1;
const LOG_FATAL = 4;
const OPTIMISATION_OFF = 0;
const SEQUENTIAL = 0;
/** Tensor data in the instance's own memory. */
const ON_CPU = 1;
const PAGE_BYTES = 65_536;

/** @throws ModelError RuntimeRefused, Fault */
export async function openSession(
  runtime: PinnedRuntime,
  bytes: Uint8Array,
  profile: ModelProfile,
): Promise<WasmSession> {
  const instance = await startInstance(runtime);
  return guarded(instance, async (ort) => {
    if (ort._OrtInit(THREADS, LOG_FATAL) !== 0) throw lastError(ort, 'cannot start');
    const session = await createSession(ort, bytes);
    const names = {
      inputs: profile.inputs.map(({ name }) => allocateText(ort, name)),
      outputs: profile.outputs.map(({ name }) => allocateText(ort, name)),
    };
    return { run: (inputs) => guarded(instance, (own) => runSession(own, session, names, profile, inputs)) };
  });
}

interface Instance {
  readonly ort: OrtModule;
  /** An allocation failed: whatever follows is this machine's fault. */
  outOfMemory: boolean;
}

async function startInstance({ module, glue }: PinnedRuntime): Promise<Instance> {
  const state = { outOfMemory: false };
  const ort = await glue({
    numThreads: THREADS,
    instantiateWasm(imports, take) {
      for (const group of Object.values(imports))
        for (const value of Object.values(group))
          if (value instanceof WebAssembly.Memory) boundMemory(value, () => (state.outOfMemory = true));
      take(new WebAssembly.Instance(module, imports), module);
      return {};
    },
  });
  return Object.assign(state, { ort });
}

/** The glue grows the memory by this method only. */
function boundMemory(memory: WebAssembly.Memory, onFailure: () => void): void {
  const grow = memory.grow.bind(memory);
  memory.grow = (pages: number): number => {
    try {
      if (memory.buffer.byteLength + pages * PAGE_BYTES > LIMITS.wasmBytes)
        throw new RangeError(`over ${LIMITS.wasmBytes} bytes`);
      return grow(pages);
    } catch (error) {
      onFailure();
      throw error;
    }
  };
}

/**
 * What the pinned program says or does is the same everywhere, also when it stops with a trap; running out of memory or
 * stack is not.
 */
async function guarded<T>(instance: Instance, work: (ort: OrtModule) => T | Promise<T>): Promise<T> {
  try {
    return await work(instance.ort);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (instance.outOfMemory) throw new Fault(`the runtime ran out of memory: ${message}`);
    if (error instanceof ModelError) throw error;
    // Emscripten throws addresses of C++ exceptions as numbers.
    if (error instanceof WebAssembly.RuntimeError || typeof error === 'number')
      throw new ModelError('RuntimeRefused', `The runtime stopped on this model: ${message}.`);
    throw error;
  }
}

async function createSession(ort: OrtModule, bytes: Uint8Array): Promise<number> {
  const file = allocate(ort, bytes);
  const options = ort._OrtCreateSessionOptions(
    OPTIMISATION_OFF,
    false,
    false,
    SEQUENTIAL,
    false,
    0,
    0,
    LOG_FATAL,
    0,
    0,
  );
  if (options === 0) throw lastError(ort, 'cannot be configured');
  const session = await ort._OrtCreateSession(file, bytes.length, options);
  if (session === 0) throw lastError(ort, 'cannot load this model');
  ort._OrtReleaseSessionOptions(options);
  ort._free(file);
  return session;
}

interface Names {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

async function runSession(
  ort: OrtModule,
  session: number,
  names: Names,
  profile: ModelProfile,
  inputs: Tensors,
): Promise<Tensors> {
  const owned: number[] = [];
  const own = (address: number): number => {
    owned.push(address);
    return address;
  };
  const addresses = (values: readonly number[]): number => {
    const list = own(malloc(ort, Math.max(1, values.length) * 4));
    for (const [i, value] of values.entries()) ort.setValue(list + 4 * i, value, '*');
    return list;
  };
  const tensors = profile.inputs.map(({ name }) => createTensor(ort, inputs[name]!, own));
  const results = addresses(profile.outputs.map(() => 0));
  const options = ort._OrtCreateRunOptions(LOG_FATAL, 0, false, 0);
  const status = await ort._OrtRun(
    session,
    addresses(names.inputs),
    addresses(tensors),
    tensors.length,
    addresses(names.outputs),
    names.outputs.length,
    results,
    options,
  );
  if (status !== 0) throw lastError(ort, 'cannot run this model on these inputs');
  const outputs: Record<string, Tensor> = {};
  for (const [i, { name }] of profile.outputs.entries()) {
    const tensor = ort.getValue(results + 4 * i, '*');
    outputs[name] = readTensor(ort, tensor);
    ort._OrtReleaseTensor(tensor);
  }
  for (const tensor of tensors) ort._OrtReleaseTensor(tensor);
  ort._OrtReleaseRunOptions(options);
  for (const address of owned) ort._free(address);
  return outputs;
}

function createTensor(
  ort: OrtModule,
  { type, shape, data }: Tensor,
  own: (address: number) => number,
): number {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const dims = own(malloc(ort, Math.max(1, shape.length) * 4));
  for (const [i, size] of shape.entries()) ort.setValue(dims + 4 * i, size, 'i32');
  const tensor = ort._OrtCreateTensor(
    ELEMENT_TYPE_NUMBERS[type],
    own(allocate(ort, bytes)),
    bytes.length,
    dims,
    shape.length,
    ON_CPU,
  );
  if (tensor === 0) throw lastError(ort, 'cannot take this input');
  return tensor;
}

/** A copy of an output. */
function readTensor(ort: OrtModule, tensor: number): Tensor {
  const facts = malloc(ort, 16);
  if (ort._OrtGetTensorData(tensor, facts, facts + 4, facts + 8, facts + 12) !== 0)
    throw lastError(ort, 'cannot give this output');
  const [type, data, dims, rank] = [0, 4, 8, 12].map((at) => ort.getValue(facts + at, 'i32') >>> 0) as [
    number,
    number,
    number,
    number,
  ];
  const shape = Array.from({ length: rank }, (_, i) => ort.getValue(dims + 4 * i, 'i32'));
  ort._OrtFree(dims);
  ort._free(facts);
  const name = (Object.keys(ELEMENT_TYPE_NUMBERS) as ElementType[]).find(
    (known) => ELEMENT_TYPE_NUMBERS[known] === type,
  );
  if (name === undefined)
    throw new ModelError('RuntimeRefused', `The runtime made an output of element type ${type}.`);
  const length = shape.reduce((product, size) => product * size, 1) * ELEMENT_BYTES[name];
  // The instance's memory is shared; what leaves it must not be.
  const bytes = new Uint8Array(length);
  bytes.set(ort.HEAPU8.subarray(data, data + length));
  return { type: name, shape, data: arrayOver(name, bytes.buffer) };
}

function malloc(ort: OrtModule, bytes: number): number {
  const address = ort._malloc(bytes) >>> 0;
  if (address === 0) throw new Fault(`the runtime has no room for ${bytes} bytes`);
  return address;
}

function allocate(ort: OrtModule, bytes: Uint8Array): number {
  const address = malloc(ort, Math.max(1, bytes.length));
  ort.HEAPU8.set(bytes, address);
  return address;
}

function allocateText(ort: OrtModule, text: string): number {
  // Names are ASCII: the door refuses others.
  const address = malloc(ort, text.length + 1);
  ort.stringToUTF8(text, address, text.length + 1);
  return address;
}

function lastError(ort: OrtModule, what: string): ModelError {
  const facts = malloc(ort, 8);
  ort._OrtGetLastError(facts, facts + 4);
  const message = ort.UTF8ToString(ort.getValue(facts + 4, '*') >>> 0);
  ort._free(facts);
  return new ModelError('RuntimeRefused', `The runtime ${what}: ${message}`);
}
