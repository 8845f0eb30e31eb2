/** What must hold after an attack. */
import type { AbuseReport } from './run.ts';

/** Memory after the attack against the start. */
const MAX_GROWTH = 1.3;
/** Blocks a second during the attack against before: the attackers take a part of the same processors. */
const MIN_PACE = 0.7;
/** Longest time without a block: the chain's own heartbeat, doubled. */
const MAX_GAP_MS = 10_000;

export function complaints(report: AbuseReport): string[] {
  const problems: string[] = [];
  for (const [name, { right, wrong }] of report.tallies) {
    if (wrong.length > 0) problems.push(`${name}: wrong answers, the first ${wrong[0]}`);
    // Slow and idle ones are ended, and the last heavy ones answered, later than a short attack lasts.
    if (right === 0 && report.seconds >= 60 && !/slow|idle|do not read/.test(name))
      problems.push(`${name}: nothing was answered`);
  }
  if (!report.goesOn) problems.push('no block within 10 s after the attack');
  if (report.pace < MIN_PACE * report.calmPace)
    problems.push(`${report.pace.toFixed(2)} blocks a second instead of ${report.calmPace.toFixed(2)}`);
  if (report.longestGapMs > MAX_GAP_MS) problems.push(`no block for ${Math.round(report.longestGapMs)} ms`);
  if (report.memory !== undefined) {
    const { start, rounds } = report.memory;
    for (const [round, { rested }] of rounds.entries())
      if (rested > MAX_GROWTH * start)
        problems.push(`memory grew ${(rested / start).toFixed(2)}x with attack ${round + 1}`);
  }
  return problems;
}
