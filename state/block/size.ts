import { LIMITS } from '../limits.ts';

/** Header, reveal, certificate and list prefixes of a block. */
export const BLOCK_OVERHEAD_BYTES = 2_048;

/**
 * How long an encoded block may be, by the round in which it was first proposed: the room for transactions is halved
 * every `roundsPerHalving` rounds. The blocks of all rounds of a height together are then never longer than full blocks of
 * twice that many rounds, however long validators do not agree; each of them must keep the valid ones. A smaller block also has
 * better chances where the network is slow.
 * @param maxBytes of a block first proposed in round 0, below 2^31 (the genesis parameter)
 */
export function maxBlockBytes(maxBytes: number, originRound: number): number {
  const halvings = Math.floor(originRound / LIMITS.roundsPerHalving);
  const room = Math.max(0, maxBytes - BLOCK_OVERHEAD_BYTES);
  return BLOCK_OVERHEAD_BYTES + (halvings > 30 ? 0 : room >>> halvings);
}

/** Whether a block first proposed in this round has all the room that there is. */
export function hasFullRoom(originRound: number): boolean {
  return originRound < LIMITS.roundsPerHalving;
}
