import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  decodeInfluenceRecord,
  encodeInfluenceRecord,
  encodeTrainingSpec,
  type TrainingObject,
  type TrainingSpec,
} from '../../../../attribution/trained/api.ts';
import { sweepSubjects } from '../../../../state/modules/attestation/subjects.ts';
import type { TopLevelCall } from '../../../../state/modules/context.ts';
import { appendEntry } from '../../../../state/modules/datanet/storage.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { inferenceInterface } from '../../../../state/modules/interfaces.ts';
import { MAX_TRAININGS } from '../../../../state/modules/limits.ts';
import { trainingIdOf, versionOfTraining } from '../../../../state/modules/model/training.ts';
import { consumers } from '../../../../state/modules/registry.ts';
import {
  attributionJob,
  encodeTraining,
  inference,
  model,
  modelSnapshots,
  snapshot,
  subject,
  totalOwed,
  trainingTask,
} from '../../../../state/modules/views.ts';
import {
  Fault,
  type Hex,
  type InferenceJob,
  type InferenceOutcome,
  Unavailable,
} from '../../../../state/types.ts';
import { attestation, contribute, createDataNet, registerModel, seat } from './story.ts';
import {
  answering,
  attestBody,
  attestTraining,
  inferOn,
  pointRecords,
  registerTrained,
  SIDES,
  SIDES_ADAPTER,
  type TrainedOptions,
  trainedArguments,
  trainedModel,
  trainTask,
} from './trained-story.ts';
import { createWorld, moduleNamed, OPEN, person, salt, type World } from './world.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
const [owner, ada, bob, beneficiary, asker] = [1, 2, 3, 4, 5].map(person) as [Hex, Hex, Hex, Hex, Hex];

let world: World;
let net: bigint;
let options: TrainedOptions;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner, 'points');
  await contribute(world, owner, ada, net, pointRecords(8));
  await contribute(world, owner, bob, net, [...pointRecords(7, 1), 'no sample']);
  options = { owner, beneficiary, dataNetIds: [net] };
  world.setInference(answering(world));
});

const bond = () => world.params.inference.minOperatorBond;
const newest = (id: bigint) => model(world.view, Number(id))!.training!.newest;
const held = (name: string) => world.balance(moduleNamed(name).address);

/** Tries to register, with the bond. */
async function attempt(changed: Partial<TrainedOptions>, value = bond()) {
  world.give(owner, value);
  seat(world);
  return world.call('model', 'registerTrained', trainedArguments({ ...options, ...changed }), {
    from: owner,
    value,
  });
}

