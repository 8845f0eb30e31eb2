/** Royalties (C4): a model names its parents and their parts; who is paid in the end is settled at registration. */
import type { LineageShare } from './types.ts';
import { WHOLE } from './types.ts';

const PARTS_PER_BP = WHOLE / 10_000;

/**
 * Income of a new model, flattened: each parent's royalty is divided as the parent's own income is, rounded down, and
 * what rounding leaves stays with that parent. The model keeps the rest. Ascending by id, sums to 10^9, no zero parts
 * but perhaps the model's own.
 */
export function flattenLineage(
  modelId: number,
  parents: readonly { modelId: number; royaltyBps: number; lineage: readonly LineageShare[] }[],
): LineageShare[] {
  const parts = new Map<number, number>();
  const add = (id: number, amount: number): void => {
    if (amount > 0) parts.set(id, (parts.get(id) ?? 0) + amount);
  };
  let own = WHOLE;
  for (const parent of parents) {
    const royalty = parent.royaltyBps * PARTS_PER_BP;
    own -= royalty;
    let left = royalty;
    for (const share of parent.lineage) {
      // Below 10^18, so exact only as integers of arbitrary size.
      const amount = Number((BigInt(royalty) * BigInt(share.parts)) / BigInt(WHOLE));
      add(share.modelId, amount);
      left -= amount;
    }
    add(parent.modelId, left);
  }
  return [...parts]
    .map(([id, amount]) => ({ modelId: id, parts: amount }))
    .concat({ modelId, parts: own })
    .sort((a, b) => a.modelId - b.modelId);
}

/** Wei of `amount` by lineage: rounded down, the rest to the model itself. Sums to `amount` exactly. */
export function splitByLineage(
  modelId: number,
  lineage: readonly LineageShare[],
  amount: bigint,
): { modelId: number; amount: bigint }[] {
  let left = amount;
  const shares = lineage
    .filter((share) => share.modelId !== modelId)
    .map((share) => {
      const part = (amount * BigInt(share.parts)) / BigInt(WHOLE);
      left -= part;
      return { modelId: share.modelId, amount: part };
    });
  return [...shares, { modelId, amount: left }];
}
