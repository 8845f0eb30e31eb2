/**
 * Executor of a node that computes wrong objects: it says that every record brings one token more. Part of the tests
 * only; nothing of the program refers to it.
 */
import { workerData } from 'node:worker_threads';
import { runExecutorThread } from '../../../node/executor-thread/executor-thread.ts';
import type { ExecutorSettings } from '../../../node/executor-thread/protocol.ts';
import type { WorkerInput } from '../../../node/threads/index.ts';
import { decodeApproval, encodeApproval } from '../../../state/modules/contribution/approval.ts';

function wrong(object: Uint8Array): Uint8Array {
  const right = decodeApproval(object.subarray(32));
  return encodeApproval({ ...right, novelTokens: right.novelTokens + 1 });
}

const { port, settings } = workerData as WorkerInput<ExecutorSettings>;
runExecutorThread(port, settings, {
  wrapWorker: (honest) => ({
    ...honest,
    async compute(task) {
      const answer = await honest.compute(task);
      return answer.kind === 'done' ? { ...answer, object: wrong(answer.object) } : answer;
    },
  }),
});
