import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packOrderKey } from '../../../../attribution/api.ts';
import {
  createRecordJudge,
  type JudgedContribution,
  type RecordVerdict,
} from '../../../../attribution/approval/judge.ts';
import { utf8 } from '../builders.ts';

const contribution = (commitSequence: number, ...texts: string[]): JudgedContribution => ({
  commitSequence,
  // Any name that is the same for the same bytes will do.
  records: texts.map((text) => ({ hash: `hash of ${text}`, text: utf8(text) })),
});

/** Judges contributions in this order of approval. */
function judged(...contributions: JudgedContribution[]): RecordVerdict[][] {
  const judge = createRecordJudge();
  return contributions.map((each) => judge.judge(each));
}
const accepted = (verdicts: readonly RecordVerdict[]): boolean[] => verdicts.map((one) => one.accepted);
const founders = (verdicts: readonly RecordVerdict[]): (number | undefined)[] =>
  verdicts.map((one) => (one.accepted ? one.founder : undefined));

const song = Array.from({ length: 60 }, (_, i) => `word${i}`);
const SONG = song.join(' ');
const SONG_RETOLD = [...song.slice(0, 59), 'ending'].join(' ');

describe('what a contribution brings', () => {
  it('B4: bytes that stand under a lower order key are refused, whoever is approved first', () => {
    const early = contribution(1, 'sing');
    const late = contribution(2, 'sing', 'goddess', 'goddess');
    expect(judged(early, late).map(accepted)).toEqual([[true], [false, true, false]]);
    // The thief was approved first: the author comes in all the same, and nobody after.
    expect(judged(late, early, contribution(3, 'sing')).map(accepted)).toEqual([
      [true, true, false],
      [true],
      [false],
    ]);
  });

  it('D1: near duplicates are accepted into the cluster of the founder before them', () => {
    const [[first], [retold, other]] = judged(
      contribution(4, SONG),
      contribution(9, SONG_RETOLD, 'sing'),
    ) as [RecordVerdict[], RecordVerdict[]];
    expect(founders([first!, retold!, other!])).toEqual([
      packOrderKey(4, 0),
      packOrderKey(4, 0),
      packOrderKey(9, 1),
    ]);
  });

  it('D1: an exact copy from an earlier commit joins the copy that was approved before it', () => {
    const [[thief], [author]] = judged(contribution(7, SONG), contribution(3, SONG)) as [
      RecordVerdict[],
      RecordVerdict[],
    ];
    expect(founders([thief!, author!])).toEqual([packOrderKey(7, 0), packOrderKey(7, 0)]);
  });

  it('says what quotes earlier contributions, of all that is accepted, and not what quotes its own', () => {
    const quoting = `${song.slice(0, 40).join(' ')} ${Array.from({ length: 30 }, (_, i) => `new${i}`).join(' ')}`;
    const [, second, third] = judged(
      contribution(1, SONG),
      contribution(2, SONG, quoting, `${quoting} ${quoting}`, SONG_RETOLD),
      contribution(3, Array.from({ length: 30 }, (_, i) => `new${i}`).join(' ')),
    );
    expect(second).toMatchObject([
      { accepted: false, tokens: 60 },
      { accepted: true, tokens: 70, unquotedTokens: 30 },
      { accepted: true, tokens: 140, unquotedTokens: 60 },
      { accepted: true, tokens: 60, unquotedTokens: 1 },
    ]);
    expect(third).toMatchObject([{ accepted: true, tokens: 30, unquotedTokens: 0 }]);
  });

  it('says how many bytes and tokens a record has', () => {
    expect(judged(contribution(1, 'Sing, goddess!'))[0]).toEqual([
      { accepted: true, founder: packOrderKey(1, 0), bytes: 14, tokens: 4, unquotedTokens: 4 },
    ]);
  });

  it('B4: accepts exactly what a plain search through everything before it accepts', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e f', 'g h i'), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 6 }), fc.func(texts), (order, of) => {
        const contributions = order.map((sequence) => contribution(sequence + 1, ...of(sequence)));
        const verdicts = judged(...contributions).map(accepted);
        const all = contributions.flatMap(({ commitSequence, records }) =>
          records.map(({ hash }, index) => ({ hash, key: packOrderKey(commitSequence, index) })),
        );
        const expected = all.map(
          ({ hash, key }, i) => !all.slice(0, i).some((before) => before.hash === hash && before.key < key),
        );
        expect(verdicts.flat()).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
