import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { clusterRepresentatives, createClusterBook } from '../clusters/api.ts';
import type { CorpusRecord } from '../corpus/corpus.ts';
import { AttributionError } from '../errors.ts';
import type { LabelledFeatures } from '../influence/api.ts';
import { type FeatureMakers, featureReader } from './features.ts';
import {
  MAX_FEATURE_NUMBERS,
  MAX_LABEL_BYTES,
  MAX_RECORD_BYTES,
  MAX_RECORDS,
  MAX_SAMPLES,
  MAX_TRAINING_BYTES,
} from './limits.ts';
import type { Payee, Payees, TrainingSpec } from './types.ts';

/** What a model is trained on. */
export interface Samples {
  readonly data: LabelledFeatures;
  readonly payees: Payees;
  /** Records that are not samples of the spec, or repeat an earlier one. */
  readonly passedOver: number;
}

const LINE_FEED = 0x0a;

/** Whose a record of a cluster is, whether it is trained on or repeats one that is. */
interface Member extends Payee {
  readonly orderKey: number;
  readonly founder: number;
}

/**
 * Samples among the records, in their order. A record is one if its first line is a label of the spec and the rest are
 * its features; of records with the same bytes only the first is trained on. Clusters of near duplicates are those of
 * docs/clusters.md over all these records; the record of lowest order key in a cluster is paid for all samples in it.
 * @throws AttributionError 'ProblemTooLarge'.
 */
export function readSamples(
  spec: TrainingSpec,
  records: Iterable<CorpusRecord>,
  makers: FeatureMakers,
): Samples {
  const { classes, features } = spec;
  const labelOf = labelReader(classes);
  const featuresOf = featureReader(features, makers);
  const book = createClusterBook();
  const rows: Float64Array[] = [];
  const labels: number[] = [];
  const founders: number[] = [];
  const members: Member[] = [];
  /** Founder of the cluster in which these bytes are. */
  const known = new Map<string, number>();
  let [offered, bytes] = [0, 0];
  for (const record of records) {
    offered++;
    bytes += record.bytes.length;
    if (offered > MAX_RECORDS || bytes > MAX_TRAINING_BYTES)
      throw tooLarge(`more than ${MAX_RECORDS} records or ${MAX_TRAINING_BYTES} bytes are pinned`);
    if (record.bytes.length > MAX_RECORD_BYTES) continue;
    const hash = bytesToHex(sha256(record.bytes));
    const repeated = known.get(hash);
    if (repeated !== undefined) {
      members.push(memberOf(record, repeated));
      continue;
    }
    const label = labelOf(record.bytes);
    const row = label && featuresOf(record.bytes.subarray(label.length + 1));
    if (label === undefined || row === undefined) continue;
    if (rows.length === MAX_SAMPLES || (rows.length + 1) * features.width > MAX_FEATURE_NUMBERS)
      throw tooLarge(`more than ${MAX_SAMPLES} samples or ${MAX_FEATURE_NUMBERS} features are pinned`);
    const placed = book.add({ orderKey: record.orderKey, text: record.bytes });
    // In a crowd nobody can say whose text it repeats (docs/clusters.md).
    if (placed.kind === 'crowded') continue;
    known.set(hash, placed.founder);
    members.push(memberOf(record, placed.founder));
    founders.push(placed.founder);
    labels.push(label.index);
    rows.push(row);
  }
  const data = {
    features: joined(rows, features.width),
    labels: Int32Array.from(labels),
    width: features.width,
    classes: classes.length,
  };
  return { data, payees: payeesOf(members, founders), passedOver: offered - rows.length };
}

/** The class of a record's first line and its bytes; undefined if it is none. */
export function labelReader(
  classes: readonly string[],
): (bytes: Uint8Array) => { index: number; length: number } | undefined {
  const keyOf = (bytes: Uint8Array): string => bytesToHex(bytes);
  const indices = new Map(classes.map((label, index) => [keyOf(new TextEncoder().encode(label)), index]));
  return (bytes) => {
    const length = bytes.subarray(0, MAX_LABEL_BYTES + 1).indexOf(LINE_FEED);
    const index = length < 0 ? undefined : indices.get(keyOf(bytes.subarray(0, length)));
    return index === undefined ? undefined : { index, length };
  };
}

function memberOf({ orderKey, contributor, dataNetId }: CorpusRecord, founder: number): Member {
  return { orderKey, contributor, dataNetId, founder };
}

function payeesOf(members: readonly Member[], founders: readonly number[]): Payees {
  const paid = clusterRepresentatives(members);
  const list: Payee[] = [];
  const places = new Map<string, number>();
  const keyOf = ({ contributor, dataNetId }: Payee): string => `${contributor} ${dataNetId}`;
  for (const member of [...paid.values()].sort((a, b) => a.orderKey - b.orderKey)) {
    if (places.has(keyOf(member))) continue;
    places.set(keyOf(member), list.length);
    list.push({ contributor: member.contributor, dataNetId: member.dataNetId });
  }
  return { list, ofSample: Uint32Array.from(founders, (founder) => places.get(keyOf(paid.get(founder)!))!) };
}

function joined(rows: readonly Float64Array[], width: number): Float64Array {
  const features = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    features.set(row, i * width);
  });
  return features;
}

function tooLarge(what: string): AttributionError {
  return new AttributionError('ProblemTooLarge', `The training cannot be done: ${what}.`);
}
