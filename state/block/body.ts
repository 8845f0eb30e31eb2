/** What ties a block's body to its header. */
import { concat, fromHex, keccakHex } from '../crypto.ts';
import type { Block, BlockHeader, Hex } from '../types.ts';
import { lastCommitHash, requestsHashOf } from './codec.ts';
import { orderedRoot } from './roots.ts';

/** A3: can be withheld by the origin proposer, not chosen. */
export function randaoAfter(parent: BlockHeader, reveal: Uint8Array): Hex {
  return keccakHex(concat(fromHex(parent.prevRandao), reveal));
}

/**
 * Whether header and body belong together, as far as hashes tell. A header's hash does not stop anybody from serving
 * other bytes under it; calling those invalid would let a stranger spoil a good block, so they are not that block at all.
 * @param parent undefined where it is not known: then the reveal, of which the header holds no more than the randomness that it
 * gives, is not looked at
 */
export function bodyIsOfHeader(block: Block, parent: BlockHeader | undefined): boolean {
  const { header } = block;
  return (
    header.transactionsRoot === orderedRoot(block.transactions) &&
    header.parentBeaconBlockRoot === lastCommitHash(block.lastCommit) &&
    header.requestsHash === requestsHashOf(block.originRound, block.timestampMs) &&
    (parent === undefined || header.prevRandao === randaoAfter(parent, block.reveal))
  );
}
