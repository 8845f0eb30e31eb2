import {
  attributeTokens,
  buildTokenIndex,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
} from '../../../attribution/api.ts';
import { type Answer, answersOf } from './answers.ts';
import {
  commonPhrases,
  diluter,
  extensionThief,
  generatedText,
  quotationsOf,
  squatter,
  targetedThief,
  wrapper,
} from './attackers.ts';
import {
  ATTACKER,
  brownRecords,
  COMMONS_NET,
  contributorOf,
  FIRST,
  Reader,
  type StudyRecord,
  toCorpusRecords,
} from './corpus.ts';
import { ANY_LENGTH, evidenceOf, type Position, type WindowRule } from './evidence.ts';
import { Random } from './random.ts';
import {
  type CreditRule,
  FOUR_FIFTHS,
  FOUR_FIFTHS_OLDEST,
  judge,
  type Outcome,
  RULES,
  THREE_QUARTERS,
} from './rules.ts';

/** What one rule is worth, as fractions: means over seeds, parts of victims' words over all their words. */
export interface RuleRow {
  readonly rule: string;
  readonly coverage: number;
  /** Part of the credit that went to the contributor who supplied the word. */
  readonly toSource: number;
  /** Parts of all credit. */
  readonly squatter: number;
  readonly longSquatter: number;
  readonly generated: number;
  /** Parts of the victim's words. */
  readonly thief: number;
  readonly targetedThief: number;
  readonly wrapper: number;
  /** Part of the quoted words' credit that victims lose to three later copiers, who gain `copier` of it. */
  readonly diluted: number;
  readonly copier: number;
  /** The same with three copiers who add the two likeliest words. */
  readonly stretched: number;
}

export interface RuleTable {
  readonly rows: readonly RuleRow[];
  readonly records: number;
  readonly tokens: number;
  readonly types: number;
  readonly phrases: number;
  /** By words that the targeted thief adds: his part of the victims' words under version 1. */
  readonly byAdded: readonly (readonly [added: number, taken: number])[];
}

const ANSWERS = 25;
const TOKENS = 120;
const THEFTS = 3000;
const ADDED = [1, 2, 3, 4, 6] as const;

export function ruleTable(seeds: readonly number[], progress: (text: string) => void): RuleTable {
  const bySeed = seeds.map((seed) => {
    progress(`rules, seed ${seed}`);
    return runSeed(seed);
  });
  const rows = RULES.map((_, r) => pooled(bySeed.map(({ rows }) => rows[r]!)));
  const byAdded = ADDED.map((added, i) => [added, mean(bySeed.map((each) => each.byAdded[i]!))] as const);
  const { records, tokens, types, phrases } = bySeed[0]!;
  return { rows, records, tokens, types, phrases, byAdded };
}

