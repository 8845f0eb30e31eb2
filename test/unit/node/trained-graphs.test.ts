/** Models whose features an ONNX graph makes: from real artifact files, through the pinned runtime in its threads. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkModel } from '../../../attribution/runtime/api.ts';
import {
  decodeTrainingObject,
  encodeTrainingSpec,
  type GraphFeatures,
  type TrainingObject,
  type TrainingSpec,
} from '../../../attribution/trained/api.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { artifactPath } from '../../../node/artifacts/file.ts';
import { merkleRoot } from '../../../node/artifacts/merkle.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import { silentLog } from '../../../node/log.ts';
import { artifactLimits } from '../../../node/rpc-thread/main-side.ts';
import type { RuntimePool } from '../../../node/runtime-pool/index.ts';
import { createTrainerService, type TrainerService } from '../../../node/trainer/calls.ts';
import { trainingKey } from '../../../node/trainer/key.ts';
import type { AnswerJob, TrainingAnswer, TrainingJob } from '../../../node/trainer/types.ts';
import { toHex } from '../../../state/crypto.ts';
import { Fault, type Hex, type SequenceEntry } from '../../../state/types.ts';
import {
  graphRecords,
  graphSettings,
  heavy,
  outOfBounds,
  quotient,
  tanhLayer,
  unknownOperator,
} from '../../support/graph-features.ts';
import { compiledPool } from '../../support/runtime.ts';
import { address, textOf, utf8 } from '../attribution/builders.ts';
import { pointRecords, SIDES, SIDES_ADAPTER } from '../state/modules/trained-story.ts';

const RULES = { contributorCapPermille: 500, coverageCapPermille: 600, maxContributors: 64, commons: [] };
const REQUEST: Hex = `0x${'77'.repeat(32)}`;
const points = pointRecords(24);

let dir: string;
let pool: RuntimePool;
let service: TrainerService;
beforeAll(() => {
  pool = compiledPool({ native: false });
});
afterAll(() => pool.close());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'graphs-'));
  service = open();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (runtime: Pick<RuntimePool, 'prepare' | 'run'> = pool): TrainerService =>
  createTrainerService(
    {
      dataDir: dir,
      encoderHash: DEFAULT_PARAMS.retrieval.encoderHash as Hex,
      runtime: DEFAULT_PARAMS.runtime,
      rules: RULES,
    },
    runtime,
  );

async function hold(leaves: Uint8Array[]): Promise<Hex> {
  const root = toHex(merkleRoot(leaves));
  const store = openArtifactStore({ dataDir: dir, log: silentLog });
  await store.putStream(leaves, artifactLimits(DEFAULT_PARAMS), root);
  await store.close();
  return root;
}

async function entry(commitSequence: number, records: readonly string[]): Promise<SequenceEntry> {
  return {
    contributionId: `0x${commitSequence.toString(16).padStart(64, '0')}`,
    dataNetId: 1,
    contributor: address(commitSequence) as Hex,
    commitSequence,
    artifactRoot: await hold(records.map(utf8)),
    recordCount: records.length,
    accepted: new Uint8Array(Math.ceil(records.length / 8)).fill(255),
  };
}

/** A job over `records`, whose graph is here too. */
async function jobOf(
  file: Uint8Array,
  settings: Parameters<typeof graphSettings>[1],
  { records = points, spec = SIDES as TrainingSpec, leaves = graphRecords(file) } = {},
): Promise<TrainingJob & { features: GraphFeatures }> {
  const artifactRoot = settings.artifactRoot ?? (await hold(leaves));
  const features = graphSettings(file, { ...settings, artifactRoot });
  const entries = [await entry(1, records.slice(0, 10)), await entry(2, records.slice(10))];
  return {
    features,
    spec: encodeTrainingSpec({ ...spec, features }),
    snapshots: [{ dataNetId: 1, length: 2, historyHash: `0x${'5a'.repeat(32)}` }],
    entries,
    base: undefined,
    claimedHash: undefined,
  };
}

function objectIn(answer: TrainingAnswer): TrainingObject {
  if (answer.kind !== 'done') throw new Error(JSON.stringify(answer));
  return decodeTrainingObject(answer.object);
}

const resultOf = async (job: TrainingJob) => objectIn(await service.train(job));

async function trained(job: TrainingJob) {
  const object = await resultOf(job);
  if (object.outcome !== 'trained') throw new Error(object.failure);
  return object;
}

async function questionOf(job: TrainingJob, prompt: string): Promise<AnswerJob> {
  const { modelHash, metricHash } = await trained(job);
  return {
    key: trainingKey(job),
    spec: job.spec,
    modelHash: modelHash as Hex,
    metricHash: metricHash as Hex,
    requestHash: REQUEST,
    prompt: utf8(prompt),
    ineligible: [],
  };
}

