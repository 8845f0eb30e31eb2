/**
 * Ethereum's own state tests through our execution. The collection stands beside the checkout, if at all; a part of
 * it runs here, and all of it by `npm run conformance:state`. What the runner itself says is tested without it.
 */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { concat, toHex } from '../../../state/crypto.ts';
import type { Fork } from '../../../state/execution/common.ts';
import type { Hex } from '../../../state/types.ts';
import {
  defaultArchive,
  type Expectation,
  type StateTest,
  testFiles,
} from '../../conformance/state/fixtures.ts';
import { askPeer } from '../../conformance/state/peer.ts';
import { createRunner } from '../../conformance/state/run-case.ts';
import { runFiles, shardOf, skippedCount } from '../../conformance/state/run-files.ts';
import { KEEPER } from './bytecode.ts';
import { accountAddress, accountKey, authorization, GWEI, signedTransaction, word } from './support.ts';

const KEEPER_AT: Hex = '0x00000000000000000000000000000000000d0001';
/** Precompile 6: addition on bn254, which costs more on this chain than on Ethereum. */
const ADDITION: Hex = '0x0000000000000000000000000000000000000006';
const FORK_NAMES = { cancun: 'Cancun', prague: 'Prague', osaka: 'Osaka' } as const;
const runner = createRunner();

/** A world of one rich account and a contract with a filled slot. */
const world: StateTest = {
  env: {
    currentCoinbase: '0x00000000000000000000000000000000000d00CB',
    currentNumber: '0x01',
    currentTimestamp: '0x03e8',
    currentGasLimit: '0x05f5e100',
    currentRandom: '0x020000',
    currentBaseFee: '0x0a',
    currentExcessBlobGas: '0x00',
  },
  pre: {
    [accountAddress(0)]: { balance: toHex(word(10n ** 20n)), nonce: '0x00', code: '0x', storage: {} },
    [KEEPER_AT]: { balance: '0x05', nonce: '0x01', code: toHex(KEEPER), storage: { '0x01': '0x07' } },
  },
  post: {},
  config: { chainid: toHex(word(DEFAULT_PARAMS.chainId)) },
};

function transaction(wish: Partial<Parameters<typeof signedTransaction>[0]>): Hex {
  return toHex(
    signedTransaction({
      key: accountKey(0),
      nonce: 0,
      to: KEEPER_AT,
      gasLimit: 200_000n,
      maxFeePerGas: 50n * GWEI,
      ...wish,
    }),
  );
}
const store = transaction({ data: concat(word(1), word(9), word(0)) });

/** What a stock node says that comes of it. */
function stock(txbytes: Hex, fork: Fork): Promise<Expectation> {
  const unknown = { indexes: { data: 0, gas: 0, value: 0 }, hash: '0x', logs: '0x' } as const;
  return askPeer(world, fork, { ...unknown, txbytes });
}

