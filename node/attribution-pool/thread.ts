import { Worker } from 'node:worker_threads';
import { AttributionError, type AttributionErrorCode, InvalidUtf8 } from '../../attribution/api.ts';
import { Fault, Unavailable } from '../../state/types.ts';
import { AttributionPoolError, type WorkerRequest, type WorkerResponse } from './types.ts';

type Payload = WorkerRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

/** One worker thread: requests by id, and the end of all of them when it dies. */
export interface Thread {
  readonly alive: boolean;
  /** @throws what the worker refused, Unavailable, or Fault (crash, time-out, anything unexpected). */
  call(payload: Payload, timeoutMs: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Starts the thread. @param entry compiled worker file */
export function startThread(entry: URL): Thread {
  const worker = new Worker(entry);
  // An idle pool must not keep a process alive; waiting calls do, by their timers.
  worker.unref();
  const waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void; timer: NodeJS.Timeout }
  >();
  let nextId = 0;
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer);
      reject(ended);
    }
    waiting.clear();
  };
  worker.on('error', (error) => end(new Fault(`the attribution worker crashed: ${error.message}`)));
  worker.on('messageerror', (error) =>
    end(new Fault(`a message of the attribution worker was lost: ${error.message}`)),
  );
  worker.on('exit', (code) => end(new Fault(`the attribution worker ended with code ${code}`)));
  worker.on('message', (response: WorkerResponse) => {
    const call = waiting.get(response.id);
    if (call === undefined) return;
    waiting.delete(response.id);
    clearTimeout(call.timer);
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
        const id = nextId++;
        const timer = setTimeout(() => {
          end(new Fault(`the attribution worker gave no answer within ${timeoutMs} ms`));
          void worker.terminate();
        }, timeoutMs);
        waiting.set(id, { resolve, reject, timer });
        worker.postMessage({ ...payload, id });
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