const TANH = { width: 4, inputWidth: 2 };
const REFUSED = { outcome: 'failed', failure: 'GraphRefused' };

describe('a model on a graph', () => {
  it('is trained on what the graph gives for the records, with these bits for ever', async () => {
    const job = await jobOf(tanhLayer(), TANH);
    expect(await resultOf(job)).toMatchInlineSnapshot(`
      {
        "dimensions": 10,
        "layers": 2,
        "metricHash": "0x1b57abfe89efd26439f7ca306d779b6d32b08ca7d48f994cbb03ee81643cb0f5",
        "modelHash": "0x4985c0034d28a37738e1e9aca96e4d94155eb912ebe94ec0b075dd3a88308949",
        "outcome": "trained",
        "passedOver": 0,
        "samples": 24,
      }
    `);
    // The same from a fresh thread of the runtime, and from disk.
    const fresh = compiledPool({ native: false });
    try {
      rmSync(join(dir, 'trained'), { recursive: true });
      expect(objectIn(await open(fresh).train(job))).toEqual(await resultOf(job));
    } finally {
      await fresh.close();
    }
  });

  it('answers by the graph, with a record that has these bits for ever', async () => {
    const job = await jobOf(tanhLayer(), TANH);
    const left = await service.answer(await questionOf(job, '-30 2'));
    if (left.kind !== 'answered') throw new Error(left.kind);
    expect(textOf(left.output)).toBe('left');
    expect(left.recordHash).toMatchInlineSnapshot(
      `"0x6992e0ae85805335da2043fb7a3212590047f8726f0484d34ceef13bd762619b"`,
    );
    expect(await service.answer(await questionOf(job, '30 2'))).toMatchObject({ output: utf8('right') });
    expect(left.credits.length).toBeGreaterThan(0);
  });

  it('takes the bundled genre classifier and words: four scores in whole numbers', async () => {
    const file = new Uint8Array(readFileSync(new URL('../../study/genre/genre.onnx', import.meta.url)));
    const settings = {
      width: 4,
      divisorExponent: 20,
      input: 'words',
      inputWidth: 4096,
      inputExponent: 0,
    } as const;
    const press = 'The committee said Thursday that the city council will vote on the new tax bill';
    const novel = 'She looked at him and smiled , and her hand was cold when he took it in the dark';
    const records = Array.from({ length: 24 }, (_, i) =>
      i % 2 === 0 ? `left\n${press} ${i}` : `right\n${novel} ${i}`,
    );
    const job = await jobOf(file, settings, { records, leaves: graphRecords(file, 100_000) });
    const reply = await service.answer(
      await questionOf(job, 'The governor said the bill will go to the city'),
    );
    expect(reply).toMatchObject({ kind: 'answered', output: utf8('left') });
  });

  it('passes over a record for which the graph gives no number, and refuses such a prompt', async () => {
    const records = [...points, 'left\n5 0', 'right\n0 0'];
    const job = await jobOf(quotient(), { width: 1, inputWidth: 2 }, { records });
    // Points on the axis have no quotient.
    const onAxis = records.filter((text) => text.endsWith(' 0')).length;
    const offAxis = new Set(records.filter((text) => !text.endsWith(' 0'))).size;
    expect(onAxis).toBeGreaterThan(1);
    expect(await trained(job)).toMatchObject({ samples: offAxis, passedOver: records.length - offAxis });
    expect(await service.answer(await questionOf(job, '7 0'))).toEqual({ kind: 'refused' });
    expect(await service.answer(await questionOf(job, '-30 2'))).toMatchObject({ kind: 'answered' });
  });

  it('carries an adapter, whose base is trained here too', async () => {
    const base = await jobOf(tanhLayer(), TANH);
    const { features, ...adapter } = await jobOf(tanhLayer(), TANH, {
      records: pointRecords(20, 4),
      spec: SIDES_ADAPTER,
    });
    expect(features).toEqual(base.features);
    const object = await trained({ ...adapter, base });
    expect(object).toMatchObject({ samples: 20, layers: 2 });
    rmSync(join(dir, 'trained'), { recursive: true });
    service = open();
    expect(await trained({ ...adapter, base })).toEqual(object);
  });
});

