/** The genre classifier: its file is pinned, integer-only, and better than guessing. `npm run model:genre` trains it again. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { checkModel } from '../../../../attribution/runtime/api.ts';
import { GENRE_FEATURES, GENRE_LABELS, genreFeatures } from '../../../study/genre/features.ts';
import { compiledPool } from '../../../support/runtime.ts';

const bytes = readFileSync(new URL('../../../study/genre/genre.onnx', import.meta.url));

describe('the genre classifier', () => {
  const pool = compiledPool();
  afterAll(() => pool.close());

  it('is the pinned file, integer-only and below half a megabyte', () => {
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      'ecf3e32d96ca21d476027e3f20e8037b8541878616958d3fcdf7281472f971de',
    );
    expect(checkModel(bytes).modelClass).toBe('integer-only');
    expect(bytes.length).toBeLessThan(500_000);
  });

  it.each([
    [
      'press',
      'The city council voted last night to raise taxes, Mayor Smith said. The Senate committee will meet in Washington on Tuesday, and the president told reporters that the bill would be signed this week.',
    ],
    [
      'learned',
      'The results of the experiment are shown in Table 2. The temperature of the solution was measured at constant pressure, and the coefficients were obtained by the method of least squares for each sample.',
    ],
    [
      'fiction',
      '"I don\'t know," she said. He looked at her and smiled. She turned away, opened the door and went down the stairs. He wanted to run after her, but he couldn\'t; his legs felt heavy.',
    ],
  ])('knows %s when it reads it', async (label, text) => {
    const data = genreFeatures(new TextEncoder().encode(text));
    const inputs = { counts: { type: 'uint8', shape: [1, GENRE_FEATURES], data } } as const;
    const outputs = await pool.run(checkModel(bytes).modelHash, bytes, inputs);
    const scores = [...(outputs['scores']!.data as BigInt64Array)].map(Number);
    expect(GENRE_LABELS[scores.indexOf(Math.max(...scores))]).toBe(label);
  });
});
