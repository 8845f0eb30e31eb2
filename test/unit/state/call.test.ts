import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { createCaller } from '../../../state/call.ts';
import { bytesToBigint, concat, fromHex, toHex } from '../../../state/crypto.ts';
import { interfaces } from '../../../state/modules/interfaces.ts';
import { minimumGasLimit } from '../../../state/transactions/intrinsic.ts';
import { encodeNative } from '../../../state/transactions/native.ts';
import type { Caller, CallRequest, Hex } from '../../../state/types.ts';
import { deploy, forwarder, KEEPER } from './bytecode.ts';
import {
  accountAddress,
  accountKey,
  GWEI,
  openTestChain,
  signedTransaction,
  type TestChain,
  word,
} from './support.ts';

const KEEPER_AT: Hex = '0x00000000000000000000000000000000000d0001';
const FORWARD_AT: Hex = '0x00000000000000000000000000000000000d0002';
/** Returns storage[word 0]. */
const READER_AT: Hex = '0x00000000000000000000000000000000000d0003';
const READER = fromHex('0x5f35545f5260205ff3');
/** Returns number, timestamp, base fee, coinbase. */
const BLOCK_AT: Hex = '0x00000000000000000000000000000000000d0004';
const BLOCK = fromHex('0x435f5242602052486040524160605260805ff3');
const code = (bytes: Uint8Array) => ({ balance: 0n, nonce: 1n, code: toHex(bytes) });

let test: TestChain;
let caller: Caller;
const me = accountAddress(0);
beforeEach(async () => {
  test = await openTestChain({
    alloc: {
      [KEEPER_AT]: code(KEEPER),
      [FORWARD_AT]: code(forwarder('CALL', KEEPER_AT)),
      [READER_AT]: code(READER),
      [BLOCK_AT]: code(BLOCK),
    },
  });
  caller = createCaller(test.chain.reader);
});
afterEach(() => test.close());

const keep = (slot: number, value: number, mode = 0) => concat(word(slot), word(value), word(mode));

describe('calls', () => {
  it('E3: read a chosen block, see what they change, and leave nothing behind', async () => {
    const before = test.chain.reader.stateAt(0).account(me);
    const { returnData, gasUsed, error } = await caller.call(
      { to: FORWARD_AT, from: me, data: keep(1, 5), value: 3n },
      0,
    );
    expect(error).toBeUndefined();
    expect(bytesToBigint(returnData.subarray(0, 32))).toBe(1n);
    expect(gasUsed).toBeGreaterThan(43_000n);
    expect(test.chain.reader.stateAt(0).storage(KEEPER_AT, word(1))).toEqual(word(0));
    expect(test.chain.reader.stateAt(0).account(me)).toEqual(before);

    await test.produce([
      signedTransaction({
        key: accountKey(0),
        nonce: 0,
        to: KEEPER_AT,
        data: keep(1, 5),
        gasLimit: 100_000n,
      }),
    ]);
    const override = { [READER_AT]: { code: READER, state: { [toHex(word(1))]: toHex(word(77)) } } };
    expect((await caller.call({ to: READER_AT, data: word(1) }, 1, override)).returnData).toEqual(word(77));
    const seen = { [KEEPER_AT]: { code: READER } };
    expect((await caller.call({ to: KEEPER_AT, data: word(1) }, 1, seen)).returnData).toEqual(word(5));
    expect((await caller.call({ to: KEEPER_AT, data: word(1) }, 0, seen)).returnData).toEqual(word(0));
    const replaced = { [KEEPER_AT]: { code: READER, state: {} } };
    expect((await caller.call({ to: KEEPER_AT, data: word(1) }, 1, replaced)).returnData).toEqual(word(0));
  });

  it('see the block they are asked at, with overrides, and no base fee unless they name a price', async () => {
    const { block } = await test.produce([]);
    const words = (data: Uint8Array) =>
      [0, 1, 2, 3].map((i) => bytesToBigint(data.subarray(32 * i, 32 * i + 32)));
    const plain = await caller.call({ to: BLOCK_AT }, 1);
    expect(words(plain.returnData)).toEqual([
      1n,
      BigInt(block.header.timestamp),
      0n,
      BigInt(block.header.coinbase),
    ]);
    const priced = await caller.call({ from: me, to: BLOCK_AT, gas: 100_000n, maxFeePerGas: 100n * GWEI }, 1);
    expect(words(priced.returnData)[2]).toBe(block.header.baseFeePerGas);
    const moved = await caller.call({ to: BLOCK_AT }, 1, {}, { number: 900, timestamp: 5, coinbase: me });
    expect(words(moved.returnData)).toEqual([900n, 5n, 0n, BigInt(me)]);
  });

  it('tell apart why they fail', async () => {
    const failing = async (request: CallRequest) => (await caller.call(request, 0)).error;
    expect(await failing({ to: KEEPER_AT, data: keep(1, 1, 1) })).toMatchObject({
      kind: 'revert',
      message: 'execution reverted',
    });
    expect(await failing({ to: KEEPER_AT, data: keep(1, 1), gas: 30_000n })).toMatchObject({
      kind: 'out of gas',
    });
    expect(await failing({ to: me, gas: 20_999n })).toMatchObject({ kind: 'gas too low' });
    expect(await failing({ from: accountAddress(60), to: me, value: 1n })).toMatchObject({
      kind: 'insufficient funds',
    });
    expect(await failing({ data: fromHex('0xfe') })).toMatchObject({ kind: 'invalid opcode' });
  });

  it('may come from an account with code, and make contracts', async () => {
    const made = await caller.call({ from: KEEPER_AT, data: deploy(READER) }, 0);
    expect(made.error).toBeUndefined();
    expect(made.returnData).toEqual(READER);
  });

  it('answer views of modules, and give their errors as data', async () => {
    const { datanet } = interfaces;
    const answer = await caller.call({ to: datanet.address, data: Uint8Array.of(1, 2, 3, 4) }, 0);
    expect(answer.error?.kind).toBe('revert');
    expect(datanet.decodeError(answer.error!.data)?.name).toBe('UnknownOperation');
  });
});

