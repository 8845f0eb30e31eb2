/** What a trainer thread does with one call after another. Separate from the thread, so that tests can run it in theirs. */
import {
  answerAndAttribute,
  createSentenceEncoder,
  decodeTrainingSpec,
  encodeTrainingObject,
  objectOf,
  type SentenceEncoder,
  type Trained,
  trainRegistered,
} from '../../attribution/trained/api.ts';
import { Fault, type Hex, type SequenceEntry } from '../../state/types.ts';
import { hasArtifact } from '../artifacts/file.ts';
import { MissingArtifact, readLeaves, recordsIn } from '../attribution-pool/contributions.ts';
import { contributions } from '../executor-thread/corpus-source.ts';
import { encoderFile } from '../sentence-encoder/bundled.ts';
import { trainingKey } from './key.ts';
import { LIMITS } from './limits.ts';
import { openTrainedStore } from './store.ts';
import type {
  AnswerJob,
  AnswerReply,
  TrainerSettings,
  TrainingAnswer,
  TrainingJob,
  TrainingSource,
} from './types.ts';

export interface TrainerCore {
  /** Trains, or finds on disk what was trained before. @throws Fault when this machine fails */
  train(job: TrainingJob): TrainingAnswer;
  /** @throws Fault when this machine fails, or holds another model than validators attested */
  answer(job: AnswerJob): AnswerReply;
}

export function createTrainerCore({ dataDir, encoderHash, rules }: TrainerSettings): TrainerCore {
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

  /** What training gave, from disk or anew; undefined with `failed` bytes if there is no model. */
  function trainedFrom(job: TrainingJob): { object: Uint8Array; trained: Trained | undefined } {
    const key = trainingKey(job);
    const { claimedHash } = job;
    const kept = store.load(key)?.trained;
    if (kept !== undefined)
      return { object: encodeTrainingObject(objectOf(kept, claimedHash)), trained: kept };
    const spec = decodeTrainingSpec(job.spec);
    const { object, trained } = trainRegistered({
      spec,
      records: recordsOf(job.entries),
      ...(job.base === undefined ? {} : { parent: parentOf(job.base) }),
      ...(spec.features.kind === 'text' ? { encoder: encoder() } : {}),
      ...(claimedHash === undefined ? {} : { claimedHash }),
    });
    if (trained !== undefined) store.save(key, trained);
    return { object: encodeTrainingObject(object), trained };
  }

  function parentOf(base: TrainingSource) {
    const { trained } = trainedFrom({ ...base, base: undefined, claimedHash: undefined });
    if (trained === undefined)
      throw new Fault('the base of an adapter cannot be trained here, but was attested');
    return { spec: decodeTrainingSpec(base.spec), model: trained.model };
  }

  function* recordsOf(entries: readonly SequenceEntry[]) {
    for (const entry of entries)
      for (const contribution of contributions(dataDir, [entry])) {
        const leaves = readLeaves(contribution.leaves);
        if (leaves.length !== entry.recordCount)
          throw new Fault(
            `artifact ${entry.artifactRoot} has ${leaves.length} records, the chain says ${entry.recordCount}`,
          );
        yield* recordsIn(contribution, leaves);
      }
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
    train(job) {
      const entries = [...job.entries, ...(job.base?.entries ?? [])];
      const missing = entries
        .map(({ artifactRoot }) => artifactRoot)
        .filter((root) => !hasArtifact(dataDir, root));
      if (missing.length > 0 && store.load(trainingKey(job)) === undefined)
        return { kind: 'missing', roots: [...new Set(missing)].slice(0, LIMITS.missingRoots) };
      try {
        return { kind: 'done', object: trainedFrom(job).object };
      } catch (error) {
        if (error instanceof MissingArtifact) return { kind: 'missing', roots: [error.root] };
        throw error;
      }
    },
    answer({ key, spec: specBytes, modelHash, metricHash, requestHash, prompt, ineligible }) {
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
        ...(spec.features.kind === 'text' ? { encoder: encoder() } : {}),
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
