/** Rounds, steps, votes and proposals as they happen, under the names that charts of CometBFT ask for. */
import { type Core, roundOf } from '../../consensus/driver/core.ts';
import type { Input } from '../../consensus/driver/inputs.ts';
import type { Effect } from '../../consensus/effects.ts';
import type { Address, Vote, VoteType } from '../../consensus/types.ts';
import { isQuorum } from '../../consensus/validator-set/set.ts';
import { votesOf } from '../../consensus/votes/keeper.ts';
import { powerFor } from '../../consensus/votes/round-votes.ts';
import type { ConsensusWatch } from '../validator/ports.ts';
import type { Registry } from './registry.ts';

/** Seconds: from a round on a quiet machine to one of a network that cannot agree. */
const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

type Place = { height: number; round: number; step: string };

export function createConsensusWatch(registry: Registry): ConsensusWatch {
  const rounds = registry.histogram('consensus_round_duration_seconds', 'Time that a round took.', BOUNDS);
  const steps = registry.histogram(
    'consensus_step_duration_seconds',
    'Time that a step of a round took.',
    BOUNDS,
    'step',
  );
  const created = counter(registry, 'consensus_proposal_create_count', 'Proposals that this node made.');
  const received = counter(
    registry,
    'consensus_proposal_receive_count',
    'Proposed blocks that were checked, by what came of it.',
    'status',
    ['accepted', 'rejected'],
  );
  const late = counter(
    registry,
    'consensus_late_votes',
    'Votes for a round that is over here.',
    'vote_type',
    ['prevote', 'precommit'],
  );
  const quorumDelay = new Map<Address, number>();
  const fullDelay = new Map<Address, number>();
  const percent = new Map<VoteType, number>();
  const gauge = (name: string, help: string, label: string, values: ReadonlyMap<string, number>): void =>
    registry.measure(name, 'gauge', help, () =>
      [...values].map(([key, value]) => ({ labels: { [label]: key }, value })),
    );
  gauge(
    'consensus_quorum_prevote_delay',
    'Seconds from the time of the last proposal of a proposer to a quorum of prevotes for it.',
    'proposer_address',
    quorumDelay,
  );
  gauge(
    'consensus_full_prevote_delay',
    'The same until all had voted for it.',
    'proposer_address',
    fullDelay,
  );
  gauge(
    'consensus_round_voting_power_percent',
    'Per cent of the power whose votes of the present round are here.',
    'vote_type',
    percent,
  );
  let accused = { height: 0, powers: new Map<Address, number>() };
  let height = 0;
  const isRecent = () => accused.height + 1 >= height;
  registry.measure(
    'consensus_byzantine_validators',
    'gauge',
    'Validators that contradicted themselves in this height or the last one.',
    () => (isRecent() ? accused.powers.size : 0),
  );
  registry.measure('consensus_byzantine_validators_power', 'gauge', 'Their voting power.', () =>
    isRecent() ? [...accused.powers.values()].reduce((sum, power) => sum + power, 0) : 0,
  );

  let last: Place | undefined;
  let roundSinceMs = 0;
  let stepSinceMs = 0;

  function moved(core: Core, nowMs: number): void {
    const place = { height: core.config.height, round: roundOf(core), step: core.machine.step };
    const isNewRound = last === undefined || place.height !== last.height || place.round !== last.round;
    if (!isNewRound && place.step === last?.step) return;
    if (last !== undefined) steps.observe((nowMs - stepSinceMs) / 1_000, last.step);
    stepSinceMs = nowMs;
    if (isNewRound) {
      if (last !== undefined) rounds.observe((nowMs - roundSinceMs) / 1_000);
      roundSinceMs = nowMs;
      percent.clear();
      // Who proposes no more leaves the charts.
      if (place.height !== last?.height) forgetStrangers(core);
    }
    last = place;
    height = place.height;
  }

  function forgetStrangers({ config: { set } }: Core): void {
    const members = new Set(set.validators.map(({ address }) => address));
    for (const delays of [quorumDelay, fullDelay])
      for (const address of delays.keys()) if (!members.has(address)) delays.delete(address);
  }

  function heard(core: Core, vote: Vote, nowMs: number): void {
    const round = roundOf(core);
    if (vote.round < round) late.add(vote.type);
    if (vote.round !== round) return;
    const { set } = core.config;
    const votes = votesOf(core.votes, round, vote.type);
    if (votes === undefined) return;
    percent.set(vote.type, Number((votes.powerOfAll * 10_000n) / set.totalPower) / 100);
    const proposal = core.proposals.get(round)?.[0]?.proposal;
    if (vote.type !== 'prevote' || proposal === undefined || vote.blockHash !== proposal.blockHash) return;
    const power = powerFor(votes, proposal.blockHash);
    const own = set.validators.find(({ address }) => address === vote.validator)?.power ?? 0n;
    const seconds = Math.max(0, nowMs - proposal.timestampMs) / 1_000;
    const { totalPower } = set;
    if (isQuorum(power, totalPower) && !isQuorum(power - own, totalPower))
      quorumDelay.set(proposal.proposer, seconds);
    if (power === totalPower) fullDelay.set(proposal.proposer, seconds);
  }

  return {
    handled(core: Core, input: Input) {
      if (input.kind === 'vote') heard(core, input.vote, input.nowMs);
      if (input.kind === 'checked') received.add(input.verdict.answer === 'valid' ? 'accepted' : 'rejected');
      moved(core, input.nowMs);
    },
    effect(core: Core, effect: Effect) {
      if (effect.kind === 'broadcastProposal') created.add();
      if (effect.kind !== 'evidence') return;
      const { evidence } = effect;
      const offender = evidence.kind === 'votes' ? evidence.first.validator : evidence.first.proposer;
      if (accused.height !== core.config.height) accused = { height: core.config.height, powers: new Map() };
      const member = core.config.set.validators.find(({ address }) => address === offender);
      accused.powers.set(offender, Number(member?.power ?? 0n));
    },
  };
}

/** Without a label: one number. */
function counter(registry: Registry, name: string, help: string, label?: string, known: string[] = ['']) {
  const counts = new Map(known.map((key) => [key, 0]));
  registry.measure(name, 'counter', help, () =>
    [...counts].map(([key, value]) => ({ ...(label && { labels: { [label]: key } }), value })),
  );
  return {
    add(key = ''): void {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
  };
}
