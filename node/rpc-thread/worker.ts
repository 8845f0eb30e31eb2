/** Entry of the RPC thread. */
import { workerData } from 'node:worker_threads';
import type { WorkerInput } from '../threads/index.ts';
import type { RpcSettings } from './protocol.ts';
import { runRpcThread } from './rpc-thread.ts';

const { port, settings } = workerData as WorkerInput<RpcSettings>;
runRpcThread(port, settings);
