/**
 * The exact runtime: how fast the door reads, how fast models run in WebAssembly with the native runtime as peer in the
 * same run (processor time of one thread), and how far the slowest operators are from their declared steps.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkModel, type ModelProfile, type Tensors } from '../../attribution/runtime/api.ts';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { createWorkerCore } from '../../node/runtime-pool/worker-core.ts';
import { llamaToOnnx, readLlama } from '../support/llama.ts';
import { attentionBlock, convolution, floatMlp, int64, integerMlp } from '../support/models.ts';
import { floats, type GraphBuilder, graphBuilder } from '../support/onnx.ts';
import type { BenchRow } from './types.ts';

const ROUNDS = 7;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: Tensors;
  readonly dimensions?: Readonly<Record<string, number>>;
}

export const about =
  'Models built for tests, and real ones where present (stories260K, magika v3.3). Peer: the native runtime on one thread.';

export async function run(): Promise<BenchRow[]> {
  const handle = createWorkerCore(DEFAULT_PARAMS.runtime);
  const rows: BenchRow[] = [];
  for (const model of [...builtModels(), ...realModels()]) rows.push(...(await modelRows(handle, model)));
  let slowest: BenchRow = { name: '', value: 0, unit: 'ns' };
  for (const [name, build] of OPERATORS) {
    const row = await stepRow(handle, name, build);
    rows.push(row);
    if (row.value > slowest.value) slowest = row;
  }
  return [...rows, { ...slowest, name: `slowest a step: ${slowest.name}` }];
}

type Handle = ReturnType<typeof createWorkerCore>;

function builtModels(): Case[] {
  return [
    { name: 'float perceptron', ...floatMlp() },
    { name: 'integer-only perceptron', ...integerMlp() },
    { name: 'convolution', ...convolution() },
    { name: 'attention block', ...attentionBlock() },
  ];
}

function realModels(): Case[] {
  const folder = join(process.env['OPENLEDGER_VECTORS'] ?? join('..', 'shared', 'vectors'), 'models');
  if (!existsSync(folder)) {
    console.error('runtime: real models are not here, they are left out (set OPENLEDGER_VECTORS)');
    return [];
  }
  const length = 64;
  const tokens = Array.from({ length }, (_, i) => (i * 7) % 512);
  const pixels = Int32Array.from({ length: 2048 }, (_, i) => (i * 37) % 257);
  return [
    {
      name: 'stories260K, 64 tokens',
      bytes: llamaToOnnx(readLlama(readFileSync(join(folder, 'stories260K.bin'))), length),
      inputs: { tokens: int64([1, length], tokens) },
    },
    {
      name: 'magika v3.3',
      bytes: readFileSync(join(folder, 'magika_v3_3.onnx')),
      inputs: { bytes: { type: 'int32', shape: [1, 2048], data: pixels } },
      dimensions: { unk__214: 1, unk__215: 1 },
    },
  ];
}

async function modelRows(
  handle: Handle,
  { name, bytes, inputs, dimensions = {} }: Case,
): Promise<BenchRow[]> {
  const options = { dimensions };
  const door = await best(async () => void checkModel(bytes, options));
  const profile = checkModel(bytes, options);
  await load(handle, profile, bytes, options);
  const exact = await best(() => runOnce(handle, profile.modelHash, inputs));
  const rows: BenchRow[] = [{ name: `${name}: the door`, value: door, unit: 'ms' }];
  const native = await nativeMilliseconds(bytes, inputs);
  rows.push(
    native === undefined
      ? { name: `${name}: exact`, value: exact, unit: 'ms' }
      : {
          name: `${name}: exact`,
          value: exact,
          unit: 'ms',
          peer: `onnxruntime-node ${native.toFixed(3)} ms`,
          ratio: native / exact,
        },
  );
  return rows;
}

async function load(
  handle: Handle,
  { modelHash }: ModelProfile,
  bytes: Uint8Array,
  options: { readonly dimensions: Readonly<Record<string, number>> },
): Promise<void> {
  const loaded = await handle({ id: 0, kind: 'load', key: modelHash, modelHash, bytes, options });
  if (loaded.kind !== 'done') throw new Error(JSON.stringify(loaded));
}

async function runOnce(handle: Handle, key: string, inputs: Tensors): Promise<void> {
  const ran = await handle({ id: 0, kind: 'run', key, inputs });
  if (ran.kind !== 'done') throw new Error(JSON.stringify(ran));
}

/** One thread, as the exact runtime has; undefined where the package does not load. */
async function nativeMilliseconds(bytes: Uint8Array, inputs: Tensors): Promise<number | undefined> {
  const native = await import('onnxruntime-node').catch(() => undefined);
  if (native === undefined) return undefined;
  const session = await native.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { type, shape, data }]) => [
      name,
      new native.Tensor(type, data, shape),
    ]),
  );
  return best(async () => void (await session.run(feeds)));
}

