/** Main's side of the executor thread. */
import type { MessagePort } from 'node:worker_threads';
import { createLink, type Link, spawnThread } from '../threads/index.ts';
import type { ExecutorCalls, ExecutorEvents, ExecutorSettings } from './protocol.ts';

type NoCalls = Record<never, never>;

export interface ExecutorClient {
  readonly link: Link<ExecutorCalls, NoCalls>;
  /** One listener per event; set it before `open` is asked. */
  on<K extends keyof ExecutorEvents>(event: K, listener: (data: ExecutorEvents[K]) => void): void;
  /** Resolves with a message when the thread ends without being asked to, with undefined after `stop`. */
  readonly ended: Promise<string | undefined>;
  /** Asks the thread to close its files and ends it. */
  stop(): Promise<void>;
}

/**
 * The compiled entry of the shipped executor, named from the folder above, because bundling puts this file into
 * `cli/main.js`. Tests of faulty nodes give their own.
 */
export const EXECUTOR_ENTRY = new URL('../executor-thread/worker.js', import.meta.url);

export function startExecutorThread(settings: ExecutorSettings, entry: URL = EXECUTOR_ENTRY): ExecutorClient {
  const transfer: MessagePort[] = settings.rpcPort === null ? [] : [settings.rpcPort];
  const thread = spawnThread({ name: 'executor', entry, settings, transfer });
  const listeners = new Map<keyof ExecutorEvents, (data: never) => void>();
  const forward = <K extends keyof ExecutorEvents>(event: K) => {
    return (data: ExecutorEvents[K]): void => {
      (listeners.get(event) as ((data: ExecutorEvents[K]) => void) | undefined)?.(data);
    };
  };
  const link = createLink<NoCalls, ExecutorCalls, NoCalls, ExecutorEvents>(thread.port, {
    handlers: {},
    onEvent: {
      log: forward('log'),
      ready: forward('ready'),
      hasTransactions: forward('hasTransactions'),
      attest: forward('attest'),
      broadcast: forward('broadcast'),
      want: forward('want'),
      fault: forward('fault'),
    },
  });
  return {
    link,
    on(event, listener) {
      listeners.set(event, listener);
    },
    ended: thread.ended,
    async stop() {
      // The answer may be lost if the thread died already; ending it is what counts.
      await Promise.race([link.call('shutdown', undefined).catch(() => {}), thread.ended]);
      link.close('the node is stopping');
      await thread.stop();
    },
  };
}
