/** Whatever a stranger sends, the answer is his mistake or a fact, never a fault of ours. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../rpc/limits.ts';
import { debugMethods } from '../../../rpc/methods/debug.ts';
import { ethMethods } from '../../../rpc/methods/eth.ts';
import { netMethods, rpcMethods, txpoolMethods, web3Methods } from '../../../rpc/methods/net.ts';
import { olMethods } from '../../../rpc/methods/ol.ts';
import { interfaces } from '../../../state/modules/interfaces.ts';
import { accountAddress } from '../state/support.ts';
import { type Told, tell } from './story.ts';
import { http } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

let node: TestNode;
let told: Told;
beforeAll(async () => {
  node = await openTestNode();
  told = await tell(node);
});
afterAll(() => node?.close());

const names = Object.keys({
  ...ethMethods(DEFAULT_LIMITS),
  ...netMethods,
  ...web3Methods,
  ...txpoolMethods,
  ...rpcMethods,
  ...debugMethods,
  ...olMethods(DEFAULT_LIMITS),
});

/** Values that are nearly right: they get past the first check of some method. */
function plausible(): fc.Arbitrary<unknown> {
  const hex = (bytes: number) =>
    fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => `0x${Buffer.from(b).toString('hex')}`);
  const atom = fc.oneof(
    fc.constantFrom(
      'latest',
      'pending',
      'earliest',
      '0x',
      '0x0',
      '0x1',
      '0xffffffffffffffff',
      '0x00',
      '-0x1',
      'newHeads',
      'logs',
      true,
      false,
      null,
      0,
      1,
      -1,
      1.5,
      1e21,
      'asc',
      'settled',
      '',
    ),
    fc.constantFrom(
      accountAddress(0),
      told.requestId,
      told.settleHash,
      told.contributions.anna,
      ...Object.values(interfaces).map((item) => item.address),
    ),
    hex(20),
    hex(32),
    hex(3),
    fc.string(),
    fc.double(),
  );
  const key = fc.constantFrom(
    'from',
    'to',
    'data',
    'input',
    'value',
    'gas',
    'gasPrice',
    'nonce',
    'accessList',
    'authorizationList',
    'native',
    'type',
    'op',
    'fields',
    'fromBlock',
    'toBlock',
    'blockHash',
    'blockNumber',
    'address',
    'topics',
    'limit',
    'cursor',
    'order',
    'status',
    'modelId',
    'block',
    'offset',
    'tracer',
    'tracerConfig',
    'storageKeys',
    'chainId',
    'r',
    's',
    'balance',
    'code',
    'state',
    'stateDiff',
    '__proto__',
    'constructor',
  );
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      atom,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    ),
  })).value;
}

describe('every method', () => {
  it('answers any parameters without a fault of its own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(plausible(), { maxLength: 4 }),
        async (method, params) => {
          const { status, body } = await http(node.url, {
            body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
          });
          expect(status).toBe(200);
          const answer = JSON.parse(body);
          if (answer.error) {
            expect(answer.error.code, `${answer.error.message}: ${String(node.reported.at(-1))}`).not.toBe(
              -32603,
            );
            expect(answer.error.message.length).toBeLessThan(2_000);
          } else expect(answer).toHaveProperty('result');
        },
      ),
      { numRuns: 1_500 },
    );
    expect(node.reported).toEqual([]);
  });

  it('executes any call of the right shape, or says what is wrong with it', async () => {
    const amount = fc.constantFrom(
      '0x0',
      '0x1',
      '0xffff',
      '0xffffffffffffffff',
      `0x${'f'.repeat(64)}`,
      '0x8000000000000000',
    );
    const who = fc.constantFrom(
      accountAddress(0),
      `0x${'00'.repeat(19)}0a`,
      `0x${'00'.repeat(19)}01`,
      ...Object.values(interfaces).flatMap(({ address }) => [address, address.replace(/00(..)$/, '01$1')]),
    );
    const selectors = Object.values(interfaces).flatMap(({ functions }) =>
      [...functions.values()].map(({ selector }) => selector),
    );
    const data = fc
      .tuple(fc.constantFrom('0x', ...selectors), fc.uint8Array({ maxLength: 200 }))
      .map(([head, tail]) => `${head}${Buffer.from(tail).toString('hex')}`);
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const call = fc.record({
      from: maybe(who),
      to: maybe(who),
      data: maybe(data),
      value: maybe(amount),
      gas: maybe(amount),
      gasPrice: maybe(amount),
      nonce: maybe(amount),
      accessList: maybe(
        fc.array(fc.record({ address: who, storageKeys: fc.constant([told.requestId]) }), { maxLength: 2 }),
      ),
      authorizationList: maybe(
        fc.array(
          fc.record({
            chainId: amount,
            address: who,
            nonce: amount,
            yParity: fc.constantFrom('0x0', '0x1', '0x7'),
            r: amount,
            s: amount,
          }),
          { maxLength: 2 },
        ),
      ),
      native: maybe(
        fc.record({
          type: fc.integer({ min: 0x4f, max: 0x60 }),
          op: fc.nat(10),
          fields: fc.array(fc.oneof(data, fc.array(data, { maxLength: 2 })), { maxLength: 5 }),
        }),
      ),
    });
    const overrides = maybe(
      fc.dictionary(
        who as fc.Arbitrary<string>,
        fc.record({ balance: maybe(amount), nonce: maybe(amount), code: maybe(data) }),
        { maxKeys: 2 },
      ),
    );
    const methods = ['eth_call', 'eth_estimateGas', 'eth_createAccessList', 'debug_traceCall'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), call, overrides, async (method, request, changes) => {
        const last =
          method === 'debug_traceCall'
            ? [{ tracer: 'callTracer', stateOverrides: changes }]
            : method === 'eth_createAccessList'
              ? []
              : [changes];
        const { body } = await http(node.url, {
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [request, 'latest', ...last] }),
        });
        const answer = JSON.parse(body);
        if (answer.error)
          expect(answer.error.code, `${answer.error.message}: ${String(node.reported.at(-1))}`).not.toBe(
            -32603,
          );
      }),
      { numRuns: 600 },
    );
    expect(node.reported).toEqual([]);
  });

  it('answers any text with JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json({ maxDepth: 50 })), async (body) => {
        const answer = await http(node.url, { body: Buffer.from(body) });
        expect(answer.status).toBe(200);
        if (answer.body !== '') JSON.parse(answer.body);
      }),
      { numRuns: 300 },
    );
    expect(node.reported).toEqual([]);
  });
});
