/** Our vote keeper behind the model's bookkeeper. */
import { asRound, type Hash } from '../../../consensus/types.ts';
import { indexOfValidator } from '../../../consensus/validator-set/set.ts';
import { addVote, createVoteKeeper, roundToSkipTo, votesOf } from '../../../consensus/votes/keeper.ts';
import {
  hasQuorumFor,
  hasQuorumOfAny,
  type RoundVotes,
  votesFor,
} from '../../../consensus/votes/round-votes.ts';
import { agree } from './agree.ts';
import { show, showSet, type Tagged } from './itf.ts';
import {
  type Bookkeeper,
  hashOf,
  type Members,
  type ModelVote,
  modelVoteOf,
  nameOf,
  type VoteCount,
  valueFor,
  voteOf,
} from './model.ts';

export interface Keeper {
  /**
   * Counts a vote and gives what the model emits for it: each finding once, but for a skip. The model does not ask
   * whether it has emitted that, so that one which is found again may be `emitted` again.
   */
  take(vote: ModelVote, currentRound: number, emitted: Tagged): Tagged;
  /** The second vote of an equivocator: what the model emits for it, which does not count it either. */
  withhold(vote: ModelVote, currentRound: number, emitted: Tagged): Tagged;
  /** Counts the votes of a certificate and gives its finding, which the model does not remember as emitted. */
  takeCertificate(votes: readonly ModelVote[], currentRound: number): Tagged;
  /** Has its sender said something else in the same round, and not this? */
  contradicts(vote: ModelVote): boolean;
  hasWithheld(vote: ModelVote): boolean;
  /** The precommits for the value in the round. */
  precommits(round: number, value: string): string;
  /** @throws Error if sums, voters, votes or what was emitted are others in the model */
  compare(what: string, bookkeeper: Bookkeeper): void;
}

export const SILENCE: Tagged = { tag: 'NoVKOutput', value: [] };

