import {
  headGradients,
  influenceCredits,
  prepare,
  scores,
  train,
} from '../../../attribution/influence/api.ts';
import type { LabelledFeatures, SolverName } from '../../../attribution/influence/types.ts';
import { slice } from '../../unit/attribution/influence/oracle.ts';
import { Random } from './random.ts';

/**
 * Published attacks on payment by influence, against the engine of docs/influence.md: contributors of SHARE samples
 * each, the last of whom attacks. Every query is paid one unit; the attacker's gain is his credit with the attack over
 * his credit with the same samples as they were.
 */
const SHARE = 20;
const L2_MICRO = 1_000_000;

export interface InfluenceSetting {
  readonly name: string;
  readonly solver: SolverName;
  readonly clipPercent: number;
  /** Whether only what exceeds the query's floor is paid, as the engine does. */
  readonly floor: boolean;
}

export const SETTINGS: readonly InfluenceSetting[] = [
  { name: 'newton, clipped at 99 %', solver: 'newton', clipPercent: 99, floor: true },
  { name: 'newton, not clipped', solver: 'newton', clipPercent: 100, floor: true },
  { name: 'newton, no floor, not clipped', solver: 'newton', clipPercent: 100, floor: false },
  { name: 'datainf, clipped at 99 %', solver: 'datainf', clipPercent: 99, floor: true },
  { name: 'dot, clipped at 99 %', solver: 'dot', clipPercent: 99, floor: true },
];

export interface InfluenceRow {
  readonly attack: string;
  /** By setting: gain, and what the victim (contributor 0) keeps of his credit. */
  readonly gains: readonly number[];
  readonly victims: readonly number[];
}

interface Scene {
  readonly data: LabelledFeatures;
  /** Contributor of each sample. */
  readonly groups: readonly number[];
}

/** @param honest n samples, n a multiple of SHARE; `queries` are what is asked, `known` what the attacker may study. */
export function influenceAttacks(
  input: {
    readonly honest: LabelledFeatures;
    readonly queries: LabelledFeatures;
    readonly known: LabelledFeatures;
  },
  seed: number,
  progress: (text: string) => void,
): InfluenceRow[] {
  const { honest, queries, known } = input;
  const random = new Random(seed, 'influence');
  const attacker = honest.labels.length / SHARE - 1;
  const own = honest.labels.length - SHARE;
  const groups = Array.from(honest.labels, (_, i) => Math.floor(i / SHARE));
  const plain: Scene = { data: honest, groups };
  const replaced = (change: (x: Float64Array, label: number) => Float64Array): Scene => {
    const features = honest.features.slice();
    for (let i = own; i < honest.labels.length; i++)
      features.set(
        change(features.slice(i * honest.width, (i + 1) * honest.width), honest.labels[i]!),
        i * honest.width,
      );
    return { data: { ...honest, features }, groups };
  };
  /** Copies of the victim's samples, each number moved by about `sigma`, added by the attacker. */
  const copied = (times: number, sigma: number): Scene => {
    const { width } = honest;
    const victim = honest.features.subarray(0, SHARE * width);
    const extra = Array.from({ length: times }, () =>
      Array.from(victim, (x) => x + sigma * random.normal()),
    ).flat();
    return {
      data: {
        ...honest,
        features: Float64Array.of(...honest.features, ...extra),
        labels: Int32Array.of(
          ...honest.labels,
          ...Array.from({ length: times * SHARE }, (_, i) => honest.labels[i % SHARE]!),
        ),
      },
      groups: [...groups, ...Array.from({ length: times * SHARE }, () => attacker)],
    };
  };
  const means = classMeans(known);
  const towards = (part: number) =>
    replaced((x, label) => x.map((value, j) => value + part * (means[label * known.width + j]! - value)));
  const scaled = (factor: number) => replaced((x) => x.map((value) => value * factor));
  const attacks: [string, () => Scene][] = [
    ['near copies of the victim, 1 each (paraphrase)', () => copied(1, 0.02)],
    ['near copies of the victim, 5 each (paraphrase)', () => copied(5, 0.02)],
    ['coarser copies of the victim, 5 each', () => copied(5, 0.15)],
    ['shadow: half way to the mean of known queries', () => towards(0.5)],
    ['shadow: the mean of known queries', () => towards(1)],
    ['shadow: beyond the mean of known queries', () => towards(1.5)],
    ['outlier: own samples twice as large', () => scaled(2)],
    ['outlier: own samples five times as large', () => scaled(5)],
    ['outlier: own samples pushed against the model', () => pushed(honest, replaced)],
  ];
  const before = creditsOf(plain, queries);
  return attacks.map(([attack, build]) => {
    progress(`influence: ${attack}`);
    const after = creditsOf(build(), queries);
    return {
      attack,
      gains: SETTINGS.map((_, s) => after[s]![attacker]! / before[s]![attacker]!),
      victims: SETTINGS.map((_, s) => after[s]![0]! / before[s]![0]!),
    };
  });
}

/** For each setting the credit of each contributor, summed over the queries. */
function creditsOf({ data, groups }: Scene, queries: LabelledFeatures): number[][] {
  const head = train(data, { method: 'newton', l2Micro: L2_MICRO });
  const gradients = Array.from(queries.labels, (_, q) => headGradients(slice(queries, q, q + 1), head));
  return SETTINGS.map(({ solver, clipPercent, floor }) => {
    const metric = prepare({ data, head }, { solver, l2Micro: L2_MICRO, clipPercent });
    const credits = Array.from({ length: Math.max(...groups) + 1 }, () => 0);
    for (const gradient of gradients) {
      const { values } = scores(metric, gradient);
      const paid = floor ? influenceCredits(values, groups, 64) : withoutFloor(values, groups);
      for (const { group, credit } of paid) credits[group]! += credit / 1e9;
    }
    return credits;
  });
}

/** The rule that floors were added to: every positive score is paid. */
function withoutFloor(values: readonly bigint[], groups: readonly number[]) {
  const positive = values.map((value) => (value > 0n ? Number(value) : 0));
  const total = positive.reduce((a, b) => a + b, 0);
  return positive.map((value, i) => ({ group: groups[i]!, credit: total > 0 ? (value / total) * 1e9 : 0 }));
}

function classMeans({ features, labels, width, classes }: LabelledFeatures): Float64Array {
  const sums = new Float64Array(classes * width);
  const counts = new Float64Array(classes);
  labels.forEach((label, i) => {
    counts[label]!++;
    for (let j = 0; j < width; j++) sums[label * width + j]! += features[i * width + j]!;
  });
  return sums.map((sum, at) => sum / Math.max(1, counts[Math.floor(at / width)]!));
}

/** Own samples moved a step of 0.3 in each number so that an honest model finds them harder: larger gradients. */
function pushed(
  honest: LabelledFeatures,
  replaced: (change: (x: Float64Array, label: number) => Float64Array) => Scene,
): Scene {
  const { weights } = train(honest, { method: 'newton', l2Micro: L2_MICRO });
  const { width, classes } = honest;
  return replaced((x, label) => {
    const against = x.map((_, j) => {
      let others = 0;
      for (let c = 0; c < classes; c++)
        if (c !== label) others += weights[c * (width + 1) + j]! / (classes - 1);
      return others - weights[label * (width + 1) + j]!;
    });
    return x.map((value, j) => value + 0.3 * Math.sign(against[j]!));
  });
}
