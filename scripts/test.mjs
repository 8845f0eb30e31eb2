// The whole test: compile (type check), lint, then the vitest projects one after the other. Closes with one line of
// counts. A project named on the command line runs alone: `npm test -- unit`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const only = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const projects = ['unit', 'sim', 'e2e'].filter((project) => only.length === 0 || only.includes(project));
const reports = mkdtempSync(join(tmpdir(), 'openledger-test-'));
const totals = { passed: 0, failed: 0, skipped: 0 };
const failedSteps = [];

/** Runs one step in the foreground; the next ones still run, so that one report shows everything. */
function step(name, command, args) {
  const started = process.hrtime.bigint();
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  console.log(`== ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${seconds.toFixed(1)} s`);
  if (status !== 0) failedSteps.push(name);
  return status === 0;
}

const built = step('build and type check', process.execPath, [join(root, 'scripts', 'build.mjs')]);
if (only.length === 0) {
  step('lint', bin('biome'), ['ci', '.', '--reporter=summary', '--max-diagnostics=50']);
  step('architecture', process.execPath, [join(root, 'scripts', 'check-architecture.mjs')]);
}
for (const project of built ? projects : []) {
  const report = join(reports, `${project}.json`);
  step(`${project} tests`, bin('vitest'), [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    totals.passed += result.numPassedTests;
    totals.failed += result.numFailedTests;
    totals.skipped += result.numPendingTests + result.numTodoTests;
    for (const file of result.testResults)
      for (const test of file.assertionResults)
        if (test.status === 'pending' || test.status === 'skipped') console.log(`skipped: ${test.fullName}`);
  } catch {
    failedSteps.push(`${project} tests left no report`);
  }
}
rmSync(reports, { recursive: true, force: true });
if (failedSteps.length > 0) console.log(`\nfailed steps: ${failedSteps.join(', ')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(failedSteps.length === 0 && totals.passed > 0 ? 0 : 1);
