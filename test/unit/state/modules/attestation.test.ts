import { beforeEach, describe, expect, it } from 'vitest';
import type { ChainParams } from '../../../../genesis/types.ts';
import { sweepSubjects } from '../../../../state/modules/attestation/subjects.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { consumers } from '../../../../state/modules/registry.ts';
import {
  attestations,
  contribution,
  openSubjects,
  sequence,
  subject,
} from '../../../../state/modules/views.ts';
import type { Hex } from '../../../../state/types.ts';
import {
  approvalBody,
  attestAll,
  attestation,
  commit,
  createDataNet,
  revealArguments,
  seat,
} from './story.ts';
import { createWorld, person, salt, type World } from './world.ts';

const [owner, writer] = [person(1), person(2)];
const signature = new Uint8Array(96);
const wrong = salt(0xbad);
let world: World;
let net: bigint;

async function begin(change: (params: ChainParams) => void = () => {}): Promise<void> {
  world = createWorld(change);
  net = await createDataNet(world, owner);
}
beforeEach(() => begin());

/** A contribution that its owner approved; validators have said nothing yet. */
async function queued(records: readonly string[]): Promise<{ id: Hex; key: Hex }> {
  const committed = await commit(world, writer, net, records);
  await world.must('contribution', 'reveal', revealArguments(committed), { from: writer });
  const { values } = await world.must('contribution', 'approve', [committed.id], { from: owner });
  return { id: committed.id, key: values[0] as Hex };
}

const rootOf = (id: Hex): Hex => keccakHex(approvalBody(world, id));
const statusOf = (key: Hex) => subject(world.view, key, world.params)?.status;
const attest = (key: Hex, validator: Hex, root: Hex) =>
  attestation(world, { op: 'attest', subject: key, validator, root, signature });
const publish = (key: Hex, object: Uint8Array) => attestation(world, { op: 'publish', subject: key, object });
const wait = () => {
  world.block.number += world.params.attestation.activationBlocks;
};

