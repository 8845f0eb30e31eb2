import { clusterRepresentatives, createClusterBook } from '../../../attribution/clusters/api.ts';
import type { Bar } from './bars.ts';
import { type Change, copies, exact, nearDuplicate, noise, shuffle } from './copies.ts';
import { ATTACKER, brownRecords, Reader, type StudyRecord } from './corpus.ts';
import { Random } from './random.ts';
import { NOISE_RATES } from './token-attacks.ts';

/**
 * Copies against an engine that pays the records most like a question (as retrieval does): with every record for
 * itself, and with one record for each cluster. Likeness here is the number of different words that a question and a
 * record share, each by its rarity: a stand-in for an encoder, since the attack is on the number of places.
 */
const PLACES = 8;
const OWN = 0;
/** Results of a question among which a later look-alike is passed over, and the part of words that makes one. */
const COMPARED = 32;
const ALIKE = 0.5;

export interface RetrievalRow {
  readonly attack: string;
  /** The attackers' credit with the attack over their credit without it. */
  readonly gainAlone: number;
  readonly gainClustered: number;
  /** Clustered, and a result passed over that looks like an earlier-committed one of the same question. */
  readonly gainShadowed: number;
  /** Part of the added records that joined a cluster. */
  readonly clustered: number;
}

export interface RetrievalAttacks {
  readonly rows: readonly RetrievalRow[];
  readonly noise: readonly (readonly [rate: number, row: RetrievalRow])[];
  readonly bars: readonly Bar[];
}

export function retrievalAttacks(seed: number, size: number, asked: number, every = 1): RetrievalAttacks {
  const reader = new Reader();
  const random = new Random(seed, 'retrieval');
  const honest = brownRecords(reader, random, (document) => document % every === 0).slice(0, size);
  const questions = random.sample(honest, asked).map(({ ids }) => new Set(random.sample([...ids], 12)));
  const rank = rankerOf(reader, honest);
  const victims = random.sample(
    honest.filter(({ contributor }) => contributor !== OWN),
    Math.ceil(honest.length / 10),
  );
  const own = honest.filter(({ contributor }) => contributor === OWN);
  const creditOf = (records: readonly StudyRecord[], isShadowed = false) =>
    attackersShare(questions, records, rank, isShadowed);
  const plain = creditOf(honest);
  const clusters = clustersOf(honest);
  const [clustered, shadowed] = [
    creditOf(clusters.representatives),
    creditOf(clusters.representatives, true),
  ];
  const run = (
    attack: string,
    targets: readonly StudyRecord[],
    k: number,
    change: Change,
    approvedFirst = false,
  ): RetrievalRow => {
    const added = copies(reader, targets, k, change);
    const approved = approvedFirst ? [...added, ...honest] : [...honest, ...added];
    const all = approvedFirst ? clustersOf(approved) : clusters.with(added);
    return {
      attack,
      gainAlone: creditOf(approved) / plain,
      gainClustered: creditOf(all.representatives) / clustered,
      gainShadowed: creditOf(all.representatives, true) / shadowed,
      clustered: 1 - (all.count - clusters.count) / added.length,
    };
  };
  const both = [...own, ...victims];
  const rows = [
    run('exact copies, 1 identity', both, 1, exact),
    run('exact copies, 10 identities', both, 10, exact),
    run('near duplicates, 1 identity', both, 1, nearDuplicate),
    run('near duplicates, 10 identities', both, 10, nearDuplicate),
    run('near duplicates, approved before their sources', victims, 1, nearDuplicate, true),
    run('sentences shuffled, 1 identity', victims, 1, shuffle(random)),
  ];
  const noisy = NOISE_RATES.map(
    (rate) =>
      [rate, run(`${rate * 100} % of the words changed`, victims, 1, noise(random, honest, rate))] as const,
  );
  return {
    rows,
    noise: noisy,
    bars: rows.slice(0, 5).map(({ attack, gainClustered }, i) => ({
      attack: `${attack}, clustered`,
      measure: "attacker's gain, one record a cluster",
      value: gainClustered,
      limit: i < 2 ? 1 : 1.02,
    })),
  };
}

/** Clusters of records in order of approval, and the record that stands for each. */
function clustersOf(approved: readonly StudyRecord[]) {
  const placed: { orderKey: number; founder: number; record: StudyRecord }[] = [];
  const book = createClusterBook();
  const add = (record: StudyRecord): void => {
    const placement = book.add({ orderKey: record.order, text: record.bytes });
    if (placement.kind !== 'crowded')
      placed.push({ orderKey: record.order, founder: placement.founder, record });
  };
  for (const record of approved) add(record);
  const state = () => ({
    count: book.clusters,
    representatives: [...clusterRepresentatives(placed).values()].map(({ record }) => record),
  });
  return {
    ...state(),
    /** The same with more records; this one stays as it is. */
    with: (added: readonly StudyRecord[]) => clustersOf([...approved, ...added]),
  };
}

/** Rarity of each token: the number of honest records over those that have it, as bits. */
function rankerOf(reader: Reader, records: readonly StudyRecord[]): (id: number) => number {
  const counts = new Uint32Array(reader.types);
  for (const { ids } of records) for (const id of new Set(ids)) counts[id]!++;
  return (id) => (reader.isWord[id] ? Math.log2(records.length / Math.max(1, counts[id] ?? 1)) : 0);
}

/** Part of all credit that the attacker and his identities get: each question pays its best PLACES records by likeness. */
function attackersShare(
  questions: readonly ReadonlySet<number>[],
  records: readonly StudyRecord[],
  rarity: (id: number) => number,
  isShadowed: boolean,
): number {
  const having = new Map<number, number[]>();
  const asked = new Set(questions.flatMap((question) => [...question]));
  records.forEach(({ ids }, r) => {
    for (const id of new Set(ids)) {
      if (!asked.has(id)) continue;
      const list = having.get(id);
      if (list === undefined) having.set(id, [r]);
      else list.push(r);
    }
  });
  let [attackers, total] = [0, 0];
  for (const question of questions) {
    const scores = new Map<number, number>();
    for (const id of question)
      for (const r of having.get(id) ?? []) scores.set(r, (scores.get(r) ?? 0) + rarity(id));
    const best = [...scores]
      .sort(([r, a], [q, b]) => b - a || records[r]!.order - records[q]!.order)
      .slice(0, COMPARED);
    const shown = isShadowed
      ? best.filter(([r]) => !best.some(([q]) => shadows(records[q]!, records[r]!)))
      : best;
    for (const [r, score] of shown.slice(0, PLACES)) {
      total += score;
      const { contributor } = records[r]!;
      if (contributor === OWN || contributor >= ATTACKER) attackers += score;
    }
  }
  return attackers / total;
}

/** Whether the later record has the different tokens of the earlier one, by at least ALIKE of their union. */
function shadows(earlier: StudyRecord, later: StudyRecord): boolean {
  if (earlier.order >= later.order) return false;
  const [a, b] = [new Set(earlier.ids), new Set(later.ids)];
  let shared = 0;
  for (const id of a) if (b.has(id)) shared++;
  return shared >= ALIKE * (a.size + b.size - shared);
}
