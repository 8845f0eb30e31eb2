/** Real models that others trained, where they are present (OPENLEDGER_VECTORS, or shared/vectors beside the checkout). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { checkModel, type Tensors } from '../../../../attribution/runtime/api.ts';
import { llamaToOnnx, readLlama, readTokens, runLlama } from '../../../support/llama.ts';
import { int64 } from '../../../support/models.ts';
import { compiledPool, hashOf } from '../../../support/runtime.ts';

const folder = join(
  process.env['OPENLEDGER_VECTORS'] ??
    fileURLToPath(new URL('../../../../../shared/vectors', import.meta.url)),
  'models',
);
const read = (name: string): Uint8Array => readFileSync(join(folder, name));
const isHere = existsSync(join(folder, 'stories260K.bin'));
if (!isHere) console.warn(`SKIPPED: real models are not in ${folder} (set OPENLEDGER_VECTORS)`);

describe.skipIf(!isHere)('real models', () => {
  const pool = compiledPool();
  afterAll(() => pool.close());

  it('magika v3.3: 784,519 parameters, and the frozen bits', async () => {
    const bytes = read('magika_v3_3.onnx');
    const options = { dimensions: { unk__214: 1, unk__215: 1 } };
    const profile = checkModel(bytes, options);
    expect(profile).toMatchObject({ parameters: 784_519, modelClass: 'float', opset: 15 });
    expect(profile.outputs).toEqual([{ name: 'target_label', type: 'float32', shape: [1, 214] }]);
    const data = Int32Array.from({ length: 2048 }, (_, i) => (i * 37) % 257);
    const inputs: Tensors = { bytes: { type: 'int32', shape: [1, 2048], data } };
    const outputs = await pool.run(profile.modelHash, bytes, inputs, options);
    expect(hashOf(outputs)).toBe('35b986dccb5883e7292a2b073a9b70e5931d9f09b9c077a0679e83368e8d95e3');
  });

  it('stories260K: tells its published story, and its logits are those of plain TypeScript', async () => {
    const model = readLlama(read('stories260K.bin'));
    const texts = readTokens(read('stories260K-tok512.bin'), model.vocabulary);
    const length = 64;
    const bytes = llamaToOnnx(model, length);
    const profile = checkModel(bytes);
    expect(profile.parameters).toBeGreaterThan(260_000);
    const logits = async (tokens: readonly number[]): Promise<Tensors> => {
      const padded = [...tokens, ...Array<number>(length - tokens.length).fill(0)];
      return pool.run(profile.modelHash, bytes, { tokens: int64([1, length], padded) });
    };
    // Greedy, from the token that begins a text; later positions cannot reach earlier ones.
    const tokens = [1];
    while (tokens.length < 20) {
      const all = (await logits(tokens))['logits']!.data as Float32Array;
      const last = all.subarray((tokens.length - 1) * model.vocabulary, tokens.length * model.vocabulary);
      tokens.push(last.indexOf(Math.max(...last)));
    }
    const text = tokens
      .slice(1)
      .map((token) => texts[token])
      .join('');
    expect(text.trimStart()).toMatch(/^Once upon a time, there was a little girl named Lily/);
    const exact = await logits(tokens);
    const reference = runLlama(model, tokens);
    let largest = 0;
    for (const [t, row] of reference.entries())
      for (const [i, value] of row.entries())
        largest = Math.max(
          largest,
          Math.abs(value - (exact['logits']!.data[t * model.vocabulary + i] as number)),
        );
    expect(largest).toBeLessThan(1e-4);
    expect(hashOf(exact)).toBe('624d3b64d637342d3287ce1993ba888cba414c4798777594f113c743872ab687');
  });
});
