/** Traces in geth's formats, of transactions and of calls, and answers about storage and raw data beside them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orderedRoot } from '../../../state/block/roots.ts';
import { fromHex, toHex } from '../../../state/crypto.ts';
import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, signedTransaction } from '../state/support.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const A = accountAddress(0);
const HEIR: Hex = '0xc300000000000000000000000000000000000000';
const code = (text: string): Hex => `0x${text.replaceAll(' ', '')}`;
const word = (value: bigint | number): Hex => `0x${value.toString(16).padStart(64, '0')}`;

let node: TestNode;
const ask = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);
const trace = (hash: Hex, tracer?: string, tracerConfig: object = {}, more: object = {}) =>
  ask('debug_traceTransaction', hash, { ...(tracer ? { tracer, tracerConfig } : {}), ...more });

/** Slot 0 becomes 7; runs off its end. */
const STORE = code('6007 600055');
/** Calls the address in calldata with four bytes and its value, then emits LOG0, and calls the identity precompile. */
const CALLER = code(
  '63aabbccdd 600052 6000 6000 6004 601c 34 600035 5af1 50 60006000a0 6000600060006000 6004 5afa',
);
/** Gives everything to the heir. */
const DESTROY = code(`73${HEIR.slice(2)} ff`);
const REVERT = code('60006000fd');

let nonce = 0;
const contracts: Record<string, Hex> = {};

async function send(to: Hex | null, data: Hex, value = 0n): Promise<Hex> {
  const raw = signedTransaction({
    key: accountKey(0),
    nonce: nonce++,
    to,
    data: fromHex(data),
    value,
    gasLimit: 500_000n,
  });
  const hash = await ask('eth_sendRawTransaction', toHex(raw));
  await node.mine();
  return hash;
}

async function deploy(name: string, runtime: Hex): Promise<void> {
  const size = (runtime.length / 2 - 1).toString(16).padStart(2, '0');
  const hash = await send(null, code(`60${size}600c60003960${size}6000f3${runtime.slice(2)}`));
  contracts[name] = (await ask('eth_getTransactionReceipt', hash)).contractAddress;
}

const callTo = (name: string): Hex => word(BigInt(contracts[name]!));
const hashes: Record<string, Hex> = {};

beforeAll(async () => {
  node = await openTestNode();
  for (const [name, runtime] of Object.entries({ STORE, CALLER, DESTROY, REVERT }))
    await deploy(name, runtime);
  hashes['store'] = await send(contracts['CALLER']!, callTo('STORE'), 5n);
  hashes['revert'] = await send(contracts['CALLER']!, callTo('REVERT'));
  hashes['destroy'] = await send(contracts['DESTROY']!, '0x', 9n);
  hashes['create'] = await send(null, code('6001600c60003960016000f3 00'));
  const native = toHex(dataNetInterface.encodeCall('create', ['verse', '', '', []]));
  hashes['module'] = await send(dataNetInterface.address, native);
});
afterAll(() => node?.close());

describe('the opcode logger', () => {
  it('shows storage as it grows, memory and return data when asked, and the STOP behind the end', async () => {
    const full = { enableMemory: true, enableReturnData: true };
    const { structLogs, failed, gas } = await trace(hashes['store']!, undefined, {}, full);
    expect(failed).toBe(false);
    expect(gas).toBe(Number((await ask('eth_getTransactionReceipt', hashes['store'])).gasUsed));
    const store = structLogs.find(({ op }: { op: string }) => op === 'SSTORE');
    expect(store).toMatchObject({ depth: 2, storage: { [word(0)]: word(7) }, stack: ['0x7', '0x0'] });
    const inner = structLogs.filter(({ depth }: { depth: number }) => depth === 2);
    expect(inner.at(-1)).toMatchObject({ op: 'STOP', gasCost: 0, pc: 5 });
    expect(structLogs.at(-1)).toMatchObject({ op: 'STOP', depth: 1 });
    expect(structLogs.find(({ op }: { op: string }) => op === 'LOG0').memory).toEqual([word(0xaabbccdd)]);
    expect(structLogs[0].memory).toBeUndefined();
    const plain = await trace(hashes['store']!, undefined, {}, { disableStorage: true, disableStack: true });
    expect(plain.structLogs.some((step: object) => 'storage' in step || 'stack' in step)).toBe(false);
  });
});

describe('a trace that is too long', () => {
  it('is refused with the bound, and its first steps can be asked for', async () => {
    // JUMPDEST PUSH1 0 JUMP until the gas is gone
    const endless = { stateOverrides: { [HEIR]: { code: code('5b600056') } }, disableStack: true };
    const request = { to: HEIR, gas: '0x200000' };
    await expect(ask('debug_traceCall', request, 'latest', endless)).rejects.toMatchObject({
      code: -32000,
      message: expect.stringMatching(/^trace too large: more than 200000 steps/),
    });
    const first = await ask('debug_traceCall', request, 'latest', { ...endless, limit: 5 });
    expect(first.structLogs).toHaveLength(5);
    expect(first.failed).toBe(true);
  });
});

