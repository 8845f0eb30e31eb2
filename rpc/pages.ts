/** Lists of the `ol` namespace: bounded pages over sequences that only grow. */
import type { RpcLimits } from './limits.ts';
import { count, custom, object, optional, type Param } from './params.ts';

export interface PageRequest {
  /** Sequence number to begin with, as the page before said it in `next`. */
  readonly cursor: number | undefined;
  readonly limit: number;
  readonly order: 'desc' | 'asc';
}

export interface Page<T> {
  /** Length of the whole list, before filters. */
  readonly total: number;
  readonly items: T[];
  /** Give it as `cursor` for the following page; null at the end. */
  readonly next: number | null;
}

/** A list numbered from 1. `range` gives the items from `first` on, at most `limit`. */
export interface Sequence<T> {
  readonly total: number;
  range(first: number, limit: number): readonly T[];
}

const order: Param<'desc' | 'asc'> = custom('order', (value, refuse) =>
  value === 'desc' || value === 'asc' ? value : refuse("expected 'desc' or 'asc'"),
);

/** Members of a page request and of a filter beside it; unknown members are refused. */
export function pageParam<S extends Record<string, Param<unknown>>>(limits: RpcLimits, filter: S) {
  const shape = object(
    'page',
    { cursor: optional(count), limit: optional(count), order: optional(order), ...filter },
    'refuse',
  );
  return optional(
    custom('page', (value, refuse) => {
      const read = shape.read(value);
      const limit = (read['limit'] as number | undefined) ?? DEFAULT_ITEMS;
      if (limit < 1 || limit > limits.maxPageItems) refuse(`limit: expected 1 to ${limits.maxPageItems}`);
      return {
        ...read,
        cursor: read['cursor'] as number | undefined,
        limit,
        order: (read['order'] as 'desc' | 'asc' | undefined) ?? 'desc',
      } as PageRequest & { [K in keyof S]: S[K] extends Param<infer T> ? T : never };
    }),
  );
}

const DEFAULT_ITEMS = 50;

export const FIRST_PAGE: PageRequest = { cursor: undefined, limit: DEFAULT_ITEMS, order: 'desc' };

/** Whether a page is read at once: it is short, and no filter makes it look at more than it shows. */
export function isSmallPage({ limits }: { limits: RpcLimits }, request: PageRequest | undefined): boolean {
  if (request === undefined) return true;
  const { cursor: _cursor, limit, order: _order, ...filters } = request;
  return limit <= limits.smallPageItems && Object.values(filters).every((value) => value === undefined);
}

/** Newest first unless asked otherwise. Looks at no more than `maxScan` items, and says where to go on. */
export function pageOf<T>(
  sequence: Sequence<T>,
  request: PageRequest,
  maxScan: number,
  keep: (item: T) => boolean = () => true,
): Page<T> {
  const { total } = sequence;
  const step = request.order === 'asc' ? 1 : -1;
  const items: T[] = [];
  let at = clamp(request.cursor ?? (step === 1 ? 1 : total), total, step);
  let scanned = 0;
  while (at >= 1 && at <= total && items.length < request.limit && scanned < maxScan) {
    const size = Math.min(CHUNK, maxScan - scanned, step === 1 ? total - at + 1 : at);
    const first = step === 1 ? at : at - size + 1;
    const chunk = sequence.range(first, size);
    const ordered = step === 1 ? chunk : [...chunk].reverse();
    for (const item of ordered) {
      at += step;
      scanned += 1;
      if (keep(item)) items.push(item);
      if (items.length === request.limit) break;
    }
    if (chunk.length === 0) break;
  }
  return { total, items, next: at >= 1 && at <= total ? at : null };
}

/** Items read at once. */
const CHUNK = 50;

function clamp(cursor: number, total: number, step: number): number {
  if (step === 1) return Math.max(1, cursor);
  return Math.min(cursor, total);
}
