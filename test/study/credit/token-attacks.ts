import type { TokenRuleVersion } from '../../../attribution/api.ts';
import { type Answer, answersOf } from './answers.ts';
import type { Bar } from './bars.ts';
import { type Change, copies, exact, nearDuplicate, noise, shuffle } from './copies.ts';
import { ATTACKER, brownRecords, Reader, STEP, type StudyRecord } from './corpus.ts';
import { compare, type Effect, genesisRule, payouts } from './payouts.ts';
import { Random } from './random.ts';

/** Copies against token attribution with the genesis parameters, in wei. */

/** The attacker is also an honest contributor of this number (Brown's first genre, `news`). */
const OWN = 0;
export const NOISE_RATES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2] as const;

export interface TokenAttacks {
  readonly bars: readonly Bar[];
  readonly noise: readonly NoiseRow[];
}

/** One identity copies a part of the chain with a part of the words changed. */
export interface NoiseRow {
  readonly copied: number;
  readonly rate: number;
  /** When the copies are committed: after everybody, or each right after its source. */
  readonly place: 'after' | 'between';
  readonly effect: Effect;
}

export interface TokenScene {
  readonly reader: Reader;
  readonly honest: readonly StudyRecord[];
  readonly answers: readonly Answer[];
  readonly random: Random;
}

/** @param every only every so-manieth document of the corpus: less to read. */
export function tokenScene(seed: number, records: number, answers: number, every = 1): TokenScene {
  const reader = new Reader();
  const random = new Random(seed, 'tokens');
  const honest = brownRecords(reader, random, (document) => document % every === 0).slice(0, records);
  return {
    reader,
    honest,
    random,
    answers: answersOf(reader, honest, { count: answers, tokens: 120, seed }),
  };
}

/** Exact copies of a tenth of the chain and of the attacker's own records, under each number of identities. */
export function exactCopies(
  { reader, honest, answers, random }: TokenScene,
  version: TokenRuleVersion,
  identities: readonly number[],
): Bar[] {
  const rule = genesisRule(version);
  const before = payouts(honest, answers, rule);
  const victims = [
    ...random.sample(honest, Math.ceil(honest.length / 10)),
    ...honest.filter(({ contributor }) => contributor === OWN),
  ];
  const effects = identities.map((k) =>
    compare(before, payouts([...honest, ...copies(reader, victims, k, exact)], answers, rule), OWN),
  );
  const attack = `exact copies, ${identities[0]} to ${identities[identities.length - 1]} identities`;
  return [
    gain(attack, Math.max(...effects.map((each) => each.gain)), 1),
    {
      attack,
      measure: 'honest payouts moved, wei',
      value: Math.max(...effects.map(({ movedWei }) => Number(movedWei))),
      limit: 0,
      digits: 0,
    },
  ];
}

export function tokenAttacks(
  { reader, honest, answers, random }: TokenScene,
  version: TokenRuleVersion,
): TokenAttacks {
  const rule = genesisRule(version);
  const before = payouts(honest, answers, rule);
  const effect = (records: readonly StudyRecord[]) => compare(before, payouts(records, answers, rule), OWN);
  const [hundredth, tenth] = [100, 10].map((part) => random.sample(honest, Math.ceil(honest.length / part)));
  const attack = (victims: readonly StudyRecord[], k: number, change: Change) =>
    effect([...honest, ...copies(reader, victims, k, change)]);

  const whole = effect(honest.map((record) => (record.contributor === OWN ? spread(record) : record)));
  const pieces = effect(
    honest.flatMap((record) => (record.contributor === OWN ? halves(reader, record) : [record])),
  );
  const shuffled = attack(tenth!, 5, shuffle(random));
  const near = attack(tenth!, 5, nearDuplicate);
  const fronted = effect([
    ...honest,
    ...copies(reader, tenth!, 1, nearDuplicate, (victim) => victim.order + 1),
  ]);
  const noisy = [hundredth!, tenth!].flatMap((victims, i) =>
    NOISE_RATES.map((rate) => ({
      copied: i === 0 ? 0.01 : 0.1,
      rate,
      place: 'after' as const,
      effect: attack(victims, 1, noise(random, honest, rate)),
    })),
  );
  const between = [hundredth!, tenth!].map((victims, i) => ({
    copied: i === 0 ? 0.01 : 0.1,
    rate: 0.1,
    place: 'between' as const,
    effect: effect([
      ...honest,
      ...copies(reader, victims, 1, noise(random, honest, 0.1), (victim) => victim.order + 1),
    ]),
  }));
  const most = (list: readonly Effect[], of: (effect: Effect) => number) => Math.max(...list.map(of));
  const effects = noisy.map((row) => row.effect);
  const small = noisy.filter(({ copied }) => copied === 0.01).map((row) => row.effect);
  return {
    noise: [...noisy, ...between],
    bars: [
      gain('own records spread over 50 identities', whole.gain, 1),
      gain('own records cut in halves, 50 identities', pieces.gain, 1),
      gain('a tenth of the chain with sentences shuffled, 5 identities', shuffled.gain, 1.02),
      gain('near duplicates of a tenth of the chain, 5 identities', near.gain, 1.02),
      gain('front-running: near duplicates right after their sources', fronted.gain, 1.02),
      gain(
        '1 to 20 % of the words changed',
        most(effects, (each) => each.gain),
        1.02,
      ),
      {
        attack: '1 to 20 % of the words changed, a tenth of the chain',
        measure: 'change of all honest payouts together',
        value: most(effects, ({ allHonest }) => allHonest),
        limit: 0.005,
      },
      {
        attack: '1 to 20 % of the words changed, a hundredth of the chain',
        measure: "largest change of one contributor's payouts",
        value: most(small, ({ worstHonest }) => worstHonest),
        limit: 0.005,
      },
    ],
  };
}

function gain(attack: string, value: number, limit: number): Bar {
  return { attack, measure: "attacker's gain", value, limit };
}

/** A record under one of fifty identities. */
function spread(record: StudyRecord): StudyRecord {
  return { ...record, contributor: ATTACKER + (placeOf(record) % 50) };
}

/** Number of an honest record in the order of commits. */
function placeOf({ order }: StudyRecord): number {
  return Math.floor(order / STEP);
}

/** The two halves of a record, under two identities, in its place in the order. */
function halves(reader: Reader, record: StudyRecord): StudyRecord[] {
  const middle = Math.ceil(record.words.length / 2);
  const identity = ATTACKER + (placeOf(record) % 25) * 2;
  return [record.words.slice(0, middle), record.words.slice(middle)]
    .filter((words) => words.length > 0)
    .map((words, i) => reader.record(words, identity + i, record.order + i));
}
