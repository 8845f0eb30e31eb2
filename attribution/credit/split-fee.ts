import type { ContributorAddress } from '../corpus/corpus.ts';
import { AttributionError } from '../errors.ts';
import { type Credit, WHOLE } from '../token/types.ts';

const BASIS_POINTS = 10_000;

export interface FeeSplitInput {
  /** Fee of the inference in wei. */
  readonly fee: bigint;
  /** Shares in basis points; the four sum to 10,000. */
  readonly platformBps: number;
  readonly modelBps: number;
  readonly stakersBps: number;
  readonly dataBps: number;
  /** Parts of 10⁹ of the data pool. */
  readonly credits: readonly Credit[];
}

export interface FeeSplit {
  readonly platform: bigint;
  readonly model: bigint;
  readonly stakers: bigint;
  /** In the order of `credits`; entries of 0 wei stay in. */
  readonly data: readonly { readonly contributor: ContributorAddress; readonly amount: bigint }[];
  /** The part of the data pool that nobody earned, and the dust of every division. */
  readonly uncovered: bigint;
}

/**
 * Splits a fee to the wei: platform + model + stakers + Σ data + uncovered = fee, always. Every share is rounded down,
 * and what rounding leaves (less than credits + 4 wei) goes with the uncovered part, to whom genesis says.
 * @throws AttributionError 'InvalidParameter' for a negative fee, shares that do not sum to 10,000 basis points, or
 *   credits above 10⁹ in sum.
 */
export function splitFee(input: FeeSplitInput): FeeSplit {
  const { fee, credits } = input;
  const shares = [input.platformBps, input.modelBps, input.stakersBps, input.dataBps];
  if (fee < 0n) throw new AttributionError('InvalidParameter', `A fee of ${fee} wei cannot be split.`);
  if (
    shares.some((bps) => !Number.isInteger(bps) || bps < 0) ||
    shares.reduce((a, b) => a + b) !== BASIS_POINTS
  )
    throw new AttributionError(
      'InvalidParameter',
      `The shares ${shares.join(', ')} do not sum to ${BASIS_POINTS}.`,
    );
  const credited = credits.reduce((sum, entry) => sum + entry.credit, 0);
  if (credits.some((entry) => !Number.isInteger(entry.credit) || entry.credit < 0) || credited > WHOLE)
    throw new AttributionError('InvalidParameter', `The credits sum to ${credited}, more than ${WHOLE}.`);

  const part = (bps: number) => (fee * BigInt(bps)) / BigInt(BASIS_POINTS);
  const platform = part(input.platformBps);
  const model = part(input.modelBps);
  const stakers = part(input.stakersBps);
  const pool = part(input.dataBps);
  const data = credits.map(({ contributor, credit }) => ({
    contributor,
    amount: (pool * BigInt(credit)) / BigInt(WHOLE),
  }));
  const paid = data.reduce((sum, entry) => sum + entry.amount, platform + model + stakers);
  return { platform, model, stakers, data, uncovered: fee - paid };
}
