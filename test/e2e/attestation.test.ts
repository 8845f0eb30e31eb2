/** What validators attest about a contribution, seen from outside: one that computes wrongly, and one that comes back. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queueApproval, waitForAcceptance } from '../../node/client/approve.ts';
import { type Account, type ChainClient, eventNamed } from '../../node/client/client.ts';
import { contribute } from '../../node/client/contribute.ts';
import { fromHex } from '../../state/crypto.ts';
import { contributionInterface, dataNetInterface } from '../../state/modules/interfaces.ts';
import { chainClient } from './support/ai.ts';
import type { Hex } from './support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

interface SubjectView {
  key: Hex;
  status: string;
  root: Hex;
  attestations: { validator: Hex; root: Hex | null }[];
}

const program = fileURLToPath(new URL('../../dist/test/e2e/support/wrong-root-node.js', import.meta.url));

function cast(network: TestNetwork) {
  return (name: string): Account => {
    const found = network.accounts.find((account) => account.name === name);
    if (found === undefined) throw new Error(`no development account ${name}`);
    return { address: found.address.toLowerCase() as Hex, privateKey: fromHex(found.privateKey, 32) };
  };
}

async function publishDataNet(client: ChainClient, owner: Account): Promise<bigint> {
  const created = await client.perform(owner, dataNetInterface, 'create', ['Tales', '', '', []]);
  const id = eventNamed(created, 'Created')['id'] as bigint;
  await client.perform(owner, dataNetInterface, 'publish', [id]);
  return id;
}

const give = async (client: ChainClient, who: Account, dataNetId: bigint, ...texts: string[]) => {
  const records = texts.map((text) => new TextEncoder().encode(text));
  return (await contribute(client, who, { dataNetId, records, licence: 'CC0', metadata: '' })).id;
};

const subjectOf = async (node: TestNode, id: Hex): Promise<SubjectView> => {
  const { subject } = await node.client.call<{ subject: Hex }>('ol_contribution', id);
  return node.client.call<SubjectView>('ol_attestation', subject);
};

describe('validators of which one computes wrong roots', () => {
  const FAULTY = 3;
  let network: TestNetwork;
  let honest: TestNode[];
  let faulty: TestNode;
  beforeAll(async () => {
    network = await startNetwork({
      validators: 4,
      fullNodes: 1,
      program: (index) => (index === FAULTY ? program : undefined),
    });
    faulty = network.nodes[FAULTY] as TestNode;
    honest = network.nodes.slice(0, FAULTY);
  });
  afterAll(() => network?.close());

  it('B4, B2: are not stopped by it; it stops itself and says why', async () => {
    const person = cast(network);
    const client = chainClient(honest[0] as TestNode);
    const dataNetId = await publishDataNet(client, person('curator'));
    const id = await give(client, person('alice'), dataNetId, 'Once upon a time.', 'There was a chain.');
    await queueApproval(client, person('curator'), id);
    expect(await waitForAcceptance(client, id)).toMatchObject({ acceptedCount: 2n, index: 0n });

    expect(await faulty.ended()).toBe(1);
    expect(faulty.log()).toMatch(
      /the node stops: this node computed root 0x[0-9a-f]{64} for subject .* more than two thirds of the validators attested .* check the machine/,
    );
    expect(faulty.log()).toMatch(/code=FAULT/);

    const subject = await subjectOf(honest[1] as TestNode, id);
    expect(subject.status).toBe('active');
    const own = subject.attestations.find(({ validator }) => validator === faulty.address?.toLowerCase());
    // It may have been too late to be heard; what it said, if anything, is not what the others said.
    expect(own?.root).not.toBe(subject.root);
    // Nobody is punished for being wrong.
    const { validators } = await (honest[0] as TestNode).client.call<{
      validators: { jailed: boolean; power: Hex }[];
    }>('ol_validators');
    expect(validators.map(({ jailed }) => jailed)).toEqual([false, false, false, false]);
    expect(new Set(validators.map(({ power }) => power)).size).toBe(1);
  });

  it('B4: what was open when the others were killed is finished when they are back, and a node that syncs has it too', async () => {
    const person = cast(network);
    const [a, b, c] = honest as [TestNode, TestNode, TestNode];
    const client = chainClient(a);
    const dataNetId = await publishDataNet(client, person('curator'));
    const ids = [
      await give(client, person('alice'), dataNetId, 'The first tale of the evening.'),
      await give(client, person('bob'), dataNetId, 'The first tale of the evening.', 'Another tale.'),
    ];
    // The last two of four cannot attest, and cannot make blocks either: what is open stays open.
    for (const id of ids) await queueApproval(client, person('curator'), id);
    await Promise.all([b.kill(), c.kill()]);
    await Promise.all([b.start(), c.start()]);
    const [first, second] = await Promise.all(ids.map((id) => waitForAcceptance(client, id)));
    expect([first, second]).toMatchObject([
      { acceptedCount: 1n, index: 0n },
      { acceptedCount: 1n, recordCount: 2n, index: 1n },
    ]);
    for (const node of honest) expect(node.log()).not.toMatch(/the node stops|not attesting/);

    const full = network.nodes[4] as TestNode;
    await full.start();
    const head = Number(await a.client.call<Hex>('eth_blockNumber'));
    await full.client.untilHead(({ number }) => number >= head, 60_000);
    const view = async (node: TestNode) => {
      const [approval] = await chainClient(node).view(contributionInterface, 'approval', [ids[1] as Hex]);
      return approval;
    };
    const approval = await view(full);
    expect(approval).toEqual(await view(a));
    expect(approval).toMatchObject({ status: 3n, novelRecords: 1n, accepted: Uint8Array.of(0b10) });
    // Events are in the transaction that published it, so that anybody who reads logs sees them.
    const logs = await full.client.call<{ transactionHash: Hex }[]>('eth_getLogs', {
      address: dataNetInterface.address,
      fromBlock: '0x0',
      toBlock: 'latest',
    });
    const published = await full.client.call<Record<string, unknown>>(
      'ol_transaction',
      logs.at(-1)?.transactionHash as Hex,
    );
    expect(published).toMatchObject({
      type: '0x54',
      module: 'attestation',
      operation: 'publish',
      fee: '0x0',
    });
  });

  it('have it back with the state that they attested', async () => {
    const [first] = honest as [TestNode];
    const head = Number(await first.client.call<Hex>('eth_blockNumber'));
    const rootOf = async (node: TestNode) => {
      const tag = `0x${head.toString(16)}`;
      return (await node.client.call<{ stateRoot: Hex }>('eth_getBlockByNumber', tag, false)).stateRoot;
    };
    // It met subjects on its way of which the others had said enough: it computed none, so it did not stop again.
    await faulty.start();
    const ended = faulty.ended().then((code) => Promise.reject(new Error(`it stopped again, with ${code}`)));
    ended.catch(() => {});
    await Promise.race([ended, faulty.client.untilHead(({ number }) => number >= head, 60_000)]);
    expect(await rootOf(faulty)).toBe(await rootOf(first));
  });
});