describe('callTracer', () => {
  it('nests calls, and logs with their place among them', async () => {
    const top = await trace(hashes['store']!, 'callTracer', { withLog: true });
    expect(top).toMatchObject({ type: 'CALL', from: A, to: contracts['CALLER'], value: '0x5' });
    expect(top.calls.map(({ type, to }: { type: string; to: Hex }) => [type, to])).toEqual([
      ['CALL', contracts['STORE']],
      ['STATICCALL', '0x0000000000000000000000000000000000000004'],
    ]);
    expect(top.calls[0]).toMatchObject({ input: '0xaabbccdd', value: '0x5' });
    expect(top.calls[1].value).toBeUndefined();
    expect(top.logs).toEqual([{ address: contracts['CALLER'], topics: [], data: '0x', position: '0x1' }]);
    expect((await trace(hashes['store']!, 'callTracer', { onlyTopCall: true })).calls).toBeUndefined();
  });

  it('names the contract that acts, and the input that was given, whatever memory became of it', async () => {
    // DELEGATECALL to an identity caller: CALL 0x04 with 4 bytes, output over its own input.
    const inner = code('63aabbccdd 600052 6020 6000 6004 601c 6000 6004 5af1 00');
    const outer = code('6000 6000 6000 6000 73c400000000000000000000000000000000000000 5af4 00');
    const [OUTER, INNER]: [Hex, Hex] = [HEIR, '0xc400000000000000000000000000000000000000'];
    const stateOverrides = { [OUTER]: { code: outer }, [INNER]: { code: inner } };
    const top = await ask('debug_traceCall', { from: A, to: OUTER }, 'latest', {
      tracer: 'callTracer',
      stateOverrides,
    });
    expect(top.calls).toMatchObject([
      {
        type: 'DELEGATECALL',
        from: OUTER,
        to: INNER,
        calls: [{ type: 'CALL', from: OUTER, input: '0xaabbccdd', output: '0xaabbccdd' }],
      },
    ]);
  });

  it('says errors as geth does, and where a contract went', async () => {
    const reverted = await trace(hashes['revert']!, 'callTracer');
    expect(reverted.error).toBeUndefined();
    expect(reverted.calls[0]).toMatchObject({ to: contracts['REVERT'], error: 'execution reverted' });
    const destroyed = await trace(hashes['destroy']!, 'callTracer');
    expect(destroyed.calls).toMatchObject([
      { type: 'SELFDESTRUCT', from: contracts['DESTROY'], to: HEIR, value: '0x9' },
    ]);
    expect(await trace(hashes['create']!, 'callTracer')).toMatchObject({ type: 'CREATE', output: '0x00' });
  });

  it('shows what a module emitted', async () => {
    const top = await trace(hashes['module']!, 'callTracer', { withLog: true });
    expect(top).toMatchObject({
      to: dataNetInterface.address,
      logs: [{ address: dataNetInterface.address }],
    });
  });
});

describe('flatCallTracer', () => {
  it('lists frames with their addresses in the tree, precompiles only when asked', async () => {
    const flat = await trace(hashes['store']!, 'flatCallTracer');
    expect(flat).toMatchObject([
      { type: 'call', traceAddress: [], subtraces: 1, action: { callType: 'call', from: A, value: '0x5' } },
      { type: 'call', traceAddress: [0], subtraces: 0, action: { to: contracts['STORE'] } },
    ]);
    expect(flat[0]).toMatchObject({ transactionHash: hashes['store'], transactionPosition: 0 });
    expect(await trace(hashes['store']!, 'flatCallTracer', { includePrecompiles: true })).toHaveLength(3);
    const [, failed] = await trace(hashes['revert']!, 'flatCallTracer', { convertParityErrors: true });
    expect(failed.error).toBe('Reverted');
    expect(await trace(hashes['destroy']!, 'flatCallTracer')).toMatchObject([
      { type: 'call', subtraces: 1 },
      { type: 'suicide', action: { address: contracts['DESTROY'], refundAddress: HEIR, balance: '0x9' } },
    ]);
    const [created] = await trace(hashes['create']!, 'flatCallTracer');
    expect(created).toMatchObject({ type: 'create', result: { code: '0x00' } });
  });
});

describe('4byteTracer', () => {
  it('counts selectors by the size of their arguments', async () => {
    const top = callTo('STORE').slice(2, 10);
    expect(await trace(hashes['store']!, '4byteTracer')).toEqual({ [`0x${top}-28`]: 1, '0xaabbccdd-0': 1 });
  });
});

