import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keccakHex, toHex } from '../../../state/crypto.ts';
import { contributionInterface, inferenceInterface } from '../../../state/modules/interfaces.ts';
import { accountAddress } from '../state/support.ts';
import {
  ANNA,
  ANNAS_TEXT,
  ASKER,
  BEN,
  BENS_TEXT,
  commit,
  framed,
  OPEN,
  OPERATOR,
  OUTPUT,
  OWNER,
  PROMPT,
  type Told,
  tell,
  uploadPath,
} from './story.ts';
import { http, rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

let node: TestNode;
let told: Told;
beforeAll(async () => {
  node = await openTestNode();
  told = await tell(node);
});
afterAll(() => node?.close());

const ask = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);

describe('the ol namespace', () => {
  it('says what this chain is, its totals and its parameters', async () => {
    const info = await ask('ol_chainInfo');
    expect(info).toMatchObject({
      chainId: node.chain.genesis.params.chainId,
      genesisHash: node.chain.chain.reader.genesisHash,
      head: { number: node.chain.chain.head().number },
      totals: { dataNets: 1, contributions: 2, models: 1, inferences: 1 },
      modules: { inference: { type: '0x53', address: inferenceInterface.address } },
    });
    expect(info.params.inference.dataBps).toBe(node.chain.genesis.params.inference.dataBps);
    expect(info.params.contribution.commitDeposit).toBe(
      String(node.chain.genesis.params.contribution.commitDeposit),
    );
    expect(await ask('ol_params')).toEqual(info.params);
  });

  it('shows DataNets with their sequence and snapshot', async () => {
    const net = await ask('ol_dataNet', told.dataNetId);
    expect(net).toMatchObject({
      id: 1,
      owner: accountAddress(OWNER),
      status: 'published',
      policy: 'open',
      length: 2,
      tags: ['history', 'town'],
    });
    expect(await ask('ol_snapshot', told.dataNetId)).toEqual({
      dataNetId: 1,
      length: 2,
      historyHash: net.historyHash,
    });
    const { items, total, next } = await ask('ol_sequence', told.dataNetId, { order: 'asc' });
    expect({ total, next }).toEqual({ total: 2, next: null });
    expect(items.map((entry: { contributionId: string }) => entry.contributionId)).toEqual([
      told.contributions.anna,
      told.contributions.ben,
    ]);
    expect(await ask('ol_dataNet', 99)).toBeNull();
    expect((await ask('ol_dataNets')).items).toEqual([net]);
    expect((await ask('ol_dataNets', { owner: accountAddress(BEN) })).items).toEqual([]);
  });

  it('shows contributions, newest first, by DataNet, contributor and state, in pages', async () => {
    const all = await ask('ol_contributions', {});
    expect(all.items.map((item: { id: string }) => item.id)).toEqual([
      told.contributions.ben,
      told.contributions.anna,
    ]);
    const first = await ask('ol_contributions', { limit: 1 });
    expect(first).toMatchObject({
      total: 2,
      next: 1,
      items: [{ id: told.contributions.ben, recordCount: 2, acceptedCount: 2 }],
    });
    const second = await ask('ol_contributions', { limit: 1, cursor: first.next });
    expect(second).toMatchObject({ next: null, items: [{ id: told.contributions.anna }] });
    expect(
      (await ask('ol_contributions', { dataNetId: 1, contributor: accountAddress(ANNA) })).items,
    ).toHaveLength(1);
    expect((await ask('ol_contributions', { status: 'rejected' })).items).toEqual([]);
    await expect(ask('ol_contributions', { status: 'lost' })).rejects.toMatchObject({ code: -32602 });
    await expect(ask('ol_contributions', { datanet: 1 })).rejects.toMatchObject({
      code: -32602,
      message: "invalid argument 0: unknown member 'datanet'",
    });
    await expect(ask('ol_contributions', { limit: 201 })).rejects.toMatchObject({ message: /1 to 200/ });
    expect(await ask('ol_contribution', told.contributions.anna)).toMatchObject({
      status: 'approved',
      licence: 'CC-BY-4.0',
      held: true,
    });
    expect(await ask('ol_contribution', `0x${'00'.repeat(32)}`)).toBeNull();
  });

  it('shows what validators attested about a contribution, and how far it is before', async () => {
    const given = await ask('ol_contribution', told.contributions.anna);
    const subject = await ask('ol_attestation', given.subject);
    expect(subject).toMatchObject({
      kind: 'approval',
      id: told.contributions.anna,
      status: 'active',
      reason: 'none',
      activeFrom: null,
      bestPower: subject.totalPower,
      attestations: [{ power: subject.totalPower, root: subject.root }],
    });
    expect(given).toMatchObject({
      novelty: { records: given.acceptedCount, totalTokens: 15, unquotedTokens: 15 },
      attestation: { key: subject.key },
    });
    expect((await ask('ol_attestations', { status: 'active' })).items).toHaveLength(2);
    expect((await ask('ol_attestations', { status: 'open' })).items).toMatchObject([
      { kind: 'root', id: (await ask('ol_model', told.modelId)).attributionRoot.snapshotsId },
    ]);
    expect(await ask('ol_attestation', `0x${'00'.repeat(32)}`)).toBeNull();
    // The events are where explorers look for them, in a transaction that says what it is.
    const [log] = await ask('eth_getLogs', {
      address: contributionInterface.address,
      topics: [null, told.contributions.anna],
      fromBlock: '0x0',
      toBlock: 'latest',
    }).then((logs: { transactionHash: string }[]) => logs.slice(-1));
    expect(await ask('ol_transaction', log?.transactionHash)).toMatchObject({
      type: '0x54',
      module: 'attestation',
      operation: 'publish',
      args: { subject: subject.key },
      fee: '0x0',
      logs: [{ event: 'Approved' }, { event: 'SequenceExtended' }, { event: 'SubjectActivated' }],
    });
  });

  it('shows models with what they pin', async () => {
    const model = await ask('ol_model', told.modelId);
    expect(model).toMatchObject({
      id: 1,
      kind: 'external',
      status: 'active',
      operator: accountAddress(OPERATOR),
      basePrice: `0x${OPEN.toString(16)}`,
      openRequests: 0,
      snapshots: [{ dataNetId: 1, length: 2, name: 'Town chronicle' }],
    });
    expect((await ask('ol_models', { operator: accountAddress(OPERATOR) })).items).toEqual([model]);
    expect(await ask('ol_model', 7)).toBeNull();
  });

  it('shows an inference with question, answer and its transactions', async () => {
    const inference = await ask('ol_inference', told.requestId);
    expect(inference).toMatchObject({
      id: told.requestId,
      status: 'settled',
      prompt: PROMPT,
      output: OUTPUT,
      asker: accountAddress(ASKER),
      modelName: 'Chronicler',
      closeTransaction: told.settleHash,
    });
    expect(inference.requestTransaction).toMatch(/^0x[0-9a-f]{64}$/);
    const list = await ask('ol_inferences', { modelId: 1, status: 'settled' });
    expect(list.items[0].id).toBe(told.requestId);
    expect((await ask('ol_inferences', { asker: accountAddress(BEN) })).items).toEqual([]);
    expect(await ask('ol_inference', `0x${'00'.repeat(32)}`)).toBeNull();
  });

  it('shows whose words an answer quotes, and what each was paid, to the wei', async () => {
    const attribution = await ask('ol_attribution', told.requestId);
    expect(attribution.verified).toBe(true);
    expect(attribution.note).toBe(
      'For an external model the chain proves what the answer quotes, not what the model learned.',
    );
    const spans = attribution.spans as {
      text: string;
      contributor: string;
      startByte: number;
      endByte: number;
      excerpt: string;
      dataNetName: string;
    }[];
    expect(spans.map(({ contributor }) => contributor)).toEqual([accountAddress(ANNA), accountAddress(BEN)]);
    expect(spans[0]?.text).toContain('the harbour froze in the winter of 1709');
    expect(spans[1]?.text).toContain('bakers who cheated were led through the town');
    expect(spans[1]).toMatchObject({
      excerpt: BENS_TEXT,
      dataNetName: 'Town chronicle',
      contributionId: told.contributions.ben,
    });
    for (const span of spans)
      expect(Buffer.from(OUTPUT).subarray(span.startByte, span.endByte).toString()).toBe(span.text);
    const parts = attribution.credits.reduce(
      (sum: number, credit: { parts: number }) => sum + credit.parts,
      0,
    );
    expect(parts + attribution.uncovered).toBe(1_000_000_000);
    expect(attribution.coverage).toBe(parts);

    const { fee } = await ask('ol_inference', told.requestId);
    const payments = attribution.payments as { share: string; amount: string; to: string }[];
    const paid = payments
      .filter(({ share }) => share !== 'change')
      .reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    expect(paid).toBe(BigInt(fee));
    const toAnna = payments.filter(({ share, to }) => share === 'contributor' && to === accountAddress(ANNA));
    expect(toAnna).toHaveLength(1);
    expect(
      attribution.credits.find(
        (credit: { contributor: string }) => credit.contributor === accountAddress(ANNA),
      ).amount,
    ).toBe(toAnna[0]?.amount);

    const rewards = await ask('ol_rewards', accountAddress(ANNA));
    expect(BigInt(rewards.claimable) + BigInt(rewards.pending)).toBe(BigInt(toAnna[0]?.amount ?? 0));
  });

  it('still shows credits and payments when the spans cannot be recomputed, and says why', async () => {
    const { attributionDetails } = node.backend;
    node.backend.attributionDetails = async () => {
      throw Object.assign(new Error('artifact 0x12 is not here yet'), { code: 'UNAVAILABLE' });
    };
    const attribution = await ask('ol_attribution', told.requestId);
    node.backend.attributionDetails = attributionDetails;
    expect(attribution).toMatchObject({ spans: null, spansMissing: 'artifact 0x12 is not here yet' });
    expect(attribution.credits).toHaveLength(2);
  });

  it('previews what settling an answer would credit, with the hash that the operator has to post', async () => {
    const preview = await ask('ol_previewAttribution', told.requestId, toHex(Buffer.from(ANNAS_TEXT)));
    expect(preview.credits.map((credit: { contributor: string }) => credit.contributor)).toEqual([
      accountAddress(ANNA),
    ]);
    expect(preview.recordHash).toMatch(/^0x[0-9a-f]{64}$/);
    const limit = node.chain.genesis.params.attribution.maxOutputBytes;
    await expect(
      ask('ol_previewAttribution', told.requestId, `0x${'61'.repeat(limit + 1)}`),
    ).rejects.toMatchObject({ code: -32005 });
    await expect(ask('ol_previewAttribution', told.requestId, 'text')).rejects.toMatchObject({
      code: -32602,
    });
    expect(await ask('ol_previewAttribution', `0x${'00'.repeat(32)}`, '0x61')).toBeNull();
  });

  it('explains transactions of both doors: module, operation, arguments, events, errors', async () => {
    const settle = await ask('ol_transaction', told.settleHash);
    expect(settle).toMatchObject({
      type: '0x53',
      module: 'inference',
      operation: 'settle',
      args: { requestId: told.requestId, output: OUTPUT },
      status: 1,
    });
    expect(settle.logs.map((log: { event: string }) => log.event)).toContain('Settled');
    const again = await node.perform(
      OPERATOR,
      inferenceInterface,
      inferenceInterface.nativeCall('settle', [told.requestId, 'again', `0x${'00'.repeat(32)}`]),
    );
    expect(again.receipt.status).toBe('0x0');
    expect(await ask('ol_transaction', again.hash)).toMatchObject({
      status: 0,
      error: `AlreadySettled(${told.requestId})`,
    });
    const listed = await ask('ol_transactions', { limit: 3 });
    expect(listed.items[0]).toMatchObject({
      hash: again.hash,
      module: 'inference',
      operation: 'settle',
      status: 0,
    });
    const inBlock = await ask('ol_transactions', { block: listed.items[0].blockNumber });
    expect(inBlock).toMatchObject({ total: 1, next: null });
  });

  it('counts all coins: balances and burnt fees are what block 0 gave out, whatever happened since', async () => {
    const now = await ask('ol_supply');
    const given =
      Object.values(node.chain.genesis.alloc).reduce((sum, { balance }) => sum + balance, 0n) +
      node.chain.genesis.validators.reduce((sum, { bond }) => sum + bond, 0n);
    expect(BigInt(now.burntBaseFees)).toBeGreaterThan(0n);
    expect(BigInt(now.total)).toBe(given);
  });

  it('tells the past of an address page by page, what modules moved included', async () => {
    const all = (await ask('ol_addressTransactions', accountAddress(ANNA), { limit: 200 })).items;
    expect(all.map(({ operation }: { operation: string }) => operation)).toEqual(['reveal', 'commit']);
    const first = await ask('ol_addressTransactions', accountAddress(ANNA), { limit: 1 });
    expect(first).toMatchObject({
      items: all.slice(0, 1),
      oldest: 0,
      next: expect.stringMatching(/^\d+:\d+$/),
    });
    const second = await ask('ol_addressTransactions', accountAddress(ANNA), {
      limit: 1,
      cursor: first.next,
    });
    expect(second).toEqual({ items: all.slice(1), next: null, oldest: 0 });
    // The escrow of the question went from the module, which got it as value, to those who earned it.
    const moved = await ask('ol_internalTransfers', inferenceInterface.address);
    expect(moved.next).toBeNull();
    expect(moved.items).toContainEqual(
      expect.objectContaining({
        type: 'call',
        from: inferenceInterface.address,
        value: expect.stringMatching(/^0x/),
      }),
    );
    for (const { transactionHash } of moved.items) {
      const operations = await ask('ots_getInternalOperations', transactionHash);
      expect(operations.length).toBeGreaterThan(0);
      for (const operation of operations)
        expect(operation).toEqual({
          type: 0,
          from: expect.stringMatching(/^0x[0-9a-f]{40}$/),
          to: expect.stringMatching(/^0x[0-9a-f]{40}$/),
          value: expect.stringMatching(/^0x[1-9a-f][0-9a-f]*$/),
        });
    }
    expect(await ask('ol_tokenTransfers', accountAddress(ANNA))).toEqual({
      items: [],
      next: null,
      oldest: 0,
    });
    for (const page of [
      { cursor: 5 },
      { cursor: '5' },
      { limit: 0 },
      { standard: 'erc1155' },
      { order: 'asc' },
    ])
      await expect(ask('ol_tokenTransfers', accountAddress(ANNA), page)).rejects.toMatchObject({
        code: -32602,
      });
  });

  it('shows an account with its rewards, and the validators with their power', async () => {
    expect(await ask('ol_account', accountAddress(ANNA))).toMatchObject({
      nonce: 2,
      codeSize: 0,
      module: null,
      validator: null,
    });
    expect(await ask('ol_account', inferenceInterface.address)).toMatchObject({
      module: 'inference',
      nonce: 1,
    });
    const { validators, totalPower } = await ask('ol_validators');
    expect(validators).toHaveLength(1);
    expect(BigInt(totalPower)).toBe(BigInt(validators[0].power));
  });

  it('gives blocks in pages, newest first', async () => {
    const head = node.chain.chain.head().number;
    const page = await ask('ol_blocks', { limit: 2 });
    expect(page.items.map((block: { number: number }) => block.number)).toEqual([head, head - 1]);
    const rest = await ask('ol_blocks', { cursor: page.next, limit: 200 });
    expect(rest.items.at(-1).number).toBe(0);
    expect(rest.next).toBeNull();
  });

  it('gives the ABIs that wallets need', async () => {
    const abis = await ask('ol_abis');
    expect(abis.inference.address).toBe(inferenceInterface.address);
    expect(abis.inference.abi).toEqual(JSON.parse(JSON.stringify(inferenceInterface.abi)));
  });
});

