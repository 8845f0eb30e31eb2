import { beforeEach, describe, expect, it } from 'vitest';
import { asRound } from '../../../../consensus/types.ts';
import { advance, proposerAt } from '../../../../consensus/validator-set/rotation.ts';
import { encodeValidatorSet } from '../../../../consensus/validator-set/set.ts';
import type { GenesisValidator } from '../../../../genesis/types.ts';
import { createConsensusKey, provePossession } from '../../../../node/keys/consensus-key.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { MAX_UNBONDINGS } from '../../../../state/modules/limits.ts';
import { countAbsent } from '../../../../state/modules/staking/downtime.ts';
import { rememberCertificate, slash } from '../../../../state/modules/staking/sets.ts';
import { isKeyUsed, readSet } from '../../../../state/modules/staking/storage.ts';
import { certificateHash, validatorSets, validators } from '../../../../state/modules/views.ts';
import type { Hex } from '../../../../state/types.ts';
import { createWorld, GENESIS_HASH, moduleNamed, OPEN, person, type World } from './world.ts';

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

const newKey = (operator: Hex) => {
  const key = createConsensusKey();
  return { key: key.publicKey, proof: provePossession(key, operator, GENESIS_HASH) };
};
const powersAfterNext = () =>
  validatorSets(world.view).afterNext.map(({ address, power }) => [address, power]);

describe('joining', () => {
  const newcomer = person(9);
  const join = async (value = 25n * OPEN, from = newcomer) => {
    const { key, proof } = newKey(from);
    world.give(from, value);
    return world.call('staking', 'register', [key, proof, person(90)], { from, value });
  };

  it('A9: who proves to hold a key is in the set after next, behind all others in turn', async () => {
    expect(await join()).toMatchObject({ ok: true });
    expect(powersAfterNext()).not.toContainEqual([newcomer, 25n]);
    await world.endBlock();
    expect(powersAfterNext()).toContainEqual([newcomer, 25n]);
    const { next, afterNext } = validatorSets(world.view);
    expect(next.map(({ address }) => address)).not.toContain(newcomer);
    const own = afterNext.find(({ address }) => address === newcomer);
    expect(own).toMatchObject({ recipient: person(90) });
    expect(afterNext.every(({ priority }) => priority >= (own?.priority ?? 0n))).toBe(true);
  });

  it('A9: a proof for another operator, another chain or another key, and mangled points, are refused', async () => {
    const { key, proof } = newKey(newcomer);
    const other = newKey(newcomer);
    const elsewhere = createConsensusKey();
    world.give(newcomer, 100n * OPEN);
    const infinity = new Uint8Array(48).fill(0xc0, 0, 1);
    for (const [publicKey, possession] of [
      [key, newKey(person(8)).proof],
      [key, other.proof],
      [elsewhere.publicKey, provePossession(elsewhere, newcomer, 20_300)],
      [infinity, new Uint8Array(96).fill(0xc0, 0, 1)],
      [key.subarray(1), proof],
      [key, proof.subarray(1)],
      [key.map((byte, i) => (i === 40 ? byte ^ 1 : byte)), proof],
      [new Uint8Array(0), new Uint8Array(0)],
    ] as const)
      expect(
        await world.call('staking', 'register', [publicKey, possession, person(90)], {
          from: newcomer,
          value: 25n * OPEN,
        }),
      ).toMatchObject({ error: 'NotInPossession' });
    expect(world.balance(newcomer)).toBe(100n * OPEN);
  });

  it('A9: an operator registers once, a key is used once for ever, and a bond is a unit of power at least', async () => {
    expect(await join(OPEN - 1n)).toMatchObject({ error: 'BondTooLow', args: [OPEN - 1n, OPEN] });
    await join();
    expect(await join()).toMatchObject({ error: 'AlreadyRegistered' });
    // A key that is in use: a founder's.
    const key = createConsensusKey();
    const used = createWorld();
    await used.found({
      validators: [{ ...founder(1, OPEN), blsPublicKey: `0x${Buffer.from(key.publicKey).toString('hex')}` }],
    });
    used.give(newcomer, 2n * OPEN);
    expect(
      await used.call(
        'staking',
        'register',
        [key.publicKey, provePossession(key, newcomer, GENESIS_HASH), newcomer],
        { from: newcomer, value: 2n * OPEN },
      ),
    ).toMatchObject({ error: 'KeyUsed' });
  });

  it('adds to a bond, and changes who is paid, in the set after next', async () => {
    world.give(person(1), 5n * OPEN);
    await world.must('staking', 'bond', [], { from: person(1), value: 5n * OPEN });
    await world.must('staking', 'setRecipient', [person(77)], { from: person(1) });
    await world.endBlock();
    expect(validatorSets(world.view).afterNext[0]).toMatchObject({ power: 15n, recipient: person(77) });
    expect(await world.call('staking', 'bond', [], { from: person(1) })).toMatchObject({
      error: 'ZeroAmount',
    });
    expect(await world.call('staking', 'bond', [], { from: newcomer })).toMatchObject({
      error: 'UnknownValidator',
    });
    expect(
      await world.call('staking', 'setRecipient', [`0x${'00'.repeat(20)}`], { from: person(1) }),
    ).toMatchObject({ error: 'ZeroAddress' });
  });

  it('a full list pushes its weakest out for somebody stronger, with the bond on its way back', async () => {
    world = createWorld((params) => Object.assign(params.staking, { maxValidators: 4 }));
    await world.found({ validators: founders });
    for (let n = 11; n <= 14; n++) expect(await join(5n * OPEN, person(n))).toMatchObject({ ok: true });
    expect(validators(world.view, world.params)).toHaveLength(8);
    expect(await join(5n * OPEN)).toMatchObject({ error: 'NoRoom', args: [5n] });
    expect(await join(6n * OPEN)).toMatchObject({ ok: true });
    const listed = validators(world.view, world.params).map(({ operator }) => operator);
    expect(listed).toHaveLength(8);
    expect(listed).not.toContain(person(14));
    const { values } = await world.must('staking', 'unbondings', [person(14)], { from: newcomer });
    expect(values[0]).toMatchObject([{ amount: 5n * OPEN }]);
    await world.endBlock();
    // Four seats: the strongest, ties by address.
    expect(validatorSets(world.view).afterNext.map(({ address }) => address)).toEqual(
      [1, 2, 3, 4].map(person),
    );
    // Whom it happened to may come back with more.
    world.give(person(14), 7n * OPEN);
    await world.must('staking', 'bond', [], { from: person(14), value: 7n * OPEN });
    expect(validators(world.view, world.params).map(({ operator }) => operator)).toContain(person(14));
  });
});

