/** What a proposer may not pass off as evidence, and what a conviction does and does not do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeEvidence } from '../../../consensus/codec.ts';
import { proposalEvidence, voteEvidence } from '../../../consensus/evidence.ts';
import { proposalSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import {
  asHeight,
  asRound,
  type Hash,
  NO_ROUND,
  type Proposal,
  type UnsignedProposal,
  type Vote,
} from '../../../consensus/types.ts';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { encodeBlock } from '../../../state/block/codec.ts';
import { orderedRoot } from '../../../state/block/roots.ts';
import { keccak256, toHex } from '../../../state/crypto.ts';
import { LIMITS } from '../../../state/limits.ts';
import { interfaces } from '../../../state/modules/interfaces.ts';
import { STAKING_ADDRESS } from '../../../state/modules/staking/storage.ts';
import { validators as listed } from '../../../state/modules/views.ts';
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

const blockHash = (text: string): Hash => toHex(keccak256(Buffer.from(text)));

interface Forgery {
  height?: number;
  round?: number;
  /** Who really signs. */
  signedBy?: TestValidator;
  genesisHash?: Hash;
  /** Signs these bytes instead. */
  message?: (vote: Parameters<typeof voteSignBytes>[1]) => Uint8Array;
}

/** Two precommits of one validator for two blocks of one round, as a system transaction. */
function votes(offender: TestValidator, forgery: Forgery = {}): Uint8Array {
  const { genesisHash = test.chain.reader.genesisHash, signedBy = offender } = forgery;
  const vote = (text: string): Vote => {
    const unsigned = {
      type: 'precommit' as const,
      height: asHeight(forgery.height ?? 1),
      round: asRound(forgery.round ?? 0),
      blockHash: blockHash(text),
    };
    const message = forgery.message?.(unsigned) ?? voteSignBytes(genesisHash, unsigned);
    return { ...unsigned, validator: offender.address, signature: signedBy.secret.sign(message).toBytes() };
  };
  return encodeSystem(encodeEvidence(voteEvidence(vote('one'), vote('other'))));
}

/** Two proposals of one validator that differ in their time only. */
function proposals(offender: TestValidator): Uint8Array {
  const proposal = (timestampMs: number): Proposal => {
    const unsigned: UnsignedProposal = {
      height: asHeight(1),
      round: asRound(2),
      blockHash: blockHash('one'),
      timestampMs,
      validRound: NO_ROUND,
      proposer: offender.address,
    };
    const message = proposalSignBytes(test.chain.reader.genesisHash, unsigned);
    return { ...unsigned, signature: offender.secret.sign(message).toBytes() };
  };
  return encodeSystem(encodeEvidence(proposalEvidence(proposal(1_000), proposal(1_001))));
}

/** What everybody answers to a child of the head with exactly these transactions, from a proposer that asked nobody. */
async function verdict(transactions: Uint8Array[]) {
  const { block } = await test.build([]);
  const header = { ...block.header, transactionsRoot: orderedRoot(transactions) };
  const answer = await test.chain.check(encodeBlock({ ...block, header, transactions }));
  return answer.answer === 'invalid' ? `${answer.code}: ${answer.detail}` : answer.answer;
}

async function produceWith(system: Uint8Array[]) {
  const { chain } = test;
  const built = await chain.build({
    parentHash: chain.head().hash,
    origin: test.origin(),
    system,
    candidates: [],
  });
  return { built, ...(await test.commit(built.block.hash)) };
}

const seats = (set: { address: string }[]) => set.map(({ address }) => address);
const registered = () => listed(test.chain.reader.stateAt(test.chain.head().number), test.genesis.params);
const bondOf = ({ address }: TestValidator) => registered().find(({ operator }) => operator === address)!;

/** All wei there are, by the whole list of accounts. */
function supply(): bigint {
  const { reader } = test.chain;
  let sum = 0n;
  let after: `0x${string}` | undefined;
  for (;;) {
    const page = reader.accounts(after, 100);
    for (const { account } of page) sum += account.balance;
    if (page.length < 100) return sum;
    after = page.at(-1)!.address;
  }
}

