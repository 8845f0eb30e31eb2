/** Training and answers on a node: over real artifact files, from disk, and beside the blocks. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeTrainingObject,
  encodeTrainingSpec,
  type TrainingSpec,
} from '../../../attribution/trained/api.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { artifactPath, hasArtifact } from '../../../node/artifacts/file.ts';
import { merkleRoot } from '../../../node/artifacts/merkle.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import { trainingObject } from '../../../node/attestation-worker/client.ts';
import { createInferenceService } from '../../../node/executor-thread/inference.ts';
import { silentLog } from '../../../node/log.ts';
import { artifactLimits } from '../../../node/rpc-thread/main-side.ts';
import type { Trainer } from '../../../node/trainer/client.ts';
import { trainingKey } from '../../../node/trainer/key.ts';
import { hasTrained, openTrainedStore } from '../../../node/trainer/store.ts';
import type { AnswerReply, TrainingAnswer, TrainingJob } from '../../../node/trainer/types.ts';
import { createTrainerCore, type TrainerCore } from '../../../node/trainer/worker-core.ts';
import { keccakHex, toHex } from '../../../state/crypto.ts';
import { encodeTraining } from '../../../state/modules/views.ts';
import { Fault, type Hex, type InferenceJob, type SequenceEntry, Unavailable } from '../../../state/types.ts';
import { address, textOf, utf8 } from '../attribution/builders.ts';
import { answering, pointRecords, SIDES, SIDES_ADAPTER } from '../state/modules/trained-story.ts';

const RULES = { contributorCapPermille: 500, coverageCapPermille: 600, maxContributors: 64, commons: [] };
const REQUEST: Hex = `0x${'77'.repeat(32)}`;
const texts = pointRecords(24);
const leavesHere = new Map<Hex, Uint8Array[]>();

let dir: string;
let core: TrainerCore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trained-'));
  core = openCore();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const openCore = () =>
  createTrainerCore({ dataDir: dir, encoderHash: DEFAULT_PARAMS.retrieval.encoderHash, rules: RULES });

/** A contribution whose bytes this node holds, unless told otherwise. All records but the last are accepted. */
async function entry(commitSequence: number, records: string[], isHere = true): Promise<SequenceEntry> {
  const leaves = records.map(utf8);
  const root = toHex(merkleRoot(leaves));
  leavesHere.set(root, leaves);
  if (isHere) await hold(root);
  const accepted = new Uint8Array(Math.ceil(records.length / 8));
  for (let i = 0; i + 1 < records.length; i++) accepted[i >> 3]! |= 1 << (i & 7);
  return {
    contributionId: `0x${commitSequence.toString(16).padStart(64, '0')}`,
    dataNetId: 1,
    contributor: address(commitSequence) as Hex,
    commitSequence,
    artifactRoot: root,
    recordCount: records.length,
    accepted,
  };
}

async function hold(root: Hex): Promise<void> {
  const store = openArtifactStore({ dataDir: dir, log: silentLog });
  await store.putStream(leavesHere.get(root)!, artifactLimits(DEFAULT_PARAMS), root);
  await store.close();
}

function jobOf(entries: SequenceEntry[], spec: TrainingSpec = SIDES, base?: TrainingJob): TrainingJob {
  const historyHash = keccakHex(utf8(entries.map(({ artifactRoot }) => artifactRoot).join()));
  const snapshots = [{ dataNetId: 1, length: entries.length, historyHash }];
  return { spec: encodeTrainingSpec(spec), snapshots, entries, base, claimedHash: undefined };
}

const halves = async (isHere = true) => [
  await entry(1, texts.slice(0, 10), isHere),
  await entry(2, texts.slice(10), isHere),
];

function objectIn(answer: TrainingAnswer) {
  if (answer.kind !== 'done') throw new Error(`missing ${JSON.stringify(answer)}`);
  const object = decodeTrainingObject(answer.object);
  if (object.outcome !== 'trained') throw new Error(object.failure);
  return { ...object, modelHash: object.modelHash as Hex, metricHash: object.metricHash as Hex };
}

