/** What a trainer thread does with one call after another. Separate from the thread, so that tests can run it in theirs. */
import {
  answerAndAttribute,
  createSentenceEncoder,
  decodeTrainingSpec,
  encodeTrainingObject,
  type FeatureMakers,
  type Graph,
  objectOf,
  type SentenceEncoder,
  type Trained,
  type TrainingSpec,
  trainRegistered,
} from '../../attribution/trained/api.ts';
import { Fault, type Hex } from '../../state/types.ts';
import { hasArtifact } from '../artifacts/file.ts';
import { MissingArtifact } from '../attribution-pool/contributions.ts';
import { encoderFile } from '../sentence-encoder/bundled.ts';
import { trainingKey } from './key.ts';
import { LIMITS } from './limits.ts';
import { acceptedRecords } from './records.ts';
import { openTrainedStore } from './store.ts';
import type {
  AnswerJob,
  AnswerReply,
  TrainerSettings,
  TrainingAnswer,
  TrainingJob,
  TrainingSource,
} from './types.ts';

/** What the graph of the settings gave for the records of a job, and of what it rests on, as far as they are trained. */
export interface JobGraphs {
  readonly own?: Graph;
  readonly base?: Graph;
}

export interface TrainerCore {
  /** Whether what this would train is on disk. */
  keeps(job: Pick<TrainingJob, 'spec' | 'snapshots' | 'base'>): boolean;
  /** Artifacts of its records, and of those of what it rests on, that are not here. */
  lacks(job: TrainingJob): Hex[];
  /** Trains, or finds on disk what was trained before. @throws Fault when this machine fails */
  train(job: TrainingJob, graphs?: JobGraphs): TrainingAnswer;
  /** @throws Fault when this machine fails, or holds another model than validators attested */
  answer(job: AnswerJob, graph?: Graph): AnswerReply;
}

export function createTrainerCore({
  dataDir,
  encoderHash,
  rules,
}: Omit<TrainerSettings, 'runtime'>): TrainerCore {
  const store = openTrainedStore({ dataDir });
  /** Models that answer, in the order of use. */
  const inMemory = new Map<string, { trained: Trained; bytes: number }>();
  const params = {
    contributorCapPermille: rules.contributorCapPermille,
    coverageCapPermille: rules.coverageCapPermille,
    maxContributors: rules.maxContributors,
  };
  const commons = new Set(rules.commons);
  let english: SentenceEncoder | undefined;

  const encoder = (): SentenceEncoder => {
    english ??= createSentenceEncoder(encoderFile(encoderHash));
    return english;
  };

  const makersOf = ({ features }: TrainingSpec, graph: Graph | undefined): FeatureMakers => ({
    ...(features.kind === 'text' ? { encoder: encoder() } : {}),
    ...(graph === undefined ? {} : { graph }),
  });

  /** What training gave, from disk or anew; undefined with `failed` bytes if there is no model. */
  function trainedFrom(
    job: TrainingJob,
    graphs: JobGraphs,
  ): { object: Uint8Array; trained: Trained | undefined } {
    const key = trainingKey(job);
    const { claimedHash } = job;
    const kept = store.load(key)?.trained;
    if (kept !== undefined)
      return { object: encodeTrainingObject(objectOf(kept, claimedHash)), trained: kept };
    const spec = decodeTrainingSpec(job.spec);
    const { object, trained } = trainRegistered({
      spec,
      records: acceptedRecords(dataDir, job.entries),
      ...(job.base === undefined ? {} : { parent: parentOf(job.base, graphs.base) }),
      ...makersOf(spec, graphs.own),
      ...(claimedHash === undefined ? {} : { claimedHash }),
    });
    if (trained !== undefined) store.save(key, trained);
    return { object: encodeTrainingObject(object), trained };
  }

  function parentOf(base: TrainingSource, graph: Graph | undefined) {
    const job = { ...base, base: undefined, claimedHash: undefined };
    const { trained } = trainedFrom(job, graph === undefined ? {} : { own: graph });
    if (trained === undefined)
      throw new Fault('the base of an adapter cannot be trained here, but was attested');
    return { spec: decodeTrainingSpec(base.spec), model: trained.model };
  }

  function lacks({ entries, base }: TrainingJob): Hex[] {
    const roots = [...entries, ...(base?.entries ?? [])].map(({ artifactRoot }) => artifactRoot);
    return [...new Set(roots.filter((root) => !hasArtifact(dataDir, root)))].slice(0, LIMITS.missingRoots);
  }

  function inUse(key: string): Trained | undefined {
    const known = inMemory.get(key) ?? store.load(key);
    if (known === undefined) return undefined;
    inMemory.delete(key);
    inMemory.set(key, known);
    let bytes = 0;
    for (const model of inMemory.values()) bytes += model.bytes;
    for (const [oldest, model] of inMemory) {
      if (oldest === key || (bytes <= LIMITS.memoryBytes && inMemory.size <= LIMITS.models)) break;
      inMemory.delete(oldest);
      bytes -= model.bytes;
    }
    return known.trained;
  }

  return {
    keeps: (job) => store.load(trainingKey(job)) !== undefined,
    lacks,
    train(job, graphs = {}) {
      const roots = lacks(job);
      if (roots.length > 0 && store.load(trainingKey(job)) === undefined) return { kind: 'missing', roots };
      try {
        return { kind: 'done', object: trainedFrom(job, graphs).object };
      } catch (error) {
        if (error instanceof MissingArtifact) return { kind: 'missing', roots: [error.root] };
        throw error;
      }
    },
    answer({ key, spec: specBytes, modelHash, metricHash, requestHash, prompt, ineligible }, graph) {
      const trained = inUse(key);
      if (trained === undefined) return { kind: 'absent' };
      if (trained.modelHash !== modelHash || trained.metricHash !== metricHash)
        throw new Fault(
          `this node trained model ${trained.modelHash} with metric ${trained.metricHash}, and validators attested ` +
            `${modelHash} and ${metricHash}. Its memory, disk or program is at fault: check the machine, update the node.`,
        );
      const spec = decodeTrainingSpec(specBytes);
      const { output, record, recordBytes, recordHash } = answerAndAttribute(trained, {
        spec,
        prompt,
        requestHash,
        params,
        commons,
        ineligible: new Set(ineligible.map((address) => address.toLowerCase())),
        ...makersOf(spec, graph),
      });
      return {
        kind: 'answered',
        output,
        record: recordBytes,
        recordHash: recordHash as Hex,
        credits: record.credits.map(({ contributor, credit }) => ({
          contributor: contributor as Hex,
          parts: credit,
        })),
        uncovered: record.uncovered,
      };
    },
  };
}
