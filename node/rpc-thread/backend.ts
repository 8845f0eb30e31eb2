/** The node around the RPC, over its two links. */
import type { Cancel, PoolTransaction, RpcBackend, RpcFailure } from '../../rpc/backend.ts';
import { RPC_CODES } from '../../rpc/errors.ts';
import type { ArtifactInfo, Hex } from '../../state/types.ts';
import type { ExecutorRpcCalls, ExecutorRpcEvents } from '../executor-thread/protocol.ts';
import type { AddResult } from '../mempool/index.ts';
import { type Link, movable } from '../threads/index.ts';
import type { RpcEvents, RpcMainCalls } from './protocol.ts';

type NoCalls = Record<never, never>;
export type ExecutorLink = Link<ExecutorRpcCalls, NoCalls>;
export type MainLink = Link<RpcMainCalls, RpcEvents>;

/** Read access to artifacts from this thread. */
export interface ArtifactReader {
  describe(root: Hex): ArtifactInfo | undefined;
  leaves(root: Hex): Iterable<Uint8Array> | undefined;
}

export interface NodeBackend {
  readonly backend: RpcBackend;
  /** What the executor's events do here. */
  readonly events: { [K in keyof ExecutorRpcEvents]: (data: ExecutorRpcEvents[K]) => void };
}

export function createBackend(
  executor: ExecutorLink,
  main: MainLink,
  artifacts: ArtifactReader,
): NodeBackend {
  const headListeners = new Set<(head: { number: number; hash: Hex }) => void>();
  const pendingListeners = new Set<(transactions: readonly PoolTransaction[]) => void>();
  const watch = (): void => {
    executor.call('watchPending', pendingListeners.size > 0).catch(() => {});
  };

  const submit = createSubmitter(executor);
  const backend: RpcBackend = {
    async submitTransaction(raw): Promise<{ hash: Hex } | RpcFailure> {
      const result = await submit(raw);
      if (result.ok) return { hash: result.hash };
      return { error: { code: RPC_CODES.server, message: result.message } };
    },
    pendingNonce: (address) => executor.call('pendingNonce', address),
    poolStatus: () => executor.call('poolStatus', undefined),
    poolContent: (from) => executor.call('poolContent', from),
    poolTransaction: (hash) => executor.call('poolTransaction', hash),
    onHead: (listener) => subscribe(headListeners, listener),
    onPendingTransactions(listener) {
      pendingListeners.add(listener);
      if (pendingListeners.size === 1) watch();
      return () => {
        if (pendingListeners.delete(listener) && pendingListeners.size === 0) watch();
      };
    },
    peers: () => main.call('peers', undefined),
    syncing: () => main.call('syncing', undefined),
    node: () => main.call('node', undefined),
    metrics: () => main.call('metrics', undefined),
    async storeArtifact(declaration, leaves) {
      const upload = await main.call('uploadBegin', declaration);
      try {
        for await (const leaf of leaves) await main.call('uploadLeaf', { upload, leaf }, movable(leaf));
        return await main.call('uploadFinish', upload);
      } catch (error) {
        await main.call('uploadDiscard', upload).catch(() => {});
        throw error;
      }
    },
    artifactInfo: async (root) => artifacts.describe(root),
    artifactLeaves: async (root) => artifacts.leaves(root),
    previewAttribution: (requestId, output) => executor.call('previewAttribution', { requestId, output }),
    attributionDetails: (requestId) => executor.call('attributionDetails', requestId),
    attributionProof: (question) => executor.call('attributionProof', question),
  };
  return {
    backend,
    events: {
      head: (head) => {
        for (const listener of [...headListeners]) listener(head);
      },
      pending: (transactions) => {
        for (const listener of [...pendingListeners]) listener(transactions);
      },
    },
  };
}

/**
 * What was submitted in one turn of the event loop goes to the executor as one message and into its journal as one
 * write: to wake a thread for each transaction of a batch would cost more than to take it in.
 */
function createSubmitter(executor: ExecutorLink): (raw: Uint8Array) => Promise<AddResult> {
  let waiting: { raw: Uint8Array; resolve: (result: AddResult) => void; reject: (error: unknown) => void }[] =
    [];

  function flush(): void {
    const together = waiting;
    waiting = [];
    executor
      .call(
        'submit',
        together.map(({ raw }) => raw),
      )
      .then(
        (results) => {
          for (const [i, { resolve, reject }] of together.entries()) {
            const result = results[i];
            if (result === undefined) reject(new Error('the pool gave no answer'));
            else resolve(result);
          }
        },
        (error: unknown) => {
          for (const { reject } of together) reject(error);
        },
      );
  }

  return (raw) =>
    new Promise((resolve, reject) => {
      // Behind all promises of this turn, through which the rest of a batch gets here.
      if (waiting.length === 0) process.nextTick(flush);
      waiting.push({ raw, resolve, reject });
    });
}

function subscribe<T>(listeners: Set<T>, listener: T): Cancel {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
