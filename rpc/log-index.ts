/** Which blocks have logs that fit a filter, from the indexes instead of the logs. */
import { LIST } from '../state/indexes/postings.ts';
import type { Hex, Posting, PostingReader } from '../state/types.ts';
import type { LogFilter } from './logs.ts';

interface Name {
  readonly list: number;
  readonly name: Hex;
}
/** Names of which a log must have one. */
type Group = readonly Name[];

/** What a filter demands; empty if it takes every log. */
export function groupsOf({ addresses, topics }: LogFilter): readonly Group[] {
  return [
    addresses.map((name) => ({ list: LIST.emitter, name })),
    ...topics.map((accepted, position) => accepted.map((name) => ({ list: LIST.topic + position, name }))),
  ].filter((group) => group.length > 0);
}

/** Postings of one name read at first, and at most: a rare name ends within the first, a common one soon gets the most. */
const FIRST_READ = 32;
const MOST_READ = 4_096;
/** Blocks looked up one by one before other requests get a turn. */
const SLICE = 256;

/** What a group says about the blocks from some block up to `covered`. */
interface Window {
  readonly group: Group;
  readonly covered: number;
  readonly blocks: ReadonlyMap<number, ReadonlySet<number>>;
}

/**
 * Blocks from `from` to `to`, ascending, that have a log with a name of every group. In each round every group reads a
 * few postings; the one that gets furthest with them, the rarest, leads, and the others are asked about its blocks.
 * @param spend told how many postings were looked at; may throw
 */
export async function* blocksWith(
  postings: PostingReader,
  groups: readonly Group[],
  from: number,
  to: number,
  spend: (count: number, at: number) => void,
): AsyncGenerator<number> {
  let read = FIRST_READ;
  let looked = 0;
  for (let at = from; at <= to; read = Math.min(read * 4, MOST_READ)) {
    const windows: Window[] = [];
    for (const group of groups) {
      const window = await windowOf(postings, group, at, to, read);
      spend(window.count, at);
      windows.push(window);
    }
    const leader = windows.reduce((best, window) => (isFurther(window, best) ? window : best));
    for (const [block, positions] of [...leader.blocks].sort(([a], [b]) => a - b)) {
      if (++looked % SLICE === 0) await new Promise(setImmediate);
      let common: ReadonlySet<number> = positions;
      for (const window of windows) {
        if (window === leader || common.size === 0) continue;
        if (block > window.covered) spend(window.group.length, block);
        common = intersection(common, positionsIn(postings, window, block));
      }
      if (common.size > 0) yield block;
    }
    at = leader.covered + 1;
  }
}

async function windowOf(
  postings: PostingReader,
  group: Group,
  from: number,
  to: number,
  read: number,
): Promise<Window & { count: number }> {
  // Many alternatives read less each, so that a group costs about the same whatever it asks for.
  const limit = Math.max(2, Math.ceil(read / group.length));
  const parts: Posting[][] = [];
  for (const { list, name } of group) parts.push(await postings.range(list, name, from, to, { limit }));
  const covered = parts.reduce(
    (least, part) => (part.length < limit ? least : Math.min(least, part.at(-1)!.block)),
    to,
  );
  const blocks = new Map<number, Set<number>>();
  for (const part of parts)
    for (const { block, positions } of part) {
      if (block > covered) break;
      const known = blocks.get(block);
      if (known === undefined) blocks.set(block, new Set(positions));
      else for (const position of positions) known.add(position);
    }
  const count = parts.reduce((sum, part) => sum + part.length + 1, 0);
  return { group, covered, blocks, count };
}

function isFurther(a: Window, b: Window): boolean {
  return a.covered > b.covered || (a.covered === b.covered && a.blocks.size < b.blocks.size);
}

const NONE: ReadonlySet<number> = new Set();

function positionsIn(postings: PostingReader, window: Window, block: number): ReadonlySet<number> {
  if (block <= window.covered) return window.blocks.get(block) ?? NONE;
  const found = new Set<number>();
  for (const { list, name } of window.group)
    for (const position of postings.at(list, name, block) ?? []) found.add(position);
  return found;
}

function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> {
  const common = new Set<number>();
  for (const item of a) if (b.has(item)) common.add(item);
  return common;
}
