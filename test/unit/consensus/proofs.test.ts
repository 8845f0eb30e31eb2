import { describe, expect, it } from 'vitest';
import {
  fromLastCommit,
  makeCertificate,
  toLastCommit,
  verifyCertificate,
} from '../../../consensus/certificate.ts';
import { offenderOf, proposalEvidence, verifyEvidence, voteEvidence } from '../../../consensus/evidence.ts';
import { proposalSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import {
  asHeight,
  asRound,
  type Hash,
  NO_ROUND,
  type Proposal,
  type Vote,
  type VoteType,
} from '../../../consensus/types.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import { fakeBls, fakePublicKey, fakeSigner } from '../../sim/fake-bls.ts';
import { A, addressOf, B, GENESIS } from './bench.ts';

const set = createValidatorSet(
  [0, 1, 2, 3].map((i) => ({
    address: addressOf(i),
    blsPublicKey: fakePublicKey(i),
    power: 1n,
    recipient: addressOf(i),
    priority: 0n,
  })),
);
const sign = (index: number, message: Uint8Array) =>
  fakeSigner(addressOf(index), fakePublicKey(index), () => {}).sign(message);
const vote = (index: number, type: VoteType, blockHash: Hash | null, round = 0): Vote => {
  const unsigned = {
    type,
    height: asHeight(3),
    round: asRound(round),
    blockHash,
    validator: addressOf(index),
  };
  return { ...unsigned, signature: sign(index, voteSignBytes(GENESIS, unsigned)) };
};
const proposal = (index: number, blockHash: Hash, timestampMs = 1): Proposal => {
  const unsigned = {
    height: asHeight(3),
    round: asRound(0),
    blockHash,
    timestampMs,
    validRound: NO_ROUND as never,
    proposer: addressOf(index),
  };
  return { ...unsigned, signature: sign(index, proposalSignBytes(GENESIS, unsigned)) };
};

describe('certificates', () => {
  const precommits = [2, 0, 3].map((i) => vote(i, 'precommit', A));
  const certificate = makeCertificate(set, precommits, fakeBls.aggregate);
  const check = (changed: Partial<typeof certificate>) =>
    verifyCertificate(set, GENESIS, { ...certificate, ...changed }, fakeBls.fastAggregateVerify);

  it('A2: name the signers by canonical bits and hold one signature', () => {
    expect(certificate.bitmap).toEqual(Uint8Array.of(0b1101));
    expect(check({})).toBeUndefined();
  });

  it('A2: spare bits, missing quorum and wrong signatures are told apart', () => {
    expect(check({ bitmap: Uint8Array.of(0b11101) })).toBe('BITMAP_NOT_CANONICAL');
    expect(check({ bitmap: Uint8Array.of(0b0101) })).toBe('NO_QUORUM');
    expect(check({ bitmap: Uint8Array.of(0b1111) })).toBe('WRONG_SIGNATURE');
    expect(check({ blockHash: B })).toBe('WRONG_SIGNATURE');
    expect(check({ round: asRound(1) })).toBe('WRONG_SIGNATURE');
    expect(check({ height: asHeight(4) })).toBe('WRONG_SIGNATURE');
  });

  it('A9: a certificate of another chain proves nothing', () => {
    expect(verifyCertificate(set, A, certificate, fakeBls.fastAggregateVerify)).toBe('WRONG_SIGNATURE');
  });

  it('A2: the form in a block body gives the certificate back', () => {
    expect(fromLastCommit(toLastCommit(certificate), { height: asHeight(3), blockHash: A })).toEqual(
      certificate,
    );
  });

  it('cannot be made of votes that do not agree', () => {
    expect(() =>
      makeCertificate(set, [vote(0, 'precommit', A), vote(1, 'precommit', B)], fakeBls.aggregate),
    ).toThrow('agree');
    expect(() =>
      makeCertificate(set, [vote(0, 'precommit', A), vote(0, 'precommit', A)], fakeBls.aggregate),
    ).toThrow('another member');
  });
});

describe('evidence', () => {
  const judge = (evidence: ReturnType<typeof voteEvidence>) =>
    verifyEvidence(evidence, set, GENESIS, fakeBls.verify);

  it('two votes of one key for the same step convict', () => {
    const evidence = voteEvidence(vote(1, 'prevote', A), vote(1, 'prevote', B));
    expect(judge(evidence)).toBeUndefined();
    expect(offenderOf(evidence)).toBe(addressOf(1));
    expect(voteEvidence(vote(1, 'prevote', B), vote(1, 'prevote', A))).toEqual(evidence);
    expect(judge(voteEvidence(vote(1, 'precommit', A), vote(1, 'precommit', null)))).toBeUndefined();
  });

  it('two proposals of one key for one round convict, even of the same block', () => {
    expect(judge(proposalEvidence(proposal(0, A), proposal(0, B)))).toBeUndefined();
    expect(judge(proposalEvidence(proposal(0, A, 1), proposal(0, A, 2)))).toBeUndefined();
  });

  it('honest behaviour does not', () => {
    expect(judge(voteEvidence(vote(1, 'prevote', A), vote(1, 'precommit', B)))).toBe('NOT_COMPARABLE');
    expect(judge(voteEvidence(vote(1, 'prevote', A), vote(1, 'prevote', B, 1)))).toBe('NOT_COMPARABLE');
    expect(judge(voteEvidence(vote(1, 'prevote', A), vote(2, 'prevote', B)))).toBe('NOT_COMPARABLE');
    const again = vote(1, 'prevote', A);
    expect(judge(voteEvidence(again, { ...again, signature: new Uint8Array(96) }))).toBe('NO_CONFLICT');
  });

  it('forgeries do not', () => {
    const forged = { ...vote(1, 'prevote', B), signature: vote(2, 'prevote', B).signature };
    expect(judge(voteEvidence(vote(1, 'prevote', A), forged))).toBe('WRONG_SIGNATURE');
    const stranger = { ...vote(1, 'prevote', B), validator: addressOf(9) };
    expect(judge(voteEvidence({ ...vote(1, 'prevote', A), validator: addressOf(9) }, stranger))).toBe(
      'NOT_A_VALIDATOR',
    );
  });
});
