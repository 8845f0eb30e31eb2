import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../../state/limits.ts';
import { sweepCommits } from '../../../../state/modules/contribution/apply.ts';
import {
  commitmentOf,
  contribution,
  contributions,
  contributionsOf,
  sequence,
} from '../../../../state/modules/views.ts';
import { Unavailable } from '../../../../state/types.ts';
import {
  approvalBody,
  approve,
  attestAll,
  commit,
  contribute,
  createDataNet,
  revealArguments,
  seat,
} from './story.ts';
import { createWorld, moduleNamed, OPEN, person, salt, type World } from './world.ts';

const [owner, writer, thief] = [person(1), person(2), person(3)];
let world: World;
let net: bigint;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner);
});

const module = () => moduleNamed('contribution').address;
const bits = (bytes: Uint8Array | undefined, count: number): number[] =>
  Array.from({ length: count }, (_, i) => ((bytes?.[i >> 3] ?? 0) >> (i & 7)) & 1);

describe('a contribution', () => {
  it('goes from commit over reveal to approval, and the deposit comes back with the reveal', async () => {
    const committed = await commit(world, writer, net, ['alpha', 'beta']);
    expect(world.balance(module())).toBe(OPEN);
    expect(contribution(world.view, committed.id)).toMatchObject({
      status: 'committed',
      commitSequence: 1,
      deposit: OPEN,
      revealed: undefined,
    });
    const { events } = await world.must('contribution', 'reveal', revealArguments(committed, 'two lines'), {
      from: writer,
    });
    expect(events[0]).toMatchObject({ name: 'Revealed', named: { size: 9n, recordCount: 2n } });
    expect(world.balance(writer)).toBe(OPEN);
    expect(world.balance(module())).toBe(0n);
    expect(contribution(world.view, committed.id)?.revealed).toEqual({
      artifactRoot: committed.artifact.root,
      size: 9,
      recordCount: 2,
      licence: 'CC-BY-4.0',
      metadata: 'two lines',
    });
    seat(world);
    const approved = await world.must('contribution', 'approve', [committed.id], { from: owner });
    expect(approved.events.map((event) => event.name)).toEqual(['SubjectOpened', 'ApprovalQueued']);
    expect(contribution(world.view, committed.id)).toMatchObject({
      status: 'queued',
      subject: approved.values[0],
      approval: undefined,
    });
    expect(attestAll(world).slice(-3)).toEqual(['Approved', 'SequenceExtended', 'SubjectActivated']);
    expect(contribution(world.view, committed.id)).toMatchObject({
      status: 'approved',
      approval: {
        sequenceIndex: 0,
        acceptedCount: 2,
        novelRecords: 2,
        novelBytes: 9,
        novelTokens: 2,
        tokens: 2,
        unquotedTokens: 2,
      },
    });
  });

  it('D2: the commitment binds sender, DataNet, root, size and salt', async () => {
    const committed = await commit(world, writer, net, ['alpha']);
    const [id, root, size, count, licence, metadata, secret] = revealArguments(committed);
    const other = world.addArtifact(['other']);
    for (const args of [
      [id, other.root, size, count, licence, metadata, secret],
      [id, root, 6n, count, licence, metadata, secret],
      [id, root, size, count, licence, metadata, salt(999_999)],
    ])
      expect(await world.call('contribution', 'reveal', args, { from: writer })).toMatchObject({
        error: 'CommitmentMismatch',
      });
    // Whoever copies a commitment out of the pool has committed to nothing that they can reveal.
    world.give(thief, OPEN);
    const copied = contribution(world.view, committed.id)?.commitment;
    const { values } = await world.must('contribution', 'commit', [net, copied], {
      from: thief,
      value: OPEN,
    });
    expect(
      await world.call('contribution', 'reveal', [values[0], root, size, count, licence, metadata, secret], {
        from: thief,
      }),
    ).toMatchObject({ error: 'CommitmentMismatch' });
    expect(
      await world.call('contribution', 'reveal', revealArguments(committed), { from: thief }),
    ).toMatchObject({
      error: 'NotContributor',
    });
    expect(
      new Set(
        [1n, 2n].map((dataNetId) =>
          commitmentOf({ sender: writer, dataNetId, artifactRoot: other.root, size: 5, salt: salt(1) }),
        ),
      ).size,
    ).toBe(2);
  });

  it('D2: can be revealed in the last block of its window', async () => {
    const committed = await commit(world, writer, net, ['alpha']);
    world.block.number += world.params.contribution.revealWindowBlocks;
    await world.must('contribution', 'reveal', revealArguments(committed), { from: writer });
  });

  it('D2: a late reveal reverts; the deposit burns to the treasury and the order key is lost', async () => {
    const committed = await commit(world, writer, net, ['alpha']);
    const windowBlocks = world.params.contribution.revealWindowBlocks;
    world.block.number += windowBlocks + 1;
    const late = { error: 'RevealTooLate', args: [BigInt(1 + windowBlocks), BigInt(2 + windowBlocks)] };
    expect(
      await world.call('contribution', 'reveal', revealArguments(committed), { from: writer }),
    ).toMatchObject(late);
    expect(world.balance(module())).toBe(OPEN);
    sweepCommits(world.system());
    expect(world.balance(module())).toBe(0n);
    expect(world.balance(world.params.treasury)).toBe(OPEN);
    expect(contribution(world.view, committed.id)?.status).toBe('forfeited');
    expect(
      await world.call('contribution', 'reveal', revealArguments(committed), { from: writer }),
    ).toMatchObject(late);
  });

  it('D2: the sweep burns what is due, no more, and each deposit once', async () => {
    const first = await commit(world, writer, net, ['a']);
    world.block.number += 10;
    const second = await commit(world, writer, net, ['b']);
    const third = await commit(world, thief, net, ['c']);
    await world.must('contribution', 'reveal', revealArguments(second), { from: writer });
    world.block.number = 1 + world.params.contribution.revealWindowBlocks;
    sweepCommits(world.system());
    const status = (id: typeof first.id) => contribution(world.view, id)?.status;
    expect([first, second, third].map(({ id }) => status(id))).toEqual([
      'forfeited',
      'revealed',
      'committed',
    ]);
    sweepCommits(world.system());
    world.block.number += 10;
    sweepCommits(world.system());
    expect(status(third.id)).toBe('forfeited');
    expect(world.balance(world.params.treasury)).toBe(2n * OPEN);
    expect(world.balance(module())).toBe(0n);
  });

  it('D3: limits are checked on what is declared, before bytes are needed and before gas for them', async () => {
    world = createWorld((params) => {
      params.contribution.maxBytes = 10;
      params.contribution.maxRecords = 3;
      params.contribution.maxRecordBytes = 6;
    });
    net = await createDataNet(world, owner);
    for (const [records, error] of [
      [['12345', '67890', '1'], { error: 'ContributionTooLarge', args: [11n, 10n] }],
      [['1', '2', '3', '4'], { error: 'TooManyRecords', args: [4n, 3n] }],
      [[], { error: 'EmptyContribution' }],
    ] as const) {
      const committed = await commit(world, writer, net, records);
      world.forgetArtifact(committed.artifact.root);
      expect(
        await world.call('contribution', 'reveal', revealArguments(committed), { from: writer }),
      ).toMatchObject(error);
    }
    expect(world.portCalls.artifact).toBe(0);
    for (const [records, error] of [
      [['1234567'], { error: 'RecordTooLarge', args: [7n, 6n] }],
      [['1', ''], { error: 'EmptyRecord' }],
      [[Uint8Array.of(0xff)], { error: 'InvalidUtf8' }],
    ] as const) {
      const committed = await commit(world, writer, net, records);
      expect(
        await world.call('contribution', 'reveal', revealArguments(committed), { from: writer }),
      ).toMatchObject(error);
    }
  });

  it('is refused if the bytes are not what was declared', async () => {
    const committed = await commit(world, writer, net, ['alpha', 'beta']);
    const args = revealArguments(committed);
    args[3] = 3n;
    expect(await world.call('contribution', 'reveal', args, { from: writer })).toMatchObject({
      error: 'ArtifactMismatch',
      args: [9n, 9n, 3n, 2n],
    });
  });

  it('B1: is unknown, neither right nor wrong, while this node does not hold the bytes', async () => {
    const committed = await commit(world, writer, net, ['alpha']);
    world.forgetArtifact(committed.artifact.root);
    await expect(
      world.call('contribution', 'reveal', revealArguments(committed), { from: writer }),
    ).rejects.toBeInstanceOf(Unavailable);
    expect(contribution(world.view, committed.id)?.status).toBe('committed');
  });

  it('E2: pays for its bytes before they are looked at', async () => {
    const committed = await commit(world, writer, net, ['x'.repeat(100_000)]);
    const perByte = world.params.contribution.gasPerArtifactByte;
    const calls = world.portCalls.artifact;
    await expect(
      world.call('contribution', 'reveal', revealArguments(committed), {
        from: writer,
        gas: 100_000n * perByte - 1n,
      }),
    ).rejects.toThrow(/gas/);
    expect(world.portCalls.artifact).toBe(calls);
    const { gas } = await world.must('contribution', 'reveal', revealArguments(committed), { from: writer });
    expect(gas).toBeGreaterThan(100_000n * perByte);
  });

  it('needs a published DataNet that is open to the sender, and the deposit', async () => {
    world.give(writer, 10n * OPEN);
    const root = salt(77);
    const { values } = await world.must('datanet', 'create', ['draft', '', '', []], { from: owner });
    const value = OPEN;
    expect(
      await world.call('contribution', 'commit', [values[0], root], { from: writer, value }),
    ).toMatchObject({
      error: 'DataNetNotPublished',
    });
    expect(await world.call('contribution', 'commit', [99n, root], { from: writer, value })).toMatchObject({
      error: 'UnknownDataNet',
    });
    expect(
      await world.call('contribution', 'commit', [net, root], { from: writer, value: 1n }),
    ).toMatchObject({
      error: 'DepositTooLow',
      args: [1n, OPEN],
    });
    await world.must('contribution', 'commit', [net, root], { from: writer, value });
    expect(await world.call('contribution', 'commit', [net, root], { from: writer, value })).toMatchObject({
      error: 'DuplicateCommitment',
    });
    await world.must('datanet', 'setPolicy', [net, 1n, ''], { from: owner });
    expect(
      await world.call('contribution', 'commit', [net, salt(78)], { from: writer, value }),
    ).toMatchObject({
      error: 'DataNetClosed',
    });
    expect(world.balance(writer)).toBe(9n * OPEN);
  });

  it('can be withdrawn before approval; an unrevealed deposit is lost', async () => {
    const hidden = await commit(world, writer, net, ['a']);
    const shown = await commit(world, writer, net, ['b']);
    await world.must('contribution', 'reveal', revealArguments(shown), { from: writer });
    await world.must('contribution', 'withdraw', [hidden.id], { from: writer });
    await world.must('contribution', 'withdraw', [shown.id], { from: writer });
    expect(world.balance(world.params.treasury)).toBe(OPEN);
    expect(world.balance(writer)).toBe(OPEN);
    expect(world.balance(module())).toBe(0n);
    for (const { id } of [hidden, shown]) {
      expect(await world.call('contribution', 'withdraw', [id], { from: writer })).toMatchObject({
        error: 'WrongStatus',
        args: [5n],
      });
      expect(await world.call('contribution', 'approve', [id], { from: owner })).toMatchObject({
        error: 'WrongStatus',
      });
    }
  });

  it('is judged by the owner of the DataNet only', async () => {
    const committed = await commit(world, writer, net, ['a']);
    expect(await world.call('contribution', 'approve', [committed.id], { from: owner })).toMatchObject({
      error: 'WrongStatus',
      args: [1n],
    });
    await world.must('contribution', 'reveal', revealArguments(committed), { from: writer });
    for (const name of ['approve', 'reject'] as const)
      expect(
        await world.call('contribution', name, name === 'approve' ? [committed.id] : [committed.id, 'no'], {
          from: writer,
        }),
      ).toMatchObject({ error: 'NotDataNetOwner', args: [writer] });
    await world.must('contribution', 'flag', [committed.id, 'looks copied'], { from: thief });
    await world.must('contribution', 'reject', [committed.id, 'copied'], { from: owner });
    expect(contribution(world.view, committed.id)).toMatchObject({ status: 'rejected', flags: 1 });
    expect(await world.call('contribution', 'approve', [salt(5)], { from: owner })).toMatchObject({
      error: 'UnknownContribution',
    });
  });

  it('B4: a record whose bytes stand in the DataNet under a lower order key is not accepted again', async () => {
    await contribute(world, owner, writer, net, ['one', 'two']);
    const copy = await contribute(world, owner, thief, net, ['two', 'three', 'three', 'one']);
    const found = contribution(world.view, copy);
    expect(found?.approval?.acceptedCount).toBe(1);
    expect(bits(found?.approval?.accepted, 4)).toEqual([0, 1, 0, 0]);
    const again = await commit(world, thief, net, ['three', 'one']);
    await world.must('contribution', 'reveal', revealArguments(again), { from: thief });
    expect(await approve(world, owner, again.id)).toContain('Rejected');
    expect(contribution(world.view, again.id)?.status).toBe('rejected');
    expect(sequence(world.view, 1, 0, 10)).toHaveLength(2);
  });

  it('B4: order is that of the commits: the earlier author comes in even if the copy was approved first', async () => {
    const original = await commit(world, writer, net, ['verse']);
    const copy = await contribute(world, owner, thief, net, ['verse']);
    await world.must('contribution', 'reveal', revealArguments(original), { from: writer });
    await approve(world, owner, original.id);
    const entries = sequence(world.view, 1, 0, 10);
    expect(entries.map((entry) => entry.contributionId)).toEqual([copy, original.id]);
    expect(entries[1]?.commitSequence).toBeLessThan(entries[0]?.commitSequence as number);
    // Now the lowest key is the author's; the next copy finds it.
    const third = await commit(world, thief, net, ['verse']);
    await world.must('contribution', 'reveal', revealArguments(third), { from: thief });
    expect(await approve(world, owner, third.id)).toContain('Rejected');
  });

  it('B4: the same bytes are new to another DataNet', async () => {
    const second = await createDataNet(world, owner, 'songs');
    await contribute(world, owner, writer, net, ['verse']);
    await contribute(world, owner, writer, second, ['verse']);
    expect(sequence(world.view, 2, 0, 10)).toHaveLength(1);
  });

  it('fits into one transaction with the most records allowed', async () => {
    const records = Array.from({ length: world.params.contribution.maxRecords }, (_, i) => `record ${i}`);
    const committed = await commit(world, writer, net, records);
    const cap = 1n << 24n;
    await world.must('contribution', 'reveal', revealArguments(committed), { from: writer, gas: cap });
    seat(world);
    const { gas } = await world.must('contribution', 'approve', [committed.id], { from: owner, gas: cap });
    expect(gas).toBeGreaterThan(10_000_000n);
    // And so does what validators publish about it.
    expect(approvalBody(world, committed.id).length).toBeLessThan(LIMITS.maxTransactionBytes / 2);
  });

  it('is listed by commit order and by DataNet', async () => {
    const second = await createDataNet(world, owner, 'songs');
    const a = await commit(world, writer, net, ['a']);
    const b = await commit(world, writer, second, ['b']);
    const c = await commit(world, thief, net, ['c']);
    expect(contributions(world.view, 1, 10).map((found) => found.id)).toEqual([a.id, b.id, c.id]);
    expect(contributions(world.view, 2, 1).map((found) => found.id)).toEqual([b.id]);
    expect(contributionsOf(world.view, 1, 0, 10).map((found) => found.id)).toEqual([a.id, c.id]);
    expect(contributionsOf(world.view, 2, 1, 10)).toEqual([]);
    expect((await world.must('contribution', 'contributionAt', [2n], { from: owner })).values).toEqual([
      b.id,
    ]);
  });
});
