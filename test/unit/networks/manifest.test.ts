import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateManifest } from '../../networks/generate.ts';
import {
  ManifestError,
  type Perturbation,
  parseManifest,
  serialiseManifest,
} from '../../networks/manifest.ts';

const folder = join(import.meta.dirname, '..', '..', 'networks', 'manifests');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.json'),
);
const whole = {
  name: 'a story',
  validators: 4,
  fullNodes: 1,
  snapshotInterval: 10,
  load: { senders: 1, inFlight: 1 },
  perturbations: [{ kind: 'kill', node: 'validator-0', blocks: 3 }],
};
const problem = (change: object): string => {
  try {
    parseManifest(JSON.stringify({ ...whole, ...change }));
  } catch (error) {
    if (error instanceof ManifestError) return error.message;
    throw error;
  }
  return 'none';
};
const story = (...perturbations: object[]) => problem({ perturbations });

describe('a manifest', () => {
  it('of this folder is whole', () => {
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files)
      expect(parseManifest(readFileSync(join(folder, file), 'utf8')).name).not.toBe('');
  });

  it('names the place of what is wrong', () => {
    expect(problem({})).toBe('none');
    expect(problem({ validators: 0 })).toMatch(/^validators: a whole number from 1 to/);
    expect(problem({ validator: 4 })).toMatch(/^manifest: unknown field "validator"; there are name,/);
    expect(problem({ load: [] })).toMatch(/^load: an object/);
    expect(problem({ load: { senders: 1, inFlight: 1, rate: 2 } })).toMatch(/^load: unknown field "rate"/);
    expect(problem({ load: { senders: 1, inFlight: 1, kinds: ['spam'] } })).toMatch(
      /^load\.kinds\[0\]: one of transfer, contract, native/,
    );
    expect(problem({ name: 'two\nlines' })).toMatch(/^name: a text of 1 to 120 characters, in one line/);
    expect(problem({ powers: [1, 2] })).toMatch(/^powers: a list of 4/);
    expect(problem({ powers: [1, 1, 1, 1e9] })).toMatch(/^powers\[3\]: a whole number from 1 to/);
    expect(story([])).toMatch(/^perturbations\[0\]: a list of 1 to/);
    expect(story([[]])).toMatch(/^perturbations\[0\]\[0\]: an object/);
    expect(problem({ perturbations: [] })).toMatch(/^perturbations: a list of 1 to/);
    expect(story({ kind: 'explode', node: 'full-0' })).toMatch(
      /^perturbations\[0\]\.kind: there is no perturbation "explode"; there are kill, restart, /,
    );
    expect(story({ kind: 'kill', node: 'full-0', blocks: 1.5 })).toMatch(/^perturbations\[0\]\.blocks/);
    expect(story({ kind: 'disconnect', node: 'full-0', blocks: 1, how: 'slowly' })).toMatch(
      /^perturbations\[0\]\.how: one of cut, silence/,
    );
    expect(() => parseManifest('{')).toThrow(/^not JSON/);
    expect(() => parseManifest('{"__proto__": 1}')).toThrow(/^manifest: unknown field "__proto__"/);
  });

  it('tells no story that cannot happen', () => {
    const kill = (node: string, blocks = 2) => ({ kind: 'kill', node, blocks });
    expect(story(kill('validator-4'))).toMatch(/no such node at this time; there are validator-0, .*full-0$/);
    expect(story(kill('full-0'), { kind: 'start', node: 'full-0', from: 'blocks' })).toMatch(/no such node/);
    expect(story({ kind: 'start', node: 'validator-1', from: 'blocks' })).toMatch(
      /only one of the full nodes/,
    );
    expect(story({ kind: 'leave', node: 'full-0' })).toMatch(/is no validator/);
    expect(story({ kind: 'join', node: 'validator-1' })).toMatch(/is a validator already/);
    expect(story({ kind: 'torn-log', node: 'full-0', blocks: 1 })).toMatch(/has no consensus log/);
    expect(story({ kind: 'pause', node: 'full-0', blocks: 0 })).toMatch(/lasts for 0 blocks/);
    const lost = (node: string, signs?: string) => ({ kind: 'lost-disk', node, blocks: 0, signs });
    expect(story(lost('validator-0'))).toMatch(/takes signs: one of record, flag/);
    expect(story(lost('full-0', 'record'))).toMatch(/takes no signs/);
    expect(story([kill('full-0'), { kind: 'pause', node: 'full-0', blocks: 1 }])).toMatch(/twice at a time/);
    expect(
      story({ kind: 'equivocate', node: 'validator-0' }, { kind: 'leave', node: 'validator-0' }),
    ).toMatch(/is no validator/);
  });

  it('leaves a quorum to wait for', () => {
    const leave = { kind: 'leave', node: 'validator-3' };
    const kill = (blocks: number) => ({ kind: 'kill', node: 'validator-0', blocks });
    expect(story(leave, kill(1))).toMatch(/the power that is left, 2 of 3, cannot make blocks/);
    expect(story(leave, kill(0))).toBe('none');
    expect(story([leave, kill(1)])).toMatch(/2 of 3/);
    expect(story([kill(1), { kind: 'pause', node: 'validator-1', blocks: 1 }])).toMatch(/2 of 4/);
    expect(problem({ powers: [2, 1, 1, 1], perturbations: [kill(1)] })).toMatch(/3 of 5/);
    expect(problem({ powers: [1, 1, 1, 3], perturbations: [kill(1)] })).toBe('none');
    expect(problem({ powers: [1, 1, 1, 3], perturbations: [leave, kill(1)] })).toMatch(/2 of 3/);
    // With the flag it listens before it signs: nobody may need its vote.
    const lost = (signs: string) => ({ kind: 'lost-disk', node: 'validator-0', blocks: 0, signs });
    expect(story(leave, lost('flag'))).toMatch(/2 of 3/);
    expect(story(leave, lost('record'))).toBe('none');
    const all = [0, 1, 2, 3].map((index) => ({ kind: 'kill', node: `validator-${index}`, blocks: 0 }));
    expect(story(all)).toBe('none');
    expect(story([...all, { kind: 'join', node: 'full-0' }])).toMatch(/nobody is left to be asked/);
    expect(
      story(
        [0, 1, 2, 3].map((index) => ({
          kind: 'lost-disk',
          node: `validator-${index}`,
          blocks: 0,
          signs: 'record',
        })),
      ),
    ).toBe('none');
    expect(
      problem({
        fullNodes: 0,
        perturbations: [all.map((one) => ({ ...one, kind: 'lost-disk', signs: 'record' }))],
      }),
    ).toMatch(/nobody is left who has the blocks/);
    expect(story(leave, { kind: 'join', node: 'full-0' }, kill(1))).toBe('none');
  });

  it('of a seed is the same every time, and whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (seed) => {
        const manifest = generateManifest(seed);
        expect(generateManifest(seed)).toEqual(manifest);
        expect(parseManifest(serialiseManifest(manifest))).toEqual(manifest);
        expect(manifest.steps).toHaveLength(3);
      }),
    );
  });

  it('of a seed has, with nineteen others, everything that can happen', () => {
    const manifests = Array.from({ length: 20 }, (_, index) => generateManifest(index + 1));
    const steps = manifests.flatMap(({ steps }) => steps);
    const drawn = (text: (one: Perturbation) => unknown) => new Set(steps.flat().map(text));
    expect(drawn(({ kind }) => kind).size).toBe(10);
    expect(drawn((one) => (one.kind === 'lost-disk' ? one.signs : ''))).toContain('flag');
    expect(drawn((one) => (one.kind === 'lost-disk' ? one.signs : ''))).toContain('record');
    expect(drawn((one) => (one.kind === 'start' ? one.from : ''))).toContain('snapshot');
    expect(drawn((one) => (one.kind === 'disconnect' ? one.how : ''))).toContain('silence');
    expect(steps.filter((step) => step.length > 1).length).toBeGreaterThan(10);
    expect(new Set(manifests.flatMap(({ load }) => load.kinds)).size).toBe(3);
    expect(manifests.some(({ validators }) => validators === 7)).toBe(true);
    expect(manifests.some(({ powers }) => powers.some((power) => power > 1))).toBe(true);
  });
});
