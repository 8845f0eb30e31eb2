/** Everything a seed decides. Each probability is itself drawn, so that some seeds are calm and some are hell. */
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import { createRng } from './random.ts';

export interface SimOptions {
  readonly seed: number;
  readonly validators: number;
  readonly fullNodes: number;
  readonly powers: readonly number[];
  /** Validators (by index) that run as two processes with one key, in different company (arXiv 2004.10617). */
  readonly twins: readonly number[];
  /** Validators (by index) that never come up in the healing phase. */
  readonly dead: readonly number[];
  readonly stormMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly delayMs: readonly [number, number];
  /** Extra delay of some messages, so that they overtake each other. */
  readonly stragglerChance: number;
  readonly stragglerMs: number;
  readonly partitionEveryMs: number;
  readonly partitionMs: number;
  readonly partitionOneWay: boolean;
  readonly crashEveryMs: number;
  readonly crashAtWriteChance: number;
  readonly downMs: number;
  readonly diskTears: boolean;
  readonly wipeChance: number;
  readonly clockSkewMs: number;
  readonly unknownChance: number;
  readonly unknownMs: number;
  readonly announcesReady: boolean;
  readonly executeMs: number;
  readonly brokenBlocks: number;
  readonly transactionEveryMs: number;
  readonly setChanges: boolean;
}

export const SIM_PARAMETERS: ConsensusParameters = {
  minBlockIntervalMs: 100,
  heartbeatMs: 3_000,
  commitWaitMs: 30,
  gossipGraceMs: 60,
  proposeTimeoutMs: 400,
  prevoteTimeoutMs: 200,
  precommitTimeoutMs: 200,
  timeoutDeltaMs: 150,
  precisionMs: 100,
  messageDelayMs: 500,
};

export function drawOptions(seed: number): SimOptions {
  const rng = createRng(seed, 'options');
  const validators = rng.pick([1, 4, 4, 4, 7, 10]);
  const equal = rng.chance(0.5);
  const powers = Array.from({ length: validators }, () => (equal ? 10 : rng.between(7, 13)));
  const total = powers.reduce((a, b) => a + b, 0);
  const calm = rng.chance(0.15);
  // Strictly less than a third of the power misbehaves, in whatever way.
  const faulty: number[] = [];
  let faultyPower = 0;
  const candidates = powers.map((_, i) => i).sort(() => rng.int(3) - 1);
  for (const i of candidates) {
    if (3 * (faultyPower + powers[i]!) >= total || !rng.chance(0.6)) continue;
    faulty.push(i);
    faultyPower += powers[i]!;
  }
  const useTwins = rng.chance(0.35);
  const useDead = !useTwins && rng.chance(0.4);
  const often = (chance: number, high: number) => (!calm && rng.chance(chance) ? rng.unit() * high : 0);
  return {
    seed,
    validators,
    fullNodes: rng.chance(0.3) ? 1 : 0,
    powers,
    twins: useTwins ? faulty : [],
    dead: useDead ? faulty : [],
    stormMs: rng.between(3_000, 9_000),
    lossChance: often(0.7, 0.4),
    duplicateChance: often(0.5, 0.3),
    delayMs: [rng.between(1, 10), rng.between(11, calm ? 20 : 150)],
    stragglerChance: often(0.4, 0.2),
    stragglerMs: rng.between(200, 3_000),
    partitionEveryMs: often(0.5, 1) > 0 ? rng.between(500, 4_000) : 0,
    partitionMs: rng.between(200, 2_500),
    partitionOneWay: rng.chance(0.3),
    crashEveryMs: often(0.6, 1) > 0 ? rng.between(400, 4_000) : 0,
    crashAtWriteChance: rng.unit(),
    downMs: rng.between(10, 2_000),
    diskTears: rng.chance(0.5),
    wipeChance: rng.chance(0.2) ? rng.unit() * 0.3 : 0,
    clockSkewMs: rng.chance(0.5) ? rng.between(0, SIM_PARAMETERS.precisionMs / 2) : 0,
    unknownChance: often(0.5, 0.6),
    unknownMs: rng.between(10, 2_500),
    announcesReady: rng.chance(0.5),
    executeMs: rng.between(0, 40),
    brokenBlocks: useTwins && rng.chance(0.5) ? rng.unit() * 0.5 : 0,
    transactionEveryMs: rng.between(200, 2_500),
    setChanges: validators >= 4 && rng.chance(0.4),
  };
}
