/** The executor's side of the attestation thread. It starts with the first task and again after a crash. */
import { encodeRoot, encodeTraining, type RootObject } from '../../state/modules/model/views.ts';
import type { Hex, SequenceEntry, SnapshotPin } from '../../state/types.ts';
import { createLink, type Link, spawnThread, type Thread } from '../threads/index.ts';
import type { Trainer } from '../trainer/client.ts';
import { LIMITS } from './limits.ts';
import type {
  ApprovalJob,
  ObjectAnswer,
  ObjectTask,
  RootJob,
  TrainingJob,
  WorkerCalls,
  WorkerSettings,
} from './types.ts';

type NoCalls = Record<never, never>;

/** Computes objects outside the thread that executes. */
export interface ObjectWorker {
  /** @throws whatever the worker threw, or THREAD_CLOSED when it ended; the next call starts a fresh one (B2) */
  compute(task: ObjectTask): Promise<ObjectAnswer>;
  close(): Promise<void>;
}

/** Commits to the texts of pinned snapshots: what makes proofs about them. */
export interface Committer {
  /** @throws Fault, and whatever else is this machine's */
  commit(
    snapshots: readonly SnapshotPin[],
    sequence: readonly SequenceEntry[],
  ): Promise<RootObject | { outcome: 'missing'; roots: Hex[] }>;
}

/** The compiled entry, named from the folder above, because bundling puts this file into another. */
const ENTRY = new URL('../attestation-worker/worker.js', import.meta.url);

/** @param trainer @param committer compute in threads of their own, so that approvals do not wait for them */
export function createObjectWorker(
  settings: WorkerSettings,
  trainer: Pick<Trainer, 'train'>,
  committer: Committer,
): ObjectWorker {
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

  async function approve(task: ApprovalJob): Promise<ObjectAnswer> {
    try {
      return await start().call('compute', task);
    } catch (error) {
      // What a failed thread remembers is worth nothing.
      await stop();
      throw error;
    }
  }

  return {
    compute(task) {
      switch (task.kind) {
        case 'approval':
          return approve(task);
        case 'training':
          return trainingObject(trainer, task);
        case 'root':
          return rootObject(committer, task);
      }
    },
    close() {
      isClosed = true;
      return stop();
    },
  };
}

/** What validators attest of a version: the body that the state will hold. */
export async function trainingObject(
  trainer: Pick<Trainer, 'train'>,
  { modelId, version, spec, snapshots, entries, base, claimedHash }: TrainingJob,
): Promise<ObjectAnswer> {
  const answer = await trainer.train({ spec, snapshots, entries, base, claimedHash });
  if (answer.kind !== 'done') return answer;
  return { kind: 'done', object: encodeTraining(modelId, version, answer.object) };
}

/** What validators attest of pinned snapshots. */
async function rootObject(committer: Committer, { id, snapshots, entries }: RootJob): Promise<ObjectAnswer> {
  const answer = await committer.commit(snapshots, entries);
  if (answer.outcome === 'missing') return { kind: 'missing', roots: answer.roots };
  return { kind: 'done', object: encodeRoot(id, answer) };
}
