/**
 * Filters of eth_newFilter and its kin: a cursor each, for clients without a WebSocket. Blocks never go away (no
 * reorganisations), so a filter remembers only how far it was read.
 */
import type { ChainReader, Hex } from '../state/types.ts';
import { limitExceeded, RPC_CODES, RpcError } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import type { LogFilter } from './logs.ts';

export type Filter =
  | { readonly kind: 'blocks'; next: number; used: number }
  | { readonly kind: 'logs'; readonly filter: LogFilter; next: number; used: number }
  | { readonly kind: 'pending'; hashes: Hex[]; used: number };

export interface Filters {
  addBlocks(): Hex;
  addLogs(filter: LogFilter): Hex;
  addPending(): Hex;
  /** Marks it as used. @throws RpcError `filter not found` */
  get(id: string): Filter;
  remove(id: string): boolean;
  /** From the pool. */
  announce(hashes: readonly Hex[]): void;
  readonly pendingListeners: number;
}

/**
 * @param now monotone milliseconds
 * @param newId unguessable, so that clients cannot read each other's filters
 */
export function createFilters(
  reader: ChainReader,
  limits: RpcLimits,
  now: () => number,
  newId: () => Hex,
  onChange: () => void = () => {},
): Filters {
  const filters = new Map<string, Filter>();

  /** Unpolled filters end; looked at when one is added, so no timer is needed. */
  function sweep(): void {
    const oldest = now() - limits.filterTimeoutMs;
    for (const [id, filter] of filters) if (filter.used < oldest) filters.delete(id);
  }

  function add(filter: Filter): Hex {
    sweep();
    if (filters.size >= limits.maxFilters) throw limitExceeded('filters', limits.maxFilters);
    const id = newId();
    filters.set(id, filter);
    onChange();
    return id;
  }

  return {
    addBlocks: () => add({ kind: 'blocks', next: reader.head().number + 1, used: now() }),
    addLogs: (filter) => add({ kind: 'logs', filter, next: reader.head().number + 1, used: now() }),
    addPending: () => add({ kind: 'pending', hashes: [], used: now() }),
    get(id) {
      sweep();
      const filter = filters.get(id);
      if (!filter) throw new RpcError(RPC_CODES.server, 'filter not found');
      filter.used = now();
      return filter;
    },
    remove(id) {
      const removed = filters.delete(id);
      onChange();
      return removed;
    },
    get pendingListeners() {
      let count = 0;
      for (const { kind } of filters.values()) if (kind === 'pending') count += 1;
      return count;
    },
    announce(hashes) {
      for (const filter of filters.values()) {
        if (filter.kind !== 'pending') continue;
        filter.hashes.push(...hashes);
        if (filter.hashes.length > limits.maxFilterHashes)
          filter.hashes.splice(0, filter.hashes.length - limits.maxFilterHashes);
      }
    },
  };
}
