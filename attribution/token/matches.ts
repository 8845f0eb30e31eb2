import { PhraseTable } from '../index/phrase-table.ts';
import type { PhraseRows } from '../index/token-index.ts';
import { windowsOfPrompt } from './prompt-windows.ts';
import type { IndexedText } from './text.ts';
import type { CreditIndex } from './types.ts';
import { type Bar, reachesBar } from './versions.ts';

/**
 * Creditable matches of an output (docs/attribution.md, "Matches").
 * For each start s, `ends[s]` is the end of the longest match that starts there (0: none): all its windows are
 * creditable, it stands in one record and has at most lmax tokens. `ends` never falls from one match to the next.
 * Entry `rows[s] + e` of the table is, for froms[s] ≤ e ≤ ends[s], where tokens s to e - 1 stand first: a position, and
 * the rank of its record. Shorter phrases than [s, froms[s]) reach no bar: the longest match from s covers what they
 * cover.
 */
export interface Matches {
  readonly ends: Int32Array;
  readonly rows: Int32Array;
  readonly positions: Int32Array;
  readonly ranks: Int32Array;
}

export interface MatchRules {
  readonly lmin: number;
  readonly lmax: number;
  readonly bar: Bar;
  readonly sminQ16: number;
  readonly commons: ReadonlySet<number>;
}

/** Finds all creditable matches. At most T · lmax steps a segment for T output tokens, whatever the records are. */
export function findMatches(
  index: CreditIndex,
  output: IndexedText,
  prompt: Int32Array,
  rules: MatchRules,
): Matches {
  const { lmin, lmax } = rules;
  const phrases = index.rows(output.ids);
  const wanted = tellingWindows(output, prompt, rules);
  phrases.prepare(lmin, runEnds(wanted, output.ids.length, lmin, lmax));
  const creditable = wanted.map((isWanted, s) =>
    isWanted === 1 && phrases.occurs(s) && !isCommon(index, phrases, s, rules.commons) ? 1 : 0,
  );
  const limits = runEnds(creditable, output.ids.length, lmin, lmax);
  const ends = new Int32Array(output.ids.length);
  const froms = new Int32Array(output.ids.length);
  let entries = 0;
  for (let s = 0; s < creditable.length; s++) {
    if (creditable[s] === 0) continue;
    ends[s] = Math.min(phrases.longest(s), limits[s]!);
    froms[s] = firstToReach(output.surprisalBefore, s, s + lmin, ends[s]!, rules.bar);
    entries += ends[s]! - froms[s]! + 1;
  }
  const table = new PhraseTable(entries);
  const rows = new Int32Array(output.ids.length);
  let written = 0;
  for (let s = 0; s < creditable.length; s++) {
    if (creditable[s] === 0) continue;
    table.openRow(written);
    phrases.write(s, froms[s]!, ends[s]!, table);
    rows[s] = written - froms[s]!;
    written += ends[s]! - froms[s]! + 1;
  }
  return { ends, rows, positions: table.positions, ranks: table.ranks };
}

/** The shortest end from `from` on at which a phrase reaches the bar of the one that ends at `end`. */
function firstToReach(
  surprisalBefore: Float64Array,
  start: number,
  from: number,
  end: number,
  bar: Bar,
): number {
  const best = surprisalBefore[end]! - surprisalBefore[start]!;
  let reached = from;
  while (!reachesBar(surprisalBefore[reached]! - surprisalBefore[start]!, best, bar)) reached++;
  return reached;
}

/** By start: where the run of windows that starts there ends, lmax tokens further at most; 0 where none starts. */
function runEnds(windows: Uint8Array, tokens: number, lmin: number, lmax: number): Int32Array {
  const ends = new Int32Array(tokens);
  let end = 0;
  for (let s = windows.length - 1; s >= 0; s--) {
    if (windows[s] === 0) continue;
    if (windows[s + 1] !== 1) end = s + lmin;
    ends[s] = Math.min(end, s + lmax);
  }
  return ends;
}

/** By start: 1 for windows that may credit somebody, if they occur. */
function tellingWindows(output: IndexedText, prompt: Int32Array, { lmin, sminQ16 }: MatchRules): Uint8Array {
  const { ids, surprisalBefore, wordsBefore } = output;
  const quoted = windowsOfPrompt(ids, prompt, lmin);
  return Uint8Array.from({ length: Math.max(0, ids.length - lmin + 1) }, (_, s) =>
    wordsBefore[s + lmin] !== wordsBefore[s] &&
    surprisalBefore[s + lmin]! - surprisalBefore[s]! >= sminQ16 &&
    quoted[s] === 0
      ? 1
      : 0,
  );
}

/** Whether the first record that has a window belongs to the commons. */
function isCommon(
  index: CreditIndex,
  phrases: PhraseRows,
  start: number,
  commons: ReadonlySet<number>,
): boolean {
  return commons.size > 0 && commons.has(index.record(phrases.firstOf(start).rank).dataNetId);
}
