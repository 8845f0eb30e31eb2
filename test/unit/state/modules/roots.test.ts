import { beforeEach, describe, expect, it } from 'vitest';
import { attestedRootSlot, MODEL_ACCOUNT, snapshotsId } from '../../../../attribution/proofs/verifier.ts';
import { toHex } from '../../../../state/modules/abi.ts';
import { sweepSubjects } from '../../../../state/modules/attestation/subjects.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { MAX_ROOTS } from '../../../../state/modules/limits.ts';
import { consumers } from '../../../../state/modules/registry.ts';
import {
  encodeRoot,
  model,
  openSubjects,
  type RootObject,
  rootOfSnapshots,
  rootSlot,
  rootTask,
  snapshotsIdOf,
  subject,
} from '../../../../state/modules/views.ts';
import type { Hex } from '../../../../state/types.ts';
import { honestRoot } from '../attesting.ts';
import { ask, attestation, contribute, createDataNet, registerModel, seat } from './story.ts';
import { createWorld, person, type World } from './world.ts';

const [owner, ada, operator, beneficiary, asker] = [1, 2, 3, 4, 5].map(person) as [Hex, Hex, Hex, Hex, Hex];

let world: World;
let net: bigint;
beforeEach(async () => {
  world = createWorld();
  net = await createDataNet(world, owner);
  await contribute(world, owner, ada, net, ['sing, goddess, of the wrath', 'of Achilles']);
});

const register = (dataNetIds = [net], engine: 'token' | 'retrieval' = 'token') =>
  registerModel(world, { owner, operator, beneficiary, dataNetIds, engine });
const rootOf = (id: bigint) => model(world.view, Number(id))!.root!;
const roots = () =>
  openSubjects(world.view).filter((key) => subject(world.view, key, world.params)!.kind === 'root');

async function repin(id: bigint): Promise<void> {
  seat(world);
  await world.must('model', 'repin', [id, [net]], { from: owner });
}

/** All validators attest this object of the newest root, and it is published. */
function attest(key: Hex, object: Uint8Array): (string | undefined)[] {
  const said = {
    op: 'attest' as const,
    subject: key,
    root: keccakHex(object),
    signature: new Uint8Array(96),
  };
  for (const n of [0xa0, 0xa1, 0xa2]) attestation(world, { ...said, validator: person(n) });
  world.block.number += world.params.attestation.activationBlocks;
  return attestation(world, { op: 'publish', subject: key, object }).events ?? [];
}

const honest = (id: Hex) => honestRoot(rootTask(world.view, id), (root) => world.leavesOf(root));

