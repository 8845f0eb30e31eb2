/** Everything a seed decides. Each probability is itself drawn, so that some seeds are calm and some are hell. */
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import { createRng, type Rng } from './random.ts';

/** What is wrong with less than a third of the power, for the whole run. */
export type Fault =
  | 'none'
  /** Never come up in the healing phase. */
  | 'dead'
  /** Two processes with one key, in different company (arXiv 2004.10617). */
  | 'twins'
  /** Run the product's shell behind a proxy with the key, which says whatever it likes (byzantine.ts). */
  | 'byzantine'
  /** Honest, but a crash may take the log, or the chain with it, or flip a bit of the log. The last-signed record stays. */
  | 'lost'
  /** Honest, until a bit of the last-signed record flips: then the node must refuse to start. */
  | 'rotten';

export const BEHAVIOURS = [
  'equivocate votes',
  'equivocate proposals',
  'withhold',
  'amnesia',
  'force nil',
  'replay',
  'stale proposals',
  'false valid round',
  'far rounds',
  'malformed',
  'wrong domain',
  'rogue aggregate',
  'stale certificates',
  'lying sync',
  'false time',
  'broken blocks',
  'flood',
  'forge',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export type PartitionShape = 'uniform' | 'by size' | 'isolate one';

export interface SimOptions {
  readonly seed: number;
  readonly validators: number;
  readonly fullNodes: number;
  readonly powers: readonly number[];
  readonly fault: Fault;
  /** Validators (by index) with that fault. */
  readonly faulty: readonly number[];
  /** What the byzantine ones do, and how often when they could. */
  readonly behaviours: readonly Behaviour[];
  readonly behaviourChance: number;
  readonly stormMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly delayMs: readonly [number, number];
  /** Extra delay of some messages, so that they overtake each other. */
  readonly stragglerChance: number;
  readonly stragglerMs: number;
  readonly partitionEveryMs: number;
  readonly partitionMs: number;
  readonly partitionShape: PartitionShape;
  readonly partitionOneWay: boolean;
  /** A link that holds everything back for a while and then lets it all through. */
  readonly clogEveryMs: number;
  readonly clogMs: number;
  readonly crashEveryMs: number;
  /** Part of the crashes that happen at an effect of the node rather than between two events. */
  readonly crashAtEffectChance: number;
  readonly downMs: number;
  readonly pauseEveryMs: number;
  readonly pauseMs: number;
  readonly diskTears: boolean;
  /** A write fails with ENOSPC (after writing a part) or EIO, and so does every write until the node is restarted. */
  readonly diskErrorEveryMs: number;
  readonly diskError: 'ENOSPC' | 'EIO';
  /** After a crash, of nodes that may lose something. */
  readonly bitFlipChance: number;
  readonly wipeChance: number;
  /** The log alone is gone, so that nothing but the last-signed record tells what was signed. */
  readonly logLossChance: number;
  /** Of each node, in either direction, while the storm lasts; then clocks are as precise as the parameters ask. */
  readonly clockSkewMs: number;
  readonly unknownChance: number;
  readonly unknownMs: number;
  readonly announcesReady: boolean;
  readonly executeMs: number;
  /** 0: nobody sends any, and only the heartbeat makes blocks. */
  readonly transactionEveryMs: number;
  /** Blocks from one change of the set to the next; 0: it stands still. */
  readonly setChangeEvery: number;
  /** Longest delay of a message once the storm is over: it may exceed the first timeouts, which must outgrow it. */
  readonly calmDelayMs: number;
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
  const validators = rng.pick([1, 4, 4, 4, 4, 7, 7, 10]);
  const powers = drawPowers(rng, validators);
  const calm = rng.chance(0.12);
  const drawn = rng.pick<Fault>([
    ...Array<Fault>(7).fill('byzantine'),
    ...Array<Fault>(3).fill('twins'),
    ...Array<Fault>(3).fill('dead'),
    ...Array<Fault>(3).fill('lost'),
    'rotten',
    ...Array<Fault>(3).fill('none'),
  ]);
  const faulty = drawn === 'none' ? [] : drawFaulty(rng, powers);
  const fault = faulty.length === 0 ? 'none' : drawn;
  const often = (chance: number, high: number) => (!calm && rng.chance(chance) ? rng.unit() * high : 0);
  const every = (chance: number, low: number, high: number) =>
    !calm && rng.chance(chance) ? rng.between(low, high) : 0;
  return {
    seed,
    validators,
    fullNodes: rng.chance(0.3) ? 1 : 0,
    powers,
    fault,
    faulty,
    behaviours: fault === 'byzantine' ? drawBehaviours(rng) : [],
    behaviourChance: rng.pick([0.1, 0.3, 0.6, 1]),
    stormMs: rng.between(3_000, 9_000),
    lossChance: often(0.65, 0.4),
    duplicateChance: often(0.5, 0.3),
    delayMs: [rng.between(1, 10), calm ? 20 : rng.pick([30, 80, 150, 150, 400, 2_000])],
    stragglerChance: often(0.4, 0.2),
    stragglerMs: rng.between(200, 2_000),
    partitionEveryMs: every(0.5, 500, 4_000),
    partitionMs: rng.between(200, 2_500),
    partitionShape: rng.pick<PartitionShape>(['uniform', 'by size', 'isolate one']),
    partitionOneWay: rng.chance(0.3),
    clogEveryMs: every(0.3, 300, 2_000),
    clogMs: rng.between(200, 3_000),
    crashEveryMs: every(0.55, 400, 4_000),
    crashAtEffectChance: rng.unit(),
    downMs: rng.between(10, 2_000),
    pauseEveryMs: every(0.3, 500, 3_000),
    pauseMs: rng.between(50, 2_000),
    diskTears: rng.chance(0.5),
    diskErrorEveryMs: every(0.2, 800, 5_000),
    diskError: rng.pick(['ENOSPC', 'EIO']),
    bitFlipChance: fault === 'lost' || fault === 'rotten' ? rng.unit() : 0,
    wipeChance: rng.chance(0.4) ? rng.unit() * 0.5 : 0,
    clockSkewMs: rng.pick([0, 0, rng.between(1, SIM_PARAMETERS.precisionMs / 2), rng.between(50, 5_000)]),
    unknownChance: often(0.4, 0.6),
    unknownMs: rng.between(10, 2_500),
    announcesReady: rng.chance(0.5),
    executeMs: rng.between(0, 40),
    transactionEveryMs: rng.chance(0.1) ? 0 : rng.between(60, 1_500),
    setChangeEvery: validators >= 4 && rng.chance(0.4) ? rng.between(1, 4) : 0,
    calmDelayMs: rng.chance(0.12) ? rng.between(300, 800) : 40,
    logLossChance: fault === 'lost' ? rng.unit() : 0,
  };
}

/** Equal, nearly equal, or in thirds, where a quorum is easily missed by one. */
function drawPowers(rng: Rng, validators: number): number[] {
  const shape = rng.pick(['equal', 'unequal', 'unequal', 'thirds']);
  return Array.from({ length: validators }, (_, i) =>
    shape === 'equal'
      ? 10
      : shape === 'thirds' && validators > 1
        ? i % 2 === 0
          ? 12
          : 6
        : rng.between(7, 13),
  );
}

/** Validators with less than a third of the power together. */
function drawFaulty(rng: Rng, powers: readonly number[]): number[] {
  const total = powers.reduce((a, b) => a + b, 0);
  const order = powers.map((_, i) => ({ i, key: rng.unit() })).sort((a, b) => a.key - b.key);
  const faulty: number[] = [];
  let power = 0;
  for (const { i } of order) {
    if (3 * (power + powers[i]!) >= total || (faulty.length > 0 && !rng.chance(0.6))) continue;
    faulty.push(i);
    power += powers[i]!;
  }
  return faulty;
}

/** A few in most seeds, so that each is seen clearly; all of them in some. */
function drawBehaviours(rng: Rng): Behaviour[] {
  if (rng.chance(0.1)) return [...BEHAVIOURS];
  const count = rng.between(2, 5);
  const chosen = new Set<Behaviour>();
  while (chosen.size < count) chosen.add(rng.pick(BEHAVIOURS));
  return BEHAVIOURS.filter((one) => chosen.has(one));
}

/** Twins only (arXiv 2004.10617): two processes with one key, on two sides of partitions that come and go. */
export function drawTwinsCase(number: number): SimOptions {
  const seed = 1_000_000 + number;
  const rng = createRng(seed, 'twins');
  const validators = number % 2 === 0 ? 4 : 7;
  const powers = drawPowers(rng, validators);
  return {
    ...drawOptions(seed),
    validators,
    powers,
    fullNodes: 0,
    fault: 'twins',
    faulty: drawFaulty(rng, powers),
    behaviours: [],
    stormMs: 6_000,
    lossChance: rng.chance(0.5) ? rng.unit() * 0.2 : 0,
    delayMs: [1, rng.pick([20, 80, 150])],
    partitionEveryMs: rng.between(200, 1_200),
    partitionMs: rng.between(300, 1_500),
    partitionShape: rng.pick<PartitionShape>(['uniform', 'by size']),
    wipeChance: 0,
    bitFlipChance: 0,
    setChangeEvery: 0,
  };
}

/** The same storms for real signatures and a real EVM: at most seven validators, whose set stands still. */
export function drawRealOptions(seed: number): SimOptions {
  const options = drawOptions(seed);
  if (options.validators <= 7) return { ...options, setChangeEvery: 0 };
  const powers = options.powers.slice(0, 7);
  const faulty = options.fault === 'none' ? [] : drawFaulty(createRng(seed, 'real'), powers);
  const fault = faulty.length === 0 ? 'none' : options.fault;
  return { ...options, validators: 7, powers, fault, faulty, setChangeEvery: 0 };
}

/** Fast or real signatures and chain, or cases of twins. */
export type SimMode = 'fast' | 'real' | 'twins';

export function optionsOf(mode: SimMode, seed: number): SimOptions {
  return mode === 'fast' ? drawOptions(seed) : mode === 'real' ? drawRealOptions(seed) : drawTwinsCase(seed);
}