/** Least processor time of several rounds, in milliseconds; a round repeats the work until it takes 5 ms. */
async function best(work: () => Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.cpuUsage();
    let times = 0;
    let spent = 0;
    while (spent < 5) {
      await work();
      times++;
      const { user, system } = process.cpuUsage(started);
      spent = (user + system) / 1000;
    }
    least = Math.min(least, spent / times);
  }
  return least;
}

type Build = (g: GraphBuilder, x: string) => string;
const SIDE = 512;
const one = (g: GraphBuilder, value: number): string => g.constant('float32', [], [value]);
const square = (g: GraphBuilder): string => g.constant('float32', [SIDE, SIDE], floats(SIDE * SIDE, 3, 0.01));

/** One operator of each kind of cost, over 512 × 512 floats. */
const OPERATORS: readonly [string, Build][] = [
  ['MatMul', (g, x) => g.node('MatMul', [x, square(g)])],
  [
    'MatMul with a column',
    (g, x) =>
      g.node('MatMul', [x, g.node('Slice', [x, ...[[0], [1], [1]].map((n) => g.constant('int64', [1], n))])]),
  ],
  ['Add', (g, x) => g.node('Add', [x, one(g, 0.01)])],
  ['Where', (g, x) => g.node('Where', [g.node('Greater', [x, one(g, 0)]), x, one(g, 1)])],
  ['Transpose', (g, x) => g.node('Transpose', [x])],
  ['Cast', (g, x) => g.node('Cast', [x], { to: 7 })],
  ['ReduceMean', (g, x) => g.node('ReduceMean', [x], { axes: [0] })],
  [
    'Div of integers',
    (g, x) => g.node('Div', [g.node('Cast', [x], { to: 7 }), g.constant('int64', [1], [3])]),
  ],
  ['Sigmoid', (g, x) => g.node('Sigmoid', [x])],
  ['Erf', (g, x) => g.node('Erf', [x])],
  ['Sin', (g, x) => g.node('Sin', [x])],
  ['Pow', (g, x) => g.node('Pow', [g.node('Abs', [x]), one(g, 1.01)])],
  ['Softplus', (g, x) => g.node('Softplus', [x])],
  ['Softmax', (g, x) => g.node('Softmax', [x], { axis: 0 })],
  [
    'LayerNormalization',
    (g, x) => g.node('LayerNormalization', [x, g.constant('float32', [SIDE], floats(SIDE, 2))]),
  ],
  ['TopK', (g, x) => g.nodes('TopK', [x, g.constant('int64', [1], [SIDE])], { axis: 0 }, 2)[0]!],
  [
    'Gather of columns',
    (g, x) =>
      g.node(
        'Gather',
        [
          x,
          g.constant(
            'int64',
            [SIDE],
            Array.from({ length: SIDE }, (_, i) => (i * 7) % SIDE),
          ),
        ],
        { axis: 1 },
      ),
  ],
];

async function stepRow(handle: Handle, name: string, build: Build): Promise<BenchRow> {
  const g = graphBuilder();
  const y = build(g, g.input('float32', 'x', [SIDE, SIDE]));
  // One number is enough of a result, so that handing it out costs nothing.
  const least = g.node('ReduceMax', [g.node('Cast', [y], { to: 1 })], { keepdims: 0 });
  g.output('float32', 'y', least, []);
  const bytes = g.bytes();
  const profile = checkModel(bytes);
  await load(handle, profile, bytes, { dimensions: {} });
  const inputs: Tensors = { x: { type: 'float32', shape: [SIDE, SIDE], data: floats(SIDE * SIDE, 1) } };
  const milliseconds = await best(() => runOnce(handle, profile.modelHash, inputs));
  return { name: `${name}: a step`, value: (milliseconds * 1e6) / profile.operations, unit: 'ns' };
}
