/**
 * Graphs that make features of trained models: processor time of loading one into a fresh instance of the pinned runtime,
 * which an answer may have to do, and of one run, each beside the attribution units that are counted for it.
 */
import { readFileSync } from 'node:fs';
import { checkModel, type Tensors } from '../../attribution/runtime/api.ts';
import { graphFile } from '../../attribution/trained/api.ts';
import { graphUnitsOf } from '../../genesis/inference-units.ts';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { graphRecords } from '../../node/client/graph.ts';
import { createWorkerCore } from '../../node/runtime-pool/worker-core.ts';
import { graphSettings, longChain, manyConstants, perceptron, tanhLayer } from '../support/graph-features.ts';
import { bytesOf, floats } from '../support/onnx.ts';
import type { BenchRow } from './types.ts';

export const about = 'CPU time, best of several; a unit is meant to be at most about 1.5 µs of one core.';

const ROUNDS = 9;
const RUNS = 50;

interface Case {
  readonly name: string;
  readonly file: Uint8Array;
  readonly inputs: Tensors;
}

const points = (width: number, scale: number): Tensors => ({
  point: { type: 'float32', shape: [1, width], data: floats(width, 5, scale) },
});

function cases(): Case[] {
  const genre = new Uint8Array(readFileSync('test/study/genre/genre.onnx'));
  const counts: Tensors = { counts: { type: 'uint8', shape: [1, 4096], data: bytesOf(4096, 5, 2) } };
  return [
    { name: 'tanh layer', file: tanhLayer(), inputs: points(2, 1) },
    { name: 'chain of 8,192 nodes', file: longChain(), inputs: points(2, 1) },
    { name: '8,000 constants', file: manyConstants(), inputs: points(2, 1) },
    { name: 'genre classifier', file: genre, inputs: counts },
    { name: 'perceptron of 1 MB', file: perceptron(1024, 256, 1), inputs: points(1024, 1) },
    { name: 'perceptron of 3 MB', file: perceptron(2048, 384, 1), inputs: points(2048, 1) },
    // Products of such numbers are below the smallest normal float, which processors compute slowly.
    {
      name: 'perceptron of 3 MB, subnormal',
      file: perceptron(2048, 384, 1e-19),
      inputs: points(2048, 1e-20),
    },
  ];
}

export async function run(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const one of cases()) rows.push(...(await rowsOf(one)));
  return rows;
}

async function rowsOf({ name, file, inputs }: Case): Promise<BenchRow[]> {
  const handle = createWorkerCore(DEFAULT_PARAMS.runtime);
  const { modelHash, modelBytes } = checkModel(file);
  const records = graphRecords(file);
  const settings = graphSettings(file, { width: 1, inputWidth: 1 });
  const { steps, parts } = settings;
  let [load, once] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    const key = `${round}`;
    const from = process.cpuUsage();
    const bytes = graphFile(settings, records);
    if (bytes === undefined) throw new Error(`${name} does not come back from base64`);
    await done(handle({ id: 1, kind: 'load', key, modelHash, bytes, options: {} }));
    load = Math.min(load, sinceMs(from));
    const start = process.cpuUsage();
    for (let i = 0; i < RUNS; i++) await done(handle({ id: 1, kind: 'run', key, inputs }));
    once = Math.min(once, sinceMs(start) / RUNS);
  }
  const loadUnits = graphUnitsOf({ modelBytes, parts, steps: 0 });
  const units = graphUnitsOf({ modelBytes, parts, steps });
  return [
    { name: `${name}: bytes`, value: modelBytes, unit: '' },
    { name: `${name}: nodes and initialisers`, value: parts, unit: '' },
    { name: `${name}: steps`, value: steps, unit: '' },
    { name: `${name}: loading, CPU`, value: load, unit: 'ms' },
    { name: `${name}: units without steps`, value: loadUnits, unit: '' },
    { name: `${name}: one run, CPU`, value: once, unit: 'ms' },
    {
      name: `${name}: CPU of a unit, loading and one run`,
      value: (1000 * (load + once)) / units,
      unit: 'µs',
    },
  ];
}

function sinceMs(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}

async function done(answer: Promise<{ kind: string }>): Promise<void> {
  const { kind } = await answer;
  if (kind !== 'done') throw new Error(`the runtime answered ${kind}`);
}
