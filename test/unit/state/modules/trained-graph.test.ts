/** Models whose features an ONNX graph makes, as the modules see them: they never read the graph, only what names it. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { GraphFeatures, TrainingObject, TrainingSpec } from '../../../../attribution/trained/api.ts';
import { graphUnitsOf } from '../../../../genesis/inference-units.ts';
import { inferenceInterface } from '../../../../state/modules/interfaces.ts';
import { model } from '../../../../state/modules/views.ts';
import { type Hex, Unavailable } from '../../../../state/types.ts';
import { graphRecords, graphSettings, tanhLayer } from '../../../support/graph-features.ts';
import { commit, contribute, createDataNet, revealArguments, seat } from './story.ts';
import {
  attestTraining,
  pointRecords,
  registerTrained,
  SIDES,
  type TrainedOptions,
  trainedArguments,
} from './trained-story.ts';
import { createWorld, moduleNamed, OPEN, person, salt, type World } from './world.ts';

const [owner, ada, beneficiary, asker] = [1, 2, 3, 4].map(person) as [Hex, Hex, Hex, Hex];
const file = tanhLayer();
const TRAINED: TrainingObject = {
  outcome: 'trained',
  modelHash: salt(1),
  metricHash: salt(2),
  samples: 8,
  passedOver: 0,
  dimensions: 10,
  layers: 2,
};

let world: World;
let net: bigint;
let options: TrainedOptions;
let features: GraphFeatures;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner, 'points');
  await contribute(world, owner, ada, net, pointRecords(8));
  options = { owner, beneficiary, dataNetIds: [net] };
  const graph = await commit(world, owner, net, graphRecords(file));
  await world.must('contribution', 'reveal', revealArguments(graph), { from: owner });
  const place = { contributionId: graph.id, artifactRoot: graph.artifact.root };
  features = graphSettings(file, { width: 4, inputWidth: 2, ...place });
});

const on = (changed: Partial<GraphFeatures> = {}): TrainingSpec => ({
  ...SIDES,
  features: { ...features, ...changed },
});

async function attempt(changed: Partial<GraphFeatures>) {
  const value = world.params.inference.minOperatorBond;
  world.give(owner, value);
  seat(world);
  const args = trainedArguments({ ...options, spec: on(changed) });
  return world.call('model', 'registerTrained', args, { from: owner, value });
}

function unitsOf(id: bigint, prompt: string): number {
  const calldata = inferenceInterface.encodeCall('infer', [id, prompt]);
  const call = { params: world.params, calldata, caller: asker, value: 1_000n, gasLimit: 1n << 24n };
  return moduleNamed('inference').attributionUnits({ ...call, blockNumber: world.block.number }, world.view);
}

describe('a model on a graph', () => {
  it('names a contribution that was revealed, and its artifact', async () => {
    const error = { error: 'GraphNotRevealed' };
    expect(await attempt({ contributionId: salt(7) })).toMatchObject({ ...error, args: [salt(7)] });
    expect(await attempt({ artifactRoot: salt(7) })).toMatchObject(error);
    const hidden = await commit(world, owner, net, graphRecords(file));
    const place = { contributionId: hidden.id, artifactRoot: hidden.artifact.root };
    expect(await attempt(place)).toMatchObject({ ...error, args: [hidden.id] });
    expect(await attempt({})).toMatchObject({ ok: true });
    // That nobody approves it, or that its contributor takes it back, changes nothing: every node has the bytes.
    await world.must('contribution', 'reveal', revealArguments(hidden), { from: owner });
    await world.must('contribution', 'withdraw', [hidden.id], { from: owner });
    expect(await attempt(place)).toMatchObject({ ok: true });
  });

  it('pays for running the graph on every record that it pins, and of no block more than it has', async () => {
    const gasOf = async (changed: Partial<GraphFeatures>) => {
      const outcome = await attempt(changed);
      return outcome.ok ? outcome.gas : 0n;
    };
    // The first of all models opens lists that later ones lengthen.
    await gasOf({ steps: 0 });
    const small = await gasOf({ steps: 0 });
    // 64 gas for 2^20 multiplications, on each of 8 records.
    expect((await gasOf({ steps: 2 ** 24 })) - small).toBe(64n * 8n * 16n);
    const { attributionUnits } = world.params.block;
    const most = (attributionUnits - graphUnitsOf({ ...features, steps: 0 })) * 4096;
    expect(await gasOf({ steps: most })).toBeGreaterThan(small);
    expect(await attempt({ steps: most + 1 })).toMatchObject({ error: 'TrainingTooLarge' });
  });

  it('is refused for good when validators attest that the graph is, with the bond back', async () => {
    const id = await registerTrained(world, { ...options, spec: on() });
    const before = world.balance(owner);
    const events = attestTraining(world, id, { outcome: 'failed', failure: 'GraphRefused' });
    expect(events).toEqual(expect.arrayContaining(['TrainingRefused', 'BondReturned']));
    expect(world.balance(owner)).toBe(before + world.params.inference.minOperatorBond);
    const found = model(world.view, Number(id));
    expect(found).toMatchObject({ status: 'refused', bond: 0n });
    expect(found?.training?.newest).toMatchObject({ refusal: 'failed', object: { failure: 'GraphRefused' } });
    const value = 1_000n;
    world.give(asker, value);
    const asked = await world.call('inference', 'infer', [id, '1 1'], { from: asker, value });
    expect(asked).toMatchObject({ error: 'ModelRefused' });
  });

  it('takes units of the block for each answer: loading, running, and what the numbers alone would take', async () => {
    const numbers = await registerTrained(world, {
      ...options,
      spec: { ...SIDES, features: { kind: 'numbers', width: 4, divisorExponent: 0 } },
    });
    const steps = 2 ** 20;
    const graph = await registerTrained(world, { ...options, spec: on({ steps }) });
    for (const id of [numbers, graph]) attestTraining(world, id, TRAINED);
    const units = graphUnitsOf({ ...features, steps });
    expect(features.parts).toBe(6);
    expect(units).toBe(32_768 + 512 + 6 * 32 + Math.ceil(file.length / 32) + 256);
    expect(unitsOf(graph, '1 1') - unitsOf(numbers, '1 1')).toBe(units);

    const asked: string[] = [];
    world.setInference((job) => {
      asked.push(new TextDecoder().decode(job.prompt));
      return { kind: 'refused', reason: 'the graph gives nothing' };
    });
    world.give(asker, OPEN);
    const outcome = await world.call('inference', 'infer', [graph, '1 0'], { from: asker, value: OPEN });
    expect(outcome).toMatchObject({ error: 'PromptRefused' });
    expect(asked).toEqual(['1 0']);
    // Paid for before the port was asked.
    expect(outcome.gas).toBeGreaterThan(100n * BigInt(units));
  });

  it('B1: an answer is unknown while the artifact of its graph is missing', async () => {
    const id = await registerTrained(world, { ...options, spec: on() });
    attestTraining(world, id, TRAINED);
    world.setInference(() => {
      throw new Unavailable({ kind: 'artifact', root: features.artifactRoot as Hex });
    });
    world.give(asker, OPEN);
    await expect(
      world.call('inference', 'infer', [id, '1 1'], { from: asker, value: OPEN }),
    ).rejects.toBeInstanceOf(Unavailable);
  });
});
