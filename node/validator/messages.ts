/**
 * What validators say to each other, as bytes. Gossip: a proposal (with its block if that is small) and batches of
 * votes. Requests over a stream: where are you (`status`), this block (`block`), these heights (`range`). Strict
 * and bounded like consensus/codec.ts; ConsensusError MALFORMED or LIMIT on anything else.
 */
import { concatBytes, reader, writer } from '../../consensus/bytes.ts';
import {
  encodeCertificate,
  encodeProposal,
  encodeVotes,
  PROPOSAL_BYTES,
  readCertificate,
  readProposal,
  readVotes,
  VOTE_BYTES,
} from '../../consensus/codec.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import { LIMITS as CONSENSUS_LIMITS } from '../../consensus/limits.ts';
import {
  asHeight,
  asRound,
  type CommitCertificate,
  HASH_BYTES,
  type Hash,
  type Height,
  type Proposal,
  type Round,
  type Vote,
} from '../../consensus/types.ts';
import { LIMITS } from './limits.ts';

/** proposal | block length u32 (0: pull the body by its hash) | block */
export interface ProposalMessage {
  readonly proposal: Proposal;
  readonly block: Uint8Array | undefined;
}

export function encodeProposalMessage(message: ProposalMessage): Uint8Array {
  const block = message.block ?? new Uint8Array(0);
  return concatBytes([encodeProposal(message.proposal), writer(4).u32(block.length).finish(), block]);
}

export function decodeProposalMessage(bytes: Uint8Array): ProposalMessage {
  if (bytes.length > PROPOSAL_BYTES + 4 + LIMITS.maxInlineBlockBytes)
    throw new ConsensusError('LIMIT', `proposal message of ${bytes.length} bytes`);
  const input = reader(bytes);
  const proposal = readProposal(input);
  const length = input.u32();
  const block = length === 0 ? undefined : input.bytes(length);
  input.end();
  return { proposal, block };
}

/** What this node has seen of one round. */
export interface RoundSummary {
  readonly round: Round;
  readonly hasProposal: boolean;
  /** Bit per validator in address order. */
  readonly prevotes: Uint8Array;
  readonly precommits: Uint8Array;
}

/** height u64 | round u32 | count u8 | (round u32 | hasProposal u8 | bitmap length u8 | prevotes | precommits) ... */
export interface Status {
  /** The height being decided. */
  readonly height: Height;
  readonly round: Round;
  readonly rounds: readonly RoundSummary[];
}

export function encodeStatus(status: Status): Uint8Array {
  const rounds = status.rounds.map((one) =>
    writer(6 + one.prevotes.length + one.precommits.length)
      .u32(one.round)
      .u8(one.hasProposal ? 1 : 0)
      .u8(one.prevotes.length)
      .bytes(one.prevotes)
      .bytes(one.precommits)
      .finish(),
  );
  const head = writer(13).u64(status.height).u32(status.round).u8(rounds.length).finish();
  return concatBytes([head, ...rounds]);
}

export function decodeStatus(bytes: Uint8Array): Status {
  const input = reader(bytes);
  const height = asHeight(input.u64());
  const round = asRound(input.u32());
  const count = input.u8();
  if (count > LIMITS.maxStatusRounds) throw new ConsensusError('LIMIT', `status of ${count} rounds`);
  const rounds = Array.from({ length: count }, (): RoundSummary => {
    const number = asRound(input.u32());
    const flag = input.u8();
    if (flag > 1) throw new ConsensusError('MALFORMED', 'flag is neither 0 nor 1');
    const length = input.u8();
    if (length > CONSENSUS_LIMITS.maxValidators / 8)
      throw new ConsensusError('LIMIT', `bitmap of ${length} bytes`);
    return {
      round: number,
      hasProposal: flag === 1,
      prevotes: input.bytes(length),
      precommits: input.bytes(length),
    };
  });
  input.end();
  return { height, round, rounds };
}

/** Answer to `status`. Always names the head of the answering node. */
export interface StatusAnswer {
  readonly headHeight: Height;
  /** What the asking node misses at the height it named; empty if the answering node is elsewhere. */
  readonly proposals: readonly Proposal[];
  readonly votes: readonly Vote[];
}