describe('a model that the chain trains', () => {
  it('is in training until validators have attested what every one of them trained', async () => {
    const id = await registerTrained(world, options);
    const found = model(world.view, 1)!;
    expect(found).toMatchObject({
      kind: 'base',
      status: 'training',
      version: 0,
      operator: person(0),
      bond: bond(),
      snapshots: [snapshot(world.view, net)],
      training: { spec: encodeTrainingSpec(SIDES), active: undefined },
    });
    const { subject: key } = found.training!.newest;
    expect(subject(world.view, key, world.params)).toMatchObject({
      kind: 'training',
      status: 'open',
      id: trainingIdOf(1, 1),
    });
    expect(attestTraining(world, id)).toContain('Trained');
    const active = model(world.view, 1)!;
    expect(active).toMatchObject({ status: 'active', version: 1 });
    expect(active.training!.active).toMatchObject({
      status: 'trained',
      object: { outcome: 'trained', samples: 15, passedOver: 1 },
    });
    expect(subject(world.view, key, world.params)?.status).toBe('active');
    // The root that validators attested is the value of a slot, so anybody can prove it.
    const body = world.view.body(subject(world.view, key, world.params)!.root as Hex);
    expect(body?.length).toBe(32 + 2 + 64 + 14);
  });

  it('gives validators a task of which the result is the object: settings, pins, records, claim', async () => {
    const id = await registerTrained(world, { ...options, claimedHash: salt(7) });
    await contribute(world, owner, ada, net, pointRecords(4, 9));
    const task = trainingTask(world.view, trainingIdOf(id, 1));
    expect(task).toMatchObject({
      modelId: 1,
      version: 1,
      claimedHash: salt(7),
      base: undefined,
      snapshots: [{ dataNetId: Number(net), length: 2 }],
    });
    expect(task.entries.map(({ contributor }) => contributor)).toEqual([ada, bob]);
    expect(trainTask(world.leavesOf, task).object).toEqual({ outcome: 'failed', failure: 'HashMismatch' });
  });

  it('names a version in 32 bytes, and no object fits two', () => {
    expect(trainingIdOf(3, 2)).toBe(`0x${'0'.repeat(31)}3${'0'.repeat(31)}2`);
    expect(versionOfTraining(trainingIdOf(7n, 9))).toEqual({ modelId: 7n, version: 9 });
    const bytes = Uint8Array.of(1);
    expect(encodeTraining(1, 2, bytes)).not.toEqual(encodeTraining(2, 1, bytes));
  });

  it('keeps a claim: the same hash activates it, another one refuses it and the bond returns', async () => {
    const first = await trainedModel(world, options);
    const { modelHash } = newest(first).object as Extract<TrainingObject, { outcome: 'trained' }>;
    const right = await trainedModel(world, { ...options, claimedHash: modelHash as Hex });
    expect(model(world.view, Number(right))?.status).toBe('active');

    const wrong = await registerTrained(world, { ...options, claimedHash: salt(9) });
    const before = world.balance(owner);
    expect(attestTraining(world, wrong)).toEqual(expect.arrayContaining(['TrainingRefused', 'BondReturned']));
    expect(world.balance(owner)).toBe(before + bond());
    expect(model(world.view, Number(wrong))).toMatchObject({ status: 'refused', version: 0, bond: 0n });
    expect(newest(wrong)).toMatchObject({ status: 'refused', refusal: 'hashDiffers' });
    // Whatever validators attest: the claim counts.
    const again = await registerTrained(world, { ...options, claimedHash: salt(9) });
    attestTraining(world, again, newest(first).object);
    expect(newest(again).refusal).toBe('hashDiffers');
  });

  it('is refused with the reason when training fails, and nothing can be done with it but unstaking', async () => {
    const lonely = await createDataNet(world, owner, 'one side');
    await contribute(world, owner, ada, lonely, ['left\n1 2', 'left\n3 4']);
    const id = await registerTrained(world, { ...options, dataNetIds: [lonely] });
    world.give(asker, 1_000n);
    await world.must('model', 'stake', [id], { from: asker, value: 10n });
    attestTraining(world, id);
    expect(newest(id)).toMatchObject({
      refusal: 'failed',
      object: { outcome: 'failed', failure: 'ClassWithoutSamples' },
    });
    for (const [name, args] of [
      ['repin', [id, [net]]],
      ['setPrice', [id, 1n, 0n]],
      ['retire', [id]],
    ] as const)
      expect(await world.call('model', name, args, { from: owner })).toMatchObject({ error: 'ModelRefused' });
    expect(await world.call('model', 'stake', [id], { from: asker, value: 1n })).toMatchObject({
      error: 'ModelRefused',
    });
    world.block.number += world.params.inference.vestingBlocks;
    await world.must('model', 'unstake', [id, 10n], { from: asker });
    expect(held('model')).toBe(0n);
  });

  it('is refused when validators do not attest it: they differ, or time runs out', async () => {
    const differing = await registerTrained(world, options);
    const key = newest(differing).subject;
    for (const [i, validator] of seat(world).entries())
      if (subject(world.view, key, world.params)?.status === 'open')
        attestation(world, {
          op: 'attest',
          subject: key,
          validator,
          root: salt(1 + i),
          signature: new Uint8Array(96),
        });
    expect(model(world.view, Number(differing))).toMatchObject({ status: 'refused', bond: 0n });
    expect(newest(differing)).toMatchObject({ refusal: 'frozen', freezeReason: 'disagreement' });

    const slow = await registerTrained(world, options);
    world.block.number += world.params.attestation.expiryBlocks;
    sweepSubjects(world.system(), consumers);
    expect(newest(slow)).toMatchObject({ refusal: 'frozen', freezeReason: 'expired' });

    const odd = await registerTrained(world, options);
    expect(attestBody(world, newest(odd).subject, encodeTraining(odd, 1, Uint8Array.of(9)))).toContain(
      'SubjectFrozen',
    );
    expect(newest(odd)).toMatchObject({ refusal: 'frozen', freezeReason: 'malformed' });
    // The object of another version is malformed, too.
    const other = await registerTrained(world, options);
    attestBody(world, newest(other).subject, encodeTraining(odd, 1, Uint8Array.of(9)));
    expect(newest(other).refusal).toBe('frozen');
    expect(world.balance(owner)).toBe(4n * bond());
  });

  it('is refused when one answer would not fit into a block', async () => {
    const id = await registerTrained(world, options);
    attestTraining(world, id, {
      outcome: 'trained',
      modelHash: salt(1),
      metricHash: salt(2),
      samples: 16_384,
      passedOver: 0,
      dimensions: 1 << 20,
      layers: 1,
    });
    expect(newest(id).refusal).toBe('tooLarge');
  });
});

