/** Entry of an attribution thread: one request after another. */
import { parentPort } from 'node:worker_threads';
import type { WorkerRequest } from './types.ts';
import { createWorkerCore } from './worker-core.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only');
const handle = createWorkerCore();
port.on('message', (request: WorkerRequest) => port.postMessage(handle(request)));
