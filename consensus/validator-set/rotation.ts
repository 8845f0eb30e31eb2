/**
 * Weighted round robin, the rule that CometBFT's ValidatorSet.IncrementProposerPriority describes: every turn each
 * validator gains its power, the one with the highest priority proposes and pays the total power. Over time each
 * proposes in proportion to its power. Priorities are centred on zero and their spread is clipped to twice the
 * total power before each turn, so that joining, leaving and changes of power cannot store up unbounded turns.
 */
import { invariant } from '../errors.ts';
import type { Round, Validator, ValidatorInfo, ValidatorSet } from '../types.ts';
import { createValidatorSet } from './set.ts';

/** The spread of priorities is at most this many times the total power. */
const SPREAD = 2n;

/** Division rounding towards zero, as BigInt does. Named, because the rule depends on it. */
function quotient(a: bigint, b: bigint): bigint {
  return a / b;
}

/** Floor division: the average must shift negative sums the same way as positive ones. */
function floorQuotient(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q;
}

function clipSpread(priorities: bigint[], totalPower: bigint): void {
  let most = priorities[0]!;
  let least = priorities[0]!;
  for (const priority of priorities) {
    if (priority > most) most = priority;
    if (priority < least) least = priority;
  }
  const limit = SPREAD * totalPower;
  const spread = most - least;
  if (spread <= limit) return;
  const ratio = (spread + limit - 1n) / limit;
  for (let i = 0; i < priorities.length; i++) priorities[i] = quotient(priorities[i]!, ratio);
}

function centre(priorities: bigint[]): void {
  const sum = priorities.reduce((a, b) => a + b, 0n);
  const average = floorQuotient(sum, BigInt(priorities.length));
  for (let i = 0; i < priorities.length; i++) priorities[i] = priorities[i]! - average;
}

/** One turn. Ties go to the lower address, which is the lower index. Returns the proposer's index. */
function turn(priorities: bigint[], set: ValidatorSet): number {
  let best = 0;
  for (let i = 0; i < priorities.length; i++) {
    priorities[i] = priorities[i]! + set.validators[i]!.power;
    if (priorities[i]! > priorities[best]!) best = i;
  }
  priorities[best] = priorities[best]! - set.totalPower;
  return best;
}

/** Turns already taken in this set, so that round r costs one turn after round r-1. */
const rotations = new WeakMap<ValidatorSet, { priorities: bigint[]; proposers: number[] }>();

/** The proposer of `round` at the height whose set this is. Cost: one turn per round not asked before. */
export function proposerAt(set: ValidatorSet, round: Round): Validator {
  let rotation = rotations.get(set);
  if (rotation === undefined) {
    const priorities = set.validators.map((validator) => validator.priority);
    clipSpread(priorities, set.totalPower);
    centre(priorities);
    rotation = { priorities, proposers: [] };
    rotations.set(set, rotation);
  }
  while (rotation.proposers.length <= round) rotation.proposers.push(turn(rotation.priorities, set));
  return set.validators[rotation.proposers[round]!]!;
}

/** The same members with the priorities of the next height: one turn, whatever the number of rounds was. */
export function advance(set: ValidatorSet): ValidatorSet {
  const priorities = set.validators.map((validator) => validator.priority);
  clipSpread(priorities, set.totalPower);
  centre(priorities);
  turn(priorities, set);
  return createValidatorSet(
    set.validators.map((validator, i) => ({ ...validator, priority: priorities[i]! })),
  );
}

/**
 * New membership, as staking decided it: who stays keeps its priority, who joins starts at -1.125 x total power
 * (so that leaving and joining again never wins a turn); then clipped and centred. Apply before `advance`.
 */
export function withMembers(set: ValidatorSet, members: readonly ValidatorInfo[]): ValidatorSet {
  const total = members.reduce((sum, member) => sum + member.power, 0n);
  const before = new Map(set.validators.map((validator) => [validator.address, validator.priority]));
  const joined = createValidatorSet(
    members.map((member) => ({
      address: member.address,
      blsPublicKey: member.blsPublicKey,
      power: member.power,
      recipient: member.recipient,
      priority: before.get(member.address) ?? -(total + (total >> 3n)),
    })),
  );
  const priorities = joined.validators.map((validator) => validator.priority);
  clipSpread(priorities, joined.totalPower);
  centre(priorities);
  invariant(priorities.length === joined.validators.length, 'a priority for each validator');
  return createValidatorSet(
    joined.validators.map((validator, i) => ({ ...validator, priority: priorities[i]! })),
  );
}
