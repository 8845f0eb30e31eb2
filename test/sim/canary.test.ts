/**
 * The simulator must find what it is there for: a simulator that passes one of these mistakes would be worth
 * nothing. The mistakes live in mutants/list.ts, not in the product; `npm run mutants` hunts all of them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildMutant, mutatedSources } from './mutants/build.ts';
import { hunt } from './mutants/hunt.ts';
import { MUTANTS } from './mutants/list.ts';
import { drawOptions } from './options.ts';
import { simulate } from './simulate.ts';

/** Those that are found soonest: the whole list takes minutes. */
const SHARD = [
  'lock not consulted',
  'quorum of half the power',
  'no last-signed record',
  'off by one in the double-sign check',
  'unknown treated as invalid',
];

describe('mutants', () => {
  it('are at least 25, and each still fits the sources', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(25);
    for (const mutant of MUTANTS) expect(mutatedSources(mutant).size).toBeGreaterThan(0);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  it.each(SHARD)('%s: caught', async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'openledger-mutant-'));
    try {
      const file = join(folder, 'network.mjs');
      await buildMutant(MUTANTS.find((mutant) => mutant.name === name)!, file);
      expect(await hunt(file, 1, 300)).toBeDefined();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('a disk that forgets what it promised: the key signs twice', async () => {
    const wanted = /DOUBLE SIGN|LOG DOES NOT EXPLAIN|WENT BACK/;
    let caught: string | undefined;
    // From the first seed in which a crash takes what the disk had promised.
    for (let seed = 13; seed <= 300 && caught === undefined; seed++) {
      const { problems } = await simulate(drawOptions(seed), { lyingDisks: true, healMs: 5_000 });
      // A record that is lost may also silence a node for good, as it should.
      caught = problems.find((problem) => wanted.test(problem));
    }
    expect(caught).toBeDefined();
  });
});
