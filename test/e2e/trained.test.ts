/** A model that the chain trains, in real processes: registered, trained by each, attested, asked, paid; seen from outside. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTrainingSpec, type TrainingSpec } from '../../attribution/trained/api.ts';
import { OPEN } from '../../genesis/parameters.ts';
import { queueApproval, waitForAcceptance } from '../../node/client/approve.ts';
import { type Account, type ChainClient, eventNamed } from '../../node/client/client.ts';
import { contribute } from '../../node/client/contribute.ts';
import { putGraph } from '../../node/client/graph.ts';
import { inferTrained } from '../../node/client/infer.ts';
import { waitForTraining } from '../../node/client/training.ts';
import { fromHex } from '../../state/crypto.ts';
import { dataNetInterface, modelInterface } from '../../state/modules/interfaces.ts';
import { MODEL_KIND } from '../../state/modules/model/types.ts';
import { graphSettings, outOfBounds, tanhLayer, unknownOperator } from '../support/graph-features.ts';
import { chainClient } from './support/ai.ts';
import type { Hex } from './support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

const NO_CLAIM: Hex = `0x${'00'.repeat(32)}`;
const WAIT_MS = 60_000;

/** Points of the plane, left and right of the middle. */
const SIDES: TrainingSpec = {
  features: { kind: 'numbers', width: 2, divisorExponent: 3 },
  classes: ['left', 'right'],
  training: { method: 'newton', l2Micro: 100_000 },
  metric: { solver: 'newton', clipPercent: 100, projectedWidth: 0 },
};
const ADAPTER: TrainingSpec = {
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

const points = (count: number, label: 'left' | 'right', shift: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => {
    const centre = label === 'left' ? -20 : 20;
    const text = `${label}\n${centre + ((7 * i + shift) % 11) - 5} ${((5 * i + 3 * shift) % 13) - 6}`;
    return new TextEncoder().encode(text);
  });

interface ModelView {
  status: string;
  version: number;
  bond: Hex;
  training: {
    active: { version: number; modelHash: Hex; samples: number } | null;
    newest: { version: number; status: string; refusal: { reason: string; detail: string } | null };
  };
}
interface InferenceView {
  status: string;
  output: string;
  modelVersion: number;
  attributionHash: Hex;
}
interface AttributionAnswer {
  credits: { contributor: Hex; parts: number; amount: Hex }[];
  uncovered: number;
  payments: { share: string; amount: Hex }[];
}

let network: TestNetwork;
let nodes: TestNode[];
let client: ChainClient;
let people: Record<'alice' | 'bob' | 'curator' | 'asker', Account>;
let dataNetId: bigint;
let graphModel: bigint;

/** A model as a node sees it that has what the first node has. */
async function modelOf(node: TestNode, id: bigint): Promise<ModelView> {
  const head = Number(await (nodes[0] as TestNode).client.call<Hex>('eth_blockNumber'));
  await node.client.untilHead(({ number }) => number >= head);
  return node.client.call<ModelView>('ol_model', Number(id));
}

async function settled(id: bigint, version: number): Promise<ModelView> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const found = await modelOf(nodes[0] as TestNode, id);
    const { newest } = found.training;
    if (newest.version >= version && newest.status !== 'training') return found;
    if (performance.now() > until) throw new Error(`model ${id} is still trained: ${JSON.stringify(found)}`);
    await sleep(200);
  }
}

async function register(spec: TrainingSpec, base?: bigint, claim = NO_CLAIM): Promise<bigint> {
  const sent = await client.perform(
    people.curator,
    modelInterface,
    'registerTrained',
    [
      BigInt(base === undefined ? MODEL_KIND.base : MODEL_KIND.adapter),
      'sides',
      'left or right',
      base === undefined ? [] : [base],
      base === undefined ? [] : [1_000n],
      [dataNetId],
      base ?? 0n,
      people.curator.address,
      OPEN / 10n,
      encodeTrainingSpec(spec),
      claim,
    ],
    { value: 100n * OPEN },
  );
  return eventNamed(sent, 'Registered')['modelId'] as bigint;
}

async function give(who: Account, records: Uint8Array[]): Promise<void> {
  const { id } = await contribute(client, who, { dataNetId, records, licence: 'CC0', metadata: '' });
  await queueApproval(client, people.curator, id);
  await waitForAcceptance(client, id);
}

/** Asks, and reads the same answer on every node that runs. */
async function ask(modelId: bigint, prompt: string): Promise<{ id: Hex; answer: InferenceView }> {
  const id = await inferTrained(client, people.asker, { modelId, prompt });
  if (id === undefined) throw new Error('not a trained model');
  const answer = await (nodes[0] as TestNode).client.call<InferenceView>('ol_inference', id);
  for (const node of nodes.filter(({ running }) => running)) await agrees(node, id, answer);
  return { id, answer };
}

/** The node comes to have the block, and the same in it. */
async function agrees(node: TestNode, id: Hex, answer: InferenceView): Promise<void> {
  const until = performance.now() + WAIT_MS;
  let found: InferenceView | null = null;
  while (found === null && performance.now() < until) {
    found = await node.client.call<InferenceView | null>('ol_inference', id);
    if (found === null) await sleep(200);
  }
  expect(found).toEqual(answer);
}

