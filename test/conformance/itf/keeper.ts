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
import { show, showSet, type Tagged } from './itf.ts';
import { type Bookkeeper, hashOf, type Members, type ModelVote, nameOf, valueFor, voteOf } from './model.ts';

export interface Keeper {
  /** Counts a vote and gives what the model emits for it: each finding once. */
  take(vote: ModelVote, currentRound: number): Tagged;
  /** Counts the votes of a certificate and gives its finding, which the model does not remember as emitted. */
  takeCertificate(votes: readonly ModelVote[], currentRound: number): Tagged;
  /** Has its sender said something else in the same round, and not this? */
  contradicts(vote: ModelVote): boolean;
  /** Who precommitted the value in the round. */
  precommits(round: number, value: string): string;
  /** Sums, voters, and what was emitted, as text. */
  state(): string;
}

export const SILENCE: Tagged = { tag: 'NoVKOutput', value: [] };

/** A keeper of the votes of one height. */
export function createKeeper(members: Members): Keeper {
  const keeper = createVoteKeeper(members.set);
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

  return {
    take(vote, currentRound) {
      add(vote, currentRound);
      const found = finding(vote, currentRound);
      const known = emitted.get(vote.round) ?? new Map<string, Tagged>();
      if (known.has(show(found))) return SILENCE;
      if (found !== SILENCE) emitted.set(vote.round, known.set(show(found), found));
      return found;
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
    precommits(round, value) {
      const votes = votesOf(keeper, asRound(round), 'precommit');
      const found = votes === undefined ? [] : votesFor(votes, hashOf(value));
      return showSet(found.map(({ validator }) => members.nameOf(validator)));
    },
    state() {
      const rounds = [...keeper.rounds].map(([round, votes]) => {
        const voters = new Set([...votes.prevote.byVoter.keys(), ...votes.precommit.byVoter.keys()]);
        return roundText(round, {
          prevotes: countText(sums(votes.prevote), voterNames(votes.prevote)),
          precommits: countText(sums(votes.precommit), voterNames(votes.precommit)),
          weights: new Map(
            [...voters].map((index) => {
              const { address, power } = members.set.validators[index]!;
              return [members.nameOf(address), Number(power)];
            }),
          ),
          emitted: [...(emitted.get(round)?.values() ?? [])],
        });
      });
      return rounds.sort().join('\n');
    },
  };

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

/** The model's bookkeeper as the text that `Keeper.state` gives. */
export function showBookkeeper(bookkeeper: Bookkeeper): string {
  return [...bookkeeper.rounds]
    .map(([round, votes]) =>
      roundText(round, {
        prevotes: countText([...votes.prevotes.valuesWeights], votes.prevotes.votesAddresses),
        precommits: countText([...votes.precommits.valuesWeights], votes.precommits.votesAddresses),
        weights: votes.votesAddressesWeights,
        emitted: votes.emittedOutputs,
      }),
    )
    .sort()
    .join('\n');
}

function countText(sums: readonly [unknown, number][], voters: readonly string[]): string {
  const spoken = sums.filter(([, weight]) => weight > 0).map(([value, weight]) => `${show(value)}=${weight}`);
  return `${showSet(spoken)} by ${showSet(voters)}`;
}

interface RoundTexts {
  prevotes: string;
  precommits: string;
  weights: ReadonlyMap<string, number>;
  emitted: readonly unknown[];
}

function roundText(round: number, { prevotes, precommits, weights, emitted }: RoundTexts): string {
  return `round ${round}: prevotes ${prevotes}; precommits ${precommits}; heard ${show(weights)}; emitted ${showSet(emitted)}`;
}
