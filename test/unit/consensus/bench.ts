/** One node's core on a bench: inputs go in by hand, effects are kept, signatures are made of nothing. */
import { type Core, createCore, handle } from '../../../consensus/driver/core.ts';
import type { Verdict } from '../../../consensus/driver/inputs.ts';
import { type Effect, run } from '../../../consensus/effects.ts';
import type { ConsensusParameters, TimeoutKind } from '../../../consensus/parameters.ts';
import type { Branch } from '../../../consensus/state-machine/state.ts';
import {
  type Address,
  asHeight,
  asRound,
  type Hash,
  NO_ROUND,
  type Proposal,
  type Validator,
  type ValidatorSet,
  type Vote,
  type VoteType,
} from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';

export const PARAMETERS: ConsensusParameters = {
  minBlockIntervalMs: 100,
  heartbeatMs: 5_000,
  commitWaitMs: 50,
  gossipGraceMs: 80,
  proposeTimeoutMs: 1_000,
  prevoteTimeoutMs: 500,
  precommitTimeoutMs: 500,
  timeoutDeltaMs: 200,
  precisionMs: 50,
  messageDelayMs: 300,
};

export const A: Hash = `0x${'aa'.repeat(32)}`;
export const B: Hash = `0x${'bb'.repeat(32)}`;
export const GENESIS: Hash = `0x${'01'.repeat(32)}`;
export const NOW = 1_000_000;

export function addressOf(index: number): Address {
  return `0x${(index + 1).toString(16).padStart(40, '0')}`;
}

export function validator(index: number, power = 1n, priority = 0n): Validator {
  const blsPublicKey = new Uint8Array(48).fill(index + 1);
  blsPublicKey[0] = (index + 1) ^ (index >> 8);
  return { address: addressOf(index), blsPublicKey, power, recipient: addressOf(index), priority };
}

export function setOf(powers: readonly number[]): ValidatorSet {
  return createValidatorSet(powers.map((power, i) => validator(i, BigInt(power))));
}

/** Every branch that any bench has taken, and skips: the coverage test reads it. */
export const coverage = new Set<Branch | 'L56 skip'>();

const STARTS: ReadonlySet<Branch> = new Set([
  'L16 propose validValue',
  'L18 getValue',
  'L21 schedule propose timeout',
]);

export interface Bench {
  readonly core: Core;
  readonly effects: Effect[];
  nowMs: number;
  start(options?: { transactions?: boolean; parentComplete?: boolean }): void;
  /** Votes of the named validators. */
  votes(type: VoteType, round: number, blockHash: Hash | null, ...validators: number[]): void;
  proposal(round: number, blockHash: Hash, options?: Partial<Proposal> & { arrivalMs?: number }): void;
  valid(blockHash: Hash, originRound?: number, timestampMs?: number): void;
  checked(blockHash: Hash, verdict: Verdict): void;
  built(round: number, blockHash: Hash): void;
  timeout(timeout: TimeoutKind, round: number): void;
  wake(): void;
  transactions(): void;
  parentComplete(): void;
  /** Effects of a kind since the last call of `take`. */
  take<K extends Effect['kind']>(kind: K): Extract<Effect, { kind: K }>[];
  /** Own votes so far, as "prevote 0 aa". */
  said(): string[];
  scheduled(): string[];
}

export function nameOf(hash: Hash | null): string {
  return hash === null ? 'nil' : hash.slice(2, 4);
}

export function createBench(
  options: {
    powers?: readonly number[];
    self?: number | undefined;
    height?: number;
    parentTimestampMs?: number;
  } = {},
): Bench {
  const set = setOf(options.powers ?? [1, 1, 1, 1]);
  const self = 'self' in options ? options.self : 0;
  const height = asHeight(options.height ?? 5);
  const core = createCore({
    height,
    set,
    parentTimestampMs: options.parentTimestampMs ?? NOW - 1_000,
    parameters: PARAMETERS,
    self: self === undefined ? undefined : addressOf(self),
  });
  const effects: Effect[] = [];
  const all: Effect[] = [];
  const signature = new Uint8Array(96).fill(7);
  let before: Branch | undefined;
  const cover = (round: number, branch: Branch) => {
    coverage.add(branch);
    // A round that starts without line 67 before it was skipped to.
    if (round > 0 && STARTS.has(branch) && before !== 'L67 next round') coverage.add('L56 skip');
    before = branch;
  };
  const feed = (input: Parameters<typeof handle>[1]) =>
    run(handle(core, input), (effect) => {
      effects.push(effect);
      all.push(effect);
      if (effect.kind === 'progress') cover(effect.round, effect.branch);
      return effect.kind === 'signVote' || effect.kind === 'signProposal' ? signature : undefined;
    });
  const bench: Bench = {
    core,
    effects,
    nowMs: NOW,
    start: ({ transactions = true, parentComplete = true } = {}) =>
      feed({ kind: 'start', nowMs: bench.nowMs, transactions, parentComplete }),
    votes(type, round, blockHash, ...validators) {
      for (const index of validators)
        feed({
          kind: 'vote',
          nowMs: bench.nowMs,
          vote: { type, height, round: asRound(round), blockHash, validator: addressOf(index), signature },
        });
    },
    proposal(round, blockHash, { arrivalMs, ...rest } = {}) {
      const proposal: Proposal = {
        height,
        round: asRound(round),
        blockHash,
        timestampMs: bench.nowMs,
        validRound: NO_ROUND,
        proposer: proposerAt(set, asRound(round)).address,
        signature,
        ...rest,
      };
      feed({ kind: 'proposal', nowMs: bench.nowMs, arrivalMs: arrivalMs ?? bench.nowMs, proposal });
    },
    valid: (blockHash, originRound = 0, timestampMs = bench.nowMs) =>
      bench.checked(blockHash, { answer: 'valid', originRound: asRound(originRound), timestampMs }),
    checked: (blockHash, verdict) => feed({ kind: 'checked', nowMs: bench.nowMs, blockHash, verdict }),
    built: (round, blockHash) =>
      feed({ kind: 'built', nowMs: bench.nowMs, round: asRound(round), blockHash, timestampMs: bench.nowMs }),
    timeout: (timeout, round) =>
      feed({ kind: 'timeout', nowMs: bench.nowMs, timeout, round: asRound(round) }),
    wake: () => feed({ kind: 'wake', nowMs: bench.nowMs }),
    transactions: () => feed({ kind: 'transactions', nowMs: bench.nowMs }),
    parentComplete: () => feed({ kind: 'parentComplete', nowMs: bench.nowMs }),
    take<K extends Effect['kind']>(kind: K) {
      const taken = effects.splice(0);
      return taken.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind);
    },
    said: () =>
      all
        .filter((effect) => effect.kind === 'broadcastVote')
        .map(({ vote }: { vote: Vote }) => `${vote.type} ${vote.round} ${nameOf(vote.blockHash)}`),
    scheduled: () =>
      all
        .filter((effect) => effect.kind === 'scheduleTimeout')
        .map((effect) => `${effect.timeout} ${effect.round}`),
  };
  return bench;
}

/** Bench of the validator that is not proposer of rounds 0..3 unless it must be: rotation is 0,1,2,3 for equal powers. */
export function follower(): Bench {
  return createBench({ self: 3 });
}
