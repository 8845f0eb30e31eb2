/**
 * Runs the core for one height: feeds it inputs, logs them, and carries out its effects. Everything between an
 * input and its last effect happens in one go; there is no await in it. Work that takes time is started here and
 * comes back as an input, and is dropped if the height is over by then.
 */

import { equalBytes } from '../../consensus/bytes.ts';
import { encodeEvidence, encodeVotes } from '../../consensus/codec.ts';
import { type Core, createCore, handle, roundOf } from '../../consensus/driver/core.ts';
import type { Input, Verdict } from '../../consensus/driver/inputs.ts';
import { type Effect, type EffectAnswer, run } from '../../consensus/effects.ts';
import type { ConsensusParameters, TimeoutKind } from '../../consensus/parameters.ts';
import { proposalSignBytes, voteSignBytes } from '../../consensus/sign-bytes.ts';
import type { Branch } from '../../consensus/state-machine/state.ts';
import {
  type Hash,
  type Height,
  NO_ROUND,
  type Proposal,
  type Round,
  type Vote,
} from '../../consensus/types.ts';
import { findValidator, isMinority } from '../../consensus/validator-set/set.ts';
import { powerFor } from '../../consensus/votes/round-votes.ts';
import { isWithoutLock } from '../../consensus/wal/last-signed.ts';
import type { WalRecord } from '../../consensus/wal/records.ts';
import { type Blocks, createBlocks } from './blocks.ts';
import { LIMITS } from './limits.ts';
import { encodeProposalMessage } from './messages.ts';
import type { ParentCommit } from './parent-commit.ts';
import type { Cancel, ConsensusWatch, Head, ValidatorEnv } from './ports.ts';
import type { SigningGuard } from './signing.ts';
import type { Wal } from './wal.ts';

export interface Decision {
  readonly round: Round;
  readonly blockHash: Hash;
  readonly bytes: Uint8Array;
  readonly precommits: readonly Vote[];
}

/** Inputs without their time, which the height adds. Plain `Omit` would melt the union into one type. */
export type TimelessInput = Input extends infer I ? (I extends Input ? Omit<I, 'nowMs'> : never) : never;

export interface HeightRun {
  readonly height: Height;
  readonly core: Core;
  readonly blocks: Blocks;
  /** Whether the key may be used in this height; known once it has begun. */
  maySign(): boolean;
  /** Replays the log or starts round 0. */
  begin(): void;
  feed(input: TimelessInput): void;
  /** Nothing happens after this. */
  close(): void;
}

export interface HeightParts {
  readonly env: ValidatorEnv;
  readonly genesisHash: Hash;
  readonly parameters: ConsensusParameters;
  readonly head: Head;
  readonly height: Height;
  readonly guard: SigningGuard | undefined;
  readonly wal: Wal;
  /** Records of this height from before a restart; undefined for a fresh height. */
  readonly resumed: readonly WalRecord[] | undefined;
  /** undefined only at height 1. */
  readonly parent: ParentCommit | undefined;
  /** False: take part in everything but signing. The log may show another reason to rest. */
  readonly maySign: boolean;
  readonly onDecide: (decision: Decision) => void;
  readonly onProgress: (round: Round, branch: Branch) => void;
  readonly onFault: (error: unknown) => void;
  readonly watch: ConsensusWatch | undefined;
}

