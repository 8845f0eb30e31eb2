import { beforeEach, describe, expect, it } from 'vitest';
import { dataNetInterface } from '../../../../state/modules/interfaces.ts';
import { dataNet, dataNets, sequence, snapshot } from '../../../../state/modules/views.ts';
import { contribute, createDataNet } from './story.ts';
import { createWorld, moduleNamed, person, type World } from './world.ts';

const [owner, other, writer] = [person(1), person(2), person(3)];
let world: World;
beforeEach(() => {
  world = createWorld();
});

describe('a DataNet', () => {
  it('is created as a draft with its words, and published by its owner', async () => {
    const { values, events } = await world.must('datanet', 'create', ['poems', 's', 'd', ['a', 'b']], {
      from: owner,
    });
    expect(values).toEqual([1n]);
    expect(events).toEqual([{ name: 'Created', named: { id: 1n, owner, name: 'poems' } }]);
    expect(dataNet(world.view, 1)).toMatchObject({
      id: 1,
      owner,
      status: 'draft',
      tags: ['a', 'b'],
      length: 0,
    });
    await world.must('datanet', 'publish', [1n], { from: owner });
    expect(dataNet(world.view, 1)?.status).toBe('published');
    expect(await world.call('datanet', 'publish', [1n], { from: owner })).toMatchObject({
      error: 'AlreadyPublished',
    });
  });

  it('lets its owner amend everything but the name', async () => {
    const id = await createDataNet(world, owner);
    await world.must('datanet', 'amend', [id, 'new', 'longer', ['c']], { from: owner });
    expect(dataNet(world.view, 1)).toMatchObject({
      name: 'poems',
      summary: 'new',
      description: 'longer',
      tags: ['c'],
    });
  });

  it('obeys its owner only, and the new owner after a transfer', async () => {
    const id = await createDataNet(world, owner);
    for (const [name, args] of [
      ['amend', [id, '', '', []]],
      ['publish', [id]],
      ['setPolicy', [id, 1n, '']],
      ['transfer', [id, other]],
      ['retire', [id]],
    ] as const)
      expect(await world.call('datanet', name, args, { from: other })).toMatchObject({
        error: 'NotDataNetOwner',
        args: [other],
      });
    await world.must('datanet', 'transfer', [id, other], { from: owner });
    await world.must('datanet', 'setPolicy', [id, 1n, 'monthly'], { from: other });
    expect(dataNet(world.view, 1)).toMatchObject({ owner: other, policy: 'closed', payoutNote: 'monthly' });
    await world.must('datanet', 'retire', [id], { from: other });
    expect(await world.call('datanet', 'amend', [id, '', '', []], { from: other })).toMatchObject({
      error: 'DataNetRetired',
    });
  });

  it('refuses what is too long, too many or unknown', async () => {
    const from = { from: owner };
    expect(await world.call('datanet', 'create', ['', '', '', []], from)).toMatchObject({
      error: 'EmptyName',
    });
    expect(await world.call('datanet', 'create', ['é'.repeat(33), '', '', []], from)).toMatchObject({
      error: 'TextTooLong',
      args: [66n, 64n],
    });
    expect(await world.call('datanet', 'create', ['x', '', '', Array(17).fill('t')], from)).toMatchObject({
      error: 'TooManyTags',
      args: [17n, 16n],
    });
    expect(await world.call('datanet', 'publish', [9n], from)).toMatchObject({ error: 'UnknownDataNet' });
    const id = await createDataNet(world, owner);
    expect(await world.call('datanet', 'setPolicy', [id, 2n, ''], from)).toMatchObject({
      error: 'UnknownPolicy',
    });
    expect(await world.call('datanet', 'transfer', [id, person(0)], from)).toMatchObject({
      error: 'ZeroAddress',
    });
  });

  it('has a history that names every accepted contribution, in the order of approval', async () => {
    const id = await createDataNet(world, owner);
    const empty = snapshot(world.view, id);
    expect(empty.length).toBe(0);
    const first = await contribute(world, owner, writer, id, ['one']);
    const after = snapshot(world.view, id);
    const second = await contribute(world, owner, other, id, ['two', 'three']);
    const last = snapshot(world.view, id);
    expect(new Set([empty.historyHash, after.historyHash, last.historyHash]).size).toBe(3);
    const entries = sequence(world.view, 1, 0, 10);
    expect(entries.map((entry) => entry.contributionId)).toEqual([first, second]);
    expect(entries[0]?.historyHash).toBe(after.historyHash);
    expect(entries[1]).toMatchObject({ contributor: other, recordCount: 2, historyHash: last.historyHash });
    expect((await world.must('datanet', 'snapshot', [id], { from: other })).values).toEqual([
      2n,
      last.historyHash,
    ]);
    expect(await world.call('datanet', 'entry', [id, 2n], { from: other })).toMatchObject({
      error: 'UnknownEntry',
    });
  });

  it('lists in pages', async () => {
    for (let i = 0; i < 5; i++) await createDataNet(world, owner, `net ${i}`);
    expect(dataNets(world.view, 2, 2).map((found) => found.name)).toEqual(['net 1', 'net 2']);
    expect(dataNets(world.view, 5, 100).map((found) => found.id)).toEqual([5]);
    expect(dataNets(world.view, 6, 100)).toEqual([]);
    expect(dataNet(world.view, 6)).toBeUndefined();
  });
});

