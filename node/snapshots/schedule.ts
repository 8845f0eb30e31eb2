/** Snapshots on schedule, one at a time, in a thread that lives as long as it works. */
import type { Log } from '../log.ts';
import { createLink, spawnThread } from '../threads/index.ts';
import type { SnapshotCalls, SnapshotSettings } from './make.ts';

type NoCalls = Record<never, never>;

/** The compiled entry, named from the folder above, because bundling puts this file into another. */
const ENTRY = new URL('../snapshots/worker.js', import.meta.url);

export interface SnapshotSchedule {
  onHead(height: number): void;
  stop(): Promise<void>;
}

/** @param interval blocks; the state of a multiple of it is taken when its child is there, with the child's certificate */
export function createSnapshotSchedule(
  settings: SnapshotSettings,
  interval: number,
  log: Log,
): SnapshotSchedule {
  let working: Promise<void> | undefined;
  let halt: () => Promise<void> = async () => {};
  let isStopped = false;

  async function make(height: number): Promise<void> {
    const thread = spawnThread({ name: 'snapshot', entry: ENTRY, settings });
    const link = createLink<NoCalls, SnapshotCalls>(thread.port, { handlers: {} });
    halt = async () => {
      link.close('the snapshot thread was stopped');
      await thread.stop();
    };
    try {
      const chunks = await link.call('make', height);
      log('info', 'made a snapshot', { height, chunks });
    } catch (error) {
      if (!isStopped)
        log('warn', 'a snapshot could not be made', { height, reason: (error as Error).message });
    } finally {
      await halt();
    }
  }

  return {
    onHead(height) {
      const number = height - 1;
      if (isStopped || working !== undefined || interval === 0 || number < 1 || number % interval !== 0)
        return;
      working = make(number).finally(() => {
        working = undefined;
      });
    },
    async stop() {
      isStopped = true;
      await halt();
      await working;
    },
  };
}
