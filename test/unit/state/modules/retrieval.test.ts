import { beforeEach, describe, expect, it } from 'vitest';
import { decodeRetrievalRecord } from '../../../../attribution/retrieval/api.ts';
import { retrievalUnitsOf } from '../../../../genesis/attribution-units.ts';
import * as GAS from '../../../../state/modules/gas.ts';
import { retrievalParamsHashOf } from '../../../../state/modules/inference/storage.ts';
import { inferenceInterface } from '../../../../state/modules/interfaces.ts';
import {
  attributionJob,
  contribution,
  inference,
  model,
  modelSnapshots,
} from '../../../../state/modules/views.ts';
import type { AttributionJob, Hex } from '../../../../state/types.ts';
import { retrieveWith } from '../../../support/retrieval.ts';
import { approve, ask, commit, contribute, createDataNet, registerModel, revealArguments } from './story.ts';
import { createWorld, moduleNamed, person, salt, type World } from './world.ts';

const [owner, ann, ben, operator, asker] = [1, 2, 3, 4, 5].map(person) as [Hex, Hex, Hex, Hex, Hex];
const HARBOUR =
  'The harbour master counted every fishing boat before the storm closed the port for the night.';
const BREAD = 'Rye bread rises slowly; the baker leaves the dough near the oven until the crust cracks.';
const PORT =
  'At dusk the fishing boats came back to the harbour, and the port was closed because of the storm.';
const PROMPT = 'Which fishing boat was in the harbour before the storm?';
const ANSWER = 'None that anybody counted.';

let world: World;
let net: bigint;
let modelId: bigint;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner);
  await contribute(world, owner, ann, net, [HARBOUR, BREAD]);
  await contribute(world, owner, ben, net, [PORT]);
  modelId = await registerModel(world, retrievalModel([net]));
  world.setAttribution(retrieve);
});
const retrievalModel = (dataNetIds: readonly bigint[]) => ({
  owner,
  operator,
  beneficiary: operator,
  dataNetIds,
  engine: 'retrieval' as const,
});
const retrieve = (job: AttributionJob) => retrieveWith(world.params, world.leavesOf)(job);
const askIt = (prompt = PROMPT, of = modelId) => ask(world, asker, of, 10_000n, 64n, prompt);
const jobOf = (id: Hex, output = ANSWER) =>
  attributionJob(world.view, id, Buffer.from(output)) as AttributionJob;
const settle = (id: Hex, hash: Hex) =>
  world.must('inference', 'settle', [id, ANSWER, hash], { from: operator });

