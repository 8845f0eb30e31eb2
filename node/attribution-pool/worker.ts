/** Entry of an attribution thread: one request after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadEncoder } from '../sentence-encoder/bundled.ts';
import type { ThreadData } from './thread.ts';
import type { WorkerRequest } from './types.ts';
import { createWorkerCore } from './worker-core.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only');
const data = workerData as ThreadData;
const warn = (message: string) => console.warn(`attribution: ${message}`);
const handle = createWorkerCore({ ...data, loadEncoder, warn });
port.on('message', (request: WorkerRequest) => port.postMessage(handle(request)));
