/**
 * The thread that talks to people and programs: HTTP, WebSocket and JSON never take time from consensus. It reads
 * the chain through its own reader of the executor's database.
 */
import type { MessagePort } from 'node:worker_threads';
import { createApart, type Lane, type RunningApart } from '../../rpc/apart.ts';
import { DEFAULT_LIMITS } from '../../rpc/limits.ts';
import type { RunningRpc } from '../../rpc/start.ts';
import { systemClock } from '../authorities.ts';
import type { ExecutorRpcCalls, ExecutorRpcEvents } from '../executor-thread/protocol.ts';
import type { Log } from '../log.ts';
import { startReaderThread } from '../reader-thread/client.ts';
import { createPorts } from '../reader-thread/ports.ts';
import { collectWhenQuiet, createLink } from '../threads/index.ts';
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
  const stopTidying = collectWhenQuiet();

  const main: MainLink = createLink<RpcCalls, RpcMainCalls, RpcEvents>(port, {
    handlers: {
      async open() {
        const [{ openReader }, { startRpc }] = await code;
        const reader = await openReader(settings.chainDir, settings.genesis);
        const apart: RunningApart = createApart({ start: startReader, limits: DEFAULT_LIMITS, report });
        let running: RunningRpc;
        try {
          running = await startRpc({
            reader,
            caller: createLazyCaller(reader, createPorts(artifacts, executor)),
            apart,
            backend: node.backend,
            config: {
              host: settings.host,
              port: settings.port,
              allowedHosts: settings.allowedHosts,
              allowedOrigins: settings.allowedOrigins,
            },
            report,
          });
        } catch (error) {
          await apart.close();
          await reader.close();
          throw error;
        }
        close = async () => {
          await running.close();
          await apart.close();
          await reader.close();
        };
        cancelWarm = systemClock.setTimer(WARM_AFTER_MS, () => void apart.warm());
        return { port: running.port };
      },
      async shutdown() {
        cancelWarm();
        stopTidying();
        await close();
        // The answer leaves first; with both ports closed nothing keeps the thread alive.
        setImmediate(() => {
          executor.close('the node is stopping');
          main.close('the node is stopping');
        });
      },
    },
  });
  const report = (error: unknown, where: string): void =>
    log('error', `a request failed through our fault: ${error instanceof Error ? error.message : error}`, {
      where,
      ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
    });
  const startReader = (lane: Lane) => {
    const { genesis, chainDir, dataDir } = settings;
    return startReaderThread(
      { lane, genesis, chainDir, dataDir },
      {
        attribute: (job) => executor.call('attribute', job),
        infer: (job) => executor.call('infer', job),
      },
    );
  };
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
}