describe('the runner of state tests', () => {
  it.each(['cancun', 'prague', 'osaka'] as const)(
    'reaches the state and the logs of a stock node under %s',
    async (fork) => {
      const wishes = [
        store,
        transaction({ to: null, data: KEEPER }),
        // Ethereum's price of an addition, not this chain's.
        transaction({ to: ADDITION, gasLimit: 30_000n }),
        transaction({ to: accountAddress(5), value: 3n }),
        // Before Prague there are none of these.
        ...(fork === 'cancun'
          ? []
          : [transaction({ authorizationList: [authorization(accountKey(1), KEEPER_AT, 0)] })]),
      ];
      for (const txbytes of wishes) {
        const expected = await stock(txbytes, fork);
        expect(expected.expectException).toBeUndefined();
        expect(await runner.run(world, FORK_NAMES[fork], expected)).toEqual({ result: 'passed' });
      }
    },
  );

  it('knows the rules that came with a fork: delegations, the floor of calldata, the cap of gas', async () => {
    const delegate = transaction({ authorizationList: [authorization(accountKey(1), KEEPER_AT, 0)] });
    const much = transaction({
      to: accountAddress(5),
      data: new Uint8Array(1000).fill(1),
      gasLimit: 40_000n,
    });
    const greedy = transaction({ gasLimit: 20_000_000n });
    const refusals = async (fork: Fork) => {
      const results: boolean[] = [];
      for (const txbytes of [delegate, much, greedy]) {
        const expected = await stock(txbytes, fork);
        expect(await runner.run(world, FORK_NAMES[fork], expected)).toEqual({ result: 'passed' });
        results.push(expected.expectException !== undefined);
      }
      return results;
    };
    expect(await refusals('cancun')).toEqual([true, false, false]);
    expect(await refusals('prague')).toEqual([false, true, false]);
    expect(await refusals('osaka')).toEqual([false, true, true]);
  });

  it('fails a case for another root, other logs, and a transaction that should have been refused', async () => {
    const expected = await stock(store, 'cancun');
    const other = `0x${'12'.repeat(32)}` as Hex;
    const why = async (changed: Expectation) => {
      const verdict = await runner.run(world, 'Cancun', changed);
      return verdict.result === 'failed' ? verdict.why : verdict.result;
    };
    expect(await why({ ...expected, hash: other })).toMatch(/^state root .* not 0x1212/);
    expect(await why({ ...expected, logs: other })).toMatch(/^hash of logs .* not 0x1212/);
    expect(await why({ ...expected, expectException: 'TransactionException.SENDER_NOT_EOA' })).toBe(
      'accepted, expected TransactionException.SENDER_NOT_EOA',
    );
    const early = { ...expected, txbytes: transaction({ nonce: 1 }) };
    expect(await why(early)).toMatch(/^refused: NONCE_TOO_HIGH/);
    const refused = { ...(await stock(early.txbytes, 'cancun')), txbytes: early.txbytes };
    expect(await why({ ...refused, expectException: 'TransactionException.INTRINSIC_GAS_TOO_LOW' })).toMatch(
      /^refused as NONCE_TOO_HIGH/,
    );
    const right = 'TransactionException.NONCE_MISMATCH_TOO_HIGH|TransactionException.INTRINSIC_GAS_TOO_LOW';
    expect(await why({ ...refused, expectException: right })).toBe('passed');
  });

  it('says why it skips what this chain does not have', async () => {
    const expected = await stock(store, 'cancun');
    const reason = async (test: StateTest, fork: string, changed: Expectation) => {
      const verdict = await runner.run(test, fork, changed);
      return verdict.result === 'skipped' ? verdict.reason : verdict.result;
    };
    expect(await reason(world, 'Shanghai', expected)).toMatch(/^fork Shanghai/);
    expect(await reason(world, 'constructor', expected)).toMatch(/^fork constructor/);
    expect(await reason(world, 'Cancun', { ...expected, txbytes: '0x03c0' })).toMatch(/^blob transaction/);
    const blobs = { ...world, env: { ...world.env, currentExcessBlobGas: '0x01000000' as Hex } };
    expect(await reason(blobs, 'Cancun', expected)).toMatch(/^blob price/);
  });
});

const archive = defaultArchive();
const absent = !existsSync(archive);
if (absent) console.log(`skipped: Ethereum's state tests, which would stand at ${archive}`);

describe.skipIf(absent)("Ethereum's state tests (beside the checkout, skipped where they are absent)", () => {
  it('pass, as far as the chain has what they test', async () => {
    const report = await runFiles(shardOf(testFiles(archive), { index: 5, count: 12 }));
    expect(report.failed).toEqual([]);
    expect([...report.skipped.keys()].filter((reason) => !reason.startsWith('blob transaction'))).toEqual([]);
    expect(report.passed).toBeGreaterThan(10 * skippedCount(report));
  });

  it("end under this chain's fork as on a stock node", async () => {
    const report = await runFiles(shardOf(testFiles(archive), { index: 7, count: 40 }), { peer: 'osaka' });
    expect(report.failed).toEqual([]);
    expect(report.passed).toBeGreaterThan(0);
  });
});
