import { type Answer, answersOf } from './answers.ts';
import type { Bar } from './bars.ts';
import { type Change, copies, exact, nearDuplicate, noise, shuffle } from './copies.ts';
import { ATTACKER, brownRecords, Reader, type StudyRecord } from './corpus.ts';
import { compare, type Effect, genesisRule, payouts } from './payouts.ts';
import { Random } from './random.ts';

/** Copies against token attribution with the genesis parameters, in wei. */

/** The attacker is also an honest contributor of this number (Brown's first genre, `news`). */
const OWN = 0;
export const NOISE_RATES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2] as const;

export interface TokenAttacks {
  readonly bars: readonly Bar[];
  /** Gain by rate of changed words, one identity copying a tenth of the chain. */
  readonly noise: readonly (readonly [rate: number, effect: Effect])[];
}

export interface TokenScene {
  readonly reader: Reader;
  readonly honest: readonly StudyRecord[];
  readonly answers: readonly Answer[];
  readonly random: Random;
}

export function tokenScene(seed: number, records: number, answers: number): TokenScene {
  const reader = new Reader();
  const random = new Random(seed, 'tokens');
  const honest = brownRecords(reader, random).slice(0, records);
  return {
    reader,
    honest,
    random,
    answers: answersOf(reader, honest, { count: answers, tokens: 120, seed }),
  };
}

export function tokenAttacks(
  { reader, honest, answers, random }: TokenScene,
  identities: readonly number[],
): TokenAttacks {
  const rule = genesisRule();
  const before = payouts(honest, answers, rule);
  const effect = (records: readonly StudyRecord[]) => compare(before, payouts(records, answers, rule), OWN);
  const tenth = random.sample(honest, Math.ceil(honest.length / 10));
  const own = honest.filter(({ contributor }) => contributor === OWN);
  const attack = (victims: readonly StudyRecord[], k: number, change: Change) =>
    effect([...honest, ...copies(reader, victims, k, change)]);

  const exactly = identities.map((k) => attack([...tenth, ...own], k, exact));
  const wholes = effect(
    honest.map((record) =>
      record.contributor === OWN ? { ...record, contributor: ATTACKER + (record.order % 50) } : record,
    ),
  );
  const pieces = effect(
    honest.flatMap((record) => (record.contributor === OWN ? halves(reader, record) : [record])),
  );
  const shuffled = attack(tenth, 5, shuffle(random));
  const near = attack(tenth, 5, nearDuplicate);
  const fronted = effect([
    ...honest,
    ...copies(reader, tenth, 1, nearDuplicate, (victim) => victim.order + 1),
  ]);
  const noisy = NOISE_RATES.map((rate) => [rate, attack(tenth, 1, noise(random, honest, rate))] as const);
  const many = attack(tenth, 10, noise(random, honest, 0.1));
  const k = `${identities[0]} to ${identities[identities.length - 1]}`;
  const most = (list: readonly Effect[], of: (effect: Effect) => number) => Math.max(...list.map(of));
  const all = noisy.map(([, each]) => each);
  return {
    noise: noisy,
    bars: [
      gain(
        `exact copies, ${k} identities`,
        most(exactly, ({ gain }) => gain),
        1,
      ),
      {
        attack: `exact copies, ${k} identities`,
        measure: 'honest payouts moved, wei',
        value: most(exactly, ({ movedWei }) => Number(movedWei)),
        limit: 0,
        digits: 0,
      },
      gain('own records spread over 50 identities', wholes.gain, 1),
      gain('own records cut in halves, 50 identities', pieces.gain, 1.02),
      gain('sentences shuffled, 5 identities', shuffled.gain, 1.02),
      gain('near duplicates, 5 identities', near.gain, 1.02),
      honestChange('near duplicates, 5 identities', near),
      gain('front-running: near duplicate right after its source', fronted.gain, 1.02),
      gain(
        '1 to 20 % of the words changed',
        most(all, ({ gain }) => gain),
        1.02,
      ),
      {
        attack: '1 to 20 % of the words changed',
        measure: 'honest payouts, largest change of the sum',
        value: most(all, ({ allHonest }) => allHonest),
        limit: 0.005,
      },
      {
        attack: '1 to 20 % of the words changed',
        measure: 'honest payouts, largest change of one',
        value: most(all, ({ worstHonest }) => worstHonest),
        limit: 0.005,
      },
      gain('10 % changed, 10 identities', many.gain, 1.02),
      honestChange('10 % changed, 10 identities', many),
    ],
  };
}

function gain(attack: string, value: number, limit: number): Bar {
  return { attack, measure: "attacker's gain", value, limit };
}

function honestChange(attack: string, { worstHonest }: Effect): Bar {
  return { attack, measure: 'honest payouts, largest change of one', value: worstHonest, limit: 0.005 };
}

/** The two halves of a record, under two identities, in its place in the order. */
function halves(reader: Reader, record: StudyRecord): StudyRecord[] {
  const middle = Math.ceil(record.words.length / 2);
  const identity = ATTACKER + (record.order % 25) * 2;
  return [record.words.slice(0, middle), record.words.slice(middle)]
    .filter((words) => words.length > 0)
    .map((words, i) => reader.record(words, identity + i, record.order + i));
}
