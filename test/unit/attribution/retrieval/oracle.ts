/** Retrieval attribution said again without index, kernel or shards, over BigInt: the judge of the engine. */
import type { RetrievalRecord, RetrievalRules } from '../../../../attribution/retrieval/api.ts';

export interface OracleResult {
  readonly citations: readonly { orderKey: number; score: bigint; weight: bigint }[];
  readonly credits: readonly { contributor: string; credit: bigint }[];
}

const WHOLE = 1_000_000_000n;

export function oracle(
  records: readonly RetrievalRecord[],
  query: Int8Array,
  rules: RetrievalRules,
): OracleResult {
  const { maxCitations, thresholdPermille, recordCapPermille, contributorCapPermille } = rules.params;
  const allCap = BigInt(rules.params.coverageCapPermille);
  const dot = (a: Int8Array, b: Int8Array) =>
    Array.from(a).reduce((sum, value, i) => sum + BigInt(value) * BigInt(b[i]!), 0n);
  const firstOfCluster = records.filter((record) =>
    records.every((other) => other.founder !== record.founder || other.orderKey >= record.orderKey),
  );
  const cited = firstOfCluster
    .map((record) => {
      const score = dot(record.vector, query);
      return { record, score, weight: 1000n * score - BigInt(thresholdPermille) * dot(query, query) };
    })
    .filter(({ weight }) => weight > 0n)
    .sort((a, b) => Number(b.score - a.score) || a.record.orderKey - b.record.orderKey)
    .slice(0, maxCitations);
  const total = cited.reduce((sum, { weight }) => sum + weight, 0n);
  const least = (a: bigint, b: bigint) => (a < b ? a : b);
  const names = cited
    .map(({ record }) => record)
    .filter((r) => !rules.commons.has(r.dataNetId) && !rules.ineligible.has(r.contributor))
    .sort((a, b) => a.orderKey - b.orderKey)
    .map((record) => record.contributor)
    .filter((name, i, all) => all.indexOf(name) === i);
  const uncut = names.map((name) => {
    const own = cited
      .filter(({ record: r }) => r.contributor === name && !rules.commons.has(r.dataNetId))
      .reduce((sum, { weight }) => sum + least(weight, (total * BigInt(recordCapPermille)) / 1000n), 0n);
    return least(own, (total * BigInt(contributorCapPermille)) / 1000n);
  });
  const sum = uncut.reduce((a, b) => a + b, 0n);
  const most = (total * allCap) / 1000n;
  const shares = sum > most ? uncut.map((share) => (share * most) / sum) : uncut;
  const rest = total - shares.reduce((sum, share) => sum + share, 0n);
  const parts = total === rest ? [] : largestRemainder([...shares, rest]);
  return {
    citations: cited.map(({ record, score, weight }) => ({ orderKey: record.orderKey, score, weight })),
    credits: names
      .map((contributor, i) => ({ contributor, credit: parts[i] ?? 0n }))
      .filter(({ credit }) => credit > 0n)
      .sort((a, b) => Number(b.credit - a.credit) || (a.contributor < b.contributor ? -1 : 1)),
  };
}

/** 10⁹ in proportion to weights: floors, then one each by the largest remainders, the earlier first. */
function largestRemainder(weights: readonly bigint[]): bigint[] {
  const total = weights.reduce((a, b) => a + b);
  const parts = weights.map((weight) => (weight * WHOLE) / total);
  const missing = Number(WHOLE - parts.reduce((a, b) => a + b));
  weights
    .map((weight, i) => ({ i, remainder: (weight * WHOLE) % total }))
    .sort((a, b) => Number(b.remainder - a.remainder) || a.i - b.i)
    .slice(0, missing)
    .forEach(({ i }) => {
      parts[i]! += 1n;
    });
  return parts;
}
