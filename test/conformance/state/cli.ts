/**
 * npm run conformance:state                          Ethereum's state tests that stand beside the checkout
 * npm run conformance:state -- PATH                  those of a JSON file, a directory or a .tar.gz
 * npm run conformance:state -- [PATH] --shard I/N    every N-th file, from the I-th
 * npm run conformance:state -- ... --peer osaka      all under that fork, judged by a stock node of the library
 * npm run conformance:state -- ... --library-loop    programs in the library's loop: is a failure ours or its?
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Fork } from '../../../state/execution/common.ts';
import { defaultArchive, projectRoot, testFiles } from './fixtures.ts';
import { FORKS } from './run-case.ts';
import { runFiles, type Shard, shardOf, skippedCount } from './run-files.ts';

const USAGE =
  'usage: npm run conformance:state -- [FILE.json | DIRECTORY | ARCHIVE.tar.gz] [--shard I/N] [--peer FORK] [--library-loop]';

function refuse(message: string): never {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        shard: { type: 'string' },
        peer: { type: 'string' },
        'library-loop': { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function shardFrom(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || count === undefined || index < 1 || index > count)
    return refuse(`no part "${text}": the first of four is 1/4`);
  return { index, count };
}

function forkFrom(text: string | undefined): Fork | undefined {
  const forks = Object.values(FORKS);
  if (text === undefined) return undefined;
  return forks.find((fork) => fork === text) ?? refuse(`no fork "${text}": there are ${forks.join(', ')}`);
}

/** Passing cases of the default collection: fewer is a step back. */
function recordedPasses(): number {
  const path = join(projectRoot(), 'test/conformance/state/expected.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { passed: number }).passed;
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (positionals.length > 1) return refuse('one path at a time');
  const shard = shardFrom(values.shard);
  const peer = forkFrom(values.peer);
  const path = positionals[0] ?? defaultArchive();
  if (!existsSync(path)) {
    if (positionals.length > 0) return refuse(`there is no ${path}`);
    console.log(`skipped: no state tests at ${path}. Give a file or a directory of ethereum/tests.`);
    return 0;
  }
  let files = testFiles(path);
  if (shard !== undefined) files = shardOf(files, shard);
  const started = performance.now();
  const report = await runFiles(files, {
    libraryLoop: values['library-loop'],
    ...(peer === undefined ? {} : { peer }),
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  for (const { name, why } of report.failed) console.log(`FAILED ${name}: ${why}`);
  for (const [reason, count] of report.skipped) console.log(`skipped ${count}: ${reason}`);
  console.log(`${report.files} files in ${seconds} s`);
  console.log(`${report.passed} passed, ${report.failed.length} failed, ${skippedCount(report)} skipped`);
  if (report.failed.length > 0) return 1;
  const isRecorded = resolve(path) === defaultArchive() && shard === undefined;
  const recorded = isRecorded ? recordedPasses() : 1;
  if (report.passed >= recorded) return 0;
  console.log(isRecorded ? `fewer than the ${recorded} that passed before` : 'no case ran');
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  refuse((error as Error).message);
}