beforeAll(async () => {
  network = await startNetwork({ validators: 4, fullNodes: 1 });
  nodes = network.nodes.slice(0, 4);
  client = chainClient(nodes[0] as TestNode);
  const person = (name: string): Account => {
    const found = network.accounts.find((account) => account.name === name);
    if (found === undefined) throw new Error(`no development account ${name}`);
    return { address: found.address.toLowerCase() as Hex, privateKey: fromHex(found.privateKey, 32) };
  };
  people = {
    alice: person('alice'),
    bob: person('bob'),
    curator: person('curator'),
    asker: person('asker'),
  };
  const created = await client.perform(people.curator, dataNetInterface, 'create', ['Points', '', '', []]);
  dataNetId = eventNamed(created, 'Created')['id'] as bigint;
  await client.perform(people.curator, dataNetInterface, 'publish', [dataNetId]);
  await give(people.alice, points(12, 'left', 0));
  await give(people.bob, points(12, 'right', 1));
});
afterAll(() => network?.close());

describe('a network that trains a model', () => {
  it('registers, trains, attests, answers, and pays those whose samples the answer rests on; all nodes agree', async () => {
    const id = await register(SIDES);
    const model = await settled(id, 1);
    expect(model).toMatchObject({ status: 'active', version: 1, training: { active: { samples: 24 } } });
    for (const node of nodes) expect((await modelOf(node, id)).training).toEqual(model.training);

    const { id: asked, answer } = await ask(id, '-160 8');
    expect(answer).toMatchObject({ status: 'settled', output: 'left', modelVersion: 1 });
    const attribution = await (nodes[1] as TestNode).client.call<AttributionAnswer>('ol_attribution', asked);
    expect(attribution.credits.map(({ contributor }) => contributor)).toContain(people.alice.address);
    const paid = attribution.payments.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    expect(paid).toBe(OPEN / 10n);
    const [best] = attribution.credits;
    expect(BigInt(best?.amount ?? 0)).toBe((OPEN / 20n / 1_000_000_000n) * BigInt(best?.parts ?? 0));

    await give(people.bob, points(6, 'left', 5));
    await client.perform(people.curator, modelInterface, 'repin', [id, [dataNetId]]);
    const later = await settled(id, 2);
    expect(later).toMatchObject({ version: 2, training: { active: { version: 2, samples: 30 } } });
    expect((await ask(id, '160 8')).answer).toMatchObject({ output: 'right', modelVersion: 2 });

    const adapter = await register(ADAPTER, id);
    expect(await settled(adapter, 1)).toMatchObject({ status: 'active' });
    expect((await ask(adapter, '160 8')).answer.output).toBe('right');
  });

  it('takes a claim that is right, and refuses one that is not, with the bond back', async () => {
    const model = await modelOf(nodes[0] as TestNode, 1n);
    const { modelHash } = model.training.active as { modelHash: Hex };
    expect(await settled(await register(SIDES, undefined, modelHash), 1)).toMatchObject({ status: 'active' });
    const wrong = await register(SIDES, undefined, `0x${'77'.repeat(32)}`);
    expect(await settled(wrong, 1)).toMatchObject({
      status: 'refused',
      bond: '0x0',
      training: { newest: { refusal: { reason: 'hashDiffers', detail: 'HashMismatch' } } },
    });
  });

  it('takes features from a graph, which every node runs; a hostile one becomes no model and stops nobody', async () => {
    const files = { tanh: tanhLayer(), unknown: unknownOperator(), stopping: outOfBounds() };
    const put = (who: Account, file: Uint8Array) => putGraph(client, who, { dataNetId, file });
    const places = await Promise.all([
      put(people.alice, files.tanh),
      put(people.bob, files.unknown),
      put(people.asker, files.stopping),
    ]);
    // What is there already costs nothing.
    expect(await put(people.alice, files.tanh)).toEqual(places[0]);
    const on = (file: Uint8Array, settings: Parameters<typeof graphSettings>[1]) =>
      register({ ...SIDES, features: graphSettings(file, settings) });
    const unknown = await on(files.unknown, { width: 2, inputWidth: 2, steps: 1_000, ...places[1] });
    const stopping = await on(files.stopping, { width: 2, inputWidth: 2, ...places[2] });
    graphModel = await on(files.tanh, { width: 4, inputWidth: 2, ...places[0] });
    for (const id of [unknown, stopping]) {
      await expect(waitForTraining(client, id)).rejects.toMatchObject({ code: 'TRAINING_REFUSED' });
      expect(await modelOf(nodes[3] as TestNode, id)).toMatchObject({
        status: 'refused',
        bond: '0x0',
        training: { newest: { refusal: { reason: 'failed', detail: 'GraphRefused' } } },
      });
    }
    expect(await waitForTraining(client, graphModel)).toBe(1n);
    const model = await modelOf(nodes[0] as TestNode, graphModel);
    expect(model.training).toMatchObject({
      settings: { features: { kind: 'onnx', input: 'numbers', inputWidth: 2, width: 4 } },
      active: { samples: 30 },
    });
    expect((await ask(graphModel, '-20 8')).answer).toMatchObject({ status: 'settled', output: 'left' });
    expect(nodes.every(({ running }) => running)).toBe(true);
  });

  it('B1: a node that was not there, and one that was killed, train what they lack and agree', async () => {
    const killed = nodes[2] as TestNode;
    await killed.kill();
    const { id, answer } = await ask(1n, '-160 -8');
    await killed.start();
    await agrees(killed, id, answer);
    const young = network.nodes[4] as TestNode;
    await young.start();
    await agrees(young, id, answer);
    // They go on: the next answer needs the model in all of them.
    nodes = [...nodes, young];
    await ask(1n, '160 -8');
    await ask(2n, '160 -8');
    // Also the graph, whose file the young node had to fetch.
    await ask(graphModel, '20 -8');
  });
});
