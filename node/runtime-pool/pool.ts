import type { CheckOptions, ModelProfile, Tensors } from '../../attribution/runtime/api.ts';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { Fault } from '../../state/types.ts';
import { type Helper, startProcess, startThread } from './helper.ts';
import { LIMITS } from './limits.ts';
import { type RuntimePins, type RuntimePool, RuntimePoolError } from './types.ts';

export interface RuntimePoolOptions {
  /** Threads of the exact runtime; each starts when it is first needed. Default 1. */
  readonly workers?: number;
  /** Default: those of the presets (genesis/parameters.ts). A node passes its chain's. */
  readonly pins?: RuntimePins;
  /** Whether `serve` may use the native runtime. Default true. */
  readonly native?: boolean;
  /**
   * Whether `run` recomputes integer-only graphs natively, which was measured exact on every processor tried
   * (docs/runtime.md, §1). Default false: one program fewer to trust.
   */
  readonly nativeIntegers?: boolean;
  /** Time for one run. Default LIMITS.runMs. */
  readonly runMs?: number;
  /** Compiled entries; others only in tests of crashes. */
  readonly workerEntry?: URL;
  readonly nativeEntry?: URL;
}

/**
 * Models in worker threads (exact) and in one child process (fast). A worker that dies or takes too long is a Fault to
 * those who wait, never a result; the next call starts a fresh one.
 */
export function createRuntimePool(options: RuntimePoolOptions = {}): RuntimePool {
  const {
    workers = 1,
    pins = DEFAULT_PARAMS.runtime,
    native = true,
    nativeIntegers = false,
    runMs = LIMITS.runMs,
    // Named from the folder above, because bundling puts this file into that of whoever uses it.
    workerEntry = new URL('../runtime-pool/worker.js', import.meta.url),
    nativeEntry = new URL('../runtime-pool/native.js', import.meta.url),
  } = options;
  const threads: (Helper | undefined)[] = Array(workers).fill(undefined);
  let nativeProcess: Helper | undefined;
  /** The package does not load on this machine: it is not tried again. */
  let nativeIsAbsent = !native;
  /** Memory that was ever asked for in a helper. */
  const loaded = new WeakMap<Helper, number>();
  /** Jobs of a helper, each of which may be several calls. */
  const active = new WeakMap<Helper, number>();
  const profiles = new Map<string, ModelProfile>();
  let pending = 0;
  let closed = false;

  /** The least busy thread, started if need be. */
  const pick = (): Helper => {
    let best = 0;
    const users = (i: number): number => (threads[i]?.alive === true ? (active.get(threads[i]) ?? 0) : 0);
    for (let i = 0; i < workers; i++) if (users(i) < users(best)) best = i;
    const thread = threads[best];
    if (thread?.alive) {
      if (users(best) > 0 || (loaded.get(thread) ?? 0) <= LIMITS.retireBytes) return thread;
      void thread.close();
    }
    const fresh = startThread(workerEntry, pins);
    threads[best] = fresh;
    return fresh;
  };

  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (closed) throw new RuntimePoolError('CLOSED', 'The runtime pool is closed.');
    if (pending >= LIMITS.pendingJobs)
      throw new RuntimePoolError('BUSY', `${LIMITS.pendingJobs} runs are waiting. Try again later.`);
    pending++;
    try {
      return await work();
    } finally {
      pending--;
    }
  };

  const remember = (key: string, profile: ModelProfile): void => {
    profiles.delete(key);
    profiles.set(key, profile);
    for (const oldest of profiles.keys()) {
      if (profiles.size <= LIMITS.pendingJobs) break;
      profiles.delete(oldest);
    }
  };

  const using = async <T>(helper: Helper, work: () => Promise<T>): Promise<T> => {
    active.set(helper, (active.get(helper) ?? 0) + 1);
    try {
      return await work();
    } finally {
      active.set(helper, active.get(helper)! - 1);
    }
  };

  const charge = (helper: Helper, { peakBytes }: ModelProfile): void => {
    loaded.set(helper, (loaded.get(helper) ?? 0) + peakBytes + LIMITS.instanceBytes);
  };

  const runOn = async (helper: Helper, request: RunRequest): Promise<Tensors> => {
    const job = { kind: 'run', key: request.key, inputs: request.inputs } as const;
    // Twice, since another model may push this one out between loading and running.
    for (let tries = 0; tries < 2; tries++) {
      const outputs = await helper.call(job, runMs);
      if (outputs !== undefined) return outputs as Tensors;
      const { key, modelHash, bytes, options } = request;
      const load = { kind: 'load', key, modelHash, bytes: own(bytes), options } as const;
      const profile = (await helper.call(load, LIMITS.startMs + LIMITS.loadMs)) as ModelProfile;
      remember(key, profile);
      charge(helper, profile);
    }
    return (await helper.call(job, runMs)) as Tensors;
  };

  const runExactly = (request: RunRequest): Promise<Tensors> => {
    const thread = pick();
    return using(thread, () => runOn(thread, request));
  };

  const runNatively = async (request: RunRequest): Promise<Tensors | undefined> => {
    if (nativeIsAbsent) return undefined;
    if (nativeProcess?.alive !== true) nativeProcess = startProcess(nativeEntry);
    try {
      return await runOn(nativeProcess, request);
    } catch (error) {
      // A crash of the native runtime is answered exactly; the next call tries a fresh process.
      if (error instanceof Fault) return undefined;
      if (!(error instanceof RuntimePoolError) || error.code !== 'RUNTIME_MISMATCH') throw error;
      nativeIsAbsent = true;
      return undefined;
    }
  };

  return {
    prepare: (bytes, options = {}) =>
      bounded(async () => {
        const job = { kind: 'prepare', bytes: own(bytes), options } as const;
        const thread = pick();
        return using(thread, async () => {
          const profile = (await thread.call(job, LIMITS.startMs + LIMITS.loadMs + runMs)) as ModelProfile;
          charge(thread, profile);
          return profile;
        });
      }),
    run: (modelHash, bytes, inputs, options = {}) =>
      bounded(async () => {
        const request = requestOf(modelHash, bytes, inputs, options);
        if (nativeIntegers && profiles.get(request.key)?.modelClass === 'integer-only') {
          const outputs = await runNatively(request);
          if (outputs !== undefined) return outputs;
        }
        return runExactly(request);
      }),
    serve: (modelHash, bytes, inputs, options = {}) =>
      bounded(async () => {
        const request = requestOf(modelHash, bytes, inputs, options);
        const outputs = await runNatively(request);
        if (outputs !== undefined) return { outputs, engine: 'native' };
        return { outputs: await runExactly(request), engine: 'wasm' };
      }),
    async close() {
      closed = true;
      await Promise.all([...threads, nativeProcess].map((helper) => helper?.close()));
    },
  };
}

interface RunRequest {
  readonly key: string;
  readonly modelHash: string;
  readonly bytes: Uint8Array;
  readonly inputs: Tensors;
  readonly options: CheckOptions;
}

function requestOf(modelHash: string, bytes: Uint8Array, inputs: Tensors, options: CheckOptions): RunRequest {
  const sizes = Object.entries(options.dimensions ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return { key: `${modelHash} ${JSON.stringify(sizes)}`, modelHash, bytes, inputs, options };
}

/** A view into a larger buffer would send all of it to the worker. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
}
