/** What the Otterscan explorer asks, as it asks: block numbers, nonces and pages as JSON numbers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../state/crypto.ts';
import { openDatabase } from '../../../state/db/database.ts';
import { emptyIndexes } from '../../../state/indexes/store.ts';
import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, signedTransaction } from '../state/support.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const A = accountAddress(0);
const B = accountAddress(1);
const STRANGER: Hex = '0xc000000000000000000000000000000000000000';
const code = (text: string): Hex => `0x${text.replaceAll(' ', '')}`;

/** Creates a contract whose code is 00, gives it its value, and fails if it got calldata. */
const FACTORY = code('36 601c 57 6c6001600c60003960016000f300 6000 52 600d 6013 34 f0 00 5b 60006000fd');

let node: TestNode;
let factory: Hex;
let nonce = 0;
const ask = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);

async function send(to: Hex | null, data: Hex = '0x', value = 0n): Promise<Hex> {
  const raw = signedTransaction({
    key: accountKey(0),
    nonce: nonce++,
    to,
    data: fromHex(data),
    value,
    gasLimit: 300_000n,
  });
  return await ask('eth_sendRawTransaction', toHex(raw));
}
const blockOf = async (hash: Hex): Promise<number> =>
  Number((await ask('eth_getTransactionReceipt', hash)).blockNumber);

let transfers: Hex[];
let deployed: Hex;
let made: Hex;
let failed: Hex;
let native: Hex;

beforeAll(async () => {
  node = await openTestNode();
  transfers = [await send(B, '0x', 1n), await send(B, '0x', 2n), await send(B, '0x', 3n)];
  await node.mine();
  const size = (FACTORY.length / 2 - 1).toString(16).padStart(2, '0');
  deployed = await send(null, code(`60${size}600c60003960${size}6000f3${FACTORY.slice(2)}`));
  await node.mine();
  factory = (await ask('eth_getTransactionReceipt', deployed)).contractAddress;
  made = await send(factory, '0x', 5n);
  await node.mine();
  failed = await send(factory, '0x01');
  await node.mine();
  native = await send(
    dataNetInterface.address,
    toHex(dataNetInterface.encodeCall('create', ['verse', '', '', []])),
  );
  await node.mine();
});
afterAll(() => node?.close());

describe('at the start', () => {
  it('the level, the head and the header are there', async () => {
    expect(await ask('ots_getApiLevel')).toBe(8);
    const latest = await ask('eth_getBlockByNumber', 'latest', false);
    const header = await ask('erigon_getHeaderByNumber', 'latest');
    for (const field of [
      'hash',
      'parentHash',
      'number',
      'timestamp',
      'nonce',
      'gasLimit',
      'miner',
      'extraData',
    ])
      expect(header[field], field).toBe(latest[field]);
    expect(await ask('erigon_getHeaderByNumber', 1)).toMatchObject({ number: '0x1' });
    expect(await ask('erigon_getHeaderByNumber', 999)).toBeNull();
  });
});

describe('a block', () => {
  it('has details without transactions, by number and hash', async () => {
    const details = await ask('ots_getBlockDetails', 1);
    expect(details.block).toMatchObject({ number: '0x1', transactionCount: 3, logsBloom: null });
    expect(details.block.transactions).toBeUndefined();
    const receipts = await ask('eth_getBlockReceipts', '0x1');
    const fees = receipts.reduce(
      (sum: bigint, { gasUsed, effectiveGasPrice }: { gasUsed: Hex; effectiveGasPrice: Hex }) =>
        sum + BigInt(gasUsed) * BigInt(effectiveGasPrice),
      0n,
    );
    expect(BigInt(details.totalFees)).toBe(fees);
    expect(await ask('ots_getBlockDetailsByHash', details.block.hash)).toEqual(details);
    expect(await ask('ots_getBlockDetails', 999)).toBeNull();
  });

  it('has pages of transactions that count from its end', async () => {
    const first = await ask('ots_getBlockTransactions', 1, 0, 2);
    expect(first.fullblock.transactionCount).toBe(3);
    expect(first.fullblock.transactions.map(({ hash }: { hash: Hex }) => hash)).toEqual(transfers.slice(1));
    expect(first.receipts).toMatchObject([
      { transactionHash: transfers[1], logs: null, logsBloom: null },
      { transactionHash: transfers[2] },
    ]);
    const last = await ask('ots_getBlockTransactions', 1, 1, 2);
    expect(last.fullblock.transactions.map(({ hash }: { hash: Hex }) => hash)).toEqual([transfers[0]]);
    expect((await ask('ots_getBlockTransactions', 1, 7, 2)).fullblock.transactions).toEqual([]);
    const shown = (await ask('ots_getBlockTransactions', await blockOf(native), 0, 25)).fullblock
      .transactions[0];
    expect(shown.input).toMatch(/^0x[0-9a-f]{8}$/);
    for (const field of ['hash', 'type', 'from', 'to', 'gas', 'gasPrice', 'value', 'nonce', 'r', 's', 'v'])
      expect(shown[field], field).toMatch(/^0x/);
  });
});

