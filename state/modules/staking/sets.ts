/** How bonds become sets of validators, and what the protocol does with them every block. */
import { hexToBytes } from '../../../consensus/bytes.ts';
import type { ValidatorInfo } from '../../../consensus/types.ts';
import { advance, withMembers } from '../../../consensus/validator-set/rotation.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import type { Genesis } from '../../../genesis/types.ts';
import { ChainError, Fault, type Hex, type StateView } from '../../types.ts';
import type { ModuleContext, ValidatorSets } from '../context.ts';
import { stakingInterface } from './abi.ts';
import {
  isKeyUsed,
  listValidator,
  readSet,
  readSetHeight,
  readUnbondings,
  readValidator,
  readValidators,
  STAKING_ADDRESS,
  takeChanged,
  toValidatorRecord,
  writeBond,
  writeCertificateHash,
  writeSet,
  writeUnbondings,
  writeValidator,
} from './storage.ts';
import type { StakingValidator } from './types.ts';

const BASIS_POINTS = 10_000n;

/** Block 0 creates the founders' bonds: they are not taken from the balances of the genesis file. */
export function bondsOf(genesis: Genesis): bigint {
  return genesis.validators.reduce((sum, validator) => sum + validator.bond, 0n);
}

/**
 * Block 0: registers the founders and makes set(1) and set(2). The module's account already holds their bonds.
 * @throws ChainError BAD_GENESIS for twice the same address or key, a bond below one unit of power, or no founders.
 */
export function foundStaking(context: ModuleContext, genesis: Genesis): void {
  const { maxValidators, powerUnit } = context.params.staking;
  const founders = [...genesis.validators].sort((a, b) => (a.address < b.address ? -1 : 1));
  if (founders.length === 0 || founders.length > maxValidators)
    throw badGenesis(`${founders.length} validators; it takes 1 to ${maxValidators}`);
  for (const { address, blsPublicKey, bond, recipient } of founders) {
    const operator = address.toLowerCase() as Hex;
    const key = blsPublicKey.toLowerCase() as Hex;
    if (readValidator(context, operator, powerUnit) !== undefined)
      throw badGenesis(`validator ${operator} is listed twice`);
    if (isKeyUsed(context, key)) throw badGenesis(`two validators share the BLS key ${key}`);
    if (bond < powerUnit)
      throw badGenesis(`the bond of validator ${operator} is below one unit of power (${powerUnit} wei)`);
    listValidator(context, operator);
    writeValidator(context, {
      operator,
      blsPublicKey: key,
      recipient: recipient.toLowerCase() as Hex,
    });
    writeBond(context, operator, { bond, jailed: false, jailedUntil: 0 });
    context.emit(stakingInterface.encodeEvent('ValidatorAdded', [operator, bond]));
  }
  if ((context.account(STAKING_ADDRESS)?.balance ?? 0n) < bondsOf(genesis))
    throw new Fault('the staking account does not hold the bonds of the founders');
  takeChanged(context);
  const first = createValidatorSet(
    membersOf(readValidators(context, powerUnit)).map((member) => ({ ...member, priority: 0n })),
  );
  writeSet(context, 1, first);
  writeSet(context, 2, advance(first));
}

/** Before the transactions of block H: the hash of the certificate of H-1 enters the ring (A4). Block 1 has none. */
export function rememberCertificate(context: ModuleContext, lastCommitHash: Hex): void {
  const parent = context.block.number - 1;
  if (parent >= 1) writeCertificateHash(context, parent, lastCommitHash);
}

/** After the transactions of block H: makes set(H+2) of set(H+1) and of the bonds as they are now (A6). */
export function advanceSets(context: ModuleContext): void {
  const height = context.block.number + 2;
  const before = readSet(context, height - 1);
  if (before === undefined) throw new Fault(`validator set ${height - 1} is missing`);
  const members = takeChanged(context)
    ? membersOf(readValidators(context, context.params.staking.powerUnit)).slice(
        0,
        context.params.staking.maxValidators,
      )
    : [];
  // A chain without validators could never get one again: the last set stays until somebody has power.
  const current = members.length > 0 ? withMembers(before, members) : before;
  writeSet(context, height, advance(current));
}

/** set(H+1) and set(H+2) of the state after block H. */
export function validatorSets(view: StateView): ValidatorSets {
  const height = readSetHeight(view);
  const next = readSet(view, height - 1);
  const afterNext = readSet(view, height);
  if (next === undefined || afterNext === undefined) throw new Fault('validator sets are missing');
  return {
    next: next.validators.map(toValidatorRecord),
    afterNext: afterNext.validators.map(toValidatorRecord),
  };
}

/**
 * Takes `bps` basis points of the bond, and of what was taken out of it and is not released, into the treasury and, if
 * `jail`, all power until no evidence of that time counts any more: the consequence of evidence. Takes effect in
 * set(H+2). Returns the wei taken; 0 for somebody who is no validator.
 */
export function slash(
  context: ModuleContext,
  operator: Hex,
  consequence: { bps: number; jail: boolean },
): bigint {
  const found = readValidator(context, operator, context.params.staking.powerUnit);
  if (found === undefined) return 0n;
  const part = (amount: bigint) => (amount * BigInt(consequence.bps)) / BASIS_POINTS;
  const unbondings = readUnbondings(context, operator);
  const amount = unbondings.reduce((sum, one) => sum + part(one.amount), part(found.bond));
  if (unbondings.length > 0)
    writeUnbondings(
      context,
      operator,
      0,
      unbondings.map((one) => ({ ...one, amount: one.amount - part(one.amount) })),
    );
  writeBond(context, operator, { ...found, bond: found.bond - part(found.bond) });
  if (amount > 0n) context.transfer(STAKING_ADDRESS, context.params.treasury, amount);
  context.emit(stakingInterface.encodeEvent('Slashed', [operator, amount]));
  if (consequence.jail) jail(context, operator, context.params.consensus.evidenceMaxAgeBlocks);
  return amount;
}

/** Takes all power for at least `blocks` more. */
export function jail(context: ModuleContext, operator: Hex, blocks: number): void {
  const found = readValidator(context, operator, context.params.staking.powerUnit);
  if (found === undefined) throw new Fault(`${operator} is no validator`);
  const jailedUntil = Math.max(found.jailedUntil, context.block.number + blocks);
  writeBond(context, operator, { ...found, jailed: true, jailedUntil });
  if (!found.jailed) context.emit(stakingInterface.encodeEvent('Jailed', [operator]));
}

/** Whether the chain goes on without `operator`: one without validators could never get one again. */
export function othersHavePower(context: ModuleContext, operator: Hex): boolean {
  return readValidators(context, context.params.staking.powerUnit).some(
    (other) => other.operator !== operator && other.power > 0n,
  );
}

/** Who has power, most first, ties by address: the order in which seats are given. */
function membersOf(validators: readonly StakingValidator[]): ValidatorInfo[] {
  return validators
    .filter((validator) => validator.power > 0n)
    .sort((a, b) => (a.power === b.power ? (a.operator < b.operator ? -1 : 1) : a.power > b.power ? -1 : 1))
    .map((validator) => ({
      address: validator.operator,
      blsPublicKey: hexToBytes(validator.blsPublicKey, 48),
      power: validator.power,
      recipient: validator.recipient,
    }));
}

function badGenesis(reason: string): ChainError {
  return new ChainError('BAD_GENESIS', `The genesis file cannot start a chain: ${reason}.`);
}
