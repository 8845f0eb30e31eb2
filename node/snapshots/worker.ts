/** Entry of the snapshot thread: makes one snapshot from its own reading handle of the database. */
import { workerData } from 'node:worker_threads';
import { createLink, type WorkerInput } from '../threads/index.ts';
import type { SnapshotCalls, SnapshotSettings } from './make.ts';
import { makeSnapshot } from './make.ts';

const { port, settings } = workerData as WorkerInput<SnapshotSettings>;
createLink<SnapshotCalls, Record<never, never>>(port, {
  handlers: { make: (number) => makeSnapshot(settings, number) },
});