describe('a block with evidence that convicts nobody is invalid', () => {
  const [one, two] = validators as [TestValidator, TestValidator];

  it('B1: with a signature of somebody else', async () => {
    expect(await verdict([votes(one, { signedBy: two })])).toMatch(
      /^BAD_TRANSACTION: transaction 0: BAD_EVIDENCE: WRONG_SIGNATURE/,
    );
  });

  it('A9: with signatures made for another chain or another purpose', async () => {
    const foreign = blockHash('another genesis');
    expect(await verdict([votes(one, { genesisHash: foreign })])).toMatch(/WRONG_SIGNATURE/);
    const asProposal = (vote: Parameters<typeof voteSignBytes>[1]) =>
      proposalSignBytes(test.chain.reader.genesisHash, {
        ...vote,
        blockHash: vote.blockHash!,
        timestampMs: 0,
        validRound: NO_ROUND,
      });
    expect(await verdict([votes(one, { message: asProposal })])).toMatch(/WRONG_SIGNATURE/);
  });

  it('B1: against somebody who was no validator then', async () => {
    const stranger = testValidators(5)[4]!;
    expect(await verdict([votes(stranger)])).toMatch(/BAD_EVIDENCE: NOT_A_VALIDATOR/);
  });

  it('B1: twice for one offence, in one block or in two, in other words or the same', async () => {
    const proof = votes(one);
    const again = votes(one, { round: 3 });
    expect(await verdict([proof, again])).toMatch(/transaction 1: BAD_EVIDENCE: .*punished for that height/);
    expect(await verdict([proof, proof])).toMatch(/transaction 1: BAD_EVIDENCE/);
    await produceWith([proof]);
    expect(await verdict([again])).toMatch(/transaction 0: BAD_EVIDENCE: .*punished for that height/);
  });

  it('B1: of a height that is not decided, or not there', async () => {
    expect(await verdict([votes(one, { height: 2 })])).toMatch(/not decided yet/);
    expect(await verdict([votes(one, { height: 0 })])).toMatch(/nobody voted on height 0/);
  });

  it('B1: older than the parameter allows', async () => {
    await test.close();
    const consensus = { ...DEFAULT_PARAMS.consensus, evidenceMaxAgeBlocks: 2 };
    test = await openTestChain({ validators, params: { consensus } });
    await test.produce([]);
    await test.produce([]);
    await test.produce([]);
    expect(await verdict([votes(one)])).toMatch(/BAD_EVIDENCE: height 1 is too long ago/);
    expect((await produceWith([votes(one, { height: 2 })])).receipts).toHaveLength(1);
  });

  it('B1: after an ordinary transaction, or more than a block may hold', async () => {
    const payment = signedTransaction({ key: accountKey(0), nonce: 0, to: accountAddress(1) });
    expect(await verdict([payment, votes(one)])).toMatch(/transaction 1: BAD_EVIDENCE: .*before all others/);
    for (let i = 0; i < 4; i++) await test.produce([]);
    const many = Array.from({ length: LIMITS.maxEvidencePerBlock + 1 }, (_, i) =>
      votes(validators[i % 4]!, { height: 1 + Math.floor(i / 4) }),
    );
    expect(await verdict(many)).toMatch(
      new RegExp(`transaction ${LIMITS.maxEvidencePerBlock}: BAD_EVIDENCE: more than`),
    );
  });

  it('B1: in any but its one encoding', async () => {
    const proof = votes(one);
    const half = (proof.length - 2) / 2;
    const swapped = new Uint8Array([
      ...proof.subarray(0, 2),
      ...proof.subarray(2 + half),
      ...proof.subarray(2, 2 + half),
    ]);
    expect(await verdict([swapped])).toMatch(/MALFORMED: not evidence/);
    expect(await verdict([new Uint8Array([...proof, 0])])).toMatch(/MALFORMED: not evidence/);
    expect(await verdict([Uint8Array.of(0x7d)])).toMatch(/MALFORMED: not evidence/);
  });
});

describe('a conviction', () => {
  it('A6: takes the seat in set(H+2), not before, and leaves the others theirs', async () => {
    const offender = validators[3]!;
    const { head, receipts } = await produceWith([proposals(offender)]);
    const events = receipts[0]!.logs.map((log) => interfaces.staking.decodeEvent(log));
    expect(events.map((event) => event?.name)).toEqual(['Slashed', 'Jailed']);
    expect(seats(head.nextValidators)).toContain(offender.address);
    const others = validators.slice(0, 3).map(({ address }) => address);
    expect(seats(head.afterNextValidators)).toEqual([...others].sort());
    // It still votes on the next block; after that the chain goes on without it.
    await test.produce([]);
    await test.produce([]);
    expect(seats(test.chain.head().nextValidators)).not.toContain(offender.address);
    expect(bondOf(offender)).toMatchObject({ jailed: true, power: 0n });
  });

  it('Conservation: what is slashed goes to the treasury, to the wei', async () => {
    const before = supply();
    const { treasury, staking } = test.genesis.params;
    await produceWith([votes(validators[0]!), votes(validators[1]!)]);
    const taken = 2n * ((10n * OPEN * BigInt(staking.equivocationSlashBps)) / 10_000n);
    const view = test.chain.reader.stateAt(2);
    expect(view.account(treasury)?.balance).toBe(taken);
    expect(view.account(STAKING_ADDRESS)?.balance).toBe(40n * OPEN - taken);
    expect(registered().reduce((sum, { bond }) => sum + bond, 0n)).toBe(40n * OPEN - taken);
    expect(supply()).toBe(before);
  });

  it('each height at which somebody signs twice costs again, also one that is jailed already', async () => {
    await test.produce([]);
    const offender = validators[1]!;
    await produceWith([votes(offender, { height: 1 }), votes(offender, { height: 2 })]);
    const bps = BigInt(DEFAULT_PARAMS.staking.equivocationSlashBps);
    const once = 10n * OPEN - (10n * OPEN * bps) / 10_000n;
    expect(bondOf(offender).bond).toBe(once - (once * bps) / 10_000n);
  });

  it('the last validator with power is slashed and keeps its seat, so that the chain lives', async () => {
    const { head } = await produceWith(validators.map((validator) => votes(validator)));
    expect(registered().filter(({ jailed }) => jailed)).toHaveLength(3);
    const last = validators[3]!;
    expect(bondOf(last).jailed).toBe(false);
    expect(bondOf(last).bond).toBeLessThan(10n * OPEN);
    expect(seats(head.afterNextValidators)).toEqual([last.address]);
    for (let i = 0; i < 3; i++) await test.produce([]);
    expect(test.chain.head().number).toBe(5);
  });
});
