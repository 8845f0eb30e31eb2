/** Runs test files and counts. */
import type { TestFile } from './fixtures.ts';
import { createRunner, type RunnerOptions } from './run-case.ts';

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
    for (const [testName, test] of Object.entries(file.read()))
      for (const [fork, expectations] of Object.entries(test.post))
        for (const expected of expectations) {
          const { data, gas, value } = expected.indexes;
          const verdict = await runner.run(test, fork, expected);
          if (verdict.result === 'passed') report.passed++;
          else if (verdict.result === 'failed')
            report.failed.push({
              name: `${file.name} ${testName} ${fork} d${data} g${gas} v${value}`,
              why: verdict.why,
            });
          else report.skipped.set(verdict.reason, (report.skipped.get(verdict.reason) ?? 0) + 1);
        }
    report.files++;
  }
  return report;
}

export function skippedCount(report: Report): number {
  return [...report.skipped.values()].reduce((sum, count) => sum + count, 0);
}
