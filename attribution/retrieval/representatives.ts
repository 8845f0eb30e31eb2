import { clusterRepresentatives } from '../clusters/api.ts';
import { AttributionError } from '../errors.ts';
import { checkRange } from '../influence/check.ts';
import { MAX_RECORDS } from './limits.ts';
import type { RetrievalRecord } from './types.ts';

/**
 * Of each cluster of near duplicates the pinned record of lowest order key (docs/clusters.md), in order-key order. Only
 * these are searched, so a later near duplicate changes no score, no rank and no payment, whoever adds it and however
 * many.
 * @throws AttributionError 'DuplicateOrderKey' if two different records have one key, 'CorpusTooLarge',
 *   'InvalidParameter' for a key that is no safe integer, an address that is not lower-case hex, or a founder that
 *   belongs to another cluster.
 */
export function representatives(source: Iterable<RetrievalRecord>): RetrievalRecord[] {
  const sorted = checked(source).sort((a, b) => a.orderKey - b.orderKey);
  sorted.forEach((record, i) => {
    const before = sorted[i - 1];
    if (before?.orderKey === record.orderKey && !isSame(before, record))
      throw new AttributionError(
        'DuplicateOrderKey',
        `Two different records have the order key ${record.orderKey}.`,
      );
  });
  const clusters = clusterRepresentatives(sorted);
  for (const { orderKey, founder } of sorted)
    if (orderKey !== founder && clusters.has(orderKey))
      throw new AttributionError(
        'InvalidParameter',
        `Record ${orderKey} founded a cluster and cannot be in that of ${founder}.`,
      );
  return [...clusters.values()].sort((a, b) => a.orderKey - b.orderKey);
}

function checked(source: Iterable<RetrievalRecord>): RetrievalRecord[] {
  const all: RetrievalRecord[] = [];
  for (const record of source) {
    if (all.length === MAX_RECORDS)
      throw new AttributionError('CorpusTooLarge', `More than ${MAX_RECORDS} records are pinned.`);
    checkRange('order key', record.orderKey, 0, Number.MAX_SAFE_INTEGER);
    checkRange('order key of a founder', record.founder, 0, Number.MAX_SAFE_INTEGER);
    if (!/^0x[0-9a-f]{40}$/.test(record.contributor))
      throw new AttributionError(
        'InvalidParameter',
        `Contributor '${record.contributor}' is not 0x and 40 lower-case hex digits.`,
      );
    all.push(record);
  }
  return all;
}

/** One record that two snapshots pin. */
function isSame(a: RetrievalRecord, b: RetrievalRecord): boolean {
  return (
    a.contributor === b.contributor &&
    a.founder === b.founder &&
    a.vector.length === b.vector.length &&
    a.vector.every((value, i) => value === b.vector[i])
  );
}
