/** What the RPC and the explorer read of rewards: pure functions of one state. */
import type { Hex, StateView } from '../../types.ts';
import { readBeneficiary, readReward, readTotalOwed } from './storage.ts';
import type { RewardView } from './types.ts';

export type { RewardView } from './types.ts';

/** What `account` has earned, as it stands at block `number` (a claim in the next block: head + 1). */
export function rewards(view: StateView, account: Hex, number: number): RewardView {
  const reward = readReward(view, account, number);
  return {
    account,
    ...reward,
    pending: reward.maturing.amount + reward.filling.amount,
    beneficiary: readBeneficiary(view, account),
  };
}

/** All that the module owes; never more than the balance of its account. */
export function totalOwed(view: StateView): bigint {
  return readTotalOwed(view);
}
