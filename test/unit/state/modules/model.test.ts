import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { appendEntry } from '../../../../state/modules/datanet/storage.ts';
import { flattenLineage, splitByLineage } from '../../../../state/modules/model/lineage.ts';
import { giveToStakers } from '../../../../state/modules/model/storage.ts';
import { WHOLE } from '../../../../state/modules/model/types.ts';
import { model, modelSnapshots, modelStake, models, snapshot } from '../../../../state/modules/views.ts';
import { ask, contribute, createDataNet, registerArguments, registerModel } from './story.ts';
import { createWorld, moduleNamed, person, salt, type World } from './world.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
let world: World;
let net: bigint;
const who = { owner: person(1), operator: person(3), beneficiary: person(4) };

beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, person(1));
  await contribute(world, person(1), person(2), net, ['sing of the wrath']);
});
const held = () => world.balance(moduleNamed('model').address);

describe('a model', () => {
  it('C1: pins snapshots at registration and keeps them when the DataNet grows', async () => {
    const id = await registerModel(world, { ...who, dataNetIds: [net] });
    const pin = snapshot(world.view, net);
    await contribute(world, person(1), person(2), net, ['of Achilles']);
    expect(model(world.view, 1)).toMatchObject({
      version: 1,
      snapshots: [pin],
      kind: 'external',
      engine: 'token',
      status: 'active',
    });
    const { values } = await world.must('model', 'repin', [id, [net]], { from: person(1) });
    expect(values).toEqual([2n]);
    expect(model(world.view, 1)?.snapshots).toEqual([snapshot(world.view, net)]);
    expect(modelSnapshots(world.view, 1, 1)).toEqual([pin]);
    expect(modelSnapshots(world.view, 1, 3)).toBeUndefined();
  });

  it('takes the bond with the registration, and only the external kind, and an engine that there is', async () => {
    const value = world.params.inference.minOperatorBond;
    world.give(person(1), 2n * value);
    const from = { from: person(1), value };
    for (const kind of [0n, 1n, 2n, 3n, 5n]) {
      const args = registerArguments({ ...who, dataNetIds: [net] });
      args[0] = kind;
      expect(await world.call('model', 'register', args, from)).toMatchObject({
        error: 'KindNotSupported',
        args: [kind],
      });
    }
    for (const engine of [0n, 3n, 255n]) {
      const args = registerArguments({ ...who, dataNetIds: [net] });
      args[1] = engine;
      expect(await world.call('model', 'register', args, from)).toMatchObject({
        error: 'EngineNotSupported',
        args: [engine],
      });
    }
    const args = registerArguments({ ...who, dataNetIds: [net] });
    expect(await world.call('model', 'register', args, { from: person(1), value: value - 1n })).toMatchObject(
      { error: 'BondTooLow', args: [value - 1n, value] },
    );
    await world.must('model', 'register', args, from);
    expect(held()).toBe(value);
    expect(models(world.view, 1, 10).map((found) => found.bond)).toEqual([value]);
  });

  it('refuses pins that are none, unknown, empty, doubled or too many', async () => {
    const value = world.params.inference.minOperatorBond;
    world.give(person(1), value);
    const empty = await createDataNet(world, person(1), 'empty');
    const draft = (await world.must('datanet', 'create', ['draft', '', '', []], { from: person(1) }))
      .values[0] as bigint;
    for (const [dataNetIds, error] of [
      [[], { error: 'NoDataNets' }],
      [[net, 99n], { error: 'UnknownDataNet' }],
      [[net, empty], { error: 'EmptySnapshot', args: [empty] }],
      [[net, draft], { error: 'DataNetNotPublished', args: [draft] }],
      [[net, net], { error: 'NotAscending' }],
      [Array.from({ length: 17 }, (_, i) => BigInt(i + 1)), { error: 'TooManyDataNets', args: [17n, 16n] }],
    ] as const)
      expect(
        await world.call('model', 'register', registerArguments({ ...who, dataNetIds }), {
          from: person(1),
          value,
        }),
      ).toMatchObject(error);
  });

  it('refuses pins beyond what an index can hold: it could be registered and never be answered', async () => {
    const value = world.params.inference.minOperatorBond;
    world.give(person(1), value);
    const register = () =>
      world.call('model', 'register', registerArguments({ ...who, dataNetIds: [net] }), {
        from: person(1),
        value,
      });
    const entry = {
      contributionId: salt(1),
      dataNetId: Number(net),
      contributor: person(2),
      commitSequence: 9,
      artifactRoot: salt(2),
      recordCount: 1,
      accepted: Uint8Array.of(1),
    };
    appendEntry(world.system(), entry, 63 * 1024 * 1024);
    expect(await register()).toMatchObject({ error: 'SnapshotsTooLarge' });
    appendEntry(world.system(), { ...entry, recordCount: 1024 * 1024 }, 0);
    expect(await register()).toMatchObject({ error: 'TooManyRecords' });
  });

  it('obeys its owner only', async () => {
    const id = await registerModel(world, { ...who, dataNetIds: [net] });
    for (const [name, args] of [
      ['repin', [id, [net]]],
      ['setPrice', [id, 1n, 1n]],
      ['setOperator', [id, person(9), person(9)]],
      ['retire', [id]],
    ] as const)
      expect(await world.call('model', name, args, { from: person(3) })).toMatchObject({
        error: 'NotModelOwner',
      });
    await world.must('model', 'setPrice', [id, 5n, 6n], { from: person(1) });
    await world.must('model', 'setOperator', [id, person(8), person(9)], { from: person(1) });
    expect(model(world.view, 1)).toMatchObject({
      basePrice: 5n,
      pricePerToken: 6n,
      operator: person(8),
      beneficiary: person(9),
    });
  });

  it('returns the bond at retirement, or with the last open request', async () => {
    const bond = world.params.inference.minOperatorBond;
    const idle = await registerModel(world, { ...who, dataNetIds: [net] });
    await world.must('model', 'retire', [idle], { from: person(1) });
    expect(world.balance(person(1))).toBe(bond);
    const busy = await registerModel(world, { ...who, dataNetIds: [net] });
    const request = await ask(world, person(7), busy);
    await world.must('model', 'retire', [busy], { from: person(1) });
    expect(held()).toBe(bond);
    expect(await world.call('model', 'retire', [busy], { from: person(1) })).toMatchObject({
      error: 'ModelRetired',
    });
    world.block.number += world.params.inference.expiryBlocks + 1;
    await world.must('inference', 'expire', [request], { from: person(9) });
    expect(held()).toBe(0n);
    expect(world.balance(person(1))).toBe(2n * bond);
  });

  it('locks a stake for the vesting time, then returns exactly it', async () => {
    const id = await registerModel(world, { ...who, dataNetIds: [net] });
    world.give(person(5), 100n);
    await world.must('model', 'stake', [id], { from: person(5), value: 60n });
    await world.must('model', 'stake', [id], { from: person(5), value: 40n });
    expect(await world.call('model', 'unstake', [id, 1n], { from: person(5) })).toMatchObject({
      error: 'StakeLocked',
    });
    world.block.number += world.params.inference.vestingBlocks;
    expect(await world.call('model', 'unstake', [id, 101n], { from: person(5) })).toMatchObject({
      error: 'StakeTooLow',
      args: [100n, 101n],
    });
    await world.must('model', 'unstake', [id, 100n], { from: person(5) });
    expect(world.balance(person(5))).toBe(100n);
    expect(await world.call('model', 'claim', [id], { from: person(5) })).toMatchObject({
      error: 'NothingToClaim',
    });
  });

  it('C4: what does not divide waits for the next fee: three fees of one wei on a stake of three are three wei', async () => {
    const id = await registerModel(world, { ...who, dataNetIds: [net] });
    world.give(person(5), 3n);
    await world.must('model', 'stake', [id], { from: person(5), value: 3n });
    const rewards = [1, 2, 3].map(() => {
      giveToStakers(world.system(), id, 1n);
      return modelStake(world.view, 1, person(5)).reward;
    });
    expect(rewards).toEqual([0n, 1n, 3n]);
  });

  it('C4: Conservation: stakers of a model share its fees to the wei, whatever comes and goes, and no dust is lost', async () => {
    type Step = { kind: 'fee' | 'stake' | 'unstake' | 'claim'; who: number; amount: bigint };
    const step: fc.Arbitrary<Step> = fc.record({
      kind: fc.constantFrom('fee', 'stake', 'unstake', 'claim'),
      who: fc.integer({ min: 0, max: 3 }),
      amount: fc.bigInt({ min: 1n, max: 10n ** 21n }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const small = createWorld((params) => {
          params.inference.vestingBlocks = 0;
        });
        const dataNet = await createDataNet(small, person(1));
        await contribute(small, person(1), person(2), dataNet, ['x']);
        const id = await registerModel(small, { ...who, dataNetIds: [dataNet] });
        const account = moduleNamed('model').address;
        const bond = small.balance(account);
        let given = 0n;
        let claimed = 0n;
        const stakes = [0n, 0n, 0n, 0n];
        for (const { kind, who: index, amount } of steps) {
          const from = person(20 + index);
          if (kind === 'stake') {
            small.give(from, amount);
            await small.must('model', 'stake', [id], { from, value: amount });
            stakes[index] = (stakes[index] as bigint) + amount;
          } else if (kind === 'unstake') {
            const take = amount < (stakes[index] as bigint) ? amount : (stakes[index] as bigint);
            if (take === 0n) continue;
            await small.must('model', 'unstake', [id, take], { from });
            stakes[index] = (stakes[index] as bigint) - take;
          } else if (kind === 'claim') {
            const outcome = await small.call('model', 'claim', [id], { from });
            if (outcome.ok) claimed += outcome.values[0] as bigint;
          } else if (stakes.some((stake) => stake > 0n)) {
            small.give(account, amount);
            giveToStakers(small.system(), id, amount);
            given += amount;
          }
          const total = stakes.reduce((a, b) => a + b, 0n);
          const rewards = [0, 1, 2, 3].map((i) => modelStake(small.view, 1, person(20 + i)).reward);
          const owed = rewards.reduce((a, b) => a + b, 0n);
          expect(model(small.view, 1)?.totalStake).toBe(total);
          expect(small.balance(account)).toBe(bond + total + given - claimed);
          // Everything is owed but fractions of a wei: four stakers and what waits for the next fee make less than five.
          expect(given - claimed - owed).toBeGreaterThanOrEqual(0n);
          expect(given - claimed - owed).toBeLessThanOrEqual(4n);
        }
      }),
      { seed, numRuns: 60 },
    );
  });
});

