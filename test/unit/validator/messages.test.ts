import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../../consensus/bytes.ts';
import { ConsensusError } from '../../../consensus/errors.ts';
import { asHeight, asRound, NO_ROUND, type Proposal } from '../../../consensus/types.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import {
  decodeBlockQuestion,
  decodeProposalMessage,
  decodeRangeAnswer,
  decodeRangeQuestion,
  decodeStatus,
  decodeStatusAnswer,
  encodeBlockQuestion,
  encodeProposalMessage,
  encodeRangeAnswer,
  encodeRangeQuestion,
  encodeStatus,
  encodeStatusAnswer,
} from '../../../node/validator/messages.ts';
import { A, addressOf } from '../consensus/bench.ts';

const signature = new Uint8Array(96).fill(3);
const proposal: Proposal = {
  height: asHeight(3),
  round: asRound(1),
  blockHash: A,
  timestampMs: 17,
  validRound: NO_ROUND,
  proposer: addressOf(0),
  signature,
};
const vote = {
  type: 'prevote',
  height: asHeight(3),
  round: asRound(1),
  blockHash: A,
  validator: addressOf(0),
  signature,
} as const;
const bitmap = Uint8Array.of(0b11);
const certificate = { height: asHeight(3), round: asRound(0), blockHash: A, bitmap, signature };

const cases: readonly (readonly [
  string,
  unknown,
  (value: never) => Uint8Array,
  (bytes: Uint8Array) => unknown,
])[] = [
  [
    'proposal with its block',
    { proposal, block: Uint8Array.of(1, 2) },
    encodeProposalMessage,
    decodeProposalMessage,
  ],
  [
    'proposal without its block',
    { proposal, block: undefined },
    encodeProposalMessage,
    decodeProposalMessage,
  ],
  [
    'status',
    {
      height: asHeight(3),
      round: asRound(1),
      rounds: [{ round: asRound(1), hasProposal: true, prevotes: bitmap, precommits: bitmap }],
    },
    encodeStatus,
    decodeStatus,
  ],
  [
    'status answer',
    { headHeight: asHeight(2), proposals: [proposal], votes: [vote] },
    encodeStatusAnswer,
    decodeStatusAnswer,
  ],
  [
    'empty status answer',
    { headHeight: asHeight(2), proposals: [], votes: [] },
    encodeStatusAnswer,
    decodeStatusAnswer,
  ],
  ['block question', { height: asHeight(2), blockHash: A }, encodeBlockQuestion, decodeBlockQuestion],
  ['range question', { from: asHeight(2), count: 5 }, encodeRangeQuestion, decodeRangeQuestion],
  [
    'range answer',
    { headHeight: asHeight(9), blocks: [{ certificate, bytes: Uint8Array.of(9) }] },
    encodeRangeAnswer,
    decodeRangeAnswer,
  ],
];

describe('messages between validators', () => {
  it.each(cases)('%s: comes back as it was, and nothing else decodes to it', (_, value, encode, decode) => {
    const bytes = encode(value as never);
    expect(decode(bytes)).toEqual(value);
    fc.assert(
      fc.property(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, mask, cut) => {
          const bad = cut ? bytes.slice(0, at) : bytes.slice();
          if (!cut) bad[at] = bad[at]! ^ mask;
          try {
            expect(equalBytes(encode(decode(bad) as never), bad)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(ConsensusError);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(ConsensusError);
  });

  it('refuses what is too large before it is read', () => {
    expect(() => decodeProposalMessage(new Uint8Array(LIMITS.maxInlineBlockBytes + 1_000))).toThrow(
      'proposal message',
    );
    expect(() => decodeStatusAnswer(new Uint8Array(200_000))).toThrow('status answer');
    expect(() => decodeRangeQuestion(encodeRangeQuestion({ from: asHeight(1), count: 1_000 }))).toThrow(
      'range of 1000',
    );
    expect(() => decodeRangeQuestion(encodeRangeQuestion({ from: asHeight(0), count: 1 }))).toThrow('from 0');
  });
});
