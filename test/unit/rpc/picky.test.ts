/**
 * The client that looks at everything: what is missing and what is null, how quantities are written, codes and words of
 * refusals, ids as they were sent. One table for all of it; the words are go-ethereum's, whose users match them.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRpc } from '../../../rpc/start.ts';
import { durationMs } from '../../../rpc/tracers/duration.ts';
import { checksumAddress, keccakHex, toHex } from '../../../state/crypto.ts';
import type { Caller, ChainReader, Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, signedTransaction } from '../state/support.ts';
import { http, type Json, openSocket, rpcCall, testBackend } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const A = accountAddress(0);
const B = accountAddress(1);
const NOBODY: Hex = '0xdededededededededededededededededededede';
const UNKNOWN: Hex = `0x${'11'.repeat(32)}`;
const IDENTITY = '0x0000000000000000000000000000000000000004';
const WORD = (n: number) => `0x${n.toString(16).padStart(64, '0')}`;

let node: TestNode;
let mined: Hex;
beforeAll(async () => {
  node = await openTestNode();
  const send = (nonce: number) =>
    rpcCall(
      node.url,
      'eth_sendRawTransaction',
      toHex(signedTransaction({ key: accountKey(0), nonce, to: B, value: 5n })),
    );
  mined = await send(0);
  await node.mine();
  await node.mine();
});
afterAll(() => node?.close());

/** `at`: address whose code is replaced for the call. */
const withCode = (code: string, to: Hex = NOBODY) => [{ from: A, to }, 'latest', { [to]: { code } }];
/** Reverts with Error("no"). */
const REASON = `08c379a0${'20'.padStart(64, '0')}${'02'.padStart(64, '0')}${'6e6f'.padEnd(64, '0')}`;
const REVERTS = `0x6064600c60003960646000fd${REASON}`;
const LOOPS = '0x5b600056';
const AUTHORIZATION = { chainId: '0x0', address: B, nonce: '0x0', yParity: '0x0', r: '0x1', s: '0x1' };
const raw = (wish: Partial<Parameters<typeof signedTransaction>[0]>) =>
  toHex(signedTransaction({ key: accountKey(0), nonce: 7, to: B, ...wish }));

type Wanted =
  | { readonly is: unknown }
  | { readonly code: number; readonly text: string | RegExp; data?: Hex };
const is = (value: unknown): Wanted => ({ is: value });
const refused = (text: string | RegExp, code = -32602, data?: Hex): Wanted => ({
  code,
  text,
  ...(data === undefined ? {} : { data }),
});
const server = (text: string | RegExp): Wanted => refused(text, -32000);

