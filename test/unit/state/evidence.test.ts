import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeEvidence } from '../../../consensus/codec.ts';
import { voteEvidence } from '../../../consensus/evidence.ts';
import { voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound, type Hash, type Vote } from '../../../consensus/types.ts';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { encodeBlock } from '../../../state/block/codec.ts';
import { orderedRoot } from '../../../state/block/roots.ts';
import { createCaller } from '../../../state/call.ts';
import { keccak256, toHex } from '../../../state/crypto.ts';
import { interfaces } from '../../../state/modules/interfaces.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { encodeSystem } from '../../../state/transactions/system.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  type TestChain,
  type TestValidator,
  testValidators,
} from './support.ts';

const validators = testValidators(4);
let test: TestChain;
beforeEach(async () => {
  test = await openTestChain({ validators });
  await test.produce([]);
});
afterEach(() => test.close());

/** Two precommits of one validator for two blocks of one round. */
function equivocation(offender: TestValidator, height: number, signedBy = offender): Uint8Array {
  const vote = (text: string): Vote => {
    const unsigned = {
      type: 'precommit' as const,
      height: asHeight(height),
      round: asRound(0),
      blockHash: toHex(keccak256(Buffer.from(text))) as Hash,
    };
    const message = voteSignBytes(test.chain.reader.genesisHash, unsigned);
    return { ...unsigned, validator: offender.address, signature: signedBy.secret.sign(message).toBytes() };
  };
  return encodeSystem(encodeEvidence(voteEvidence(vote('one'), vote('other'))));
}

const buildWith = (system: Uint8Array[], candidates: Uint8Array[] = []) =>
  test.chain.build({
    parentHash: test.chain.head().hash,
    origin: test.origin(),
    system,
    candidates: candidates.map(test.decode),
  });

describe('proof of equivocation in a block', () => {
  it('takes a part of the bond and, two blocks later, the seat; every node agrees', async () => {
    const offender = validators[2]!;
    const proof = equivocation(offender, 1);
    const payment = signedTransaction({ key: accountKey(0), nonce: 0, to: accountAddress(1) });
    const built = await buildWith([proof], [payment]);
    expect(built.block.transactions.map(toHex)).toEqual([proof, payment].map(toHex));
    const follower = await openTestChain({ validators });
    try {
      await follower.chain.check(test.chain.reader.blockBytes(1)!);
      await follower.commit(test.chain.head().hash);
      expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
    } finally {
      await follower.close();
    }
    const { receipts, head } = await test.commit(built.block.hash);
    expect(receipts[0]).toMatchObject({ type: 0x7d, status: 1, gasUsed: 0n });
    const names = receipts[0]!.logs.map((log) => interfaces.staking.decodeEvent(log)?.name);
    expect(names).toEqual(['Slashed', 'Jailed']);
    const taken = (10n * OPEN * BigInt(DEFAULT_PARAMS.staking.equivocationSlashBps)) / 10_000n;
    const view = test.chain.reader.stateAt(2);
    expect(view.account(DEFAULT_PARAMS.treasury)?.balance).toBe(taken);
    const seated = (set: { address: string }[]) => set.some(({ address }) => address === offender.address);
    expect(seated(head.nextValidators)).toBe(true);
    expect(seated(head.afterNextValidators)).toBe(false);
    // Whoever looks at the block later sees it, too.
    const traces = await createCaller(test.chain.reader).traceBlock(2);
    expect(traces.map((trace) => trace.receipt.type)).toEqual([0x7d, 2]);
    expect(test.chain.reader.receipts(2)![0]).toEqual(receipts[0]);
  });

  it('counts once for each offender and height', async () => {
    const proof = equivocation(validators[1]!, 1);
    const twice = await buildWith([proof, proof]);
    expect(twice.block.transactions).toHaveLength(1);
    expect(twice.dropped).toHaveLength(1);
    await test.commit(twice.block.hash);
    expect((await buildWith([proof])).block.transactions).toHaveLength(0);
  });

  it('is refused when it stands after other transactions', async () => {
    const payment = signedTransaction({ key: accountKey(0), nonce: 0, to: accountAddress(1) });
    const { block } = await buildWith([equivocation(validators[2]!, 1)], [payment]);
    const swapped = structuredClone(block);
    swapped.transactions.reverse();
    swapped.header.transactionsRoot = orderedRoot(swapped.transactions);
    const answer = await test.chain.check(encodeBlock(swapped));
    expect(answer).toMatchObject({ answer: 'invalid', code: 'BAD_TRANSACTION' });
    expect((answer as { detail: string }).detail).toMatch(/BAD_EVIDENCE: system transactions come before/);
  });

  it('is refused for good when it proves nothing, and for now when its height is not decided', async () => {
    const wrong = [
      equivocation(validators[0]!, 1, validators[1]!),
      equivocation(validators[0]!, 9),
      encodeSystem(new Uint8Array(300)),
    ];
    const built = await buildWith(wrong);
    expect(built.block.transactions).toHaveLength(0);
    expect(built.dropped.map(({ reason }) => reason)).toEqual([
      'WRONG_SIGNATURE',
      expect.stringMatching(/^not evidence/),
    ]);
    expect(() => decodeTransaction(equivocation(validators[0]!, 1), DEFAULT_PARAMS.chainId)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_TYPE' }),
    );
  });

  it('is refused when it is too old', async () => {
    await test.close();
    const consensus = { ...DEFAULT_PARAMS.consensus, evidenceMaxAgeBlocks: 1 };
    test = await openTestChain({ validators, params: { consensus } });
    await test.produce([]);
    const proof = equivocation(validators[0]!, 1);
    expect((await buildWith([proof])).block.transactions).toHaveLength(1);
    await test.produce([]);
    expect((await buildWith([proof])).dropped[0]!.reason).toBe('height 1 is too long ago');
  });
});
