/** A thread that holds some rows of a gradient store and answers scans of them. */
import { parentPort, workerData } from 'node:worker_threads';
import { createShard, type Scan, scanShard } from '../../attribution/influence/api.ts';
import type { WorkerShard } from './scanners.ts';

const { layers, first, rows, arithmetic } = workerData as WorkerShard;
const shard = createShard(layers, rows.length, arithmetic);
rows.forEach((row, i) => {
  shard.write(i, row);
});
parentPort!.on('message', (scan: Scan) => parentPort!.postMessage(scanShard(shard, first, scan)));
