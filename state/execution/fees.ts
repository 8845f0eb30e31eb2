/** The base fee (A10): EIP-1559 whose step is per elapsed time, not per block. Specified in docs/execution.md. */
import type { BlockParams } from '../../genesis/types.ts';
import { greater, lesser } from '../crypto.ts';

/** Time after which a full or an empty block moves the fee by the whole eighth. */
export const FULL_STEP_MS = 2_000n;
const STEP_DENOMINATOR = 8n;
/** EIP-1559: the target is half the limit. */
const ELASTICITY = 2n;

export interface FeeParent {
  number: number;
  gasUsed: bigint;
  gasLimit: bigint;
  baseFeePerGas: bigint;
  timestampMs: number;
}

/**
 * Base fee of the child of `parent` at `timestampMs`. At most 1/8 · min(1, Δt / 2 s) away from the parent's, for
 * Δt between the two blocks; never below the genesis minimum.
 */
export function nextBaseFee(parent: FeeParent, timestampMs: number, params: BlockParams): bigint {
  const atLeast = (fee: bigint): bigint => greater(fee, params.minBaseFeePerGas);
  // Block 0 has no gas to measure.
  if (parent.number === 0) return atLeast(parent.baseFeePerGas);
  const elapsed = BigInt(timestampMs - parent.timestampMs);
  const weight = lesser(elapsed, FULL_STEP_MS);
  const target = parent.gasLimit / ELASTICITY;
  const away = parent.gasUsed - target;
  const distance = away < 0n ? -away : away;
  const change = (parent.baseFeePerGas * distance * weight) / (target * STEP_DENOMINATOR * FULL_STEP_MS);
  return atLeast(away < 0n ? parent.baseFeePerGas - change : parent.baseFeePerGas + change);
}