function runSeed(seed: number) {
  const reader = new Reader();
  const random = new Random(seed, 'rules');
  const honest = brownRecords(reader, random);
  const types = reader.types;
  const answers = answersOf(reader, honest, { count: ANSWERS, tokens: TOKENS, seed });
  const plain = evidenceOf(reader, honest, answers);
  checkAgainstEngine(reader, honest, answers);
  const quotations = quotationsOf(answers, plain);
  const squat = squatter(reader, honest, [4]);
  const drawn = answersOf(reader, honest, { count: 500, tokens: TOKENS, seed: seed + 1_000_000 });
  const added = {
    squatter: squat.records,
    longSquatter: squatter(reader, honest, [4, 5, 6, 7, 8]).records,
    generated: generatedText(reader, drawn),
    thief: extensionThief(reader, honest, random, { count: THEFTS, added: 2 }),
    targetedThief: targetedThief(reader, honest, quotations, 2),
    wrapper: wrapper(reader, honest, random, THEFTS),
    diluter: diluter(reader, quotations, 3),
    stretcher: targetedThief(reader, honest, quotations, 2, 3),
  };
  const views = [...new Set(RULES.map(windowsOf))].map((windows) => {
    const entries = Object.entries(added).map(([name, records]) => [
      name,
      evidenceOf(reader, [...honest, ...records], answers, windows),
    ]);
    const attacked = Object.fromEntries(entries) as Record<keyof typeof added, Position[][]>;
    return { windows, plain: evidenceOf(reader, honest, answers, windows), attacked };
  });
  const rows = RULES.map((rule): SeedRow => {
    const { plain, attacked } = views.find(({ windows }) => windows === windowsOf(rule))!;
    const before = judge(rule, plain);
    const share = (name: keyof typeof added) => shareOfCredit(judge(rule, attacked[name]));
    const bases: Partial<Record<keyof RuleRow, number>> = {};
    const taken = (column: keyof RuleRow, name: keyof typeof added) => {
      const result = takenFrom(rule, before, attacked[name]);
      bases[column] = result.base;
      return result;
    };
    return {
      rule: rule.name,
      coverage: before.credited / before.total,
      toSource: before.toSource / before.credited,
      squatter: share('squatter'),
      longSquatter: share('longSquatter'),
      generated: share('generated'),
      thief: taken('thief', 'thief').gained,
      targetedThief: taken('targetedThief', 'targetedThief').gained,
      wrapper: taken('wrapper', 'wrapper').gained,
      diluted: taken('diluted', 'diluter').lost,
      copier: taken('copier', 'diluter').gained,
      stretched: taken('stretched', 'stretcher').lost,
      bases,
    };
  });
  const byAdded = ADDED.map((count) => {
    const records = targetedThief(reader, honest, quotations, count);
    const evidence = evidenceOf(reader, [...honest, ...records], answers);
    return takenFrom(THREE_QUARTERS, judge(THREE_QUARTERS, plain), evidence).gained;
  });
  const tokens = honest.reduce((sum, { ids }) => sum + ids.length, 0);
  return { rows, byAdded, records: honest.length, tokens, types, phrases: squat.phrases };
}

function windowsOf({ windows }: CreditRule): WindowRule {
  return windows ?? ANY_LENGTH;
}

/**
 * The scan of this study and the engine of the chain are written apart: under every version they must give each
 * contributor the same weight.
 * @throws Error if they do not.
 */
export function checkAgainstEngine(
  reader: Reader,
  records: readonly StudyRecord[],
  answers: readonly Answer[],
): void {
  const index = buildTokenIndex(createCorpus(toCorpusRecords(records)));
  const prompt = new TextEncoder().encode('The');
  for (const [version, rule] of [
    [1, THREE_QUARTERS],
    [2, FOUR_FIFTHS],
    [3, FOUR_FIFTHS_OLDEST],
  ] as const) {
    const windows = windowsOf(rule);
    const lmax = Math.min(windows.lmax, TOKENS);
    const weights = new Map<number, number>();
    for (const { bytes } of answers) {
      const input = {
        index,
        commons: new Set<number>(),
        ineligible: new Set<string>(),
        output: bytes,
        prompt,
      };
      const params = { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, version, lmax };
      for (const { contributor, weightQ16 } of attributeTokens({ ...input, params }).spans) {
        const number = contributorOf(contributor);
        weights.set(number, (weights.get(number) ?? 0) + weightQ16);
      }
    }
    const { credit } = judge(rule, evidenceOf(reader, records, answers, windows));
    const same =
      credit.size === weights.size && [...credit].every(([who, weight]) => weights.get(who) === weight);
    if (!same) throw new Error(`version ${version}: the engine and the scan of the study differ`);
  }
}

const isAttacker = (contributor: number): boolean => contributor >= ATTACKER;

function shareOfCredit(outcome: Outcome): number {
  let attackers = 0;
  for (const [contributor, weight] of outcome.credit) if (isAttacker(contributor)) attackers += weight;
  return outcome.credited === 0 ? 0 : attackers / outcome.credited;
}

/**
 * Over the positions where an attacker has a claim, as parts of what honest contributors earned there before the
 * attack: what attackers gain, and what the honest lose.
 */
