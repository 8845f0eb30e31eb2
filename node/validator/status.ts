/**
 * Anti-entropy: a node that does not move says what it has, and peers answer with what it lacks. Gossip may lose
 * any message; this brings it back, so that nobody ever waits for luck.
 */
import { type Core, roundOf } from '../../consensus/driver/core.ts';
import { LIMITS as CONSENSUS_LIMITS } from '../../consensus/limits.ts';
import {
  asRound,
  type Height,
  NO_ROUND,
  type Proposal,
  type Round,
  type Vote,
} from '../../consensus/types.ts';
import { bitmapBytes, hasBit } from '../../consensus/validator-set/set.ts';
import { votesOf } from '../../consensus/votes/keeper.ts';
import { quorumBlock, type RoundVotes, votersBitmap } from '../../consensus/votes/round-votes.ts';
import { LIMITS } from './limits.ts';
import type { RoundSummary, Status, StatusAnswer } from './messages.ts';

/** What this node has: the current round and its neighbours, and the rounds its lock and valid value come from. */
export function describe(core: Core, height: Height): Status {
  const round = roundOf(core);
  const interesting = new Set<number>([round, round + 1, core.machine.lockedRound, core.machine.validRound]);
  for (const number of [round, round + 1])
    interesting.add(core.proposals.get(asRound(number))?.[0]?.proposal.validRound ?? NO_ROUND);
  for (let back = 1; back <= 4; back++) interesting.add(round - back);
  const rounds = [...interesting]
    .filter((number) => number >= 0)
    .sort((a, b) => a - b)
    .slice(-LIMITS.maxStatusRounds)
    .map((number) => summary(core, asRound(number)));
  return { height, round, rounds };
}

function summary(core: Core, round: Round): RoundSummary {
  return {
    round,
    hasProposal: core.proposals.has(round),
    prevotes: votersBitmap(votesOf(core.votes, round, 'prevote'), core.config.set),
    precommits: votersBitmap(votesOf(core.votes, round, 'precommit'), core.config.set),
  };
}

/**
 * What the asking node lacks of what this one has, most useful first: rounds it named, then this node's own
 * current round (so that it can skip to it), then any round with a quorum of precommits.
 */
export function answerTo(status: Status, core: Core, headHeight: Height): StatusAnswer {
  const named = new Map(status.rounds.map((one) => [one.round, one]));
  const ours = roundOf(core);
  const order = new Set<Round>([status.round, ours, ...named.keys()]);
  for (const [round, votes] of core.votes.rounds)
    if (quorumBlock(votes.precommit, core.config.set) !== undefined) order.add(round);
  const lockRound = core.machine.validRound;
  if (lockRound !== NO_ROUND) order.add(lockRound);

  const proposals: Proposal[] = [];
  const lacking: Vote[] = [];
  const again: Vote[] = [];
  for (const round of order) {
    const known = named.get(round);
    if (proposals.length < LIMITS.maxStatusRounds - 2)
      proposals.push(
        ...(core.proposals.get(round) ?? []).map((one) => one.proposal).slice(0, known?.hasProposal ? 2 : 1),
      );
    for (const type of ['precommit', 'prevote'] as const) {
      const held = votesOf(core.votes, round, type);
      const seen = type === 'prevote' ? known?.prevotes : known?.precommits;
      if (held !== undefined) collect(core, held, seen, lacking, again);
    }
  }
  return {
    headHeight,
    proposals: proposals.slice(0, LIMITS.maxStatusRounds),
    votes: [...lacking, ...again].slice(0, CONSENSUS_LIMITS.maxVotesPerMessage),
  };
}

/**
 * `lacking`: votes of validators the other has not heard. `again`: if a block has a quorum here, all votes for it, since
 * the other may hold an equivocator's other vote, which a bit cannot tell. These come last: in a large set they alone
 * would fill every answer.
 */
function collect(
  core: Core,
  held: RoundVotes,
  seen: Uint8Array | undefined,
  lacking: Vote[],
  again: Vote[],
): void {
  const usable =
    seen !== undefined && seen.length === bitmapBytes(core.config.set.validators.length) ? seen : undefined;
  const quorum = quorumBlock(held, core.config.set);
  for (const [index, list] of held.byVoter) {
    const heard = usable !== undefined && hasBit(usable, index);
    for (const vote of list)
      if (!heard) lacking.push(vote);
      else if (quorum !== undefined && vote.blockHash === quorum) again.push(vote);
  }
}
