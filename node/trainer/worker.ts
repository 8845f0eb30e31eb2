/** Entry of a trainer thread: one call after another. */
import { workerData } from 'node:worker_threads';
import { createLink, type WorkerInput } from '../threads/index.ts';
import { createTrainerService } from './calls.ts';
import type { TrainerCalls, TrainerSettings } from './types.ts';

const { port, settings } = workerData as WorkerInput<TrainerSettings>;
const { train, answer } = createTrainerService(settings);
createLink<TrainerCalls, Record<never, never>>(port, { handlers: { train, answer } });
