import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQuotableRuns, runsOf } from '../../../../attribution/clusters/api.ts';
import { NOVELTY_WINDOW } from '../../../../attribution/clusters/limits.ts';
import { utf8 } from '../builders.ts';
import { stands } from '../oracle.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
const text = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');

/** Tokens of `offered` that are not quoted from these texts. */
function unquoted(earlier: readonly string[], offered: string, window = NOVELTY_WINDOW): number {
  const runs = createQuotableRuns(window);
  for (const each of earlier) runs.add(runsOf(utf8(each), window));
  return runs.countUnquoted(runsOf(utf8(offered), window));
}

describe('what a text quotes', () => {
  it('are runs of sixteen tokens, in any case of letters, across and around other words', () => {
    expect(NOVELTY_WINDOW).toBe(16);
    const earlier = [text(0, 100)];
    expect(unquoted(earlier, text(0, 100))).toBe(0);
    expect(unquoted(earlier, text(20, 36).toUpperCase())).toBe(0);
    expect(unquoted(earlier, text(20, 35))).toBe(15);
    expect(unquoted(earlier, `${text(500, 550)} ${text(20, 50)}`)).toBe(50);
    expect(unquoted(earlier, `${text(0, 16)} ${text(10, 26)} new`)).toBe(1);
    expect(unquoted(earlier, '')).toBe(0);
    expect(unquoted([], text(0, 30))).toBe(30);
    // No run goes from one text into another.
    expect(unquoted([text(0, 10), text(10, 20)], text(0, 20))).toBe(20);
  });

  it('is what brute force finds', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 4 }),
        letters,
        fc.integer({ min: 1, max: 5 }),
        (earlier, y, window) => {
          const quoted = y.map(() => false);
          for (let s = 0; s + window <= y.length; s++)
            if (earlier.some((record) => stands(y.slice(s, s + window), record)))
              quoted.fill(true, s, s + window);
          const texts = earlier.map((record) => record.join(' '));
          expect(unquoted(texts, y.join(' '), window)).toBe(quoted.filter((is) => !is).length);
        },
      ),
      { numRuns: 300, seed },
    );
  });

  it('is known by the name that the specification gives a run', () => {
    const words = text(0, 17).split(' ');
    const low = (value: bigint) => BigInt.asUintN(32, value);
    const mix = (value: bigint): bigint => {
      let h = low(value);
      h = low((h ^ (h >> 16n)) * 0x85ebca6bn);
      h = low((h ^ (h >> 13n)) * 0xc2b2ae35n);
      return h ^ (h >> 16n);
    };
    /** The sum of a run, term by term. */
    const sum = (run: readonly string[], start: bigint, prime: bigint, base: bigint) =>
      run.reduce((before, word) => {
        const hash = [...utf8(word)].reduce((h, byte) => low((h ^ BigInt(byte)) * prime), start);
        return low(before * base + mix(hash));
      }, 0n);
    const name = (from: number) => {
      const run = words.slice(from, from + 16);
      const a = sum(run, 0x811c9dc5n, 0x01000193n, 0x2545f491n);
      const b = sum(run, 0x2c1b3c6dn, 0x9e3779b1n, 0x85ebca77n);
      const high = mix(a ^ mix(b));
      return Number((high << 21n) | (mix(b + high) >> 11n));
    };
    const { tokens, names } = runsOf(utf8(text(0, 17).toUpperCase()));
    expect({ tokens, names: [...names] }).toEqual({ tokens: 17, names: [name(0), name(1)] });
  });

  it('is remembered once, however often it stands there, and through many texts', () => {
    const runs = createQuotableRuns();
    runs.add(runsOf(utf8('ha '.repeat(5_000))));
    expect(runs.size).toBe(1);
    for (let n = 0; n < 20; n++) runs.add(runsOf(utf8(text(1_000 * n, 1_000 * n + 1_000))));
    expect(runs.size).toBe(1 + 20 * (1_000 - 15));
    expect(runs.countUnquoted(runsOf(utf8(text(3_500, 3_600))))).toBe(0);
  });
});