describe('an address', () => {
  it('has its transactions, whole blocks, the newest first', async () => {
    const all = await ask('ots_searchTransactionsBefore', A, 0, 25);
    expect(all.txs.map(({ hash }: { hash: Hex }) => hash)).toEqual([
      native,
      failed,
      made,
      deployed,
      ...[...transfers].reverse(),
    ]);
    expect(all).toMatchObject({ firstPage: true, lastPage: true });
    expect(all.receipts[0]).toMatchObject({
      transactionHash: native,
      timestamp: expect.stringMatching(/^0x/),
    });
    const two = await ask('ots_searchTransactionsBefore', A, 0, 2);
    expect(two).toMatchObject({ firstPage: true, lastPage: false });
    expect(two.txs).toHaveLength(2);
    const rest = await ask('ots_searchTransactionsBefore', A, await blockOf(failed), 25);
    expect(rest.txs).toHaveLength(5);
    expect(rest).toMatchObject({ firstPage: false, lastPage: true });
    const oldest = await ask('ots_searchTransactionsAfter', A, 0, 1);
    expect(oldest.txs.map(({ hash }: { hash: Hex }) => hash)).toEqual([...transfers].reverse());
    expect(oldest).toMatchObject({ firstPage: false, lastPage: true });
    const newer = await ask('ots_searchTransactionsAfter', A, 1, 25);
    expect(newer.txs.map(({ hash }: { hash: Hex }) => hash)).toEqual([native, failed, made, deployed]);
    expect(newer.firstPage).toBe(true);
    const head = Number(await ask('eth_blockNumber'));
    expect(await ask('ots_searchTransactionsAfter', A, head, 25)).toMatchObject({ txs: [], firstPage: true });
    expect((await ask('ots_searchTransactionsBefore', STRANGER, 0, 25)).txs).toEqual([]);
  });

  it('has a transaction of a nonce, and a contract its creator, through a factory as well', async () => {
    expect(await ask('ots_getTransactionBySenderAndNonce', A, 0)).toBe(transfers[0]);
    expect(await ask('ots_getTransactionBySenderAndNonce', A, 3)).toBe(deployed);
    expect(await ask('ots_getTransactionBySenderAndNonce', A, 99)).toBeNull();
    expect(await ask('eth_getTransactionBySenderAndNonce', A, '0x3')).toMatchObject({ hash: deployed });
    expect(await ask('ots_getContractCreator', factory)).toEqual({ hash: deployed, creator: A });
    const [{ to: child }] = await ask('ots_getInternalOperations', made);
    expect(await ask('ots_getContractCreator', child)).toEqual({ hash: made, creator: factory });
    expect(await ask('ots_getContractCreator', A)).toBeNull();
    expect(await ask('ots_getContractCreator', dataNetInterface.address)).toBeNull();
    expect(await ask('ots_hasCode', factory, 'latest')).toBe(true);
    expect(await ask('ots_hasCode', factory, 1)).toBe(false);
  });
});

describe('a transaction', () => {
  it('has its calls in a row and what happened inside', async () => {
    const calls = await ask('ots_traceTransaction', made);
    expect(calls).toMatchObject([
      { type: 'CALL', depth: 0, from: A, to: factory, value: '0x5', input: '0x' },
      { type: 'CREATE', depth: 1, from: factory, value: '0x5', output: '0x00' },
    ]);
    expect(await ask('ots_getInternalOperations', made)).toMatchObject([
      { type: 2, from: factory, value: '0x5' },
    ]);
    expect(await ask('ots_getInternalOperations', transfers[0])).toEqual([]);
    expect(await ask('ots_traceTransaction', native)).toMatchObject([{ to: dataNetInterface.address }]);
  });

  it('has its error, which is empty when there was none', async () => {
    expect(await ask('ots_getTransactionError', made)).toBe('0x');
    expect(await ask('ots_getTransactionError', failed)).toBe('0x');
    expect(await ask('ots_getTransactionError', `0x${'00'.repeat(32)}`)).toBeNull();
  });

  it('has a diff of the state', async () => {
    const { stateDiff, vmTrace } = await ask('trace_replayTransaction', made, ['stateDiff']);
    expect(vmTrace).toBeNull();
    const [{ to: child }] = await ask('ots_getInternalOperations', made);
    expect(stateDiff[child]).toMatchObject({
      balance: { '+': '0x5' },
      code: { '+': '0x00' },
      nonce: { '+': '0x1' },
    });
    expect(stateDiff[A].nonce).toEqual({ '*': { from: '0x4', to: '0x5' } });
    const module = await ask('trace_replayTransaction', native, ['stateDiff']);
    expect(Object.keys(module.stateDiff[dataNetInterface.address].storage).length).toBeGreaterThan(0);
    await expect(ask('trace_replayTransaction', made, ['vmTrace'])).rejects.toMatchObject({ code: -32602 });
  });
});

describe('a search where there are no indexes', () => {
  it('looks at the blocks, is cut, and says where', async () => {
    const tight = await openTestNode({ config: { limits: { maxHistoryBlocks: 2 } } });
    try {
      for (let i = 0; i < 4; i++) await tight.mine();
      // As on a node that is older than its indexes.
      const db = await openDatabase(tight.chain.dir);
      await emptyIndexes(db);
      await db.close();
      await expect(rpcCall(tight.url, 'ots_searchTransactionsBefore', STRANGER, 0, 25)).rejects.toMatchObject(
        {
          code: -32005,
        },
      );
    } finally {
      await tight.close();
    }
  });
});
