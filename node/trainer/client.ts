/** The executor's side of the trainer's threads. Each starts with its first call and again after a crash. */
import { createLink, type Link, spawnThread, type Thread } from '../threads/index.ts';
import { LIMITS } from './limits.ts';
import type {
  AnswerJob,
  AnswerReply,
  TrainerCalls,
  TrainerSettings,
  TrainingAnswer,
  TrainingJob,
} from './types.ts';

type NoCalls = Record<never, never>;

/** Trains and answers outside the thread that executes. A failed call ends its thread; the next one starts afresh (B2). */
export interface Trainer {
  /** @throws whatever the thread threw, or THREAD_CLOSED when it ended */
  train(job: TrainingJob): Promise<TrainingAnswer>;
  /** The same, and after LIMITS.answerMs. */
  answer(job: AnswerJob): Promise<AnswerReply>;
  close(): Promise<void>;
}

/** The compiled entry, named from the folder above, because bundling puts this file into another. */
const ENTRY = new URL('../trainer/worker.js', import.meta.url);

export function createTrainer(settings: TrainerSettings): Trainer {
  const training = createThread('trainer', settings);
  const answering = createThread('answers', settings);
  return {
    train: (job) => training.run((link) => link.call('train', job)),
    answer: (job) => answering.run((link) => withinMs(LIMITS.answerMs, link.call('answer', job))),
    async close() {
      await Promise.all([training.close(), answering.close()]);
    },
  };
}

interface RestartingThread {
  run<T>(call: (link: Link<TrainerCalls, NoCalls>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

function createThread(name: string, settings: TrainerSettings): RestartingThread {
  let running: { thread: Thread; link: Link<TrainerCalls, NoCalls> } | undefined;
  let isClosed = false;

  function start(): Link<TrainerCalls, NoCalls> {
    if (isClosed) throw new Error('the node is stopping');
    if (running !== undefined) return running.link;
    // Its files are whole at every moment, so nobody waits for a training to end.
    const thread = spawnThread({ name, entry: ENTRY, settings, maxOldSpaceMb: LIMITS.oldSpaceMb, stopMs: 0 });
    const link = createLink<NoCalls, TrainerCalls>(thread.port, { handlers: {} });
    running = { thread, link };
    return link;
  }

  async function stop(): Promise<void> {
    const old = running;
    running = undefined;
    old?.link.close(`the ${name} thread was stopped`);
    await old?.thread.stop();
  }

  return {
    async run(call) {
      const link = start();
      try {
        return await call(link);
      } catch (error) {
        // What a failed thread remembers is worth nothing. Another call may have replaced it meanwhile.
        if (running?.link === link) await stop();
        throw error;
      }
    },
    close() {
      isClosed = true;
      return stop();
    },
  };
}

function withinMs<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
