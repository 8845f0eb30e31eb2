/**
 * npm run e2e                        the manifests of test/networks/manifests/
 * npm run e2e -- FILE ...            those named
 * npm run e2e -- --seeds FROM..TO    generated ones; one seed: --seeds N..N
 * npm run e2e -- --show FROM..TO     prints them instead
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cliPath } from '../support/devnet.ts';
import { generateManifest } from './generate.ts';
import {
  MAX_MANIFEST_BYTES,
  type Manifest,
  ManifestError,
  parseManifest,
  serialiseManifest,
} from './manifest.ts';
import { runManifest, summary } from './run.ts';

const USAGE = 'usage: npm run e2e [-- MANIFEST.json ... | --seeds FROM..TO | --show FROM..TO]';
const FOLDER = join(cliPath(), '..', '..', 'test', 'networks', 'manifests');

/** A list of seeds is made before the first is run. */
const MAX_SEEDS = 10_000;

/** One line, whatever was wrong. */
function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** After --seeds and --show. */
function seedsOf([text, ...rest]: readonly string[]): number[] {
  const [, from, to] = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text ?? '') ?? [];
  const count = Number(to) - Number(from) + 1;
  if (from === undefined || count < 1 || count > MAX_SEEDS)
    fail(
      `${text === undefined ? 'nothing' : JSON.stringify(text)} is not FROM..TO with at most ${MAX_SEEDS} seeds from 0 to 999999999; ${USAGE}`,
    );
  if (rest.length > 0) fail(`${rest.join(' ')}: one range, and nothing besides; ${USAGE}`);
  return Array.from({ length: count }, (_, index) => Number(from) + index);
}

function read(path: string): Manifest {
  try {
    if (statSync(path).size > MAX_MANIFEST_BYTES) fail(`${path}: larger than ${MAX_MANIFEST_BYTES} bytes`);
    return parseManifest(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof ManifestError) fail(`${path}: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') fail(`there is no file "${path}"; ${USAGE}`);
    if (code === 'EISDIR')
      fail(`${path} is a folder: name the manifests in it, as in ${join(path, '*.json')}`);
    fail(`${path} cannot be read: ${code ?? message}`);
  }
}

function wanted(args: readonly string[]): Manifest[] {
  if (args[0] === '--seeds') return seedsOf(args.slice(1)).map(generateManifest);
  const option = args.find((arg) => arg.startsWith('-'));
  if (option === '--seeds' || option === '--show') fail(`${option} stands alone with its range; ${USAGE}`);
  if (option !== undefined) fail(`unknown option ${option}; ${USAGE}`);
  const files =
    args.length > 0
      ? args
      : readdirSync(FOLDER)
          .filter((name) => name.endsWith('.json'))
          .sort()
          .map((file) => join(FOLDER, file));
  return files.map(read);
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === '--show') {
    for (const seed of seedsOf(args.slice(1))) console.log(serialiseManifest(generateManifest(seed)));
    return 0;
  }
  let failed = 0;
  const manifests = wanted(args);
  for (const manifest of manifests) {
    console.log(`# ${manifest.name}`);
    try {
      const outcome = await runManifest(manifest, (line) => console.log(`  ${line}`));
      console.log(summary(manifest.name, outcome));
      for (const problem of outcome.problems) console.log(`  ${problem}`);
      if (outcome.problems.length > 0) failed += 1;
    } catch (error) {
      console.log(`FAILED ${manifest.name}: ${(error as Error).message}`);
      failed += 1;
    }
  }
  console.log(`${manifests.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
