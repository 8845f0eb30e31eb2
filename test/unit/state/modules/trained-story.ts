/** Steps of stories about models that the chain trains. Training and answers are the real ones, on a few points. */
import { packOrderKey } from '../../../../attribution/api.ts';
import type { CorpusRecord } from '../../../../attribution/corpus/corpus.ts';
import {
  answerAndAttribute,
  decodeTrainingSpec,
  encodeTrainingObject,
  encodeTrainingSpec,
  isSample,
  type Trained,
  type TrainingObject,
  type TrainingSpec,
  trainRegistered,
} from '../../../../attribution/trained/api.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import {
  attestations,
  encodeTraining,
  model,
  subject,
  type TrainingTask,
  trainingTask,
} from '../../../../state/modules/views.ts';
import type {
  Hex,
  InferenceJob,
  InferenceOutcome,
  SequenceEntry,
  TrainedVersion,
} from '../../../../state/types.ts';
import { attestation, seat } from './story.ts';
import { OPEN, type World } from './world.ts';

/** Records behind an artifact's root. */
type LeavesOf = (root: Hex) => readonly Uint8Array[];

/** Two classes of points in the plane, trained to the optimum. */
export const SIDES: TrainingSpec = {
  features: { kind: 'numbers', width: 2, divisorExponent: 3 },
  classes: ['left', 'right'],
  training: { method: 'newton', l2Micro: 100_000 },
  metric: { solver: 'newton', clipPercent: 100, projectedWidth: 0 },
};

export const SIDES_ADAPTER: TrainingSpec = {
  ...SIDES,
  training: {
    method: 'adapter-sgd',
    l2Micro: 1_000,
    learningRateMicro: 100_000,
    initialScaleMicro: 500_000,
    epochs: 10,
    batchSize: 4,
    seed: new TextEncoder().encode('adapter'),
    rank: 1,
    scaleMicro: 1_000_000,
    trainsHead: 0,
  },
};

/** Records of points on both sides; other `shift`, other points. */
export function pointRecords(count: number, shift = 0): string[] {
  return Array.from({ length: count }, (_, i) => {
    const [label, centre] = i % 2 === 0 ? ['left', -20] : ['right', 20];
    return `${label}\n${centre + ((7 * i + shift) % 11) - 5} ${((5 * i + 3 * shift) % 13) - 6}`;
  });
}

export interface TrainedOptions {
  owner: Hex;
  beneficiary: Hex;
  dataNetIds: readonly bigint[];
  spec?: TrainingSpec;
  kind?: bigint;
  parents?: readonly bigint[];
  royaltiesBps?: readonly bigint[];
  baseId?: bigint;
  price?: bigint;
  claimedHash?: Hex;
}

export function trainedArguments(options: TrainedOptions): unknown[] {
  const spec = options.spec ?? SIDES;
  return [
    options.kind ?? (spec.training.method === 'adapter-sgd' ? 2n : 1n),
    'sides',
    'left or right',
    options.parents ?? [],
    options.royaltiesBps ?? [],
    options.dataNetIds,
    options.baseId ?? 0n,
    options.beneficiary,
    options.price ?? 1_000n,
    encodeTrainingSpec(spec),
    options.claimedHash ?? `0x${'00'.repeat(32)}`,
  ];
}

/** Registers and leaves it in training. */
export async function registerTrained(world: World, options: TrainedOptions): Promise<bigint> {
  const bond = world.params.inference.minOperatorBond;
  world.give(options.owner, bond);
  seat(world);
  const { values } = await world.must('model', 'registerTrained', trainedArguments(options), {
    from: options.owner,
    value: bond,
  });
  return values[0] as bigint;
}

/** Registers, and validators attest what they trained. */
export async function trainedModel(world: World, options: TrainedOptions): Promise<bigint> {
  const id = await registerTrained(world, options);
  attestTraining(world, id);
  return id;
}

