/**
 * npm run conformance:rpc                       the JSON-RPC exchanges of execution-apis beside the checkout
 * npm run conformance:rpc -- DIR                those of a directory with genesis.json, chain.rlp and .io files
 * npm run conformance:rpc -- [DIR] --only TEXT  files whose name holds TEXT
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../state/fixtures.ts';
import { defaultDirectory, exchangeFiles, importDirectory } from './exchange.ts';
import { runFiles } from './run-files.ts';

const USAGE = 'usage: npm run conformance:rpc -- [DIR] [--only TEXT]';

function refuse(message: string): never {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** Passing files of the default collection: fewer is a step back. */
function recordedPasses(): number {
  const path = join(projectRoot(), 'test/conformance/rpc/expected.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { passed: number }).passed;
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (positionals.length > 1) return refuse('one directory at a time');
  const directory = positionals[0] ?? defaultDirectory();
  if (!existsSync(directory)) {
    if (positionals.length > 0) return refuse(`there is no ${directory}`);
    console.log(
      `skipped: no exchanges at ${directory}. Give the tests/ directory of ethereum/execution-apis.`,
    );
    return 0;
  }
  const files = exchangeFiles(directory).filter(({ name }) => name.includes(values.only ?? ''));
  const started = performance.now();
  const chain = await importDirectory(directory);
  const imported = performance.now();
  const report = await runFiles(chain, files);
  for (const { name, why } of report.failed) console.log(`FAILED ${name}: ${why}`);
  for (const { name, reason } of report.skipped) console.log(`skipped ${name}: ${reason}`);
  const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
  console.log(
    `${chain.reader.head().number} blocks imported in ${seconds(started, imported)}, ${files.length} files in ${seconds(imported, performance.now())}`,
  );
  console.log(
    `${report.passed.length} passed, ${report.failed.length} failed, ${report.skipped.length} skipped`,
  );
  if (report.failed.length > 0) return 1;
  const whole = resolve(directory) === defaultDirectory() && values.only === undefined;
  const recorded = whole ? recordedPasses() : 1;
  if (report.passed.length >= recorded) return 0;
  console.log(whole ? `fewer than the ${recorded} that passed before` : 'no file passed');
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  refuse((error as Error).message);
}
