/**
 * Bytes on the wire and in the log. One value has one encoding; anything else is MALFORMED. Sizes are fixed or
 * bounded before anything is allocated.
 *
 *   vote         type u8 (1..4) | height u64 | round u32 | hash 32 (zero for nil) | validator 20 | signature 96
 *   proposal     16 | height u64 | round u32 | hash 32 | timestampMs u64 | validRound+1 u32 | proposer 20 | signature 96
 *   certificate  32 | height u64 | round u32 | hash 32 | bitmap length u8 | bitmap | signature 96
 *   lastCommit   RLP [round, bitmap, signature]: its hash stands in the header
 *   evidence     48 (votes) or 49 (proposals) | first | second, first < second as bytes
 *   votes        count u16 | vote ...
 */
import { compareBytes, type Reader, reader, writer } from './bytes.ts';
import { ConsensusError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { bigintToBytes, decodeRlp, encodeRlp, rlpBigint, rlpBytes, rlpList } from './rlp.ts';
import { TYPE_BYTE, voteTypeByte, ZERO_HASH } from './sign-bytes.ts';
import {
  ADDRESS_BYTES,
  asHeight,
  asRound,
  type CommitCertificate,
  type Evidence,
  HASH_BYTES,
  type Hash,
  type LastCommit,
  MAX_ROUND,
  NO_ROUND,
  type Proposal,
  type RoundOrNone,
  SIGNATURE_BYTES,
  type Vote,
  type VoteType,
} from './types.ts';

export const VOTE_BYTES = 1 + 8 + 4 + HASH_BYTES + ADDRESS_BYTES + SIGNATURE_BYTES;
export const PROPOSAL_BYTES = 1 + 8 + 4 + HASH_BYTES + 8 + 4 + ADDRESS_BYTES + SIGNATURE_BYTES;
const CERTIFICATE_TAG = 32;
const EVIDENCE_VOTES_TAG = 48;
const EVIDENCE_PROPOSALS_TAG = 49;
const MAX_BITMAP_BYTES = LIMITS.maxValidators / 8;

export function encodeVote(vote: Vote): Uint8Array {
  return writer(VOTE_BYTES)
    .u8(voteTypeByte(vote))
    .u64(vote.height)
    .u32(vote.round)
    .hex(vote.blockHash ?? ZERO_HASH, HASH_BYTES)
    .hex(vote.validator, ADDRESS_BYTES)
    .bytes(vote.signature)
    .finish();
}

/** @throws ConsensusError MALFORMED */
export function decodeVote(bytes: Uint8Array): Vote {
  const input = reader(bytes);
  const vote = readVote(input);
  input.end();
  return vote;
}

const VOTE_KINDS: Readonly<Record<number, { type: VoteType; nil: boolean } | undefined>> = {
  [TYPE_BYTE.prevote]: { type: 'prevote', nil: false },
  [TYPE_BYTE.prevoteNil]: { type: 'prevote', nil: true },
  [TYPE_BYTE.precommit]: { type: 'precommit', nil: false },
  [TYPE_BYTE.precommitNil]: { type: 'precommit', nil: true },
};

export function readVote(input: Reader): Vote {
  const tag = input.u8();
  const kind = VOTE_KINDS[tag];
  if (kind === undefined) throw new ConsensusError('MALFORMED', `no vote begins with ${tag}`);
  const height = asHeight(input.u64());
  const round = asRound(input.u32());
  const hash = input.hex(HASH_BYTES);
  if ((hash === ZERO_HASH) !== kind.nil)
    throw new ConsensusError('MALFORMED', 'a vote for nil has a zero hash, and no other vote has');
  const validator = input.hex(ADDRESS_BYTES);
  const signature = input.bytes(SIGNATURE_BYTES);
  return { type: kind.type, height, round, blockHash: kind.nil ? null : hash, validator, signature };
}

export function encodeVotes(votes: readonly Vote[]): Uint8Array {
  if (votes.length > LIMITS.maxVotesPerMessage)
    throw new ConsensusError('LIMIT', `${votes.length} votes in one message`);
  const out = writer(2 + votes.length * VOTE_BYTES).u16(votes.length);
  for (const vote of votes) out.bytes(encodeVote(vote));
  return out.finish();
}

/** @throws ConsensusError MALFORMED (also for an empty list) or LIMIT */
export function decodeVotes(bytes: Uint8Array): Vote[] {
  const input = reader(bytes);
  const votes = readVotes(input, 1);
  input.end();
  return votes;
}

export function readVotes(input: Reader, atLeast: number): Vote[] {
  const count = input.u16();
  if (count < atLeast || count > LIMITS.maxVotesPerMessage)
    throw new ConsensusError(
      'MALFORMED',
      `${count} votes in one message, allowed ${atLeast}..${LIMITS.maxVotesPerMessage}`,
    );
  return Array.from({ length: count }, () => readVote(input));
}

export function encodeProposal(proposal: Proposal): Uint8Array {
  return writer(PROPOSAL_BYTES)
    .u8(TYPE_BYTE.proposal)
    .u64(proposal.height)
    .u32(proposal.round)
    .hex(proposal.blockHash, HASH_BYTES)
    .u64(proposal.timestampMs)
    .u32(proposal.validRound + 1)
    .hex(proposal.proposer, ADDRESS_BYTES)
    .bytes(proposal.signature)
    .finish();
}

/** @throws ConsensusError MALFORMED */
export function decodeProposal(bytes: Uint8Array): Proposal {
  const input = reader(bytes);
  const proposal = readProposal(input);
  input.end();
  return proposal;
}

export function readProposal(input: Reader): Proposal {
  const tag = input.u8();
  if (tag !== TYPE_BYTE.proposal) throw new ConsensusError('MALFORMED', `no proposal begins with ${tag}`);
  const height = asHeight(input.u64());
  const round = asRound(input.u32());
  const blockHash = input.hex(HASH_BYTES);
  if (blockHash === ZERO_HASH) throw new ConsensusError('MALFORMED', 'a proposal of the zero hash');
  const timestampMs = input.u64();
  const encodedValidRound = input.u32();
  const validRound: RoundOrNone = encodedValidRound === 0 ? NO_ROUND : asRound(encodedValidRound - 1);
  if (validRound >= round)
    throw new ConsensusError('MALFORMED', `validRound ${validRound} is not before round ${round}`);
  const proposer = input.hex(ADDRESS_BYTES);
  const signature = input.bytes(SIGNATURE_BYTES);
  return { height, round, blockHash, timestampMs, validRound, proposer, signature };
}

export function encodeCertificate(certificate: CommitCertificate): Uint8Array {
  return writer(1 + 8 + 4 + HASH_BYTES + 1 + certificate.bitmap.length + SIGNATURE_BYTES)
    .u8(CERTIFICATE_TAG)
    .u64(certificate.height)
    .u32(certificate.round)
    .hex(certificate.blockHash, HASH_BYTES)
    .u8(certificate.bitmap.length)
    .bytes(certificate.bitmap)
    .bytes(certificate.signature)
    .finish();
}

/** Shape only: whether it proves anything is for `verifyCertificate`. @throws ConsensusError MALFORMED */
export function decodeCertificate(bytes: Uint8Array): CommitCertificate {
  const input = reader(bytes);
  const certificate = readCertificate(input);
  input.end();
  return certificate;
}

export function readCertificate(input: Reader): CommitCertificate {
  const tag = input.u8();
  if (tag !== CERTIFICATE_TAG) throw new ConsensusError('MALFORMED', `no certificate begins with ${tag}`);
  const height = asHeight(input.u64());
  const round = asRound(input.u32());
  const blockHash = input.hex(HASH_BYTES);
  if (blockHash === ZERO_HASH) throw new ConsensusError('MALFORMED', 'a certificate for the zero hash');
  const length = input.u8();
  if (length === 0 || length > MAX_BITMAP_BYTES)
    throw new ConsensusError('MALFORMED', `bitmap of ${length} bytes`);
  const bitmap = input.bytes(length);
  return { height, round, blockHash, bitmap, signature: input.bytes(SIGNATURE_BYTES) };
}

/** RLP, because keccak-256 of these bytes is the header's parentBeaconBlockRoot (rule A2). */
export function encodeLastCommit(lastCommit: LastCommit): Uint8Array {
  return encodeRlp([bigintToBytes(BigInt(lastCommit.round)), lastCommit.bitmap, lastCommit.signature]);
}

/** @throws ConsensusError MALFORMED */
export function decodeLastCommit(bytes: Uint8Array): LastCommit {
  const fields = rlpList(decodeRlp(bytes));
  if (fields.length !== 3)
    throw new ConsensusError('MALFORMED', `lastCommit with ${fields.length} fields, expected 3`);
  const round = rlpBigint(fields[0], 4);
  const bitmap = fields[1];
  if (!(bitmap instanceof Uint8Array) || bitmap.length === 0 || bitmap.length > MAX_BITMAP_BYTES)
    throw new ConsensusError('MALFORMED', 'lastCommit without a bitmap');
  if (round > BigInt(MAX_ROUND)) throw new ConsensusError('MALFORMED', `no round ${round}`);
  return { round: asRound(Number(round)), bitmap, signature: rlpBytes(fields[2], SIGNATURE_BYTES) };
}

/** @throws ConsensusError BAD_EVIDENCE if both halves are the same. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const votes = evidence.kind === 'votes';
  const first = votes ? encodeVote(evidence.first) : encodeProposal(evidence.first as Proposal);
  const second = votes ? encodeVote(evidence.second) : encodeProposal(evidence.second as Proposal);
  if (compareBytes(first, second) >= 0)
    throw new ConsensusError('BAD_EVIDENCE', 'evidence is not in canonical order');
  return writer(1 + first.length + second.length)
    .u8(votes ? EVIDENCE_VOTES_TAG : EVIDENCE_PROPOSALS_TAG)
    .bytes(first)
    .bytes(second)
    .finish();
}

/** Shape and order only: whether it proves an offence is for `verifyEvidence`. @throws ConsensusError MALFORMED */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  const input = reader(bytes);
  const tag = input.u8();
  let evidence: Evidence;
  if (tag === EVIDENCE_VOTES_TAG)
    evidence = { kind: 'votes', first: readVote(input), second: readVote(input) };
  else if (tag === EVIDENCE_PROPOSALS_TAG)
    evidence = { kind: 'proposals', first: readProposal(input), second: readProposal(input) };
  else throw new ConsensusError('MALFORMED', `no evidence begins with ${tag}`);
  input.end();
  const half = (bytes.length - 1) / 2;
  if (compareBytes(bytes.subarray(1, 1 + half), bytes.subarray(1 + half)) >= 0)
    throw new ConsensusError('MALFORMED', 'evidence is not in canonical order');
  return evidence;
}

/** Short form of a hash for people. */
export function shortHash(hash: Hash | null): string {
  return hash === null ? 'nil' : hash.slice(0, 10);
}
