/** Jobs over all processors: a worker thread each, the next job to whoever is free. */
import { availableParallelism } from 'node:os';
import { parentPort, Worker } from 'node:worker_threads';

/** In the worker: answers each job. */
export function serveJobs<J, R>(work: (job: J) => Promise<R>): void {
  const port = parentPort!;
  port.on('message', (job: J) => {
    work(job).then(
      (result) => port.postMessage({ result }),
      (error) =>
        port.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

/**
 * Runs all jobs and hands over each result as it comes. A job that throws, or takes its worker down, rejects.
 * @param worker module that calls serveJobs
 */
export async function runJobs<J, R>(
  worker: URL,
  jobs: Iterable<J>,
  onResult: (job: J, result: R) => void,
): Promise<void> {
  const queue = jobs[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    let next = queue.next();
    if (next.done === true) return;
    const thread = new Worker(worker);
    try {
      while (next.done !== true) {
        const job = next.value;
        onResult(job, await ask<J, R>(thread, job));
        next = queue.next();
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

function ask<J, R>(thread: Worker, job: J): Promise<R> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      thread.off('message', onMessage);
      thread.off('error', onError);
      thread.off('exit', onExit);
    };
    const onMessage = (message: { result?: R; error?: string }) => {
      settle();
      if (message.error === undefined) resolve(message.result as R);
      else reject(new Error(message.error));
    };
    const onError = (error: unknown) => {
      settle();
      reject(error);
    };
    const onExit = (code: number) => onError(new Error(`a worker ended with code ${code}`));
    thread.on('message', onMessage);
    thread.on('error', onError);
    thread.on('exit', onExit);
    thread.postMessage(job);
  });
}
