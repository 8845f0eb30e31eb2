/** The short manifest: what `npm run e2e` does at length with the others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseManifest } from '../networks/manifest.ts';
import { FRESH_MS, runManifest } from '../networks/run.ts';

const file = join(import.meta.dirname, '..', 'networks', 'manifests', 'ci', 'short.json');

it('a network that is cut, torn and lied to has one chain, all transfers, and a punished liar', async () => {
  const lines: string[] = [];
  const outcome = await runManifest(parseManifest(readFileSync(file, 'utf8')), (line) => lines.push(line));
  expect(outcome.problems, lines.join('\n')).toEqual([]);
  expect(outcome.transactions).toBeGreaterThan(20);
  expect(outcome.refused).toBeGreaterThan(3);
  expect(outcome.slowest.ownMs).toBeLessThan(FRESH_MS);
});
