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
}
