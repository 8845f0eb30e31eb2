import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCaller } from '../../../state/call.ts';
import { bytesToBigint, concat, EMPTY_BYTES, fromHex, keccak256, toHex } from '../../../state/crypto.ts';
import { bareError } from '../../../state/execution/module-context.ts';
import { createModuleTable } from '../../../state/execution/module-table.ts';
import { type ModuleContext, type ModuleDefinition, ModuleRevert } from '../../../state/modules/context.ts';
import { hooks, modules as realModules } from '../../../state/modules/registry.ts';
import { encodeNative } from '../../../state/transactions/native.ts';
import { type Hex, Unavailable } from '../../../state/types.ts';
import { forwarder, regretter } from './bytecode.ts';
import {
  accountAddress,
  accountKey,
  authorization,
  GWEI,
  openTestChain,
  signedTransaction,
  type TestChain,
  word,
} from './support.ts';

const MODULE: Hex = '0x4f4c000000000000000000000000000000000050';
const RECORDS: Hex = '0x4f4c000000000000000000000000000000000150';

/** What the first byte of the calldata asks the test module to do. */
const ASK = { who: 0, add: 1, refuse: 2, crash: 3, wait: 4, burn: 5, record: 6, pay: 7, wake: 8 } as const;
const COUNTER = word(0);
const TOPIC = toHex(keccak256(Buffer.from('Added')));

/** Answers set by a test: whether `wait` may go on, and how often `crash` crashes. */
const world = { ready: false, crashes: 0 };

function add(context: ModuleContext): Uint8Array {
  const next = word(bytesToBigint(context.storage(MODULE, COUNTER)) + 1n);
  context.useGas(20_000n);
  context.setStorage(MODULE, COUNTER, next);
  context.emit({ address: MODULE, topics: [TOPIC], data: next });
  return next;
}

const testModule: ModuleDefinition = {
  type: 0x50,
  name: 'test',
  address: MODULE,
  recordAddress: RECORDS,
  async run(context, calldata) {
    const argument = calldata.subarray(1);
    switch (calldata[0]) {
      case ASK.who:
        return concat(
          concat(new Uint8Array(12), fromHex(context.caller)),
          word(context.value),
          word(context.isStatic ? 1 : 0),
          word(context.topLevel ? 1 : 0),
        );
      case ASK.add:
        return add(context);
      case ASK.refuse:
        add(context);
        throw new ModuleRevert(argument, 'refused');
      case ASK.crash:
        if (world.crashes > 0) {
          world.crashes--;
          throw new TypeError('something nobody thought of');
        }
        return add(context);
      case ASK.wait:
        if (!world.ready) throw new Unavailable({ kind: 'artifact', root: toHex(word(5)) });
        return add(context);
      case ASK.burn:
        context.useGas(1n << 40n);
        return EMPTY_BYTES;
      case ASK.record: {
        const hash = context.putBody(concat(word(1), argument));
        context.setStorage(RECORDS, word(1), fromHex(hash));
        return fromHex(hash);
      }
      case ASK.pay:
        context.transfer(MODULE, context.caller, context.value / 2n);
        return EMPTY_BYTES;
      default:
        throw new ModuleRevert(bareError('UnknownOperation()'), 'unknown');
    }
  },
  encodeNative: (op, fields) =>
    fields.every((field) => field instanceof Uint8Array)
      ? concat(Uint8Array.of(op), ...(fields as Uint8Array[]))
      : undefined,
  attributionUnits: () => 0,
};
const modules = createModuleTable(
  [testModule, ...realModules.filter((module) => module.type !== testModule.type)],
  hooks,
);

const contracts = {
  call: '0x00000000000000000000000000000000000c0001',
  delegate: '0x00000000000000000000000000000000000c0002',
  callcode: '0x00000000000000000000000000000000000c0003',
  statically: '0x00000000000000000000000000000000000c0004',
  regret: '0x00000000000000000000000000000000000c0005',
  /** A plain call inside a static one. */
  nested: '0x00000000000000000000000000000000000c0006',
} as const satisfies Record<string, Hex>;