describe('the root of pinned snapshots', () => {
  it('is asked for when they are pinned, and proven by one slot when it is attested', async () => {
    const id = await register();
    const asked = rootOf(id);
    expect(asked).toMatchObject({ status: 'open', root: undefined });
    const { snapshots } = model(world.view, 1)!;
    expect(rootTask(world.view, asked.id)).toMatchObject({ snapshots, entries: [{ contributor: ada }] });
    // The model does not wait for it.
    expect(await ask(world, asker, id)).toMatch(/^0x/);

    expect(attest(asked.subject!, honest(asked.id))).toEqual(['RootAttested', 'SubjectActivated']);
    const found = rootOf(id);
    expect(found).toMatchObject({ status: 'attested', records: 2, tokens: 9 });
    expect(toHex(world.view.storage(MODEL_ACCOUNT, rootSlot(found.id)))).toBe(found.root);
    const { values } = await world.must('model', 'attributionRoot', [id, 0n], { from: asker });
    expect(values[0]).toMatchObject({ status: 2n, root: found.root, id: found.id, tokens: 9n });
    expect(await world.call('model', 'attributionRoot', [id, 2n], { from: asker })).toMatchObject({
      error: 'UnknownVersion',
    });
  });

  it('is named alike by the chain and by those who verify without it', () => {
    const snapshots = [
      { dataNetId: 300, length: 70_000 },
      { dataNetId: 2, length: 1 },
    ];
    expect(toHex(snapshotsId(snapshots))).toBe(snapshotsIdOf(snapshots));
    expect(snapshotsIdOf([...snapshots].reverse())).toBe(snapshotsIdOf(snapshots));
    expect(attestedRootSlot(snapshots)).toEqual(rootSlot(snapshotsIdOf(snapshots)));
  });

  it('is shared by all who pin the same, and of retrieval models nobody asks for it', async () => {
    const [first, second] = [await register(), await register()];
    expect(roots()).toHaveLength(1);
    attest(rootOf(first).subject!, honest(rootOf(first).id));
    await repin(second);
    expect(roots()).toEqual([]);
    expect(rootOf(second)).toEqual(rootOf(first));
    const searching = await register([net], 'retrieval');
    expect(model(world.view, Number(searching))!.root).toBeUndefined();
    expect(roots()).toEqual([]);

    await contribute(world, owner, ada, net, ['a third song']);
    await repin(second);
    expect(rootOf(second)).toMatchObject({ status: 'open' });
    expect(rootOf(first).status).toBe('attested');
    expect(rootOfSnapshots(world.view, [{ dataNetId: Number(net), length: 1 }]).root).toBe(
      rootOf(first).root,
    );
  });

  it('may be refused, with a code, and the model works', async () => {
    const id = await register();
    const { id: snapshots, subject: key } = rootOf(id);
    expect(attest(key!, encodeRoot(snapshots, { outcome: 'refused', refusal: 'tooLarge' }))).toEqual([
      'RootRefused',
      'SubjectActivated',
    ]);
    expect(rootOf(id)).toMatchObject({ status: 'refused', refusal: 'tooLarge', root: undefined, tokens: 0 });
    await repin(id);
    expect(roots()).toEqual([]);
    expect(await ask(world, asker, id)).toMatch(/^0x/);
  });

  it('is asked for again where its subject was frozen', async () => {
    const id = await register();
    world.block.number += world.params.attestation.expiryBlocks;
    sweepSubjects(world.system(), consumers);
    expect(rootOf(id)).toMatchObject({ status: 'frozen' });
    await repin(id);
    expect(rootOf(id)).toMatchObject({ status: 'open' });
    attest(rootOf(id).subject!, honest(rootOf(id).id));
    expect(rootOf(id).status).toBe('attested');
  });

  it('is not asked for beyond what validators compute at a time, which costs nobody a registration', async () => {
    const models: bigint[] = [];
    for (let n = 0; n <= MAX_ROOTS; n++) {
      models.push(await register());
      await contribute(world, owner, ada, net, [`song ${n} of the long evening`]);
    }
    expect(roots()).toHaveLength(MAX_ROOTS);
    expect(models.map((id) => rootOf(id).status)).toEqual([...Array(MAX_ROOTS).fill('open'), 'none']);
    const [first] = models as [bigint];
    attest(rootOf(first).subject!, honest(rootOf(first).id));
    await repin(models.at(-1)!);
    expect(rootOf(models.at(-1)!).status).toBe('open');
  });

  it('costs what its text says, and nothing where it is known', async () => {
    const price = async (records: readonly string[]) => {
      const other = await createDataNet(world, owner);
      await contribute(world, owner, ada, other, records);
      seat(world);
      const id = await register([other]);
      const gas = async () => {
        seat(world);
        return (await world.must('model', 'repin', [id, [other]], { from: owner })).gas;
      };
      const known = await gas();
      world.block.number += world.params.attestation.expiryBlocks;
      sweepSubjects(world.system(), consumers);
      return (await gas()) - known;
    };
    const small = await price(['a']);
    const large = await price(['b'.repeat(100 * 1024 - 1)]);
    expect(large - small).toBe(99n * 64n);
  });

  it('no bytes but its own in their one form are taken for it', async () => {
    const id = await register();
    const { id: snapshots, subject: key } = rootOf(id);
    const good: RootObject = {
      outcome: 'committed',
      root: `0x${'5a'.repeat(32)}`,
      tokens: 9,
      types: 8,
      records: 2,
      nodes: 7,
    };
    const bytes = encodeRoot(snapshots, good);
    const other = encodeRoot(snapshotsIdOf([{ dataNetId: 9, length: 9 }]), good);
    const padded = new Uint8Array(bytes.length + 1);
    padded.set(bytes);
    const zero = encodeRoot(snapshots, { ...good, root: `0x${'00'.repeat(32)}` });
    const unknown = bytes.slice();
    unknown[63] = 7;
    const both = encodeRoot(snapshots, { outcome: 'refused', refusal: 'tooLarge' });
    both[95] = 1;
    for (const wrong of [other, padded, zero, unknown, both, bytes.subarray(0, 31), new Uint8Array(0)])
      expect(consumers.root.activate(world.system(), snapshots, wrong)).toBe(false);
    expect(attest(key!, other)).toEqual(['SubjectFrozen']);
    expect(rootOf(id).status).toBe('frozen');
  });
});