describe('the registration of a trained model', () => {
  it('refuses what is no base and no adapter, and settings that are none or of the other kind', async () => {
    for (const kind of [0n, 3n, 4n, 5n])
      expect(await attempt({ kind })).toMatchObject({ error: 'KindNotSupported', args: [kind] });
    expect(await attempt({ kind: 2n })).toMatchObject({ error: 'SpecOfOtherKind' });
    expect(await attempt({}, bond() - 1n)).toMatchObject({ error: 'BondTooLow' });
    const args = trainedArguments(options);
    args[9] = Uint8Array.of(1, 2, 3);
    expect(await world.call('model', 'registerTrained', args, { from: owner, value: bond() })).toMatchObject({
      error: 'InvalidTrainingSpec',
    });
    expect(await attempt({ beneficiary: person(0) })).toMatchObject({ error: 'ZeroAddress' });
    expect(await attempt({ dataNetIds: [] })).toMatchObject({ error: 'NoDataNets' });
    expect(await attempt({ baseId: 1n })).toMatchObject({ error: 'BaseNotAParent' });
  });

  it('bounds the work of all validators: records, multiplications, trainings at a time', async () => {
    const wide: TrainingSpec = {
      ...SIDES,
      features: { kind: 'numbers', width: 1_000, divisorExponent: 0 },
    };
    const entry = {
      contributionId: salt(1),
      dataNetId: Number(net),
      contributor: ada,
      commitSequence: 9,
      artifactRoot: salt(2),
      recordCount: 60_000,
      accepted: Uint8Array.of(1),
    };
    appendEntry(world.system(), entry, 1);
    expect(await attempt({ spec: wide })).toMatchObject({ error: 'TrainingTooLarge' });
    appendEntry(world.system(), { ...entry, recordCount: 10_000 }, 1);
    expect(await attempt({})).toMatchObject({ error: 'TooManyRecords', args: [70_016n, 65_536n] });

    const small = await createDataNet(world, owner, 'small');
    await contribute(world, owner, ada, small, pointRecords(4));
    options.dataNetIds = [small];
    const ids: bigint[] = [];
    for (let i = 0; i < MAX_TRAININGS; i++) ids.push(await registerTrained(world, options));
    expect(await attempt({})).toMatchObject({ error: 'TooManyTrainings', args: [BigInt(MAX_TRAININGS)] });
    attestTraining(world, ids[1]!);
    await registerTrained(world, options);
    expect(await attempt({})).toMatchObject({ error: 'TooManyTrainings' });
    await world.must('model', 'retire', [ids[0]!], { from: owner });
    await registerTrained(world, options);
  });

  it('E2: is paid for by declared sizes before anything is done', async () => {
    const big = await createDataNet(world, owner, 'big');
    const records = Array.from({ length: 2_000 }, (_, i) => `left\n${i} ${i}`);
    await contribute(world, owner, ada, big, records);
    const passes = (epochs: number): TrainingSpec => ({
      ...SIDES,
      training: {
        method: 'sgd',
        l2Micro: 1_000,
        learningRateMicro: 200_000,
        initialScaleMicro: 10_000,
        epochs,
        batchSize: 4,
        seed: Uint8Array.of(1),
      },
      metric: { solver: 'datainf', clipPercent: 100, projectedWidth: 0 },
    });
    const gasOf = async (epochs: number): Promise<bigint> => {
      const args = trainedArguments({ ...options, dataNetIds: [big], spec: passes(epochs) });
      world.give(owner, bond());
      seat(world);
      return (await world.must('model', 'registerTrained', args, { from: owner, value: bond() })).gas;
    };
    // The first one of all writes slots that are new.
    await gasOf(1);
    const one = await gasOf(256);
    expect(one).toBeGreaterThan(50n * 2_000n + 250_000n);
    // 3 multiplications for each of 2,000 records, 6 parameters and 512 passes more; 64 gas a mebi of them.
    const more = Math.ceil((3 * 512 * 2_000 * 6 + 12_000) / 1_048_576) - 9;
    expect((await gasOf(512)) - one).toBe(64n * BigInt(more));
    const before = world.digest();
    const args = trainedArguments({ ...options, dataNetIds: [big], spec: passes(1_000) });
    await expect(
      world.call('model', 'registerTrained', args, { from: owner, value: 0n, gas: 300_000n }),
    ).resolves.toMatchObject({ error: 'BondTooLow' });
    world.give(owner, bond());
    const held = world.digest();
    await expect(
      world.call('model', 'registerTrained', args, { from: owner, value: bond(), gas: 300_000n }),
    ).rejects.toThrow(/gas/);
    expect(world.digest()).toBe(held);
    expect(before).not.toBe(held);
  });

  it('is not `register`, and external models are none of its kinds', async () => {
    const id = await trainedModel(world, options);
    for (const [name, args, error] of [
      ['setPrice', [id, 1n, 1n], 'NoTokenPrice'],
      ['setOperator', [id, person(9), person(9)], 'NoOperator'],
      ['setOperator', [id, person(0), person(0)], 'ZeroAddress'],
    ] as const)
      expect(await world.call('model', name, args, { from: owner })).toMatchObject({ error });
    await world.must('model', 'setOperator', [id, person(0), person(9)], { from: owner });
    expect(model(world.view, 1)).toMatchObject({ operator: person(0), beneficiary: person(9) });
    const external = await registerModel(world, { ...options, operator: person(8) });
    expect(await world.call('model', 'training', [external, 0n], { from: asker })).toMatchObject({
      error: 'NotTrained',
    });
    expect(await world.call('model', 'training', [id, 2n], { from: asker })).toMatchObject({
      error: 'UnknownVersion',
    });
    const { values } = await world.must('model', 'training', [id, 0n], { from: asker });
    expect(values[0]).toMatchObject({ version: 1n, status: 2n, refusal: 0n, baseId: 0n });
  });
});

