/** How bonds come and go: the list of those who may get a seat, and what was taken out and is not released yet. */
import { LIMITS } from '../../../consensus/limits.ts';
import type { Hex } from '../../types.ts';
import type { ModuleContext } from '../context.ts';
import { LISTED_PER_SEAT, MAX_UNBONDINGS } from '../limits.ts';
import { stakingInterface } from './abi.ts';
import {
  listValidator,
  readUnbondings,
  readValidators,
  unlistValidator,
  writeBond,
  writeUnbondings,
} from './storage.ts';
import type { StakingValidator } from './types.ts';

const { revert, encodeEvent } = stakingInterface;

/**
 * Adds `amount` wei, which the module holds already, to the bond of `validator`, and lists it if it is not.
 * @throws BondTooLow, NoRoom, PowerTooLarge
 */
export function addBond(context: ModuleContext, validator: StakingValidator, amount: bigint): void {
  const { powerUnit, maxValidators } = context.params.staking;
  const bond = validator.bond + amount;
  if (bond < powerUnit) throw revert('BondTooLow', [bond, powerUnit]);
  const listed = readValidators(context, powerUnit);
  const others = listed.filter(({ operator }) => operator !== validator.operator);
  const power = others.reduce((sum, other) => sum + other.power, bond / powerUnit);
  if (power > LIMITS.maxTotalPower) throw revert('PowerTooLarge', [power, LIMITS.maxTotalPower]);
  if (others.length === listed.length) {
    if (listed.length >= LISTED_PER_SEAT * maxValidators) pushOut(context, listed, bond / powerUnit);
    listValidator(context, validator.operator);
  }
  writeBond(context, validator.operator, { ...validator, bond });
  context.emit(encodeEvent('Bonded', [validator.operator, amount]));
}

/** Makes room for somebody with `power`: the weakest of the list gets its bond back, after the time that this takes. */
function pushOut(context: ModuleContext, listed: readonly StakingValidator[], power: bigint): void {
  const weakest = listed.reduce((a, b) =>
    b.power < a.power || (b.power === a.power && b.operator > a.operator) ? b : a,
  );
  if (power <= weakest.power) throw revert('NoRoom', [weakest.power]);
  takeBond(context, weakest, weakest.bond);
}

/** Takes `amount` out of the bond; its power is gone in set(H+2), the coins stay for as long as evidence counts. */
export function takeBond(context: ModuleContext, validator: StakingValidator, amount: bigint): void {
  const { operator } = validator;
  const bond = validator.bond - amount;
  writeBond(context, operator, { ...validator, bond });
  if (bond === 0n) unlistValidator(context, operator);
  // The bond still stands behind what is signed for set(H+1); evidence of that is taken this many blocks later (A11).
  const releasedAt = context.block.number + 2 + context.params.consensus.evidenceMaxAgeBlocks;
  const waiting = readUnbondings(context, operator);
  const last = waiting.length === MAX_UNBONDINGS ? waiting.pop() : undefined;
  waiting.push({ amount: amount + (last?.amount ?? 0n), releasedAt });
  writeUnbondings(context, operator, 0, waiting);
  context.emit(encodeEvent('Unbonding', [operator, amount, BigInt(releasedAt)]));
}

/** Takes what is released off the books and returns it; the caller pays it. */
export function takeReleased(context: ModuleContext, operator: Hex): bigint {
  const waiting = readUnbondings(context, operator);
  const held = waiting.findIndex(({ releasedAt }) => releasedAt > context.block.number);
  const released = held < 0 ? waiting.length : held;
  if (released === 0) return 0n;
  writeUnbondings(context, operator, released, waiting.slice(released));
  return waiting.slice(0, released).reduce((sum, { amount }) => sum + amount, 0n);
}
