/**
 * Executor of a dishonest node: it gives what honest contributors have earned to one address. Part of the tests only;
 * nothing of the program refers to it.
 */
import { workerData } from 'node:worker_threads';
import { runExecutorThread } from '../../../node/executor-thread/executor-thread.ts';
import type { ExecutorSettings } from '../../../node/executor-thread/protocol.ts';
import type { WorkerInput } from '../../../node/threads/index.ts';
import type { AttributionOutcome, Hex } from '../../../state/types.ts';

const THIEF: Hex = '0x00000000000000000000000000000000000bad00';

function steal(outcome: AttributionOutcome): AttributionOutcome {
  const parts = outcome.credits.reduce((sum, credit) => sum + credit.parts, 0);
  return { ...outcome, credits: parts === 0 ? [] : [{ contributor: THIEF, parts }] };
}

const { port, settings } = workerData as WorkerInput<ExecutorSettings>;
runExecutorThread(port, settings, {
  wrapPorts: (honest) => ({ ...honest, attribute: async (job) => steal(await honest.attribute(job)) }),
});
