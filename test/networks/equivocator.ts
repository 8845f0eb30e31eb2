/**
 * Somebody who has a validator's key and no good intentions: listens to the gossip, and whenever the validator votes for
 * a block signs a vote for nothing in the same round and gossips that as well. A program of the tests; the nodes
 * themselves have no way to do this.
 */
import { randomBytes } from 'node:crypto';
import { SecretKey } from '@chainsafe/blst';
import { decodeVotes, encodeVotes } from '../../consensus/codec.ts';
import { voteSignBytes } from '../../consensus/sign-bytes.ts';
import type { Vote } from '../../consensus/types.ts';
import { systemClock, systemRandom } from '../../node/authorities.ts';
import { createNetwork } from '../../node/network/network.ts';
import type { HashText } from '../../node/network/types.ts';

export interface Equivocator {
  /** Second votes gossiped so far. */
  count(): number;
  stop(): Promise<void>;
}

export async function startEquivocator(parts: {
  readonly secretKey: Uint8Array;
  readonly operator: string;
  readonly genesisHash: HashText;
  readonly peers: readonly string[];
}): Promise<Equivocator> {
  const { genesisHash } = parts;
  const operator = parts.operator.toLowerCase();
  const key = SecretKey.fromBytes(parts.secretKey);
  const said = new Set<string>();
  const network = await createNetwork({
    privateKey: new Uint8Array(randomBytes(32)),
    listen: [],
    bootstrap: [],
    persistentPeers: parts.peers,
    genesisHash,
    head: () => ({ height: 0, hash: genesisHash }),
    env: { clock: systemClock, random: systemRandom, log: () => {} },
  });
  network.onGossip('votes', (_, bytes) => {
    for (const vote of decodeVotes(bytes)) contradict(vote);
    return 'accept';
  });
  function contradict(vote: Vote): void {
    if (vote.validator !== operator || vote.blockHash === null || vote.type !== 'prevote') return;
    const place = `${vote.height}/${vote.round}`;
    if (said.has(place)) return;
    said.add(place);
    const second = { type: vote.type, height: vote.height, round: vote.round, blockHash: null };
    const signature = key.sign(voteSignBytes(genesisHash, second)).toBytes();
    network.publish('votes', encodeVotes([{ ...second, validator: vote.validator, signature }]));
  }
  await network.start();
  return { count: () => said.size, stop: () => network.stop() };
}
