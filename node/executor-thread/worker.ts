/** Entry of the executor thread. */
import { workerData } from 'node:worker_threads';
import type { WorkerInput } from '../threads/index.ts';
import { runExecutorThread } from './executor-thread.ts';
import type { ExecutorSettings } from './protocol.ts';

const { port, settings } = workerData as WorkerInput<ExecutorSettings>;
runExecutorThread(port, settings);
