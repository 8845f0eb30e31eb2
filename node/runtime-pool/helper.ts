/** A worker thread or a child process that answers one request at a time, and the end of all requests when it dies. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ModelError } from '../../attribution/runtime/api.ts';
import { Fault } from '../../state/types.ts';
import { LIMITS } from './limits.ts';
import { type RuntimePins, RuntimePoolError, type WorkerJob, type WorkerResponse } from './types.ts';

export interface Helper {
  readonly alive: boolean;
  /**
   * @param timeoutMs counts from the call's turn
   * @returns undefined if the model of a 'run' is not loaded
   * @throws ModelError, RuntimePoolError, or Fault (crash, time-out, anything unexpected); after a Fault it is dead.
   */
  call(job: WorkerJob, timeoutMs: number): Promise<unknown>;
  close(): Promise<void>;
}

/** How a helper is reached, whatever it is. */
interface Channel {
  post(message: WorkerJob & { readonly id: number }): void;
  /** Ends it at once, also in the middle of a computation. */
  kill(): Promise<unknown>;
}

interface Call {
  readonly job: WorkerJob;
  readonly timeoutMs: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The exact runtime in a thread: WebAssembly cannot leave its memory, and a thread can be ended at any time. */
export function startThread(entry: URL, pins: RuntimePins): Helper {
  return startHelper('exact', (onMessage, onEnd) => {
    const worker = new Worker(entry, {
      name: 'runtime',
      workerData: pins,
      resourceLimits: { maxOldGenerationSizeMb: LIMITS.heapMiB },
    });
    // An idle pool must not keep a process alive; waiting calls do, by their timers.
    worker.unref();
    worker.on('message', onMessage);
    worker.on('error', (error) => onEnd(`crashed: ${error.message}`));
    worker.on('messageerror', (error) => onEnd(`sent what cannot be read: ${error.message}`));
    worker.on('exit', (code) => onEnd(`ended with code ${code}`));
    return { post: (message) => worker.postMessage(message), kill: () => worker.terminate() };
  });
}

/** The native runtime in a process of its own: a crash in it, or a computation without end, must not take the node. */
export function startProcess(entry: URL): Helper {
  return startHelper('native', (onMessage, onEnd) => {
    const child = fork(fileURLToPath(entry), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
    });
    child.unref();
    child.channel?.unref();
    child.on('message', (message) => onMessage(message as WorkerResponse));
    child.on('error', (error) => onEnd(`cannot be reached: ${error.message}`));
    child.on('exit', (code, signal) => onEnd(`ended with ${signal ?? `code ${code}`}`));
    return {
      post: (message) => child.send(message),
      kill: async () => child.kill('SIGKILL'),
    };
  });
}

function startHelper(
  name: string,
  open: (onMessage: (response: WorkerResponse) => void, onEnd: (reason: string) => void) => Channel,
): Helper {
  const waiting: Call[] = [];
  let current: { readonly id: number; readonly call: Call; readonly timer: NodeJS.Timeout } | undefined;
  let nextId = 0;
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    clearTimeout(current?.timer);
    for (const call of current === undefined ? waiting : [current.call, ...waiting]) call.reject(ended);
    current = undefined;
    waiting.length = 0;
  };
  /** A call's time begins with its turn: what stands before it may be the loading of a large model. */
  const next = (): void => {
    const call = current === undefined ? waiting.shift() : undefined;
    if (call === undefined) return;
    const id = nextId++;
    const timer = setTimeout(() => {
      end(new Fault(`the ${name} runtime gave no answer within ${call.timeoutMs} ms`));
      void channel.kill();
    }, call.timeoutMs);
    current = { id, call, timer };
    try {
      channel.post({ ...call.job, id });
    } catch (error) {
      settle({ id, kind: 'fault', message: `inputs cannot be sent: ${(error as Error).message}` });
    }
  };
  const settle = (response: WorkerResponse): void => {
    if (response.id !== current?.id) return;
    const { call, timer } = current;
    clearTimeout(timer);
    current = undefined;
    switch (response.kind) {
      case 'done':
        call.resolve(response.value);
        break;
      case 'unknown':
        call.resolve(undefined);
        break;
      case 'refused':
        call.reject(new ModelError(response.code, response.message));
        break;
      case 'mismatch':
        call.reject(new RuntimePoolError('RUNTIME_MISMATCH', response.message));
        break;
      case 'fault': {
        // Whatever state it is in, it is not trusted with another request.
        const fault = new Fault(response.message);
        call.reject(fault);
        end(fault);
        void channel.kill();
        return;
      }
    }
    next();
  };
  const channel = open(settle, (reason) => end(new Fault(`the ${name} runtime ${reason}`)));

  return {
    get alive() {
      return ended === undefined;
    },
    call(job, timeoutMs) {
      return new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        waiting.push({ job, timeoutMs, resolve, reject });
        next();
      });
    },
    async close() {
      end(new RuntimePoolError('CLOSED', 'The runtime pool is closed.'));
      await channel.kill();
    },
  };
}
