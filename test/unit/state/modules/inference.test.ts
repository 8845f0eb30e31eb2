import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TopLevelCall } from '../../../../state/modules/context.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { INFERENCE_RECORDS } from '../../../../state/modules/inference/storage.ts';
import { inferenceInterface } from '../../../../state/modules/interfaces.ts';
import { MAX_PINNED_ENTRIES } from '../../../../state/modules/limits.ts';
import {
  attributionJob,
  inference,
  inferences,
  model,
  modelStake,
  requestHash,
  rewards,
  sequence,
  totalOwed,
} from '../../../../state/modules/views.ts';
import { type AttributionJob, Fault, type Hex } from '../../../../state/types.ts';
import { ask, contribute, createDataNet, creditAs, registerModel } from './story.ts';
import { createWorld, moduleNamed, OPEN, person, salt, type World } from './world.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
const [owner, homer, virgil, operator, beneficiary, asker, staker] = [1, 2, 3, 4, 5, 6, 7].map(person) as [
  Hex,
  Hex,
  Hex,
  Hex,
  Hex,
  Hex,
  Hex,
];
const answer = 'Sing, goddess, the wrath of Achilles';
const answerBytes = new TextEncoder().encode(answer);
const TOKENS = 8n;
const FEE = 1_000n + 10n * TOKENS;

let world: World;
let net: bigint;
let modelId: bigint;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner);
  await contribute(world, owner, homer, net, ['sing goddess']);
  await contribute(world, owner, virgil, net, ['arms and the man']);
  modelId = await registerModel(world, { owner, operator, beneficiary, dataNetIds: [net] });
  world.setAttribution(
    creditAs([
      { contributor: homer, parts: 600_000_000 },
      { contributor: virgil, parts: 150_000_000 },
    ]),
  );
});

const balanceOf = (name: string): bigint => world.balance(moduleNamed(name).address);

/** Hash that the honest operator posts. */
function rightHash(id: Hex): Hex {
  const job = attributionJob(world.view, id, answerBytes) as AttributionJob;
  return creditAs([
    { contributor: homer, parts: 600_000_000 },
    { contributor: virgil, parts: 150_000_000 },
  ])(job).recordHash;
}