describe('prestateTracer', () => {
  it('gives the accounts that a transaction needs, as they were before it', async () => {
    const { number } = await blockOf(hashes['store']!);
    const pre = await trace(hashes['store']!, 'prestateTracer');
    const before = `0x${(Number(number) - 1).toString(16)}`;
    expect(pre[A]).toMatchObject({
      balance: await ask('eth_getBalance', A, before),
      nonce: Number(await ask('eth_getTransactionCount', A, before)),
    });
    expect(pre[contracts['STORE']!]).toMatchObject({ code: STORE, storage: { [word(0)]: word(0) } });
    const lean = await trace(hashes['store']!, 'prestateTracer', { disableCode: true, disableStorage: true });
    expect(lean[contracts['STORE']!]).toEqual({ balance: '0x0', nonce: 1 });
    expect(Object.keys(lean).sort()).toEqual(Object.keys(pre).sort());
  });

  it('gives what changed in diffMode: of contracts, of what was created, and of modules', async () => {
    const { pre, post } = await trace(hashes['store']!, 'prestateTracer', { diffMode: true });
    expect(post[contracts['STORE']!]).toEqual({ balance: '0x5', storage: { [word(0)]: word(7) } });
    expect(pre[contracts['STORE']!].storage).toBeUndefined();
    expect(post[contracts['CALLER']!]).toBeUndefined();
    const created = await trace(hashes['create']!, 'prestateTracer', { diffMode: true });
    const { contractAddress } = await ask('eth_getTransactionReceipt', hashes['create']);
    expect(created.post[contractAddress]).toMatchObject({ code: '0x00', nonce: 1 });
    expect(created.pre[contractAddress]).toBeUndefined();
    const module = await trace(hashes['module']!, 'prestateTracer', { diffMode: true });
    expect(Object.keys(module.post[dataNetInterface.address].storage).length).toBeGreaterThan(0);
  });
});

describe('traces of calls and blocks', () => {
  it('take overrides, and every tracer', async () => {
    const request = { from: A, to: HEIR, data: callTo('STORE') };
    const stateOverrides = { [HEIR]: { code: CALLER } };
    for (const tracer of ['callTracer', 'prestateTracer', '4byteTracer', 'flatCallTracer', 'noopTracer'])
      expect(await ask('debug_traceCall', request, 'latest', { tracer, stateOverrides }), tracer).toBeTypeOf(
        'object',
      );
    const { structLogs } = await ask('debug_traceCall', request, 'latest', { stateOverrides });
    expect(structLogs.map(({ op }: { op: string }) => op)).toContain('LOG0');
    await expect(
      ask('debug_traceCall', { ...request, gas: '0x1' }, 'latest', { tracer: 'callTracer' }),
    ).rejects.toMatchObject({ code: -32000, message: expect.stringContaining('intrinsic gas too low') });
  });

  it('give every transaction of a block its own', async () => {
    const { hash, number } = await blockOf(hashes['store']!);
    const options = { tracer: 'prestateTracer', tracerConfig: { diffMode: true } };
    const byHash = await ask('debug_traceBlockByHash', hash, options);
    expect(byHash).toEqual(await ask('debug_traceBlockByNumber', number, options));
    expect(byHash).toEqual([
      {
        txHash: hashes['store'],
        result: await trace(hashes['store']!, 'prestateTracer', { diffMode: true }),
      },
    ]);
  });
});

describe('raw receipts', () => {
  it('give the root that the header names', async () => {
    const { number, receiptsRoot } = await blockOf(hashes['module']!);
    const receipts: Hex[] = await ask('debug_getRawReceipts', number);
    expect(orderedRoot(receipts.map((raw) => fromHex(raw)))).toBe(receiptsRoot);
  });
});

describe('storage values', () => {
  it('are read of several accounts at once', async () => {
    const store = contracts['STORE']!;
    expect(await ask('eth_getStorageValues', { [store]: ['0x0', '0x1'], [HEIR]: ['0x0'] })).toEqual({
      [store]: [word(7), word(0)],
      [HEIR]: [word(0)],
    });
    await expect(ask('eth_getStorageValues', {})).rejects.toMatchObject({
      code: -32602,
      message: 'empty request',
    });
    const many = { [store]: Array(600).fill('0x0'), [HEIR]: Array(600).fill('0x0') };
    await expect(ask('eth_getStorageValues', many)).rejects.toMatchObject({ code: -32602 });
  });
});

describe('what a node can do', () => {
  it('says from which block on, and what the next block costs', async () => {
    const capabilities = await ask('eth_capabilities');
    expect(capabilities.head.number).toBe(await ask('eth_blockNumber'));
    expect(capabilities.state).toEqual({ disabled: false, oldestBlock: '0x0' });
    expect(await ask('eth_blobBaseFee')).toBe('0x1');
    expect(BigInt(await ask('eth_baseFee'))).toBeGreaterThan(0n);
  });
});

async function blockOf(hash: Hex): Promise<{ hash: Hex; number: Hex; receiptsRoot: Hex }> {
  const { blockHash } = await ask('eth_getTransactionReceipt', hash);
  return await ask('eth_getBlockByHash', blockHash, false);
}
