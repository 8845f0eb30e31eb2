/** Runs test files and counts. */
import type { ReadTest, StateTest, TestFile } from './fixtures.ts';
import { createRunner, type Runner, type RunnerOptions } from './run-case.ts';

export interface Report {
  files: number;
  passed: number;
  failed: { name: string; why: string }[];
  /** Number of skipped cases by reason. */
  skipped: Map<string, number>;
}

/** Part `index` of `count` parts, 1 the first. */
export interface Shard {
  index: number;
  count: number;
}

/** Every `count`-th file, so that no part gets all the slow ones. */
export function shardOf(files: readonly TestFile[], { index, count }: Shard): TestFile[] {
  return files.filter((_, i) => i % count === index - 1);
}

export async function runFiles(files: readonly TestFile[], options: RunnerOptions = {}): Promise<Report> {
  const runner = createRunner(options);
  const report: Report = { files: 0, passed: 0, failed: [], skipped: new Map() };
  for (const file of files) {
    report.files++;
    for (const read of testsOf(file, report)) {
      const name = `${file.name} ${read.name}`;
      if ('problem' in read) report.failed.push({ name, why: read.problem });
      else if ('otherKind' in read) skip(report, `${read.otherKind}, not a state test`);
      else await runTest(runner, name, read.test, report);
    }
  }
  return report;
}

/** A file that cannot be read is a failure; those beside it are run all the same. */
function testsOf(file: TestFile, report: Report): ReadTest[] {
  try {
    const tests = file.read();
    if (tests.length === 0) report.failed.push({ name: file.name, why: 'there is no test in it' });
    return tests;
  } catch (error) {
    report.failed.push({ name: file.name, why: (error as Error).message });
    return [];
  }
}

async function runTest(runner: Runner, name: string, test: StateTest, report: Report): Promise<void> {
  for (const [fork, expectations] of Object.entries(test.post))
    for (const expected of expectations) {
      const { data, gas, value } = expected.indexes;
      const verdict = await runner.run(test, fork, expected);
      if (verdict.result === 'passed') report.passed++;
      else if (verdict.result === 'skipped') skip(report, verdict.reason);
      else report.failed.push({ name: `${name} ${fork} d${data} g${gas} v${value}`, why: verdict.why });
    }
}

function skip(report: Report, reason: string): void {
  report.skipped.set(reason, (report.skipped.get(reason) ?? 0) + 1);
}

export function skippedCount(report: Report): number {
  return [...report.skipped.values()].reduce((sum, count) => sum + count, 0);
}
