/**
 * Our driver beside the model's. It gets the same messages, timeouts and values, but goes through all rules at once
 * where the model takes a step for each, so the two are compared when the model has nothing left to do. Signing is
 * refused throughout: a vote then counts, as in the model, when it is delivered.
 */
import { createCore, handle } from '../../../consensus/driver/core.ts';
import type { Input } from '../../../consensus/driver/inputs.ts';
import { run } from '../../../consensus/effects.ts';
import type { ConsensusParameters, TimeoutKind } from '../../../consensus/parameters.ts';
import type { Branch } from '../../../consensus/state-machine/state.ts';
import { asRound, NO_ROUND } from '../../../consensus/types.ts';
import { agree } from './agree.ts';
import { show, type Tagged } from './itf.ts';
import { modelOutput, modelVariables, showState } from './machine.ts';
import {
  anySignature,
  type ConsensusState,
  hashOf,
  heightOf,
  type Members,
  type ModelProposal,
  type ModelVote,
  voteOf,
} from './model.ts';

export interface Driver {
  /** Takes the input of a step, and the votes that had waited for the height. `round` is the model's before it. */
  hear(input: Tagged, output: Tagged, round: number, waiting: readonly ModelVote[]): void;
  /** In this round the model does not vote on the proposal that it holds. */
  expectOversight(round: number): void;
  /** @throws Error if both have come to rest and differ */
  compare(
    name: string,
    model: {
      readonly cs: ConsensusState;
      readonly pendingInputs: readonly unknown[];
      readonly pendingStepChange: Tagged;
    },
  ): void;
}

interface Said {
  readonly text: string;
  /** Of a vote; a decision and a proposal are compared in any case. */
  readonly round: number;
}

function saidIn(output: Tagged): Said {
  const round = output.tag === 'VoteOutput' ? (output.value as ModelVote).round : NO_ROUND;
  return { text: show(output), round };
}

const NOW = 1_000_000;

/** Nothing to wait for: the model has no clock. */
const PARAMETERS: ConsensusParameters = {
  minBlockIntervalMs: 0,
  heartbeatMs: 0,
  commitWaitMs: 0,
  gossipGraceMs: 0,
  proposeTimeoutMs: 1,
  prevoteTimeoutMs: 1,
  precommitTimeoutMs: 1,
  timeoutDeltaMs: 0,
  precisionMs: 0,
  messageDelayMs: 0,
};

const TIMEOUTS = {
  ProposeTimeout: 'propose',
  PrevoteTimeout: 'prevote',
  PrecommitTimeout: 'precommit',
} as const;

/** Lines 57, 61 and 65. */
const USED_TIMEOUTS: ReadonlyMap<Branch, TimeoutKind> = new Map([
  ['L59 prevote nil on timeout', 'propose'],
  ['L63 precommit nil on timeout', 'prevote'],
  ['L67 next round', 'precommit'],
]);

export function createDriver(process: string, height: number, members: Members): Driver {
  const core = createCore({
    height: heightOf(height),
    set: members.set,
    parentTimestampMs: NOW,
    parameters: PARAMETERS,
    self: members.addressOf(process),
  });
  const ours: Said[] = [];
  const theirs: Said[] = [];
  const oversights = new Set<number>();
  const started = new Set<string>();

  const feed = (input: Input): void => {
    run(handle(core, input), (effect) => {
      const say = (output: Parameters<typeof modelOutput>[0]) =>
        ours.push(saidIn(modelOutput(output, process, height)));
      if (effect.kind === 'signVote') {
        const { type, round, blockHash } = effect.vote;
        say({ kind: type, round, blockHash });
        return null;
      }
      if (effect.kind === 'signProposal') {
        const { round, blockHash, validRound } = effect.proposal;
        say({ kind: 'propose', round, blockHash, validRound });
        return null;
      }
      if (effect.kind === 'scheduleTimeout') started.add(`${effect.timeout} ${effect.round}`);
      // Our driver would not have heard of a timeout that it never started.
      const used = effect.kind === 'progress' ? USED_TIMEOUTS.get(effect.branch) : undefined;
      if (used !== undefined && input.kind === 'timeout') {
        const timeout = `${used} ${input.round}`;
        agree(`timeout of ${process}`, started.has(timeout) ? timeout : `no ${timeout}`, timeout);
      }
      if (effect.kind === 'halt') throw new Error(`the driver of ${process} halts: ${effect.reason}`);
      if (effect.kind === 'decide') say({ kind: 'decide', round: effect.round, blockHash: effect.blockHash });
      return undefined;
    });
  };
  const vote = (one: ModelVote): void => feed({ kind: 'vote', nowMs: NOW, vote: voteOf(one, members) });

  return {
    hear(input, output, round, waiting) {
      if (['VoteOutput', 'ProposalOutput', 'DecidedOutput'].includes(output.tag)) theirs.push(saidIn(output));
      for (const one of waiting) vote(one);
      if (core.machine.round === NO_ROUND)
        feed({ kind: 'start', nowMs: NOW, transactions: true, parentComplete: true });
      switch (input.tag) {
        case 'VoteDInput':
          return vote(input.value as ModelVote);
        case 'CertificateDInput':
          return (input.value as ModelVote[]).forEach(vote);
        case 'TimeoutDInput': {
          const timeout = TIMEOUTS[(input.value as Tagged).tag as keyof typeof TIMEOUTS];
          return feed({ kind: 'timeout', nowMs: NOW, timeout, round: asRound(round) });
        }
        case 'ProposeValueDInput': {
          const blockHash = hashOf(input.value as string);
          return feed({ kind: 'built', nowMs: NOW, round: asRound(round), blockHash, timestampMs: NOW });
        }
        case 'ProposalDInput':
          return propose(input.value as ModelProposal);
      }
    },
    expectOversight: (round) => void oversights.add(round),
    compare(name, { cs, pendingInputs, pendingStepChange }) {
      const decided = cs.step.tag === 'CommitStep';
      if (!decided && (pendingInputs.length > 0 || pendingStepChange.tag !== 'NoStep')) return;
      const spoken = (said: readonly Said[]) =>
        said.filter(({ round }) => !oversights.has(round)).map(({ text }) => text);
      agree(`what ${name}'s driver said`, spoken(ours).join('\n        '), spoken(theirs).join('\n        '));
      const mine = modelVariables(core.machine);
      // Before the model enters a round, and in one in which it overlooks the proposal, ours is ahead.
      const behind = cs.round < 0 || oversights.has(cs.round);
      const aside = {
        ...(cs.round < 0 ? { round: cs.round } : {}),
        ...(behind && !decided ? { step: cs.step } : {}),
      };
      agree(`variables of ${name}'s driver`, showState({ ...mine, ...aside }), showState(cs));
    },
  };

  /** A value of the model is valid in every round; of ours, a fresh proposal must be of its block's origin round (A1). */
  function propose({ round, proposal, validRound, srcAddress }: ModelProposal): void {
    const blockHash = hashOf(proposal);
    core.verdicts.set(
      blockHash,
      proposal === 'invalid'
        ? { answer: 'invalid', code: 'INVALID' }
        : { answer: 'valid', originRound: asRound(round), timestampMs: NOW },
    );
    feed({
      kind: 'proposal',
      nowMs: NOW,
      arrivalMs: NOW,
      proposal: {
        height: heightOf(height),
        round: asRound(round),
        blockHash,
        timestampMs: NOW,
        validRound: validRound < 0 ? NO_ROUND : asRound(validRound),
        proposer: members.addressOf(srcAddress),
        signature: anySignature(),
      },
    });
  }
}