/** All validators attest what training the newest version gives (or `object`) and publish it. Names of the events. */
export function attestTraining(world: World, id: bigint, object?: TrainingObject): string[] {
  const newest = model(world.view, Number(id))?.training?.newest;
  if (newest === undefined) throw new Error(`model ${id} trains nothing`);
  const key = newest.subject;
  const found = subject(world.view, key, world.params);
  if (found === undefined) throw new Error(`there is no subject ${key}`);
  const task = trainingTask(world.view, found.id);
  const bytes = encodeTrainingObject(object ?? trainTask(world.leavesOf, task).object);
  return attestBody(world, key, encodeTraining(task.modelId, task.version, bytes));
}

export function attestBody(world: World, key: Hex, body: Uint8Array): string[] {
  const events: string[] = [];
  const apply = (operation: Parameters<typeof attestation>[1]) => {
    const result = attestation(world, operation);
    if (result.problem !== undefined) throw new Error(result.problem);
    events.push(...(result.events ?? []).map(String));
  };
  for (const { validator } of attestations(world.view, key) ?? [])
    if (subject(world.view, key, world.params)?.status === 'open')
      apply({ op: 'attest', subject: key, validator, root: keccakHex(body), signature: new Uint8Array(96) });
  const { number } = world.block;
  world.block.number += world.params.attestation.activationBlocks;
  apply({ op: 'publish', subject: key, object: body });
  world.block.number = number;
  return events;
}

/** What an honest validator computes about a version in training. */
export function trainTask(leavesOf: LeavesOf, task: TrainingTask) {
  const { base } = task;
  return trainRegistered({
    spec: decodeTrainingSpec(task.spec),
    records: recordsIn(leavesOf, task.entries),
    ...(base && { parent: parentOf(leavesOf, { ...base, sequence: () => base.entries }) }),
    ...(task.claimedHash && { claimedHash: task.claimedHash }),
  });
}

/** Answers as every validator does. */
export function answering({ leavesOf, params }: Pick<World, 'leavesOf' | 'params'>) {
  return (job: InferenceJob): InferenceOutcome => {
    const spec = decodeTrainingSpec(job.spec);
    if (!isSample(spec.features, job.prompt)) return { kind: 'refused', reason: 'NotASample' };
    const { output, record, recordBytes, recordHash } = answerAndAttribute(
      trainedAs(leavesOf, job, job.base),
      {
        spec,
        prompt: job.prompt,
        requestHash: job.requestHash,
        params: params.attribution,
        commons: new Set(params.attribution.commons),
        ineligible: new Set(job.ineligible),
      },
    );
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
  };
}

function parentOf(leavesOf: LeavesOf, base: TrainedVersion) {
  return { spec: decodeTrainingSpec(base.spec), model: trainedAs(leavesOf, base, undefined).model };
}

function trainedAs(leavesOf: LeavesOf, version: TrainedVersion, base: TrainedVersion | undefined): Trained {
  const { object, trained } = trainRegistered({
    spec: decodeTrainingSpec(version.spec),
    records: recordsIn(leavesOf, version.sequence()),
    ...(base && { parent: parentOf(leavesOf, base) }),
  });
  if (object.outcome !== 'trained' || object.modelHash !== version.modelHash || trained === undefined)
    throw new Error(`training gave ${JSON.stringify(object)}`);
  return trained;
}

function recordsIn(leavesOf: LeavesOf, entries: readonly SequenceEntry[]): CorpusRecord[] {
  return entries.flatMap((entry, index) =>
    leavesOf(entry.artifactRoot).flatMap((bytes, recordIndex): CorpusRecord[] => {
      if (((entry.accepted[recordIndex >> 3] ?? 0) & (1 << (recordIndex & 7))) === 0) return [];
      const { contributor, dataNetId, commitSequence } = entry;
      const orderKey = packOrderKey(commitSequence, recordIndex);
      return [{ orderKey, contributor, dataNetId, contributionId: index + 1, recordIndex, bytes }];
    }),
  );
}

export interface Answered {
  id: Hex;
  output: string;
}

/** Asks with `value`, and pays for it. */
export async function inferOn(
  world: World,
  asker: Hex,
  modelId: bigint,
  prompt: string,
  value = OPEN,
): Promise<Answered> {
  world.give(asker, value);
  const { values } = await world.must('inference', 'infer', [modelId, prompt], { from: asker, value });
  return { id: values[0] as Hex, output: values[1] as string };
}