let test: TestChain;
let nonce: number;

beforeEach(async () => {
  world.ready = false;
  world.crashes = 0;
  nonce = 0;
  const code = (bytes: Uint8Array) => ({ balance: 0n, nonce: 1n, code: toHex(bytes) });
  test = await openTestChain({
    modules,
    alloc: {
      [contracts.call]: code(forwarder('CALL', MODULE)),
      [contracts.delegate]: code(forwarder('DELEGATECALL', MODULE)),
      [contracts.callcode]: code(forwarder('CALLCODE', MODULE)),
      [contracts.statically]: code(forwarder('STATICCALL', MODULE)),
      [contracts.regret]: code(regretter(MODULE)),
      [contracts.nested]: code(forwarder('STATICCALL', contracts.call)),
    },
  });
});
afterEach(() => test.close());

function ordinary(to: Hex, data: Uint8Array, value = 0n): Uint8Array {
  return signedTransaction({ key: accountKey(0), nonce: nonce++, to, data, value, gasLimit: 500_000n });
}
function native(op: number, fields: Uint8Array[] = [], value = 0n, gasLimit = 500_000n): Uint8Array {
  return encodeNative(
    {
      type: 0x50,
      chainId: BigInt(test.genesis.params.chainId),
      nonce: BigInt(nonce++),
      maxPriorityFeePerGas: GWEI,
      maxFeePerGas: 100n * GWEI,
      gasLimit,
      value,
      op,
      fields,
    },
    accountKey(0),
  );
}
function counter(): bigint {
  const { reader } = test.chain;
  return bytesToBigint(reader.stateAt(reader.head().number).storage(MODULE, COUNTER));
}
async function call(to: Hex, data: Uint8Array) {
  const caller = createCaller(test.chain.reader, { modules });
  return caller.call({ from: accountAddress(0), to, data }, test.chain.head().number);
}
const ask = (op: number, ...rest: number[]) => Uint8Array.of(op, ...rest);