describe('a graph is refused, the same everywhere, if', () => {
  it('its operators are not on the list of the door', async () => {
    const file = unknownOperator();
    expect(() => checkModel(file)).toThrow(expect.objectContaining({ code: 'UnknownOperator' }));
    expect(await resultOf(await jobOf(file, { width: 2, inputWidth: 2, steps: 10 }))).toEqual(REFUSED);
  });

  it('it has another input, output or number of steps than the settings say', async () => {
    const file = tanhLayer();
    const { steps, parts } = graphSettings(file, TANH);
    for (const settings of [
      { ...TANH, width: 5 },
      { ...TANH, inputWidth: 3 },
      { ...TANH, input: 'words' as const, inputExponent: 0 },
      { ...TANH, parts, steps: steps - 1 },
      { ...TANH, parts, steps: steps + 1 },
      { ...TANH, parts: parts + 1 },
      { ...TANH, modelBytes: file.length - 1 },
      { ...TANH, modelBytes: file.length + 1 },
      { ...TANH, modelHash: REQUEST },
    ])
      expect(await resultOf(await jobOf(file, settings)), JSON.stringify(settings)).toEqual(REFUSED);
  });

  it('its contribution is not base64 in the one form that it has', async () => {
    const file = tanhLayer();
    const [first = new Uint8Array(), ...rest] = graphRecords(file, 400);
    const change = (text: string) => [utf8(text), ...rest];
    const whole = textOf(first);
    for (const leaves of [
      change(`${whole}=`),
      change(`${whole.slice(0, -1)}\n`),
      change(`${whole.slice(0, -4)}AA==`),
      change(`${whole.slice(0, -4)}AAA=`),
      change(whole.slice(0, -4)),
      [first, ...rest, utf8('AAAA')],
      [file.every((byte) => byte < 128) ? file : utf8('not a model at all..')],
    ])
      expect(await resultOf(await jobOf(file, TANH, { leaves })), textOf(leaves[0]!).slice(-5)).toEqual(
        REFUSED,
      );
    // Cut elsewhere it is the same file.
    const one = await trained(await jobOf(file, TANH, { leaves: graphRecords(file, 44) }));
    expect(one.modelHash).toBe((await trained(await jobOf(file, TANH))).modelHash);
  });

  it('the runtime stops on a record', async () => {
    expect(await resultOf(await jobOf(outOfBounds(), { width: 2, inputWidth: 2 }))).toEqual(REFUSED);
  });

  it('running it for all records would take too long', async () => {
    const job = await jobOf(heavy(), { width: 2, inputWidth: 2 });
    expect(job.features.steps).toBeGreaterThan(2048 ** 3);
    let runs = 0;
    const counting: Pick<RuntimePool, 'prepare' | 'run'> = {
      prepare: async (file) => checkModel(file),
      run: async () => {
        runs++;
        return {};
      },
    };
    expect(objectIn(await open(counting).train(job))).toEqual({
      outcome: 'failed',
      failure: 'ProblemTooLarge',
    });
    expect(runs).toBe(0);
  });
});

describe('what says nothing of a graph', () => {
  it('B1: an artifact that is not here or damaged, in training and in answers', async () => {
    const job = await jobOf(tanhLayer(), TANH);
    const question = await questionOf(job, '-30 2');
    const root = job.features.artifactRoot as Hex;
    const path = artifactPath(dir, root);
    const file = readFileSync(path);
    const damaged = Buffer.from(file);
    damaged[9]! ^= 1;
    rmSync(join(dir, 'trained'), { recursive: true });
    for (const spoil of [() => writeFileSync(path, damaged), () => rmSync(path)]) {
      spoil();
      service = open();
      expect(await service.train(job)).toEqual({ kind: 'missing', roots: [root] });
      expect(await service.answer(question)).toEqual({ kind: 'missing', root });
    }
    writeFileSync(path, file);
    expect(await trained(job)).toMatchObject({ modelHash: question.modelHash });
    expect(await service.answer(question)).toMatchObject({ kind: 'answered' });
  });

  it('B2: a runtime that dies once is asked again; one that dies twice leaves this node without a word', async () => {
    const job = await jobOf(tanhLayer(), TANH);
    const dying = (times: number): Pick<RuntimePool, 'prepare' | 'run'> => {
      let left = times;
      return {
        prepare: (...args) => pool.prepare(...args),
        run: async (...args) => {
          if (left-- > 0) throw new Fault('the exact runtime gave no answer within 1 ms');
          return pool.run(...args);
        },
      };
    };
    expect(await open(dying(2)).train(job)).toEqual({
      kind: 'unknown',
      reason: 'the exact runtime gave no answer within 1 ms',
    });
    expect(objectIn(await open(dying(1)).train(job))).toMatchObject({ outcome: 'trained' });
    await expect(open(dying(1)).answer(await questionOf(job, '-30 2'))).rejects.toBeInstanceOf(Fault);
  });

  it('B2: a wall clock that stops every run', async () => {
    // Half a thousand million steps for each record: no machine is done with them in a millisecond.
    const hasty = compiledPool({ native: false, runMs: 1 });
    try {
      const answer = await open(hasty).train(await jobOf(heavy(768), { width: 2, inputWidth: 2 }));
      expect(answer).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('within') });
    } finally {
      await hasty.close();
    }
  });
});
