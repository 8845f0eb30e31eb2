import type { PhraseMark } from '../index/token-index.ts';
import { windowsOfPrompt } from './prompt-windows.ts';
import type { IndexedText } from './text.ts';
import type { CreditIndex } from './types.ts';

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
  index: CreditIndex,
  output: IndexedText,
  prompt: Int32Array,
  rules: MatchRules,
): Matches {
  const { lmin } = rules;
  const { ids } = output;
  const length = ids.length;
  const cursor = index.cursor();
  const windows = creditableWindows(index, output, prompt, rules);
  const limits = runEnds(windows, lmin);
  const ends = new Int32Array(length);
  const rows = new Int32Array(length);
  const earliest = new Table();
  for (let s = 0; s < windows.length; s++) {
    const window = windows[s];
    if (window === undefined) continue;
    cursor.rewind(window.mark);
    rows[s] = earliest.length;
    earliest.push(window.earliest, 1);
    let count = cursor.count;
    let position = window.earliest;
    let end = s + lmin;
    // Longer as long as the windows are creditable and the whole stands in one record.
    for (;;) {
      const same = cursor.extendAll(ids, end, limits[s]!);
      earliest.push(position, same);
      end += same;
      if (end === limits[s] || !cursor.extend(ids[end]!)) break;
      if (cursor.count !== count) {
        count = cursor.count;
        position = cursor.earliest();
      }
      earliest.push(position, 1);
      end++;
    }
    ends[s] = end;
  }
  return { ends, rows, earliest: earliest.values() };
}

/** By start: where the run of creditable windows that starts there ends. */
function runEnds(windows: readonly (Window | undefined)[], lmin: number): Int32Array {
  const ends = new Int32Array(windows.length);
  for (let s = windows.length - 1; s >= 0; s--)
    if (windows[s] !== undefined) ends[s] = windows[s + 1] !== undefined ? ends[s + 1]! : s + lmin;
  return ends;
}

/** A growing array of integers. */
class Table {
  length = 0;
  #values = new Int32Array(1024);

  push(value: number, times: number): void {
    const end = this.length + times;
    if (end > this.#values.length) {
      const values = new Int32Array(Math.max(end, this.#values.length * 2));
      values.set(this.#values);
      this.#values = values;
    }
    this.#values.fill(value, this.length, end);
    this.length = end;
  }

  values(): Int32Array {
    return this.#values.subarray(0, this.length);
  }
}

interface Window {
  readonly mark: PhraseMark;
  readonly earliest: number;
}

/** By start: the windows that may credit somebody, found in the index. */
function creditableWindows(
  index: CreditIndex,
  output: IndexedText,
  prompt: Int32Array,
  rules: MatchRules,
): (Window | undefined)[] {
  const { lmin, sminQ16, commons } = rules;
  const { ids, surprisalBefore, wordsBefore } = output;
  const cursor = index.cursor();
  const quoted = windowsOfPrompt(ids, prompt, lmin);
  const windows: (Window | undefined)[] = Array(Math.max(0, ids.length - lmin + 1)).fill(undefined);
  // The shortest phrase known not to occur, to the right: a window that contains it does not occur either.
  let absentEnd = Number.POSITIVE_INFINITY;
  for (let s = windows.length - 1; s >= 0; s--) {
    const surprisal = surprisalBefore[s + lmin]! - surprisalBefore[s]!;
    if (wordsBefore[s + lmin] === wordsBefore[s] || surprisal < sminQ16 || quoted[s] === 1) continue;
    if (absentEnd <= s + lmin) continue;
    cursor.reset();
    let end = s;
    while (end < s + lmin && cursor.extend(ids[end]!)) end++;
    if (end < s + lmin) {
      absentEnd = end + 1;
      continue;
    }
    const earliest = cursor.earliest();
    const first = commons.size === 0 ? undefined : index.record(index.recordOf(earliest));
    if (first === undefined || !commons.has(first.dataNetId)) windows[s] = { mark: cursor.mark(), earliest };
  }
  return windows;
}
