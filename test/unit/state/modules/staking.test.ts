import { beforeEach, describe, expect, it } from 'vitest';
import { asRound } from '../../../../consensus/types.ts';
import { advance, proposerAt } from '../../../../consensus/validator-set/rotation.ts';
import { encodeValidatorSet } from '../../../../consensus/validator-set/set.ts';
import type { GenesisValidator } from '../../../../genesis/types.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { rememberCertificate, slash } from '../../../../state/modules/staking/sets.ts';
import { isKeyUsed, readSet } from '../../../../state/modules/staking/storage.ts';
import { certificateHash, validatorSets, validators } from '../../../../state/modules/views.ts';
import type { Hex } from '../../../../state/types.ts';
import { createWorld, moduleNamed, OPEN, person, type World } from './world.ts';

const founder = (n: number, bond: bigint): GenesisValidator => ({
  address: person(n),
  blsPublicKey: `0x${n.toString(16).padStart(2, '0').repeat(48)}`,
  proofOfPossession: `0x${'00'.repeat(96)}`,
  bond,
  recipient: person(n + 100),
});
const founders = [
  founder(4, 30n * OPEN),
  founder(2, 20n * OPEN),
  founder(3, 10n * OPEN),
  founder(1, 10n * OPEN),
];

let world: World;
beforeEach(async () => {
  world = createWorld();
  await world.found({ validators: founders });
});
const hash = (n: number): Hex => keccakHex(Uint8Array.of(n & 255, n >> 8));

describe('staking', () => {
  it('holds the bonds of the founders and lists them in address order', () => {
    expect(world.balance(moduleNamed('staking').address)).toBe(70n * OPEN);
    expect(validators(world.view, world.params).map(({ operator, power }) => [operator, power])).toEqual([
      [person(1), 10n],
      [person(2), 20n],
      [person(3), 10n],
      [person(4), 30n],
    ]);
  });

  it('refuses a genesis without founders, with twice the same address or key, or with too small a bond', async () => {
    for (const list of [
      [],
      [founder(1, OPEN), founder(1, OPEN)],
      [founder(1, OPEN), { ...founder(2, OPEN), blsPublicKey: founder(1, OPEN).blsPublicKey }],
      [founder(1, OPEN - 1n)],
    ])
      await expect(createWorld().found({ validators: list })).rejects.toMatchObject({ code: 'BAD_GENESIS' });
  });

  it('A6: the state after H fixes set(H+1) and set(H+2); set(H+1) never changes once fixed', async () => {
    let announced = validatorSets(world.view).afterNext;
    expect(validatorSets(world.view).next.map((member) => member.priority)).toEqual([0n, 0n, 0n, 0n]);
    for (let i = 0; i < 20; i++) {
      if (i === 7) slash(world.system(), person(4), { bps: 500, jail: true });
      await world.endBlock();
      const sets = validatorSets(world.view);
      expect(sets.next).toEqual(announced);
      announced = sets.afterNext;
    }
  });

  it('A6: priorities advance every block by the rule of consensus, so that a snapshot elects the same proposer', async () => {
    let expected = readSet(world.view, 2);
    const turns = new Map<Hex, number>();
    for (let height = 3; height < 73; height++) {
      await world.endBlock();
      expected = advance(expected!);
      const stored = readSet(world.view, height);
      expect(encodeValidatorSet(stored!)).toEqual(encodeValidatorSet(expected));
      const { address } = proposerAt(stored!, asRound(0));
      turns.set(address, (turns.get(address) ?? 0) + 1);
    }
    expect([...turns].sort()).toEqual([
      [person(1), 10],
      [person(2), 20],
      [person(3), 10],
      [person(4), 30],
    ]);
  });

  it('A6: a slash lowers power in the set after next, and jail removes the member', async () => {
    expect(slash(world.system(), person(4), { bps: 5_000, jail: false })).toBe(15n * OPEN);
    expect(world.balance(world.params.treasury)).toBe(15n * OPEN);
    const powers = () => validatorSets(world.view).afterNext.map((member) => member.power);
    expect(powers()).toEqual([10n, 20n, 10n, 30n]);
    await world.endBlock();
    expect(powers()).toEqual([10n, 20n, 10n, 15n]);
    expect(validatorSets(world.view).next.map((member) => member.power)).toEqual([10n, 20n, 10n, 30n]);
    slash(world.system(), person(2), { bps: 500, jail: true });
    await world.endBlock();
    expect(validatorSets(world.view).afterNext.map((member) => member.address)).toEqual([
      person(1),
      person(3),
      person(4),
    ]);
    expect(validators(world.view, world.params)[1]).toMatchObject({
      jailed: true,
      power: 0n,
      bond: 19n * OPEN,
    });
    expect(slash(world.system(), person(9), { bps: 500, jail: true })).toBe(0n);
    expect(world.balance(moduleNamed('staking').address)).toBe(54n * OPEN);
  });

  it('A6: the last set stays when nobody has power', async () => {
    for (const { address } of founders) slash(world.system(), address, { bps: 500, jail: true });
    await world.endBlock();
    expect(validatorSets(world.view).afterNext).toHaveLength(4);
  });

  it('A6: state keeps the sets of four heights', async () => {
    for (let i = 0; i < 5; i++) await world.endBlock();
    // The last finished block is 5: sets 4 to 7.
    for (const [height, known] of [
      [3, false],
      [4, true],
      [7, true],
      [8, false],
    ] as const)
      expect(
        await world.call('staking', 'validatorSet', [BigInt(height)], { from: person(1) }),
      ).toMatchObject({
        ok: known,
      });
  });

  it('A4: certificates are read by block number from a ring of 8,191', () => {
    const at = (number: number) => {
      world.block.number = number;
      rememberCertificate(world.system(), hash(number - 1));
    };
    at(1);
    expect(certificateHash(world.view, 0)).toBeUndefined();
    for (let number = 2; number <= 8_300; number++) at(number);
    expect(certificateHash(world.view, 8_299)).toBe(hash(8_299));
    expect(certificateHash(world.view, 8_299 - 8_190)).toBe(hash(109));
    expect(certificateHash(world.view, 108)).toBeUndefined();
    expect(certificateHash(world.view, 8_300)).toBeUndefined();
    expect(certificateHash(world.view, -1)).toBeUndefined();
  });

  it('A9: a BLS key is used once for ever', async () => {
    slash(world.system(), person(1), { bps: 10_000, jail: true });
    for (const { blsPublicKey } of founders) expect(isKeyUsed(world.view, blsPublicKey)).toBe(true);
    expect(isKeyUsed(world.view, founder(77, 1n).blsPublicKey)).toBe(false);
  });

  it('shows itself to contracts', async () => {
    const { values } = await world.must('staking', 'validator', [person(2)], { from: person(9) });
    expect(values[0]).toMatchObject({ operator: person(2), bond: 20n * OPEN, power: 20n, jailed: false });
    expect(await world.call('staking', 'validator', [person(9)], { from: person(9) })).toMatchObject({
      error: 'UnknownValidator',
    });
    expect(await world.call('staking', 'certificateHash', [5n], { from: person(9) })).toMatchObject({
      error: 'OutOfRange',
    });
  });
});