describe('estimates', () => {
  async function works(request: CallRequest, gasLimit: bigint, nonce: number): Promise<boolean> {
    const built = await test.build([
      signedTransaction({
        key: accountKey(0),
        nonce,
        to: request.to ?? null,
        data: request.data,
        value: request.value,
        gasLimit,
      }),
    ]);
    expect(built.block.transactions).toHaveLength(1);
    await test.commit(built.block.hash);
    return test.chain.reader.receipts(test.chain.head().number)![0]!.status === 1;
  }

  it('are enough for the transaction, and not much more than it needs', async () => {
    const requests: CallRequest[] = [
      { from: me, to: accountAddress(1), value: 5n },
      { from: me, to: KEEPER_AT, data: keep(3, 9) },
      { from: me, to: FORWARD_AT, data: keep(4, 9) },
      { from: me, data: deploy(KEEPER) },
      // Clears a slot: the refund comes after the gas was needed.
      { from: me, to: KEEPER_AT, data: keep(3, 0) },
    ];
    for (const [nonce, request] of requests.entries()) {
      const estimate = await caller.estimateGas(request, test.chain.head().number);
      if (!('gas' in estimate)) throw new Error(estimate.error.message);
      expect(await works(request, estimate.gas, nonce)).toBe(true);
      const { gasUsed } = test.chain.reader.receipts(test.chain.head().number)![0]!;
      expect(estimate.gas).toBeGreaterThanOrEqual(gasUsed);
      expect(Number(estimate.gas)).toBeLessThanOrEqual(Number(gasUsed) * 1.3 + 2_400);
      if (nonce === 0) expect(estimate.gas).toBe(21_000n);
    }
  });

  it('know the native door, and delegations', async () => {
    const { op, fields } = interfaces.datanet.nativeCall('create', [
      'name',
      'summary',
      'description',
      ['tag'],
    ]);
    const native = { type: 0x50, op, fields };
    const estimate = await caller.estimateGas({ from: me, native }, 0);
    if (!('gas' in estimate)) throw new Error(estimate.error.message);
    const raw = encodeNative(
      {
        ...native,
        chainId: BigInt(DEFAULT_PARAMS.chainId),
        nonce: 0n,
        maxPriorityFeePerGas: GWEI,
        maxFeePerGas: 100n * GWEI,
        gasLimit: estimate.gas,
        value: 0n,
      },
      accountKey(0),
    );
    const { receipts } = await test.produce([raw]);
    expect(receipts[0]!.status).toBe(1);
    const delegating = await caller.estimateGas(
      {
        from: me,
        to: accountAddress(1),
        data: keep(1, 1),
        authorizationList: [{ chainId: 0n, address: KEEPER_AT, nonce: 0n, yParity: 0, r: 1n, s: 1n }],
      },
      0,
    );
    if (!('gas' in delegating)) throw new Error(delegating.error.message);
    expect(delegating.gas).toBeGreaterThan(46_000n);
  });

  it('say why there is none', async () => {
    const reverted = await caller.estimateGas({ from: me, to: KEEPER_AT, data: keep(1, 1, 1) }, 0);
    expect(reverted).toMatchObject({ error: { kind: 'revert' } });
    const capped = await caller.estimateGas({ from: me, to: KEEPER_AT, data: keep(1, 1), gas: 21_500n }, 0);
    expect(capped).toMatchObject({
      error: { kind: 'gas too low', message: 'gas required exceeds allowance (21500)' },
    });
    const poor = await caller.estimateGas({ from: accountAddress(61), to: me, value: OPEN }, 0);
    expect(poor).toMatchObject({ error: { kind: 'insufficient funds' } });
  });
});