describe('the lineage of models', () => {
  it('C4: is flattened at registration: royalties of royalties', async () => {
    await registerModel(world, { ...who, dataNetIds: [net] });
    await registerModel(world, { ...who, dataNetIds: [net], parents: [1n], royaltiesBps: [5_000n] });
    await registerModel(world, {
      ...who,
      dataNetIds: [net],
      parents: [1n, 2n],
      royaltiesBps: [1_000n, 2_000n],
    });
    expect(model(world.view, 3)?.lineage).toEqual([
      { modelId: 1, parts: 200_000_000 },
      { modelId: 2, parts: 100_000_000 },
      { modelId: 3, parts: 700_000_000 },
    ]);
  });

  it('C4: royalties sum to at most 100 %, parents exist and ascend', async () => {
    await registerModel(world, { ...who, dataNetIds: [net] });
    await registerModel(world, { ...who, dataNetIds: [net] });
    const value = world.params.inference.minOperatorBond;
    world.give(person(1), value);
    for (const [parents, royaltiesBps, error] of [
      [[1n, 2n], [5_000n, 5_001n], { error: 'RoyaltiesTooHigh', args: [10_001n] }],
      [[1n], [], { error: 'RoyaltiesMismatch', args: [1n, 0n] }],
      [[2n, 1n], [1n, 1n], { error: 'NotAscending' }],
      [[3n], [1n], { error: 'UnknownModel', args: [3n] }],
      [Array(17).fill(1n), Array(17).fill(1n), { error: 'TooManyParents' }],
    ] as const)
      expect(
        await world.call(
          'model',
          'register',
          registerArguments({ ...who, dataNetIds: [net], parents, royaltiesBps }),
          { from: person(1), value },
        ),
      ).toMatchObject(error);
    await registerModel(world, {
      ...who,
      dataNetIds: [net],
      parents: [1n, 2n],
      royaltiesBps: [4_000n, 6_000n],
    });
    expect(model(world.view, 3)?.lineage).toEqual([
      { modelId: 1, parts: 400_000_000 },
      { modelId: 2, parts: 600_000_000 },
      { modelId: 3, parts: 0 },
    ]);
  });

  it('Conservation: parts of any lineage sum to a whole, and any amount splits by it to the wei', () => {
    const family = fc.array(
      fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 10_000 })), { maxLength: 4 }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(family, fc.bigInt({ min: 0n, max: 10n ** 30n }), (models, amount) => {
        const lineages: ReturnType<typeof flattenLineage>[] = [];
        models.forEach((wanted, index) => {
          let left = 10_000;
          const parents = new Map<number, number>();
          for (const [pick, royalty] of wanted) {
            if (index === 0) continue;
            const bps = Math.min(royalty, left);
            const parent = (pick % index) + 1;
            if (parents.has(parent)) continue;
            left -= bps;
            parents.set(parent, bps);
          }
          const lineage = flattenLineage(
            index + 1,
            [...parents].map(([modelId, royaltyBps]) => ({
              modelId,
              royaltyBps,
              lineage: lineages[modelId - 1] ?? [],
            })),
          );
          lineages.push(lineage);
          expect(lineage.reduce((sum, share) => sum + share.parts, 0)).toBe(WHOLE);
          const split = splitByLineage(index + 1, lineage, amount);
          expect(split.reduce((sum, share) => sum + share.amount, 0n)).toBe(amount);
          expect(split.every((share) => share.amount >= 0n)).toBe(true);
        });
      }),
      { seed, numRuns: 200 },
    );
  });
});
