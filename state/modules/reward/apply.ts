/** Operations of rewards. What they do and refuse is README.md beside this file. */
import type { ModuleSpec } from '../module.ts';
import { ZERO_ADDRESS } from '../storage.ts';
import { rewardInterface } from './abi.ts';
import {
  REWARD_ADDRESS,
  readBeneficiary,
  readReward,
  readTotalOwed,
  takeClaimable,
  writeBeneficiary,
} from './storage.ts';

const { revert, encodeEvent } = rewardInterface;

export const handlers: ModuleSpec<typeof rewardInterface.spec>['handlers'] = {
  claim(context) {
    const amount = takeClaimable(context, context.caller);
    if (amount === 0n) throw revert('NothingToClaim', []);
    const to = readBeneficiary(context, context.caller);
    context.transfer(REWARD_ADDRESS, to, amount);
    context.emit(encodeEvent('Claimed', [context.caller, to, amount]));
    return [amount];
  },

  setBeneficiary(context, beneficiary) {
    if (beneficiary === ZERO_ADDRESS) throw revert('ZeroAddress', []);
    writeBeneficiary(context, context.caller, beneficiary);
    context.emit(encodeEvent('BeneficiarySet', [context.caller, beneficiary]));
    return [];
  },

  claimable: (context, account) => [readReward(context, account, context.block.number).claimable],

  pending(context, account) {
    const { maturing, filling } = readReward(context, account, context.block.number);
    return [maturing.amount + filling.amount];
  },

  beneficiaryOf: (context, account) => [readBeneficiary(context, account)],

  reward(context, account) {
    const { claimable, maturing, filling } = readReward(context, account, context.block.number);
    return [
      {
        claimable,
        maturing: maturing.amount,
        maturesAt: BigInt(maturing.at),
        filling: filling.amount,
        fillingMaturesAt: BigInt(filling.at),
        beneficiary: readBeneficiary(context, account),
      },
    ];
  },

  totalOwed: (context) => [readTotalOwed(context)],
};
