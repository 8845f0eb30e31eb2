/** Starting and ending a worker thread that talks through one link. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { LIMITS } from './limits.ts';

/** What every worker finds in `workerData`: its end of the link, and its own settings. */
export interface WorkerInput<Settings> {
  port: MessagePort;
  settings: Settings;
}

export interface Thread {
  readonly name: string;
  /** This side's end of the link. */
  readonly port: MessagePort;
  /** Resolves with a message when the thread ends, undefined if it was asked to. */
  readonly ended: Promise<string | undefined>;
  /** Waits for the thread to end by itself after its link was told to close; terminates it at the deadline. */
  stop(): Promise<void>;
}

export interface SpawnOptions<Settings> {
  name: string;
  /** Compiled entry: `new URL('../its-folder/worker.js', import.meta.url)`, see scripts/build.mjs. */
  entry: URL;
  settings: Settings;
  /** Ports inside `settings` that move to the worker. */
  transfer?: MessagePort[];
  /**
   * Old-space limit of the thread in MiB: it fails alone instead of starving the process. V8 also lets a small heap
   * grow by a smaller factor before it collects.
   */
  maxOldSpaceMb?: number;
  /** MiB in which new objects are made: three semi-spaces. Default LIMITS.youngMb. */
  maxYoungMb?: number;
  /** How long `stop` waits before it terminates the thread. Default LIMITS.stopMs. */
  stopMs?: number;
}

/** Starts the thread; its first message comes when it has loaded its code. */
export function spawnThread<Settings>(options: SpawnOptions<Settings>): Thread {
  const { port1, port2 } = new MessageChannel();
  const input: WorkerInput<Settings> = { port: port2, settings: options.settings };
  const worker = new Worker(options.entry, {
    name: options.name,
    workerData: input,
    transferList: [port2, ...(options.transfer ?? [])],
    resourceLimits: {
      maxYoungGenerationSizeMb: options.maxYoungMb ?? LIMITS.youngMb,
      ...(options.maxOldSpaceMb === undefined ? {} : { maxOldGenerationSizeMb: options.maxOldSpaceMb }),
    },
  });
  let failure: string | undefined;
  let stopping = false;
  const ended = new Promise<string | undefined>((resolve) => {
    worker.on('error', (error: Error) => {
      failure = error.stack ?? error.message;
    });
    worker.on('exit', (code) => {
      port1.close();
      resolve(
        failure ?? (stopping ? undefined : `the ${options.name} thread ended by itself with code ${code}`),
      );
    });
  });
  return {
    name: options.name,
    port: port1,
    ended,
    async stop() {
      stopping = true;
      const deadline = setTimeout(() => void worker.terminate(), options.stopMs ?? LIMITS.stopMs);
      try {
        await ended;
      } finally {
        clearTimeout(deadline);
      }
    },
  };
}
