/**
 * npm run conformance:itf            the model traces that stand beside the checkout
 * npm run conformance:itf -- PATH    those of a JSON file, a directory or a .tar.gz
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type JsonFile, jsonFiles } from '../state/fixtures.ts';
import { type Outcome, replayTrace } from './replay.ts';
import { defaultTraces } from './traces.ts';

const USAGE = 'usage: npm run conformance:itf -- [FILE.json | DIRECTORY | ARCHIVE.tar.gz]';

function refuse(message: string): never {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function filesOf(path: string): JsonFile[] {
  try {
    return jsonFiles(path);
  } catch (error) {
    const { message } = error as Error;
    return refuse(message.includes(path) ? message : `${path}: ${message}`);
  }
}

function main(): number {
  const paths = process.argv.slice(2);
  if (paths.length > 1) return refuse('one path at a time');
  const path = paths[0] === undefined ? defaultTraces() : resolve(paths[0]);
  if (!existsSync(path)) {
    if (paths.length > 0)
      return refuse(paths[0]?.startsWith('-') ? `unknown option ${paths[0]}` : `there is no ${path}`);
    console.log(`skipped: no model traces at ${path}. Give a file or a directory of ITF traces.`);
    return 0;
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const sum = { followed: 0, steps: 0 };
  for (const { name, text } of filesOf(path)) {
    let outcome: Outcome;
    try {
      outcome = replayTrace(text());
    } catch (error) {
      console.log(`${name.replace(/^\.\//, '')}: FAILED, not a trace: ${(error as Error).message}`);
      counts.failed++;
      continue;
    }
    console.log(`${name.replace(/^\.\//, '')}: followed ${outcome.followed} of ${outcome.steps} steps`);
    if (outcome.result === 'failed') console.log(`FAILED at step ${outcome.followed}: ${outcome.why}`);
    if (outcome.result === 'skipped') console.log(`  skipped: ${outcome.reason}`);
    for (const [what, count] of outcome.differences) console.log(`  ${count} x ${what}`);
    counts[outcome.result]++;
    sum.followed += outcome.followed;
    sum.steps += outcome.steps;
  }
  console.log(`followed ${sum.followed} of ${sum.steps} steps in all`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  if (counts.passed + counts.failed === 0) {
    console.error(`nothing was compared: no file of ${path} is a trace of the consensus model`);
    return 2;
  }
  return counts.failed > 0 ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  refuse((error as Error).message);
}
