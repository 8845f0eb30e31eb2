import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksumAddress, keccakHex, toHex } from '../../../state/crypto.ts';
import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, GWEI, signedTransaction } from '../state/support.ts';
import { http, openSocket, rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const A = accountAddress(0);
const B = accountAddress(1);

let node: TestNode;
const hashes: Hex[] = [];
let contract: Hex;

const ask = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);
async function send(wish: Parameters<typeof signedTransaction>[0]): Promise<Hex> {
  return ask('eth_sendRawTransaction', toHex(signedTransaction(wish)));
}

beforeAll(async () => {
  node = await openTestNode();
  // Block 1: two transfers. Block 2: a contract. Block 3: empty. Block 4: an event and a revert.
  hashes.push(await send({ key: accountKey(0), nonce: 0, to: B, value: 5n }));
  hashes.push(
    await send({ key: accountKey(1), nonce: 0, to: A, value: 7n, maxPriorityFeePerGas: 2n * GWEI }),
  );
  await node.mine();
  // Init code that returns: PUSH1 7 (topic), PUSH1 0, PUSH1 0 LOG1 — and reverts when called with data.
  // runtime: CALLDATASIZE ISZERO PUSH1 0x0b JUMPI PUSH1 0 PUSH1 0 REVERT(5 bytes) JUMPDEST 2a->mem LOG1 STOP
  const runtime = '3615600957600080fd5b602a600052600760206000a100';
  const size = (runtime.length / 2).toString(16).padStart(2, '0');
  const init = `0x60${size}600c60003960${size}6000f3${runtime}`;
  hashes.push(
    await send({
      key: accountKey(0),
      nonce: 1,
      to: null,
      data: Buffer.from(init.slice(2), 'hex'),
      gasLimit: 200_000n,
    }),
  );
  await node.mine();
  contract = (await ask('eth_getTransactionReceipt', hashes[2])).contractAddress;
  await node.mine();
  hashes.push(await send({ key: accountKey(0), nonce: 2, to: contract, gasLimit: 100_000n }));
  hashes.push(
    await send({ key: accountKey(1), nonce: 1, to: contract, data: Uint8Array.of(1), gasLimit: 100_000n }),
  );
  await node.mine();
});
afterAll(() => node?.close());

describe('blocks', () => {
  it('show every field that wallets read, by number, tag and hash', async () => {
    const block = await ask('eth_getBlockByNumber', '0x1', false);
    expect(block).toMatchObject({
      number: '0x1',
      difficulty: '0x0',
      uncles: [],
      withdrawals: [],
      blobGasUsed: '0x0',
      gasUsed: '0xa410',
      transactions: [hashes[0], hashes[1]],
    });
    for (const field of [
      'hash',
      'parentHash',
      'stateRoot',
      'mixHash',
      'extraData',
      'parentBeaconBlockRoot',
      'requestsHash',
      'withdrawalsRoot',
    ])
      expect(block[field], field).toMatch(/^0x[0-9a-f]{64}$/);
    expect(await ask('eth_getBlockByHash', block.hash, false)).toEqual(block);
    expect(block.parentHash).toBe((await ask('eth_getBlockByNumber', 'earliest', false)).hash);
    for (const tag of ['latest', 'safe', 'finalized', 'pending'])
      expect((await ask('eth_getBlockByNumber', tag, false)).number, tag).toBe('0x4');
    expect(await ask('eth_getBlockByNumber', '0x99', false)).toBeNull();
    expect(await ask('eth_getBlockByHash', keccakHex(new Uint8Array()), false)).toBeNull();
  });

  it('show their transactions whole when asked, in the same words as by hash', async () => {
    const { transactions } = await ask('eth_getBlockByNumber', '0x1', true);
    expect(transactions[1]).toEqual(await ask('eth_getTransactionByHash', hashes[1]));
    expect(transactions[0]).toEqual(await ask('eth_getTransactionByBlockNumberAndIndex', '0x1', '0x0'));
    expect(await ask('eth_getTransactionByBlockNumberAndIndex', '0x1', '0x9')).toBeNull();
    expect(transactions[1]).toMatchObject({
      from: B,
      to: A,
      value: '0x7',
      nonce: '0x0',
      type: '0x2',
      accessList: [],
      transactionIndex: '0x1',
      blockNumber: '0x1',
    });
    const { baseFeePerGas } = await ask('eth_getBlockByNumber', '0x1', false);
    expect(BigInt(transactions[1].gasPrice)).toBe(BigInt(baseFeePerGas) + 2n * GWEI);
  });

  it('count their transactions; uncles there are none', async () => {
    expect(await ask('eth_getBlockTransactionCountByNumber', '0x1')).toBe('0x2');
    expect(await ask('eth_getBlockTransactionCountByNumber', '0x3')).toBe('0x0');
    expect(await ask('eth_getBlockTransactionCountByNumber', '0x99')).toBeNull();
    expect(await ask('eth_getUncleCountByBlockNumber', '0x1')).toBe('0x0');
    expect(await ask('eth_getUncleByBlockNumberAndIndex', '0x1', '0x0')).toBeNull();
  });
});

