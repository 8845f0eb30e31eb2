import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asRound } from '../../../consensus/types.ts';
import { advance, proposerAt, withMembers } from '../../../consensus/validator-set/rotation.ts';
import {
  createValidatorSet,
  decodeValidatorSet,
  encodeValidatorSet,
  hashValidatorSet,
  isCanonicalBitmap,
  isMinority,
  isQuorum,
} from '../../../consensus/validator-set/set.ts';
import { addressOf, setOf, validator } from './bench.ts';

const indexes = (set: ReturnType<typeof setOf>, count: number) =>
  Array.from({ length: count }, (_, round) => Number(proposerAt(set, asRound(round)).address) - 1);

describe('weighted round robin', () => {
  it('equal powers take turns in address order', () => {
    expect(indexes(setOf([1, 1, 1]), 6)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('over one period each proposes as often as its power says', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (powers) => {
        const total = powers.reduce((a, b) => a + b, 0);
        const turns = indexes(setOf(powers), total);
        expect(powers.map((_, i) => turns.filter((turn) => turn === i).length)).toEqual(powers);
      }),
    );
  });

  it('elects as CometBFT does for powers of 300, 330 and 1000', () => {
    // Each turn: add power, take the highest, subtract 1630. CometBFT's own tests list this order.
    const set = createValidatorSet([validator(2, 1000n), validator(0, 300n), validator(1, 330n)]);
    expect(indexes(set, 10)).toEqual([2, 1, 2, 0, 2, 2, 1, 2, 0, 2]);
  });

  it('A6: the next height starts where one turn leads, whatever rounds this height had', () => {
    const set = setOf([3, 1, 1]);
    proposerAt(set, asRound(9));
    const next = advance(set);
    expect(indexes(next, 8)).toEqual(indexes(set, 9).slice(1));
  });

  it('A6: asking for rounds does not change the set', () => {
    const set = setOf([3, 1, 1]);
    const before = encodeValidatorSet(set);
    proposerAt(set, asRound(50));
    expect(encodeValidatorSet(set)).toEqual(before);
  });

  it('priorities stay centred and within twice the total power through any history', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 5 }), {
          minLength: 1,
          maxLength: 12,
        }),
        (history) => {
          let set = setOf(history[0]!);
          for (const powers of history) {
            set = advance(
              withMembers(
                set,
                powers.map((power, i) => validator(i, BigInt(power))),
              ),
            );
            const priorities = set.validators.map((one) => one.priority);
            const sum = priorities.reduce((a, b) => a + b, 0n);
            const sorted = [...priorities].sort((a, b) => Number(a - b));
            const spread = sorted.at(-1)! - sorted[0]!;
            expect(sum < BigInt(priorities.length) && sum > -BigInt(priorities.length)).toBe(true);
            expect(spread <= 3n * set.totalPower).toBe(true);
          }
        },
      ),
    );
  });

  it('leaving and joining again never wins a turn', () => {
    const set = setOf([1, 1, 1, 1]);
    const without = withMembers(set, set.validators.slice(1));
    const rejoined = withMembers(without, [validator(0), ...set.validators.slice(1)]);
    expect(indexes(rejoined, 4)[3]).toBe(0);
  });
});

describe('sets', () => {
  it('are in address order, whatever order they come in', () => {
    const set = createValidatorSet([validator(2), validator(0), validator(1)]);
    expect(set.validators.map((one) => one.address)).toEqual([addressOf(0), addressOf(1), addressOf(2)]);
  });

  it('refuse emptiness, duplicates of address or key, and members without power', () => {
    expect(() => createValidatorSet([])).toThrow('at least one');
    expect(() => createValidatorSet([validator(0), validator(0)])).toThrow('listed twice');
    expect(() =>
      createValidatorSet([validator(0), { ...validator(1), blsPublicKey: validator(0).blsPublicKey }]),
    ).toThrow('share the key');
    expect(() => createValidatorSet([validator(0, 0n)])).toThrow('no power');
  });

  it('A6: an encoding out of address order is refused, and the hash is of the encoding', () => {
    const set = setOf([1, 2]);
    const swapped = { ...set, validators: [...set.validators].reverse() };
    expect(() => decodeValidatorSet(encodeValidatorSet(swapped))).toThrow('address order');
    expect(hashValidatorSet(set, (bytes) => new Uint8Array(32).fill(bytes.length & 0xff))).toMatch(
      /^0x[0-9a-f]{64}$/,
    );
  });

  it('a quorum is strictly more than two thirds, a minority strictly more than one third', () => {
    expect([isQuorum(2n, 3n), isQuorum(3n, 4n), isQuorum(67n, 100n), isQuorum(66n, 99n)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([isMinority(1n, 3n), isMinority(2n, 4n), isMinority(1n, 4n)]).toEqual([false, true, false]);
    const huge = 1n << 59n;
    expect(isQuorum(2n * huge, 3n * huge)).toBe(false);
    expect(isQuorum(2n * huge + 1n, 3n * huge)).toBe(true);
  });

  it('A2: a bitmap has one length and no spare bits', () => {
    expect(isCanonicalBitmap(Uint8Array.of(0b1111), 4)).toBe(true);
    expect(isCanonicalBitmap(Uint8Array.of(0b10000), 4)).toBe(false);
    expect(isCanonicalBitmap(Uint8Array.of(1, 0), 4)).toBe(false);
    expect(isCanonicalBitmap(Uint8Array.of(255), 8)).toBe(true);
    expect(isCanonicalBitmap(Uint8Array.of(255, 1), 9)).toBe(true);
    expect(isCanonicalBitmap(Uint8Array.of(255, 2), 9)).toBe(false);
  });
});
