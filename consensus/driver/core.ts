/**
 * One height of one node. Turns votes, proposals, timeouts and verdicts into the paper's complex events, applies
 * them in one fixed order until no rule fires, and yields what is to be done as effects.
 */

import { equalBytes } from '../bytes.ts';
import { encodeProposal } from '../codec.ts';
import { type Handler, perform } from '../effects.ts';
import { ConsensusError, invariant } from '../errors.ts';
import { proposalEvidence, voteEvidence } from '../evidence.ts';
import { LIMITS } from '../limits.ts';
import { type ConsensusParameters, isTimely, type TimeoutKind, timeoutMs } from '../parameters.ts';
import {
  INITIAL_STATE,
  type MachineEvent,
  type MachineOutput,
  type MachineState,
} from '../state-machine/state.ts';
import { transition } from '../state-machine/transition.ts';
import {
  type Address,
  asRound,
  type Evidence,
  type Hash,
  type Height,
  NO_ROUND,
  type Proposal,
  type Round,
  type UnsignedProposal,
  type UnsignedVote,
  type ValidatorSet,
  type Vote,
  type VoteType,
} from '../types.ts';
import { proposerAt } from '../validator-set/rotation.ts';
import { indexOfValidator, isMinority } from '../validator-set/set.ts';
import {
  addVote,
  committedBlock,
  createVoteKeeper,
  roundToSkipTo,
  type VoteKeeper,
  votesOf,
} from '../votes/keeper.ts';
import { hasQuorumFor, hasQuorumOfAny, powerFor, quorumBlock, votesFor } from '../votes/round-votes.ts';
import type { Input, Verdict } from './inputs.ts';
import { buildAtMs, expectProposalAtMs, type Pacing, setBack } from './pacing.ts';

export interface CoreConfig {
  readonly height: Height;
  readonly set: ValidatorSet;
  /** Time stamp of the parent block in milliseconds: proposals are never older. */
  readonly parentTimestampMs: number;
  readonly parameters: ConsensusParameters;
  /** Address under which this node votes; undefined on a node without a key. */
  readonly self: Address | undefined;
}

export interface ReceivedProposal {
  readonly proposal: Proposal;
  /** Rule A5, judged once, when it arrived. Own proposals are timely. */
  readonly timely: boolean;
}

export interface Core {
  readonly config: CoreConfig;
  machine: MachineState;
  readonly votes: VoteKeeper;
  /** Per round, in order of arrival. Only the first is voted on; a second proves equivocation. */
  readonly proposals: Map<Round, ReceivedProposal[]>;
  readonly verdicts: Map<Hash, Verdict>;
  /** Blocks that the shell was asked to check, and whether it knows that they are certified. */
  readonly checking: Map<Hash, boolean>;
  pacing: Pacing;
  /** Round 0 waits for its reasons (pacing.ts): the proposer to build, the others to start their timeout. */
  waitingToBuild: boolean;
  waitingToExpect: boolean;
  readonly accused: Set<string>;
}

export function createCore(config: CoreConfig): Core {
  return {
    config,
    machine: INITIAL_STATE,
    votes: createVoteKeeper(config.set),
    proposals: new Map(),
    verdicts: new Map(),
    checking: new Map(),
    pacing: {
      startMs: 0,
      parentTimestampMs: config.parentTimestampMs,
      transactionsSinceMs: undefined,
      parentComplete: false,
    },
    waitingToBuild: false,
    waitingToExpect: false,
    accused: new Set(),
  };
}

/** The round this node is in; 0 before the start. */
export function roundOf(core: Core): Round {
  return core.machine.round === NO_ROUND ? asRound(0) : core.machine.round;
}

/** Takes one input and yields everything that follows from it. */
export function* handle(core: Core, input: Input): Handler {
  // A clock that was put back must not make this height wait until it has caught up with itself.
  if (input.nowMs < core.pacing.startMs) core.pacing = setBack(core.pacing, input.nowMs);
  yield* take(core, input);
  yield* applyRules(core, input.nowMs);
  yield* pace(core, input.nowMs);
}

