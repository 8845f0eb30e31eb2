/**
 * The thread that talks to people and programs: HTTP, WebSocket and JSON never take time from consensus. It reads
 * the chain through its own reader of the executor's database.
 */
import type { MessagePort } from 'node:worker_threads';
import type { RunningRpc } from '../../rpc/start.ts';
import { type ExecutionPorts, type TrainedVersion, Unavailable } from '../../state/types.ts';
import { systemClock } from '../authorities.ts';
import type { ExecutorRpcCalls, ExecutorRpcEvents } from '../executor-thread/protocol.ts';
import type { Log } from '../log.ts';
import { createLink } from '../threads/index.ts';
import { readerOfArtifacts } from './artifacts.ts';
import { createBackend, type ExecutorLink, type MainLink, type NodeBackend } from './backend.ts';
import { createLazyCaller } from './lazy-caller.ts';
import type { RpcCalls, RpcEvents, RpcMainCalls, RpcSettings } from './protocol.ts';

/** By then the other nodes of a devnet on the same machine have started, too. */
const WARM_AFTER_MS = 5_000;

type NoCalls = Record<never, never>;

export function runRpcThread(port: MessagePort, settings: RpcSettings): void {
  // The code is loaded while the executor still opens the chain.
  const code = Promise.all([import('../../state/reader.ts'), import('../../rpc/start.ts')]);
  code.catch(() => {});
  let close: () => Promise<void> = async () => {};
  let cancelWarm: () => void = () => {};

  const main: MainLink = createLink<RpcCalls, RpcMainCalls, RpcEvents>(port, {
    handlers: {
      async open() {
        const [{ openReader }, { startRpc }] = await code;
        const reader = await openReader(settings.chainDir, settings.genesis);
        const caller = createLazyCaller(reader, ports);
        let running: RunningRpc;
        try {
          running = await startRpc({
            reader,
            caller,
            backend: node.backend,
            config: {
              host: settings.host,
              port: settings.port,
              allowedHosts: settings.allowedHosts,
              allowedOrigins: settings.allowedOrigins,
            },
            report: (error, where) =>
              log(
                'error',
                `a request failed through our fault: ${error instanceof Error ? error.message : error}`,
                {
                  where,
                  ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
                },
              ),
          });
        } catch (error) {
          await reader.close();
          throw error;
        }
        close = async () => {
          await running.close();
          await reader.close();
        };
        cancelWarm = systemClock.setTimer(WARM_AFTER_MS, caller.warm);
        return { port: running.port };
      },
      async shutdown() {
        cancelWarm();
        await close();
        // The answer leaves first; with both ports closed nothing keeps the thread alive.
        setImmediate(() => {
          executor.close('the node is stopping');
          main.close('the node is stopping');
        });
      },
    },
  });
  const log: Log = (level, message, fields = {}) => main.emit('log', { level, message, fields });

  const executor: ExecutorLink = createLink<NoCalls, ExecutorRpcCalls, NoCalls, ExecutorRpcEvents>(
    settings.executorPort,
    {
      handlers: {},
      onEvent: {
        head: (head) => node.events.head(head),
        pending: (transactions) => node.events.pending(transactions),
      },
    },
  );
  const artifacts = readerOfArtifacts(settings.dataDir);
  const node: NodeBackend = createBackend(executor, main, artifacts);
  /** Lets wallets call and estimate what needs bytes or an attribution, as if it were executed here. */
  const ports: ExecutionPorts = {
    async artifact(root) {
      const info = artifacts.describe(root);
      if (info === undefined) throw new Unavailable({ kind: 'artifact', root });
      return info;
    },
    async attribute({ sequence, ...job }) {
      try {
        return await executor.call('attribute', { ...job, entries: sequence() });
      } catch {
        throw new Unavailable({ kind: 'attribution', requestId: job.requestHash });
      }
    },
    async infer({ sequence, base, ...job }) {
      try {
        return await executor.call('infer', {
          ...job,
          entries: sequence(),
          base: base && cloned(base),
        });
      } catch {
        throw new Unavailable({ kind: 'model', modelId: job.modelId, version: job.version });
      }
    },
  };
}

function cloned({ sequence, ...version }: TrainedVersion) {
  return { ...version, entries: sequence() };
}
