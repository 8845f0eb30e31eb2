/** Entry of an attribution thread: one request after another. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerRequest } from './types.ts';
import { createWorkerCore, type WorkerCoreOptions } from './worker-core.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only');
const { segmentDir } = workerData as Pick<WorkerCoreOptions, 'segmentDir'>;
const warn = (message: string) => console.warn(`attribution: ${message}`);
const handle = createWorkerCore({ ...(segmentDir === undefined ? {} : { segmentDir }), warn });
port.on('message', (request: WorkerRequest) => port.postMessage(handle(request)));