describe('D2: bytes are uploaded only after the commit is final', () => {
  const upload = {
    who: ANNA,
    dataNetId: 1,
    texts: ['A later note.', 'Another one.'],
    salt: `0x${'cc'.repeat(32)}`,
  } as const;
  const post = (path: string, body: Uint8Array) =>
    http(node.url, { path, body, headers: { 'content-type': 'application/octet-stream' } });
  const codeOf = (answer: { body: string }) => JSON.parse(answer.body).error.code;

  it('D2: an upload without a commit is refused, whoever sends it', async () => {
    const { path, leaves } = uploadPath({ ...upload, texts: [...upload.texts] });
    const answer = await post(path, framed(leaves));
    expect([answer.status, codeOf(answer)]).toEqual([409, 'NO_COMMITMENT']);
  });

  it('D2: with the commit in a block it is taken, if the bytes are those that were committed to', async () => {
    const mine = { ...upload, texts: [...upload.texts] };
    await commit(node, mine);
    const { path, root, size, leaves } = uploadPath(mine);

    const wrongSalt = await post(path.replace('cccc', 'dddd'), framed(leaves));
    expect([wrongSalt.status, codeOf(wrongSalt)]).toEqual([409, 'NO_COMMITMENT']);
    const wrongSender = await post(path.replace(accountAddress(ANNA), accountAddress(BEN)), framed(leaves));
    expect([wrongSender.status, codeOf(wrongSender)]).toEqual([409, 'NO_COMMITMENT']);
    const other = leaves.map((leaf) => leaf.map((byte) => byte ^ 1));
    const wrongBytes = await post(path, framed(other));
    expect([wrongBytes.status, codeOf(wrongBytes)]).toEqual([422, 'ROOT_MISMATCH']);
    const short = await post(path, framed(leaves.slice(1)));
    expect([short.status, codeOf(short)]).toEqual([422, 'SIZE_MISMATCH']);
    const cut = await post(path, framed(leaves).subarray(0, 10));
    expect([cut.status, codeOf(cut)]).toEqual([400, 'TRUNCATED']);

    const taken = await post(path, framed(leaves));
    expect([taken.status, JSON.parse(taken.body)]).toMatchObject([200, { root, size, leafCount: 2 }]);
    const back = await http(node.url, { method: 'GET', path: `/artifacts/${root}` });
    expect(back.status).toBe(200);
    expect(back.body).toBe(Buffer.from(framed(leaves)).toString('utf8'));
    expect(await ask('ol_artifact', root)).toMatchObject({ size, leafCount: 2, utf8: true });
  });

  it('refuses sizes over the chain’s limits before it reads a byte, and parameters that are none', async () => {
    const { path } = uploadPath({ ...upload, texts: [...upload.texts] });
    const large = await post(
      path.replace(/size=\d+/, `size=${node.chain.genesis.params.contribution.maxBytes + 1}`),
      new Uint8Array(4),
    );
    expect([large.status, codeOf(large)]).toEqual([413, 'ARTIFACT_TOO_LARGE']);
    const empty = await post(path.replace(/size=\d+/, 'size=0'), new Uint8Array());
    expect([empty.status, codeOf(empty)]).toEqual([422, 'ARTIFACT_EMPTY']);
    const bad = await post(path.replace(/root=0x/, 'root='), new Uint8Array());
    expect([bad.status, JSON.parse(bad.body).error.message]).toEqual([
      400,
      "query parameter 'root': expected 0x and 64 hex digits",
    ]);
  });

  it('says when it does not hold an artifact, and refuses names that are none', async () => {
    const missing = await http(node.url, {
      method: 'GET',
      path: `/artifacts/${keccakHex(new Uint8Array())}`,
    });
    expect([missing.status, codeOf(missing)]).toEqual([404, 'NOT_HERE']);
    const odd = await http(node.url, { method: 'GET', path: '/artifacts/..%2f..%2fkeys' });
    expect([odd.status, codeOf(odd)]).toEqual([400, 'BAD_ROOT']);
    const verb = await http(node.url, { method: 'DELETE', path: '/artifacts' });
    expect([verb.status, codeOf(verb)]).toEqual([405, 'METHOD_NOT_ALLOWED']);
  });
});