const TABLE: readonly (readonly [method: string, params: unknown, wanted: Wanted])[] = [
  // Blocks that do not exist are null, heights that cannot exist are refused.
  ['eth_getBlockByNumber', ['0xffffff', false], is(null)],
  ['eth_getBlockByNumber', ['0x7fffffffffffffff', false], is(null)],
  [
    'eth_getBlockByNumber',
    ['0x8000000000000000', false],
    refused('invalid argument 0: block number larger than int64'),
  ],
  ['eth_getBlockByNumber', [UNKNOWN, false], refused('invalid argument 0: hex number > 64 bits')],
  [
    'eth_getBlockByNumber',
    ['0x01', false],
    refused('invalid argument 0: hex number with leading zero digits'),
  ],
  ['eth_getBlockByNumber', ['0x', false], refused('invalid argument 0: hex string "0x"')],
  ['eth_getBlockByNumber', ['', false], refused('invalid argument 0: empty hex string')],
  ['eth_getBlockByNumber', ['1', false], refused('invalid argument 0: hex string without 0x prefix')],
  ['eth_getBlockByNumber', ['Latest', false], refused('invalid argument 0: hex string without 0x prefix')],
  ['eth_getBlockByNumber', ['latest', 'yes'], refused(/^invalid argument 1: expected a boolean/)],
  ['eth_getBlockByNumber', [], refused('missing value for required argument 0')],
  ['eth_getBlockByNumber', [null, false], refused('missing value for required argument 0')],
  ['eth_getBlockByNumber', ['latest', false, 1], refused('too many arguments, want at most 2')],
  ['eth_getBlockByNumber', { block: 'latest' }, refused('non-array args')],
  ['eth_getBlockByHash', [UNKNOWN, true], is(null)],
  ['eth_getHeaderByNumber', ['0xffffff'], is(null)],
  ['eth_getHeaderByNumber', ['0x1'], is(expect.objectContaining({ number: '0x1' }))],
  ['eth_getHeaderByHash', [UNKNOWN], is(null)],
  ['eth_getBlockTransactionCountByNumber', ['0xffffff'], is(null)],
  ['eth_getBlockTransactionCountByNumber', ['0x1'], is('0x1')],
  ['eth_getUncleCountByBlockNumber', ['0x1'], is('0x0')],
  ['eth_getUncleCountByBlockHash', [UNKNOWN], is(null)],
  ['eth_getUncleByBlockNumberAndIndex', ['0x1', '0x0'], is(null)],
  ['eth_getTransactionByBlockNumberAndIndex', ['0x1', '0x1'], is(null)],
  ['eth_getTransactionByBlockNumberAndIndex', ['0x1', '0xffffffffffffffff'], is(null)],
  [
    'eth_getTransactionByBlockNumberAndIndex',
    ['0x1', '0x10000000000000000'],
    refused(/hex number > 64 bits$/),
  ],
  ['eth_getTransactionByBlockHashAndIndex', [UNKNOWN, '0x0'], is(null)],
  ['eth_getTransactionByHash', [UNKNOWN], is(null)],
  ['eth_getTransactionByHash', ['0x11'], refused(/hex string has length 2, want 64/)],
  ['eth_getTransactionReceipt', [UNKNOWN], is(null)],
  ['eth_getBlockReceipts', ['0xffffff'], is(null)],
  ['eth_getBlockReceipts', [{ blockHash: UNKNOWN, requireCanonical: true }], is(null)],
  ['eth_getBlockReceipts', ['0x2'], is([])],
  ['eth_getBlockReceipts', [{}], server('invalid arguments; neither block nor hash specified')],
  // Accounts.
  ['eth_getBalance', [NOBODY, 'pending'], is('0x0')],
  ['eth_getBalance', [A, UNKNOWN], server('header for hash not found')],
  ['eth_getBalance', [A, { blockHash: UNKNOWN }], server('header for hash not found')],
  ['eth_getBalance', [A, '0xffffff'], server('header not found')],
  [
    'eth_getBalance',
    [A, { blockHash: UNKNOWN, blockNumber: '0x1' }],
    refused(/cannot specify both BlockHash and BlockNumber/),
  ],
  ['eth_getBalance', [A, { blockNumber: '0x1', blockHash: null }], is(expect.stringMatching(/^0x[1-9a-f]/))],
  ['eth_getBalance', [A, 1], refused(/^invalid argument 1: /)],
  ['eth_getBalance', ['0x12', 'latest'], refused(/hex string has length 2, want 40/)],
  ['eth_getBalance', ['0x1', 'latest'], refused('invalid argument 0: hex string of odd length')],
  ['eth_getTransactionCount', [A, 'pending'], is('0x1')],
  ['eth_getCode', [NOBODY, 'latest'], is('0x')],
  ['eth_getStorageAt', [NOBODY, '0x0', 'latest'], is(WORD(0))],
  ['eth_getStorageAt', [NOBODY, '', 'latest'], is(WORD(0))],
  ['eth_getStorageAt', [NOBODY, '1f', 'latest'], is(WORD(0))],
  [
    'eth_getStorageAt',
    [NOBODY, `0x${'0'.repeat(65)}`, 'latest'],
    refused(/storage key too long \(want at most 32 bytes\): "0x0/),
  ],
  ['eth_getStorageAt', [NOBODY, '0xzz', 'latest'], refused(/invalid hex in storage key: "0xzz"$/)],
  [
    'eth_getProof',
    [NOBODY, ['0x01', WORD(1)], 'latest'],
    is(
      expect.objectContaining({
        nonce: '0x0',
        balance: '0x0',
        codeHash: keccakHex(new Uint8Array(0)),
        storageProof: [
          { key: '0x1', value: '0x0', proof: [] },
          { key: WORD(1), value: '0x0', proof: [] },
        ],
      }),
    ),
  ],
  ['eth_getProof', [NOBODY, new Array(1025).fill('0x0'), 'latest'], refused(/1025 items, at most 1024/)],
  // Calls.
  ['eth_call', withCode(REVERTS), refused('execution reverted: no', 3, `0x${REASON}`)],
  ['eth_estimateGas', withCode(REVERTS), refused('execution reverted: no', 3, `0x${REASON}`)],
  ['eth_call', withCode('0x60006000fd'), refused('execution reverted', 3, '0x')],
  [
    'eth_call',
    [{ to: NOBODY, gas: '0x186a0' }, 'latest', { [NOBODY]: { code: LOOPS } }],
    server('out of gas'),
  ],
  [
    'eth_estimateGas',
    [{ to: NOBODY, gas: '0x186a0' }, 'latest', { [NOBODY]: { code: LOOPS } }],
    server('gas required exceeds allowance (100000)'),
  ],
  ['eth_estimateGas', [{ from: A, to: B, gas: '0x1', value: '0x1' }], is('0x5208')],
  [
    'eth_estimateGas',
    [{ from: NOBODY, to: B, value: '0x1' }],
    server(/^failed with \d+ gas: insufficient funds for gas \* price \+ value: address 0xDE/i),
  ],
  [
    'eth_call',
    [{ from: NOBODY, to: B, value: '0x1' }],
    server(
      `err: insufficient funds for gas * price + value: address ${checksumAddress(NOBODY)} have 0 want 1 (supplied gas 50000000)`,
    ),
  ],
  [
    'eth_call',
    [{ to: B, gas: '0x5207' }],
    server('err: intrinsic gas too low: have 20999, want 21000 (supplied gas 20999)'),
  ],
  ['eth_call', [{ to: B, gas: '0xffffffffffffff' }], is('0x')],
  ['eth_call', [{ to: B, gas: '0x10000000000000000' }], refused(/gas: hex number > 64 bits$/)],
  [
    'eth_call',
    [{ from: A, to: B, maxFeePerGas: '0x1' }],
    server(/max fee per gas less than block base fee: address 0x\w{40}, maxFeePerGas: 1, baseFee: \d+/),
  ],
  [
    'eth_call',
    [{ to: B, maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' }],
    refused(/max priority fee per gas higher than max fee per gas/),
  ],
  [
    'eth_call',
    [{ to: B, gasPrice: '0x1', maxFeePerGas: '0x1' }],
    refused(/both gasPrice and \(maxFeePerGas or maxPriorityFeePerGas\) specified/),
  ],
  [
    'eth_call',
    [{ to: B, data: '0x01', input: '0x02' }],
    refused(/both "data" and "input" are set and not equal/),
  ],
  ['eth_call', [{ to: B, data: '', value: '' }], is('0x')],
  ['eth_call', [{ to: B, data: '0x1' }], refused(/data: hex string of odd length$/)],
  ['eth_call', [{ to: B, data: '12' }], refused(/data: hex string without 0x prefix$/)],
  ['eth_call', [{ to: B, value: '0x01' }], refused(/value: hex number with leading zero digits$/)],
  ['eth_call', [{ to: B, value: `0x1${'0'.repeat(64)}` }], refused(/value: hex number > 256 bits$/)],
  ['eth_call', [{ to: B, chainId: '0x1' }], server(/^chainId does not match node's \(have=1, want=\d+\)$/)],
  ['eth_call', [{ to: B, blobVersionedHashes: [] }], refused(/transaction type not supported/)],
  ['eth_call', [{ to: B, accessList: [{ address: B }] }], refused(/missing member 'storageKeys'/)],
  [
    'eth_call',
    [{ from: A, to: B, authorizationList: [] }],
    server(`EIP-7702 transaction with empty auth list (sender ${checksumAddress(A)})`),
  ],
  [
    'eth_call',
    [{ from: A, authorizationList: [AUTHORIZATION] }],
    server(/^EIP-7702 transaction cannot be used to create contract/),
  ],
  [
    'eth_call',
    [{ from: A, to: B, authorizationList: [{ ...AUTHORIZATION, yParity: undefined }] }],
    refused(/missing member 'yParity'/),
  ],
  [
    'eth_estimateGas',
    [{ from: A, to: B, authorizationList: [AUTHORIZATION] }],
    is(expect.stringMatching(/^0x[b-c][0-9a-f]{3}$/)),
  ],
  [
    'eth_createAccessList',
    withCode('0x600054600055'),
    is(expect.objectContaining({ accessList: [{ address: NOBODY, storageKeys: [WORD(0)] }] })),
  ],
  [
    'eth_createAccessList',
    withCode('0x60006000fd'),
    is(expect.objectContaining({ error: 'execution reverted' })),
  ],
  [
    'eth_createAccessList',
    [{ from: NOBODY, to: B, value: '0x1' }],
    server(/^failed to apply transaction: err: insufficient funds/),
  ],
  // Overrides.
  [
    'eth_call',
    [{ to: NOBODY, data: '0x1234' }, 'latest', { [IDENTITY]: { movePrecompileToAddress: NOBODY } }],
    is('0x1234'),
  ],
  [
    'eth_call',
    [{ to: B }, 'latest', { [B]: { movePrecompileToAddress: NOBODY } }],
    server(`account ${B} is not a precompile`),
  ],
  [
    'eth_call',
    [{ to: B }, 'latest', { [B]: { state: {}, stateDiff: {} } }],
    server(`account ${checksumAddress(B)} has both 'state' and 'stateDiff'`),
  ],
  ['eth_call', [{ to: B }, 'latest', { [B]: null }], is('0x')],
  ['eth_call', [{ to: B }, 'latest', { '0x1': {} }], refused(/^invalid argument 2: /)],
  ['eth_call', [{ to: B }, 'latest', {}, { time: '0xffffffffffffffff' }], refused(/> 53 bits$/)],
  ['eth_call', [{ data: '0x4360005260206000f3' }, 'latest', {}, { number: '0x1234' }], is(WORD(0x1234))],
  // Fees.
  ['eth_feeHistory', [2, 'latest', []], is(expect.objectContaining({ oldestBlock: '0x1' }))],
  ['eth_feeHistory', ['2', 'latest', []], is(expect.objectContaining({ oldestBlock: '0x1' }))],
  ['eth_feeHistory', ['0x02', 'latest', []], is(expect.objectContaining({ oldestBlock: '0x1' }))],
  ['eth_feeHistory', ['0x0', 'latest', []], is(expect.objectContaining({ oldestBlock: '0x0' }))],
  [
    'eth_feeHistory',
    ['two', 'latest', []],
    refused('invalid argument 0: invalid hex or decimal integer "two"'),
  ],
  [
    'eth_feeHistory',
    ['0x2', '0xffffff', []],
    server('request beyond head block: requested 16777215, head 2'),
  ],
  ['eth_feeHistory', ['0x2', 'latest', [101]], server('invalid reward percentile: 101.000000')],
  [
    'eth_feeHistory',
    ['0x2', 'latest', [50, 10]],
    server('invalid reward percentile: #0:50.000000 >= #1:10.000000'),
  ],
  // Logs and filters.
  [
    'eth_getLogs',
    [{ blockHash: UNKNOWN, fromBlock: '0x1' }],
    refused(/cannot specify both BlockHash and FromBlock\/ToBlock/),
  ],
  ['eth_getLogs', [{ blockHash: UNKNOWN }], server('unknown block')],
  ['eth_getLogs', [{ fromBlock: '0x2', toBlock: '0x1' }], refused('invalid block range params')],
  [
    'eth_getLogs',
    [{ fromBlock: '0x0', toBlock: '0xffffff' }],
    refused('block range extends beyond current head block'),
  ],
  ['eth_getLogs', [{ topics: [[[UNKNOWN]]] }], refused(/^invalid argument 0: /)],
  ['eth_getLogs', [{ topics: new Array(5).fill(null) }], refused(/exceed max topics/)],
  ['eth_getLogs', [{ topics: null, address: null, fromBlock: null }], is([])],
  ['eth_getLogs', [{ address: [], topics: [[], null, [null]] }], is([])],
  ['eth_newFilter', [{ fromBlock: '0x2', toBlock: '0x1' }], refused('invalid block range params')],
  ['eth_getFilterChanges', ['0x1'], server('filter not found')],
  ['eth_getFilterChanges', ['no id of ours'], server('filter not found')],
  ['eth_getFilterLogs', ['0x1'], server('filter not found')],
  ['eth_uninstallFilter', ['0x1'], is(false)],
  ['eth_subscribe', ['newHeads'], refused(/^notifications not supported/, -32601)],
  // Transactions that cannot be sent.
  ['eth_sendRawTransaction', ['0x123'], refused(/odd length/)],
  [
    'eth_sendRawTransaction',
    [raw({ gasLimit: 20_999n })],
    server('intrinsic gas too low: gas 20999, minimum needed 21000'),
  ],
  [
    'eth_sendRawTransaction',
    [raw({ gasLimit: 24_999n, data: new Uint8Array(100).fill(1) })],
    server('insufficient gas for floor data gas cost: gas 24999, minimum needed 25000'),
  ],
  [
    'eth_sendRawTransaction',
    [raw({ maxFeePerGas: 1n, maxPriorityFeePerGas: 2n })],
    server(/^max priority fee per gas higher than max fee per gas/),
  ],
  [
    'eth_sendRawTransaction',
    [raw({ chainId: 1 })],
    server(/^invalid sender: invalid chain id for signer: have 1 want \d+$/),
  ],
  // Raw data and traces.
  ['debug_getRawTransaction', [UNKNOWN], is(null)],
  ['debug_traceTransaction', [UNKNOWN], server('transaction not found')],
  ['debug_traceBlockByNumber', ['0xffffff'], server('block #16777215 not found')],
  ['debug_traceBlockByHash', [UNKNOWN], server(`block ${UNKNOWN} not found`)],
  ['debug_traceBlockByNumber', ['0x0'], server('genesis is not traceable')],
  ['debug_traceCall', [{ to: B }, 'latest', { timeout: 'soon' }], server('time: invalid duration "soon"')],
  ['debug_traceCall', [{ to: B }, 'latest', { timeout: 5 }], refused(/^invalid argument 2: timeout/)],
  [
    'debug_traceCall',
    [
      { to: B },
      'latest',
      { timeout: '5s', reexec: 128, tracer: 'callTracer', tracerConfig: { onlyTopCall: true } },
    ],
    is(expect.objectContaining({ type: 'CALL', to: B })),
  ],
  // Small ones.
  ['web3_sha3', [''], is(keccakHex(new Uint8Array(0)))],
  [
    'web3_sha3',
    ['0x68656c6c6f20776f726c64'],
    is('0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad'),
  ],
  ['net_listening', [], is(true)],
  ['eth_accounts', null, is([])],
  ['eth_sign', [A, '0x'], refused('the method eth_sign does not exist/is not available', -32601)],
  ['', [], refused('the method  does not exist/is not available', -32601)],
];

describe('a picky client', () => {
  it(`gets what geth would answer, ${TABLE.length} times`, async () => {
    const body = JSON.stringify(
      TABLE.map(([method, params], id) => ({ jsonrpc: '2.0', id, method, params })),
    );
    const answers: Json[] = JSON.parse((await http(node.url, { body })).body);
    expect(answers).toHaveLength(TABLE.length);
    TABLE.forEach(([method, params, wanted], id) => {
      const what = `${method} ${JSON.stringify(params)?.slice(0, 200)}`;
      const { error, ...answer } = answers[id];
      expect(answer.id, what).toBe(id);
      if ('is' in wanted) expect(error ?? answer.result, what).toEqual(wanted.is);
      else {
        expect(error?.code, `${what}: ${JSON.stringify(error ?? answer)}`).toBe(wanted.code);
        if (typeof wanted.text === 'string') expect(error.message, what).toBe(wanted.text);
        else expect(error.message, what).toMatch(wanted.text);
        expect(error.data, what).toBe(wanted.data);
      }
    });
    expect(node.reported).toEqual([]);
  });

  it('is told the pool by checksummed senders, and its transactions in words', async () => {
    const hash = await rpcCall(node.url, 'eth_sendRawTransaction', raw({ nonce: 1, value: 9n }));
    const content = await rpcCall(node.url, 'txpool_content');
    expect(content.pending[checksumAddress(A)]['1']).toMatchObject({ hash, blockHash: null });
    expect(content.queued).toEqual({});
    const words = await rpcCall(node.url, 'txpool_inspect');
    expect(words.pending[checksumAddress(A)]['1']).toMatch(
      new RegExp(`^${checksumAddress(B)}: 9 wei \\+ \\d+ gas × \\d+ wei$`),
    );
    expect(await rpcCall(node.url, 'txpool_contentFrom', NOBODY)).toEqual({ pending: {}, queued: {} });
    await node.mine();
    expect(mined).not.toBe(hash);
  });

  const WIRE: readonly (readonly [what: string, body: string, answer: string | RegExp])[] = [
    [
      'nanoseconds as an id',
      '{"jsonrpc":"2.0","id":1725012345678901234,"method":"net_listening"}',
      '{"jsonrpc":"2.0","id":1725012345678901234,"result":true}',
    ],
    [
      'a negative one, behind parameters that hold ids',
      '{"method":"nope","params":[{"id":9007199254740993}],"id":-9007199254740993,"jsonrpc":"2.0"}',
      /"id":-9007199254740993,"error":\{"code":-32601/,
    ],
    [
      'both in a batch, with a string that looks like one',
      '[{"jsonrpc":"2.0","id":"\\"id\\":1","method":"net_listening"},7,{"jsonrpc":"2.0","id":18446744073709551615,"method":"net_listening"}]',
      /^\[\{"jsonrpc":"2.0","id":"\\"id\\":1","result":true\},\{"jsonrpc":"2.0","id":null,"error":.*\},\{"jsonrpc":"2.0","id":18446744073709551615,"result":true\}\]$/,
    ],
    [
      'a fraction',
      '{"jsonrpc":"2.0","id":1.5,"method":"net_listening"}',
      '{"jsonrpc":"2.0","id":1.5,"result":true}',
    ],
    [
      'null',
      '{"jsonrpc":"2.0","id":null,"method":"net_listening"}',
      '{"jsonrpc":"2.0","id":null,"result":true}',
    ],
    ['an object', '{"jsonrpc":"2.0","id":{},"method":"net_listening"}', /"id":null,"error":\{"code":-32600/],
    ['nothing, which is a notification', '{"jsonrpc":"2.0","method":"net_listening"}', ''],
    ['a batch of nothing but these', '[{"jsonrpc":"2.0","method":"net_listening"}]', ''],
  ];
  for (const [what, body, answer] of WIRE)
    it(`has ${what}`, async () => {
      const answered = await http(node.url, { body });
      expect(answered.status).toBe(200);
      if (typeof answer === 'string') expect(answered.body).toBe(answer);
      else expect(answered.body).toMatch(answer);
    });

  it('may not send what is compressed, and is answered in order when it does not wait', async () => {
    const call = '{"jsonrpc":"2.0","id":1,"method":"net_listening"}';
    const packed = await http(node.url, { headers: { 'content-encoding': 'gzip' }, body: call });
    expect([packed.status, packed.body]).toEqual([415, expect.stringContaining('content encoding')]);
    const one = (id: number) => {
      const text = call.replace('"id":1', `"id":${id}`);
      return `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    };
    const answered = await new Promise<string>((resolve, reject) => {
      let seen = '';
      const socket = connect(node.rpc.port, '127.0.0.1', () => socket.write([1, 2, 3].map(one).join('')));
      socket.on('data', (chunk) => {
        seen += chunk;
        if (seen.split('"result"').length === 4) socket.destroy();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(seen));
    });
    expect([...answered.matchAll(/"id":(\d)/g)].map(([, id]) => id)).toEqual(['1', '2', '3']);
  });

  it('may ping, in fragments too, and subscriptions refuse what they cannot mean', async () => {
    const { socket, call, next } = await openSocket(node.url);
    const pong = new Promise<string>((resolve) => socket.once('pong', (data) => resolve(String(data))));
    socket.ping('here');
    expect(await pong).toBe('here');
    socket.send('{"jsonrpc":"2.0","id":0,', { fin: false });
    socket.send('"method":"net_listening"}', { fin: true });
    expect(await next()).toMatchObject({ id: 0, result: true });
    await expect(call('eth_subscribe')).rejects.toMatchObject({ code: -32602 });
    await expect(call('eth_subscribe', 5)).rejects.toMatchObject({
      message: 'expected subscription name as first argument',
    });
    await expect(call('eth_subscribe', 'newWorlds')).rejects.toMatchObject({
      code: -32601,
      message: 'no "newWorlds" subscription in eth namespace',
    });
    await expect(call('eth_subscribe', 'logs', { topics: 'all' })).rejects.toMatchObject({ code: -32602 });
    await expect(call('eth_unsubscribe', '0x1')).rejects.toMatchObject({
      code: -32000,
      message: 'subscription not found',
    });
    socket.close();
  });
});

describe('a duration', () => {
  it('is read as Go reads it', () => {
    for (const [text, ms] of [
      ['5s', 5_000],
      ['500ms', 500],
      ['1h1m1.5s', 3_661_500],
      ['.5s', 500],
      ['1us', 0.001],
      ['0', 0],
      ['-1s', 0],
    ] as const)
      expect(durationMs(text), text).toBeCloseTo(ms, 9);
    for (const text of ['', '5', 's', '5 s', '5sec', '1.2.3s', '+', '9'.repeat(70)])
      expect(durationMs(text), text).toBeUndefined();
  });
});

describe('where a question is answered', () => {
  /** A chain whose block 1 is full, and threads that only tell that they were asked. */
  const header = (number: number) => ({
    number,
    gasUsed: number === 1 ? 30_000_000n : 0n,
    gasLimit: 30_000_000n,
    baseFeePerGas: 7n,
    logsBloom: `0x${'00'.repeat(256)}`,
  });
  const block = (number: number) =>
    number > 2 ? undefined : { hash: WORD(number), header: header(number), transactions: [], timestampMs: 0 };
  const reader = {
    params: { chainId: 1 },
    head: () => ({ number: 2, hash: WORD(2) }),
    headerByNumber: (number: number) => block(number)?.header,
    hashByNumber: (number: number) => block(number)?.hash,
    blockByNumber: block,
    blockByHash: (hash: string) => block(Number(hash)),
    blockBytes: () => new Uint8Array(0),
    receipts: () => [],
    oldestReceipts: () => 0,
    postings: { oldest: () => 0 },
  } as unknown as ChainReader;
  const apart: { name: string; params: unknown; timeoutMs: number | undefined }[] = [];
  const open = () =>
    startRpc({
      reader,
      caller: undefined as unknown as Caller,
      backend: testBackend(),
      apart: {
        async run(name, params, _gone, timeoutMs) {
          apart.push({ name, params, timeoutMs });
          return '"apart"';
        },
      },
    });

  it('is told by its size: large ones go to the reader threads, with the time that the client gives', async () => {
    const rpc = await open();
    const url = `http://127.0.0.1:${rpc.port}`;
    const where = async (method: string, ...params: unknown[]) =>
      (await rpcCall(url, method, ...params)) === 'apart';
    try {
      for (const [method, ...more] of [
        ['eth_getBlockReceipts'],
        ['eth_getBlockByNumber', true],
        ['debug_getRawReceipts'],
      ] as const) {
        expect(await where(method, '0x1', ...more), method).toBe(true);
      }
      expect(await where('eth_getBlockReceipts', '0x2')).toBe(false);
      expect(await where('eth_getBlockByHash', WORD(1), true)).toBe(true);
      expect(await where('ots_getBlockDetails', 1)).toBe(true);
      expect(await where('ots_getBlockTransactions', 1, 0, 25)).toBe(true);
      expect(await where('eth_feeHistory', '0x400', 'latest', [])).toBe(true);
      expect(await where('eth_feeHistory', '0x2', 'latest', [50])).toBe(true);
      expect(await where('eth_feeHistory', '0x1', '0x0', [50])).toBe(false);
      expect(await where('ol_contributions', { limit: 200 })).toBe(true);
      expect(await where('ol_inferences', { status: 'open' })).toBe(true);
      expect(await where('ol_transactions', {})).toBe(true);
      const filter = await rpcCall(url, 'eth_newFilter', { fromBlock: 'earliest', address: A });
      expect(await where('eth_getFilterLogs', filter)).toBe(true);
      expect(apart.at(-1)).toMatchObject({
        name: 'eth_getLogs',
        params: [{ fromBlock: 'earliest', address: [A], topics: [] }],
      });
      await where('debug_traceTransaction', UNKNOWN, { timeout: '250ms' });
      expect(apart.at(-1)).toMatchObject({ name: 'debug_traceTransaction', timeoutMs: 250 });
      await where('debug_traceTransaction', UNKNOWN);
      expect(apart.at(-1)).toMatchObject({ timeoutMs: undefined });
    } finally {
      await rpc.close();
    }
  });
});