describe('a subject', () => {
  it('B4: is attested by more than two thirds of the power, not of the heads', async () => {
    const [whale, ...rest] = seat(world, [6n, 1n, 1n, 1n]);
    const { id, key } = await queued(['one']);
    for (const small of rest) expect(attest(key, small, rootOf(id)).events).toEqual(['Attested']);
    expect(statusOf(key)).toBe('open');
    expect(attest(key, whale!, rootOf(id)).events).toEqual(['Attested', 'SubjectAttested']);
    expect(statusOf(key)).toBe('attested');
  });

  it('B4: exactly two thirds are not enough', async () => {
    const [a, b, c] = seat(world, [1n, 1n, 1n]);
    const { id, key } = await queued(['one']);
    attest(key, a!, rootOf(id));
    expect(attest(key, b!, rootOf(id)).events).toEqual(['Attested']);
    expect(attest(key, c!, rootOf(id)).events).toEqual(['Attested', 'SubjectAttested']);
  });

  it('B4: enters the DataNet when its object is published, not before activationBlocks have passed', async () => {
    const validators = seat(world);
    const { id, key } = await queued(['one', 'one', 'two']);
    const object = approvalBody(world, id);
    expect(publish(key, object)).toMatchObject({ early: true });
    for (const validator of validators.slice(0, 3)) attest(key, validator, keccakHex(object));
    expect(subject(world.view, key, world.params)).toMatchObject({
      root: keccakHex(object),
      activeFrom: world.block.number + world.params.attestation.activationBlocks,
    });
    world.block.number += world.params.attestation.activationBlocks - 1;
    expect(publish(key, object)).toMatchObject({ early: true });
    world.block.number += 1;
    expect(publish(key, Uint8Array.of(...object.subarray(0, -1), 1))).toMatchObject({ early: false });
    expect(sequence(world.view, Number(net), 0, 10)).toEqual([]);
    expect(publish(key, object).events).toEqual(['Approved', 'SequenceExtended', 'SubjectActivated']);
    expect(contribution(world.view, id)).toMatchObject({
      status: 'approved',
      approval: { acceptedCount: 2, accepted: Uint8Array.of(0b101) },
    });
    expect(publish(key, object)).toMatchObject({ early: false, problem: expect.stringContaining('active') });
  });

  it('is for the members of the set of its opening block, whoever sits there later', async () => {
    const [a, b, c, d] = seat(world);
    const { id, key } = await queued(['one']);
    world.block.number += 1;
    const newcomers = seat(world, [1n, 1n, 1n, 1n, 100n]);
    expect(attest(key, newcomers[4]!, rootOf(id))).toMatchObject({
      early: false,
      problem: expect.stringContaining('not in the set'),
    });
    for (const old of [a!, b!, c!]) attest(key, old, rootOf(id));
    expect(statusOf(key)).toBe('attested');
    expect(attestations(world.view, key)?.map(({ validator }) => validator)).toEqual([a, b, c, d]);
  });

  it('counts what a validator says once, and nothing after it is settled', async () => {
    const [a, b, c, d] = seat(world);
    const { id, key } = await queued(['one']);
    attest(key, a!, rootOf(id));
    expect(attest(key, a!, rootOf(id))).toMatchObject({
      early: false,
      problem: expect.stringMatching(/already/),
    });
    attest(key, b!, rootOf(id));
    attest(key, c!, rootOf(id));
    expect(attest(key, d!, rootOf(id))).toMatchObject({ problem: expect.stringContaining('is attested') });
    expect(attest(salt(77), a!, rootOf(id))).toMatchObject({ early: true });
    expect(attest(key, d!, salt(0))).toMatchObject({ problem: 'zero is no root' });
  });

  it('is frozen as soon as no root can reach two thirds; disagreement costs nobody anything', async () => {
    const [a, b, c, d] = seat(world);
    const { id, key } = await queued(['one']);
    const right = rootOf(id);
    attest(key, a!, right);
    attest(key, b!, wrong);
    // Three of four can still agree.
    expect(statusOf(key)).toBe('open');
    expect(attest(key, c!, salt(0xbad2)).events).toEqual(['Attested', 'SubjectFrozen', 'ApprovalFrozen']);
    expect(subject(world.view, key, world.params)).toMatchObject({
      status: 'frozen',
      reason: 'disagreement',
    });
    expect(contribution(world.view, id)).toMatchObject({ status: 'frozen', approval: undefined });
    expect(attest(key, d!, right)).toMatchObject({ problem: expect.stringContaining('is frozen') });
    expect(openSubjects(world.view)).toEqual([]);
    expect((await world.must('attestation', 'status', [key], { from: owner })).values).toEqual([4n]);
  });

  it('may be opened again for what was frozen, and can be withdrawn or rejected meanwhile', async () => {
    const [a, b] = seat(world, [1n, 1n]);
    const { id, key } = await queued(['one']);
    attest(key, a!, wrong);
    attest(key, b!, rootOf(id));
    expect(statusOf(key)).toBe('frozen');
    const { values } = await world.must('contribution', 'approve', [id], { from: owner });
    expect(values[0]).not.toBe(key);
    expect(attestAll(world)).toContain('Approved');
    expect(contribution(world.view, id)?.subject).toBe(values[0]);
  });

  it('is frozen when it is too old, so that nothing waits behind it for ever', async () => {
    await begin((params) => {
      params.attestation.expiryBlocks = 5;
    });
    const [a, b, c] = seat(world);
    const first = await queued(['one']);
    const second = await queued(['one', 'two']);
    const root = rootOf(second.id);
    for (const validator of [a!, b!, c!]) attest(second.key, validator, root);
    world.block.number += 4;
    sweepSubjects(world.system(), consumers);
    expect(statusOf(first.key)).toBe('open');
    world.block.number += 1;
    seat(world);
    sweepSubjects(world.system(), consumers);
    expect(subject(world.view, first.key, world.params)).toMatchObject({
      status: 'frozen',
      reason: 'expired',
    });
    // What was behind it is computed again, without it.
    expect(subject(world.view, second.key, world.params)).toMatchObject({ reason: 'superseded' });
    expect(contribution(world.view, second.id)?.status).toBe('queued');
    attestAll(world);
    expect(contribution(world.view, second.id)).toMatchObject({ approval: { acceptedCount: 2 } });
  });

  it('bounds how many there are at once', async () => {
    await begin((params) => {
      params.attestation.maxOpen = 2;
    });
    seat(world);
    await queued(['one']);
    await queued(['two']);
    const third = await commit(world, writer, net, ['three']);
    await world.must('contribution', 'reveal', revealArguments(third), { from: writer });
    expect(await world.call('contribution', 'approve', [third.id], { from: owner })).toMatchObject({
      error: 'TooManySubjects',
      args: [2n],
    });
    attestAll(world);
    await world.must('contribution', 'approve', [third.id], { from: owner });
  });
});