describe('a retrieval model', () => {
  it('C1: pins its engine, the version and the parameters of the rule, and how many records it searches', async () => {
    expect(model(world.view, 1)).toMatchObject({ engine: 'retrieval', kind: 'external' });
    const id = await askIt();
    const { retrieval, attribution } = world.params;
    expect(inference(world.view, id)).toMatchObject({
      engine: 'retrieval',
      attributionVersion: retrieval.version,
      paramsHash: retrievalParamsHashOf(retrieval, attribution),
      pinnedRecords: 3,
      snapshots: modelSnapshots(world.view, 1, 1),
    });
    for (const change of Object.keys(retrieval) as (keyof typeof retrieval)[]) {
      const changed = { ...retrieval, [change]: change === 'encoderHash' ? salt(1) : 77 };
      expect(retrievalParamsHashOf(changed, attribution), change).not.toBe(
        retrievalParamsHashOf(retrieval, attribution),
      );
    }
    expect(retrievalParamsHashOf(retrieval, { commons: [1] })).not.toBe(
      retrievalParamsHashOf(retrieval, attribution),
    );
  });

  it('D3: pins no more records than the chain lets a prompt be compared with', async () => {
    world.params.retrieval.maxRecords = 2;
    const bond = world.params.inference.minOperatorBond;
    world.give(owner, bond);
    await expect(registerModel(world, retrievalModel([net]))).rejects.toThrow('TooManyRecords(3,2)');
    expect(await world.call('model', 'repin', [modelId, [net]], { from: owner })).toMatchObject({
      error: 'TooManyRecords',
      args: [3n, 2n],
    });
    // A model that quotes is not bound by it.
    await registerModel(world, { ...retrievalModel([net]), engine: 'token' });
  });

  it('pays whose records are nearest to the prompt, and keeps them to be read as citations', async () => {
    const id = await askIt();
    const outcome = retrieve(jobOf(id));
    const { events } = await settle(id, outcome.recordHash);
    expect(events.map(({ name }) => name)).toContain('Settled');
    const found = inference(world.view, id)!;
    expect(found.attributionHash).toBe(outcome.recordHash);
    // One record each, and one record is a tenth.
    expect(found.attribution?.credits).toEqual([
      { contributor: ann, parts: 100_000_000 },
      { contributor: ben, parts: 100_000_000 },
    ]);
    const citations = found.attribution?.citations ?? [];
    expect(citations.map(({ contributor, recordIndex }) => [contributor, recordIndex])).toEqual(
      expect.arrayContaining([
        [ann, 0],
        [ben, 0],
      ]),
    );
    expect(citations).toHaveLength(2);
    for (const { contributionId, dataNetId, contributor } of citations) {
      expect(dataNetId).toBe(Number(net));
      expect(contribution(world.view, contributionId)?.contributor).toBe(contributor);
    }
    const { values } = await world.must('inference', 'citations', [id], { from: asker });
    expect(values).toEqual([
      citations.map((citation) => ({
        ...citation,
        dataNetId: BigInt(citation.dataNetId),
        recordIndex: BigInt(citation.recordIndex),
        score: BigInt(citation.score),
      })),
    ]);
    const [record] = (await world.must('inference', 'attributionRecord', [id], { from: asker })).values;
    expect(decodeRetrievalRecord(record as Uint8Array)).toMatchObject({
      requestHash: found.requestHash,
      coverage: 200_000_000,
    });
  });

  it('is slashed for a hash of anything else, the one of the quoting rule included', async () => {
    const before = model(world.view, 1)!.bond;
    const id = await askIt();
    const { events } = await settle(id, salt(9));
    expect(events.map(({ name }) => name)).toContain('SettlementRejected');
    expect(inference(world.view, id)).toMatchObject({ status: 'rejected', attribution: undefined });
    expect(model(world.view, 1)!.bond).toBeLessThan(before);
    expect((await world.must('inference', 'citations', [id], { from: asker })).values).toEqual([[]]);
  });

  it('depends on the request, the output and the prompt, and on nothing else (C1)', async () => {
    const id = await askIt();
    const { recordHash } = retrieve(jobOf(id));
    await contribute(world, owner, ben, net, [`${HARBOUR} Twice.`, 'The storm and the harbour.']);
    await world.must('model', 'repin', [modelId, [net]], { from: owner });
    expect(retrieve(jobOf(id)).recordHash).toBe(recordHash);
    expect(retrieve(jobOf(id, 'Another answer.')).recordHash).not.toBe(recordHash);
    expect(retrieve(jobOf(await askIt())).recordHash).not.toBe(recordHash);
  });

  it('C4: pays nobody for a prompt that finds nothing', async () => {
    const id = await askIt('zzz qqq xxx');
    const outcome = retrieve(jobOf(id));
    expect(outcome).toMatchObject({ credits: [], uncovered: 1_000_000_000, citations: [] });
    await settle(id, outcome.recordHash);
    expect(inference(world.view, id)).toMatchObject({ status: 'settled', attribution: { citations: [] } });
  });

  it('D1: credits a cluster as one, to whoever committed first, by the clusters that validators attested', async () => {
    // The thief sees a reveal, commits a hardly changed copy and is approved first.
    const other = await createDataNet(world, owner, 'other');
    const words = Array.from({ length: 120 }, (_, i) => `anchor${i}`).join(' ');
    const text = `${HARBOUR} ${PORT} ${words}`;
    const first = await commit(world, ann, other, [text]);
    await contribute(world, owner, ben, other, [`${text} indeed`]);
    await world.must('contribution', 'reveal', revealArguments(first), { from: ann });
    await approve(world, owner, first.id);
    const theirs = await registerModel(world, retrievalModel([other]));
    const id = await askIt(`${PROMPT} ${words.slice(0, 200)}`, theirs);
    const job = jobOf(id);
    expect(new Set(job.sequence().map(({ founders }) => Buffer.from(founders!).toString('hex'))).size).toBe(
      1,
    );
    const { credits, citations } = retrieve(job);
    expect(citations).toHaveLength(1);
    expect(credits).toEqual([{ contributor: ann, parts: 100_000_000 }]);
  });

  it('E2: costs by what was declared: the bytes of both texts and the records that it pinned', async () => {
    const id = await askIt();
    const unitsOf = (output: string) =>
      moduleNamed('inference').attributionUnits(
        {
          params: world.params,
          calldata: inferenceInterface.encodeCall('settle', [id, output, salt(1)]),
          caller: operator,
          value: 0n,
          gasLimit: 1n << 24n,
          blockNumber: world.block.number,
        },
        world.view,
      );
    const before = unitsOf(ANSWER);
    expect(before).toBe(ANSWER.length + PROMPT.length + 1);
    expect(before).toBe(
      retrievalUnitsOf({ outputBytes: ANSWER.length, promptBytes: PROMPT.length, pinnedRecords: 3 }),
    );
    // What the DataNet holds later is not compared.
    await contribute(
      world,
      owner,
      ben,
      net,
      Array.from({ length: 20 }, (_, i) => `verse ${i}`),
    );
    expect(unitsOf(ANSWER)).toBe(before);
    const { recordHash } = retrieve(jobOf(id));
    const { gas } = await settle(id, recordHash);
    expect(gas).toBeGreaterThan(GAS.ATTRIBUTION_UNIT * BigInt(before));
  });

  it('leaves the clusters out of what a quoting model is computed from', async () => {
    const quoting = await registerModel(world, { ...retrievalModel([net]), engine: 'token' });
    const id = await askIt(PROMPT, quoting);
    expect(jobOf(id).engine).toBe('token');
    expect(
      jobOf(id)
        .sequence()
        .every((entry) => entry.founders === undefined),
    ).toBe(true);
  });
});
