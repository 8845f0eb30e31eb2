import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateManifest } from '../../networks/generate.ts';
import { ManifestError, parseManifest } from '../../networks/manifest.ts';

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
    expect(problem({ perturbations: [] })).toMatch(/^perturbations: a list of 1 to/);
    expect(story({ kind: 'explode', node: 'full-0' })).toMatch(
      /^perturbations\[0\]\.kind: there is no perturbation "explode"/,
    );
    expect(story({ kind: 'kill', node: 'full-0', blocks: 1.5 })).toMatch(/^perturbations\[0\]\.blocks/);
    expect(story({ kind: 'disconnect', node: 'full-0', blocks: 1, how: 'slowly' })).toMatch(
      /^perturbations\[0\]\.how: one of cut, silence/,
    );
    expect(() => parseManifest('{')).toThrow(/^not JSON/);
  });

  it('tells no story that cannot happen', () => {
    const kill = (node: string, blocks = 2) => ({ kind: 'kill', node, blocks });
    expect(story(kill('validator-4'))).toMatch(/no such node/);
    expect(story(kill('full-0'), { kind: 'start', node: 'full-0', from: 'blocks' })).toMatch(/no such node/);
    expect(story({ kind: 'start', node: 'validator-1', from: 'blocks' })).toMatch(/only full nodes/);
    expect(story({ kind: 'leave', node: 'full-0' })).toMatch(/is no validator/);
    expect(story({ kind: 'join', node: 'validator-1' })).toMatch(/is a validator already/);
    expect(story({ kind: 'torn-log', node: 'full-0', blocks: 1 })).toMatch(/began as validators/);
    expect(story({ kind: 'pause', node: 'full-0', blocks: 0 })).toMatch(/lasts for 0 blocks/);
  });

  it('leaves a quorum to wait for', () => {
    const leave = { kind: 'leave', node: 'validator-3' };
    const kill = (blocks: number) => ({ kind: 'kill', node: 'validator-0', blocks });
    expect(story(leave, kill(1))).toMatch(/the 2 validators that are left cannot make blocks/);
    expect(story(leave, kill(0))).toBe('none');
    expect(story(leave, { kind: 'join', node: 'full-0' }, kill(1))).toBe('none');
  });

  it('of a seed is the same every time, and whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seed) => {
        const manifest = generateManifest(seed);
        expect(generateManifest(seed)).toEqual(manifest);
        expect(manifest.perturbations).toHaveLength(6);
      }),
    );
    const kinds = new Set(
      Array.from({ length: 20 }, (_, seed) => generateManifest(seed + 1)).flatMap(({ perturbations }) =>
        perturbations.map(({ kind }) => kind),
      ),
    );
    expect(kinds.size).toBeGreaterThanOrEqual(8);
  });
});