/** head height u64 | proposal count u8 | proposals | votes as in gossip, count may be 0 */
export function encodeStatusAnswer(answer: StatusAnswer): Uint8Array {
  return concatBytes([
    writer(9).u64(answer.headHeight).u8(answer.proposals.length).finish(),
    ...answer.proposals.map(encodeProposal),
    encodeVotes(answer.votes),
  ]);
}

export function decodeStatusAnswer(bytes: Uint8Array): StatusAnswer {
  const most =
    9 + LIMITS.maxStatusRounds * PROPOSAL_BYTES + 2 + CONSENSUS_LIMITS.maxVotesPerMessage * VOTE_BYTES;
  if (bytes.length > most) throw new ConsensusError('LIMIT', `status answer of ${bytes.length} bytes`);
  const input = reader(bytes);
  const headHeight = asHeight(input.u64());
  const count = input.u8();
  if (count > LIMITS.maxStatusRounds)
    throw new ConsensusError('LIMIT', `${count} proposals in a status answer`);
  const proposals = Array.from({ length: count }, () => readProposal(input));
  const votes = readVotes(input, 0);
  input.end();
  return { headHeight, proposals, votes };
}

/** height u64 | hash 32. The answer is the block's bytes and nothing else. */
export interface BlockQuestion {
  readonly height: Height;
  readonly blockHash: Hash;
}

export function encodeBlockQuestion(question: BlockQuestion): Uint8Array {
  return writer(8 + HASH_BYTES)
    .u64(question.height)
    .hex(question.blockHash, HASH_BYTES)
    .finish();
}

export function decodeBlockQuestion(bytes: Uint8Array): BlockQuestion {
  const input = reader(bytes);
  const question = { height: asHeight(input.u64()), blockHash: input.hex(HASH_BYTES) };
  input.end();
  return question;
}

/** from u64 | count u16 */
export interface RangeQuestion {
  readonly from: Height;
  readonly count: number;
}

export function encodeRangeQuestion(question: RangeQuestion): Uint8Array {
  return writer(10).u64(question.from).u16(question.count).finish();
}

export function decodeRangeQuestion(bytes: Uint8Array): RangeQuestion {
  const input = reader(bytes);
  const from = asHeight(input.u64());
  const count = input.u16();
  input.end();
  if (from < 1 || count < 1 || count > LIMITS.maxRangeBlocks)
    throw new ConsensusError('LIMIT', `range of ${count} blocks from ${from}`);
  return { from, count };
}

export interface CertifiedBlock {
  readonly certificate: CommitCertificate;
  readonly bytes: Uint8Array;
}

/** head height u64 | count u16 | (certificate | block length u32 | block) ... in ascending height, without gaps */
export interface RangeAnswer {
  readonly headHeight: Height;
  readonly blocks: readonly CertifiedBlock[];
}

export function encodeRangeAnswer(answer: RangeAnswer): Uint8Array {
  return concatBytes([
    writer(10).u64(answer.headHeight).u16(answer.blocks.length).finish(),
    ...answer.blocks.flatMap((block) => [
      encodeCertificate(block.certificate),
      writer(4).u32(block.bytes.length).finish(),
      block.bytes,
    ]),
  ]);
}

export function decodeRangeAnswer(bytes: Uint8Array): RangeAnswer {
  if (bytes.length > LIMITS.maxAnswerBytes)
    throw new ConsensusError('LIMIT', `range answer of ${bytes.length} bytes`);
  const input = reader(bytes);
  const headHeight = asHeight(input.u64());
  const count = input.u16();
  if (count > LIMITS.maxRangeBlocks) throw new ConsensusError('LIMIT', `${count} blocks in one answer`);
  const blocks = Array.from({ length: count }, (): CertifiedBlock => {
    const certificate = readCertificate(input);
    const length = input.u32();
    if (length > LIMITS.maxBlockBytes) throw new ConsensusError('LIMIT', `block of ${length} bytes`);
    return { certificate, bytes: input.bytes(length) };
  });
  input.end();
  return { headHeight, blocks };
}
