/**
 * The shell around the pure core: one height after the other, messages in and out, catching up. It owns no clock,
 * disk, key or network; `env` hands them in. The simulator runs this very code.
 */
import { makeCertificate, verifyCertificate } from '../../consensus/certificate.ts';
import { decodeVotes } from '../../consensus/codec.ts';
import { type Core, isProposalExpected, roundOf } from '../../consensus/driver/core.ts';
import { ConsensusError, invariant } from '../../consensus/errors.ts';
import { LIMITS as CONSENSUS_LIMITS } from '../../consensus/limits.ts';
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import { proposalSignBytes } from '../../consensus/sign-bytes.ts';
import type { Branch } from '../../consensus/state-machine/state.ts';
import {
  asHeight,
  asRound,
  type CommitCertificate,
  type Hash,
  type Height,
  NO_ROUND,
  type Proposal,
  type Round,
  type ValidatorSet,
  type Vote,
} from '../../consensus/types.ts';
import { proposerAt } from '../../consensus/validator-set/rotation.ts';
import { findValidator, indexOfValidator, isMinority } from '../../consensus/validator-set/set.ts';
import { isRoundWelcome, votesOf } from '../../consensus/votes/keeper.ts';
import { hasQuorumFor, powerFor } from '../../consensus/votes/round-votes.ts';
import { isPastUnknown } from '../../consensus/wal/last-signed.ts';
import { shuffled } from './blocks.ts';
import { type CatchUp, createCatchUp } from './catch-up.ts';
import { createHeight, type Decision, type HeightRun } from './height.ts';
import { LIMITS } from './limits.ts';
import {
  type CertifiedBlock,
  decodeBlockQuestion,
  decodeProposalMessage,
  decodeRangeQuestion,
  decodeStatus,
  decodeStatusAnswer,
  encodeRangeAnswer,
  encodeStatus,
  encodeStatusAnswer,
} from './messages.ts';
import { createOwnSignatures } from './own-signatures.ts';
import { collectParentCommit, fixedParentCommit, type ParentCommit } from './parent-commit.ts';
import type {
  Cancel,
  ConsensusWatch,
  GossipKind,
  GossipVerdict,
  Head,
  PeerId,
  PenaltyCode,
  RequestKind,
  ValidatorEnv,
  ValidatorHandle,
  ValidatorStatus,
} from './ports.ts';
import { createSigningGuard, type SigningGuard } from './signing.ts';
import { answerTo, describe } from './status.ts';
import { createVoteBatch, type VoteBatch, type VoteVerdict } from './vote-batch.ts';
import { createWal, type Wal } from './wal.ts';

export interface ValidatorOptions {
  readonly env: ValidatorEnv;
  /** Hash of block 0: part of everything that is signed. */
  readonly genesisHash: Hash;
  readonly parameters: ConsensusParameters;
  /** After each commit, with the new head. For metrics and subscriptions. */
  readonly onCommitted?: (
    head: Head,
    round: Round,
    by: { readonly certificate: CommitCertificate; readonly set: ValidatorSet },
  ) => void;
  /** Each rule that fires. For metrics and coverage. */
  readonly onProgress?: (height: Height, round: Round, branch: Branch) => void;
  /** Sees all that heights do, for metrics. */
  readonly watch?: ConsensusWatch;
  /** The node cannot go on (a Fault, or a certified block it finds invalid). The process should end. */
  readonly onHalt?: (message: string) => void;
  /**
   * The key has never signed on this chain, though it has no last-signed record and the chain is already running.
   * Only a person can know that; a wrong "yes" may cost the stake.
   */
  readonly keyNeverSigned?: boolean;
  /** Blocks that must pass without signatures of this key which its record does not know; 0: do not look. */
  readonly doubleSignCheckHeight?: number;
}

const LOOK_STEP_MS = 100;

/** Messages of the next height, already checked, waiting for this one to end. */
type Waiting =
  | { readonly kind: 'vote'; readonly vote: Vote }
  | {
      readonly kind: 'proposal';
      readonly proposal: Proposal;
      readonly arrivalMs: number;
      readonly block: Uint8Array | undefined;
      readonly from: PeerId;
    };

