/** Operations of staking. What they do and refuse is README.md beside this file. */

import { fromHex, toHex } from '../abi.ts';
import type { ModuleContext } from '../context.ts';
import { POSSESSION } from '../gas.ts';
import type { ModuleSpec } from '../module.ts';
import { ZERO_ADDRESS } from '../storage.ts';
import { stakingInterface } from './abi.ts';
import { addBond, takeBond, takeReleased } from './bonds.ts';
import { holdsKey } from './possession.ts';
import { othersHavePower } from './sets.ts';
import {
  isKeyUsed,
  readCertificateHash,
  readSet,
  readUnbondings,
  readValidator,
  readValidators,
  STAKING_ADDRESS,
  writeBond,
  writeValidator,
} from './storage.ts';
import type { StakingValidator } from './types.ts';

const { revert, encodeEvent } = stakingInterface;

export const handlers: ModuleSpec<typeof stakingInterface.spec>['handlers'] = {
  async register(context, blsPublicKey, proofOfPossession, recipient) {
    const operator = context.caller;
    if (recipient === ZERO_ADDRESS) throw revert('ZeroAddress', []);
    if (readValidator(context, operator, context.params.staking.powerUnit) !== undefined)
      throw revert('AlreadyRegistered', [operator]);
    context.useGas(POSSESSION);
    if (!(await holdsKey(context.genesisHash, operator, blsPublicKey, proofOfPossession)))
      throw revert('NotInPossession', []);
    const key = toHex(blsPublicKey);
    if (isKeyUsed(context, key)) throw revert('KeyUsed', []);
    writeValidator(context, { operator, blsPublicKey: key, recipient });
    context.emit(encodeEvent('ValidatorAdded', [operator, context.value]));
    addBond(context, known(context, operator), context.value);
    return [];
  },

  bond(context) {
    const validator = known(context, context.caller);
    if (context.value === 0n) throw revert('ZeroAmount', []);
    addBond(context, validator, context.value);
    return [];
  },

  unbond(context, amount) {
    const validator = known(context, context.caller);
    const { powerUnit } = context.params.staking;
    if (amount === 0n) throw revert('ZeroAmount', []);
    if (amount > validator.bond) throw revert('BondTooLow', [validator.bond, amount]);
    const left = validator.bond - amount;
    if (left > 0n && left < powerUnit) throw revert('BondTooLow', [left, powerUnit]);
    if (left === 0n && validator.power > 0n && !othersHavePower(context, context.caller))
      throw revert('LastValidator', []);
    takeBond(context, validator, amount);
    return [];
  },

  withdraw(context) {
    const amount = takeReleased(context, context.caller);
    if (amount === 0n) throw revert('NothingToWithdraw', []);
    context.transfer(STAKING_ADDRESS, context.caller, amount);
    context.emit(encodeEvent('Withdrawn', [context.caller, amount]));
    return [amount];
  },

  unjail(context) {
    const validator = known(context, context.caller);
    const { powerUnit } = context.params.staking;
    if (!validator.jailed) throw revert('NotJailed', []);
    const now = context.block.number;
    if (now < validator.jailedUntil)
      throw revert('StillJailed', [BigInt(validator.jailedUntil), BigInt(now)]);
    if (validator.bond < powerUnit) throw revert('BondTooLow', [validator.bond, powerUnit]);
    writeBond(context, context.caller, { ...validator, jailed: false });
    context.emit(encodeEvent('Unjailed', [context.caller]));
    return [];
  },

  setRecipient(context, recipient) {
    const validator = known(context, context.caller);
    if (recipient === ZERO_ADDRESS) throw revert('ZeroAddress', []);
    writeValidator(context, { ...validator, recipient });
    // The set names the recipient, so that it takes effect as a change of bond does.
    writeBond(context, context.caller, validator);
    context.emit(encodeEvent('RecipientSet', [context.caller, recipient]));
    return [];
  },

  validators: (context) => [
    readValidators(context, context.params.staking.powerUnit)
      .sort((a, b) => (a.operator < b.operator ? -1 : 1))
      .map(toStruct),
  ],

  validator: (context, operator) => [toStruct(known(context, operator))],

  unbondings: (context, operator) => [
    readUnbondings(context, operator).map(({ amount, releasedAt }) => ({
      amount,
      releasedAt: BigInt(releasedAt),
    })),
  ],

  validatorSet(context, blockNumber) {
    const set = blockNumber < 1n << 53n ? readSet(context, Number(blockNumber)) : undefined;
    if (set === undefined) throw revert('OutOfRange', [blockNumber]);
    return [
      set.validators.map(({ address, blsPublicKey, power, recipient, priority }) => ({
        operator: address,
        blsPublicKey,
        power,
        recipient,
        priority,
      })),
    ];
  },

  certificateHash(context, blockNumber) {
    const hash = blockNumber < 1n << 53n ? readCertificateHash(context, Number(blockNumber)) : undefined;
    if (hash === undefined) throw revert('OutOfRange', [blockNumber]);
    return [hash];
  },
};

function known(context: ModuleContext, operator: StakingValidator['operator']): StakingValidator {
  const found = readValidator(context, operator, context.params.staking.powerUnit);
  if (found === undefined) throw revert('UnknownValidator', [operator]);
  return found;
}

function toStruct(validator: StakingValidator) {
  return {
    ...validator,
    blsPublicKey: fromHex(validator.blsPublicKey),
    jailedUntil: BigInt(validator.jailedUntil),
  };
}
