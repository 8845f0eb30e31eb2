/**
 * A clock that stands still while others have the machine. "Within 20 seconds" is meant for a machine of one's own: time
 * passes here in proportion to the processor time that this harness and its nodes had or left idle. On a quiet machine
 * it is the clock on the wall.
 */
import { readFileSync } from 'node:fs';
import { ownedProcesses } from '../support/owned.ts';

/** Ticks of /proc are 10 ms: a shorter time says nothing. */
const SAMPLE_MS = 100;
/** However busy the machine is: a node that needs longer than this many times has a fault of its own. */
export const SLOWEST = 8;

interface Sample {
  readonly atMs: number;
  /** Ticks of all processors since the start of the machine, of those the idle ones, and those of our processes. */
  readonly all: number;
  readonly idle: number;
  readonly ours: number;
}

let last: Sample | undefined;
let passedMs = 0;

/** Milliseconds since some moment, by this clock. */
export function ownTimeMs(): number {
  const atMs = performance.now();
  if (last === undefined) last = sample(atMs);
  else if (atMs - last.atMs >= SAMPLE_MS) {
    const next = sample(atMs);
    passedMs += (next.atMs - last.atMs) * shareOf(last, next);
    last = next;
  }
  return passedMs;
}

function shareOf(from: Sample, to: Sample): number {
  const all = to.all - from.all;
  // Not told here, or nothing has been counted.
  if (!(all > 0)) return 1;
  // What a process had that ended just now is counted a little later.
  const had = Math.max(0, to.ours - from.ours) + (to.idle - from.idle);
  return Math.min(1, Math.max(1 / SLOWEST, had / all));
}

function sample(atMs: number): Sample {
  try {
    // user nice system idle iowait irq softirq steal; the two after them are part of the first.
    const ticks = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number);
    const [idle = 0, wait = 0] = ticks.slice(3);
    const all = ticks.slice(0, 8).reduce((sum, one) => sum + one, 0);
    const ours = [process.pid, ...ownedProcesses()].reduce((sum, pid) => sum + ticksOf(pid), 0);
    return { atMs, all, idle: idle + wait, ours };
  } catch {
    return { atMs, all: 0, idle: 0, ours: 0 };
  }
}

/** Of the process and of its children that have ended. */
function ticksOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields.slice(11, 15).reduce((sum, one) => sum + Number(one), 0);
  } catch {
    return 0;
  }
}

/** @throws Error `late` when more than `deadlineMs` of this clock have passed since `since`, be it while nobody asked */
export async function inOwnTime<T>(
  promise: Promise<T>,
  since: number,
  deadlineMs: number,
  late: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (ownTimeMs() - since > deadlineMs) reject(new Error(late()));
    }, SAMPLE_MS);
  });
  try {
    const value = await Promise.race([promise, expired]);
    if (ownTimeMs() - since > deadlineMs) throw new Error(late());
    return value;
  } finally {
    clearInterval(timer);
  }
}
