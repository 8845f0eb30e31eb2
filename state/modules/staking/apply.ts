/** Views of staking; in this form of the module nobody joins or leaves by transaction. */

import { fromHex } from '../abi.ts';
import type { ModuleSpec } from '../module.ts';
import { stakingInterface } from './abi.ts';
import { readCertificateHash, readSet, readValidator, readValidators } from './storage.ts';
import type { StakingValidator } from './types.ts';

const { revert } = stakingInterface;

export const handlers: ModuleSpec<typeof stakingInterface.spec>['handlers'] = {
  validators: (context) => [
    readValidators(context, context.params.staking.powerUnit)
      .sort((a, b) => (a.operator < b.operator ? -1 : 1))
      .map(toStruct),
  ],

  validator(context, operator) {
    const found = readValidator(context, operator, context.params.staking.powerUnit);
    if (found === undefined) throw revert('UnknownValidator', [operator]);
    return [toStruct(found)];
  },

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

function toStruct(validator: StakingValidator) {
  return { ...validator, blsPublicKey: fromHex(validator.blsPublicKey) };
}
