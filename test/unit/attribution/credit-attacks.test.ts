/** The attacks of docs/attribution/credit.md on a small part of the data: `npm run study:attribution -- credit` runs all. */
import { describe, expect, it } from 'vitest';
import { answersOf } from '../../study/credit/answers.ts';
import { diluter, extensionThief, quotationsOf, squatter } from '../../study/credit/attackers.ts';
import { type Bar, holds } from '../../study/credit/bars.ts';
import { brownRecords, Reader } from '../../study/credit/corpus.ts';
import { evidenceOf } from '../../study/credit/evidence.ts';
import { feeLoops } from '../../study/credit/fee-loop.ts';
import { influenceAttacks, SETTINGS } from '../../study/credit/influence-attacks.ts';
import { genesisRule } from '../../study/credit/payouts.ts';
import { Random } from '../../study/credit/random.ts';
import { retrievalAttacks } from '../../study/credit/retrieval-attacks.ts';
import { checkAgainstEngine, takenFrom } from '../../study/credit/rule-table.ts';
import { FOUR_FIFTHS, judge, RULES, THREE_QUARTERS } from '../../study/credit/rules.ts';
import { exactCopies, tokenScene } from '../../study/credit/token-attacks.ts';
import { clouds, slice } from './influence/oracle.ts';

const SEED = 5;
const broken = (bars: readonly Bar[]): Bar[] => bars.filter((bar) => !holds(bar));

describe('credit under attack', () => {
  it('exact copies under 1, 7 and 50 identities change no payout by a wei', () => {
    const scene = tokenScene(SEED, 400, 6, 25);
    for (const version of [1, 2, 3] as const)
      expect(broken(exactCopies(scene, version, [1, 7, 50]))).toEqual([]);
  });

  it('the scan of the study and the engine give the same weights, with attackers too', () => {
    const reader = new Reader();
    const random = new Random(SEED, 'test');
    const honest = brownRecords(reader, random, (document) => document % 25 === 0);
    const answers = answersOf(reader, honest, { count: 6, tokens: 120, seed: SEED });
    const plain = evidenceOf(reader, honest, answers);
    checkAgainstEngine(reader, honest, answers);
    const thieves = extensionThief(reader, honest, random, { count: 300, added: 2 });
    const all = [...honest, ...thieves, ...squatter(reader, honest, [4]).records];
    checkAgainstEngine(reader, all, answers);

    // Who wraps what is quoted takes nothing under either version, and half of it or more where shares are equal.
    const copied = evidenceOf(
      reader,
      [...honest, ...diluter(reader, quotationsOf(answers, plain), 3)],
      answers,
    );
    const taken = (name: string) => {
      const rule = RULES.find((each) => each.name === name)!;
      return takenFrom(rule, judge(rule, plain), copied);
    };
    expect(taken(THREE_QUARTERS.name)).toMatchObject({ gained: 0 });
    expect(taken(FOUR_FIFTHS.name)).toMatchObject({ gained: 0 });
    expect(taken('¾, equal split').gained).toBeGreaterThan(0.5);
  });

  it('C3: an operator who pays friends loses 30 % of each fee by the genesis cap, however many they are', () => {
    const losses = ([1, 3] as const).map((version) => feeLoops(genesisRule(version)).map(({ lost }) => lost));
    expect(losses[0]![1]).toBeCloseTo(0.35, 3);
    expect(Math.min(...losses[0]!)).toBeLessThan(0.2);
    for (const lost of losses[1]!) expect(lost).toBeGreaterThanOrEqual(0.3);
  });

  it('D1: copies and near duplicates gain nothing where one record stands for a cluster', () => {
    const { bars, rows } = retrievalAttacks(SEED, 400, 40, 25);
    expect(broken(bars)).toEqual([]);
    // And they do gain where every record counts for itself, so the bars are not empty.
    for (const { gainAlone } of rows.slice(0, 5)) expect(gainAlone).toBeGreaterThan(1.2);
  });

  it('copies that no cluster recognises take a victim of influence his credit, and are reported so', () => {
    const data = clouds(340, 6, 3, SEED);
    const rows = influenceAttacks(
      { honest: slice(data, 0, 200), queries: slice(data, 200, 240), known: slice(data, 240, 340) },
      SEED,
      () => {},
    );
    const five = rows.find(({ attack }) => attack.includes('5 each (paraphrase)'))!;
    expect(five.gains).toHaveLength(SETTINGS.length);
    for (const kept of five.victims) expect(kept).toBeLessThan(0.6);
  });
});
