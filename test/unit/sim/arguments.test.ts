import { describe, expect, it } from 'vitest';
import { readArguments } from '../../sim/arguments.ts';

const ask = (line: string) => readArguments(line.split(' ').filter((word) => word !== ''));
const modes = (line: string) => {
  const asked = ask(line);
  return asked.kind === 'ranges'
    ? asked.ranges.map(({ mode, from, to }) => `${mode} ${from}-${to}`)
    : asked.kind;
};

describe('the command line of the simulator', () => {
  it('runs a range with real signatures wherever --real stands', () => {
    expect(modes('--seeds 1..20 --real')).toEqual(['real 1-20']);
    expect(modes('--real --seeds 1..20')).toEqual(['real 1-20']);
  });

  it('runs both kinds where --real stands between two ranges', () => {
    expect(modes('--seeds 1..9 --twins 4 --real --seeds 5..6')).toEqual([
      'fast 1-9',
      'twins 1-4',
      'real 5-6',
    ]);
  });

  it('replays one seed in each mode', () => {
    expect(ask('--seed 7')).toEqual({ kind: 'replay', mode: 'fast', seed: 7 });
    expect(ask('--seed 7 --real')).toEqual({ kind: 'replay', mode: 'real', seed: 7 });
    expect(ask('--twins --seed 7')).toEqual({ kind: 'replay', mode: 'twins', seed: 7 });
  });

  it.each([
    '',
    '--seeds',
    '--seeds 5',
    '--seeds 5..4',
    '--seeds 1.5..3',
    '--seeds -1..3',
    '--seeds 1..9007199254740992',
    '--seed 3 --seeds 1..2',
    '--seed x',
    '--real',
    '--sedes 1..2',
  ])('says what is wrong with "%s"', (line) => {
    expect(ask(line)).toMatchObject({ kind: 'wrong', reason: expect.stringMatching(/./) });
  });
});
