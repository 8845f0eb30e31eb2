import type { TokenIndex } from '../index/token-index.ts';
import { windowsOfPrompt } from './prompt-windows.ts';
import type { IndexedText } from './text.ts';

/**
 * Creditable matches of an output (docs/attribution.md, "Matches").
 * For each start s, `ends[s]` is the end of the longest match that starts there (0: none): all its windows are
 * creditable and it stands in one record. `ends` never falls from one match to the next.
 * `earliest[rows[s] + e - s - lmin]` is, for s + lmin ≤ e ≤ ends[s], a position of tokens s to e - 1 in the record of
 * lowest order key that has them.
 */
export interface Matches {
  readonly ends: Int32Array;
  readonly rows: Int32Array;
  readonly earliest: Int32Array;
}

export interface MatchRules {
  readonly lmin: number;
  readonly sminQ16: number;
  readonly commons: ReadonlySet<number>;
}

/** Finds all creditable matches. At most T²/2 steps for T output tokens, whatever the records are. */
export function findMatches(
  index: TokenIndex,
  output: IndexedText,
  prompt: Int32Array,
  rules: MatchRules,
): Matches {
  const { lmin } = rules;
  const { ids } = output;
  const length = ids.length;
  const cursor = index.cursor();
  const windows = creditableWindows(index, output, prompt, rules);
  const ends = new Int32Array(length);
  const rows = new Int32Array(length);
  const earliest: number[] = [];
  for (let s = 0; s < windows.length; s++) {
    const window = windows[s];
    if (window === undefined) continue;
    cursor.rewind(window.mark);
    rows[s] = earliest.length;
    earliest.push(window.earliest);
    let count = cursor.count;
    let position = window.earliest;
    let end = s + lmin;
    // Longer by a token as long as the window that it completes is creditable and the whole stands in one record.
    while (end < length && windows[end - lmin + 1] !== undefined && cursor.extend(ids[end]!)) {
      end++;
      if (cursor.count !== count) {
        count = cursor.count;
        position = cursor.earliest();
      }
      earliest.push(position);
    }
    ends[s] = end;
  }
  return { ends, rows, earliest: Int32Array.from(earliest) };
}

interface Window {
  readonly mark: readonly [number, number, number];
  readonly earliest: number;
}

/** By start: the windows that may credit somebody, found in the index. */
function creditableWindows(
  index: TokenIndex,
  output: IndexedText,
  prompt: Int32Array,
  rules: MatchRules,
): (Window | undefined)[] {
  const { lmin, sminQ16, commons } = rules;
  const { ids, surprisalBefore, wordsBefore } = output;
  const cursor = index.cursor();
  const quoted = windowsOfPrompt(ids, prompt, lmin);
  const windows: (Window | undefined)[] = [];
  for (let s = 0; s + lmin <= ids.length; s++) {
    windows.push(undefined);
    const surprisal = surprisalBefore[s + lmin]! - surprisalBefore[s]!;
    if (wordsBefore[s + lmin] === wordsBefore[s] || surprisal < sminQ16 || quoted[s] === 1) continue;
    cursor.reset();
    let end = s;
    while (end < s + lmin && cursor.extend(ids[end]!)) end++;
    if (end < s + lmin) continue;
    const earliest = cursor.earliest();
    const first = index.corpus.records[index.recordOf(earliest)]!;
    if (!commons.has(first.dataNetId)) windows[s] = { mark: cursor.mark(), earliest };
  }
  return windows;
}