/** @throws ConsensusError WAL_DAMAGED or LAST_SIGNED_DAMAGED: nothing was started */
export function createValidator(options: ValidatorOptions): ValidatorHandle {
  const { env, genesisHash } = options;
  const guard = env.signer && createSigningGuard({ ...env, signer: env.signer, genesisHash });
  // An empty database beside a key that has no record, or signed nothing by it, is a first start; with a running one a
  // record went missing.
  const last = guard?.last();
  const isFirstStart =
    guard !== undefined && (last === undefined || isPastUnknown(last)) && env.app.head().height === 0;
  if (isFirstStart || options.keyNeverSigned === true) guard?.declareNew();
  const wal = createWal({ ...env, genesisHash });
  return createShell(options, guard, wal, isFirstStart);
}

function createShell(
  options: ValidatorOptions,
  guard: SigningGuard | undefined,
  wal: Wal,
  isFirstStart: boolean,
): ValidatorHandle {
  const { env, genesisHash } = options;
  const { app, clock, net, log } = env;
  let run: HeightRun | undefined;
  let parent: ParentCommit | undefined;
  let waiting: Waiting[] = [];
  let committing: Promise<unknown> | undefined;
  let state: 'new' | 'running' | 'stopped' = 'new';
  let halted: string | undefined;
  let voting = false;
  let lastProgressMs = 0;
  let lastHintMs = 0;
  let lastRound = 0;
  let missingRecordTold = false;
  /** Last height that a key without a past leaves out on a chain that was running before it came; 0 at genesis. */
  let quietUntil: number | undefined;
  /** Peers that told where they are, for the first start. */
  const answered = new Set<PeerId>();
  const cancels = new Set<Cancel>();
  const subscriptions: Cancel[] = [];
  const ownSignatures =
    guard &&
    env.signer &&
    createOwnSignatures({
      ...env,
      signer: env.signer,
      guard,
      checkHeight: options.doubleSignCheckHeight ?? 0,
    });

  // ---------------------------------------------------------------- heights

  const startHeight = (head: Head): void => {
    if (state !== 'running') return;
    try {
      runHeight(head);
    } catch (error) {
      halt(error);
    }
  };

  const runHeight = (head: Head): void => {
    run?.close();
    const height = asHeight(head.height + 1);
    const opened = wal.open(height);
    if (opened.result === 'ahead')
      log(
        'warn',
        'the log is about a later height than the database; following without signing until there',
        {
          height,
          log: opened.height,
        },
      );
    const resumed = opened.result === 'resume' ? opened.records : undefined;
    const current = createHeight({
      env,
      genesisHash,
      parameters: options.parameters,
      head,
      height,
      guard,
      wal,
      resumed,
      parent,
      maySign: opened.result !== 'ahead' && mayGuardSign(height),
      onDecide: (decision) => void commitDecided(current, decision),
      onProgress(round, branch) {
        lastProgressMs = clock.nowMs();
        if (round > lastRound) askInNewRound(round);
        options.onProgress?.(height, round, branch);
      },
      onFault: halt,
      watch: options.watch,
    });
    run = current;
    lastRound = 0;
    lastProgressMs = clock.nowMs();
    current.begin();
    voting = current.maySign() && current.core.config.self !== undefined;
    const messages = waiting;
    waiting = [];
    for (const message of messages) if (run === current) takeWaiting(current, message);
  };

  const takeWaiting = (current: HeightRun, message: Waiting): void => {
    if (message.kind === 'vote') {
      if (message.vote.height === current.height) current.feed({ kind: 'vote', vote: message.vote });
      return;
    }
    const { proposal, arrivalMs, block, from } = message;
    if (proposal.height !== current.height || !isProposalExpected(current.core, proposal)) return;
    current.blocks.source(proposal.blockHash, from);
    if (block !== undefined) current.blocks.offer(proposal.blockHash, block);
    current.feed({ kind: 'proposal', proposal, arrivalMs });
    askForPolka(proposal, current, from);
  };

  /** Rules about keys whose past is uncertain: silence costs a few blocks, a second signature costs the stake. */
  const mayGuardSign = (height: Height): boolean => {
    if (guard === undefined) return false;
    const last = guard.last();
    if (last === undefined) {
      if (missingRecordTold) return false;
      missingRecordTold = true;
      log(
        'error',
        'LAST_SIGNED_MISSING: this key has no last-signed record on a chain that is already running; not signing. If it has never signed here, start once with validator.riskSlashingWithoutRecord',
        {
          height,
        },
      );
      return false;
    }
    if (quietUntil === undefined) {
      const isUnsigned = isPastUnknown(last) && options.keyNeverSigned !== true;
      quietUntil = isUnsigned && height > 1 ? height + LIMITS.quietHeights - 1 : 0;
      if (quietUntil > 0)
        log(
          'warn',
          'this key has signed nothing from this data directory, and its chain is running already: not signing yet, in case the directory is a new one under an old key. If the key has never signed here, start once with validator.riskSlashingWithoutRecord',
          { height, until: quietUntil },
        );
    }
    if (height <= quietUntil || ownSignatures?.mustRest(height) === true) return false;
    guard.declareFree();
    return true;
  };
  const commitDecided = async (current: HeightRun, decision: Decision): Promise<void> => {
    if (run !== current || committing !== undefined) return;
    const head = app.head();
    invariant(head.height + 1 === current.height, 'the height decided is the next one');
    const { blockHash, bytes, precommits, round } = decision;
    const set = head.validators;
    const certificate = makeCertificate(set, precommits, env.bls.aggregate);
    const problem = verifyCertificate(set, genesisHash, certificate, env.bls.fastAggregateVerify);
    if (problem !== undefined) {
      halt(
        new ConsensusError(
          'BAD_CERTIFICATE',
          `own certificate of height ${current.height} is wrong: ${problem}`,
        ),
      );
      return;
    }
    parent = collectParentCommit(set, certificate, precommits, env.bls);
    ownSignatures?.saw(certificate, set);
    await whileCommitting(app.commit({ blockHash, bytes, certificate }), (next) => {
      options.onCommitted?.(next, round, { certificate, set });
      startHeight(next);
    });
  };

  /** Only one commit at a time; whoever waits for it continues after `then`. */
  const whileCommitting = async (work: Promise<Head>, then: (head: Head) => void): Promise<void> => {
    const done = work.then(
      (head) => {
        committing = undefined;
        if (state === 'running') then(head);
      },
      (error) => {
        committing = undefined;
        halt(error);
      },
    );
    committing = done;
    await done;
  };

  const halt = (error: unknown): void => {
    if (halted !== undefined || state !== 'running') return;
    halted = error instanceof Error ? error.message : String(error);
    log('error', `stopped: ${halted}`, { height: run?.height ?? 0 });
    close();
    options.onHalt?.(halted);
  };

  // ---------------------------------------------------------------- catching up

  const isPastOfKeyUnknown = (): boolean => {
    const last = guard?.last();
    return guard !== undefined && (last === undefined || isPastUnknown(last));
  };

  const catchUp: CatchUp = createCatchUp({
    app,
    bls: env.bls,
    clock,
    random: env.random,
    net,
    log,
    genesisHash,
    async claim(height) {
      while (committing !== undefined) await committing;
      if (state !== 'running' || app.head().height + 1 !== height) return false;
      run?.close();
      run = undefined;
      claimedSet = app.head().validators;
      committing = new Promise<void>((resolve) => {
        releaseClaim = resolve;
      });
      return true;
    },
    onCommitted(head, certificate) {
      committing = undefined;
      releaseClaim();
      parent = fixedParentCommit(certificate);
      // Its rest counts from where the chain is.
      if (isPastOfKeyUnknown()) quietUntil = undefined;
      lastProgressMs = clock.nowMs();
      if (claimedSet === undefined) return;
      ownSignatures?.saw(certificate, claimedSet);
      options.onCommitted?.(head, certificate.round, { certificate, set: claimedSet });
    },
    onSilence() {
      // A key whose past is unknown must not sign, or count its rest, in a height that the chain has left behind.
      if (isPastOfKeyUnknown()) return;
      if (run === undefined && committing === undefined && state === 'running') startHeight(app.head());
    },
    onEnd: () => goOn(),
    onFault: halt,
  });
  let releaseClaim: () => void = () => {};
  /** Set that voted on the block which catching up commits. */
  let claimedSet: ValidatorSet | undefined;

  // ---------------------------------------------------------------- votes

  const batch: VoteBatch = createVoteBatch({
    clock,
    bls: env.bls,
    genesisHash,
    onVerified(vote) {
      if (state !== 'running') return false;
      if (parent?.wants(vote)) {
        if (parent.add(vote)) run?.feed({ kind: 'parentComplete' });
        return true;
      }
      if (run === undefined) return false;
      if (vote.height === run.height + 1) return wait({ kind: 'vote', vote });
      // Asked once more: the batch may have held it twice or with a crowd of its kind, and what is fed is logged.
      if (vote.height !== run.height || !isVoteUseful(run.core, vote)) return false;
      run.feed({ kind: 'vote', vote });
      return true;
    },
  });

  /** False if there is no place. */
  const wait = (message: Waiting): boolean => {
    if (message.kind === 'vote' && !hasPlaceFor(message.vote)) return false;
    if (waiting.length >= LIMITS.maxFutureMessages) return false;
    waiting.push(message);
    return true;
  };

  /** One member that votes for whatever it can think of must not take the places of the others. */
  const hasPlaceFor = (vote: Vote): boolean => {
    let own = 0;
    for (const one of waiting) {
      if (one.kind !== 'vote' || one.vote.validator !== vote.validator) continue;
      own++;
      if (sameVote(one.vote, vote)) return false;
    }
    return own < LIMITS.maxFutureVotesPerValidator;
  };

  /** The key to check a vote with; 'ignore' if it helps nobody, 'reject' if its author has no say. */
  const keyFor = (vote: Vote): Uint8Array | 'ignore' | 'reject' => {
    if (parent?.wants(vote)) return parent.keyOf(vote.validator);
    if (run === undefined) return 'ignore';
    let set: ValidatorSet;
    if (vote.height === run.height) {
      set = run.core.config.set;
      if (!isVoteUseful(run.core, vote)) return 'ignore';
    } else if (vote.height === run.height + 1) {
      set = app.head().nextValidators;
      if (app.head().height + 1 !== run.height) return 'ignore';
      if (!hasPlaceFor(vote)) return 'ignore';
    } else return 'ignore';
    return findValidator(set, vote.validator)?.blsPublicKey ?? 'reject';
  };

  const takeVotes = async (votes: readonly Vote[], from: PeerId): Promise<GossipVerdict> => {
    const checks: Promise<VoteVerdict>[] = [];
    let verdict: GossipVerdict = 'ignore';
    for (const vote of votes) {
      if (run !== undefined && vote.height > run.height) hint(from);
      const key = keyFor(vote);
      if (key === 'reject') {
        verdict = 'reject';
        net.penalise(from, 'NOT_AUTHORISED');
      } else if (key !== 'ignore') checks.push(batch.check(vote, key));
    }
    const results = await Promise.all(checks);
    if (results.includes('forged')) {
      net.penalise(from, 'BAD_SIGNATURE');
      return 'reject';
    }
    if (verdict === 'reject') return verdict;
    return results.includes('taken') ? 'accept' : 'ignore';
  };

  // ---------------------------------------------------------------- proposals

  const takeProposal = (proposal: Proposal, block: Uint8Array | undefined, from: PeerId): GossipVerdict => {
    if (run === undefined) return 'ignore';
    if (proposal.height > run.height) hint(from);
    const set = setForProposal(proposal, run);
    if (set === undefined) return 'ignore';
    if (proposerAt(set, proposal.round).address !== proposal.proposer) return refuse(from, 'NOT_AUTHORISED');
    const known =
      run.core.proposals.get(proposal.round)?.some((one) => sameProposal(one.proposal, proposal)) ?? false;
    if (proposal.height === run.height && known) {
      if (block !== undefined) run.blocks.offer(proposal.blockHash, block);
      return 'ignore';
    }
    if (proposal.height === run.height && !hasRoomFor(run.core, proposal)) return 'ignore';
    const key = findValidator(set, proposal.proposer)!.blsPublicKey;
    if (!env.bls.verify(proposalSignBytes(genesisHash, proposal), key, proposal.signature))
      return refuse(from, 'BAD_SIGNATURE');
    const message: Waiting = { kind: 'proposal', proposal, arrivalMs: clock.nowMs(), block, from };
    if (proposal.height === run.height) takeWaiting(run, message);
    else wait(message);
    return 'accept';
  };

  const setForProposal = (proposal: Proposal, current: HeightRun): ValidatorSet | undefined => {
    if (proposal.height === current.height)
      return proposal.round <= roundOf(current.core) + CONSENSUS_LIMITS.maxProposalRoundsAhead
        ? current.core.config.set
        : undefined;
    const head = app.head();
    if (proposal.height !== current.height + 1 || head.height + 1 !== current.height) return undefined;
    if (proposal.round > CONSENSUS_LIMITS.maxProposalRoundsAhead) return undefined;
    return hasPlaceForProposal(proposal) ? head.nextValidators : undefined;
  };

  /** Each may bring a block with it: what is kept of one round at its own height is kept of it here, and no more. */
  const hasPlaceForProposal = (proposal: Proposal): boolean => {
    const ofRound = waiting.filter((one) => one.kind === 'proposal' && one.proposal.round === proposal.round);
    return (
      ofRound.length < CONSENSUS_LIMITS.maxProposalsPerRound &&
      !ofRound.some((one) => one.kind === 'proposal' && sameProposal(one.proposal, proposal))
    );
  };

  const refuse = (from: PeerId, code: PenaltyCode): GossipVerdict => {
    net.penalise(from, code);
    return 'reject';
  };

  // ---------------------------------------------------------------- anti-entropy

  const askStatus = async (peer: PeerId): Promise<void> => {
    const asked = run;
    const height = asked?.height ?? asHeight(app.head().height + 1);
    const status =
      asked === undefined ? { height, round: asRound(0), rounds: [] } : describe(asked.core, height);
    const bytes = await net.request(peer, 'status', encodeStatus(status));
    if (bytes === undefined || state !== 'running') return;
    try {
      const answer = decodeStatusAnswer(bytes);
      if (answered.size < LIMITS.maxFutureMessages) answered.add(peer);
      catchUp.peerAt(peer, answer.headHeight);
      for (const proposal of answer.proposals) takeProposal(proposal, undefined, peer);
      if (answer.votes.length > 0) await takeVotes(answer.votes, peer);
    } catch {
      net.penalise(peer, 'BAD_ANSWER');
    }
  };

  /** Somebody works on a later height: if this one does not end very soon, ask how. */
  const hint = (from: PeerId): void => {
    const now = clock.nowMs();
    if (Math.abs(now - lastHintMs) < LIMITS.retryMs) return;
    lastHintMs = now;
    const height = run?.height;
    later(LIMITS.retryMs, () => {
      if (run?.height === height) void askStatus(from);
    });
  };

  /** A round that failed may have failed because a message was lost: somebody will have it. */
  const askInNewRound = (round: Round): void => {
    lastRound = round;
    const [peer] = shuffled(net.peers(), env.random);
    if (peer !== undefined) later(0, () => void askStatus(peer));
  };

  /** Line 28 needs the polka of an earlier round; the proposer has it, or it would not have proposed so. */
  const askForPolka = (proposal: Proposal, current: HeightRun, from: PeerId): void => {
    if (proposal.validRound === NO_ROUND || proposal.round < roundOf(current.core)) return;
    const prevotes = votesOf(current.core.votes, proposal.validRound, 'prevote');
    if (prevotes === undefined || !hasQuorumFor(prevotes, current.core.config.set, proposal.blockHash))
      later(0, () => void askStatus(from));
  };

  const later = (delayMs: number, work: () => void): void => {
    const cancel = clock.setTimer(delayMs, () => {
      cancels.delete(cancel);
      if (state === 'running') work();
    });
    cancels.add(cancel);
  };

  /**
   * A first start may be the second life of a key whose disk was lost. Voting at height 1 of a chain that is
   * running would then be double signing, so peers are heard first; at a real genesis they all say "height 0".
   */
  const lookAround = async (): Promise<void> => {
    const others = app.head().validators.validators.length - 1;
    for (
      let waitedMs = 0;
      waitedMs < LIMITS.lookAroundMs && answered.size < others;
      waitedMs += LOOK_STEP_MS
    ) {
      if (state !== 'running' || catchUp.target() !== undefined) return;
      await new Promise<void>((resolve) => void clock.setTimer(LOOK_STEP_MS, resolve));
      for (const peer of net.peers()) if (!answered.has(peer)) void askStatus(peer);
    }
  };

  /** Starts the next height, unless it has been started or catching up will do it. */
  const goOn = (): void => {
    if (run === undefined && committing === undefined && catchUp.target() === undefined)
      startHeight(app.head());
  };

  const watch = (): void => {
    later(LIMITS.stallMs, () => {
      if (Math.abs(clock.nowMs() - lastProgressMs) >= LIMITS.stallMs)
        for (const peer of shuffled(net.peers(), env.random).slice(0, LIMITS.maxStatusPeers))
          void askStatus(peer);
      watch();
    });
  };

  // ---------------------------------------------------------------- serving

  const serve = async (
    kind: RequestKind,
    payload: Uint8Array,
    from: PeerId,
  ): Promise<Uint8Array | undefined> => {
    switch (kind) {
      case 'status': {
        const status = decodeStatus(payload);
        const headHeight = app.head().height;
        if (status.height > headHeight + 1) catchUp.peerAt(from, asHeight(status.height - 1));
        if (run !== undefined && status.height === run.height)
          return encodeStatusAnswer(answerTo(status, run.core, headHeight));
        return encodeStatusAnswer({ headHeight, proposals: [], votes: [] });
      }
      case 'block': {
        const { height, blockHash } = decodeBlockQuestion(payload);
        if (run?.height === height) return run.blocks.judged(blockHash);
        const stored = await app.getBlock(height);
        return stored?.blockHash === blockHash ? stored.bytes : undefined;
      }
      case 'range': {
        const { from: first, count } = decodeRangeQuestion(payload);
        const headHeight = app.head().height;
        const blocks: CertifiedBlock[] = [];
        let size = 0;
        for (let height: number = first; height < first + count && height <= headHeight; height++) {
          const stored = await app.getBlock(asHeight(height));
          if (stored?.certificate === undefined) break;
          size += stored.bytes.length;
          if (size > LIMITS.maxRangeBytes && blocks.length > 0) break;
          blocks.push({ certificate: stored.certificate, bytes: stored.bytes });
        }
        return encodeRangeAnswer({ headHeight, blocks });
      }
    }
  };

  // ---------------------------------------------------------------- life

  const close = (): void => {
    run?.close();
    batch.clear();
    catchUp.stop();
    for (const cancel of cancels) cancel();
    cancels.clear();
    for (const unsubscribe of subscriptions.splice(0)) unsubscribe();
    state = 'stopped';
    releaseClaim();
    wal.close();
  };

  return {
    async start() {
      invariant(state === 'new', 'a validator starts once');
      const head = app.head();
      if (head.height > 0) {
        const certificate: CommitCertificate | undefined = (await app.getBlock(head.height))?.certificate;
        invariant(certificate !== undefined, 'a committed block has its certificate');
        parent = fixedParentCommit(certificate);
        await ownSignatures?.look();
      }
      state = 'running';
      subscriptions.push(
        app.onTransactions(() => {
          if (run?.core.pacing.transactionsSinceMs === undefined && app.hasTransactions())
            run?.feed({ kind: 'transactions' });
        }),
        app.onReady((blockHash) => run?.blocks.ready(blockHash)),
      );
      watch();
      for (const peer of net.peers()) void askStatus(peer);
      if (isFirstStart && head.validators.validators.length > 1) void lookAround().then(goOn, halt);
      else goOn();
    },
    async stop() {
      if (state === 'running') close();
      state = 'stopped';
      await committing;
    },
    async onGossip(kind: GossipKind, bytes: Uint8Array, from: PeerId) {
      if (state !== 'running') return 'ignore';
      try {
        if (kind === 'votes') return await takeVotes(decodeVotes(bytes), from);
        const { proposal, block } = decodeProposalMessage(bytes);
        return takeProposal(proposal, block, from);
      } catch (error) {
        if (!(error instanceof ConsensusError) || error.code === 'INTERNAL') {
          halt(error);
          return 'ignore';
        }
        return refuse(from, 'MALFORMED');
      }
    },
    async onRequest(kind, payload, from) {
      if (state !== 'running') return undefined;
      try {
        return await serve(kind, payload, from);
      } catch (error) {
        if (error instanceof ConsensusError) net.penalise(from, 'MALFORMED');
        else log('error', `could not answer a ${kind} request: ${error}`);
        return undefined;
      }
    },
    onPeer(peer) {
      if (state === 'running') void askStatus(peer);
    },
    status(): ValidatorStatus {
      const head = app.head();
      return {
        height: run?.height ?? asHeight(head.height + 1),
        round: run === undefined ? asRound(0) : roundOf(run.core),
        step: run?.core.machine.step ?? 'newRound',
        headHeight: head.height,
        syncingTo: catchUp.target(),
        voting: voting && run !== undefined && halted === undefined,
        halted,
      };
    },
  };
}

