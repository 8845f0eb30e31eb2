import { Worker } from 'node:worker_threads';
import { AttributionError, type AttributionErrorCode, InvalidUtf8 } from '../../attribution/api.ts';
import { Fault, Unavailable } from '../../state/types.ts';
import { AttributionPoolError, type WorkerRequest, type WorkerResponse } from './types.ts';

type Payload = WorkerRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

/** One worker thread: requests by id, and the end of all of them when it dies. */
export interface Thread {
  readonly alive: boolean;
  /** @param timeoutMs counts from the call's turn. @throws what the worker refused, Unavailable, or Fault (crash, time-out, anything unexpected). */
  call(payload: Payload, timeoutMs: number): Promise<unknown>;
  close(): Promise<void>;
}

interface Call {
  payload: Payload;
  timeoutMs: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What a thread is told when it starts. */
export interface ThreadData {
  /** Where it keeps segments and vectors; undefined: nothing is kept on disk. */
  readonly segmentDir?: string;
  /** keccak-256 of the sentence encoder by which it makes vectors, if it is to make any. */
  readonly encoderHash?: string;
}

/** Starts the thread. @param entry compiled worker file */
export function startThread(entry: URL, data: ThreadData = {}): Thread {
  const worker = new Worker(entry, { workerData: data });
  // An idle pool must not keep a process alive; waiting calls do, by their timers.
  worker.unref();
  /** The worker does one thing after the other, so the next is handed over when it is free. */
  const waiting: Call[] = [];
  let current: { id: number; call: Call; timer: NodeJS.Timeout } | undefined;
  let nextId = 0;
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    clearTimeout(current?.timer);
    for (const call of current === undefined ? waiting : [current.call, ...waiting]) call.reject(ended);
    current = undefined;
    waiting.length = 0;
  };
  /** A call's time begins with its turn: what stands before it may be the index of a large snapshot. */
  const next = (): void => {
    const call = current === undefined ? waiting.shift() : undefined;
    if (call === undefined) return;
    const id = nextId++;
    const timer = setTimeout(() => {
      end(new Fault(`the attribution worker gave no answer within ${call.timeoutMs} ms`));
      void worker.terminate();
    }, call.timeoutMs);
    current = { id, call, timer };
    worker.postMessage({ ...call.payload, id });
  };
  worker.on('error', (error) => end(new Fault(`the attribution worker crashed: ${error.message}`)));
  worker.on('messageerror', (error) =>
    end(new Fault(`a message of the attribution worker was lost: ${error.message}`)),
  );
  worker.on('exit', (code) => end(new Fault(`the attribution worker ended with code ${code}`)));
  worker.on('message', (response: WorkerResponse) => {
    if (response.id !== current?.id) return;
    const { call, timer } = current;
    clearTimeout(timer);
    current = undefined;
    next();
    if (response.kind === 'done') call.resolve(response.value);
    else call.reject(errorOf(response));
  });

  return {
    get alive() {
      return ended === undefined;
    },
    call(payload, timeoutMs) {
      return new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        waiting.push({ payload, timeoutMs, resolve, reject });
        next();
      });
    },
    async close() {
      end(new AttributionPoolError('Closed', 'The attribution pool is closed.'));
      await worker.terminate();
    },
  };
}

function errorOf(response: Exclude<WorkerResponse, { kind: 'done' }>): Error {
  switch (response.kind) {
    case 'refused':
      return response.offset === undefined
        ? new AttributionError(response.code as AttributionErrorCode, response.message)
        : new InvalidUtf8(response.offset);
    case 'missing':
      return new Unavailable({ kind: 'artifact', root: response.root });
    case 'fault':
      return new Fault(response.message);
  }
}