/** A question about what `job` trains, as the state asks it. */
function questionOf(job: TrainingJob, prompt = '-30 2'): InferenceJob {
  const { modelHash, metricHash } = objectIn(openCore().train(job));
  const version = (one: Omit<TrainingJob, 'base' | 'claimedHash'>, modelId: number) => ({
    modelId,
    version: 1,
    modelHash,
    metricHash,
    spec: one.spec,
    snapshots: [...one.snapshots],
    sequence: () => [...one.entries],
  });
  return {
    ...version(job, 7),
    base: job.base && {
      ...version(job.base, 6),
      ...objectIn(core.train({ ...job.base, base: undefined, claimedHash: undefined })),
    },
    requestHash: REQUEST,
    prompt: utf8(prompt),
    ineligible: [],
  } as InferenceJob;
}

const fileOf = (job: TrainingJob) => join(dir, 'trained', `${trainingKey(job)}.trained`);

describe('a trainer', () => {
  it('trains on the accepted records in their order, and attests the body that the state will hold', async () => {
    const job = jobOf(await halves());
    const object = objectIn(core.train(job));
    // The last record of each contribution was not accepted.
    expect(object).toMatchObject({ outcome: 'trained', samples: 22, passedOver: 0 });
    const task = { kind: 'training' as const, modelId: 7, version: 1, ...job } as never;
    const answer = await trainingObject({ train: async (one) => core.train(one) }, task);
    const { object: bytes } = core.train(job) as Extract<TrainingAnswer, { kind: 'done' }>;
    expect(answer).toEqual({ kind: 'done', object: encodeTraining(7, 1, bytes) });
  });

  it('says which artifacts are missing, all at once, also a damaged one', async () => {
    const entries = await halves(false);
    const roots = entries.map(({ artifactRoot }) => artifactRoot);
    expect(core.train(jobOf(entries))).toEqual({ kind: 'missing', roots });
    await hold(roots[0]!);
    expect(core.train(jobOf(entries))).toEqual({ kind: 'missing', roots: [roots[1]] });
    await hold(roots[1]!);
    const path = artifactPath(dir, roots[1]!);
    const file = readFileSync(path);
    file[3]! ^= 1;
    writeFileSync(path, file);
    expect(core.train(jobOf(entries))).toEqual({ kind: 'missing', roots: [roots[1]] });
  });

  it('keeps what it trained: a new process says the same without the artifacts', async () => {
    const job = jobOf(await halves());
    const first = core.train(job);
    for (const { artifactRoot } of job.entries) rmSync(artifactPath(dir, artifactRoot));
    expect(openCore().train(job)).toEqual(first);
    const { modelHash } = objectIn(first);
    expect(openCore().train({ ...job, claimedHash: modelHash })).toEqual(first);
    const other = openCore().train({ ...job, claimedHash: REQUEST });
    expect(decodeTrainingObject((other as { object: Uint8Array }).object)).toMatchObject({
      failure: 'HashMismatch',
    });
  });

  it('trains again when its file is damaged or cut, and keeps nothing of what failed', async () => {
    const job = jobOf(await halves());
    const first = core.train(job);
    const whole = readFileSync(fileOf(job));
    for (const at of [0, 40, whole.length - 1]) {
      const torn = Buffer.from(whole);
      torn[at]! ^= 0x10;
      writeFileSync(fileOf(job), torn);
      expect(openCore().train(job)).toEqual(first);
      expect(readFileSync(fileOf(job))).toEqual(whole);
    }
    truncateSync(fileOf(job), 100);
    expect(openCore().train(job)).toEqual(first);
    const lonely = jobOf([await entry(3, texts.slice(0, 2))]);
    expect(decodeTrainingObject((core.train(lonely) as { object: Uint8Array }).object)).toEqual({
      outcome: 'failed',
      failure: 'TooFewSamples',
    });
    expect(hasTrained(dir, trainingKey(lonely))).toBe(false);
  });

  it('trains the base of an adapter too, where it is not on disk', async () => {
    const base = jobOf(await halves());
    const adapter = jobOf([await entry(5, pointRecords(20, 4))], SIDES_ADAPTER, base);
    const object = objectIn(core.train(adapter));
    expect(object).toMatchObject({ samples: 19, layers: 2 });
    expect(hasTrained(dir, trainingKey(base))).toBe(true);
    rmSync(fileOf(adapter));
    expect(objectIn(openCore().train(adapter))).toEqual(object);
    // Another base is another training.
    const other = { ...adapter, base: jobOf([await entry(6, pointRecords(30, 5))]) };
    expect(trainingKey(other)).not.toBe(trainingKey(adapter));
    expect(objectIn(core.train(other)).modelHash).not.toBe(object.modelHash);
  });

  it('takes another number of records than the chain says for a failure of this machine', async () => {
    const [first] = await halves();
    expect(() => core.train(jobOf([{ ...first!, recordCount: 11 }]))).toThrow(Fault);
  });

  it('removes what was not used for longest when its folder is full', async () => {
    const jobs = [];
    for (const i of [1, 2, 3]) jobs.push(jobOf([await entry(i, pointRecords(12, i))]));
    for (const [i, job] of jobs.entries()) {
      core.train(job);
      utimesSync(fileOf(job), 1000 + i, 1000 + i);
    }
    const store = openTrainedStore({
      dataDir: dir,
      maxBytes: readFileSync(fileOf(jobs[0]!)).length * 2 + 10,
    });
    // The first is used now, so the second is the oldest.
    const { trained } = store.load(trainingKey(jobs[0]!))!;
    store.save('0'.repeat(64), trained);
    expect(readdirSync(join(dir, 'trained')).sort()).toEqual(
      [`${'0'.repeat(64)}.trained`, `${trainingKey(jobs[0]!)}.trained`].sort(),
    );
  });
});

