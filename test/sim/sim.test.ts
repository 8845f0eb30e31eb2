import { describe, expect, it } from 'vitest';
import { BRANCHES } from '../../consensus/state-machine/state.ts';
import { INVARIANTS } from './invariants.ts';
import {
  BEHAVIOURS,
  drawOptions,
  drawRealOptions,
  drawTwinsCase,
  type SimMode,
  type SimOptions,
} from './options.ts';
import { createRealKit } from './real-kit.ts';
import { type SimResult, type SimSettings, SKIP, simulate } from './simulate.ts';

const FROM = Number(process.env.SIM_FROM ?? 1);
const SEEDS = Number(process.env.SIM_SEEDS ?? 400);

/** The result, with a sentence about what went wrong and how to see it again. */
async function run(
  options: SimOptions,
  mode: SimMode = 'fast',
  settings: SimSettings = {},
): Promise<SimResult & { failure: string[] }> {
  const result = await simulate(options, settings);
  const flag = mode === 'fast' ? '' : ` --${mode}`;
  const failure = result.passed
    ? []
    : [
        `seed ${options.seed}: ${result.problems.join(' | ')}\n  replay: npm run sim --${flag} --seed ${options.seed}\n  options: ${JSON.stringify(options)}`,
      ];
  return { ...result, failure };
}

describe('a network in a storm', () => {
  it(`agrees and moves on, for ${SEEDS} seeds from ${FROM}`, async () => {
    const failed: string[] = [];
    const lines = new Set<string>();
    const seen = new Set<string>();
    let accused = 0;
    let changedSets = 0;
    for (let seed = FROM; seed < FROM + SEEDS; seed++) {
      const options = drawOptions(seed);
      const result = await run(options);
      failed.push(...result.failure);
      for (const line of result.lines) lines.add(line);
      for (const one of [options.validators, options.fault, ...options.behaviours]) seen.add(String(one));
      accused += result.accused;
      if (options.setChangeEvery > 0 && result.height > options.setChangeEvery) changedSets++;
    }
    expect(failed).toEqual([]);
    if (SEEDS < 400) return;
    // The seeds are worth something: every size, fault and lie, equivocation that is caught, and changing sets.
    const faults = ['none', 'dead', 'twins', 'byzantine', 'lost', 'rotten'];
    expect([...seen].sort()).toEqual(['1', '4', '7', '10', ...faults, ...BEHAVIOURS].sort());
    expect([...BRANCHES, SKIP].filter((line) => !lines.has(line) && line !== RARE)).toEqual([]);
    expect(accused).toBeGreaterThan(0);
    expect(changedSets).toBeGreaterThan(0);
  });

  it('agrees with two processes under one key, on two sides of partitions', async () => {
    const failed: string[] = [];
    let accused = 0;
    for (let number = 1; number <= 24; number++) {
      const result = await run(drawTwinsCase(number), 'twins');
      failed.push(...result.failure);
      accused += result.accused;
    }
    expect(failed).toEqual([]);
    expect(accused).toBeGreaterThan(0);
  });

  it('agrees with real signatures and the real EVM', async () => {
    for (const seed of [1, 2]) {
      const result = await run(drawRealOptions(seed), 'real', { createKit: createRealKit });
      expect(result.failure).toEqual([]);
      expect(result.height).toBeGreaterThan(2);
    }
  });

  it('survives a crash at each of the first 160 effects of a node', async () => {
    const calm: SimOptions = {
      ...drawOptions(1),
      validators: 4,
      fullNodes: 0,
      powers: [10, 10, 10, 10],
      fault: 'none',
      faulty: [],
      behaviours: [],
      stormMs: 600,
      lossChance: 0,
      duplicateChance: 0,
      delayMs: [1, 5],
      stragglerChance: 0,
      partitionEveryMs: 0,
      clogEveryMs: 0,
      crashEveryMs: 0,
      pauseEveryMs: 0,
      diskErrorEveryMs: 0,
      clockSkewMs: 0,
      unknownChance: 0,
      executeMs: 2,
      downMs: 300,
      transactionEveryMs: 40,
      setChangeEvery: 0,
      calmDelayMs: 10,
    };
    const failed: string[] = [];
    for (let effect = 1; effect <= 160; effect++) {
      const result = await simulate(calm, { crashAtEffect: effect });
      if (!result.passed) failed.push(`effect ${effect}: ${result.problems.join(' | ')}`);
    }
    expect(failed).toEqual([]);
  });

  it('runs the same seed to the same digest, and another seed to another', async () => {
    const digests = new Set<string>();
    for (const seed of [3, 11, 17, 34, 288, 1327]) {
      const first = await simulate(drawOptions(seed));
      const second = await simulate(drawOptions(seed));
      expect(second.digest).toBe(first.digest);
      expect(second.events).toBe(first.events);
      digests.add(first.digest);
    }
    expect(digests.size).toBe(6);
  });

  it('has a name for everything that must hold', () => {
    expect(Object.keys(INVARIANTS).length).toBeGreaterThanOrEqual(16);
  });
});

/** A lock against a polka that is older than it takes a liar or much bad luck; the scenarios reach it every time. */
const RARE = 'L32 prevote nil against lock';