export function takenFrom(
  rule: CreditRule,
  before: Outcome,
  attacked: readonly (readonly Position[])[],
): { gained: number; lost: number; base: number } {
  const after = judge(rule, attacked);
  let [base, gained, kept] = [0, 0, 0];
  attacked.forEach((positions, a) => {
    positions.forEach(({ weight, claims }, i) => {
      if (!claims.some(({ record }) => isAttacker(record.contributor))) return;
      for (const [, part] of before.shares[a]![i]!) base += part * weight;
      for (const [contributor, part] of after.shares[a]![i]!)
        if (isAttacker(contributor)) gained += part * weight;
        else kept += part * weight;
    });
  });
  return base === 0
    ? { gained: 0, lost: 0, base }
    : { gained: gained / base, lost: (base - kept) / base, base };
}

/**
 * A public phrase list as a commons DataNet, made from other texts (the documents of even number) than those of the
 * chain (odd number): what the squatter takes under version 1 with and without it.
 */
export interface PhraseListRow {
  readonly list: string;
  readonly phrases: number;
  readonly coverage: number;
  readonly toSource: number;
  readonly squatter: number;
  readonly generated: number;
}

export function phraseLists(seeds: readonly number[], progress: (text: string) => void): PhraseListRow[] {
  const bySeed = seeds.map((seed) => {
    progress(`phrase lists, seed ${seed}`);
    return runLists(seed);
  });
  return bySeed[0]!.map((_, i) => meanOf(bySeed.map((rows) => rows[i]!)));
}

function runLists(seed: number): PhraseListRow[] {
  const reader = new Reader();
  const random = new Random(seed, 'lists');
  const honest = brownRecords(reader, random, (document) => document % 2 === 1);
  const elsewhere = brownRecords(reader, random, (document) => document % 2 === 0);
  const answers = answersOf(reader, honest, { count: ANSWERS, tokens: TOKENS, seed });
  const drawn = answersOf(reader, honest, { count: 250, tokens: TOKENS, seed: seed + 1_000_000 });
  const lists: [string, Int32Array[]][] = [
    ['none', []],
    ['used by two contributors elsewhere', commonPhrases(elsewhere, 4)],
    ['used by one contributor elsewhere', elsewhere.map(({ ids }) => ids)],
  ];
  return lists.map(([list, phrases]) => {
    const commons = commonsOf(reader, phrases);
    const credit = (extra: readonly StudyRecord[]): Outcome =>
      judge(THREE_QUARTERS, evidenceOf(reader, [...commons, ...honest, ...extra], answers, ANY_LENGTH));
    const plain = credit([]);
    return {
      list,
      phrases: list === 'none' ? 0 : phrases.length,
      coverage: plain.credited / plain.total,
      toSource: plain.toSource / plain.credited,
      squatter: shareOfCredit(credit(squatter(reader, honest, [4]).records)),
      generated: shareOfCredit(credit(generatedText(reader, drawn as Answer[]))),
    };
  });
}

function commonsOf(reader: Reader, phrases: readonly Int32Array[]): StudyRecord[] {
  return phrases.map((ids, i) =>
    reader.record(
      Array.from(ids, (id) => reader.wordOf(id)),
      -1,
      (i + 1) * (FIRST / (phrases.length + 2)),
      COMMONS_NET,
    ),
  );
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

interface SeedRow extends RuleRow {
  /** Weight of the words of which a column says the part. */
  readonly bases: Partial<Record<keyof RuleRow, number>>;
}

/** Over seeds: parts of words by their weight, the other numbers by their mean. */
function pooled(rows: readonly SeedRow[]): RuleRow {
  const result: Record<string, unknown> = { ...meanOf(rows) };
  delete result['bases'];
  for (const column of Object.keys(rows[0]!.bases) as (keyof RuleRow)[]) {
    const all = rows.reduce((sum, { bases }) => sum + bases[column]!, 0);
    const part = rows.reduce((sum, row) => sum + Number(row[column]) * row.bases[column]!, 0);
    result[column] = all === 0 ? 0 : part / all;
  }
  return result as unknown as RuleRow;
}

/** Means of the numbers of rows that are otherwise alike. */
function meanOf<T extends object>(rows: readonly T[]): T {
  const entries = Object.entries(rows[0]!).map(([key, value]) => [
    key,
    typeof value === 'number' ? mean(rows.map((row) => Number(row[key as keyof T]))) : value,
  ]);
  return Object.fromEntries(entries) as T;
}