describe('answers of a trained model', () => {
  it('are those of the engine, whatever thread or process computes them', async () => {
    const base = jobOf(await halves());
    const adapter = jobOf([await entry(5, pointRecords(20, 4))], SIDES_ADAPTER, base);
    const engine = answering({
      leavesOf: (root) => leavesHere.get(root)!,
      params: { ...DEFAULT_PARAMS, attribution: { ...DEFAULT_PARAMS.attribution, ...RULES } },
    });
    for (const job of [base, adapter])
      for (const prompt of ['-30 2', '11 -5']) {
        const question = questionOf(job, prompt);
        const reply = openCore().answer({ ...question, key: trainingKey(question) });
        expect(reply).toEqual(engine(question));
      }
  });

  it('of what is not on disk are absent; of another model than attested they are a failure of this machine', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job);
    const asked = { ...question, key: trainingKey(question) };
    expect(() => core.answer({ ...asked, modelHash: REQUEST })).toThrow(/validators attested/);
    expect(() => core.answer({ ...asked, metricHash: REQUEST })).toThrow(Fault);
    rmSync(fileOf(job));
    expect(openCore().answer(asked)).toEqual({ kind: 'absent' });
    // In memory it is still there.
    expect(core.answer(asked)).toMatchObject({ kind: 'answered' });
  });
});

