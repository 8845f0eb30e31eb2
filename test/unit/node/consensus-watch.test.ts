import { describe, expect, it } from 'vitest';
import { createCore, handle } from '../../../consensus/driver/core.ts';
import type { Input } from '../../../consensus/driver/inputs.ts';
import { type Effect, run } from '../../../consensus/effects.ts';
import {
  type Address,
  asHeight,
  asRound,
  NO_ROUND,
  type Proposal,
  type Vote,
} from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { createConsensusWatch } from '../../../node/metrics/consensus-watch.ts';
import { createRegistry } from '../../../node/metrics/registry.ts';

const addressOf = (n: number): Address => `0x${String(n).padStart(2, '0').repeat(20)}`;
const set = createValidatorSet(
  [1, 2, 3, 4].map((n) => ({
    address: addressOf(n),
    blsPublicKey: new Uint8Array(48).fill(n),
    power: 1n,
    recipient: addressOf(n),
    priority: 0n,
  })),
);
const blockHash = `0x${'ab'.repeat(32)}` as const;
const signature = new Uint8Array(96);

describe('what a height does', () => {
  it('is counted under the names that charts ask for', () => {
    const registry = createRegistry('openledger');
    const watch = createConsensusWatch(registry);
    const core = createCore({
      height: asHeight(7),
      set,
      parentTimestampMs: 1_000,
      parameters: DEFAULT_PARAMS.consensus,
      self: undefined,
    });
    const feed = (input: Input) => {
      run(handle(core, input), (effect: Effect) => {
        watch.effect(core, effect);
        return undefined;
      });
      watch.handled(core, input);
    };
    const vote = (n: number, fields: Partial<Vote> = {}): Vote => ({
      type: 'prevote',
      height: asHeight(7),
      round: asRound(0),
      blockHash,
      validator: addressOf(n),
      signature,
      ...fields,
    });
    const value = (name: string) =>
      Number(
        registry
          .render()
          .split('\n')
          .find((line) => line.startsWith(`openledger_${name} `))
          ?.split(' ')
          .at(-1),
      );
    const proposer = proposerAt(set, asRound(0)).address;
    feed({ kind: 'start', transactions: true, parentComplete: true, nowMs: 2_000 });
    const proposal: Proposal = {
      height: asHeight(7),
      round: asRound(0),
      blockHash,
      timestampMs: 2_000,
      validRound: NO_ROUND,
      proposer,
      signature,
    };
    feed({ kind: 'proposal', proposal, arrivalMs: 2_010, nowMs: 2_010 });
    feed({
      kind: 'checked',
      blockHash,
      verdict: { answer: 'valid', originRound: asRound(0), timestampMs: 2_000 },
      nowMs: 2_020,
    });
    expect(value('consensus_proposal_receive_count{status="accepted"}')).toBe(1);
    for (const [i, n] of [1, 2, 3].entries()) feed({ kind: 'vote', vote: vote(n), nowMs: 2_100 + i * 100 });
    expect(value(`consensus_quorum_prevote_delay{proposer_address="${proposer}"}`)).toBeCloseTo(0.3);
    expect(value('consensus_round_voting_power_percent{vote_type="prevote"}')).toBe(75);
    expect(value(`consensus_full_prevote_delay{proposer_address="${proposer}"}`)).toBeNaN();
    feed({ kind: 'vote', vote: vote(4), nowMs: 2_500 });
    expect(value(`consensus_full_prevote_delay{proposer_address="${proposer}"}`)).toBeCloseTo(0.5);
    // One of them says something else as well.
    feed({ kind: 'vote', vote: vote(2, { blockHash: null }), nowMs: 2_600 });
    expect(value('consensus_byzantine_validators')).toBe(1);
    expect(value('consensus_byzantine_validators_power')).toBe(1);
    expect(value('consensus_late_votes{vote_type="prevote"}')).toBe(0);
    // Everybody is in round 1: this node follows, and what comes for round 0 is late.
    for (const n of [1, 3]) feed({ kind: 'vote', vote: vote(n, { round: asRound(1) }), nowMs: 3_000 });
    feed({ kind: 'vote', vote: vote(2, { type: 'precommit' }), nowMs: 3_100 });
    expect(value('consensus_late_votes{vote_type="precommit"}')).toBe(1);
    expect(value('consensus_round_duration_seconds_count')).toBe(1);
    expect(value('consensus_round_duration_seconds_sum')).toBeCloseTo(1);
    expect(value('consensus_step_duration_seconds_count{step="propose"}')).toBeGreaterThanOrEqual(1);
    expect(value('consensus_proposal_create_count')).toBe(0);
  });
});