/** Whether the keeper would take the vote: known ones and third votes of equivocators are not worth a check. */
function isVoteUseful(core: Core, vote: Vote): boolean {
  const index = indexOfValidator(core.config.set, vote.validator);
  if (index < 0) return true;
  if (!isRoundWelcome(core.votes, index, vote.round, roundOf(core))) return false;
  const held = votesOf(core.votes, vote.round, vote.type);
  const known = held?.byVoter.get(index);
  if (held === undefined || known === undefined) return true;
  if (known.some((one) => one.blockHash === vote.blockHash)) return false;
  return (
    known.length < CONSENSUS_LIMITS.maxHashesPerVoter ||
    isMinority(powerFor(held, vote.blockHash), core.config.set.totalPower)
  );
}

/** Two proposals of one round prove equivocation; a third is of use only if others vote for it. */
function hasRoomFor(core: Core, proposal: Proposal): boolean {
  const known = core.proposals.get(proposal.round) ?? [];
  if (known.length < CONSENSUS_LIMITS.maxProposalsPerRound) return true;
  if (known.some((one) => one.proposal.blockHash === proposal.blockHash)) return false;
  const prevotes = votesOf(core.votes, proposal.round, 'prevote');
  return (
    prevotes !== undefined && isMinority(powerFor(prevotes, proposal.blockHash), core.config.set.totalPower)
  );
}

function sameVote(a: Vote, b: Vote): boolean {
  return (
    a.validator === b.validator && a.round === b.round && a.type === b.type && a.blockHash === b.blockHash
  );
}

function sameProposal(a: Proposal, b: Proposal): boolean {
  return (
    a.height === b.height &&
    a.round === b.round &&
    a.blockHash === b.blockHash &&
    a.timestampMs === b.timestampMs &&
    a.validRound === b.validRound
  );
}