function* take(core: Core, input: Input): Handler {
  switch (input.kind) {
    case 'start': {
      invariant(core.machine.round === NO_ROUND, 'a height starts once');
      core.pacing = {
        startMs: input.nowMs,
        parentTimestampMs: core.config.parentTimestampMs,
        transactionsSinceMs: input.transactions ? input.nowMs : undefined,
        parentComplete: input.parentComplete,
      };
      return yield* enterRound(core, asRound(0), input.nowMs);
    }
    case 'proposal':
      return yield* takeProposal(core, input.proposal, input.arrivalMs);
    case 'vote':
      return yield* takeVote(core, input.vote);
    case 'checked':
      if (!core.verdicts.has(input.blockHash)) core.verdicts.set(input.blockHash, input.verdict);
      core.checking.delete(input.blockHash);
      return;
    case 'built':
      return yield* takeBuilt(core, input);
    case 'timeout':
      return yield* takeTimeout(core, input.timeout, input.round, input.nowMs);
    case 'transactions':
      if (core.pacing.transactionsSinceMs === undefined)
        core.pacing = { ...core.pacing, transactionsSinceMs: input.nowMs };
      return;
    case 'parentComplete':
      core.pacing = { ...core.pacing, parentComplete: true };
      return;
    case 'wake':
      return;
  }
}

// ---------------------------------------------------------------- messages

/** Keeps a proposal if it is the turn of its proposer. The shell drops what `isProposalExpected` refuses. */
function* takeProposal(core: Core, proposal: Proposal, arrivalMs: number): Handler {
  if (!isProposalExpected(core, proposal)) return;
  yield* keepProposal(core, proposal, isTimely(core.config.parameters, proposal, arrivalMs));
}

/** Cheap test before a signature is checked: this height, a round of interest, the proposer's turn. */
export function isProposalExpected(core: Core, proposal: Proposal): boolean {
  if (proposal.height !== core.config.height) return false;
  if (proposal.round > roundOf(core) + LIMITS.maxProposalRoundsAhead) return false;
  return proposerAt(core.config.set, proposal.round).address === proposal.proposer;
}

function* keepProposal(core: Core, proposal: Proposal, timely: boolean): Handler {
  const known = core.proposals.get(proposal.round) ?? [];
  const encoded = encodeProposal(proposal);
  if (known.some((one) => equalBytes(encodeProposal(one.proposal), encoded))) return;
  if (known[0] !== undefined && !sameContent(known[0].proposal, proposal))
    yield* accuse(core, proposalEvidence(known[0].proposal, proposal), `${proposal.round}/proposal`);
  const isAgain = known.some((one) => one.proposal.blockHash === proposal.blockHash);
  const prevotes = votesOf(core.votes, proposal.round, 'prevote');
  const backed =
    !isAgain &&
    prevotes !== undefined &&
    isMinority(powerFor(prevotes, proposal.blockHash), core.config.set.totalPower);
  if (known.length >= LIMITS.maxProposalsPerRound && !backed) return;
  if (core.proposals.size >= LIMITS.maxRoundsKept && !core.proposals.has(proposal.round))
    forgetOldestProposal(core);
  core.proposals.set(proposal.round, [...known, { proposal, timely }]);
}

function sameContent(a: Proposal, b: Proposal): boolean {
  return a.blockHash === b.blockHash && a.timestampMs === b.timestampMs && a.validRound === b.validRound;
}

function forgetOldestProposal(core: Core): void {
  let oldest: Round | undefined;
  for (const round of core.proposals.keys()) if (oldest === undefined || round < oldest) oldest = round;
  if (oldest !== undefined) core.proposals.delete(oldest);
}

function* takeVote(core: Core, vote: Vote): Handler {
  if (vote.height !== core.config.height) return;
  const added = addVote(core.votes, vote, roundOf(core));
  if (added.result === 'conflict')
    yield* accuse(core, voteEvidence(added.earlier, vote), `${vote.round}/${vote.type}/${vote.validator}`);
}