describe('a later version', () => {
  it('answers from its activation on; until then the one before does', async () => {
    const id = await trainedModel(world, options);
    await contribute(world, owner, ada, net, pointRecords(6, 4));
    seat(world);
    const { values } = await world.must('model', 'repin', [id, [net]], { from: owner });
    expect(values).toEqual([2n]);
    expect(await world.call('model', 'repin', [id, [net]], { from: owner })).toMatchObject({
      error: 'InTraining',
      args: [id, 2n],
    });
    expect(model(world.view, 1)).toMatchObject({ status: 'active', version: 1 });
    expect(modelSnapshots(world.view, 1, 2)).toEqual([snapshot(world.view, net)]);
    const old = await inferOn(world, asker, id, '160 8');
    attestTraining(world, id);
    expect(model(world.view, 1)).toMatchObject({ status: 'active', version: 2 });
    const now = await inferOn(world, asker, id, '160 8');
    expect(inference(world.view, old.id)).toMatchObject({ modelVersion: 1, snapshots: [{ length: 2 }] });
    expect(inference(world.view, now.id)).toMatchObject({ modelVersion: 2, snapshots: [{ length: 3 }] });
  });

  it('that is refused leaves the one before, its bond, and a number that is never used again', async () => {
    const id = await trainedModel(world, options);
    seat(world);
    await world.must('model', 'repin', [id, [net]], { from: owner });
    attestTraining(world, id, { outcome: 'failed', failure: 'NotConverged' });
    expect(model(world.view, 1)).toMatchObject({ status: 'active', version: 1, bond: bond() });
    expect(newest(id)).toMatchObject({ version: 2, refusal: 'failed' });
    expect((await inferOn(world, asker, id, '160 8')).output).toBe('right');
    const { values } = await world.must('model', 'repin', [id, [net]], { from: owner });
    expect(values).toEqual([3n]);
  });

  it('is given up when the model is retired, and so is a first one; the bond returns', async () => {
    const id = await trainedModel(world, options);
    seat(world);
    await world.must('model', 'repin', [id, [net]], { from: owner });
    const { subject: key } = newest(id);
    await world.must('model', 'retire', [id], { from: owner });
    expect(subject(world.view, key, world.params)).toMatchObject({ status: 'frozen', reason: 'superseded' });
    expect(newest(id).status).toBe('abandoned');
    const first = await registerTrained(world, options);
    await world.must('model', 'retire', [first], { from: owner });
    expect(model(world.view, Number(first))).toMatchObject({ status: 'retired', version: 0, bond: 0n });
    expect(world.balance(owner)).toBe(2n * bond());
    expect(held('model')).toBe(0n);
  });
});

