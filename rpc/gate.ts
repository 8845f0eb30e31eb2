import { limitExceeded } from './errors.ts';

/** Lets a bounded number of jobs run at once and a bounded number wait. */
export interface Gate {
  /** @throws RpcError -32005 at once when the queue is full. */
  run<T>(job: () => Promise<T> | T): Promise<T>;
}

export function createGate(what: string, concurrency: number, queueLimit: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(job) {
      if (running >= concurrency) {
        if (waiting.length >= queueLimit) throw limitExceeded(`${what} waiting`, queueLimit);
        // The one who leaves hands its place over, so `running` does not change here.
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        running += 1;
      }
      try {
        return await job();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
