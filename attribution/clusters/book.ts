import { AttributionError } from '../errors.ts';
import { Founders } from './founders.ts';
import { JACCARD_DENOMINATOR, JACCARD_NUMERATOR, MAX_CANDIDATES } from './limits.ts';
import { bandKeys } from './min-hash.ts';
import { type ShingleSet, shinglesOf } from './shingles.ts';
import type { ClusterBook } from './types.ts';

/**
 * An empty book of clusters.
 *
 * ```ts
 * const book = createClusterBook();
 * for (const record of recordsInOrderOfApproval) {
 *   const placement = book.add(record);
 *   if (placement.kind !== 'crowded') remember(record.orderKey, placement.founder);
 * }
 * ```
 */
export function createClusterBook(): ClusterBook {
  const founders = new Founders();
  return {
    get clusters() {
      return founders.count;
    },
    get shingles() {
      return founders.shingles;
    },
    add({ orderKey, text }) {
      checkOrderKey(orderKey);
      const shingles = shinglesOf(text);
      const keys = keysOf(shingles);
      const candidates = keys === undefined ? [] : candidatesOf(founders, shingles.length, keys);
      if (candidates === 'crowded') return { kind: 'crowded' };
      for (const founder of candidates) {
        if (!areNearDuplicates(shingles, founders.shinglesOf(founder))) continue;
        const key = founders.orderKeyOf(founder);
        if (key === orderKey) throw duplicateOrderKey(orderKey);
        return { kind: 'joined', founder: key };
      }
      founders.append(orderKey, shingles, keys);
      return { kind: 'founded', founder: orderKey };
    },
    restoreFounder({ orderKey, text }) {
      checkOrderKey(orderKey);
      const shingles = shinglesOf(text);
      founders.append(orderKey, shingles, keysOf(shingles));
    },
  } satisfies ClusterBook;
}

/** A text without words has no minima: nothing is like it. */
function keysOf(shingles: ShingleSet): Uint32Array | undefined {
  return shingles.length === 0 ? undefined : bandKeys(shingles);
}

/** Founders that share a band and whose size does not rule them out, lowest order key first. */
function candidatesOf(founders: Founders, size: number, keys: Uint32Array): readonly number[] | 'crowded' {
  const found: number[] = [];
  for (const founder of founders.sharing(keys)) {
    const other = founders.sizeOf(founder);
    // |A ∩ B| is at most the smaller and |A ∪ B| at least the larger.
    if (Math.min(size, other) * JACCARD_DENOMINATOR < Math.max(size, other) * JACCARD_NUMERATOR) continue;
    if (found.length === MAX_CANDIDATES) return 'crowded';
    found.push(founder);
  }
  return found.sort((a, b) => founders.orderKeyOf(a) - founders.orderKeyOf(b));
}

/** Whether |A ∩ B| / |A ∪ B| ≥ 8/10, in integers. Ends as soon as too many shingles have no partner. */
export function areNearDuplicates(a: ShingleSet, b: ShingleSet): boolean {
  // 10·s ≥ 8·(|A| + |B| − s), so s ≥ 8·(|A| + |B|)/18.
  const together = a.length + b.length;
  const needed = Math.ceil((JACCARD_NUMERATOR * together) / (JACCARD_NUMERATOR + JACCARD_DENOMINATOR));
  let shared = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (shared + Math.min(a.length - i, b.length - j) < needed) return false;
    if (a[i] === b[j]) {
      shared++;
      i++;
      j++;
    } else if (a[i]! < b[j]!) i++;
    else j++;
  }
  return together > 0 && shared >= needed;
}

function checkOrderKey(orderKey: number): void {
  if (!Number.isSafeInteger(orderKey) || orderKey < 0)
    throw new AttributionError('InvalidParameter', `${orderKey} is no order key; it must be a whole number.`);
}

function duplicateOrderKey(orderKey: number): AttributionError {
  return new AttributionError(
    'DuplicateOrderKey',
    `A founder with the order key ${orderKey} is in the book.`,
  );
}