describe('a node that is asked for an answer', () => {
  const available: { modelId: number; version: number }[] = [];
  const wanted: Hex[] = [];
  beforeEach(() => {
    available.length = 0;
    wanted.length = 0;
  });

  /** The service over a trainer in this thread, of which some calls fail first, or answer something else. */
  function serve({
    trainFails = 0,
    answerFails = 0,
    reply,
    trains,
  }: {
    trainFails?: number;
    answerFails?: number;
    reply?: AnswerReply;
    trains?: TrainingAnswer;
  } = {}) {
    const calls = { train: 0, answer: 0 };
    const trainer: Trainer = {
      async train(job) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (++calls.train <= trainFails) throw new Error('the thread died');
        return trains ?? core.train(job);
      },
      async answer(job) {
        if (++calls.answer <= answerFails) throw new Error('the thread died');
        return reply ?? core.answer(job);
      },
      close: async () => {},
    };
    const service = createInferenceService({
      dataDir: dir,
      trainer,
      artifacts: {
        describe: () => {
          throw new Error('not asked');
        },
        isHere(root) {
          const isHere = hasArtifact(dir, root);
          if (!isHere) wanted.push(root);
          return isHere;
        },
        read(root) {
          if (hasArtifact(dir, root)) return [];
          throw new Unavailable({ kind: 'artifact', root });
        },
      },
      log: silentLog,
      onAvailable: (version) => available.push(version),
    });
    return { ...service, calls };
  }
  const settled = async () => {
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const forget = (job: TrainingJob) => rmSync(fileOf(job), { force: true });

  it('refuses what is no prompt without training anything', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job, 'left or right?');
    forget(job);
    const { infer, calls } = serve();
    expect(await infer(question)).toMatchObject({ kind: 'refused' });
    expect(calls).toEqual({ train: 0, answer: 0 });
  });

  it('B1: does not know until it has trained, once for all who ask, and then answers from memory', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job);
    forget(job);
    const { infer, calls } = serve();
    const missing = { kind: 'model', modelId: 7, version: 1 };
    const first = infer(question);
    const second = infer({ ...question, modelId: 8, requestHash: `0x${'78'.repeat(32)}` });
    await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE', missing });
    await expect(second).rejects.toBeInstanceOf(Unavailable);
    await settled();
    expect(available).toEqual([
      { modelId: 7, version: 1 },
      { modelId: 8, version: 1 },
    ]);
    const answer = await infer(question);
    expect(textOf((answer as { output: Uint8Array }).output)).toBe('left');
    expect(await infer(question)).toEqual(answer);
    expect(calls).toEqual({ train: 1, answer: 1 });
  });

  it('asks for every artifact first', async () => {
    const entries = await halves();
    const job = jobOf(entries);
    const question = questionOf(job);
    forget(job);
    const roots = entries.map(({ artifactRoot }) => artifactRoot);
    for (const root of roots) rmSync(artifactPath(dir, root));
    const { infer, calls } = serve();
    await expect(infer(question)).rejects.toMatchObject({ missing: { kind: 'artifact', root: roots[0] } });
    expect(wanted).toEqual(roots);
    expect(calls.train).toBe(0);
  });

  it('refuses a prompt for which the graph gives nothing; waits for a graph that it lacks', async () => {
    const question = questionOf(jobOf(await halves()));
    expect(await serve({ reply: { kind: 'refused' } }).infer(question)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('graph'),
    });
    const missing = serve({ reply: { kind: 'missing', root: REQUEST } }).infer(question);
    await expect(missing).rejects.toMatchObject({ missing: { kind: 'artifact', root: REQUEST } });
  });

  it('B2: a graph that validators could run, and this machine cannot, is a fault of this machine', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job);
    forget(job);
    const { infer, calls } = serve({ trains: { kind: 'unknown', reason: 'no answer within 60000 ms' } });
    await expect(infer(question)).rejects.toBeInstanceOf(Unavailable);
    await settled();
    await expect(infer(question)).rejects.toThrow(/its graph does not run here: no answer/);
    expect(calls.train).toBe(2);
  });

  it('trains again when its file was damaged meanwhile', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job);
    truncateSync(fileOf(job), 50);
    const { infer } = serve();
    await expect(infer(question)).rejects.toBeInstanceOf(Unavailable);
    await settled();
    expect(await infer(question)).toMatchObject({ kind: 'answered' });
  });

  it('B2: tries a dead thread once more; the second time it is a fault of this machine', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job);
    expect(await serve({ answerFails: 1 }).infer(question)).toMatchObject({ kind: 'answered' });
    await expect(serve({ answerFails: 2 }).infer(question)).rejects.toBeInstanceOf(Fault);
    forget(job);
    const once = serve({ trainFails: 1 });
    await expect(once.infer(question)).rejects.toBeInstanceOf(Unavailable);
    await settled();
    expect(await once.infer(question)).toMatchObject({ kind: 'answered' });
    forget(job);
    core = openCore();
    const twice = serve({ trainFails: 2 });
    await expect(twice.infer(question)).rejects.toBeInstanceOf(Unavailable);
    await settled();
    await expect(twice.infer(question)).rejects.toThrow(/could not be trained/);
    // Whoever asks after that begins anew.
    await expect(twice.infer(question)).rejects.toBeInstanceOf(Unavailable);
    await settled();
    expect(await twice.infer(question)).toMatchObject({ kind: 'answered' });
  });

  it('takes a training that fails here, and was attested as trained, for its own fault', async () => {
    const job = jobOf(await halves());
    const question = questionOf(job);
    const [first] = job.entries;
    // Nothing accepted: what a corrupt database could say.
    const broken = { ...question, sequence: () => [{ ...first!, accepted: new Uint8Array(2) }] };
    forget(job);
    const { infer } = serve();
    await expect(infer(broken)).rejects.toBeInstanceOf(Unavailable);
    await settled();
    await expect(infer(broken)).rejects.toThrow(/its training failed here \(TooFewSamples\)/);
  });
});
