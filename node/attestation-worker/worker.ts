/** Entry of the attestation thread: one task after another. */
import { workerData } from 'node:worker_threads';
import { createLink, type WorkerInput } from '../threads/index.ts';
import type { WorkerCalls, WorkerSettings } from './types.ts';
import { createWorkerCore } from './worker-core.ts';

const { port, settings } = workerData as WorkerInput<WorkerSettings>;
const compute = createWorkerCore(settings.dataDir);
createLink<WorkerCalls, Record<never, never>>(port, { handlers: { compute } });
