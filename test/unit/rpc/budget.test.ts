import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../rpc/budget.ts';

function setUp(limit = 100, free = 10) {
  let time = 0;
  const cut: string[] = [];
  const budget = createBudget(limit, free, () => time);
  return {
    budget,
    cut,
    hold: (name: string) => budget.hold(() => cut.push(name)),
    pass: (ms: number) => {
      time += ms;
    },
  };
}

describe('what clients make the node hold', () => {
  it('counts beyond what is free, until it is released', () => {
    const { budget, hold } = setUp();
    const [small, large] = [hold('small'), hold('large')];
    small.set(10);
    large.set(60);
    large.set(50);
    expect(budget.bytes).toBe(50);
    large.release();
    large.set(70);
    expect(budget.bytes).toBe(0);
  });

  it('beyond the budget cuts who holds most, and never who holds little', () => {
    const { budget, hold, cut } = setUp();
    for (let i = 0; i < 100; i++) hold(`small ${i}`).set(10);
    hold('large').set(60);
    hold('last').set(45);
    expect(cut).toEqual(['large']);
    expect(budget.bytes).toBe(45);
  });

  it('beyond the budget cuts who has held it for longest: slow bodies, not quick ones', () => {
    const { hold, cut, pass } = setUp();
    const slow = hold('slow');
    slow.set(30);
    pass(5_000);
    // It comes in small pieces, and keeps its age.
    slow.set(31);
    hold('quick').set(80);
    expect(cut).toEqual(['slow']);
  });

  it('does not cut for its age who was busy all day with little', () => {
    const { hold, cut, pass } = setUp();
    hold('busy').set(11);
    pass(3_600_000);
    hold('greedy').set(80);
    pass(5_000);
    hold('new').set(20);
    expect(cut).toEqual(['greedy']);
  });

  it('leaves one alone, however much it holds', () => {
    const { hold, cut } = setUp();
    hold('only').set(1_000);
    expect(cut).toEqual([]);
  });

  it('tells each only once, and nothing that it says later counts', () => {
    const { budget, hold, cut } = setUp();
    const first = hold('first');
    first.set(90);
    hold('second').set(80);
    first.set(500);
    first.set(0);
    expect(cut).toEqual(['first']);
    expect(budget.bytes).toBe(80);
  });

  it('is never exceeded by more than one, and its sum is right, whatever they do', () => {
    const steps = fc.array(fc.tuple(fc.nat(7), fc.nat(120), fc.nat(20_000), fc.boolean()), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (all) => {
        const { budget, hold, pass, cut } = setUp();
        const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
        const holds = names.map(hold);
        const held = new Map<string, number>();
        for (const [who, bytes, ms, ends] of all) {
          pass(ms);
          const name = names[who] ?? '';
          if (ends) holds[who]?.release();
          else holds[who]?.set(bytes);
          if (ends) held.set(name, Number.NaN);
          else if (!Number.isNaN(held.get(name) ?? 0)) held.set(name, bytes > 10 ? bytes : 0);
          for (const gone of cut) held.set(gone, Number.NaN);
          const counted = [...held.values()].filter((value) => value > 0);
          expect(budget.bytes).toBe(counted.reduce((sum, value) => sum + value, 0));
          if (counted.length > 1) expect(budget.bytes).toBeLessThanOrEqual(100);
        }
        expect(new Set(cut).size).toBe(cut.length);
      }),
    );
  });
});