export function createHeight(parts: HeightParts): HeightRun {
  const { env, genesisHash, wal, height } = parts;
  const core = createCore({
    height,
    set: parts.head.validators,
    parentTimestampMs: parts.head.timestampMs,
    parameters: parts.parameters,
    self: votingAddress(parts),
  });
  const timers = new Map<TimeoutKind | 'wake', Cancel>();
  const queue: Input[] = [];
  let open = true;
  let running = false;
  let replay: Replay | undefined;
  let maySign = parts.maySign;
  /**
   * False once the log of this height is known to be incomplete. What would be written behind the gap could lead to the
   * last signed message on another way than the one that was taken, without its lock, and pass for a whole log after
   * the next restart.
   */
  let logging = true;
  /** Own signatures in the log. */
  let ownRecords = parts.resumed?.filter(isOwn).length ?? 0;
  let decision: Omit<Decision, 'bytes'> | undefined;

  const blocks = createBlocks({
    height,
    app: env.app,
    net: env.net,
    clock: env.clock,
    random: env.random,
    isPinned: (blockHash) => isPinned(core, blockHash),
    isAwaited: (blockHash) => core.checking.has(blockHash),
    isOfUse: (blockHash, verdict) => isOfUse(core, blockHash, verdict),
    onFault: parts.onFault,
    onVerdict(blockHash, verdict, bytes) {
      // A lock on a block is worth nothing without its bytes: they go into the log before the vote can.
      if (verdict.answer === 'valid') log({ kind: 'block', blockHash, bytes });
      if (verdict.answer === 'invalid')
        env.log('warn', 'refused a block', { height, blockHash, code: verdict.code });
      feed({ kind: 'checked', blockHash, verdict: factOf(verdict) });
    },
  });

  const feed = (input: TimelessInput): void => {
    if (!open) return;
    queue.push({ ...input, nowMs: env.clock.nowMs() } as Input);
    drain();
  };

  /** For records that are not part of a run of the core: a disk that fails stops the node. */
  const log = (record: WalRecord): void => {
    if (!logging) return;
    try {
      wal.append(record);
    } catch (error) {
      open = false;
      parts.onFault(error);
    }
  };

  const drain = (): void => {
    if (running) return;
    running = true;
    try {
      for (let input = queue.shift(); input !== undefined && open; input = queue.shift()) {
        if (replay === undefined && logging) wal.append({ kind: 'input', input });
        run(handle(core, input), carryOut);
        if (replay !== undefined) continue;
        parts.watch?.handled(core, input);
        blocks.reconsider();
      }
    } catch (error) {
      open = false;
      parts.onFault(error);
    } finally {
      running = false;
    }
    announceDecision();
  };

  /** Outside of the core's run, so that a new height never starts inside an old one's effects. */
  const announceDecision = (): void => {
    if (decision === undefined || replay !== undefined || !open) return;
    const bytes = blocks.get(decision.blockHash);
    if (bytes === undefined) {
      parts.onFault(new Error(`decided ${decision.blockHash} without its bytes`));
      return;
    }
    const decided = { ...decision, bytes };
    decision = undefined;
    parts.onDecide(decided);
  };

  const carryOut = (effect: Effect): EffectAnswer => {
    if (replay === undefined) parts.watch?.effect(core, effect);
    switch (effect.kind) {
      case 'signVote':
        return signVote(effect.vote);
      case 'signProposal':
        return signProposal(effect.proposal);
      case 'broadcastVote':
        if (replay === undefined) env.net.broadcast('votes', encodeVotes([effect.vote]));
        return undefined;
      case 'broadcastProposal':
        if (replay === undefined) broadcastProposal(effect.proposal);
        return undefined;
      case 'scheduleTimeout':
        if (replay === undefined) arm(effect.timeout, effect.round, effect.delayMs);
        else replay.timeouts.set(effect.timeout, { round: effect.round, delayMs: effect.delayMs });
        return undefined;
      case 'wakeAt':
        if (replay === undefined) armWake(effect.atMs);
        else replay.wakeAtMs = effect.atMs;
        return undefined;
      case 'build':
        if (replay === undefined) build(effect);
        else replay.build = effect;
        return undefined;
      case 'check':
        if (replay === undefined) blocks.want(effect.blockHash);
        return undefined;
      case 'decide':
        decision = { round: effect.round, blockHash: effect.blockHash, precommits: effect.precommits };
        return undefined;
      case 'evidence':
        env.log('warn', 'a validator signed two different things', { height, kind: effect.evidence.kind });
        env.app.addEvidence(encodeEvidence(effect.evidence));
        return undefined;
      case 'halt':
        parts.onFault(new Error(effect.reason));
        return undefined;
      case 'progress':
        parts.onProgress(effect.round, effect.branch);
        return undefined;
    }
  };

  // -------------------------------------------------------------- signing: log, then guard, then the network
  //
  // First everything that led to the vote is made durable, then the vote itself (as the guard's record), then it is
  // signed and leaves. A crash in between loses nothing: the replay comes to the same vote, and the guard allows it
  // again. The other way round, a vote signed but not explained by the log could neither be repeated nor replaced,
  // and a network that needs it would stand still.

  /**
   * A replay that has not come by the last signed message may be of another way than the one that was taken (a log that
   * was written without the key, under a record that came with it): nothing is signed on it.
   */
  const isExplained = (): boolean => {
    const last = parts.guard?.last();
    if (replay === undefined || last?.height !== height || isWithoutLock(last)) return true;
    return replay.messages.some((message) => equalBytes(message, last.message));
  };

  const signVote = (vote: Omit<Vote, 'signature'>): Uint8Array | null => {
    replay?.messages.push(voteSignBytes(genesisHash, vote));
    const logged = replay?.ownVotes.get(`${vote.round}/${vote.type}`);
    if (logged !== undefined) {
      const same = equalBytes(voteSignBytes(genesisHash, logged), voteSignBytes(genesisHash, vote));
      if (!same)
        env.log('error', 'the log replays to another vote than the one signed; not signing', { height });
      return same ? logged.signature : null;
    }
    if (parts.guard === undefined || !maySign || !isExplained()) return null;
    wal.sync();
    const signature = parts.guard.signVote(vote, ownRecords);
    if (signature === null) return null;
    wal.append({ kind: 'ownVote', vote: { ...vote, signature } });
    replay?.ownVotes.set(`${vote.round}/${vote.type}`, { ...vote, signature });
    ownRecords++;
    return signature;
  };

  const signProposal = (proposal: Omit<Proposal, 'signature'>): Uint8Array | null => {
    replay?.messages.push(proposalSignBytes(genesisHash, proposal));
    const logged = replay?.ownProposals.get(proposal.round);
    if (logged !== undefined) {
      const same = equalBytes(
        proposalSignBytes(genesisHash, logged),
        proposalSignBytes(genesisHash, proposal),
      );
      if (!same)
        env.log('error', 'the log replays to another proposal than the one signed; not signing', { height });
      return same ? logged.signature : null;
    }
    if (parts.guard === undefined || !maySign || !isExplained()) return null;
    wal.sync();
    const signature = parts.guard.signProposal(proposal, ownRecords);
    if (signature === null) return null;
    wal.append({ kind: 'ownProposal', proposal: { ...proposal, signature } });
    replay?.ownProposals.set(proposal.round, { ...proposal, signature });
    ownRecords++;
    return signature;
  };

  const broadcastProposal = (proposal: Proposal): void => {
    const bytes = blocks.get(proposal.blockHash);
    const block = bytes !== undefined && bytes.length <= LIMITS.maxInlineBlockBytes ? bytes : undefined;
    env.net.broadcast('proposal', encodeProposalMessage({ proposal, block }));
  };

  // -------------------------------------------------------------- work that takes time

  const arm = (timeout: TimeoutKind, round: Round, delayMs: number): void => {
    timers.get(timeout)?.();
    timers.set(
      timeout,
      env.clock.setTimer(delayMs, () => feed({ kind: 'timeout', timeout, round })),
    );
  };

  const armWake = (atMs: number): void => {
    timers.get('wake')?.();
    const delayMs = Math.max(atMs - env.clock.nowMs(), 1);
    timers.set(
      'wake',
      env.clock.setTimer(delayMs, () => feed({ kind: 'wake' })),
    );
  };

  const build = (effect: Extract<Effect, { kind: 'build' }>): void => {
    if (parts.guard === undefined || core.config.self === undefined || !maySign) return;
    const reveal = parts.guard.signReveal(height);
    env.app
      .build({
        height,
        round: effect.round,
        timestampMs: effect.timestampMs,
        reveal,
        lastCommit: parts.parent?.lastCommit(),
        proposer: core.config.self,
      })
      .then(
        ({ blockHash, bytes }) => {
          if (!open) return;
          blocks.keep(blockHash, bytes);
          log({ kind: 'block', blockHash, bytes });
          feed({ kind: 'built', round: effect.round, blockHash, timestampMs: effect.timestampMs });
        },
        (error) => {
          if (open) parts.onFault(error);
        },
      );
  };

  // -------------------------------------------------------------- beginning

  const begin = (): void => {
    const hasStart = parts.resumed?.some(
      (record) => record.kind === 'input' && record.input.kind === 'start',
    );
    if (parts.resumed === undefined || !hasStart) {
      restUnlessExplained([]);
      feed({
        kind: 'start',
        transactions: env.app.hasTransactions(),
        parentComplete: parts.parent === undefined || parts.parent.complete(),
      });
      return;
    }
    replayLog(parts.resumed);
  };

  /**
   * The log was durable before the last signature, so a whole one leads to it again. One that does not has lost its
   * end, or all: if that may have held a lock, the key rests until the next height.
   */
  const restUnlessExplained = (messages: readonly Uint8Array[]): void => {
    const last = parts.guard?.last();
    if (!maySign || last?.height !== height || isWithoutLock(last)) return;
    if (messages.some((message) => equalBytes(message, last.message))) return;
    maySign = false;
    logging = false;
    env.log(
      'warn',
      'the log of this height was lost after signing in it; not signing until the next height',
      {
        height,
      },
    );
  };

  const replayLog = (records: readonly WalRecord[]): void => {
    replay = emptyReplay();
    for (const record of records) {
      if (record.kind === 'ownVote')
        replay.ownVotes.set(`${record.vote.round}/${record.vote.type}`, record.vote);
      if (record.kind === 'ownProposal') replay.ownProposals.set(record.proposal.round, record.proposal);
    }
    for (const record of records) {
      if (record.kind === 'block') blocks.keep(record.blockHash, record.bytes);
      if (record.kind !== 'input') continue;
      if (record.input.kind === 'timeout') replay.timeouts.delete(record.input.timeout);
      if (record.input.kind === 'built') replay.build = undefined;
      queue.push(record.input);
      drain();
    }
    const done = replay;
    replay = undefined;
    if (!open) return;
    restUnlessExplained(done.messages);
    env.log('info', 'replayed the log', { height, records: records.length, round: roundOf(core) });
    resumeAfter(done);
  };

  /** Takes up what the crash interrupted. Timers run anew in full: waiting longer is always safe. */
  const resumeAfter = (done: Replay): void => {
    if (decision !== undefined) {
      announceDecision();
      return;
    }
    for (const [timeout, { round, delayMs }] of done.timeouts)
      if (round === core.machine.round) arm(timeout, round, delayMs);
    if (done.wakeAtMs !== undefined) armWake(done.wakeAtMs);
    for (const blockHash of core.checking.keys()) blocks.want(blockHash);
    if (done.build !== undefined && done.build.round === core.machine.round) build(done.build);
    for (const proposal of done.ownProposals.values())
      if (proposal.round === core.machine.round) broadcastProposal(proposal);
    const votes = [...done.ownVotes.values()].filter((vote) => vote.round === core.machine.round);
    if (votes.length > 0) env.net.broadcast('votes', encodeVotes(votes));
    if (env.app.hasTransactions()) feed({ kind: 'transactions' });
  };

  return {
    height,
    core,
    blocks,
    maySign: () => maySign,
    begin,
    feed,
    close() {
      open = false;
      blocks.close();
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

function isOwn(record: WalRecord): boolean {
  return record.kind === 'ownVote' || record.kind === 'ownProposal';
}

interface Replay {
  /** What the core asked to sign. */
  readonly messages: Uint8Array[];
  readonly ownVotes: Map<string, Vote>;
  readonly ownProposals: Map<Round, Proposal>;
  readonly timeouts: Map<TimeoutKind, { round: Round; delayMs: number }>;
  wakeAtMs: number | undefined;
  build: Extract<Effect, { kind: 'build' }> | undefined;
}

function emptyReplay(): Replay {
  return {
    messages: [],
    ownVotes: new Map(),
    ownProposals: new Map(),
    timeouts: new Map(),
    wakeAtMs: undefined,
    build: undefined,
  };
}

/** Only if the set names our key: a recovered address with another key would produce signatures nobody accepts. */
function votingAddress(parts: HeightParts) {
  const { signer } = parts.env;
  if (signer === undefined) return undefined;
  const member = findValidator(parts.head.validators, signer.address);
  return member !== undefined && equalBytes(member.blsPublicKey, signer.publicKey)
    ? signer.address
    : undefined;
}

function isPinned(core: Core, blockHash: Hash): boolean {
  return (
    core.checking.get(blockHash) === true ||
    (core.proposals.get(roundOf(core))?.some((one) => one.proposal.blockHash === blockHash) ?? false)
  );
}

/**
 * Whether this node may vote for a valid block: it is proposed as new in the round that it was made for, more than a third
 * of the power has prevoted it, or it is decided. A verdict on any other changes nothing, and its bytes would fill the log.
 */
function isOfUse(core: Core, blockHash: Hash, verdict: Extract<Verdict, { answer: 'valid' }>): boolean {
  if (core.checking.get(blockHash) === true) return true;
  // As new it can be voted for in its own round only, and old rounds may be forgotten, and their proposals taken again.
  const { originRound, timestampMs } = verdict;
  const isProposed =
    originRound === roundOf(core) &&
    core.proposals
      .get(originRound)
      ?.some(
        ({ proposal }) =>
          proposal.blockHash === blockHash &&
          proposal.validRound === NO_ROUND &&
          proposal.timestampMs === timestampMs,
      );
  if (isProposed) return true;
  const { totalPower } = core.config.set;
  for (const { prevote } of core.votes.rounds.values())
    if (isMinority(powerFor(prevote, blockHash), totalPower)) return true;
  return false;
}

function factOf(verdict: Verdict): Verdict {
  return verdict.answer === 'valid'
    ? { answer: 'valid', originRound: verdict.originRound, timestampMs: verdict.timestampMs }
    : { answer: 'invalid', code: verdict.code };
}
