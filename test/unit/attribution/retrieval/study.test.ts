import { describe, expect, it } from 'vitest';
import { loadBrownCorpus } from '../../../../node/datasets/brown.ts';
import { bm25, grams, tfIdf, words } from '../../../study/retrieval/lexical.ts';
import { measure } from '../../../study/retrieval/measure.ts';
import {
  allPassages,
  brownTasks,
  messageTask,
  splitCorpus,
  typo,
  typoTasks,
} from '../../../study/retrieval/tasks.ts';
import { random } from '../influence/oracle.ts';

describe('the lexical baselines', () => {
  const passages = ['the cat sat', 'the dog sat down', 'the cat and the cat'];

  it('BM25 is the published formula', () => {
    // cat: in 2 of 3, idf ln(1 + 1.5/2.5); lengths 3, 4, 5, mean 4.
    const idf = Math.log(1.6);
    const weight = (count: number, length: number) =>
      (idf * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * length) / 4));
    const scores = bm25(words)(passages)('Cat, cat!');
    expect(scores[0]).toBeCloseTo(weight(1, 3), 12);
    expect(scores[1]).toBe(0);
    expect(scores[2]).toBeCloseTo(weight(2, 5), 12);
  });

  it('TF-IDF is a cosine up to the length of the query', () => {
    const rank = tfIdf(words)(passages);
    const [own, other] = [rank('the dog sat down')[1]!, rank('the dog sat down')[0]!];
    const idf = { dog: Math.log(3), sat: Math.log(1.5), down: Math.log(3), cat: Math.log(1.5) };
    const length = Math.hypot(idf.dog, idf.sat, idf.down);
    expect(own / length).toBeCloseTo(1, 12);
    expect(other / length).toBeCloseTo(idf.sat ** 2 / length / Math.hypot(idf.cat, idf.sat), 12);
    expect(rank('the')[0]).toBe(0);
  });

  it('n-grams are those of marked words', () => {
    expect(grams('A cat')).toEqual(['<a>', '<ca', 'cat', 'at>', '<cat', 'cat>']);
  });
});

describe('the measure', () => {
  it('takes the first right passage, and equal scores in the order of passages', () => {
    const task = {
      name: '',
      passages: Array.from({ length: 20 }, () => ''),
      queries: [
        { text: '0', answers: new Set([5, 0]) },
        { text: '1', answers: new Set([3]) },
        { text: '2', answers: new Set([3]), except: 0 },
        { text: '3', answers: new Set([19]) },
      ],
    };
    const flat = () => () => new Float64Array(20);
    expect(measure(task, flat)).toEqual({
      recall1: 1 / 4,
      recall10: 3 / 4,
      mrr: (1 + 1 / 4 + 1 / 3 + 1 / 20) / 4,
    });
  });
});

describe('the tasks', () => {
  const { training, heldOut } = splitCorpus(loadBrownCorpus());

  it('are made of documents that nothing was trained on, and name answers that exist', () => {
    expect([training.length, heldOut.length]).toEqual([400, 100]);
    expect(training.filter((document) => heldOut.includes(document))).toEqual([]);
    const few = heldOut.slice(0, 4);
    const all = allPassages(few);
    for (const { passages, queries } of [...brownTasks(few, all, random(1)), ...typoTasks(all, random(1))]) {
      expect(queries.length).toBeGreaterThan(20);
      for (const { text, answers } of queries) {
        expect(text).not.toBe('');
        expect(answers.size).toBeGreaterThan(0);
        for (const answer of answers) expect(passages[answer]).toBeTypeOf('string');
      }
    }
  });

  it('messages: a spam message looks for the others, never for itself', () => {
    const task = messageTask(
      'Label\tSMS\nham\thi there\nspam\twin now\nspam\twin now\nspam\tcall us\n',
      random(1),
    );
    expect(task.passages).toEqual(['hi there', 'win now', 'call us']);
    expect(task.queries.map(({ text, answers, except }) => [text, [...answers], except]).sort()).toEqual([
      ['call us', [1], 2],
      ['win now', [2], 1],
    ]);
  });

  it('a typing error changes one letter or two, and short words not at all', () => {
    const next = random(5);
    expect(typo('an', next)).toBe('an');
    const results = Array.from({ length: 200 }, () => typo('Letters', next));
    for (const result of results) expect(Math.abs(result.length - 7)).toBeLessThanOrEqual(1);
    expect(results.filter((result) => result === 'Letters').length).toBeLessThan(30);
    expect(new Set(results).size).toBeGreaterThan(20);
  });
});
