import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { checkModel, type Tensors } from '../../../../attribution/runtime/api.ts';
import { DEFAULT_PARAMS } from '../../../../genesis/parameters.ts';
import {
  type RuntimePool,
  RuntimePoolError,
  type RuntimePoolOptions,
} from '../../../../node/runtime-pool/index.ts';
import { Fault } from '../../../../state/types.ts';
import { float32, floatMlp, int64, integerMlp, lookUp, type TestModel } from '../../../support/models.ts';
import { floats, graphBuilder } from '../../../support/onnx.ts';
import { compiledPool, hashOf } from '../../../support/runtime.ts';

let pool: RuntimePool | undefined;
let folder: string | undefined;
afterEach(async () => {
  await pool?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
  pool = undefined;
  folder = undefined;
});

function open(options: RuntimePoolOptions = {}): RuntimePool {
  pool = compiledPool(options);
  return pool;
}

const run = (on: RuntimePool, { bytes, inputs }: TestModel, other: Tensors = inputs): Promise<Tensors> =>
  on.run(checkModel(bytes).modelHash, bytes, other);

/** A worker, or a process, that does this with each request. */
function broken(kind: 'thread' | 'process', behaviour: string): URL {
  folder = mkdtempSync(join(tmpdir(), 'openledger-runtime-'));
  const path = join(folder, 'broken.mjs');
  const port =
    kind === 'thread'
      ? "import { parentPort } from 'node:worker_threads'; const answer = (m) => parentPort.postMessage(m); parentPort"
      : 'const answer = (m) => process.send(m); process';
  writeFileSync(path, `${port}.on('message', ({ id }) => { ${behaviour} });`);
  return pathToFileURL(path);
}

/** The most steps that the door lets in, as 84 million powers: over a second. */
function slowModel(): TestModel {
  const g = graphBuilder();
  let x = g.input('float32', 'x', [256, 1024]);
  const power = g.constant('float32', [], [1.0009765625]);
  for (let i = 0; i < 320; i++) x = g.node('Pow', [x, power]);
  g.output('float32', 'y', x, [256, 1024]);
  return { bytes: g.bytes(), inputs: { x: float32([256, 1024], floats(256 * 1024, 1).map(Math.abs)) } };
}