describe('leaving', () => {
  const unbond = (amount: bigint, from = person(4)) => world.call('staking', 'unbond', [amount], { from });
  const waiting = async (operator = person(4)) =>
    (await world.must('staking', 'unbondings', [operator], { from: operator })).values[0] as {
      amount: bigint;
      releasedAt: bigint;
    }[];

  it('A11: power goes in the set after next, coins when no evidence of that time counts any more', async () => {
    const supply = world.supply();
    expect(await unbond(12n * OPEN)).toMatchObject({ ok: true });
    await world.endBlock();
    expect(powersAfterNext()).toContainEqual([person(4), 18n]);
    const { evidenceMaxAgeBlocks } = world.params.consensus;
    const [entry] = await waiting();
    // Block 1 took it out: it still stands behind what is signed for block 2, evidence of which block 2 + age may carry.
    expect(entry).toEqual({ amount: 12n * OPEN, releasedAt: BigInt(1 + 2 + evidenceMaxAgeBlocks) });
    world.block.number = Number(entry?.releasedAt) - 1;
    expect(await world.call('staking', 'withdraw', [], { from: person(4) })).toMatchObject({
      error: 'NothingToWithdraw',
    });
    world.block.number += 1;
    const { values } = await world.must('staking', 'withdraw', [], { from: person(4) });
    expect(values).toEqual([12n * OPEN]);
    expect(world.balance(person(4))).toBe(12n * OPEN);
    expect(await waiting()).toEqual([]);
    expect(world.supply()).toBe(supply);
  });

  it('takes the whole bond or leaves a unit of power, and never more than there is', async () => {
    expect(await unbond(0n)).toMatchObject({ error: 'ZeroAmount' });
    expect(await unbond(31n * OPEN)).toMatchObject({ error: 'BondTooLow', args: [30n * OPEN, 31n * OPEN] });
    expect(await unbond(30n * OPEN - 1n)).toMatchObject({ error: 'BondTooLow', args: [1n, OPEN] });
    expect(await unbond(OPEN, person(9))).toMatchObject({ error: 'UnknownValidator' });
    expect(await unbond(30n * OPEN)).toMatchObject({ ok: true });
    expect(validators(world.view, world.params).map(({ operator }) => operator)).toEqual(
      [1, 2, 3].map(person),
    );
    await world.endBlock();
    expect(powersAfterNext().map(([operator]) => operator)).toEqual([1, 2, 3].map(person));
  });

  it('the last one with power stays', async () => {
    for (const n of [1, 2, 3])
      await world.must('staking', 'unbond', [n === 2 ? 20n * OPEN : 10n * OPEN], { from: person(n) });
    expect(await unbond(30n * OPEN)).toMatchObject({ error: 'LastValidator' });
    expect(await unbond(29n * OPEN)).toMatchObject({ ok: true });
  });

  it('what was taken out is slashed as the rest is, wherever it waits', async () => {
    for (let i = 0; i < 2; i++) {
      expect(await unbond(10n * OPEN - 1n)).toMatchObject({ ok: true });
      await world.endBlock();
    }
    const before = [...(await waiting())];
    const held = world.balance(moduleNamed('staking').address);
    const parts = [10n * OPEN + 2n, ...before.map(({ amount }) => amount)].map((amount) => amount / 20n);
    expect(slash(world.system(), person(4), { bps: 500, jail: true })).toBe(
      parts.reduce((sum, part) => sum + part, 0n),
    );
    const after = await waiting();
    expect(after.map(({ amount }) => amount)).toEqual(
      before.map(({ amount }) => amount - (amount * 500n) / 10_000n),
    );
    const taken = held - world.balance(moduleNamed('staking').address);
    expect(taken).toBe(world.balance(world.params.treasury));
  });

  it('more withdrawals than are kept apart wait together with the last one', async () => {
    for (let i = 0; i < MAX_UNBONDINGS + 3; i++) {
      await unbond(OPEN);
      await world.endBlock();
    }
    const list = await waiting();
    expect(list).toHaveLength(MAX_UNBONDINGS);
    expect(list.at(-1)?.amount).toBe(4n * OPEN);
    expect(list.reduce((sum, { amount }) => sum + amount, 0n)).toBe(BigInt(MAX_UNBONDINGS + 3) * OPEN);
    // Some are released: the ring goes round.
    world.block.number = Number(list[4]?.releasedAt);
    expect((await world.must('staking', 'withdraw', [], { from: person(4) })).values).toEqual([5n * OPEN]);
    await unbond(OPEN);
    expect((await waiting()).map(({ amount }) => amount)).toEqual([
      ...list.slice(5).map(({ amount }) => amount),
      OPEN,
    ]);
  });
});

