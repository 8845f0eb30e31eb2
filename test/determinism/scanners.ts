/** Where the rows of a gradient store can be: here in one or several shards, or in worker threads. */
import { Worker } from 'node:worker_threads';
import {
  type Arithmetic,
  cutStore,
  mergeAnswers,
  readRow,
  type Scan,
  type ScanAnswer,
  scanShard,
} from '../../attribution/influence/api.ts';
import type { QuantisedGradients } from '../../attribution/influence/types.ts';
import type { OpenScanner, Scanner } from './scores.ts';

/** Sizes that add up to `count`: the last shard takes what the given ones leave. */
function cut(count: number, sizes: readonly number[]): number[] {
  const result: number[] = [];
  let left = count;
  for (const size of sizes)
    if (size > 0 && size < left) {
      result.push(size);
      left -= size;
    }
  return [...result, left];
}

export function scanHere(sizes: readonly number[], arithmetic: Arithmetic): OpenScanner {
  return async (gradients): Promise<Scanner> => {
    const { shards } = cutStore(gradients, cut(gradients.count, sizes), arithmetic);
    return {
      scan: async (scan) => {
        let first = 0;
        const parts = shards.map((shard) => {
          const part = scanShard(shard, first, scan);
          first += shard.count;
          return part;
        });
        return mergeAnswers(scan, parts);
      },
      close: async () => {},
    };
  };
}

/** What a worker is started with: the rows from `first` on. */
export interface WorkerShard {
  readonly layers: readonly number[];
  readonly first: number;
  readonly rows: readonly Int16Array[];
  readonly arithmetic: Arithmetic;
}

export function scanInWorkers(workers: number, arithmetic: Arithmetic): OpenScanner {
  return async (gradients): Promise<Scanner> => {
    const each = Math.ceil(gradients.count / workers);
    const sizes = cut(gradients.count, new Array<number>(workers - 1).fill(each));
    let first = 0;
    const threads = sizes.map((size) => {
      const worker = startWorker(gradients, first, size, arithmetic);
      first += size;
      return worker;
    });
    return {
      scan: async (scan) => mergeAnswers(scan, await Promise.all(threads.map((thread) => ask(thread, scan)))),
      close: async () => {
        await Promise.all(threads.map((thread) => thread.terminate()));
      },
    };
  };
}

function startWorker(
  gradients: QuantisedGradients,
  first: number,
  size: number,
  arithmetic: Arithmetic,
): Worker {
  const rows = Array.from({ length: size }, (_, i) => readRow(gradients, first + i));
  const workerData: WorkerShard = { layers: gradients.layers, first, rows, arithmetic };
  return new Worker(new URL('./worker.js', import.meta.url), { workerData });
}

function ask(worker: Worker, scan: Scan): Promise<ScanAnswer> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error);
    worker.once('error', failed);
    worker.once('message', (answer: ScanAnswer) => {
      worker.off('error', failed);
      resolve(answer);
    });
    worker.postMessage(scan);
  });
}