/** A keeper of the votes of one height. */
export function createKeeper(members: Members, height: number): Keeper {
  const keeper = createVoteKeeper(members.set);
  const withheld: ModelVote[] = [];
  /** The model emits each finding once; ours is asked whenever rules are looked for. */
  const emitted = new Map<number, Map<string, Tagged>>();

  function add(vote: ModelVote, currentRound: number): void {
    addVote(keeper, voteOf(vote, members), asRound(Math.max(currentRound, 0)));
  }

  function finding(vote: ModelVote, currentRound: number): Tagged {
    const { round } = vote;
    if (round > currentRound) {
      const target = roundToSkipTo(keeper, asRound(Math.max(currentRound, 0)));
      if (target === round) return { tag: 'SkipVKOutput', value: round };
    }
    const { type, blockHash } = voteOf(vote, members);
    const votes = votesOf(keeper, asRound(round), type);
    if (votes === undefined) return SILENCE;
    const isPrevote = type === 'prevote';
    if (blockHash !== null && hasQuorumFor(votes, members.set, blockHash))
      return {
        tag: isPrevote ? 'PolkaValueVKOutput' : 'PrecommitValueVKOutput',
        value: [round, nameOf(blockHash)],
      };
    if (isPrevote && hasQuorumFor(votes, members.set, null)) return { tag: 'PolkaNilVKOutput', value: round };
    if (hasQuorumOfAny(votes, members.set))
      return { tag: isPrevote ? 'PolkaAnyVKOutput' : 'PrecommitAnyVKOutput', value: round };
    return SILENCE;
  }

  function emit(vote: ModelVote, currentRound: number, theirs: Tagged): Tagged {
    const found = finding(vote, currentRound);
    const known = emitted.get(vote.round) ?? new Map<string, Tagged>();
    if (known.has(show(found))) {
      const again = found.tag === 'SkipVKOutput' && show(found) === show(theirs);
      return again ? found : SILENCE;
    }
    if (found !== SILENCE) emitted.set(vote.round, known.set(show(found), found));
    return found;
  }

  return {
    take(vote, currentRound, theirs) {
      add(vote, currentRound);
      return emit(vote, currentRound, theirs);
    },
    withhold(vote, currentRound, theirs) {
      withheld.push(vote);
      return emit(vote, currentRound, theirs);
    },
    takeCertificate(votes, currentRound) {
      for (const vote of votes) add(vote, currentRound);
      const last = votes.at(-1);
      return last === undefined ? SILENCE : finding(last, currentRound);
    },
    contradicts(vote) {
      const { type, blockHash, validator } = voteOf(vote, members);
      const known = votesOf(keeper, asRound(vote.round), type)?.byVoter.get(
        indexOfValidator(members.set, validator),
      );
      return known?.every((one) => one.blockHash !== blockHash) ?? false;
    },
    hasWithheld: (vote) => withheld.some((one) => show(one) === show(vote)),
    precommits(round, value) {
      const votes = votesOf(keeper, asRound(round), 'precommit');
      const found = votes === undefined ? [] : votesFor(votes, hashOf(value));
      return showSet(found.map((vote) => modelVoteOf(vote, members)));
    },
    compare(what, bookkeeper) {
      agree(what, state(), showBookkeeper(bookkeeper));
      for (const [round, { prevotes, precommits }] of bookkeeper.rounds)
        for (const { receivedVotes } of [prevotes, precommits])
          if (receivedVotes !== undefined) {
            const type = receivedVotes === prevotes.receivedVotes ? 'Prevote' : 'Precommit';
            agree(`${what}, ${type} of round ${round}`, received(round, type), showSet(receivedVotes));
          }
    },
  };

  function state(): string {
    const rounds = [...keeper.rounds].map(([round, votes]) => {
      const voters = new Set([...votes.prevote.byVoter.keys(), ...votes.precommit.byVoter.keys()]);
      const all = Number(members.set.totalPower);
      return roundText(round, {
        place: `${height}/${round}`,
        prevotes: countText(sums(votes.prevote), all, voterNames(votes.prevote)),
        precommits: countText(sums(votes.precommit), all, voterNames(votes.precommit)),
        weights: new Map(
          [...voters].map((index) => {
            const { address, power } = members.set.validators[index]!;
            return [members.nameOf(address), Number(power)];
          }),
        ),
        emitted: [...(emitted.get(round)?.values() ?? [])],
      });
    });
    return [
      keeperText(
        height,
        members.set.validators.map(({ address, power }) => [members.nameOf(address), Number(power)]),
      ),
      ...rounds.sort(),
    ].join('\n');
  }

  function received(round: number, type: string): string {
    const counted = votesOf(keeper, asRound(round), type === 'Prevote' ? 'prevote' : 'precommit')?.byVoter;
    const votes = [...(counted?.values() ?? [])].flat().map((vote) => modelVoteOf(vote, members));
    const others = withheld.filter((vote) => vote.round === round && vote.voteType.tag === type);
    return showSet([...new Map([...votes, ...others].map((vote) => [show(vote), vote])).values()]);
  }

  function sums(votes: RoundVotes): [unknown, number][] {
    return [...votes.powerOf].map(([choice, power]) => [
      valueFor(choice === 'nil' ? null : (choice as Hash)),
      Number(power),
    ]);
  }

  function voterNames(votes: RoundVotes): string[] {
    return [...votes.byVoter.keys()].map((index) => members.nameOf(members.set.validators[index]!.address));
  }
}

/** The model's bookkeeper as the text that `state` of ours gives. */
function showBookkeeper(bookkeeper: Bookkeeper): string {
  const count = ({ valuesWeights, totalWeight, votesAddresses }: VoteCount) =>
    countText([...valuesWeights], totalWeight, votesAddresses);
  const rounds = [...bookkeeper.rounds]
    .map(([round, votes]) =>
      roundText(round, {
        place: `${votes.height}/${votes.round}`,
        prevotes: count(votes.prevotes),
        precommits: count(votes.precommits),
        weights: votes.votesAddressesWeights,
        emitted: votes.emittedOutputs,
      }),
    )
    .sort();
  return [keeperText(bookkeeper.height, bookkeeper.validatorSet), ...rounds].join('\n');
}

function keeperText(height: number, weights: Iterable<[string, number]>): string {
  return `height ${height} with ${show(new Map(weights))}`;
}

function countText(sums: readonly [unknown, number][], all: number, voters: readonly string[]): string {
  const spoken = sums.filter(([, weight]) => weight > 0).map(([value, weight]) => `${show(value)}=${weight}`);
  return `${showSet(spoken)} of ${all} by ${showSet(voters)}`;
}

interface RoundTexts {
  /** Height and round, as the entry itself says. */
  place: string;
  prevotes: string;
  precommits: string;
  weights: ReadonlyMap<string, number>;
  emitted: readonly unknown[];
}

function roundText(round: number, { place, prevotes, precommits, weights, emitted }: RoundTexts): string {
  return `round ${round} (${place}): prevotes ${prevotes}; precommits ${precommits}; heard ${show(weights)}; emitted ${showSet(emitted)}`;
}