describe('the runtime pool', () => {
  it('tries a model before it vouches for it', async () => {
    const { bytes } = floatMlp();
    expect(await open().prepare(bytes)).toEqual(checkModel(bytes));
  });

  it('passes on what the door refuses, and goes on', async () => {
    const on = open();
    await expect(on.prepare(new Uint8Array(9))).rejects.toMatchObject({
      name: 'ModelError',
      code: 'UnknownField',
    });
    const { bytes } = integerMlp();
    await expect(on.run(`0x${'00'.repeat(32)}`, bytes, {})).rejects.toMatchObject({ code: 'HashMismatch' });
    await expect(run(on, integerMlp())).resolves.toBeDefined();
  });

  it('refuses inputs that do not fit, each with what would', async () => {
    const on = open();
    const model = floatMlp();
    const x = model.inputs['x']!;
    const bad: [Tensors, RegExp][] = [
      [{}, /'x' is missing/],
      [{ x, z: x }, /no input 'z'. It takes x/],
      [{ x: { ...x, shape: [300] } }, /must be float32\[1, 300\]/],
      [{ x: { ...x, data: new Float32Array(3) } }, /with 3 numbers/],
      [{ x: int64([1, 300], Array(300).fill(0)) }, /must be float32/],
      [
        { x: { ...x, data: (x.data as Float32Array).map((value, i) => (i === 7 ? Number.NaN : value)) } },
        /Number 7 .* finite/,
      ],
    ];
    for (const [inputs, message] of bad)
      await expect(run(on, model, inputs)).rejects.toMatchObject({
        code: 'BadInput',
        message: expect.stringMatching(message),
      });
  });

  it('never gives out NaN or an infinity', async () => {
    const g = graphBuilder();
    const x = g.input('float32', 'x', [2]);
    g.output('float32', 'y', g.node('Div', [x, g.node('Mul', [x, g.constant('float32', [], [0])])]), [2]);
    const on = open();
    for (const numbers of [
      [0, 0],
      [1, 1],
    ])
      await expect(
        run(on, { bytes: g.bytes(), inputs: { x: float32([2], Float32Array.from(numbers)) } }),
      ).rejects.toMatchObject({ code: 'NonFiniteOutput', message: expect.stringContaining("output 'y'") });
    // Zeros as inputs say nothing about a model that divides by them.
    await expect(on.prepare(g.bytes())).resolves.toBeDefined();
  });

  it('refuses what the runtime refuses at run time, alike each time, and goes on', async () => {
    const on = open();
    const bytes = lookUp().bytes();
    const inputs = (index: number): Tensors => ({ x: int64([4], [0, 1, 2, index]) });
    const messages: string[] = [];
    for (let i = 0; i < 2; i++)
      await run(on, { bytes, inputs: inputs(8) }).catch((error: Error) => messages.push(error.message));
    expect(messages[0]).toMatch(/indices element out of data bounds/);
    expect(messages[1]).toBe(messages[0]);
    await expect(run(on, { bytes, inputs: inputs(7) })).resolves.toBeDefined();
  });

  it('keeps a bounded number of models, and loads one again that it dropped', {
    timeout: 180_000,
  }, async () => {
    const on = open();
    const models = Array.from({ length: 5 }, (_, i): TestModel => {
      const g = graphBuilder();
      const x = g.input('float32', 'x', [3]);
      g.output('float32', 'y', g.node('Add', [x, g.constant('float32', [3], floats(3, i))]), [3]);
      return { bytes: g.bytes(), inputs: { x: float32([3], floats(3, 99)) } };
    });
    const first = await Promise.all(models.map(async (model) => hashOf(await run(on, model))));
    expect(new Set(first).size).toBe(5);
    expect(await Promise.all(models.map(async (model) => hashOf(await run(on, model))))).toEqual(first);
  });

  it('B2: a run that takes too long is a Fault, its worker is ended in the middle, and the next call has a fresh one', async () => {
    const on = open({ runMs: 400 });
    const slow = slowModel();
    const started = process.hrtime.bigint();
    await expect(run(on, slow)).rejects.toThrow(Fault);
    await expect(on.prepare(integerMlp().bytes)).resolves.toBeDefined();
    await on.close();
    expect(Number(process.hrtime.bigint() - started) / 1e9).toBeLessThan(60);
  });

  it.each([
    ['ends', 'process.exit(3)'],
    ['throws', 'throw new Error("odd")'],
    ['reports an unexpected error', "answer({ id, kind: 'fault', message: 'odd' })"],
    ['runs out of memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(0));'],
  ])('B2: gives a Fault, never a result, when a worker %s', async (_, behaviour) => {
    const on = open({ workerEntry: broken('thread', behaviour) });
    const attempt = run(on, integerMlp());
    await expect(attempt).rejects.toThrow(Fault);
    await expect(run(on, integerMlp())).rejects.toThrow(Fault);
  });

  it('D3: another runtime than the chain names is not run, and the error says what to install', async () => {
    for (const change of [
      { onnxWasmSha256: `0x${'11'.repeat(32)}` },
      { onnxGlueSha256: `0x${'11'.repeat(32)}` },
    ]) {
      const attempt = run(open({ pins: { ...DEFAULT_PARAMS.runtime, ...change } }), integerMlp());
      await expect(attempt).rejects.toThrow(RuntimePoolError);
      await expect(attempt).rejects.toMatchObject({
        code: 'RUNTIME_MISMATCH',
        message: expect.stringMatching(/has SHA-256 0x.* computes with 0x1111.*npm ci/),
      });
      await pool?.close();
    }
  });

  it.each([
    ['cannot load', "answer({ id, kind: 'mismatch', message: 'no such library' })"],
    ['crashes', 'process.kill(process.pid, "SIGSEGV")'],
  ])('serves exactly where the native runtime %s', async (_, behaviour) => {
    const on = open({ nativeEntry: broken('process', behaviour) });
    const { bytes, inputs } = floatMlp();
    const { modelHash } = checkModel(bytes);
    const exact = hashOf(await on.run(modelHash, bytes, inputs));
    for (let i = 0; i < 2; i++) {
      const served = await on.serve(modelHash, bytes, inputs);
      expect(served.engine).toBe('wasm');
      expect(hashOf(served.outputs)).toBe(exact);
    }
  });

  it('recomputes integer-only graphs natively where it was told to, and floats never', async () => {
    const on = open({
      nativeIntegers: true,
      workerEntry: broken('thread', "answer({ id, kind: 'fault', message: 'the thread ran' })"),
    });
    const model = integerMlp();
    await on.serve(checkModel(model.bytes).modelHash, model.bytes, model.inputs);
    const expected = hashOf(
      (await on.serve(checkModel(model.bytes).modelHash, model.bytes, model.inputs)).outputs,
    );
    expect(hashOf(await run(on, model))).toBe(expected);
    const float = floatMlp();
    await on.serve(checkModel(float.bytes).modelHash, float.bytes, float.inputs);
    await expect(run(on, float)).rejects.toThrow(/the thread ran/);
  });

  it('rejects those who wait when it is closed', async () => {
    const on = open();
    const attempt = expect(run(on, slowModel())).rejects.toMatchObject({ code: 'CLOSED' });
    await on.close();
    await attempt;
    await expect(run(on, integerMlp())).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