describe('jail', () => {
  it('is left by a transaction, when its time is over and a bond is left', async () => {
    slash(world.system(), person(4), { bps: 500, jail: true });
    await world.endBlock();
    const until = validators(world.view, world.params)[3]?.jailedUntil ?? 0;
    expect(until).toBe(1 + world.params.consensus.evidenceMaxAgeBlocks);
    world.block.number = until - 1;
    const unjail = () => world.call('staking', 'unjail', [], { from: person(4) });
    expect(await unjail()).toMatchObject({ error: 'StillJailed', args: [BigInt(until), BigInt(until - 1)] });
    world.block.number = until;
    expect(await unjail()).toMatchObject({ ok: true });
    expect(validators(world.view, world.params)[3]).toMatchObject({ jailed: false, power: 28n });
    expect(await unjail()).toMatchObject({ error: 'NotJailed' });
    slash(world.system(), person(1), { bps: 10_000, jail: true });
    world.block.number += world.params.consensus.evidenceMaxAgeBlocks;
    expect(await world.call('staking', 'unjail', [], { from: person(1) })).toMatchObject({
      error: 'BondTooLow',
    });
  });

  it('A7: is for who is absent from more than half of a window, costs nothing, and starts anew with each window', async () => {
    const size = 1_000;
    world = createWorld((params) => Object.assign(params.consensus, { downtimeWindowBlocks: size }));
    await world.found({ validators: founders });
    const all = 0b1111;
    const absent = all & ~(1 << 3);
    const block = async (bitmap: number) => {
      countAbsent(world.system(), { round: 0, bitmap: Uint8Array.of(bitmap), signature: new Uint8Array(96) });
      await world.endBlock();
    };
    countAbsent(world.system(), null);
    await world.endBlock();
    // Absent from exactly half of the first window, and of the second one that follows: nothing happens.
    while (world.block.number <= size) await block(world.block.number <= size / 2 + 1 ? absent : all);
    while (world.block.number <= size + size / 2) await block(absent);
    expect(validators(world.view, world.params)[3]).toMatchObject({ jailed: false });
    await block(absent);
    expect(validators(world.view, world.params)[3]).toMatchObject({
      jailed: true,
      power: 0n,
      bond: 30n * OPEN,
      jailedUntil: size + size / 2 + 1 + size,
    });
    expect(powersAfterNext().map(([operator]) => operator)).toEqual([1, 2, 3].map(person));
    // It voted for two blocks more, absent as it was.
    await block(absent);
    await block(absent);
    await block(0b111);
    expect(world.balance(world.params.treasury)).toBe(0n);
  });

  it('A7: keeps the last validator with power out', async () => {
    world = createWorld((params) => Object.assign(params.consensus, { downtimeWindowBlocks: 1_000 }));
    await world.found({ validators: [founder(1, OPEN)] });
    await world.endBlock();
    for (let i = 0; i < 700; i++) {
      countAbsent(world.system(), { round: 0, bitmap: Uint8Array.of(0), signature: new Uint8Array(96) });
      await world.endBlock();
    }
    expect(validators(world.view, world.params)[0]).toMatchObject({ jailed: false, power: 1n });
  });
});
