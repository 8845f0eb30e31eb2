import type { CheckOptions, ModelErrorCode, ModelProfile, Tensors } from '../../attribution/runtime/api.ts';

/** Hashes of the files of onnxruntime-web that results depend on: a chain parameter. */
export interface RuntimePins {
  /** SHA-256 of `ort-wasm-simd-threaded.wasm`, 0x-hex. */
  readonly onnxWasmSha256: string;
  /** SHA-256 of `ort-wasm-simd-threaded.mjs`, the JavaScript that loads it, 0x-hex. */
  readonly onnxGlueSha256: string;
}

/** Which program made a result. */
export type Engine = 'wasm' | 'native';

export interface ServedOutputs {
  readonly outputs: Tensors;
  readonly engine: Engine;
}

export interface RuntimePool {
  /**
   * The door, then the pinned runtime: loads the model and runs it once on zeros.
   * @throws ModelError if the file is refused (the same on every node); else as `run`.
   */
  prepare(bytes: Uint8Array, options?: CheckOptions): Promise<ModelProfile>;
  /**
   * Runs a model exactly: the same bits on every node.
   * @param modelHash SHA-256 of `bytes`, 0x-hex. Bytes are looked at only if no worker holds the model yet.
   * @throws ModelError for a model, inputs or outputs that every node refuses; Fault if the worker died or took too
   *   long (ask once more: a fresh one starts); RuntimePoolError.
   */
  run(modelHash: string, bytes: Uint8Array, inputs: Tensors, options?: CheckOptions): Promise<Tensors>;
  /**
   * Runs a model fast, for a user and never for the chain: natively where the package loads, else exactly.
   * @throws as `run`
   */
  serve(
    modelHash: string,
    bytes: Uint8Array,
    inputs: Tensors,
    options?: CheckOptions,
  ): Promise<ServedOutputs>;
  /** Ends the workers; waiting calls are rejected. */
  close(): Promise<void>;
}

export type RuntimePoolErrorCode =
  /** The installed onnxruntime-web is not the one that the chain names. */
  | 'RUNTIME_MISMATCH'
  /** Too many jobs wait. */
  | 'BUSY'
  | 'CLOSED';

export class RuntimePoolError extends Error {
  override name = 'RuntimePoolError';
  readonly code: RuntimePoolErrorCode;
  constructor(code: RuntimePoolErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a worker is told. Every message is answered once, by its id. */
export type WorkerRequest = { readonly id: number } & WorkerJob;

export type WorkerJob =
  | { readonly kind: 'prepare'; readonly bytes: Uint8Array; readonly options: CheckOptions }
  /** Answered with 'unknown' if the model is not loaded. */
  | { readonly kind: 'run'; readonly key: string; readonly inputs: Tensors }
  | {
      readonly kind: 'load';
      readonly key: string;
      readonly modelHash: string;
      readonly bytes: Uint8Array;
      readonly options: CheckOptions;
    };

export type WorkerResponse = { readonly id: number } & (
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'unknown' }
  /** Refused by every node alike. */
  | { readonly kind: 'refused'; readonly code: ModelErrorCode; readonly message: string }
  /** The installed runtime is another one. */
  | { readonly kind: 'mismatch'; readonly message: string }
  /** Anything unexpected: of this machine. The worker is not used again. */
  | { readonly kind: 'fault'; readonly message: string }
);