describe('traces', () => {
  it('show the frames and the steps of a transaction that is already in a block', async () => {
    const raws = [
      signedTransaction({
        key: accountKey(0),
        nonce: 0,
        to: FORWARD_AT,
        data: keep(1, 5),
        value: 2n,
        gasLimit: 200_000n,
      }),
      signedTransaction({
        key: accountKey(0),
        nonce: 1,
        to: KEEPER_AT,
        data: keep(1, 6, 1),
        gasLimit: 200_000n,
      }),
    ];
    const { receipts } = await test.produce(raws);
    const [first, second] = await caller.traceBlock(1);
    // What moved inside is told by the frames of a trace.
    const known = receipts.map(({ inside: _inside, ...receipt }) => receipt);
    expect(first!.receipt).toEqual(known[0]);
    expect(first!.frame).toMatchObject({ type: 'CALL', from: me, to: FORWARD_AT, value: 2n, gas: 200_000n });
    expect(first!.frame.calls).toHaveLength(1);
    expect(first!.frame.calls[0]).toMatchObject({ type: 'CALL', from: FORWARD_AT, to: KEEPER_AT, value: 2n });
    expect(second!.frame.error).toBe('revert');
    const [stepped] = await caller.traceBlock(1, {
      index: 1,
      steps: { stack: true, memory: true, storage: true, returnData: true },
    });
    expect(stepped!.receipt).toEqual(known[1]);
    expect(stepped!.steps!.map((step) => step.op)).toContain('SSTORE');
    expect(stepped!.steps!.at(-1)!.op).toBe('REVERT');
    const { frame, result } = await caller.traceCall({ from: me, to: FORWARD_AT, data: keep(2, 2) }, 1);
    expect(result.error).toBeUndefined();
    expect(frame.calls[0]!.to).toBe(KEEPER_AT);
  });

  it('list what a call touches', async () => {
    const { accessList, gasUsed } = await caller.createAccessList(
      { from: me, to: FORWARD_AT, data: keep(1, 5) },
      0,
    );
    expect(accessList).toEqual([{ address: KEEPER_AT, storageKeys: [toHex(word(1))] }]);
    const listed = await caller.call({ from: me, to: FORWARD_AT, data: keep(1, 5), accessList }, 0);
    expect(listed.gasUsed).toBe(gasUsed);
    expect(minimumGasLimit({ to: FORWARD_AT, data: keep(1, 5), accessList })).toBeLessThan(gasUsed);
  });
});
