import type { Hex } from '../../types.ts';

/** A registered validator; its power is the bond in units of `staking.powerUnit`, nothing while jailed. */
export interface StakingValidator {
  operator: Hex;
  /** 48 bytes, compressed. */
  blsPublicKey: Hex;
  /** Wei. */
  bond: bigint;
  power: bigint;
  recipient: Hex;
  jailed: boolean;
  /** First block in which it may leave jail; of the last time if it is not jailed. */
  jailedUntil: number;
}

/** A part of a bond that was taken out: it can be slashed until it is released. */
export interface Unbonding {
  /** Wei. */
  amount: bigint;
  /** First block in which it can be withdrawn. */
  releasedAt: number;
}
