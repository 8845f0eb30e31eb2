import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToHex, equalBytes } from '../../../consensus/bytes.ts';
import {
  decodeCertificate,
  decodeEvidence,
  decodeLastCommit,
  decodeProposal,
  decodeVote,
  decodeVotes,
  encodeCertificate,
  encodeEvidence,
  encodeLastCommit,
  encodeProposal,
  encodeVote,
  encodeVotes,
} from '../../../consensus/codec.ts';
import { ConsensusError } from '../../../consensus/errors.ts';
import { proposalEvidence, voteEvidence } from '../../../consensus/evidence.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../../consensus/rlp.ts';
import {
  attestationSignBytes,
  DOMAINS,
  possessionSignBytes,
  proposalSignBytes,
  revealSignBytes,
  voteSignBytes,
} from '../../../consensus/sign-bytes.ts';
import {
  type Address,
  asHeight,
  asRound,
  type CommitCertificate,
  type Hash,
  NO_ROUND,
  type Proposal,
  type Vote,
} from '../../../consensus/types.ts';
import { decodeValidatorSet, encodeValidatorSet } from '../../../consensus/validator-set/set.ts';
import { scanFrames } from '../../../consensus/wal/frame.ts';
import { decodeRecord, encodeRecord, type WalRecord } from '../../../consensus/wal/records.ts';
import { addressOf, GENESIS, setOf } from './bench.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hash = bytes(32)
  .filter((b) => b.some((x) => x !== 0))
  .map((b) => bytesToHex(b) as Hash);
const address = bytes(20).map((b) => bytesToHex(b) as Address);
const height = fc.maxSafeNat().map(asHeight);
const round = fc.integer({ min: 0, max: 0xffff_ffff }).map((n) => asRound(n >>> 0));
const vote: fc.Arbitrary<Vote> = fc.record({
  type: fc.constantFrom('prevote', 'precommit'),
  height,
  round,
  blockHash: fc.option(hash),
  validator: address,
  signature: bytes(96),
});
const proposal: fc.Arbitrary<Proposal> = fc
  .record({
    height,
    round,
    blockHash: hash,
    timestampMs: fc.maxSafeNat(),
    proposer: address,
    signature: bytes(96),
    back: fc.nat(),
  })
  .map(({ back, ...rest }) => ({
    ...rest,
    validRound: rest.round === 0 ? NO_ROUND : (((back % (rest.round + 1)) - 1) as never),
  }));
const bitmap = fc.uint8Array({ minLength: 1, maxLength: 128 });
const certificate: fc.Arbitrary<CommitCertificate> = fc.record({
  height,
  round,
  blockHash: hash,
  bitmap,
  signature: bytes(96),
});

