/** The short manifest: what `npm run e2e` does at length with the others. And what it says of files that are none. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../networks/manifest.ts';
import { FRESH_MS, runManifest } from '../networks/run.ts';
import { ownedFolder, spawnOwned } from '../support/owned.ts';

const file = join(import.meta.dirname, '..', 'networks', 'manifests', 'ci', 'short.json');
const cli = join(import.meta.dirname, '..', '..', 'dist', 'test', 'networks', 'cli.js');

it('a network that is cut, torn and lied to has one chain, all transactions, and a punished liar', async () => {
  const lines: string[] = [];
  const outcome = await runManifest(parseManifest(readFileSync(file, 'utf8')), (line) => lines.push(line));
  expect(outcome.problems, lines.join('\n')).toEqual([]);
  expect(outcome.transactions).toBeGreaterThan(20);
  expect(outcome.refused).toBeGreaterThan(3);
  expect(outcome.slowest.ownMs).toBeLessThan(FRESH_MS);
});

describe('a manifest is refused in one line, and nothing starts', () => {
  const story = JSON.parse(readFileSync(file, 'utf8')) as object;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['that is no JSON', '{"name": ', /not JSON: /],
    ['with an unknown field', JSON.stringify({ ...story, colour: 1 }), /unknown field "colour"/],
    ['with too many nodes', JSON.stringify({ ...story, validators: 1e9 }), /whole number from 1 to 7/],
    ['that leaves no quorum', JSON.stringify({ ...story, powers: [1, 9, 1, 1] }), /cannot make blocks/],
  ];
  it.each(cases)('%s', async (_, text, reason) => {
    const folder = ownedFolder('openledger-manifest-');
    const path = join(folder, 'mine.json');
    writeFileSync(path, text);
    const { code, out, errors } = await run(path);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(errors.trimEnd().split('\n')).toHaveLength(1);
    expect(errors).toMatch(reason);
  });
});

async function run(path: string): Promise<{ code: number | null; out: string; errors: string }> {
  const child = spawnOwned(process.execPath, [cli, path], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout?.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, errors };
}
