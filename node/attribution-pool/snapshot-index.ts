/**
 * The index of a snapshot as segments: which contributions share one (attribution/index/schedule.ts), and where each
 * comes from: memory, disk, parts of it that are there and are merged, or the artifacts.
 */
import { createHash } from 'node:crypto';
import {
  buildSegment,
  createCorpus,
  mergeSegments,
  openTokenIndex,
  RECORDS_PER_COMMIT,
  type Segment,
  scheduleSegments,
  type TokenIndex,
} from '../../attribution/api.ts';
import { hashContribution, readLeaves, recordsOf, sizeOf } from './contributions.ts';
import { LIMITS } from './limits.ts';
import { SEGMENT_FILE, type SegmentStore } from './segment-store.ts';
import type { LeafSource, PinnedContribution } from './types.ts';

/** Segments in memory by name, shared by all snapshots of a worker. */
export interface SegmentShelf {
  readonly inMemory: Map<string, Segment>;
  /** Undefined: nothing is kept on disk. */
  readonly store: SegmentStore | undefined;
}

export interface SnapshotIndex {
  readonly index: TokenIndex;
  /** Names of its segments. */
  readonly segments: readonly string[];
  /** How many of them were in memory or on disk. */
  readonly found: number;
}

interface FoundSegment {
  readonly key: string;
  readonly segment: Segment;
  readonly found: boolean;
}

/** @throws MissingArtifact, AttributionError */
export function indexSnapshot(
  contributions: readonly PinnedContribution[],
  shelf: SegmentShelf,
): SnapshotIndex {
  const segments = planSegments(contributions).map((groups) => segmentOf(groups, shelf));
  const index = openTokenIndex(
    segments.map(({ segment }) => segment),
    createLeafReader(contributions),
  );
  return {
    index,
    segments: segments.map(({ key }) => key),
    found: segments.filter(({ found }) => found).length,
  };
}

type Group = readonly PinnedContribution[];

/**
 * The contributions of each segment: those that the schedule of one DataNet puts together. Of many small DataNets the
 * smallest segments are put together once more, since each costs every query.
 */
function planSegments(contributions: readonly PinnedContribution[]): Group[][] {
  const byDataNet = new Map<number, PinnedContribution[]>();
  for (const contribution of contributions) {
    const list = byDataNet.get(contribution.dataNetId);
    if (list === undefined) byDataNet.set(contribution.dataNetId, [contribution]);
    else list.push(contribution);
  }
  const planned: { group: Group; bytes: number }[] = [];
  for (const list of byDataNet.values()) {
    const sizes = list.map(sizeOf);
    for (const { from, to } of scheduleSegments(sizes))
      planned.push({
        group: list.slice(from, to),
        bytes: sizes.slice(from, to).reduce((sum, size) => sum + size, 0),
      });
  }
  planned.sort((a, b) => b.bytes - a.bytes);
  const alone = planned.length > LIMITS.segmentsPerSnapshot ? LIMITS.segmentsPerSnapshot - 1 : planned.length;
  const rest = planned.slice(alone).map(({ group }) => group);
  return [...planned.slice(0, alone).map(({ group }) => [group]), ...(rest.length > 0 ? [rest] : [])];
}

function segmentOf(groups: readonly Group[], shelf: SegmentShelf): FoundSegment {
  const [only] = groups;
  if (groups.length === 1) return segmentOfGroup(only!, shelf);
  const key = keysOf(groups.flat()).at(-1)!;
  const known = find(key, shelf);
  if (known !== undefined) return { key, segment: known, found: true };
  const parts = groups.map((group) => segmentOfGroup(group, shelf).segment);
  return { key, segment: keep(key, mergeSegments(parts), shelf), found: false };
}

/**
 * What an earlier, shorter sequence left (its segments are the beginning of this one) is merged with a segment of the
 * contributions that no file has.
 */
function segmentOfGroup(group: Group, shelf: SegmentShelf): FoundSegment {
  const key = keysOf(group).at(-1)!;
  const known = find(key, shelf);
  if (known !== undefined) return { key, segment: known, found: true };
  const parts: Segment[] = [];
  let at = 0;
  for (;;) {
    const beginning = longestKnown(group.slice(at), shelf);
    if (beginning === undefined) break;
    parts.push(beginning.segment);
    at += beginning.length;
  }
  if (at < group.length) parts.push(buildSegment(createCorpus(recordsOfGroup(group.slice(at)))));
  const segment = parts.length === 1 ? parts[0]! : mergeSegments(parts);
  return { key, segment: keep(key, segment, shelf), found: false };
}

function* recordsOfGroup(group: Group) {
  for (const contribution of group) yield* recordsOf(contribution);
}

function longestKnown(group: Group, shelf: SegmentShelf): { segment: Segment; length: number } | undefined {
  const keys = keysOf(group);
  for (let length = keys.length; length > 0; length--) {
    const segment = find(keys[length - 1]!, shelf);
    if (segment !== undefined) return { segment, length };
  }
  return undefined;
}

/** Names of the segments of the first contribution, the first two, …: hashes of all that their content depends on. */
function keysOf(group: Group): string[] {
  const hash = createHash('sha256').update(`OL/segment/${SEGMENT_FILE.version}`);
  return group.map((contribution) => {
    hashContribution(hash, contribution);
    return hash.copy().digest('hex');
  });
}

function find(key: string, { inMemory, store }: SegmentShelf): Segment | undefined {
  const known = inMemory.get(key);
  if (known !== undefined || store === undefined || !store.has(key)) return known;
  const segment = store.load(key);
  if (segment !== undefined) inMemory.set(key, segment);
  return segment;
}

function keep(key: string, segment: Segment, { inMemory, store }: SegmentShelf): Segment {
  inMemory.set(key, segment);
  store?.save(key, segment);
  return segment;
}

/** The bytes of records, read when somebody asks; the artifacts read last stay in memory up to a bound. */
function createLeafReader(contributions: readonly PinnedContribution[]) {
  const sources = new Map(contributions.map(({ commitSequence, leaves }) => [commitSequence, leaves]));
  const recent = new Map<LeafSource, { leaves: readonly Uint8Array[]; bytes: number }>();
  let bytes = 0;
  return ({ orderKey, recordIndex }: { orderKey: number; recordIndex: number }): Uint8Array => {
    const source = sources.get(Math.floor(orderKey / RECORDS_PER_COMMIT))!;
    if (source.kind === 'inline') return source.leaves[recordIndex]!;
    let known = recent.get(source);
    recent.delete(source);
    if (known === undefined) {
      const leaves = readLeaves(source);
      known = { leaves, bytes: leaves.reduce((sum, leaf) => sum + leaf.length, 0) };
      bytes += known.bytes;
    }
    recent.set(source, known);
    for (const [oldest, { bytes: freed }] of recent) {
      if (bytes <= LIMITS.recentLeafBytes || oldest === source) break;
      recent.delete(oldest);
      bytes -= freed;
    }
    return known.leaves[recordIndex]!;
  };
}
