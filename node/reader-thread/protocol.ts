/** What crosses the border of a reader thread: questions of clients, and what executing them needs from elsewhere. */
import type { Genesis } from '../../genesis/types.ts';
import type { ApartAnswer, Lane } from '../../rpc/apart.ts';
import type { ExecutorRpcCalls } from '../executor-thread/protocol.ts';

export interface ReaderSettings {
  lane: Lane;
  genesis: Genesis;
  chainDir: string;
  dataDir: string;
}

/** Answered by the reader thread. */
export interface ReaderCalls {
  answer(question: { name: string; params: unknown }): Promise<ApartAnswer>;
}

/** Answered by the RPC thread, which asks the executor: calls of settlements and of trained models need them. */
export type ReaderNeeds = Pick<ExecutorRpcCalls, 'attribute' | 'infer'>;