describe('two doors to a module', () => {
  it('E2: a native transaction and an ordinary one have the same handler gas, events and effects', async () => {
    const { receipts } = await test.produce([native(ASK.add), ordinary(MODULE, ask(ASK.add))]);
    expect(receipts.map((receipt) => receipt.status)).toEqual([1, 1]);
    // Intrinsic gas is each door's own: no fields against one non-zero byte.
    expect(receipts[0]!.gasUsed - (21_000n + 4n * 0n + 16n)).toBe(20_000n - 16n + 16n);
    expect(receipts[1]!.gasUsed - (21_000n + 16n)).toBe(20_000n);
    for (const [i, receipt] of receipts.entries())
      expect(receipt.logs).toEqual([{ address: MODULE, topics: [TOPIC], data: word(i + 1) }]);
    expect(receipts[0]!.type).toBe(0x50);
    expect(receipts[0]!.to).toBe(MODULE);
    expect(counter()).toBe(2n);
  });

  it('E1: a contract can call a module, and the caller is the contract', async () => {
    const { receipts } = await test.produce([ordinary(contracts.call, ask(ASK.add))]);
    expect(receipts[0]!.logs).toHaveLength(1);
    expect(counter()).toBe(1n);
    const answer = await call(contracts.call, ask(ASK.who));
    expect(toHex(answer.returnData.subarray(32 + 12, 64))).toBe(contracts.call);
    expect(answer.returnData.subarray(32 + 96)).toEqual(word(0));
    const direct = await call(MODULE, ask(ASK.who));
    expect(toHex(direct.returnData.subarray(12, 32))).toBe(accountAddress(0));
    expect(direct.returnData.subarray(96)).toEqual(word(1));
  });

  it('E1: DELEGATECALL and CALLCODE to a module answer DirectCallOnly() and change nothing', async () => {
    for (const kind of ['delegate', 'callcode'] as const) {
      const answer = await call(contracts[kind], ask(ASK.add));
      expect(answer.returnData.subarray(0, 32)).toEqual(word(0));
      expect(answer.returnData.subarray(32)).toEqual(bareError('DirectCallOnly()'));
      await test.produce([ordinary(contracts[kind], ask(ASK.add))]);
    }
    expect(counter()).toBe(0n);
  });

  it('E1: a static call can read, and a write under it reverts at any depth', async () => {
    for (const path of ['statically', 'nested'] as const) {
      const inner = path === 'nested' ? 64 : 32;
      const seen = await call(contracts[path], ask(ASK.who));
      expect(seen.returnData.subarray(inner + 64, inner + 96)).toEqual(word(1));
      const written = await call(contracts[path], ask(ASK.add));
      expect(written.returnData.subarray(inner, inner + 4)).toEqual(bareError('WriteInStaticContext()'));
      await test.produce([ordinary(contracts[path], ask(ASK.add))]);
    }
    expect(counter()).toBe(0n);
  });

  it('E1: an account that delegates to a module (EIP-7702) runs nothing', async () => {
    const delegating = accountAddress(1);
    const { receipts } = await test.produce([
      signedTransaction({
        key: accountKey(0),
        nonce: nonce++,
        to: delegating,
        data: ask(ASK.add),
        gasLimit: 200_000n,
        authorizationList: [authorization(accountKey(1), MODULE, 0)],
      }),
      ordinary(delegating, ask(ASK.add)),
    ]);
    expect(receipts.map((receipt) => [receipt.status, receipt.logs.length])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    const { reader } = test.chain;
    expect(toHex(reader.stateAt(1).code(delegating))).toBe(`0xef0100${MODULE.slice(2)}`);
    expect(counter()).toBe(0n);
  });

  it('E3: what a module wrote goes when its caller reverts', async () => {
    const { receipts } = await test.produce([ordinary(contracts.regret, ask(ASK.add), 7n)]);
    expect(receipts[0]).toMatchObject({ status: 0, logs: [] });
    expect(counter()).toBe(0n);
    expect(test.chain.reader.stateAt(1).account(MODULE)?.balance).toBe(0n);
  });

  it('gives a status 0 receipt with the revert data of the module', async () => {
    const { receipts } = await test.produce([native(ASK.refuse, [Uint8Array.of(0xaa, 0xbb)])]);
    expect(receipts[0]).toMatchObject({ status: 0, revertData: Uint8Array.of(0xaa, 0xbb), logs: [] });
    expect(receipts[0]!.gasUsed).toBeLessThan(100_000n);
    expect(counter()).toBe(0n);
  });

  it('E2: running out of gas in a module takes the whole limit', async () => {
    const { receipts } = await test.produce([native(ASK.burn, [], 0n, 60_000n)]);
    expect(receipts[0]).toMatchObject({ status: 0, gasUsed: 60_000n });
  });

  it('E2: moves wei with the call and pays out without running code', async () => {
    await test.produce([ordinary(contracts.call, ask(ASK.pay), 10n)]);
    const view = test.chain.reader.stateAt(1);
    expect(view.account(MODULE)?.balance).toBe(5n);
    expect(view.account(contracts.call)?.balance).toBe(5n);
  });

  it('refuses a native transaction whose fields do not fit, before it reaches a block', () => {
    const raw = native(ASK.add, [[Uint8Array.of(1)] as unknown as Uint8Array]);
    expect(() => test.decode(raw)).toThrow(expect.objectContaining({ code: 'MALFORMED_OPERATION' }));
  });
});

describe('bodies of records', () => {
  it('E3: a body is stored when a surviving slot names it, and not when the call reverted', async () => {
    const { receipts } = await test.produce([
      native(ASK.record, [Buffer.from('first')]),
      ordinary(contracts.regret, concat(ask(ASK.record), Buffer.from('lost'))),
    ]);
    expect(receipts.map((receipt) => receipt.status)).toEqual([1, 0]);
    const view = test.chain.reader.stateAt(1);
    const named = toHex(view.storage(RECORDS, word(1)));
    expect(view.body(named)?.subarray(32)).toEqual(new Uint8Array(Buffer.from('first')));
    expect(view.body(toHex(keccak256(concat(word(1), Buffer.from('lost')))))).toBeUndefined();
  });

  it('E4: a body goes when no readable state names it any more, and stays while one does', async () => {
    await test.close();
    test = await openTestChain({ modules, retention: 2 });
    const bodies = ['a', 'b', 'a'];
    const hashes = bodies.map((text) => toHex(keccak256(concat(word(1), Buffer.from(text)))));
    for (const text of bodies) await test.produce([native(ASK.record, [Buffer.from(text)])]);
    const body = (hash: Hex) => test.chain.reader.stateAt(test.chain.head().number).body(hash);
    expect(hashes.map((hash) => body(hash) !== undefined)).toEqual([true, true, true]);
    await test.produce([]);
    // State 2 is the oldest that is kept, and it names b.
    expect(test.chain.reader.oldestState()).toBe(2);
    expect(body(hashes[1]!)).toBeDefined();
    await test.produce([]);
    expect(body(hashes[1]!)).toBeUndefined();
    expect(body(hashes[0]!)).toBeDefined();
  });
});

describe('what is not an outcome', () => {
  it('B1: a block that needs bytes which are not here is unknown, and valid once they are', async () => {
    world.ready = true;
    const built = await test.build([native(ASK.wait)]);
    expect(built.block.transactions).toHaveLength(1);
    world.ready = false;
    const follower = await openTestChain({ modules, genesis: test.genesis });
    try {
      expect(await follower.chain.check(built.bytes)).toEqual({
        answer: 'unknown',
        missing: { kind: 'artifact', root: toHex(word(5)) },
      });
      world.ready = true;
      expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
    } finally {
      await follower.close();
    }
  });

  it('leaves such a transaction out when building', async () => {
    const waiting = native(ASK.wait);
    const built = await test.build([waiting, ordinary(MODULE, ask(ASK.add))]);
    // The second has a later nonce and must wait with it.
    expect(built.block.transactions).toHaveLength(0);
    expect(built.dropped).toEqual([]);
  });

  it('B2: an unexpected exception is retried once and then thrown as a Fault, never a receipt', async () => {
    const built = await test.build([native(ASK.crash)]);
    expect(built.block.transactions).toHaveLength(1);
    const follower = await openTestChain({ modules, genesis: test.genesis });
    try {
      world.crashes = 2;
      await expect(follower.chain.check(built.bytes)).rejects.toMatchObject({ code: 'FAULT' });
      expect(world.crashes).toBe(0);
      world.crashes = 1;
      expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
      expect(world.crashes).toBe(0);
    } finally {
      await follower.close();
    }
  });

  it('B2: a call of 0x0a with rubbish fails as a call, and a right proof is accepted', async () => {
    const kzg: Hex = '0x000000000000000000000000000000000000000a';
    const point = `c0${'00'.repeat(47)}`;
    const rubbish = await call(kzg, Buffer.alloc(192, 7));
    expect(rubbish.error).toBeDefined();
    const { createHash } = await import('node:crypto');
    const versioned = createHash('sha256')
      .update(fromHex(`0x${point}`))
      .digest();
    versioned[0] = 1;
    // The zero polynomial: commitment and proof at infinity open to 0 everywhere.
    const right = concat(versioned, word(3), word(0), fromHex(`0x${point}`), fromHex(`0x${point}`));
    expect((await call(kzg, right)).error).toBeUndefined();
    const wrong = right.slice();
    wrong[95] = 1;
    expect((await call(kzg, wrong)).error).toBeDefined();
  });
});