describe('an adapter', () => {
  it('rests for good on the version that its base had, and pays it royalties as lineage says', async () => {
    const base = await trainedModel(world, options);
    const adapter = await trainedModel(world, {
      ...options,
      spec: SIDES_ADAPTER,
      baseId: base,
      parents: [base],
      royaltiesBps: [2_500n],
      beneficiary: person(9),
    });
    const key = trainingIdOf(adapter, 1);
    expect(trainingTask(world.view, key).base).toMatchObject({ modelId: 1, version: 1 });
    await contribute(world, owner, bob, net, pointRecords(5, 6));
    seat(world);
    await world.must('model', 'repin', [base, [net]], { from: owner });
    attestTraining(world, base);
    expect(trainingTask(world.view, key).base).toMatchObject({ modelId: 1, version: 1 });
    const { id, output } = await inferOn(world, asker, adapter, '-160 0');
    expect(output).toBe('left');
    expect(inference(world.view, id)?.attribution?.coverage).toBeGreaterThan(0);
    seat(world);
    await world.must('model', 'repin', [adapter, [net]], { from: owner });
    expect(trainingTask(world.view, trainingIdOf(adapter, 2)).base).toMatchObject({ version: 2 });
    expect(newest(adapter).base).toEqual({ modelId: 1, version: 2 });
    const share = 1_000n / 5n;
    const { values } = await world.must('reward', 'claimable', [beneficiary], { from: asker });
    expect(values[0]).toBe(share / 4n);
  });

  it('needs an active base among its parents, of the same features and classes', async () => {
    const spec = SIDES_ADAPTER;
    const base = await trainedModel(world, options);
    const parents = { parents: [base], royaltiesBps: [0n] };
    expect(await attempt({ spec, baseId: base })).toMatchObject({ error: 'BaseNotAParent' });
    expect(await attempt({ spec, ...parents })).toMatchObject({ error: 'UnknownModel', args: [0n] });
    expect(
      await attempt({ spec: { ...spec, classes: ['right', 'left'] }, baseId: base, ...parents }),
    ).toMatchObject({ error: 'BaseDiffers' });
    const adapter = await trainedModel(world, { ...options, spec, baseId: base, ...parents });
    expect(await attempt({ spec, baseId: adapter, parents: [adapter], royaltiesBps: [0n] })).toMatchObject({
      error: 'NotABase',
      args: [adapter],
    });
    const young = await registerTrained(world, options);
    expect(await attempt({ spec, baseId: young, parents: [young], royaltiesBps: [0n] })).toMatchObject({
      error: 'ModelNotActive',
      args: [young],
    });
    const external = await registerModel(world, { ...options, operator: person(8) });
    expect(await attempt({ spec, baseId: external, parents: [external], royaltiesBps: [0n] })).toMatchObject({
      error: 'NotABase',
    });
  });
});

