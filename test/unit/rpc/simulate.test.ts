/** Simulated blocks: what calls would do, in blocks that never were, on the real chain behind the real server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keccakHex, toHex } from '../../../state/crypto.ts';
import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, GWEI, signedTransaction } from '../state/support.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const A = accountAddress(0);
const B = accountAddress(1);
const POOR: Hex = '0xc000000000000000000000000000000000000000';

let node: TestNode;
const ask = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);
const simulate = (wish: object, at = 'latest') => ask('eth_simulateV1', wish, at);
/** One block of calls. */
const calls = (list: object[], more: object = {}) => ({ blockStateCalls: [{ calls: list, ...more }] });
const code = (text: string): Hex => `0x${text.replaceAll(' ', '')}`;

/** Answers what BLOCKHASH of its argument is. */
const BLOCKHASH_OF = code('600035 40 600052 60206000f3');
/** Sends its value on to the caller in calldata, emits LOG1 around it, and reverts if the second word is set. */
const FORWARDER = code(
  '600160006000a1 6000600060006000 34 600035 5af1 50 600260006000a1 602035 6024 57 00 5b 60006000fd',
);

beforeAll(async () => {
  node = await openTestNode();
  await ask(
    'eth_sendRawTransaction',
    toHex(signedTransaction({ key: accountKey(0), nonce: 0, to: B, value: 1n })),
  );
  await node.mine();
});
afterAll(() => node?.close());

