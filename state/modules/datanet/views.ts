/** What the RPC and the explorer read of DataNets: pure functions of one state. */
import type { StateView } from '../../types.ts';
import { MAX_PAGE } from '../limits.ts';
import { type HistoryEntry, readDataNet, readDataNetCount, readEntries, readSnapshot } from './storage.ts';
import type { DataNet } from './types.ts';

export type { HistoryEntry } from './storage.ts';
export { readSnapshot as snapshot } from './storage.ts';
export type { DataNet } from './types.ts';

export function dataNetCount(view: StateView): number {
  return readDataNetCount(view);
}

export function dataNet(view: StateView, id: number): DataNet | undefined {
  return Number.isSafeInteger(id) && id >= 0 ? readDataNet(view, BigInt(id)) : undefined;
}

/** DataNets with ids from `from` (1 is the first), at most `limit` and MAX_PAGE of them. */
export function dataNets(view: StateView, from: number, limit: number): DataNet[] {
  const first = Math.max(1, from);
  const last = Math.min(readDataNetCount(view), first + Math.min(limit, MAX_PAGE) - 1);
  const found: DataNet[] = [];
  for (let id = first; id <= last; id++) found.push(readDataNet(view, BigInt(id)) as DataNet);
  return found;
}

/** Accepted contributions `from` up to, not including, `to` (cut at the length and MAX_PAGE). */
export function sequence(view: StateView, id: number, from: number, to: number): HistoryEntry[] {
  const first = Math.max(0, from);
  const { length } = readSnapshot(view, BigInt(id));
  return readEntries(view, BigInt(id), first, Math.min(to, length, first + MAX_PAGE));
}
