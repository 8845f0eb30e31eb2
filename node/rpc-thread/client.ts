/** Main's side of the RPC thread. */
import { createLink, type Handlers, type Link, spawnThread } from '../threads/index.ts';
import { LIMITS } from './limits.ts';
import type { RpcCalls, RpcEvents, RpcMainCalls, RpcSettings } from './protocol.ts';

type NoEvents = Record<never, never>;

export interface RpcClient {
  readonly link: Link<RpcCalls, NoEvents>;
  /** Resolves with a message when the thread ends without being asked to, with undefined after `stop`. */
  readonly ended: Promise<string | undefined>;
  stop(): Promise<void>;
}

/** The compiled entry; named from the folder above, because bundling puts this file into `cli/main.js`. */
export const RPC_ENTRY = new URL('../rpc-thread/worker.js', import.meta.url);

export function startRpcThread(
  settings: RpcSettings,
  handlers: Handlers<RpcMainCalls>,
  onLog: (line: RpcEvents['log']) => void,
): RpcClient {
  const thread = spawnThread({
    name: 'rpc',
    entry: RPC_ENTRY,
    settings,
    transfer: [settings.executorPort],
    maxOldSpaceMb: LIMITS.maxOldSpaceMb,
  });
  const link = createLink<RpcMainCalls, RpcCalls, NoEvents, RpcEvents>(thread.port, {
    handlers,
    onEvent: { log: onLog },
  });
  return {
    link,
    ended: thread.ended,
    async stop() {
      await Promise.race([link.call('shutdown', undefined).catch(() => {}), thread.ended]);
      link.close('the node is stopping');
      await thread.stop();
    },
  };
}