describe('receipts', () => {
  it('tell what a transaction did, one by one and by block', async () => {
    const [ok, failed] = [
      await ask('eth_getTransactionReceipt', hashes[3]),
      await ask('eth_getTransactionReceipt', hashes[4]),
    ];
    expect(ok).toMatchObject({
      status: '0x1',
      type: '0x2',
      from: A,
      to: contract,
      contractAddress: null,
      blockNumber: '0x4',
    });
    expect(ok.logs).toMatchObject([
      {
        address: contract,
        topics: [`0x${'07'.padStart(64, '0')}`],
        data: `0x${'2a'.padStart(64, '0')}`,
        logIndex: '0x0',
        removed: false,
      },
    ]);
    expect(failed).toMatchObject({ status: '0x0', logs: [], revertReason: '0x' });
    expect(BigInt(failed.cumulativeGasUsed)).toBe(BigInt(ok.gasUsed) + BigInt(failed.gasUsed));
    expect(await ask('eth_getBlockReceipts', '0x4')).toEqual([ok, failed]);
    expect(await ask('eth_getBlockReceipts', { blockHash: ok.blockHash })).toEqual([ok, failed]);
    expect(await ask('eth_getTransactionReceipt', keccakHex(new Uint8Array()))).toBeNull();
  });

  it('belong to raw transactions that hash to their name', async () => {
    const raw = await ask('eth_getRawTransactionByHash', hashes[0]);
    expect(keccakHex(Buffer.from(raw.slice(2), 'hex'))).toBe(hashes[0]);
  });
});

describe('accounts', () => {
  it('have a history: balance, nonce, code and storage at any retained block', async () => {
    const given = BigInt(await ask('eth_getBalance', B, '0x0'));
    const { effectiveGasPrice } = await ask('eth_getTransactionReceipt', hashes[1]);
    expect(BigInt(await ask('eth_getBalance', B, '0x1'))).toBe(
      given + 5n - 7n - 21_000n * BigInt(effectiveGasPrice),
    );
    expect(await ask('eth_getTransactionCount', A, '0x1')).toBe('0x1');
    expect(await ask('eth_getTransactionCount', A, 'latest')).toBe('0x3');
    expect(await ask('eth_getCode', contract, '0x1')).toBe('0x');
    expect(await ask('eth_getCode', contract)).toMatch(/^0x3615/);
    expect(await ask('eth_getStorageAt', contract, '0x0', 'latest')).toBe(`0x${'0'.repeat(64)}`);
    await expect(ask('eth_getBalance', A, '0x99')).rejects.toMatchObject({
      code: -32000,
      message: 'header not found',
    });
    await expect(ask('eth_getBalance', A, { blockHash: keccakHex(new Uint8Array()) })).rejects.toMatchObject({
      message: 'header for hash not found',
    });
  });

  it('have proofs that hash to the state root', async () => {
    const proof = await ask('eth_getProof', A, ['0x0'], 'latest');
    const { stateRoot } = await ask('eth_getBlockByNumber', 'latest', false);
    expect(keccakHex(Buffer.from(proof.accountProof[0].slice(2), 'hex'))).toBe(stateRoot);
    expect(proof).toMatchObject({
      address: A,
      nonce: '0x3',
      storageProof: [{ key: '0x0', value: '0x0' }],
    });
    await expect(ask('eth_getProof', A, Array(1_025).fill('0x0'), 'latest')).rejects.toMatchObject({
      code: -32602,
    });
  });
});

