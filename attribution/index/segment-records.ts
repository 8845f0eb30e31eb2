import type { ContributorAddress, RecordInfo } from '../corpus/corpus.ts';
import { AttributionError } from '../errors.ts';
import type { Segment } from './segment.ts';
import { ADDRESS_BYTES, HASH_BYTES } from './segment-layout.ts';

/** A record of one of several segments. */
export interface RecordPlace {
  readonly segment: number;
  readonly record: number;
}

/** The records of several segments as one corpus: in order-key order, each text once. */
export interface JoinedRecords {
  /** Number of different texts. */
  readonly count: number;
  /** By rank: where the record of lowest order key that has this text stands. */
  readonly segmentOf: Uint16Array;
  readonly recordOf: Uint32Array;
  /** By segment and record: the rank of its text. */
  readonly ranks: readonly Uint32Array[];
  /** By segment: records that do not count, since another one has the same text and a lower key. Rising. */
  readonly dead: readonly (readonly number[])[];
}

/**
 * Joins the records of segments. Of equal texts the one of lowest order key counts; the same record in two segments
 * counts once, in the first of them.
 * @throws AttributionError 'DuplicateOrderKey' if two different records have one key.
 */
export function joinRecords(segments: readonly Segment[]): JoinedRecords {
  const total = segments.reduce((sum, { records }) => sum + records, 0);
  const twins = findTwins(segments);
  const segmentOf = new Uint16Array(total - twins.length);
  const recordOf = new Uint32Array(total - twins.length);
  const ranks = segments.map(({ records }) => new Uint32Array(records));
  const dead = segments.map((): number[] => []);
  const isDead = segments.map(({ records }) => new Uint8Array(records));
  for (const { copy } of twins) {
    dead[copy.segment]!.push(copy.record);
    isDead[copy.segment]![copy.record] = 1;
  }
  for (const list of dead) list.sort((a, b) => a - b);
  const heads = new Uint32Array(segments.length);
  let lastKey = -1;
  let count = 0;
  for (;;) {
    let best = -1;
    let bestKey = Number.POSITIVE_INFINITY;
    for (let s = 0; s < segments.length; s++) {
      const { records, views } = segments[s]!;
      while (heads[s]! < records && isDead[s]![heads[s]!] === 1) heads[s]!++;
      const key = heads[s]! < records ? views.orderKeys[heads[s]!]! : Number.POSITIVE_INFINITY;
      if (key < bestKey) {
        best = s;
        bestKey = key;
      }
    }
    if (best < 0) break;
    if (bestKey === lastKey) throw duplicateKey(bestKey);
    lastKey = bestKey;
    const record = heads[best]!++;
    segmentOf[count] = best;
    recordOf[count] = record;
    ranks[best]![record] = count++;
  }
  for (const { copy, original } of twins)
    ranks[copy.segment]![copy.record] = ranks[original.segment]![original.record]!;
  return { count, segmentOf, recordOf, ranks, dead };
}

/** What is known of a record without its bytes. */
export function recordInfo({ views }: Segment, record: number): RecordInfo {
  const contribution = views.recordContributions[record]!;
  return {
    orderKey: views.orderKeys[record]!,
    contributor: addressAt(views.contributors, contribution),
    dataNetId: views.dataNetIds[contribution]!,
    contributionId: views.contributionIds[contribution]!,
    recordIndex: views.recordIndexes[record]!,
  };
}

function addressAt(contributors: Uint8Array, contribution: number): ContributorAddress {
  let address = '0x';
  for (let b = 0; b < ADDRESS_BYTES; b++)
    address += contributors[contribution * ADDRESS_BYTES + b]!.toString(16).padStart(2, '0');
  return address;
}

interface Twins {
  readonly original: RecordPlace;
  readonly copy: RecordPlace;
}

/** Equal texts of different segments, by a merge of their sorted hashes. */
function findTwins(segments: readonly Segment[]): Twins[] {
  const twins: Twins[] = [];
  const heads = new Uint32Array(segments.length);
  for (;;) {
    let least = -1;
    let equal: number[] = [];
    for (let s = 0; s < segments.length; s++) {
      if (heads[s]! >= segments[s]!.records) continue;
      const order = least < 0 ? -1 : compareHashes(segments[s]!, heads[s]!, segments[least]!, heads[least]!);
      if (order < 0) {
        least = s;
        equal = [s];
      } else if (order === 0) equal.push(s);
    }
    if (least < 0) return twins;
    const places = equal.map((s) => ({ segment: s, record: segments[s]!.views.hashRecords[heads[s]!++]! }));
    if (places.length > 1) addTwins(segments, places, twins);
  }
}

function addTwins(segments: readonly Segment[], places: readonly RecordPlace[], twins: Twins[]): void {
  const keyOf = ({ segment, record }: RecordPlace) => segments[segment]!.views.orderKeys[record]!;
  const [original, ...copies] = [...places].sort((a, b) => keyOf(a) - keyOf(b) || a.segment - b.segment);
  const contributorOf = ({ segment, record }: RecordPlace) =>
    recordInfo(segments[segment]!, record).contributor;
  for (const copy of copies) {
    if (keyOf(copy) === keyOf(original!) && contributorOf(copy) !== contributorOf(original!))
      throw duplicateKey(keyOf(copy));
    twins.push({ original: original!, copy });
  }
}

function compareHashes(a: Segment, i: number, b: Segment, j: number): number {
  const left = a.views.hashes;
  const right = b.views.hashes;
  for (let k = 0; k < HASH_BYTES; k++) {
    const difference = left[i * HASH_BYTES + k]! - right[j * HASH_BYTES + k]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function duplicateKey(key: number): AttributionError {
  return new AttributionError('DuplicateOrderKey', `Two different records have the order key ${key}.`);
}
