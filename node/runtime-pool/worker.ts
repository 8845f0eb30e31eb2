/** Entry of a runtime worker thread: one request after another. */
import { parentPort, workerData } from 'node:worker_threads';
import type { RuntimePins, WorkerRequest } from './types.ts';
import { createWorkerCore } from './worker-core.ts';

// The glue listens for messages of other threads, of which there are none here, by a wait that never ends and that would
// keep the memory of every dropped model alive.
Reflect.deleteProperty(Atomics, 'waitAsync');

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only');
const handle = createWorkerCore(workerData as RuntimePins);
port.on('message', async (request: WorkerRequest) => port.postMessage(await handle(request)));
