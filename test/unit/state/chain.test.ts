import { afterEach, describe, expect, it } from 'vitest';
import { OPEN } from '../../../genesis/parameters.ts';
import { accountAddress, accountKey, openTestChain, signedTransaction, type TestChain } from './support.ts';

const opened: TestChain[] = [];
async function open(...args: Parameters<typeof openTestChain>): Promise<TestChain> {
  const chain = await openTestChain(...args);
  opened.push(chain);
  return chain;
}
afterEach(async () => {
  for (const chain of opened.splice(0)) await chain.close();
});

describe('a chain of blocks', () => {
  it('moves coins, and another node that checks the same bytes agrees', async () => {
    const proposer = await open();
    const follower = await open();
    const payment = signedTransaction({
      key: accountKey(0),
      nonce: 0,
      to: accountAddress(9),
      value: 3n * OPEN,
    });
    for (let i = 0; i < 3; i++) {
      const { built, receipts } = await proposer.produce(i === 0 ? [payment] : []);
      expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
      await follower.commit(built.block.hash);
      if (i === 0) {
        expect(receipts).toHaveLength(1);
        expect(receipts[0]).toMatchObject({ status: 1, gasUsed: 21_000n, from: accountAddress(0) });
      }
    }
    expect(follower.chain.head()).toEqual(proposer.chain.head());
    expect(follower.chain.reader.stateAt(3).account(accountAddress(9))?.balance).toBe(3n * OPEN);
    expect(follower.chain.reader.stateAt(0).account(accountAddress(9))).toBeUndefined();
    const location = follower.chain.reader.transactionLocation(proposer.decode(payment).hash);
    expect(location).toEqual({ number: 1, index: 0 });
  });
});