/** Everything decodes to what was encoded; every other byte string is refused or is itself canonical. */
function checkCodec<T>(
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (raw: Uint8Array) => T,
): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      expect(decode(encode(value))).toEqual(value);
    }),
    { numRuns: 100 },
  );
  fc.assert(
    fc.property(
      arbitrary,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('flip', 'cut', 'add'),
      (value, at, mask, how) => {
        const good = encode(value);
        let bad = good.slice();
        if (how === 'flip') bad[at % bad.length]! ^= mask;
        if (how === 'cut') bad = bad.slice(0, at % bad.length);
        if (how === 'add') bad = new Uint8Array([...bad, mask]);
        let decoded: T;
        try {
          decoded = decode(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(ConsensusError);
          return;
        }
        expect(equalBytes(encode(decoded), bad)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (junk) => {
      try {
        expect(equalBytes(encode(decode(junk)), junk)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(ConsensusError);
      }
    }),
    { numRuns: 300 },
  );
}

describe('codecs: one value, one encoding, and nothing else decodes', () => {
  it('votes', () => checkCodec(vote, encodeVote, decodeVote));
  it('batches of votes', () =>
    checkCodec(fc.array(vote, { minLength: 1, maxLength: 5 }), encodeVotes, decodeVotes));
  it('proposals', () => checkCodec(proposal, encodeProposal, decodeProposal));
  it('certificates', () => checkCodec(certificate, encodeCertificate, decodeCertificate));
  it('A2: lastCommit', () =>
    checkCodec(fc.record({ round, bitmap, signature: bytes(96) }), encodeLastCommit, decodeLastCommit));
  it('evidence of votes', () =>
    checkCodec(
      fc
        .tuple(vote, vote)
        .filter(([a, b]) => !equalBytes(encodeVote(a), encodeVote(b)))
        .map(([a, b]) => voteEvidence(a, b)),
      encodeEvidence,
      decodeEvidence,
    ));
  it('evidence of proposals', () =>
    checkCodec(
      fc
        .tuple(proposal, proposal)
        .filter(([a, b]) => !equalBytes(encodeProposal(a), encodeProposal(b)))
        .map(([a, b]) => proposalEvidence(a, b)),
      encodeEvidence,
      decodeEvidence,
    ));
  it('RLP', () => {
    const item: fc.Arbitrary<RlpItem> = fc.letrec<{ node: RlpItem }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        fc.uint8Array({ maxLength: 80 }),
        fc.array(tie('node'), { maxLength: 4 }),
      ),
    })).node;
    checkCodec(item, encodeRlp, (raw) => decodeRlp(raw, 5));
  });
  it('A6: validator sets, with priorities of both signs', () => {
    const set = fc
      .array(
        fc.tuple(fc.bigInt({ min: 1n, max: 1n << 40n }), fc.bigInt({ min: -(1n << 50n), max: 1n << 50n })),
        { minLength: 1, maxLength: 6 },
      )
      .map((list) => {
        const base = setOf(list.map(() => 1));
        const validators = base.validators.map((one, i) => ({
          ...one,
          power: list[i]![0],
          priority: list[i]![1],
        }));
        return { validators, totalPower: validators.reduce((sum, one) => sum + one.power, 0n) };
      });
    checkCodec(set, encodeValidatorSet, decodeValidatorSet);
  });
  it('log records', () => {
    const nowMs = fc.maxSafeNat();
    const input: fc.Arbitrary<WalRecord> = fc
      .oneof(
        fc.record({ kind: fc.constant('vote' as const), nowMs, vote }),
        fc.record({ kind: fc.constant('proposal' as const), nowMs, arrivalMs: nowMs, proposal }),
        fc.record({
          kind: fc.constant('timeout' as const),
          nowMs,
          timeout: fc.constantFrom('propose' as const, 'prevote' as const, 'precommit' as const),
          round,
        }),
        fc.record({ kind: fc.constant('built' as const), nowMs, round, blockHash: hash, timestampMs: nowMs }),
        fc.record({
          kind: fc.constant('start' as const),
          nowMs,
          transactions: fc.boolean(),
          parentComplete: fc.boolean(),
        }),
        fc.record({
          kind: fc.constantFrom('wake' as const, 'transactions' as const, 'parentComplete' as const),
          nowMs,
        }),
        fc.record({
          kind: fc.constant('checked' as const),
          nowMs,
          blockHash: hash,
          verdict: fc.oneof(
            fc.record({ answer: fc.constant('valid' as const), originRound: round, timestampMs: nowMs }),
            fc.record({
              answer: fc.constant('invalid' as const),
              code: fc.string({ unit: fc.constantFrom('A', 'B', '_'), maxLength: 20 }),
            }),
          ),
        }),
      )
      .map((one) => ({ kind: 'input', input: one }) as WalRecord);
    const record: fc.Arbitrary<WalRecord> = fc.oneof(
      input,
      fc.record({ kind: fc.constant('ownVote' as const), vote }),
      fc.record({ kind: fc.constant('ownProposal' as const), proposal }),
      fc.record({
        kind: fc.constant('block' as const),
        blockHash: hash,
        bytes: fc.uint8Array({ maxLength: 300 }),
      }),
      fc.record({ kind: fc.constant('height' as const), genesisHash: hash, height }),
    );
    fc.assert(
      fc.property(record, (value) => {
        const scan = scanFrames(encodeRecord(value));
        expect(scan).toMatchObject({ result: 'ok', torn: false });
        expect(scan.frames.map(decodeRecord)).toEqual([value]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is refused', () => {
  const good: Vote = {
    type: 'prevote',
    height: asHeight(1),
    round: asRound(0),
    blockHash: null,
    validator: addressOf(0),
    signature: new Uint8Array(96),
  };

  it('a vote for nil that names a block', () => {
    const raw = encodeVote(good);
    raw[20] = 1;
    expect(() => decodeVote(raw)).toThrow('zero hash');
  });

  it('a validRound that is not before the round', () => {
    const raw = encodeProposal({
      height: asHeight(1),
      round: asRound(2),
      blockHash: GENESIS,
      timestampMs: 1,
      validRound: asRound(1),
      proposer: addressOf(0),
      signature: new Uint8Array(96),
    });
    raw[1 + 8 + 4 + 32 + 8 + 3] = 3;
    expect(() => decodeProposal(raw)).toThrow('validRound 2');
  });

  it('more votes than fit in a message', () => {
    expect(() => encodeVotes(Array.from({ length: 513 }, () => good))).toThrow('513 votes');
    expect(() => decodeVotes(Uint8Array.of(0, 0))).toThrow('0 votes');
  });

  it('evidence in the wrong order', () => {
    const other: Vote = { ...good, blockHash: GENESIS };
    const evidence = voteEvidence(good, other);
    expect(() =>
      encodeEvidence({ ...evidence, first: evidence.second, second: evidence.first } as never),
    ).toThrow('order');
  });
});

describe('signed bytes', () => {
  const place = { height: asHeight(7), round: asRound(3), blockHash: GENESIS };
  const genesis: Hash = `0x${'ee'.repeat(32)}`;

  it('A9: the bytes are frozen', () => {
    const vote = voteSignBytes(genesis, { type: 'precommit', ...place });
    expect(bytesToHex(vote)).toBe(
      `0x0a${Buffer.from('OL/vote/v1').toString('hex')}${'ee'.repeat(32)}000000000000000700000003${'03'}${'01'.repeat(32)}`,
    );
    const proposal = proposalSignBytes(genesis, {
      ...place,
      timestampMs: 0x0102030405,
      validRound: asRound(2),
    });
    expect(bytesToHex(proposal)).toBe(
      `0x0e${Buffer.from('OL/proposal/v1').toString('hex')}${'ee'.repeat(32)}000000000000000700000003${'10'}${'01'.repeat(32)}000000010203040500000003`,
    );
    expect(bytesToHex(revealSignBytes(genesis, place.height))).toBe(
      `0x0c${Buffer.from('OL/reveal/v1').toString('hex')}${'ee'.repeat(32)}0000000000000007`,
    );
  });

  it('A9: every domain has its own tag, and every message holds the genesis hash', () => {
    expect(new Set(Object.values(DOMAINS)).size).toBe(Object.keys(DOMAINS).length);
    const key = new Uint8Array(48);
    const messages = (g: Hash) => [
      voteSignBytes(g, { type: 'prevote', ...place }),
      voteSignBytes(g, { type: 'prevote', ...place, blockHash: null }),
      voteSignBytes(g, { type: 'precommit', ...place }),
      voteSignBytes(g, { type: 'precommit', ...place, blockHash: null }),
      proposalSignBytes(g, { ...place, timestampMs: 1, validRound: NO_ROUND }),
      revealSignBytes(g, place.height),
      possessionSignBytes(g, addressOf(0), key),
      attestationSignBytes(g, GENESIS, GENESIS),
    ];
    const all = [...messages(genesis), ...messages(GENESIS)].map(bytesToHex);
    expect(new Set(all).size).toBe(all.length);
  });

  it('A9: a proof of possession binds the operator', () => {
    const key = new Uint8Array(48).fill(1);
    expect(possessionSignBytes(genesis, addressOf(0), key)).not.toEqual(
      possessionSignBytes(genesis, addressOf(1), key),
    );
  });
});
