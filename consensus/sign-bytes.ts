/**
 * What keys sign. Every message begins with a length-prefixed domain tag and the genesis hash, so that a signature
 * made for one purpose or one chain means nothing for another (rule A9). The bytes of a vote hold neither the
 * signer nor a time: they are the same for all signers, and so one aggregate and a bitmap prove a quorum.
 */
import { asciiBytes, writer } from './bytes.ts';
import type { Address, Hash, Height, UnsignedProposal, UnsignedVote } from './types.ts';
import { ADDRESS_BYTES, HASH_BYTES, PUBLIC_KEY_BYTES } from './types.ts';

export const DOMAINS = {
  vote: 'OL/vote/v1',
  proposal: 'OL/proposal/v1',
  reveal: 'OL/reveal/v1',
  possession: 'OL/pop/v1',
  attestation: 'OL/attest/v1',
} as const;

export type Domain = (typeof DOMAINS)[keyof typeof DOMAINS];

/** Type bytes, shared by the signed bytes and the wire. A vote for nil differs by its type, not only by zero bytes. */
export const TYPE_BYTE = { prevote: 1, prevoteNil: 2, precommit: 3, precommitNil: 4, proposal: 16 } as const;

export const ZERO_HASH: Hash = `0x${'00'.repeat(HASH_BYTES)}`;

/** u8 length of the tag, tag, genesis hash, then `length` more bytes to be written by the caller. */
function begin(domain: Domain, genesisHash: Hash, length: number) {
  const tag = asciiBytes(domain);
  return writer(1 + tag.length + HASH_BYTES + length)
    .u8(tag.length)
    .bytes(tag)
    .hex(genesisHash, HASH_BYTES);
}

export function voteTypeByte(vote: Pick<UnsignedVote, 'type' | 'blockHash'>): number {
  if (vote.type === 'prevote') return vote.blockHash === null ? TYPE_BYTE.prevoteNil : TYPE_BYTE.prevote;
  return vote.blockHash === null ? TYPE_BYTE.precommitNil : TYPE_BYTE.precommit;
}

/** tag || genesis hash || height u64 || round u32 || type u8 || block hash (32 zero bytes for nil). */
export function voteSignBytes(
  genesisHash: Hash,
  vote: Pick<UnsignedVote, 'type' | 'height' | 'round' | 'blockHash'>,
): Uint8Array {
  return begin(DOMAINS.vote, genesisHash, 8 + 4 + 1 + HASH_BYTES)
    .u64(vote.height)
    .u32(vote.round)
    .u8(voteTypeByte(vote))
    .hex(vote.blockHash ?? ZERO_HASH, HASH_BYTES)
    .finish();
}

/** tag || genesis hash || height u64 || round u32 || type u8 || block hash || timestampMs u64 || validRound+1 u32. */
export function proposalSignBytes(
  genesisHash: Hash,
  proposal: Pick<UnsignedProposal, 'height' | 'round' | 'blockHash' | 'timestampMs' | 'validRound'>,
): Uint8Array {
  return begin(DOMAINS.proposal, genesisHash, 8 + 4 + 1 + HASH_BYTES + 8 + 4)
    .u64(proposal.height)
    .u32(proposal.round)
    .u8(TYPE_BYTE.proposal)
    .hex(proposal.blockHash, HASH_BYTES)
    .u64(proposal.timestampMs)
    .u32(proposal.validRound + 1)
    .finish();
}

/** tag || genesis hash || height u64: the proposer's contribution to prevRandao(height) (rule A3). */
export function revealSignBytes(genesisHash: Hash, height: Height): Uint8Array {
  return begin(DOMAINS.reveal, genesisHash, 8).u64(height).finish();
}

/** tag || genesis hash || operator's address || public key: binds the key to one operator on one chain (rule A9). */
export function possessionSignBytes(genesisHash: Hash, operator: Address, publicKey: Uint8Array): Uint8Array {
  return begin(DOMAINS.possession, genesisHash, ADDRESS_BYTES + PUBLIC_KEY_BYTES)
    .hex(operator, ADDRESS_BYTES)
    .bytes(publicKey)
    .finish();
}

/** tag || genesis hash || subject (32 bytes) || root (32 bytes): an attestation of heavy work. */
export function attestationSignBytes(genesisHash: Hash, subject: Hash, root: Hash): Uint8Array {
  return begin(DOMAINS.attestation, genesisHash, 2 * HASH_BYTES)
    .hex(subject, HASH_BYTES)
    .hex(root, HASH_BYTES)
    .finish();
}
