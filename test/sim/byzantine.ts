/**
 * A validator that lies. It runs the product's own shell, and this stands between it and the network with the key in
 * hand: what the shell says may be withheld, contradicted or forged, and what others say is answered with whatever
 * does harm. Each behaviour acts by itself, so that a seed with one of them shows what that one can do.
 */

import { makeCertificate } from '../../consensus/certificate.ts';
import { decodeVotes, encodeVotes } from '../../consensus/codec.ts';
import { proposalSignBytes, revealSignBytes, voteSignBytes } from '../../consensus/sign-bytes.ts';
import {
  type Address,
  asHeight,
  asRound,
  type CommitCertificate,
  type Hash,
  type Height,
  NO_ROUND,
  type Proposal,
  type Round,
  type UnsignedProposal,
  type UnsignedVote,
  type ValidatorSet,
  type Vote,
} from '../../consensus/types.ts';
import { proposerAt } from '../../consensus/validator-set/rotation.ts';
import { bitmapBytes, indexOfValidator, setBit } from '../../consensus/validator-set/set.ts';
import {
  type CertifiedBlock,
  decodeProposalMessage,
  decodeRangeAnswer,
  decodeRangeQuestion,
  decodeStatusAnswer,
  encodeProposalMessage,
  encodeRangeAnswer,
  encodeStatus,
  encodeStatusAnswer,
} from '../../node/validator/messages.ts';
import type { GossipKind, RequestKind } from '../../node/validator/ports.ts';
import type { BlockFacts } from './kit.ts';
import type { Behaviour } from './options.ts';
import type { Rng } from './random.ts';

export interface Adversary {
  /** Instead of the shell's broadcast. */
  broadcast(kind: GossipKind, bytes: Uint8Array): void;
  /** Sees what the shell is told. */
  heard(kind: GossipKind, bytes: Uint8Array): void;
  /** The answer to a question; `honest` is what the shell would say. */
  answer(
    kind: RequestKind,
    payload: Uint8Array,
    honest: Uint8Array | undefined,
  ): Uint8Array | typeof SILENCE | undefined;
  /** From time to time. */
  stir(): void;
}

/** No answer at all: whoever asked waits for its whole time-out. */
export const SILENCE = 'silence';

/** Messages of one burst: more than anybody must take from one key. */
const FLOOD = { votes: 20, proposals: 9 } as const;
/** Bursts in one life: a few show it, and each costs the simulator thousands of events. */
const MOST_FLOODS = 3;
/** Proposals forged in one height: liars answer each other's, which would grow without end. */
const MOST_FORGERIES = 50;

/** Messages remembered for replay. */
const MEMORY = 60;
/** Blocks, and blocks in a round with their precommits, that are remembered. */
const MOST_TALLIES = 30;

