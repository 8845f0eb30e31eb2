/** The executor's side of the attestation thread. It starts with the first task and again after a crash. */
import { createLink, type Link, spawnThread, type Thread } from '../threads/index.ts';
import { LIMITS } from './limits.ts';
import type { ObjectAnswer, ObjectTask, WorkerCalls, WorkerSettings } from './types.ts';

type NoCalls = Record<never, never>;

/** Computes objects outside the thread that executes. */
export interface ObjectWorker {
  /** @throws whatever the worker threw, or THREAD_CLOSED when it ended; the next call starts a fresh one (B2) */
  compute(task: ObjectTask): Promise<ObjectAnswer>;
  close(): Promise<void>;
}

/** The compiled entry, named from the folder above, because bundling puts this file into another. */
const ENTRY = new URL('../attestation-worker/worker.js', import.meta.url);

export function createObjectWorker(settings: WorkerSettings): ObjectWorker {
  let running: { thread: Thread; link: Link<WorkerCalls, NoCalls> } | undefined;
  let isClosed = false;

  function start(): Link<WorkerCalls, NoCalls> {
    if (isClosed) throw new Error('the node is stopping');
    if (running !== undefined) return running.link;
    const thread = spawnThread({
      name: 'attestation',
      entry: ENTRY,
      settings,
      maxOldSpaceMb: LIMITS.oldSpaceMb,
    });
    const link = createLink<NoCalls, WorkerCalls>(thread.port, { handlers: {} });
    running = { thread, link };
    return link;
  }

  async function stop(): Promise<void> {
    const old = running;
    running = undefined;
    old?.link.close('the attestation thread was stopped');
    await old?.thread.stop();
  }

  return {
    async compute(task) {
      try {
        return await start().call('compute', task);
      } catch (error) {
        // What a failed thread remembers is worth nothing.
        await stop();
        throw error;
      }
    },
    close() {
      isClosed = true;
      return stop();
    },
  };
}