describe('a request', () => {
  it('C1: pins all that attribution and price depend on, in one record whose hash is provable', async () => {
    const id = await ask(world, asker, modelId);
    const before = inference(world.view, id);
    await contribute(world, owner, homer, net, ['more']);
    await world.must('model', 'repin', [modelId, [net]], { from: owner });
    await world.must('model', 'setPrice', [modelId, 9n, 9n], { from: owner });
    await world.must('model', 'setOperator', [modelId, person(40), person(41)], { from: owner });
    expect(inference(world.view, id)).toEqual(before);
    expect(before).toMatchObject({
      status: 'open',
      modelVersion: 1,
      operator,
      maxOutputTokens: 64,
      basePrice: 1_000n,
      pricePerToken: 10n,
      escrow: 10_000n,
      expiryBlock: 1 + world.params.inference.expiryBlocks,
      promptHash: keccakHex(new TextEncoder().encode('Sing, goddess')),
      snapshots: [{ dataNetId: 1, length: 2 }],
    });
    const job = attributionJob(world.view, id, answerBytes) as AttributionJob;
    expect(job.requestHash).toBe(requestHash(world.view, id));
    expect(job.sequence()).toEqual(sequence(world.view, 1, 0, 2));
    // The hash is the value of one slot of the record account, and the body behind it begins with the slot's key.
    const body = world.view.body(job.requestHash);
    expect(keccakHex(body as Uint8Array)).toBe(job.requestHash);
    expect(world.view.storage(INFERENCE_RECORDS, (body as Uint8Array).slice(0, 32))).toEqual(
      Uint8Array.from(Buffer.from(job.requestHash.slice(2), 'hex')),
    );
  });

  it('is refused without enough escrow, bond, prompt or within limits', async () => {
    world.give(asker, 1_000_000n);
    const { maxPromptBytes, maxOutputTokens } = world.params.attribution;
    for (const [args, value, error] of [
      [[modelId, 'x', 10n], 1_099n, { error: 'EscrowTooLow', args: [1_099n, 1_100n] }],
      [[modelId, '', 10n], 5_000n, { error: 'EmptyPrompt' }],
      [[modelId, 'x'.repeat(maxPromptBytes + 1), 10n], 5_000n, { error: 'PromptTooLarge' }],
      [[modelId, 'x', 0n], 5_000n, { error: 'OutputLimitOutOfRange' }],
      [[modelId, 'x', BigInt(maxOutputTokens + 1)], 900_000n, { error: 'OutputLimitOutOfRange' }],
      [[99n, 'x', 10n], 5_000n, { error: 'UnknownModel' }],
    ] as const)
      expect(await world.call('inference', 'request', args, { from: asker, value })).toMatchObject(error);
    await world.must('model', 'retire', [modelId], { from: owner });
    expect(
      await world.call('inference', 'request', [modelId, 'x', 10n], { from: asker, value: 5_000n }),
    ).toMatchObject({ error: 'ModelRetired' });
    expect(world.balance(asker)).toBe(1_000_000n);
  });

  it('returns its escrow after its expiry, by anybody, once', async () => {
    const id = await ask(world, asker, modelId);
    world.block.number += world.params.inference.expiryBlocks;
    expect(await world.call('inference', 'expire', [id], { from: staker })).toMatchObject({
      error: 'NotExpired',
    });
    world.block.number++;
    await world.must('inference', 'expire', [id], { from: staker });
    expect(world.balance(asker)).toBe(10_000n);
    expect(balanceOf('inference')).toBe(0n);
    expect(await world.call('inference', 'expire', [id], { from: staker })).toMatchObject({
      error: 'AlreadySettled',
    });
    expect(
      await world.call('inference', 'settle', [id, answer, rightHash(id)], { from: operator }),
    ).toMatchObject({ error: 'RequestExpired' });
    expect(model(world.view, 1)?.openRequests).toBe(0);
  });

  it('has an id of its own on every chain and for every question', async () => {
    const ids = [await ask(world, asker, modelId), await ask(world, asker, modelId)];
    expect(new Set(ids).size).toBe(2);
    expect(inferences(world.view, 1, 10).items.map((found) => found.id)).toEqual(ids);
    expect(inferences(world.view, 1, 1)).toMatchObject({ next: 2 });
    expect(inferences(world.view, 1, 10, { asker: homer })).toEqual({ items: [], next: undefined });
  });
});

