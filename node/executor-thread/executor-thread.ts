/** Hosts the executor in its thread: links, clock and dice. */
import { randomInt } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { PoolTransaction } from '../../rpc/backend.ts';
import type { PooledTransaction } from '../../state/types.ts';
import { systemClock } from '../authorities.ts';
import type { Log } from '../log.ts';
import type { AddResult, Origin } from '../mempool/index.ts';
import { createLink, type Link } from '../threads/index.ts';
import { type Executor, type ExecutorOverrides, openExecutor, toPoolTransaction } from './executor.ts';
import { LIMITS } from './limits.ts';
import type {
  ExecutorCalls,
  ExecutorEvents,
  ExecutorRpcCalls,
  ExecutorRpcEvents,
  ExecutorSettings,
} from './protocol.ts';

type NoCalls = Record<never, never>;

/** Answers on `port` from now on; `open` is answered when the chain is open. */
export function runExecutorThread(
  port: MessagePort,
  settings: ExecutorSettings,
  overrides: ExecutorOverrides = {},
): void {
  const opened: Promise<Executor> = openExecutor(
    settings,
    {
      nowMs: systemClock.nowMs,
      setTimer: systemClock.setTimer,
      salt: () => randomInt(2 ** 32),
      log: ((level, message, fields = {}) => main.emit('log', { level, message, fields })) satisfies Log,
      emit: (event, data) => main.emit(event, data),
      onHead: (head) => rpc?.emit('head', head),
      onPending(transactions) {
        if (rpcWatches) rpc?.emit('pending', transactions);
      },
    },
    overrides,
  );
  // Whoever asks `open` hears of it.
  opened.catch(() => {});
  let rpcWatches = false;

  async function admit(raws: readonly Uint8Array[], origin: Origin): Promise<AddResult[]> {
    const executor = await opened;
    const results: AddResult[] = [];
    for (let i = 0; i < raws.length; i += LIMITS.admissionSlice) {
      // Between two slices whatever consensus has asked meanwhile gets its turn.
      if (i > 0) await new Promise<void>((resolve) => systemClock.setTimer(0, resolve));
      results.push(...executor.submit(raws.slice(i, i + LIMITS.admissionSlice), origin));
    }
    return results;
  }

  const main: Link<NoCalls, ExecutorEvents> = createLink<ExecutorCalls, NoCalls, ExecutorEvents>(port, {
    handlers: {
      open: async () => (await opened).report(),
      build: async (request) => (await opened).build(request),
      check: async (block) => (await opened).check(block),
      commit: async (block) => (await opened).commit(block),
      getBlock: async (height) => (await opened).getBlock(height),
      validatorsAt: async (height) => (await opened).validatorsAt(height),
      addEvidence: async (evidence) => (await opened).addEvidence(evidence),
      submit: ({ raws, origin }) => admit(raws, origin),
      attestAs: async (validator) => (await opened).attestAs(validator),
      artifactArrived: async (root) => (await opened).artifactArrived(root),
      counts: async () => (await opened).counts(),
      async shutdown() {
        const executor = await opened.catch(() => undefined);
        await executor?.close();
        // The answer leaves first; with all ports closed nothing keeps the thread alive.
        setImmediate(() => {
          rpc?.close('the node is stopping');
          main.close('the node is stopping');
        });
      },
    },
  });

  const rpc: Link<NoCalls, ExecutorRpcEvents> | undefined =
    settings.rpcPort === null
      ? undefined
      : createLink<ExecutorRpcCalls, NoCalls, ExecutorRpcEvents>(settings.rpcPort, {
          handlers: {
            submit: (raws) => admit(raws, 'local'),
            pendingNonce: async (address) => (await opened).pool.pendingNonce(address),
            async poolStatus() {
              const { pending, queued, bytes } = (await opened).pool.counts();
              return { pending, queued, bytes };
            },
            async poolContent(from) {
              const { pending, queued } = (await opened).pool.content();
              const shown = (list: readonly PooledTransaction[]) =>
                list.filter((tx) => from === undefined || tx.from === from).map(toPoolTransaction);
              return { pending: shown(pending), queued: shown(queued) };
            },
            async poolTransaction(hash): Promise<PoolTransaction | undefined> {
              const tx: PooledTransaction | undefined = (await opened).pool.get(hash);
              return tx === undefined ? undefined : toPoolTransaction(tx);
            },
            watchPending(on) {
              rpcWatches = on;
            },
            previewAttribution: async ({ requestId, output }) =>
              (await opened).previewAttribution(requestId, output),
            attribute: async ({ entries, ...job }) =>
              (await opened).attribute({ ...job, sequence: () => entries }),
            infer: async ({ entries, base, ...job }) =>
              (await opened).infer({
                ...job,
                sequence: () => entries,
                base: base && { ...base, sequence: () => base.entries },
              }),
            attributionDetails: async (requestId) => (await opened).attributionDetails(requestId),
            attributionProof: async (question) => (await opened).attributionProof(question),
          },
        });
}
