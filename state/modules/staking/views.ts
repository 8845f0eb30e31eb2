/** What the RPC and the explorer read of staking: pure functions of one state. */
import type { ChainParams } from '../../../genesis/types.ts';
import type { Hex, StateView } from '../../types.ts';
import { readCertificateHash, readValidators } from './storage.ts';
import type { StakingValidator } from './types.ts';

export { validatorSets } from './sets.ts';
export type { StakingValidator } from './types.ts';

/** All registered validators in address order, jailed ones included. */
export function validators(view: StateView, params: ChainParams): StakingValidator[] {
  return readValidators(view, params.staking.powerUnit).sort((a, b) => (a.operator < b.operator ? -1 : 1));
}

/** Hash of the commit certificate of block `number`; undefined when it has left the ring. */
export function certificateHash(view: StateView, number: number): Hex | undefined {
  return readCertificateHash(view, number);
}
