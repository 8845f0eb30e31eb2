/**
 * The simulator must find what it is there for. Each canary is a mistake that real chains have made; a simulator
 * that passes one of them would be worth nothing. The mistakes live here, not in the product: a module is replaced
 * while the network is loaded, or the disk lies.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { MachineEvent, MachineState, Transition } from '../../consensus/state-machine/state.ts';
import { drawOptions } from './options.ts';
import { type SimResult, type SimSettings, simulate } from './simulate.ts';

const MOST_SEEDS = 1_500;

type Simulate = (options: ReturnType<typeof drawOptions>, settings?: SimSettings) => Promise<SimResult>;

/** The first seed that notices, with what it says. */
async function firstCatch(
  run: Simulate,
  settings: SimSettings,
  problem: RegExp,
): Promise<string | undefined> {
  for (let seed = 1; seed <= MOST_SEEDS; seed++) {
    const { problems } = await run(drawOptions(seed), settings);
    const found = problems.find((one) => problem.test(one));
    if (found !== undefined) return `seed ${seed}: ${found}`;
  }
  return undefined;
}

type Step = (state: MachineState, event: MachineEvent) => Transition;

/** Loads the whole network anew with a broken transition function. */
async function withTransition(breakIt: (real: Step) => Step): Promise<Simulate> {
  vi.resetModules();
  vi.doMock('../../consensus/state-machine/transition.ts', async (load) => {
    const real = await load<{ transition: Step }>();
    return { transition: breakIt(real.transition) };
  });
  return (await import('./simulate.ts')).simulate;
}

afterEach(() => {
  vi.doUnmock('../../consensus/state-machine/transition.ts');
  vi.doUnmock('../../consensus/validator-set/set.ts');
  vi.resetModules();
});

describe('canaries', () => {
  it('a disk that forgets what it promised: the key signs twice', async () => {
    expect(await firstCatch(simulate, { lyingDisks: true }, /DOUBLE SIGN/)).toBeDefined();
  });

  it('a lock that is not consulted for fresh proposals (line 23)', async () => {
    const broken = await withTransition((real) => (state, event) => {
      if (event.kind !== 'proposal') return real(state, event);
      const { lockedRound, lockedValue } = state;
      const done = real({ ...state, lockedRound: -1, lockedValue: null }, event);
      return { ...done, state: { ...done.state, lockedRound, lockedValue } };
    });
    expect(await firstCatch(broken, {}, /LOCK BROKEN|DISAGREEMENT/)).toBeDefined();
  });

  it('a lock that is forgotten with the round', async () => {
    const broken = await withTransition((real) => (state, event) => {
      const forgets = event.kind === 'startRound' && event.round > state.round;
      return real(forgets ? { ...state, lockedRound: -1, lockedValue: null } : state, event);
    });
    expect(await firstCatch(broken, {}, /LOCK BROKEN|DISAGREEMENT/)).toBeDefined();
  });

  it('a lock that opens for an older polka (line 29)', async () => {
    const broken = await withTransition((real) => (state, event) => {
      if (event.kind !== 'proposalWithPolka') return real(state, event);
      const { lockedRound } = state;
      const done = real({ ...state, lockedRound: -1 }, event);
      return { ...done, state: { ...done.state, lockedRound } };
    });
    expect(await firstCatch(broken, {}, /LOCK BROKEN|DISAGREEMENT/)).toBeDefined();
  });

  it('half of the power taken for a quorum', async () => {
    vi.resetModules();
    vi.doMock('../../consensus/validator-set/set.ts', async (load) => ({
      ...(await load<object>()),
      isQuorum: (power: bigint, total: bigint) => 2n * power >= total,
    }));
    const { simulate: broken } = await import('./simulate.ts');
    expect(await firstCatch(broken, {}, /DISAGREEMENT|LIGHT CERTIFICATE|NO POLKA/)).toBeDefined();
  });
});
