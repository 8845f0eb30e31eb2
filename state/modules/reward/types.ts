import type { Hex } from '../../types.ts';

/** Wei that become claimable from block `at` on. */
export interface Bucket {
  amount: bigint;
  at: number;
}

/**
 * What one account has earned. Rewards of contributors vest (C3) in two buckets, however many rewards there are: new
 * ones go into `filling`, whose time starts again with each; when `maturing` is due, `filling` takes its place. So
 * every wei waits at least the vesting time and at most twice.
 */
export interface Reward {
  claimable: bigint;
  maturing: Bucket;
  filling: Bucket;
}

export interface RewardView extends Reward {
  account: Hex;
  /** maturing + filling, as of the block asked for. */
  pending: bigint;
  /** Where claims are paid to. */
  beneficiary: Hex;
}