/** Reports an offence once. */
function* accuse(core: Core, evidence: Evidence, offence: string): Handler {
  if (core.accused.has(offence) || core.accused.size >= LIMITS.maxEvidencePerHeight) return;
  core.accused.add(offence);
  yield* perform({ kind: 'evidence', evidence });
}

function* takeBuilt(core: Core, input: Extract<Input, { kind: 'built' }>): Handler {
  // A value that this node built on the parent's state is valid by construction.
  core.verdicts.set(input.blockHash, {
    answer: 'valid',
    originRound: input.round,
    timestampMs: input.timestampMs,
  });
  yield* apply(core, { kind: 'valueBuilt', round: input.round, blockHash: input.blockHash }, input.nowMs);
}

function* takeTimeout(core: Core, timeout: TimeoutKind, round: Round, nowMs: number): Handler {
  const kinds = {
    propose: 'timeoutPropose',
    prevote: 'timeoutPrevote',
    precommit: 'timeoutPrecommit',
  } as const;
  yield* apply(core, { kind: kinds[timeout], round }, nowMs);
}

// ---------------------------------------------------------------- rules

/**
 * Looks for the paper's events until none fires. The order is fixed, since two rules may be enabled at once and
 * all nodes (and the replay of the log) must choose alike: decision first, then the steps of the current round in
 * their own order, then leaving the round.
 */
function* applyRules(core: Core, nowMs: number): Handler {
  for (let count = 0; ; count++) {
    if (core.machine.step === 'commit' || core.machine.round === NO_ROUND) return;
    invariant(count < LIMITS.maxRuleApplications, 'rules do not come to rest');
    const fired =
      (yield* ruleCommit(core, nowMs)) ||
      (yield* ruleProposal(core, nowMs)) ||
      (yield* rulePrevotes(core, nowMs)) ||
      (yield* rulePrecommits(core, nowMs)) ||
      (yield* ruleSkip(core, nowMs));
    if (!fired) return;
  }
}

/**
 * Line 49. The paper also waits for the proposal message; a quorum of precommits for a block that is valid proves
 * that correct nodes had it, so the block alone is enough (rule B1: it is fetched without time limit).
 */
function* ruleCommit(core: Core, nowMs: number): Handler<boolean> {
  const committed = committedBlock(core.votes);
  if (committed === undefined) return false;
  const verdict = yield* verdictOn(core, committed.blockHash, true);
  if (verdict === undefined) return false;
  if (verdict.answer === 'invalid') {
    yield* perform({
      kind: 'halt',
      reason: `CERTIFIED_BLOCK_INVALID: two thirds of the power committed ${committed.blockHash} at height ${core.config.height}, and this node finds it invalid (${verdict.code}); do the versions and genesis files agree?`,
    });
    return false;
  }
  return yield* apply(core, { kind: 'commitValue', ...committed }, nowMs);
}

/** Lines 22 and 28, on the first proposal of the current round. */
function* ruleProposal(core: Core, nowMs: number): Handler<boolean> {
  const round = roundOf(core);
  if (core.machine.step !== 'propose') return false;
  const received = core.proposals.get(round)?.[0];
  if (received === undefined) return false;
  const { proposal } = received;
  const verdict = yield* verdictOn(core, proposal.blockHash, false);
  if (proposal.validRound === NO_ROUND) {
    const acceptable = verdict === undefined ? undefined : isAcceptableFresh(received, verdict);
    // Unknown is as if the proposal had not arrived (B1): only the timeout votes nil.
    if (acceptable === undefined) return false;
    return yield* apply(core, { kind: 'proposal', blockHash: proposal.blockHash, acceptable }, nowMs);
  }
  const polka = votesOf(core.votes, proposal.validRound, 'prevote');
  if (
    polka === undefined ||
    !hasQuorumFor(polka, core.config.set, proposal.blockHash) ||
    verdict === undefined
  )
    return false;
  const acceptable = verdict.answer === 'valid';
  return yield* apply(
    core,
    { kind: 'proposalWithPolka', blockHash: proposal.blockHash, validRound: proposal.validRound, acceptable },
    nowMs,
  );
}