describe('calls of any module', () => {
  it('E1: a write under a static call reverts and leaves no trace, a view answers', async () => {
    await createDataNet(world, owner);
    const before = world.digest();
    expect(
      await world.call('datanet', 'create', ['x', '', '', []], { from: owner, isStatic: true }),
    ).toMatchObject({ error: 'WriteInStaticContext' });
    expect(world.digest()).toBe(before);
    const view = await world.must('datanet', 'dataNet', [1n], { from: other, isStatic: true });
    expect(view.values[0]).toMatchObject({ name: 'poems', owner });
    expect(view.events).toEqual([]);
    expect(world.digest()).toBe(before);
  });

  it('E1: value is refused where an operation is not payable, also by views', async () => {
    world.give(owner, 5n);
    for (const [name, args] of [
      ['create', ['x', '', '', []]],
      ['dataNetCount', []],
    ] as const)
      expect(await world.call('datanet', name, args, { from: owner, value: 1n })).toMatchObject({
        error: 'NotPayable',
      });
    expect(world.balance(owner)).toBe(5n);
  });

  it('refuses unknown selectors and calldata that is not canonical', async () => {
    const module = moduleNamed('datanet');
    for (const data of [new Uint8Array(0), Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3, 4)])
      expect(await world.callRaw(module, data, { from: owner })).toMatchObject({ error: 'UnknownOperation' });
    const good = dataNetInterface.encodeCall('create', ['x', '', '', []]);
    expect(await world.callRaw(module, new Uint8Array([...good, 0]), { from: owner })).toMatchObject({
      error: 'MalformedCalldata',
    });
    const badText = good.slice();
    badText[badText.lastIndexOf('x'.charCodeAt(0))] = 0xff;
    expect(await world.callRaw(module, badText, { from: owner })).toMatchObject({ error: 'InvalidUtf8' });
  });

  it('E2: both doors give one calldata, and one calldata costs one amount of gas', async () => {
    const args = ['twins', 'same', 'words', ['a']] as [string, string, string, string[]];
    const { op, fields } = dataNetInterface.nativeCall('create', args);
    const native = moduleNamed('datanet').encodeNative(op, fields) as Uint8Array;
    const first = await createWorld().callRaw(moduleNamed('datanet'), native, { from: owner });
    const second = await createWorld().call('datanet', 'create', args, { from: owner, topLevel: false });
    expect(first.gas).toBe(second.gas);
    expect(first.gas).toBeGreaterThan(20_000n);
  });

  it('E2: gas is charged before the work: a call that runs out has changed nothing, at any limit', async () => {
    const args = ['x', 's', 'd', ['t']];
    const { gas } = await createWorld().must('datanet', 'create', args, { from: owner });
    for (let limit = 0n; limit < gas; limit += gas / 23n) {
      const fresh = createWorld();
      const before = fresh.digest();
      await expect(fresh.call('datanet', 'create', args, { from: owner, gas: limit })).rejects.toThrow(/gas/);
      expect(fresh.digest()).toBe(before);
    }
    await createWorld().must('datanet', 'create', args, { from: owner, gas });
  });
});
