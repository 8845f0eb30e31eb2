import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../node/executor-thread/limits.ts';
import { createWarmUp, type WarmUp } from '../../../node/executor-thread/warm-up.ts';
import type { AttributionJob, Hex, Receipt } from '../../../state/types.ts';
import { contribute, createDataNet, registerArguments, seat } from '../state/modules/story.ts';
import { createWorld, OPEN, person, type World } from '../state/modules/world.ts';

const [owner, ada] = [person(1), person(2)] as [Hex, Hex];
let world: World;
let net: bigint;
let warmUp: WarmUp;
let prepared: Pick<AttributionJob, 'engine' | 'snapshots' | 'sequence'>[];
let behind: boolean;
let nowMs: number;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner);
  await contribute(world, owner, ada, net, ['sing, goddess']);
  [prepared, behind, nowMs] = [[], false, 0];
  warmUp = createWarmUp({
    view: () => world.view,
    attribution: { prepare: (pinned) => void prepared.push(pinned) },
    isBehind: () => behind,
    nowMs: () => nowMs,
  });
});

/** A block that registers a model, as its receipts say. */
async function register(engine: 'token' | 'retrieval' = 'token'): Promise<void> {
  const bond = 1_000n * OPEN;
  world.give(owner, bond);
  seat(world);
  const options = { owner, operator: ada, beneficiary: ada, dataNetIds: [net], engine };
  const { logs } = await world.must('model', 'register', registerArguments(options), {
    from: owner,
    value: bond,
  });
  warmUp.onCommitted([{ logs } as unknown as Receipt]);
}

describe('an index', () => {
  it('is built when its snapshots are pinned, for the engine that answers', async () => {
    await register();
    await register('retrieval');
    expect(prepared.map(({ engine }) => engine)).toEqual(['token', 'retrieval']);
    expect(prepared[0]?.snapshots).toMatchObject([{ dataNetId: Number(net), length: 1 }]);
    expect(prepared[0]?.sequence()).toMatchObject([{ contributor: ada }]);
    // Only retrieval asks for clusters.
    expect(prepared.map(({ sequence }) => sequence()[0]?.founders?.length)).toEqual([undefined, 8]);
  });

  it('is not built on the way to a later head, unless that takes long', async () => {
    behind = true;
    await register();
    expect(prepared).toEqual([]);
    nowMs += LIMITS.settleMs;
    warmUp.tick();
    warmUp.tick();
    expect(prepared).toHaveLength(1);
  });

  it('is built for the newest models alone when many were pinned meanwhile', async () => {
    behind = true;
    for (let n = 0; n < LIMITS.warmUps + 3; n++) await register();
    behind = false;
    warmUp.tick();
    expect(prepared).toHaveLength(LIMITS.warmUps);
  });
});