/** Rules A1 and A5: what is asked of a value when it is proposed for the first time, and never again. */
function isAcceptableFresh(received: ReceivedProposal, verdict: Verdict): boolean {
  return (
    verdict.answer === 'valid' &&
    received.timely &&
    verdict.originRound === received.proposal.round &&
    verdict.timestampMs === received.proposal.timestampMs
  );
}

/** Lines 36, 44 and 34. */
function* rulePrevotes(core: Core, nowMs: number): Handler<boolean> {
  const round = roundOf(core);
  const prevotes = votesOf(core.votes, round, 'prevote');
  if (prevotes === undefined) return false;
  const { set } = core.config;
  const polka = quorumBlock(prevotes, set);
  if (polka !== undefined && core.proposals.get(round)?.some((one) => one.proposal.blockHash === polka)) {
    const verdict = yield* verdictOn(core, polka, false);
    if (verdict?.answer === 'valid' && (yield* apply(core, { kind: 'polkaValue', blockHash: polka }, nowMs)))
      return true;
  }
  if (hasQuorumFor(prevotes, set, null) && (yield* apply(core, { kind: 'polkaNil' }, nowMs))) return true;
  return hasQuorumOfAny(prevotes, set) && (yield* apply(core, { kind: 'polkaAny' }, nowMs));
}

/** Line 47. */
function* rulePrecommits(core: Core, nowMs: number): Handler<boolean> {
  const precommits = votesOf(core.votes, roundOf(core), 'precommit');
  if (precommits === undefined || !hasQuorumOfAny(precommits, core.config.set)) return false;
  return yield* apply(core, { kind: 'precommitAny' }, nowMs);
}

/** Line 55. */
function* ruleSkip(core: Core, nowMs: number): Handler<boolean> {
  const round = roundToSkipTo(core.votes, roundOf(core));
  if (round === undefined) return false;
  yield* enterRound(core, round, nowMs);
  return true;
}

/** The verdict on a block, asking the shell for it if there is none. */
function* verdictOn(core: Core, blockHash: Hash, certified: boolean): Handler<Verdict | undefined> {
  const verdict = core.verdicts.get(blockHash);
  if (verdict !== undefined) return verdict;
  const asked = core.checking.get(blockHash);
  if (asked === undefined ? true : certified && !asked) {
    if (asked === undefined && core.checking.size >= LIMITS.maxBlocksPerHeight) stopWaiting(core);
    core.checking.set(blockHash, certified);
    yield* perform({ kind: 'check', blockHash, certified });
  }
  return undefined;
}

/** Blocks that nobody has must not keep us from asking for the one of this round: the oldest of them goes. */
function stopWaiting(core: Core): void {
  for (const [blockHash, certified] of core.checking) {
    if (certified) continue;
    core.checking.delete(blockHash);
    return;
  }
}

// ---------------------------------------------------------------- transitions and their outputs

function* enterRound(core: Core, round: Round, nowMs: number): Handler {
  const isProposer =
    core.config.self !== undefined && proposerAt(core.config.set, round).address === core.config.self;
  core.waitingToBuild = false;
  core.waitingToExpect = false;
  yield* apply(core, { kind: 'startRound', round, isProposer }, nowMs);
}

/** Applies one event; true if a rule fired. */
function* apply(core: Core, event: MachineEvent, nowMs: number): Handler<boolean> {
  const { state, outputs, branch } = transition(core.machine, event);
  if (branch === undefined) return false;
  core.machine = state;
  yield* perform({ kind: 'progress', round: roundOf(core), step: state.step, branch });
  for (const output of outputs) yield* carryOut(core, output, nowMs);
  return true;
}