describe('calls', () => {
  it('run on the state of a block, and on changes that are thrown away', async () => {
    const answer = '0x602a60005260206000f3';
    expect(await ask('eth_call', { to: B }, 'latest', { [B]: { code: answer } })).toBe(
      `0x${'2a'.padStart(64, '0')}`,
    );
    expect(await ask('eth_call', { to: B }, 'latest')).toBe('0x');
    const count = await ask('eth_call', {
      to: dataNetInterface.address,
      data: toHex(dataNetInterface.encodeCall('dataNetCount', [])),
    });
    expect(BigInt(count)).toBe(0n);
  });

  it('that revert are code 3 with the data and the reason', async () => {
    const view = toHex(dataNetInterface.encodeCall('dataNet', [7n]));
    await expect(ask('eth_call', { to: dataNetInterface.address, input: view })).rejects.toMatchObject({
      code: 3,
      message: 'execution reverted: UnknownDataNet(7)',
      data: toHex(dataNetInterface.encodeError('UnknownDataNet', [7n])),
    });
    await expect(ask('eth_call', { to: contract, input: '0x01' })).rejects.toMatchObject({
      code: 3,
      message: 'execution reverted',
      data: '0x',
    });
    await expect(ask('eth_estimateGas', { from: A, to: contract, input: '0x01' })).rejects.toMatchObject({
      code: 3,
    });
  });

  it('estimate gas of transfers and of both doors of a module', async () => {
    expect(await ask('eth_estimateGas', { from: A, to: B, value: '0x1' })).toBe('0x5208');
    const create: [string, string, string, string[]] = ['Name', 'Summary', 'Text', ['tag']];
    const solidity = {
      from: A,
      to: dataNetInterface.address,
      data: toHex(dataNetInterface.encodeCall('create', create)),
    };
    const call = dataNetInterface.nativeCall('create', create);
    const field = (item: unknown): unknown =>
      item instanceof Uint8Array ? toHex(item) : (item as unknown[]).map(field);
    const native = { from: A, native: { type: 0x50, op: call.op, fields: call.fields.map(field) } };
    const [first, second] = [
      BigInt(await ask('eth_estimateGas', solidity)),
      BigInt(await ask('eth_estimateGas', native)),
    ];
    expect(first).toBeGreaterThan(50_000n);
    expect(second).toBeGreaterThan(50_000n);
    const poor = keccakHex(new Uint8Array()).slice(0, 42);
    await expect(ask('eth_estimateGas', { from: poor, to: B, value: '0x1' })).rejects.toMatchObject({
      code: -32000,
      message: /insufficient funds/,
    });
  });

  it('are refused when they contradict themselves', async () => {
    for (const [call, reason] of [
      [{ to: B, data: '0x01', input: '0x02' }, /both "data" and "input"/],
      [{ to: B, gasPrice: '0x1', maxFeePerGas: '0x1' }, /both gasPrice and/],
      [
        { to: B, maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' },
        /max priority fee per gas higher than max fee per gas/,
      ],
      [{ to: '0x12' }, /to: hex string has length 2, want 40/],
      ['0x', /expected an object/],
    ] as const)
      await expect(ask('eth_call', call)).rejects.toMatchObject({ code: -32602, message: reason });
    await expect(
      ask('eth_call', { to: B }, 'latest', { [B]: { state: {}, stateDiff: {} } }),
    ).rejects.toMatchObject({ code: -32000 });
    await expect(ask('eth_call', { to: B }, 'latest', { [B]: { balanse: '0x1' } })).rejects.toMatchObject({
      message: /unknown member 'balanse'/,
    });
  });
});

describe('fees', () => {
  it('are suggested from what was paid lately', async () => {
    const tip = BigInt(await ask('eth_maxPriorityFeePerGas'));
    expect(tip).toBe(GWEI);
    expect(BigInt(await ask('eth_gasPrice'))).toBeGreaterThan(tip);
  });

  it('have a history that ends with the block to come', async () => {
    const history = await ask('eth_feeHistory', '0x3', 'latest', [0, 100]);
    expect(history.oldestBlock).toBe('0x2');
    expect(history.baseFeePerGas).toHaveLength(4);
    expect(history.gasUsedRatio).toHaveLength(3);
    expect(history.reward[1]).toEqual(['0x0', '0x0']);
    expect(history.reward[2]).toEqual([`0x${GWEI.toString(16)}`, `0x${GWEI.toString(16)}`]);
    const past = await ask('eth_feeHistory', '0x1', '0x1', []);
    expect(past.baseFeePerGas[1]).toBe((await ask('eth_getBlockByNumber', '0x2', false)).baseFeePerGas);
    await expect(ask('eth_feeHistory', '0x1', 'latest', [50, 10])).rejects.toMatchObject({ code: -32000 });
    await expect(ask('eth_feeHistory', '0x1', 'latest', [101])).rejects.toMatchObject({ code: -32000 });
    expect((await ask('eth_feeHistory', '0xffff', 'latest')).gasUsedRatio).toHaveLength(5);
  });
});

describe('logs', () => {
  it('are found by range, block, address and topic', async () => {
    const all = await ask('eth_getLogs', { fromBlock: 'earliest', address: contract });
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({
      blockNumber: '0x4',
      transactionHash: hashes[3],
      transactionIndex: '0x0',
      logIndex: '0x0',
    });
    expect(await ask('eth_getLogs', { blockHash: all[0].blockHash })).toEqual(all);
    expect(await ask('eth_getLogs', { fromBlock: '0x0', topics: [`0x${'07'.padStart(64, '0')}`] })).toEqual(
      all,
    );
    expect(await ask('eth_getLogs', { fromBlock: '0x0', topics: [`0x${'08'.padStart(64, '0')}`] })).toEqual(
      [],
    );
    expect(await ask('eth_getLogs', { fromBlock: '0x0', toBlock: '0x3', address: contract })).toEqual([]);
    expect(await ask('eth_getLogs', { fromBlock: '0x50' })).toEqual([]);
  });

  it('have bounds that are named', async () => {
    await expect(ask('eth_getLogs', { fromBlock: '0x3', toBlock: '0x1' })).rejects.toMatchObject({
      code: -32602,
      message: 'invalid block range params',
    });
    await expect(ask('eth_getLogs', { blockHash: keccakHex(new Uint8Array()) })).rejects.toMatchObject({
      message: 'unknown block',
    });
    const tight = await openTestNode({ config: { limits: { maxLogBlocks: 2, maxLogResults: 1 } } });
    try {
      for (let i = 0; i < 4; i++) await tight.mine();
      await expect(
        rpcCall(tight.url, 'eth_getLogs', { fromBlock: '0x1', toBlock: '0x4' }),
      ).rejects.toMatchObject({
        code: -32005,
        message: 'limit exceeded: block range of 4 blocks in eth_getLogs (limit 2)',
      });
    } finally {
      await tight.close();
    }
  });
});

describe('the pool', () => {
  it('shows what waits, and pending nonces count it', async () => {
    const nonce = Number(await ask('eth_getTransactionCount', accountAddress(2)));
    const hash = await send({ key: accountKey(2), nonce, to: B, value: 1n });
    expect(await ask('eth_getTransactionCount', accountAddress(2), 'pending')).toBe(
      `0x${(nonce + 1).toString(16)}`,
    );
    expect(await ask('eth_getTransactionCount', accountAddress(2), 'latest')).toBe(`0x${nonce.toString(16)}`);
    expect(await ask('txpool_status')).toEqual({ pending: '0x1', queued: '0x0' });
    const waiting = await ask('eth_getTransactionByHash', hash);
    expect(waiting).toMatchObject({
      hash,
      blockHash: null,
      blockNumber: null,
      transactionIndex: null,
      from: accountAddress(2),
    });
    expect((await ask('txpool_content')).pending[checksumAddress(accountAddress(2))][String(nonce)]).toEqual(
      waiting,
    );
    expect((await ask('txpool_contentFrom', accountAddress(2))).pending[String(nonce)]).toEqual(waiting);
    expect(await ask('eth_getTransactionReceipt', hash)).toBeNull();
    await expect(send({ key: accountKey(2), nonce, to: B, value: 1n })).rejects.toMatchObject({
      code: -32000,
      message: 'already known',
    });
    await node.mine();
    expect((await ask('eth_getTransactionByHash', hash)).blockNumber).toMatch(/^0x/);
    await expect(send({ key: accountKey(0), nonce: 0, to: B, value: 1n })).rejects.toMatchObject({
      code: -32000,
      message: /nonce too low/,
    });
  });
});

describe('filters', () => {
  it('give what came since they were asked last', async () => {
    const [blocks, logs, pending] = [
      await ask('eth_newBlockFilter'),
      await ask('eth_newFilter', { address: contract }),
      await ask('eth_newPendingTransactionFilter'),
    ];
    expect(await ask('eth_getFilterChanges', blocks)).toEqual([]);
    const nonce = Number(await ask('eth_getTransactionCount', A));
    const hash = await send({ key: accountKey(0), nonce, to: contract, gasLimit: 100_000n });
    const { block } = await node.mine();
    expect(await ask('eth_getFilterChanges', blocks)).toEqual([block.hash]);
    expect(await ask('eth_getFilterChanges', blocks)).toEqual([]);
    expect(await ask('eth_getFilterChanges', logs)).toMatchObject([{ transactionHash: hash }]);
    expect(await ask('eth_getFilterChanges', logs)).toEqual([]);
    expect(await ask('eth_getFilterLogs', logs)).toMatchObject([{ transactionHash: hash }]);
    expect(await ask('eth_getFilterChanges', pending)).toEqual([hash]);
    expect(await ask('eth_uninstallFilter', blocks)).toBe(true);
    expect(await ask('eth_uninstallFilter', blocks)).toBe(false);
    await expect(ask('eth_getFilterChanges', blocks)).rejects.toMatchObject({
      code: -32000,
      message: 'filter not found',
    });
  });
});

describe('subscriptions', () => {
  it('announce a head only when all of its block can be read, and after their own answer', async () => {
    const socket = await openSocket(node.url);
    const heads = await socket.call('eth_subscribe', 'newHeads');
    const logs = await socket.call('eth_subscribe', 'logs', { address: contract });
    const pending = await socket.call('eth_subscribe', 'newPendingTransactions');
    const nonce = Number(await ask('eth_getTransactionCount', A));
    const hash = await send({ key: accountKey(0), nonce, to: contract, gasLimit: 100_000n });
    expect(await socket.next()).toMatchObject({
      method: 'eth_subscription',
      params: { subscription: pending, result: hash },
    });
    const { block } = await node.mine();
    const head = (await socket.next()).params;
    expect(head.subscription).toBe(heads);
    const whole = await ask('eth_getBlockByHash', head.result.hash, false);
    expect(whole.transactions).toEqual([hash]);
    for (const [field, value] of Object.entries(head.result))
      if (field in whole) expect(whole[field], field).toEqual(value);
    expect(await ask('eth_getTransactionReceipt', hash)).toMatchObject({
      blockHash: block.hash,
      status: '0x1',
    });
    expect((await socket.next()).params).toMatchObject({
      subscription: logs,
      result: { transactionHash: hash, blockHash: block.hash },
    });

    expect(await socket.call('eth_unsubscribe', heads)).toBe(true);
    await node.mine();
    expect(await socket.call('eth_chainId')).toMatch(/^0x/);
  });

  it('announce every block in order, though only the last one was told', async () => {
    const socket = await openSocket(node.url);
    await socket.call('eth_subscribe', 'newHeads');
    const from = node.chain.chain.head().number;
    const { announceHead } = node.backend;
    node.backend.announceHead = () => {};
    await node.chain.produce([]);
    await node.chain.produce([]);
    const last = await node.chain.produce([]);
    node.backend.announceHead = announceHead;
    announceHead({ number: last.head.number, hash: last.head.hash });
    for (const number of [from + 1, from + 2, from + 3])
      expect(Number((await socket.next()).params.result.number)).toBe(number);
  });

  it('need a WebSocket', async () => {
    await expect(ask('eth_subscribe', 'newHeads')).rejects.toMatchObject({
      message: /notifications not supported/,
    });
  });

  it('give whole transactions of the pool when asked', async () => {
    const socket = await openSocket(node.url);
    await socket.call('eth_subscribe', 'newPendingTransactions', true);
    const nonce = Number(await ask('eth_getTransactionCount', B));
    const hash = await send({ key: accountKey(1), nonce, to: A, value: 1n });
    expect((await socket.next()).params.result).toMatchObject({ hash, from: B, blockHash: null });
    await node.mine();
  });
});

describe('traces', () => {
  it('show the frames of a transaction as callTracer does', async () => {
    const trace = await ask('debug_traceTransaction', hashes[3], {
      tracer: 'callTracer',
      tracerConfig: { withLog: true },
    });
    expect(trace).toMatchObject({ type: 'CALL', from: A, to: contract, value: '0x0', input: '0x' });
    expect(trace.logs).toMatchObject([{ address: contract }]);
    expect(trace.gasUsed).toBe((await ask('eth_getTransactionReceipt', hashes[3])).gasUsed);
    expect(trace.error).toBeUndefined();
    const failed = await ask('debug_traceTransaction', hashes[4], { tracer: 'callTracer' });
    expect(failed.error).toMatch(/revert/);
  });

  it('show the steps of a transaction', async () => {
    const trace = await ask('debug_traceTransaction', hashes[3]);
    expect(trace.failed).toBe(false);
    expect(trace.structLogs.map((step: { op: string }) => step.op)).toContain('LOG1');
    expect(trace.structLogs[0]).toMatchObject({ pc: 0, op: 'CALLDATASIZE', depth: 1, stack: [] });
    const bare = await ask('debug_traceTransaction', hashes[3], { disableStack: true });
    expect(bare.structLogs[0].stack).toBeUndefined();
  });

  it('show whole blocks and calls, and say what is not offered', async () => {
    const block = await ask('debug_traceBlockByNumber', '0x4', { tracer: 'callTracer' });
    expect(block.map((item: { txHash: string }) => item.txHash)).toEqual([hashes[3], hashes[4]]);
    const call = await ask('debug_traceCall', { from: A, to: contract }, 'latest', { tracer: 'callTracer' });
    expect(call).toMatchObject({ type: 'CALL', to: contract });
    await expect(ask('debug_traceTransaction', hashes[3], { tracer: 'muxTracer' })).rejects.toMatchObject({
      code: -32602,
    });
    await expect(ask('debug_traceBlockByNumber', '0x0', {})).rejects.toMatchObject({
      message: 'genesis is not traceable',
    });
    await expect(ask('debug_traceTransaction', keccakHex(new Uint8Array()))).rejects.toMatchObject({
      message: 'transaction not found',
    });
  });

  it('have raw data beside them that hashes to its names', async () => {
    const { hash } = await ask('eth_getBlockByNumber', '0x4', false);
    const header = await ask('debug_getRawHeader', '0x4');
    expect(keccakHex(Buffer.from(header.slice(2), 'hex'))).toBe(hash);
    expect(await ask('debug_getRawBlock', '0x4')).toMatch(/^0x/);
    expect(await ask('debug_getRawTransaction', hashes[0])).toBe(
      await ask('eth_getRawTransactionByHash', hashes[0]),
    );
  });
});

describe('the small namespaces', () => {
  it('answer what tools ask first', async () => {
    const id = node.chain.genesis.params.chainId;
    expect(await ask('eth_chainId')).toBe(`0x${id.toString(16)}`);
    expect(await ask('net_version')).toBe(String(id));
    expect(await ask('net_listening')).toBe(true);
    expect(await ask('net_peerCount')).toBe('0x0');
    expect(await ask('web3_clientVersion')).toBe('OpenLedger/test');
    expect(await ask('web3_sha3', '0x68656c6c6f')).toBe(
      '0x1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8',
    );
    expect(await ask('eth_accounts')).toEqual([]);
    expect(await ask('eth_syncing')).toBe(false);
    expect(Object.keys(await ask('rpc_modules'))).toEqual([
      'eth',
      'net',
      'web3',
      'txpool',
      'rpc',
      'ol',
      'debug',
      'ots',
      'erigon',
      'trace',
    ]);
  });

  it('serve the page at the same door', async () => {
    const page = await http(node.url, { method: 'GET' });
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    const again = await http(node.url, {
      method: 'GET',
      headers: { 'if-none-match': String(page.headers['etag']) },
    });
    expect([again.status, again.body]).toEqual([304, '']);
    expect(
      (await http(node.url, { method: 'GET', path: '/pages/home.js' })).headers['content-type'],
    ).toContain('text/javascript');
  });
});
