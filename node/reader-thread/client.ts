/** The RPC thread's side of a reader thread. */
import type { LaneThread } from '../../rpc/apart.ts';
import { createLink, type Handlers, type Link, spawnThread } from '../threads/index.ts';
import { LIMITS } from './limits.ts';
import type { ReaderCalls, ReaderNeeds, ReaderSettings } from './protocol.ts';

/** The compiled entry; named from the folder above, because bundling puts this file into `rpc-thread/worker.js`. */
export const READER_ENTRY = new URL('../reader-thread/worker.js', import.meta.url);

/** @param entry of the thread; tests give another one */
export function startReaderThread(
  settings: ReaderSettings,
  needs: Handlers<ReaderNeeds>,
  entry: URL = READER_ENTRY,
): LaneThread {
  const thread = spawnThread({
    name: `reader-${settings.lane}`,
    entry,
    settings,
    maxOldSpaceMb: LIMITS.maxOldSpaceMb,
    // It writes nothing: there is nothing to wait for.
    stopMs: 0,
  });
  const link: Link<ReaderCalls, object> = createLink<ReaderNeeds, ReaderCalls>(thread.port, {
    handlers: needs,
  });
  return {
    answer: (name, params) => link.call('answer', { name, params }),
    async end() {
      link.close('the call was ended');
      await thread.stop();
    },
  };
}