describe('a simulated block', () => {
  it('follows the head, carries its calls as transactions, and leaves nothing behind', async () => {
    const head = await ask('eth_getBlockByNumber', 'latest', false);
    const before = await ask('eth_getBalance', POOR, 'latest');
    const [block] = await simulate(calls([{ from: A, to: POOR, value: '0x7' }]));
    expect(block).toMatchObject({
      number: '0x2',
      parentHash: head.hash,
      baseFeePerGas: '0x0',
      gasUsed: '0x5208',
      uncles: [],
      withdrawals: [],
      calls: [{ status: '0x1', gasUsed: '0x5208', maxUsedGas: '0x5208', returnData: '0x', logs: [] }],
    });
    expect(BigInt(block.timestamp) - BigInt(head.timestamp)).toBe(12n);
    expect(block.transactions).toHaveLength(1);
    for (const root of ['hash', 'stateRoot', 'transactionsRoot', 'receiptsRoot'])
      expect(block[root], root).toMatch(/^0x[0-9a-f]{64}$/);
    expect(block.stateRoot).not.toBe(head.stateRoot);
    expect(await ask('eth_getBalance', POOR, 'latest')).toBe(before);
    // The same question has the same answer.
    expect(await simulate(calls([{ from: A, to: POOR, value: '0x7' }]))).toEqual([block]);
  });

  it('has a header that hashes to its name, and names the one before it', async () => {
    const [first, second] = await simulate({ blockStateCalls: [{}, {}] });
    expect(second.parentHash).toBe(first.hash);
    expect(first.calls).toEqual([]);
    // Nothing but the ring of hashes (EIP-2935) changed, which differs by block.
    expect(second.stateRoot).not.toBe(first.stateRoot);
  });

  it('fills gaps with empty blocks, and sees the hashes of simulated ones', async () => {
    const head = Number(await ask('eth_blockNumber'));
    const target = head + 4;
    const contract = { [POOR]: { code: BLOCKHASH_OF } };
    const input = `0x${(target - 1).toString(16).padStart(64, '0')}`;
    const blocks = await simulate({
      blockStateCalls: [
        {
          blockOverrides: { number: `0x${target.toString(16)}` },
          stateOverrides: contract,
          calls: [{ to: POOR, input }],
        },
      ],
    });
    expect(blocks.map(({ number }: { number: Hex }) => Number(number))).toEqual([
      head + 1,
      head + 2,
      head + 3,
      target,
    ]);
    expect(blocks[3].calls[0].returnData).toBe(blocks[2].hash);
  });

  it('keeps what earlier calls and blocks did', async () => {
    const [first, second] = await simulate({
      blockStateCalls: [
        { stateOverrides: { [POOR]: { balance: '0x64' } }, calls: [{ from: POOR, to: B, value: '0x28' }] },
        { calls: [{ from: POOR, to: B, value: '0x3c' }] },
      ],
      returnFullTransactions: true,
    });
    expect(first.transactions[0]).toMatchObject({ from: POOR, nonce: '0x0', type: '0x2', r: '0x0' });
    expect(second.transactions[0]).toMatchObject({ from: POOR, nonce: '0x1', blockHash: second.hash });
    await expect(
      simulate({
        blockStateCalls: [
          { stateOverrides: { [POOR]: { balance: '0x64' } }, calls: [{ from: POOR, to: B, value: '0x28' }] },
          { calls: [{ from: POOR, to: B, value: '0x3d' }] },
        ],
      }),
    ).rejects.toMatchObject({ code: -38014 });
  });

  it('replaces storage, or changes single slots', async () => {
    // Answers slot 0 and slot 1.
    const reader = code('600054 600052 600154 602052 60406000f3');
    const slot = (n: number) => `0x${n.toString(16).padStart(64, '0')}`;
    const [first, second, third] = await simulate({
      blockStateCalls: [
        {
          stateOverrides: { [POOR]: { code: reader, stateDiff: { [slot(0)]: slot(5), [slot(1)]: slot(6) } } },
          calls: [{ to: POOR }],
        },
        { stateOverrides: { [POOR]: { stateDiff: { [slot(1)]: slot(7) } } }, calls: [{ to: POOR }] },
        { stateOverrides: { [POOR]: { state: { [slot(1)]: slot(8) } } }, calls: [{ to: POOR }] },
      ],
    });
    const words = (block: { calls: [{ returnData: Hex }] }) =>
      block.calls[0].returnData
        .slice(2)
        .match(/.{64}/g)!
        .map((word) => Number(`0x${word}`));
    expect(words(first)).toEqual([5, 6]);
    expect(words(second)).toEqual([5, 7]);
    expect(words(third)).toEqual([0, 8]);
  });

  it('shows moved value among the logs when asked, and none of what was reverted', async () => {
    const overrides = { stateOverrides: { [POOR]: { code: FORWARDER } } };
    const call = (fails: boolean) => ({
      from: A,
      to: POOR,
      value: '0x9',
      input: `0x${B.slice(2).padStart(64, '0')}${(fails ? 1 : 0).toString().padStart(64, '0')}`,
    });
    const wish = { ...calls([call(true), call(false)], overrides), traceTransfers: true };
    const [block] = await simulate(wish);
    const [failed, done] = block.calls;
    expect(failed).toMatchObject({ status: '0x0', logs: [], error: { code: 3 } });
    const ether = '0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee';
    expect(done.logs.map(({ address }: { address: Hex }) => address)).toEqual([ether, POOR, ether, POOR]);
    expect(done.logs[2].topics.slice(1).map((topic: Hex) => `0x${topic.slice(-40)}`)).toEqual([POOR, B]);
    expect(BigInt(done.logs[2].data)).toBe(9n);
    const [plain] = await simulate(calls([call(true), call(false)], overrides));
    expect(plain.calls[1].logs.map(({ logIndex }: { logIndex: Hex }) => logIndex)).toEqual(['0x0', '0x1']);
    expect(plain.hash).toBe(block.hash);
  });

  it('runs modules as the chain does, bodies of records included', async () => {
    const create = toHex(dataNetInterface.encodeCall('create', ['poems', 'by hand', '', []]));
    const read = toHex(dataNetInterface.encodeCall('dataNet', [1n]));
    const to = dataNetInterface.address;
    const [first, second] = await simulate({
      blockStateCalls: [{ calls: [{ from: A, to, input: create }] }, { calls: [{ to, input: read }] }],
    });
    expect(first.calls[0]).toMatchObject({ status: '0x1', logs: [{ address: to, blockHash: first.hash }] });
    expect(Buffer.from(second.calls[0].returnData.slice(2), 'hex').toString('latin1')).toContain('poems');
    await expect(ask('eth_call', { to, input: read })).rejects.toMatchObject({ code: 3 });
  });
});