describe('two roots of one validator for one subject', () => {
  it('cost bond and seat, once, and the first root stands', async () => {
    await world.found({
      validators: [1, 2, 3, 4].map((n) => ({
        address: person(0xa0 + n),
        blsPublicKey: `0x${(0xa0 + n).toString(16).repeat(48)}`,
        proofOfPossession: `0x${'00'.repeat(96)}`,
        bond: 100n * world.params.staking.powerUnit,
        recipient: person(0xa0 + n),
      })),
    });
    const { id, key } = await queued(['one']);
    const liar = person(0xa1);
    attest(key, liar, rootOf(id));
    const supply = world.supply();
    expect(attest(key, liar, wrong).events).toEqual(['DoubleAttestation', 'Slashed', 'Jailed']);
    expect(world.balance(world.params.treasury)).toBe(5n * world.params.staking.powerUnit);
    expect(world.supply()).toBe(supply);
    expect(attest(key, liar, salt(5))).toMatchObject({ problem: expect.stringContaining('was punished') });
    expect(attestations(world.view, key)?.find(({ validator }) => validator === liar)?.root).toBe(rootOf(id));
    expect(subject(world.view, key, world.params)).toMatchObject({ votedPower: 100n });
    // Long after the subject is done it is an offence still, until evidence is too old.
    attestAll(world);
    expect(statusOf(key)).toBe('active');
    world.block.number += world.params.consensus.evidenceMaxAgeBlocks;
    const other = person(0xa2);
    expect(attest(key, other, wrong).events).toEqual(['DoubleAttestation', 'Slashed', 'Jailed']);
    world.block.number += 1;
    expect(attest(key, person(0xa3), wrong)).toMatchObject({
      problem: expect.stringContaining('too long ago'),
    });
  });
});

describe('what is queued in a DataNet', () => {
  it('B4: enters in the order of approval, whatever is attested first, and counts what is queued before it', async () => {
    const validators = seat(world);
    const first = await queued(['one', 'two']);
    const second = await queued(['two', 'three']);
    const [one, two] = [first, second].map(({ id }) => approvalBody(world, id)) as [Uint8Array, Uint8Array];
    for (const validator of validators.slice(0, 3)) attest(second.key, validator, keccakHex(two));
    wait();
    expect(publish(second.key, two)).toMatchObject({ early: true });
    for (const validator of validators.slice(0, 3)) attest(first.key, validator, keccakHex(one));
    wait();
    expect(publish(second.key, two)).toMatchObject({ early: true });
    expect(publish(first.key, one).events).toContain('Approved');
    expect(publish(second.key, two).events).toContain('Approved');
    expect(sequence(world.view, Number(net), 0, 10).map(({ contributionId }) => contributionId)).toEqual([
      first.id,
      second.id,
    ]);
    expect(contribution(world.view, second.id)?.approval?.accepted).toEqual(Uint8Array.of(0b10));
  });

  it('does not wait for another DataNet', async () => {
    seat(world);
    await queued(['one']);
    net = await createDataNet(world, owner, 'songs');
    const { id, key } = await queued(['one']);
    const object = approvalBody(world, id);
    for (const { validator } of attestations(world.view, key)!.slice(0, 3))
      attest(key, validator, keccakHex(object));
    wait();
    expect(publish(key, object).events).toContain('Approved');
  });

  it('is frozen if two thirds attest bytes that mean nothing', async () => {
    const validators = seat(world);
    const { id, key } = await queued(['one']);
    const right = approvalBody(world, id);
    const bodies = [Uint8Array.of(1, 2, 3), right.slice(0, -32), Uint8Array.of(...right, 0)];
    for (const object of bodies) {
      const state = world.digest();
      for (const validator of validators.slice(0, 3)) {
        const current = contribution(world.view, id)!.subject as Hex;
        attest(current, validator, keccakHex(object));
      }
      wait();
      seat(world);
      const current = contribution(world.view, id)!.subject as Hex;
      expect(publish(current, object).events).toEqual(['SubjectFrozen', 'ApprovalFrozen']);
      expect(subject(world.view, current, world.params)).toMatchObject({ reason: 'malformed' });
      expect(world.digest()).not.toBe(state);
      await world.must('contribution', 'approve', [id], { from: owner });
    }
    expect(attestAll(world)).toContain('Approved');
    expect(statusOf(key)).toBe('frozen');
  });
});