export function createAdversary(parts: {
  readonly rng: Rng;
  readonly behaviours: ReadonlySet<Behaviour>;
  readonly chance: number;
  readonly self: Address;
  readonly genesisHash: Hash;
  readonly peers: readonly string[];
  readonly sign: (message: Uint8Array) => Uint8Array;
  readonly aggregate: (signatures: readonly Uint8Array[]) => Uint8Array;
  /** @param isForged nobody correct may find it right */
  readonly send: (peer: string, kind: GossipKind, bytes: Uint8Array, isForged?: boolean) => void;
  /** Asks a question without waiting for the answer. */
  readonly ask: (peer: string, kind: RequestKind, payload: Uint8Array) => void;
  /** set(height) where this node knows it. */
  readonly setAt: (height: number) => ValidatorSet | undefined;
  readonly facts: (block: Uint8Array) => BlockFacts | undefined;
  readonly vary: (
    bytes: Uint8Array,
    salt: number,
  ) => { blockHash: Hash; bytes: Uint8Array; facts: BlockFacts } | undefined;
  readonly onBuilt: (blockHash: Hash, facts: BlockFacts) => void;
}): Adversary {
  const { rng, behaviours, genesisHash, self } = parts;
  const memory: { kind: GossipKind; bytes: Uint8Array }[] = [];
  /** Blocks and votes seen at the present height. */
  let height = 0;
  let round = 0;
  const proposals: { proposal: Proposal; block: Uint8Array | undefined }[] = [];
  const echoed = new Set<string>();
  /** Precommits heard, by height, round and block, and by validator. */
  const tallies = new Map<string, Map<Address, Vote>>();
  const blocks = new Map<Hash, Uint8Array>();
  let floods = 0;
  let forgeries = 0;

  const does = (behaviour: Behaviour): boolean => behaviours.has(behaviour) && rng.chance(parts.chance);

  const vote = (unsigned: Omit<UnsignedVote, 'validator'>): Vote => ({
    ...unsigned,
    validator: self,
    signature: parts.sign(voteSignBytes(genesisHash, unsigned)),
  });
  const propose = (unsigned: Omit<UnsignedProposal, 'proposer'>): Proposal => ({
    ...unsigned,
    proposer: self,
    signature: parts.sign(proposalSignBytes(genesisHash, unsigned)),
  });
  const toAll = (kind: GossipKind, bytes: Uint8Array): void => {
    for (const peer of parts.peers) parts.send(peer, kind, bytes);
  };
  const toSome = (kind: GossipKind, bytes: Uint8Array): void => {
    for (const peer of parts.peers) if (rng.chance(0.5)) parts.send(peer, kind, bytes);
  };

  const note = (atHeight: number, atRound: number): void => {
    if (atHeight > height) {
      proposals.length = 0;
      echoed.clear();
      forgeries = 0;
      round = 0;
      height = atHeight;
    }
    if (atHeight === height) round = Math.max(round, atRound);
  };

  /** Another thing to vote for than this one: nil, or a block that somebody proposed. */
  const otherChoice = (blockHash: Hash | null): Hash | null => {
    const others: (Hash | null)[] = [null, ...proposals.map((one) => one.proposal.blockHash)];
    const different = others.filter((one) => one !== blockHash);
    return different.length > 0 ? rng.pick(different) : `0x${'ab'.repeat(32)}`;
  };

  // ---------------------------------------------------------------- what the shell says

  const sendVote = (own: Vote): void => {
    note(own.height, own.round);
    let said = own;
    if (own.blockHash !== null && does('force nil')) said = vote({ ...own, blockHash: null });
    if (does('wrong domain')) forge('votes', encodeVotes([wrongDomain(said)]));
    if (does('forge')) forgeVote(said);
    if (does('equivocate votes')) {
      const other = vote({ ...own, blockHash: otherChoice(own.blockHash) });
      for (const peer of parts.peers)
        parts.send(
          peer,
          'votes',
          encodeVotes(rng.chance(0.5) ? [said] : rng.chance(0.8) ? [other] : [other, said]),
        );
      return;
    }
    if (does('withhold')) {
      if (rng.chance(0.5)) toSome('votes', encodeVotes([said]));
      return;
    }
    toAll('votes', encodeVotes([said]));
  };

  /** Signed for something else: another chain, or as if the vote were a contribution to randomness. */
  const wrongDomain = (own: Vote): Vote => ({
    ...own,
    signature: parts.sign(
      rng.chance(0.5) ? voteSignBytes(`0x${'11'.repeat(32)}`, own) : revealSignBytes(genesisHash, own.height),
    ),
  });

  const forge = (kind: GossipKind, bytes: Uint8Array): void => {
    for (const peer of parts.peers) if (rng.chance(0.5)) parts.send(peer, kind, bytes, true);
  };

  /** In the name of another member, or of nobody in the set, rightly signed by the own key. */
  const forgeVote = (own: Vote): void => {
    const others = parts.setAt(own.height)?.validators.filter((one) => one.address !== self) ?? [];
    if (others.length === 0) return;
    const validator = rng.chance(0.8) ? rng.pick(others).address : (`0x${'77'.repeat(20)}` as const);
    forge('votes', encodeVotes([{ ...vote({ ...own, blockHash: otherChoice(own.blockHash) }), validator }]));
  };

  /** Another block in the name of whose turn it is. */
  const forgeProposal = (said: Proposal, block: Uint8Array | undefined): void => {
    const other = block === undefined ? undefined : parts.vary(block, 1 + rng.int(1 << 30));
    const blockHash = other?.blockHash ?? (`0x${'cd'.repeat(32)}` as const);
    const { signature } = propose({ ...said, blockHash });
    if (other !== undefined) parts.onBuilt(other.blockHash, other.facts);
    forge(
      'proposal',
      encodeProposalMessage({ proposal: { ...said, blockHash, signature }, block: other?.bytes }),
    );
  };

  const sendProposal = (said: Proposal, block: Uint8Array | undefined): void => {
    note(said.height, said.round);
    const own = falseTime(said, block);
    const message = encodeProposalMessage({ proposal: own, block });
    if (does('withhold')) {
      if (rng.chance(0.5)) toSome('proposal', message);
      return;
    }
    const lie = otherProposal(own, block);
    if (lie === undefined) {
      toAll('proposal', message);
      return;
    }
    const lying = encodeProposalMessage(lie);
    for (const peer of parts.peers) parts.send(peer, 'proposal', rng.chance(0.5) ? lying : message);
  };

  /** Its builder lies about the time: the proposal must tell the same lie. */
  const falseTime = (own: Proposal, block: Uint8Array | undefined): Proposal => {
    if (block === undefined || !behaviours.has('false time')) return own;
    const timestampMs = parts.facts(block)?.timestampMs ?? own.timestampMs;
    return timestampMs === own.timestampMs ? own : propose({ ...own, timestampMs });
  };

  const otherProposal = (
    own: Proposal,
    block: Uint8Array | undefined,
  ): { proposal: Proposal; block: Uint8Array | undefined } | undefined => {
    if (block !== undefined && does('equivocate proposals')) {
      const other = parts.vary(block, 1 + rng.int(1 << 30));
      if (other !== undefined) {
        parts.onBuilt(other.blockHash, other.facts);
        return { proposal: propose({ ...own, blockHash: other.blockHash }), block: other.bytes };
      }
    }
    const earlier = proposals.filter(
      (one) => one.proposal.round < own.round && one.proposal.blockHash !== own.blockHash,
    );
    if (earlier.length > 0 && does('stale proposals')) {
      const { proposal, block: old } = rng.pick(earlier);
      const { blockHash, timestampMs } = proposal;
      return { proposal: propose({ ...own, blockHash, timestampMs, validRound: NO_ROUND }), block: old };
    }
    if (own.round > 0 && does('false valid round')) {
      const named = earlier.length > 0 && rng.chance(0.7) ? rng.pick(earlier) : { proposal: own, block };
      const { blockHash, timestampMs } = named.proposal;
      return {
        // Of an earlier round, mostly; of this one or of one to come, which proves nothing either.
        proposal: propose({ ...own, blockHash, timestampMs, validRound: asRound(rng.int(own.round + 2)) }),
        block: named.block,
      };
    }
    return undefined;
  };

  // ---------------------------------------------------------------- what others say

  /** Votes for whatever it sees, in whatever round, as if it had never locked anything. */
  const echo = (atHeight: Height, atRound: Round, blockHash: Hash): void => {
    const key = `${atHeight}/${atRound}/${blockHash}`;
    if (echoed.has(key) || echoed.size > 200) return;
    echoed.add(key);
    const place = { height: atHeight, round: atRound, blockHash };
    toSome(
      'votes',
      encodeVotes([vote({ type: 'prevote', ...place }), vote({ type: 'precommit', ...place })]),
    );
  };

  const mangled = (bytes: Uint8Array): Uint8Array => {
    const copy = bytes.slice();
    const how = rng.int(4);
    if (how === 0) return copy.subarray(0, rng.int(copy.length + 1));
    if (how === 1) return new Uint8Array([...copy, rng.int(256)]);
    if (how === 2) return Uint8Array.from({ length: rng.int(300) }, () => rng.int(256));
    if (copy.length > 0) copy[rng.int(copy.length)]! ^= 1 << rng.int(8);
    return copy;
  };

  // ---------------------------------------------------------------- questions

  /** Certificates that prove nothing, for blocks that may be right. */
  const forged = ({ certificate, bytes }: CertifiedBlock): CertifiedBlock => {
    const set = parts.setAt(certificate.height);
    if (set === undefined) return { certificate, bytes };
    const bitmap = new Uint8Array(bitmapBytes(set.validators.length));
    const own = indexOfValidator(set, self);
    if (own >= 0) setBit(bitmap, own);
    const claimed = rng.chance(0.5) ? certificate.bitmap : bitmap;
    // A block of its own, so that whoever believes the certificate leaves the chain.
    const other = rng.chance(0.7) ? parts.vary(bytes, 1 + rng.int(1 << 30)) : undefined;
    if (other !== undefined) parts.onBuilt(other.blockHash, other.facts);
    const blockHash = other?.blockHash ?? certificate.blockHash;
    const signature = parts.sign(
      voteSignBytes(genesisHash, { ...certificate, blockHash, type: 'precommit' }),
    );
    const forgedOne: CommitCertificate = { ...certificate, blockHash, bitmap: claimed, signature };
    return { certificate: forgedOne, bytes: other?.bytes ?? bytes };
  };

  /** As soon as there is something of a certificate to show, the block is claimed: who claims and shows nothing is doubted. */
  const claimEarly = (heard: Vote): void => {
    if (heard.type !== 'precommit' || heard.blockHash === null) return;
    remember(heard);
    if (heard.height !== height || !blocks.has(heard.blockHash) || !does('stale certificates')) return;
    const claim = encodeStatus({ height: asHeight(height + 1), round: asRound(0), rounds: [] });
    parts.ask(rng.pick(parts.peers), 'status', claim);
  };

  const remember = (heard: Vote): void => {
    const key = tallyKey(heard);
    const tally = tallies.get(key) ?? new Map<Address, Vote>();
    tallies.set(key, tally.set(heard.validator, heard));
    dropOldest(tallies);
  };

  /** Of real precommits, and as heavy as one can be that is no quorum: two thirds of the power where that can be. */
  const light = (of: TallyPlace, bytes: Uint8Array): CertifiedBlock | undefined => {
    const set = parts.setAt(of.height);
    if (set === undefined) return undefined;
    const own = vote({ type: 'precommit', height: of.height, round: of.round, blockHash: of.blockHash });
    const known = new Map(tallies.get(tallyKey(of))).set(self, own);
    const powerOf = (one: Vote) => set.validators[indexOfValidator(set, one.validator)]?.power;
    const votes = [...known.values()].filter((one) => powerOf(one) !== undefined);
    let best: readonly Vote[] = [];
    let most = 0n;
    for (let choice = 1; choice < 1 << votes.length; choice++) {
      const chosen = votes.filter((_, i) => (choice >> i) & 1);
      const power = chosen.reduce((sum, one) => sum + powerOf(one)!, 0n);
      if (power > most && 3n * power <= 2n * set.totalPower) [best, most] = [chosen, power];
    }
    if (best.length === 0) return undefined;
    return { certificate: makeCertificate(set, best, parts.aggregate), bytes };
  };

  /** A block that is not decided yet, with the precommits that it has so far. */
  const premature = (at: Height): CertifiedBlock | undefined => {
    for (const tally of tallies.values()) {
      const [sample] = tally.values();
      if (sample?.height !== at) continue;
      const block = blocks.get(sample.blockHash!);
      const found = block && light(sample, block);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  const rangeLie = (payload: Uint8Array, honest: Uint8Array): Uint8Array | typeof SILENCE => {
    const { headHeight, blocks } = decodeRangeAnswer(honest);
    const [first, second] = blocks;
    if (first !== undefined && does('rogue aggregate'))
      return encodeRangeAnswer({ headHeight, blocks: blocks.map(forged) });
    if (does('stale certificates')) {
      const { from } = decodeRangeQuestion(payload);
      const late = first !== undefined && rng.chance(0.5) ? light(first.certificate, first.bytes) : undefined;
      const early = first === undefined ? premature(from) : late;
      if (early !== undefined)
        return encodeRangeAnswer({ headHeight: early.certificate.height, blocks: [early] });
    }
    if (first !== undefined && does('stale certificates')) {
      // The certificate of another height or round, presented for this one.
      const stale = second === undefined ? first : { ...second, certificate: first.certificate };
      const { certificate } = stale;
      return encodeRangeAnswer({
        headHeight,
        blocks: [
          {
            ...stale,
            certificate: {
              ...certificate,
              height: first.certificate.height,
              round: asRound(certificate.round + rng.int(2)),
            },
          },
        ],
      });
    }
    if (!does('lying sync')) return honest;
    switch (rng.int(5)) {
      case 0:
        return SILENCE;
      case 1:
        return encodeRangeAnswer({ headHeight: asHeight(headHeight + 1_000), blocks: [] });
      case 2:
        return encodeRangeAnswer({
          headHeight,
          blocks: blocks.map((one) => ({ ...one, bytes: mangled(one.bytes) })),
        });
      case 3:
        return encodeRangeAnswer({ headHeight, blocks: [...blocks].reverse() });
      default:
        return encodeRangeAnswer({
          headHeight: asHeight(decodeRangeQuestion(payload).from + 10),
          blocks: blocks.slice(0, rng.int(blocks.length + 1)),
        });
    }
  };

  /** Message after message for one place of the present height or the next, each another one. */
  const flood = (): void => {
    const at = asHeight(height + rng.int(2));
    const set = parts.setAt(at);
    if (floods >= MOST_FLOODS || set === undefined || indexOfValidator(set, self) < 0) return;
    floods++;
    const invented = (): Hash =>
      `0x${rng
        .int(1 << 30)
        .toString(16)
        .padStart(64, '0')}`;
    const type = rng.pick(['prevote', 'precommit'] as const);
    const inRound = asRound(rng.int(2));
    for (let count = 0; count < FLOOD.votes; count++) {
      const votes = [vote({ type, height: at, round: inRound, blockHash: invented() })];
      toAll('votes', encodeVotes(rng.chance(0.2) ? [...votes, ...votes] : votes));
    }
    const turn = [0, 1, 2, 3].find((one) => proposerAt(set, asRound(one)).address === self);
    for (let count = 0; turn !== undefined && count < FLOOD.proposals; count++) {
      const place = { height: at, round: asRound(turn), timestampMs: count, validRound: NO_ROUND } as const;
      const proposal = propose({ ...place, blockHash: invented() });
      toAll('proposal', encodeProposalMessage({ proposal, block: new Uint8Array(100) }));
    }
  };

  return {
    broadcast(kind, bytes) {
      if (kind === 'votes') for (const one of decodeVotes(bytes)) sendVote(one);
      else {
        const { proposal, block } = decodeProposalMessage(bytes);
        if (proposal.height >= height) {
          note(proposal.height, proposal.round);
          proposals.push({ proposal, block });
        }
        sendProposal(proposal, block);
      }
      if (does('malformed')) toSome(kind, mangled(bytes));
    },
    heard(kind, bytes) {
      if (memory.length >= MEMORY) memory.splice(rng.int(memory.length), 1);
      memory.push({ kind, bytes });
      if (kind === 'votes') {
        let votes: Vote[];
        try {
          votes = decodeVotes(bytes);
        } catch {
          return;
        }
        for (const one of votes) {
          note(one.height, one.round);
          if (behaviours.has('stale certificates')) claimEarly(one);
          if (one.blockHash !== null && does('amnesia')) echo(one.height, one.round, one.blockHash);
        }
        return;
      }
      let message: ReturnType<typeof decodeProposalMessage>;
      try {
        message = decodeProposalMessage(bytes);
      } catch {
        return;
      }
      const { proposal, block } = message;
      note(proposal.height, proposal.round);
      if (proposal.height === height && proposals.length < 40) proposals.push({ proposal, block });
      if (block !== undefined && behaviours.has('stale certificates'))
        dropOldest(blocks.set(proposal.blockHash, block));
      if (does('amnesia')) echo(proposal.height, proposal.round, proposal.blockHash);
      if (proposal.proposer !== self && does('forge') && forgeries++ < MOST_FORGERIES)
        forgeProposal(proposal, block);
    },
    answer(kind, payload, honest) {
      if (honest === undefined) return undefined;
      if (does('withhold')) return undefined;
      if (does('malformed')) return mangled(honest);
      if (kind === 'block') return does('lying sync') ? mangled(honest) : honest;
      if (kind === 'range') return rangeLie(payload, honest);
      if (!does('lying sync')) return honest;
      const answer = decodeStatusAnswer(honest);
      return encodeStatusAnswer({ ...answer, headHeight: asHeight(answer.headHeight + 1 + rng.int(50)) });
    },
    stir() {
      if (memory.length > 0 && does('replay')) {
        const { kind, bytes } = rng.pick(memory);
        toSome(kind, bytes);
      }
      if (memory.length > 0 && does('malformed'))
        toSome(rng.pick(memory).kind, mangled(rng.pick(memory).bytes));
      if (does('lying sync')) {
        // A question for a far height claims it; whoever believes it asks for the blocks.
        const far = asHeight(height + 2 + rng.int(1_000));
        for (const peer of parts.peers)
          parts.ask(peer, 'status', encodeStatus({ height: far, round: asRound(0), rounds: [] }));
      }
      if (height > 0 && does('flood')) flood();
      if (height > 0 && does('far rounds')) {
        const far = asRound(round + rng.pick([2, 3, 50, 100_000]));
        const type = rng.pick(['prevote', 'precommit'] as const);
        toAll('votes', encodeVotes([vote({ type, height: asHeight(height), round: far, blockHash: null })]));
      }
    },
  };
}

function dropOldest<K>(known: Map<K, unknown>): void {
  const [oldest] = known.keys();
  if (known.size > MOST_TALLIES) known.delete(oldest!);
}

type TallyPlace = Pick<Vote, 'height' | 'round' | 'blockHash'>;

function tallyKey({ height, round, blockHash }: TallyPlace): string {
  return `${height}/${round}/${blockHash}`;
}