describe('an answer of a trained model', () => {
  let id: bigint;
  beforeEach(async () => {
    id = await trainedModel(world, options);
  });

  it('is asked, computed, attributed and paid in one transaction, and reads as any other inference', async () => {
    world.give(asker, 5_000n);
    const supply = world.supply();
    const { values, events } = await world.must('inference', 'infer', [id, '160 8'], {
      from: asker,
      value: 5_000n,
    });
    const [requestId, output] = values as [Hex, string];
    expect(output).toBe('right');
    const found = inference(world.view, requestId)!;
    expect(found).toMatchObject({
      status: 'settled',
      prompt: '160 8',
      output: 'right',
      operator: person(0),
      related: [],
      fee: 1_000n,
      escrow: 5_000n,
      modelVersion: 1,
      outputTokens: 1,
      snapshots: [snapshot(world.view, net)],
    });
    const record = decodeInfluenceRecord(found.attribution!.record);
    const { modelHash, metricHash } = newest(id).object as Extract<TrainingObject, { outcome: 'trained' }>;
    expect(record).toMatchObject({ requestHash: found.requestHash, modelHash, metricHash });
    expect(events.map(({ name }) => name).slice(0, 2)).toEqual(['Requested', 'Settled']);
    const paid = events.filter(({ name }) => name === 'Paid').map(({ named }) => named['amount'] as bigint);
    expect(paid.reduce((a, b) => a + b, 0n)).toBe(5_000n);
    expect(world.balance(asker)).toBe(4_000n);
    expect(world.supply()).toBe(supply);
    expect(held('inference')).toBe(0n);
    expect(model(world.view, 1)?.openRequests).toBe(0);
    expect(attributionJob(world.view, requestId, new Uint8Array(1))).toBeUndefined();
    expect((await world.must('inference', 'output', [requestId], { from: asker })).values).toEqual(['right']);
  });

  it('C3: the owner of the model earns what its records did, since it does not choose the answer', async () => {
    await contribute(world, owner, owner, net, pointRecords(9, 3));
    seat(world);
    await world.must('model', 'repin', [id, [net]], { from: owner });
    attestTraining(world, id);
    const { id: asked } = await inferOn(world, asker, id, '-100 3');
    const { credits } = inference(world.view, asked)!.attribution!;
    expect(credits.map(({ contributor }) => contributor)).toContain(owner);
    const { values } = await world.must('reward', 'pending', [owner], { from: asker });
    expect(values[0]).toBeGreaterThan(0n);
  });

  it('gives change to the wei, and needs the price', async () => {
    world.give(asker, 2_000n);
    expect(await world.call('inference', 'infer', [id, '1 1'], { from: asker, value: 999n })).toMatchObject({
      error: 'EscrowTooLow',
      args: [999n, 1_000n],
    });
    await world.must('inference', 'infer', [id, '1 1'], { from: asker, value: 1_000n });
    expect(world.balance(asker)).toBe(1_000n);
    await world.must('model', 'setPrice', [id, 0n, 0n], { from: owner });
    await world.must('inference', 'infer', [id, '1 1'], { from: asker });
    expect((await world.must('inference', 'maxPrice', [id, 5n], { from: asker })).values).toEqual([0n]);
  });

  it('C2: runs only at the top level, and what it refuses touches nothing and starts no work', async () => {
    const external = await registerModel(world, { ...options, operator: person(8) });
    const young = await registerTrained(world, options);
    const refused = await registerTrained(world, options);
    attestTraining(world, refused, { outcome: 'failed', failure: 'NotConverged' });
    const retired = await trainedModel(world, options);
    await world.must('model', 'retire', [retired], { from: owner });
    world.give(asker, 1_000n);
    const before = world.digest();
    const limit = world.params.attribution.maxPromptBytes;
    for (const [args, expected, topLevel] of [
      [[id, '1 1'], { error: 'NotTopLevel' }, false],
      [[99n, '1 1'], { error: 'UnknownModel', args: [99n] }],
      [[external, '1 1'], { error: 'NotTrained', args: [external] }],
      [[young, '1 1'], { error: 'InTraining', args: [young] }],
      [[refused, '1 1'], { error: 'ModelRefused', args: [refused] }],
      [[retired, '1 1'], { error: 'ModelRetired', args: [retired] }],
      [[id, ''], { error: 'EmptyPrompt' }],
      [[id, '1'.repeat(limit + 1)], { error: 'PromptTooLarge' }],
    ] as const)
      expect(
        await world.call('inference', 'infer', args, {
          from: asker,
          value: 1_000n,
          topLevel: topLevel ?? true,
        }),
      ).toMatchObject(expected);
    expect(world.portCalls.infer).toBe(0);
    for (const prompt of ['1', '1 2 3', 'left', '1  2'])
      expect(
        await world.call('inference', 'infer', [id, prompt], { from: asker, value: 1_000n }),
      ).toMatchObject({ error: 'PromptRefused' });
    expect(world.digest()).toBe(before);
  });

  it('is not asked by `request` nor given by `settle`', async () => {
    world.give(asker, 9_000n);
    expect(
      await world.call('inference', 'request', [id, '1 1', 1n], { from: asker, value: 1_000n }),
    ).toMatchObject({ error: 'TrainedModel', args: [id] });
    const { id: asked } = await inferOn(world, asker, id, '1 1');
    expect(
      await world.call('inference', 'settle', [asked, 'left', salt(1)], { from: person(0) }),
    ).toMatchObject({ error: 'TrainedModel', args: [id] });
    world.block.number += 1_000_000;
    expect(await world.call('inference', 'expire', [asked], { from: asker })).toMatchObject({
      error: 'AlreadySettled',
    });
  });

  it('B1: waits where the model is not trained yet, and takes nothing with it', async () => {
    world.setInference(({ modelId, version }) => {
      throw new Unavailable({ kind: 'model', modelId, version });
    });
    world.give(asker, 1_000n);
    const before = world.digest();
    await expect(
      world.call('inference', 'infer', [id, '1 1'], { from: asker, value: 1_000n }),
    ).rejects.toMatchObject({ missing: { kind: 'model', modelId: 1, version: 1 } });
    expect(world.digest()).toBe(before);
  });

  it('B2: an outcome that no engine gives is a fault of this machine, never a receipt', async () => {
    const honest = answering(world);
    world.give(asker, 1_000n);
    for (const broken of [
      { uncovered: 1 },
      { recordHash: salt(1) },
      { output: new Uint8Array(0) },
      {
        credits: Array.from({ length: 65 }, (_, i) => ({ contributor: person(i), parts: 1 })),
        uncovered: 999_999_935,
      },
    ]) {
      world.setInference((job) => ({ ...honest(job), ...broken }) as InferenceOutcome);
      await expect(
        world.call('inference', 'infer', [id, '1 1'], { from: asker, value: 1_000n }),
      ).rejects.toBeInstanceOf(Fault);
    }
  });

  it('B6: counts units from what validators attested, and is paid for before it is computed', async () => {
    const units = unitsOf(id, '160 8');
    // A unit for each of 5 bytes and 15 samples, one each for a part of a scan and of the model, 3 for 15 × 2 layers.
    expect(units).toBe(5 + 15 + 1 + 1 + 3);
    expect(unitsOf(id, '160 8', { value: 999n })).toBe(0);
    expect(unitsOf(id, '')).toBe(0);
    expect(unitsOf(id, 'x'.repeat(world.params.attribution.maxPromptBytes + 1))).toBe(0);
    expect(unitsOf(99n, '160 8')).toBe(0);
    expect(unitsOf(id, '160 8', { gasLimit: BigInt(units) * 100n - 1n })).toBe(0);
    const young = await registerTrained(world, options);
    expect(unitsOf(young, '160 8')).toBe(0);
    const external = await registerModel(world, { ...options, operator: person(8) });
    expect(unitsOf(external, '160 8')).toBe(0);
    world.give(asker, 1_000n);
    const gas = BigInt(units) * 100n;
    await expect(
      world.call('inference', 'infer', [id, '160 8'], { from: asker, value: 1_000n, gas }),
    ).rejects.toThrow(/gas/);
    expect(world.portCalls.infer).toBe(0);
  });

  it('fits into one transaction at its largest: longest prompt, 64 contributors, 128 ancestors, a block of units', async () => {
    let parent: bigint | undefined;
    for (let i = 0; i < 128; i++)
      parent = await registerModel(world, {
        ...options,
        operator: person(8),
        beneficiary: keccakHex(Uint8Array.of(i, 1)).slice(0, 42) as Hex,
        ...(parent && { parents: [parent], royaltiesBps: [9_500n] }),
      });
    const large = await registerTrained(world, {
      ...options,
      parents: [parent!],
      royaltiesBps: [9_500n],
      price: OPEN,
    });
    const { maxPromptBytes } = world.params.attribution;
    const rest = world.params.block.attributionUnits - maxPromptBytes;
    const object = {
      outcome: 'trained',
      modelHash: salt(1),
      metricHash: salt(2),
      samples: 16_384,
      passedOver: 0,
      dimensions: Math.floor(((rest - 2 * 16_384) * 1_024) / 16_384),
      layers: 1,
    } as const;
    attestTraining(world, large, object);
    world.give(person(7), 50n);
    await world.must('model', 'stake', [large], { from: person(7), value: 50n });
    world.setInference((job) => crowdAnswer(job));
    world.give(asker, OPEN);
    // Calldata without a zero byte.
    const available = (1n << 24n) - 21_000n - 16n * BigInt(maxPromptBytes + 200);
    const { gas, events } = await world.must('inference', 'infer', [large, '1'.repeat(maxPromptBytes)], {
      from: asker,
      value: OPEN,
      gas: available,
    });
    expect(events.filter((event) => event.name === 'Paid').length).toBeGreaterThan(180);
    expect(gas).toBeGreaterThan(100n * BigInt(world.params.block.attributionUnits - 100));
    expect(held('reward')).toBe(totalOwed(world.view));
  }, 60_000);

  it('Conservation: over 120 random answers no wei is made or lost, and accounts hold what they owe', async () => {
    const people = Array.from({ length: 6 }, (_, i) => person(80 + i));
    const answer = fc.record({
      weights: fc.array(fc.nat({ max: 100 }), { minLength: 6, maxLength: 6 }),
      uncovered: fc.nat({ max: 100 }),
      price: fc.bigInt({ min: 0n, max: 10n ** 20n }),
      extra: fc.bigInt({ min: 0n, max: 10n ** 18n }),
      stake: fc.bigInt({ min: 0n, max: 1_000n }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { minLength: 15, maxLength: 15 }), async (list) => {
        for (const step of list) {
          await world.must('model', 'setPrice', [id, step.price, 0n], { from: owner });
          if (step.stake > 0n) {
            world.give(person(7), step.stake);
            await world.must('model', 'stake', [id], { from: person(7), value: step.stake });
          }
          world.setInference((job) => credited(job, step.weights, step.uncovered, people));
          const value = step.price + step.extra;
          world.give(asker, value);
          const supply = world.supply();
          const before = world.balance(asker);
          await world.must('inference', 'infer', [id, '1 1'], { from: asker, value });
          expect(world.supply()).toBe(supply);
          expect(world.balance(asker)).toBe(before - step.price);
          expect(held('inference')).toBe(0n);
          expect(held('reward')).toBe(totalOwed(world.view));
        }
      }),
      { seed, numRuns: 8 },
    );
  });
});

