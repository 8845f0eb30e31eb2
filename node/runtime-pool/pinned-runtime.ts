/** The files of onnxruntime-web, checked against the chain's hashes before a byte of them runs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type RuntimePins, RuntimePoolError } from './types.ts';

const WASM = 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
const GLUE = 'onnxruntime-web/ort-wasm-simd-threaded.mjs';

/** The part of Emscripten's module that is used (exported C functions and memory helpers). Addresses are numbers. */
export interface OrtModule {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
  getValue(address: number, type: 'i32' | '*'): number;
  setValue(address: number, value: number, type: 'i32' | '*'): void;
  UTF8ToString(address: number): string;
  stringToUTF8(text: string, address: number, bytes: number): void;
  _OrtInit(threads: number, logLevel: number): number;
  _OrtGetLastError(code: number, message: number): void;
  _OrtCreateSessionOptions(
    optimisation: number,
    arena: boolean,
    memoryPattern: boolean,
    executionMode: number,
    profiling: boolean,
    profilePrefix: number,
    logId: number,
    logLevel: number,
    verbosity: number,
    optimisedPath: number,
  ): number;
  _OrtReleaseSessionOptions(options: number): number;
  _OrtCreateSession(address: number, bytes: number, options: number): number | Promise<number>;
  _OrtCreateTensor(
    type: number,
    data: number,
    bytes: number,
    dims: number,
    rank: number,
    location: number,
  ): number;
  _OrtGetTensorData(tensor: number, type: number, data: number, dims: number, rank: number): number;
  _OrtReleaseTensor(tensor: number): number;
  _OrtFree(address: number): number;
  _OrtCreateRunOptions(logLevel: number, verbosity: number, terminate: boolean, tag: number): number;
  _OrtReleaseRunOptions(options: number): number;
  _OrtRun(
    session: number,
    inputNames: number,
    inputs: number,
    inputCount: number,
    outputNames: number,
    outputCount: number,
    outputs: number,
    options: number,
  ): number | Promise<number>;
}

type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface GlueOptions {
  readonly numThreads: number;
  instantiateWasm(imports: WasmImports, take: (instance: unknown, module: unknown) => void): object;
}

export type Glue = (options: GlueOptions) => Promise<OrtModule>;

export interface PinnedRuntime {
  readonly module: WebAssembly.Module;
  readonly glue: Glue;
}

/** @throws RuntimePoolError RUNTIME_MISMATCH if the package is another one than the chain's, or is not there. */
export async function loadPinnedRuntime(pins: RuntimePins): Promise<PinnedRuntime> {
  const { wasm, gluePath } = readPinned(pins);
  const { default: start } = (await import(pathToFileURL(gluePath).href)) as { default: Glue };
  return { module: new WebAssembly.Module(wasm), glue: start };
}

/** Whether the files are the chain's, without running them. @throws as `loadPinnedRuntime` */
export function checkPinnedRuntime(pins: RuntimePins): void {
  readPinned(pins);
}

function readPinned(pins: RuntimePins): { wasm: Buffer<ArrayBuffer>; gluePath: string } {
  const resolve = createRequire(import.meta.url).resolve;
  let wasm: Buffer<ArrayBuffer>;
  let glue: Buffer;
  let gluePath: string;
  try {
    gluePath = resolve(GLUE);
    wasm = readFileSync(resolve(WASM));
    glue = readFileSync(gluePath);
  } catch (error) {
    throw new RuntimePoolError(
      'RUNTIME_MISMATCH',
      `onnxruntime-web cannot be read (${(error as Error).message}). Run npm ci.`,
    );
  }
  expectHash(WASM, wasm, pins.onnxWasmSha256);
  expectHash(GLUE, glue, pins.onnxGlueSha256);
  return { wasm, gluePath };
}

function expectHash(name: string, bytes: Uint8Array, expected: string): void {
  const hash = `0x${createHash('sha256').update(bytes).digest('hex')}`;
  if (hash !== expected)
    throw new RuntimePoolError(
      'RUNTIME_MISMATCH',
      `${name} has SHA-256 ${hash}, this chain computes with ${expected}. Install the version of onnxruntime-web that package.json names (npm ci).`,
    );
}
