/** Entry of a reader thread. */
import { workerData } from 'node:worker_threads';
import type { WorkerInput } from '../threads/index.ts';
import type { ReaderSettings } from './protocol.ts';
import { runReaderThread } from './reader-thread.ts';

const { port, settings } = workerData as WorkerInput<ReaderSettings>;
runReaderThread(port, settings);
