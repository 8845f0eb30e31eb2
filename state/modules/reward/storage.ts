/**
 * Layout. Account 0x4f4c…58 holds the wei it owes: `reward.total`; per account `reward.claimable`, `reward.maturing` and
 * `reward.filling` (amount u128, at u64), `reward.beneficiary`.
 */
import type { Hex, StateView } from '../../types.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import {
  clearSlot,
  readAddress,
  readPacked,
  readUint,
  slotOf,
  writeHash,
  writePacked,
  writeUint,
} from '../storage.ts';
import { rewardInterface } from './abi.ts';
import type { Bucket, Reward } from './types.ts';

export const REWARD_ADDRESS = moduleAddress(TYPE.reward);

const TOTAL = slotOf('reward.total');
const claimableSlot = (account: Hex) => slotOf('reward.claimable', account);
const maturingSlot = (account: Hex) => slotOf('reward.maturing', account);
const fillingSlot = (account: Hex) => slotOf('reward.filling', account);
const beneficiarySlot = (account: Hex) => slotOf('reward.beneficiary', account);

const BUCKET = [
  ['amount', 16],
  ['at', 8],
] as const;
const EMPTY: Bucket = { amount: 0n, at: 0 };

function readBucket(view: StateView, slot: Uint8Array): Bucket {
  const { amount, at } = readPacked(view, REWARD_ADDRESS, slot, BUCKET);
  return { amount, at: Number(at) };
}

function writeBucket(context: ModuleContext, slot: Uint8Array, bucket: Bucket): void {
  if (bucket.amount === 0n) clearSlot(context, REWARD_ADDRESS, slot);
  else writePacked(context, REWARD_ADDRESS, slot, BUCKET, { amount: bucket.amount, at: BigInt(bucket.at) });
}

/** What is claimable and what vests at block `number`. */
export function readReward(view: StateView, account: Hex, number: number): Reward {
  let claimable = readUint(view, REWARD_ADDRESS, claimableSlot(account));
  let maturing = readBucket(view, maturingSlot(account));
  let filling = maturing.amount === 0n ? EMPTY : readBucket(view, fillingSlot(account));
  while (maturing.amount > 0n && maturing.at <= number) {
    claimable += maturing.amount;
    maturing = filling;
    filling = EMPTY;
  }
  return { claimable, maturing, filling };
}

function writeReward(context: ModuleContext, account: Hex, before: Reward, after: Reward): void {
  if (before.claimable !== after.claimable)
    writeUint(context, REWARD_ADDRESS, claimableSlot(account), after.claimable);
  writeBucket(context, maturingSlot(account), after.maturing);
  // `filling` is only ever set behind a `maturing`.
  if (before.filling.amount !== after.filling.amount || before.filling.at !== after.filling.at)
    writeBucket(context, fillingSlot(account), after.filling);
}

function stored(view: StateView, account: Hex): Reward {
  return readReward(view, account, -1);
}

/**
 * Owes `amount` to `account`; the caller has moved the wei to this module. Vesting rewards become claimable after
 * `vestingBlocks`, others at once.
 */
export function accrue(context: ModuleContext, account: Hex, amount: bigint, vesting: boolean): void {
  if (amount === 0n) return;
  const now = context.block.number;
  const blocks = context.params.inference.vestingBlocks;
  const before = stored(context, account);
  const { claimable, maturing, filling } = readReward(context, account, now);
  const after: Reward = { claimable, maturing, filling };
  if (!vesting || blocks === 0) after.claimable += amount;
  else if (maturing.amount === 0n) after.maturing = { amount, at: now + blocks };
  else after.filling = { amount: filling.amount + amount, at: now + blocks };
  writeReward(context, account, before, after);
  writeUint(context, REWARD_ADDRESS, TOTAL, readTotalOwed(context) + amount);
  context.emit(rewardInterface.encodeEvent('Accrued', [account, amount, vesting]));
}

/** Takes everything claimable off the books and returns it; the caller pays it. */
export function takeClaimable(context: ModuleContext, account: Hex): bigint {
  const before = stored(context, account);
  const now = readReward(context, account, context.block.number);
  if (now.claimable === 0n) return 0n;
  writeReward(context, account, before, { ...now, claimable: 0n });
  writeUint(context, REWARD_ADDRESS, TOTAL, readTotalOwed(context) - now.claimable);
  return now.claimable;
}

/** Sum of all that this module owes. */
export function readTotalOwed(view: StateView): bigint {
  return readUint(view, REWARD_ADDRESS, TOTAL);
}

/** Where claims of `account` are paid to: itself unless it named another. */
export function readBeneficiary(view: StateView, account: Hex): Hex {
  return readAddress(view, REWARD_ADDRESS, beneficiarySlot(account)) ?? account;
}

export function writeBeneficiary(context: ModuleContext, account: Hex, beneficiary: Hex): void {
  writeHash(context, REWARD_ADDRESS, beneficiarySlot(account), beneficiary);
}