describe('validation', () => {
  const strict = (list: object[], more: object = {}) => simulate({ ...calls(list, more), validation: true });

  it('asks for the next nonce and for a fee that pays the base fee', async () => {
    const fee = { maxFeePerGas: `0x${(100n * GWEI).toString(16)}` };
    const [block] = await strict([{ from: A, to: B, ...fee }]);
    expect(BigInt(block.baseFeePerGas)).toBeGreaterThan(0n);
    await expect(strict([{ from: A, to: B, ...fee, nonce: '0x0' }])).rejects.toMatchObject({ code: -38010 });
    await expect(strict([{ from: A, to: B, ...fee, nonce: '0x9' }])).rejects.toMatchObject({ code: -38011 });
    await expect(strict([{ from: A, to: B }])).rejects.toMatchObject({ code: -38012 });
    await expect(strict([{ from: POOR, to: B, ...fee }])).rejects.toMatchObject({ code: -38014 });
  });

  it('has a code for each thing that cannot be, with or without it', async () => {
    const cases: [object, number][] = [
      [calls([{ from: A, to: B, gas: '0x1' }]), -38013],
      [calls([{ from: POOR, to: B, value: '0x1' }]), -38014],
      [calls([{ from: A, to: B, gas: '0xfffffffffff' }]), -38015],
      [{ blockStateCalls: [{ blockOverrides: { number: '0x1' } }] }, -38020],
      [{ blockStateCalls: [{ blockOverrides: { time: '0x1' } }] }, -38021],
      [calls([{ from: A, data: `0x${'00'.repeat(49_153)}` }]), -38025],
      [{ blockStateCalls: Array(257).fill({}) }, -38026],
      [{ blockStateCalls: [] }, -32602],
      [{ blockStateCalls: [{ stateOverrides: { [POOR]: { movePrecompileToAddress: B } } }] }, -32000],
      [calls([{ from: A, to: B, blobVersionedHashes: [keccakHex(new Uint8Array())] }]), -32602],
    ];
    for (const [wish, expected] of cases)
      await expect(simulate(wish), `${expected}`).rejects.toMatchObject({ code: expected });
    await expect(simulate(calls([]), '0x99')).rejects.toMatchObject({ message: 'header not found' });
  });

  it('takes what fees take, and gives the tip to the coinbase', async () => {
    const price = 10n;
    const coinbase: Hex = '0xc200000000000000000000000000000000000000';
    // Answers the balance of the coinbase.
    const balance = code('4131 600052 60206000f3');
    const [block] = await simulate({
      blockStateCalls: [
        {
          blockOverrides: { baseFeePerGas: '0x4', feeRecipient: coinbase },
          stateOverrides: { [POOR]: { code: balance } },
          calls: [{ from: A, to: B, gasPrice: '0xa' }, { to: POOR }],
        },
      ],
    });
    expect(block.miner).toBe(coinbase);
    expect(BigInt(block.calls[1].returnData)).toBe(21_000n * (price - 4n));
  });
});

describe('precompiles', () => {
  it('move, and are gone where they were', async () => {
    const identity: Hex = '0x0000000000000000000000000000000000000004';
    const moved: Hex = '0x0000000000000000000000000000000000123456';
    const overrides = { [identity]: { movePrecompileToAddress: moved } };
    const [first, second] = await simulate({
      blockStateCalls: [
        {
          stateOverrides: overrides,
          calls: [
            { to: moved, input: '0xabcd' },
            { to: identity, input: '0xabcd' },
          ],
        },
        // The next block has them in their places again.
        { calls: [{ to: identity, input: '0xabcd' }] },
      ],
    });
    expect(first.calls.map(({ returnData }: { returnData: Hex }) => returnData)).toEqual(['0xabcd', '0x']);
    expect(second.calls[0].returnData).toBe('0xabcd');
    expect(await ask('eth_call', { to: moved, input: '0xabcd' }, 'latest', overrides)).toBe('0xabcd');
    expect(await ask('eth_call', { to: moved, input: '0xabcd' }, 'latest')).toBe('0x');
  });
});

describe('block overrides', () => {
  it('are what a call sees', async () => {
    // NUMBER, TIMESTAMP, COINBASE, BASEFEE
    const contract = code('43600052 42602052 41604052 48606052 60806000f3');
    const answer: Hex = await ask(
      'eth_call',
      { to: POOR, gasPrice: '0x5', from: A, gas: '0x186a0' },
      'latest',
      { [POOR]: { code: contract } },
      { number: '0x77', time: '0x88', feeRecipient: B, baseFeePerGas: '0x3' },
    );
    const words = answer
      .slice(2)
      .match(/.{64}/g)!
      .map((word) => BigInt(`0x${word}`));
    expect(words).toEqual([0x77n, 0x88n, BigInt(B), 3n]);
    await expect(ask('eth_call', { to: POOR }, 'latest', {}, { colour: '0x1' })).rejects.toMatchObject({
      code: -32602,
    });
  });
});