function unitsOf(modelId: bigint, prompt: string, call: Partial<TopLevelCall> = {}): number {
  return moduleNamed('inference').attributionUnits(
    {
      params: world.params,
      calldata: inferenceInterface.encodeCall('infer', [modelId, prompt]),
      caller: asker,
      value: 1_000n,
      gasLimit: 1n << 24n,
      blockNumber: world.block.number,
      ...call,
    },
    world.view,
  );
}

/** An answer that credits by these weights, with a canonical record. */
function credited(
  job: InferenceJob,
  weights: readonly number[],
  uncovered: number,
  people: readonly Hex[],
): InferenceOutcome {
  const total = weights.reduce((a, b) => a + b, uncovered);
  const credits = weights
    .map((weight, i) => ({
      contributor: people[i] as Hex,
      parts: total === 0 ? 0 : Math.floor((weight / total) * 1e9),
    }))
    .filter(({ parts }) => parts > 0)
    .sort((a, b) => b.parts - a.parts || (a.contributor < b.contributor ? -1 : 1));
  const coverage = credits.reduce((sum, { parts }) => sum + parts, 0);
  const output = new TextEncoder().encode('left');
  const record = encodeInfluenceRecord({
    version: 1,
    requestHash: job.requestHash,
    outputHash: keccakHex(output),
    modelHash: job.modelHash,
    metricHash: job.metricHash,
    coverage,
    uncovered: 1e9 - coverage,
    credits: credits.map(({ contributor, parts }) => ({ contributor, credit: parts })),
  });
  return {
    kind: 'answered',
    output,
    record,
    recordHash: keccakHex(record),
    credits,
    uncovered: 1e9 - coverage,
  };
}

function crowdAnswer(job: InferenceJob): InferenceOutcome {
  const crowd = Array.from({ length: 64 }, (_, i) => keccakHex(Uint8Array.of(i)).slice(0, 42) as Hex);
  return credited(
    job,
    crowd.map(() => 1),
    1,
    crowd,
  );
}
