import { describe, expect, it } from 'vitest';
import { scanHere } from '../../../determinism/scanners.ts';
import { influenceHash, SMALL } from '../../../determinism/scores.ts';

/** `npm run determinism:influence` compares a million scores, in more ways and on more processors. */
describe('training results and scores of every solver', () => {
  for (const arithmetic of ['wasm', 'typescript'] as const)
    for (const cuts of [[], [30], [1, 17, 40]])
      it(`have this hash for ever: ${arithmetic}, ${cuts.length + 1} shards`, async () => {
        const { hash, scores } = await influenceHash(SMALL, arithmetic, scanHere(cuts, arithmetic));
        expect(scores).toBe(6 * SMALL.samples * SMALL.queries);
        expect(hash).toBe('924c0cee2b1909b2bf37cda52295e7f82f939dd31ab33270af61a447c8d08a07');
      });
});
