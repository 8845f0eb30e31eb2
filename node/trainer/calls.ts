/** What a trainer thread answers: calls one after another, each with what its graph gives before the core computes. */
import { createRuntimePool, type RuntimePool } from '../runtime-pool/index.ts';
import { createGraphRunner } from './graphs.ts';
import type { AnswerJob, AnswerReply, TrainerSettings, TrainingAnswer, TrainingJob } from './types.ts';
import { createTrainerCore, type JobGraphs } from './worker-core.ts';

export interface TrainerService {
  /** @throws Fault when this machine fails */
  train(job: TrainingJob): Promise<TrainingAnswer>;
  /** @throws Fault when this machine fails, or holds another model than validators attested */
  answer(job: AnswerJob): Promise<AnswerReply>;
}

/** @param pool that of the settings' runtime, unless a test brings its own */
export function createTrainerService(
  settings: TrainerSettings,
  pool: Pick<RuntimePool, 'prepare' | 'run'> = createRuntimePool({ pins: settings.runtime, native: false }),
): TrainerService {
  const core = createTrainerCore(settings);
  const graphs = createGraphRunner({ dataDir: settings.dataDir, pool });
  let last: Promise<unknown> = Promise.resolve();

  /** A training of minutes between a call of the runtime and its answer would look like a runtime that hangs. */
  function inTurn<T>(call: () => Promise<T>): Promise<T> {
    const turn = last.then(call, call);
    last = turn.catch(() => {});
    return turn;
  }

  async function train(job: TrainingJob): Promise<TrainingAnswer> {
    if (core.keeps(job)) return core.train(job);
    const roots = core.lacks(job);
    if (roots.length > 0) return { kind: 'missing', roots };
    const made: { -readonly [K in keyof JobGraphs]: JobGraphs[K] } = {};
    const own = await graphs.forTraining(job);
    if (own?.kind === 'missing') return { kind: 'missing', roots: [own.root] };
    if (own?.kind === 'unknown') return own;
    if (own !== undefined) made.own = own.graph;
    if (job.base !== undefined && !core.keeps({ ...job.base, base: undefined })) {
      const base = await graphs.forTraining(job.base);
      if (base?.kind === 'missing') return { kind: 'missing', roots: [base.root] };
      if (base?.kind === 'unknown') return base;
      if (base !== undefined) made.base = base.graph;
    }
    return core.train(job, made);
  }

  async function answer(job: AnswerJob): Promise<AnswerReply> {
    const made = await graphs.forPrompt(job.spec, job.prompt);
    if (made === undefined) return core.answer(job);
    if (made.kind === 'missing') return made;
    const { graph } = made;
    if (graph.kind === 'refused' || graph.featuresOf(job.prompt) === undefined) return { kind: 'refused' };
    return core.answer(job, graph);
  }

  return { train: (job) => inTurn(() => train(job)), answer: (job) => inTurn(() => answer(job)) };
}
