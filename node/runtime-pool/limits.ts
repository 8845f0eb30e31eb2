/** Bounds of the runtime pool; sizes in bytes, times in milliseconds. */
import { MAX_PEAK_BYTES } from '../../attribution/runtime/api.ts';

export const LIMITS = {
  /**
   * Most memory of one model's WebAssembly instance: twice what the door lets in (docs/runtime.md, §3), so that an
   * allocation fails only if the declared figure is wrong, and then as a Fault.
   */
  wasmBytes: 2 * MAX_PEAK_BYTES,
  /** Models that stay loaded in one worker; the one used longest ago goes first. */
  modelsPerWorker: 4,
  /** Declared memory of the models that stay loaded in one worker. */
  residentBytes: MAX_PEAK_BYTES,
  /**
   * A worker that has loaded this much (declared memory, and instanceBytes for each) is replaced when it is idle: the
   * collector does not see the memory of dropped instances, and so does not hurry to free it.
   */
  retireBytes: 2 * MAX_PEAK_BYTES,
  /** Memory of an instance without a model: measured 7 to 20 MB. */
  instanceBytes: 20 * 1024 * 1024,
  /** Heap of JavaScript in a worker: inputs and outputs pass through it. MiB, as worker_threads counts. */
  heapMiB: 512,
  /** Jobs that wait or run at once, over all workers; more is refused as BUSY. */
  pendingJobs: 256,
  /** Starting a worker: reading, hashing and compiling 14 MB of WebAssembly takes under a second on an idle core. */
  startMs: 60_000,
  /** Checking and loading a file of the largest size takes about two seconds. */
  loadMs: 60_000,
  /** The most steps that the door lets in take seconds. Only a broken worker takes a minute. */
  runMs: 60_000,
} as const;
