/**
 * Answers of models that the chain trained, for execution. A node that did not attest a version trains it when it is
 * first asked for, beside the blocks; until then a block that needs it is unknown (B1). A thread's death is tried again
 * once before it is this machine's fault (B2).
 */
import { decodeTrainingObject, decodeTrainingSpec, isSample } from '../../attribution/trained/api.ts';
import {
  Fault,
  type Hex,
  type InferenceJob,
  type InferenceOutcome,
  type SequenceEntry,
  type TrainedVersion,
  Unavailable,
} from '../../state/types.ts';
import type { Log } from '../log.ts';
import type { Trainer } from '../trainer/client.ts';
import { trainingKey } from '../trainer/key.ts';
import { LIMITS as TRAINER } from '../trainer/limits.ts';
import { hasTrained } from '../trainer/store.ts';
import type { AnswerReply, TrainingJob, TrainingSource } from '../trainer/types.ts';
import type { ArtifactPort } from './artifact-port.ts';

export interface InferenceService {
  /** The port of execution. @throws Unavailable, Fault */
  infer(job: InferenceJob): Promise<InferenceOutcome>;
  /** Nothing is told any more; the trainer is its owner's to close. */
  close(): void;
}

export interface InferenceOptions {
  dataDir: string;
  trainer: Trainer;
  artifacts: ArtifactPort;
  log: Log;
  /** This version, which was missing, can be asked for again. */
  onAvailable: (version: { modelId: number; version: number }) => void;
}

/** Part of the protocol: what the receipt of a refused prompt rests on. */
const NO_SAMPLE = 'the prompt is not what the model takes';
const NO_FEATURES = 'the graph of the model gives no features for the prompt';
const ATTEMPTS = 2;

type Waiting = Map<string, { modelId: number; version: number }>;
type Answered = Extract<AnswerReply, { kind: 'answered' }>;

export function createInferenceService(options: InferenceOptions): InferenceService {
  const { dataDir, trainer, artifacts, log } = options;
  /** Trainings for execution, by what is trained from, and the versions that wait for them. */
  const training = new Map<string, Waiting>();
  /** Trainings that failed twice, by the same. */
  const failures = new Map<string, Fault>();
  const answers = new Map<string, Answered>();
  let isClosed = false;

  async function infer(job: InferenceJob): Promise<InferenceOutcome> {
    if (!isSample(decodeTrainingSpec(job.spec).features, job.prompt))
      return { kind: 'refused', reason: NO_SAMPLE };
    const key = trainingKey(job);
    // The request's hash stands for version, prompt and parameters; the key for what the version was trained from.
    const asked = `${job.requestHash} ${job.modelHash} ${key}`;
    const known = answers.get(asked);
    if (known !== undefined) return known;
    if (!hasTrained(dataDir, key)) throw trainFor(job, key);
    const reply = await answerTwice(job, key);
    if (reply.kind === 'refused') return { kind: 'refused', reason: NO_FEATURES };
    if (reply.kind === 'missing') throw missingGraph(reply.root);
    // The file was damaged, or went for others between the two steps.
    if (reply.kind === 'absent') throw trainFor(job, key);
    remember(asked, reply);
    return reply;
  }

  async function answerTwice(job: InferenceJob, key: string): Promise<AnswerReply> {
    const { spec, modelHash, metricHash, requestHash, prompt, ineligible } = job;
    const question = { key, spec, modelHash, metricHash, requestHash, prompt, ineligible };
    for (let attempt = 1; ; attempt++) {
      try {
        return await trainer.answer(question);
      } catch (error) {
        if (attempt === ATTEMPTS)
          throw new Fault(`an answer of model ${job.modelId} failed: ${messageOf(error)}`, { cause: error });
        log('warn', 'an answer failed and is computed again in a fresh thread', {
          model: job.modelId,
          request: requestHash,
          error: messageOf(error),
        });
      }
    }
  }

  /** Begins to train, unless it has begun. Returns what is missing meanwhile. @throws Unavailable, Fault */
  function trainFor(job: InferenceJob, key: string): Unavailable {
    const { modelId, version } = job;
    const failure = failures.get(key);
    failures.delete(key);
    if (failure !== undefined) throw failure;
    const task = taskOf(job);
    askForAll([...graphRootsOf(job.spec), ...rootsOf(task.entries), ...rootsOf(task.base?.entries ?? [])]);
    let waiting = training.get(key);
    if (waiting === undefined) {
      waiting = new Map();
      training.set(key, waiting);
      void trainTwice(task, key, waiting);
    }
    waiting.set(`${modelId} ${version}`, { modelId, version });
    return new Unavailable({ kind: 'model', modelId, version });
  }

  /** Looks for every artifact before the work, so that all that is missing is fetched at once. */
  function askForAll(roots: readonly Hex[]): void {
    const [first] = roots.filter((root) => !artifacts.isHere(root));
    if (first !== undefined) throw new Unavailable({ kind: 'artifact', root: first });
  }

  /** Reading a damaged one asks for it anew. @throws Unavailable, Fault */
  function missingGraph(root: Hex): Unavailable {
    artifacts.read(root);
    return new Unavailable({ kind: 'artifact', root });
  }

  /** A second failure is said to the next who asks. */
  async function trainTwice(task: TrainingJob, key: string, waiting: Waiting): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++)
      try {
        await train(task);
        break;
      } catch (error) {
        if (isClosed) return;
        log('warn', 'a model could not be trained', { key, attempt, error: messageOf(error) });
        if (attempt === ATTEMPTS)
          failures.set(key, new Fault(`a model could not be trained: ${messageOf(error)}`, { cause: error }));
      }
    training.delete(key);
    if (!isClosed) for (const version of waiting.values()) options.onAvailable(version);
  }

  async function train(task: TrainingJob): Promise<void> {
    const answer = await trainer.train(task);
    if (answer.kind === 'missing') {
      // One of them was damaged: whoever asks next waits for it.
      for (const root of answer.roots) artifacts.isHere(root);
      return;
    }
    if (answer.kind === 'unknown')
      throw new Fault(`validators attested a model, and its graph does not run here: ${answer.reason}`);
    const object = decodeTrainingObject(answer.object);
    if (object.outcome === 'failed')
      throw new Fault(
        `validators attested a model, and its training failed here (${object.failure}). This machine or its program is at fault: check it, and update the node.`,
      );
  }

  function remember(asked: string, answer: Answered): void {
    answers.set(asked, answer);
    for (const oldest of answers.keys()) {
      if (answers.size <= TRAINER.cachedAnswers) break;
      answers.delete(oldest);
    }
  }

  return {
    infer,
    close() {
      isClosed = true;
    },
  };
}

function taskOf({ spec, snapshots, sequence, base }: InferenceJob): TrainingJob {
  const source = (version: TrainedVersion): TrainingSource => ({
    spec: version.spec,
    snapshots: version.snapshots,
    entries: version.sequence(),
  });
  return {
    spec,
    snapshots,
    entries: sequence(),
    base: base && source(base),
    claimedHash: undefined,
  };
}

function rootsOf(entries: readonly SequenceEntry[]): Hex[] {
  return entries.map(({ artifactRoot }) => artifactRoot);
}

/** Where the file of a model's graph is, if it has one. */
function graphRootsOf(spec: Uint8Array): Hex[] {
  const { features } = decodeTrainingSpec(spec);
  return features.kind === 'onnx' ? [features.artifactRoot as Hex] : [];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
