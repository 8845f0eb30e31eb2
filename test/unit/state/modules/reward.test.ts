import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { accrue, REWARD_ADDRESS } from '../../../../state/modules/reward/storage.ts';
import { rewards, totalOwed } from '../../../../state/modules/views.ts';
import { createWorld, person, type World } from './world.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
const homer = person(2);
const VESTING = 100;
let world: World;
beforeEach(() => {
  world = createWorld((params) => {
    params.inference.vestingBlocks = VESTING;
  });
});

function earn(amount: bigint, vesting = true, account = homer): void {
  world.give(REWARD_ADDRESS, amount);
  accrue(world.system(), account, amount, vesting);
}

describe('rewards', () => {
  it('C3: vest for the vesting time, then can be claimed', async () => {
    earn(70n);
    world.block.number = VESTING;
    expect(await world.call('reward', 'claim', [], { from: homer })).toMatchObject({
      error: 'NothingToClaim',
    });
    world.block.number = VESTING + 1;
    const { values, events } = await world.must('reward', 'claim', [], { from: homer });
    expect(values).toEqual([70n]);
    expect(events).toEqual([{ name: 'Claimed', named: { account: homer, to: homer, amount: 70n } }]);
    expect(world.balance(homer)).toBe(70n);
    expect(totalOwed(world.view)).toBe(0n);
  });

  it('C3: every wei waits at least the vesting time and at most twice, in two buckets however many rewards come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 120 }), fc.bigInt({ min: 1n, max: 1_000n })), {
          minLength: 1,
          maxLength: 60,
        }),
        (list) => {
          world = createWorld((params) => {
            params.inference.vestingBlocks = VESTING;
          });
          const earned: { at: number; amount: bigint }[] = [];
          const sum = (until: number) =>
            earned.reduce((total, { at, amount }) => (at <= until ? total + amount : total), 0n);
          for (const [wait, amount] of list) {
            for (let i = 0; i < wait; i++) {
              world.block.number++;
              const now = world.block.number;
              const { claimable, pending } = rewards(world.view, homer, now);
              expect(claimable).toBeLessThanOrEqual(sum(now - VESTING));
              expect(claimable).toBeGreaterThanOrEqual(sum(now - 2 * VESTING));
              expect(claimable + pending).toBe(sum(now));
            }
            earn(amount);
            earned.push({ at: world.block.number, amount });
          }
        },
      ),
      { seed, numRuns: 100 },
    );
  });

  it('of model owners can be claimed at once', async () => {
    earn(5n, false);
    expect((await world.must('reward', 'claimable', [homer], { from: homer })).values).toEqual([5n]);
    expect((await world.must('reward', 'claim', [], { from: homer })).values).toEqual([5n]);
  });

  it('are paid to the beneficiary that the earner named', async () => {
    await world.must('reward', 'setBeneficiary', [person(9)], { from: homer });
    expect(await world.call('reward', 'setBeneficiary', [person(0)], { from: homer })).toMatchObject({
      error: 'ZeroAddress',
    });
    earn(5n, false);
    await world.must('reward', 'claim', [], { from: homer });
    expect(world.balance(person(9))).toBe(5n);
    expect(rewards(world.view, homer, 1).beneficiary).toBe(person(9));
  });

  it('Conservation: whatever is earned and claimed when, the account holds exactly what it owes', async () => {
    const step = fc.record({
      who: fc.integer({ min: 10, max: 14 }),
      amount: fc.bigInt({ min: 0n, max: 10n ** 24n }),
      vesting: fc.boolean(),
      wait: fc.nat({ max: 150 }),
      claim: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        world = createWorld((params) => {
          params.inference.vestingBlocks = VESTING;
        });
        for (const { who, amount, vesting, wait, claim } of steps) {
          const supply = world.supply();
          earn(amount, vesting, person(who));
          world.block.number += wait;
          if (claim) await world.call('reward', 'claim', [], { from: person(who) });
          expect(world.supply()).toBe(supply + amount);
          expect(world.balance(REWARD_ADDRESS)).toBe(totalOwed(world.view));
        }
      }),
      { seed, numRuns: 100 },
    );
  });
});