describe('a settlement', () => {
  it('pays everybody to the wei and stores answer and attribution', async () => {
    world.give(staker, 64n);
    await world.must('model', 'stake', [modelId], { from: staker, value: 64n });
    const id = await ask(world, asker, modelId);
    const supply = world.supply();
    const hash = rightHash(id);
    const { values, events } = await world.must('inference', 'settle', [id, answer, hash], {
      from: operator,
    });
    expect(values).toEqual([true]);
    expect(world.supply()).toBe(supply);
    const pool = FEE / 2n;
    const toHomer = (pool * 6n) / 10n;
    const toVirgil = (pool * 15n) / 100n;
    expect(rewards(world.view, homer, 1)).toMatchObject({ claimable: 0n, pending: toHomer });
    expect(rewards(world.view, virgil, 1).pending).toBe(toVirgil);
    expect(rewards(world.view, beneficiary, 1).claimable).toBe(FEE / 5n);
    expect(modelStake(world.view, 1, staker).reward).toBe(FEE / 5n);
    expect(world.balance(asker)).toBe(10_000n - FEE);
    expect(world.balance(world.params.treasury)).toBe(FEE / 10n + (pool - toHomer - toVirgil));
    expect(balanceOf('inference')).toBe(0n);
    expect(model(world.view, 1)?.openRequests).toBe(0);
    expect(balanceOf('reward')).toBe(totalOwed(world.view));
    const names = events.map((event) => event.name);
    expect(names[0]).toBe('Settled');
    expect(events[0]?.named).toMatchObject({ fee: FEE, outputTokens: TOKENS, uncoveredParts: 250_000_000n });
    const paid = events.filter((event) => event.name === 'Paid');
    expect(paid.reduce((sum, event) => sum + (event.named['amount'] as bigint), 0n)).toBe(10_000n);
    expect(inference(world.view, id)).toMatchObject({
      status: 'settled',
      output: answer,
      fee: FEE,
      outputTokens: Number(TOKENS),
      attributionHash: hash,
      attribution: { coverage: 750_000_000, uncovered: 250_000_000 },
    });
  });

  it('C2: failed preconditions revert and touch nothing', async () => {
    const id = await ask(world, asker, modelId);
    const hash = rightHash(id);
    const before = world.digest();
    const settle = (args: readonly unknown[], from: Hex, topLevel = true) =>
      world.call('inference', 'settle', args, { from, topLevel });
    expect(await settle([id, answer, hash], asker)).toMatchObject({ error: 'NotOperator', args: [asker] });
    expect(await settle([salt(1), answer, hash], operator)).toMatchObject({ error: 'UnknownRequest' });
    expect(await settle([id, '', hash], operator)).toMatchObject({ error: 'EmptyOutput' });
    expect(await settle([id, ' \n ', hash], operator)).toMatchObject({ error: 'EmptyOutput' });
    expect(await settle([id, 'x '.repeat(65), hash], operator)).toMatchObject({
      error: 'OutputTooLong',
      args: [65n, 64n],
    });
    expect(await settle([id, 'x'.repeat(16_385), hash], operator)).toMatchObject({ error: 'OutputTooLarge' });
    world.block.number += world.params.inference.expiryBlocks + 1;
    expect(await settle([id, answer, hash], operator)).toMatchObject({ error: 'RequestExpired' });
    expect(world.digest()).toBe(before);
    expect(world.portCalls.attribute).toBe(0);
  });

  it('C2: runs only at the top level', async () => {
    const id = await ask(world, asker, modelId);
    expect(
      await world.call('inference', 'settle', [id, answer, rightHash(id)], {
        from: operator,
        topLevel: false,
      }),
    ).toMatchObject({ error: 'NotTopLevel' });
    expect(world.portCalls.attribute).toBe(0);
  });

  it('C2: a wrong hash is an outcome: escrow back, bond slashed, request closed', async () => {
    const id = await ask(world, asker, modelId);
    const bond = model(world.view, 1)?.bond as bigint;
    const supply = world.supply();
    const { values, events } = await world.must('inference', 'settle', [id, answer, salt(9)], {
      from: operator,
    });
    expect(values).toEqual([false]);
    expect(events.map((event) => event.name)).toEqual(['BondSlashed', 'SettlementRejected']);
    expect(events[1]?.named).toEqual({ requestId: id, expected: rightHash(id), posted: salt(9) });
    const penalty = FEE * world.params.inference.slashFeeMultiple;
    expect(model(world.view, 1)).toMatchObject({ bond: bond - penalty, openRequests: 0 });
    expect(world.balance(world.params.treasury)).toBe(penalty);
    expect(world.balance(asker)).toBe(10_000n);
    expect(world.supply()).toBe(supply);
    expect(inference(world.view, id)).toMatchObject({ status: 'rejected', output: undefined, fee: 0n });
    expect(
      await world.call('inference', 'settle', [id, answer, rightHash(id)], { from: operator }),
    ).toMatchObject({ error: 'AlreadySettled' });
    // Below the least bond nobody can ask until it is filled up again.
    world.give(asker, 10_000n);
    expect(
      await world.call('inference', 'request', [modelId, 'x', 1n], { from: asker, value: 10_000n }),
    ).toMatchObject({ error: 'BondTooLow' });
    world.give(person(50), penalty);
    await world.must('model', 'addBond', [modelId], { from: person(50), value: penalty });
    await world.must('inference', 'request', [modelId, 'x', 1n], { from: asker, value: 10_000n });
  });

  it('B6: settles once', async () => {
    const id = await ask(world, asker, modelId);
    await world.must('inference', 'settle', [id, answer, rightHash(id)], { from: operator });
    expect(
      await world.call('inference', 'settle', [id, answer, rightHash(id)], { from: operator }),
    ).toMatchObject({ error: 'AlreadySettled' });
  });

  it('C3: owner, operator, beneficiary and where they send rewards are told to attribution as ineligible', async () => {
    await world.must('reward', 'setBeneficiary', [person(60)], { from: owner });
    const id = await ask(world, asker, modelId);
    const job = attributionJob(world.view, id, answerBytes) as AttributionJob;
    expect(job.ineligible).toEqual([owner, operator, beneficiary, person(60)].sort());
  });

  it('C3: a contributor whose rewards go to somebody related earns nothing; the part goes to the treasury', async () => {
    await world.must('reward', 'setBeneficiary', [operator], { from: virgil });
    const id = await ask(world, asker, modelId);
    await world.must('inference', 'settle', [id, answer, rightHash(id)], { from: operator });
    expect(rewards(world.view, virgil, 1)).toMatchObject({ claimable: 0n, pending: 0n });
    expect(rewards(world.view, homer, 1).pending).toBeGreaterThan(0n);
    expect(balanceOf('reward')).toBe(totalOwed(world.view));
  });

  it('C4: zero coverage gives an empty vector; without stakers their part goes to the treasury', async () => {
    world.setAttribution(creditAs([]));
    const id = await ask(world, asker, modelId);
    const job = attributionJob(world.view, id, answerBytes) as AttributionJob;
    await world.must('inference', 'settle', [id, answer, creditAs([])(job).recordHash], { from: operator });
    expect(world.balance(world.params.treasury)).toBe(FEE - FEE / 5n);
    expect(inference(world.view, id)?.attribution).toMatchObject({ coverage: 0, credits: [] });
  });

  it('C4: the model’s share runs up the lineage', async () => {
    const child = await registerModel(world, {
      owner: person(70),
      operator,
      beneficiary: person(71),
      dataNetIds: [net],
      parents: [modelId],
      royaltiesBps: [2_500n],
    });
    const id = await ask(world, asker, child);
    await world.must('inference', 'settle', [id, answer, rightHash(id)], { from: operator });
    const share = FEE / 5n;
    expect(rewards(world.view, beneficiary, 1).claimable).toBe(share / 4n);
    expect(rewards(world.view, person(71), 1).claimable).toBe(share - share / 4n);
  });

  it('B2: credits that do not sum, or another count of tokens, are a fault of this machine, never a receipt', async () => {
    const id = await ask(world, asker, modelId);
    const engine = creditAs([{ contributor: homer, parts: 500_000_000 }]);
    for (const broken of [
      { uncovered: 1 },
      { outputTokens: 3 },
      {
        credits: Array.from({ length: 65 }, (_, i) => ({ contributor: person(i), parts: 1 })),
        uncovered: 999_999_935,
      },
    ]) {
      world.setAttribution((job) => ({ ...engine(job), ...broken }));
      await expect(
        world.call('inference', 'settle', [id, answer, salt(1)], { from: operator }),
      ).rejects.toBeInstanceOf(Fault);
    }
  });

  it('E2: pays for attribution before it is asked for, from the sizes of answer and prompt', async () => {
    const id = await ask(world, asker, modelId);
    const long = 'word '.repeat(60);
    const units = inferenceUnits(id, long);
    // The request allows 64 tokens, so at most 64 · lmax phrases at four units beside the bytes.
    expect(units).toBe(79 + 4 * 64 * 16);
    expect(inferenceUnits(id, 'four')).toBe(5 + 4 * 4 * 4);
    await expect(
      world.call('inference', 'settle', [id, long, salt(1)], { from: operator, gas: BigInt(units) * 100n }),
    ).rejects.toThrow(/gas/);
    expect(world.portCalls.attribute).toBe(0);
  });

  it('B6: only settlements use attribution units', () => {
    const request = inferenceInterface.encodeCall('request', [1n, 'long prompt', 4n]);
    expect(unitsOf('inference', { calldata: request })).toBe(0);
    expect(unitsOf('inference', { calldata: new Uint8Array(3) })).toBe(0);
    expect(unitsOf('datanet', { calldata: request })).toBe(0);
  });

  it('B6: who will be refused before the attribution takes nothing of the block’s budget', async () => {
    const id = await ask(world, asker, modelId);
    const right = inferenceUnits(id, answer);
    expect(right).toBeGreaterThan(0);
    expect(inferenceUnits(id, answer, { caller: asker })).toBe(0);
    expect(inferenceUnits(salt(3), answer)).toBe(0);
    expect(inferenceUnits(id, answer, { value: 1n })).toBe(0);
    expect(inferenceUnits(id, '')).toBe(0);
    expect(inferenceUnits(id, 'x'.repeat(world.params.attribution.maxOutputBytes + 1))).toBe(0);
    // Each unit costs gas before any is used: who does not bring it runs out first.
    expect(inferenceUnits(id, answer, { gasLimit: BigInt(right) * 100n - 1n })).toBe(0);
    expect(inferenceUnits(id, answer, { gasLimit: BigInt(right) * 100n })).toBe(right);
    const { expiryBlock } = inference(world.view, id)!;
    expect(inferenceUnits(id, answer, { blockNumber: expiryBlock })).toBe(right);
    expect(inferenceUnits(id, answer, { blockNumber: expiryBlock + 1 })).toBe(0);
    await world.must('inference', 'settle', [id, answer, rightHash(id)], { from: operator });
    expect(inferenceUnits(id, answer)).toBe(0);
  });

  it('fits into one transaction at its largest: longest prompt and answer, 64 contributors, 128 ancestors, all pins', async () => {
    const crowd = Array.from({ length: 64 }, (_, i) => ({
      contributor: keccakHex(Uint8Array.of(i)).slice(0, 42) as Hex,
      parts: 15_000_000,
    }));
    world.setAttribution(creditAs(crowd));
    world.give(staker, 50n);
    let last = modelId;
    for (let i = 0; i < 128; i++)
      last = await registerModel(world, {
        owner,
        operator,
        beneficiary: keccakHex(Uint8Array.of(i, 1)).slice(0, 42) as Hex,
        dataNetIds: [net],
        parents: [last],
        royaltiesBps: [9_500n],
        basePrice: OPEN,
      });
    await world.must('model', 'stake', [last], { from: staker, value: 50n });
    const { maxPromptBytes } = world.params.attribution;
    const id = await ask(world, asker, last, 2n * OPEN, 512n, 'x'.repeat(maxPromptBytes));
    const output = `${'x'.repeat(31)} `.repeat(512);
    // Calldata without a zero byte, and 250 gas for each contribution that a model may pin.
    const available = (1n << 24n) - 21_000n - 16n * 16_500n - 250n * BigInt(MAX_PINNED_ENTRIES);
    const job = attributionJob(world.view, id, new TextEncoder().encode(output)) as AttributionJob;
    const { gas, events } = await world.must(
      'inference',
      'settle',
      [id, output, creditAs(crowd)(job).recordHash],
      { from: operator, gas: available },
    );
    expect(events.filter((event) => event.name === 'Paid').length).toBeGreaterThan(180);
    expect(gas).toBeGreaterThan(5_000_000n);
    expect(balanceOf('reward')).toBe(totalOwed(world.view));
  }, 120_000);

  it('Conservation: over 1,000 random settlements no wei is made or lost, and the reward account holds what it owes', async () => {
    const people = Array.from({ length: 6 }, (_, i) => person(80 + i));
    const settlement = fc.record({
      weights: fc.array(fc.nat({ max: 100 }), { minLength: 6, maxLength: 6 }),
      uncovered: fc.nat({ max: 100 }),
      words: fc.integer({ min: 1, max: 60 }),
      base: fc.bigInt({ min: 0n, max: 10n ** 20n }),
      perToken: fc.bigInt({ min: 0n, max: 10n ** 18n }),
      extra: fc.bigInt({ min: 0n, max: 10n ** 18n }),
      wrong: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      blocks: fc.nat({ max: 30 }),
      claims: fc.nat({ max: 7 }),
      stake: fc.bigInt({ min: 0n, max: 1_000n }),
    });
    let settled = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(settlement, { minLength: 25, maxLength: 25 }), async (list) => {
        world = createWorld((params) => {
          params.inference.vestingBlocks = 40;
        });
        net = await createDataNet(world, owner);
        await contribute(world, owner, homer, net, ['sing goddess']);
        modelId = await registerModel(world, { owner, operator, beneficiary, dataNetIds: [net] });
        const outside = [owner, operator, beneficiary, asker, staker, homer, ...people];
        for (const step of list) {
          world.give(owner, 10n ** 24n);
          await world.must('model', 'addBond', [modelId], { from: owner, value: 10n ** 24n });
          await world.must('model', 'setPrice', [modelId, step.base, step.perToken], { from: owner });
          if (step.stake > 0n) {
            world.give(staker, step.stake);
            await world.must('model', 'stake', [modelId], { from: staker, value: step.stake });
          }
          const credits = share(step.weights, step.uncovered, people);
          world.setAttribution(creditAs(credits));
          const escrow = step.base + 64n * step.perToken + step.extra;
          const id = await ask(world, asker, modelId, escrow);
          const output = Array(step.words).fill('word').join(' ');
          const job = attributionJob(world.view, id, new TextEncoder().encode(output)) as AttributionJob;
          const hash = step.wrong ? salt(1) : creditAs(credits)(job).recordHash;
          const supply = world.supply();
          await world.must('inference', 'settle', [id, output, hash], { from: operator });
          settled++;
          world.block.number += step.blocks;
          const claimer = step.claims === 7 ? beneficiary : (people[step.claims] ?? homer);
          await world.call('reward', 'claim', [], { from: claimer });
          expect(world.supply()).toBe(supply);
          expect(balanceOf('inference')).toBe(0n);
          expect(balanceOf('reward')).toBe(totalOwed(world.view));
          const owed = outside.reduce((sum, account) => {
            const { claimable, pending } = rewards(world.view, account, world.block.number);
            return sum + claimable + pending;
          }, 0n);
          expect(owed).toBe(totalOwed(world.view));
        }
        // In the end everything can be claimed.
        world.block.number += 100;
        for (const account of outside) await world.call('reward', 'claim', [], { from: account });
        expect(balanceOf('reward')).toBe(0n);
        expect(totalOwed(world.view)).toBe(0n);
      }),
      { seed, numRuns: 40 },
    );
    expect(settled).toBeGreaterThanOrEqual(1_000);
  }, 300_000);
});

function unitsOf(module: 'inference' | 'datanet', call: Partial<TopLevelCall>): number {
  return moduleNamed(module).attributionUnits(
    {
      params: world.params,
      calldata: new Uint8Array(0),
      caller: operator,
      value: 0n,
      gasLimit: 1n << 24n,
      blockNumber: world.block.number,
      ...call,
    },
    world.view,
  );
}

function inferenceUnits(id: Hex, output: string, call: Partial<TopLevelCall> = {}): number {
  const calldata = inferenceInterface.encodeCall('settle', [id, output, salt(1)]);
  return unitsOf('inference', { calldata, ...call });
}

function share(weights: readonly number[], uncovered: number, people: readonly Hex[]) {
  const total = weights.reduce((a, b) => a + b, uncovered);
  if (total === 0) return [];
  return weights
    .map((weight, i) => ({ contributor: people[i] as Hex, parts: Math.floor((weight / total) * 1e9) }))
    .filter((credit) => credit.parts > 0);
}