function* carryOut(core: Core, output: MachineOutput, nowMs: number): Handler {
  switch (output.kind) {
    case 'getValue':
      if (output.round === 0) core.waitingToBuild = true;
      else yield* startBuilding(core, output.round, nowMs);
      return;
    case 'propose':
      return yield* propose(core, output, nowMs);
    case 'scheduleTimeout':
      if (output.timeout === 'propose' && output.round === 0) core.waitingToExpect = true;
      else yield* schedule(core, output.timeout, output.round);
      return;
    case 'prevote':
    case 'precommit':
      return yield* vote(core, output.kind, output.round, output.blockHash);
    case 'nextRound':
      return yield* enterRound(core, output.round, nowMs);
    case 'decide': {
      const precommits = votesOf(core.votes, output.round, 'precommit');
      if (precommits === undefined) throw new ConsensusError('INTERNAL', 'decided without precommits');
      yield* perform({
        kind: 'decide',
        round: output.round,
        blockHash: output.blockHash,
        precommits: votesFor(precommits, output.blockHash),
      });
      return;
    }
  }
}

function* schedule(core: Core, timeout: TimeoutKind, round: Round): Handler {
  yield* perform({
    kind: 'scheduleTimeout',
    timeout,
    round,
    delayMs: timeoutMs(core.config.parameters, timeout, round),
  });
}

function* startBuilding(core: Core, round: Round, nowMs: number): Handler {
  // Rule A5: time never runs backwards, even if this proposer's clock lags.
  const timestampMs = Math.max(nowMs, core.config.parentTimestampMs);
  yield* perform({ kind: 'build', height: core.config.height, round, timestampMs });
}

function* propose(core: Core, output: Extract<MachineOutput, { kind: 'propose' }>, nowMs: number): Handler {
  const { config } = core;
  if (config.self === undefined) return;
  const verdict = core.verdicts.get(output.blockHash);
  const timestampMs = verdict?.answer === 'valid' ? verdict.timestampMs : nowMs;
  const unsigned: UnsignedProposal = {
    height: config.height,
    round: output.round,
    blockHash: output.blockHash,
    timestampMs,
    validRound: output.validRound,
    proposer: config.self,
  };
  const signature = yield* perform({ kind: 'signProposal', proposal: unsigned });
  if (signature === null) return;
  const proposal: Proposal = { ...unsigned, signature };
  yield* keepProposal(core, proposal, true);
  yield* perform({ kind: 'broadcastProposal', proposal });
}

function* vote(core: Core, type: VoteType, round: Round, blockHash: Hash | null): Handler {
  const { self, set, height } = core.config;
  if (self === undefined || indexOfValidator(set, self) < 0) return;
  const unsigned: UnsignedVote = { type, height, round, blockHash, validator: self };
  const signature = yield* perform({ kind: 'signVote', vote: unsigned });
  if (signature === null) return;
  const signed: Vote = { ...unsigned, signature };
  addVote(core.votes, signed, roundOf(core));
  yield* perform({ kind: 'broadcastVote', vote: signed });
}

// ---------------------------------------------------------------- pacing of round 0

/** Starts what round 0 was waiting for, or asks to be woken when the next reason may be there. */
function* pace(core: Core, nowMs: number): Handler {
  if (core.machine.round !== 0 || core.machine.step !== 'propose') return;
  const { parameters } = core.config;
  let wakeAtMs = Number.POSITIVE_INFINITY;
  if (core.waitingToBuild) {
    const at = buildAtMs(core.pacing, parameters);
    if (at <= nowMs) {
      core.waitingToBuild = false;
      yield* startBuilding(core, asRound(0), nowMs);
    } else wakeAtMs = Math.min(wakeAtMs, at);
  }
  if (core.waitingToExpect) {
    const at = expectProposalAtMs(core.pacing, parameters);
    if (at <= nowMs || core.proposals.has(asRound(0)) || othersGaveUp(core)) {
      core.waitingToExpect = false;
      yield* schedule(core, 'propose', asRound(0));
    } else wakeAtMs = Math.min(wakeAtMs, at);
  }
  if (Number.isFinite(wakeAtMs)) yield* perform({ kind: 'wakeAt', atMs: wakeAtMs });
}

/** Prevotes of more than a third of the power: a correct validator has seen the proposal or stopped waiting for it. */
function othersGaveUp(core: Core): boolean {
  const prevotes = votesOf(core.votes, asRound(0), 'prevote');
  return prevotes !== undefined && isMinority(prevotes.powerOfAll, core.config.set.totalPower);
}
