import type { Matches } from './matches.ts';
import type { TokenAttributionParams } from './types.ts';
import { TOKEN_RULES, type TokenRule } from './versions.ts';

/**
 * For each output token the position, in the index, of that token in the record that owns it; -1 where no match covers
 * it. The owner of i is the record of lowest order key with S_r(i) ≥ bar·M(i), bar = ¾ in version 1.
 *
 * A record has a match of surprisal ≥ bar·M(i) around i exactly if, for some start s ≤ i, it has the shortest phrase from
 * s that covers i and reaches that bar (longer phrases stand in fewer records). So for each s one look into the table
 * of earliest records is enough. Both loops move their ends in one direction only: at most T²/2 steps each.
 */
export function findOwners(
  matches: Matches,
  surprisalBefore: Float64Array,
  params: Pick<TokenAttributionParams, 'version' | 'lmin'>,
  recordOf: (position: number) => number,
): Int32Array {
  const { ends, rows, earliest } = matches;
  const { lmin } = params;
  const rule = TOKEN_RULES[params.version];
  const length = ends.length;
  const owners = new Int32Array(length).fill(-1);
  const recordOfEntry = recordsOfEntries(earliest, recordOf);
  const best = bestMatches(matches, surprisalBefore);
  let first = 0;
  for (let i = 0; i < length; i++) {
    // The first match that still covers i; ends never fall, so it only moves on.
    while (first <= i && ends[first]! <= i) first++;
    let record = -1;
    let end = i + 1;
    for (let s = first; s <= i; s++) {
      if (ends[s] === 0) continue;
      end = Math.max(end, s + lmin);
      while (end <= length && !reachesBar(surprisalBefore[end]! - surprisalBefore[s]!, best[i]!, rule)) end++;
      if (end > ends[s]!) continue;
      const entry = rows[s]! + end - s - lmin;
      const candidate = recordOfEntry[entry]!;
      if (record < 0 || candidate < record) {
        record = candidate;
        owners[i] = earliest[entry]! + i - s;
      }
    }
  }
  return owners;
}

function reachesBar(surprisal: number, best: number, rule: TokenRule): boolean {
  return surprisal * rule.barDenominator >= best * rule.barNumerator;
}

/** M(i): the largest surprisal of a match that covers i. Those from one start are covered by its longest. */
function bestMatches(matches: Matches, surprisalBefore: Float64Array): Float64Array {
  const { ends } = matches;
  const best = new Float64Array(ends.length);
  // Starts whose matches may still be the best, by falling surprisal: a queue over a sliding range of starts.
  const queue = new Int32Array(ends.length);
  const surprisalOf = (s: number) => surprisalBefore[ends[s]!]! - surprisalBefore[s]!;
  let head = 0;
  let tail = 0;
  for (let i = 0; i < ends.length; i++) {
    if (ends[i]! > 0) {
      while (tail > head && surprisalOf(queue[tail - 1]!) <= surprisalOf(i)) tail--;
      queue[tail++] = i;
    }
    while (head < tail && ends[queue[head]!]! <= i) head++;
    if (head < tail) best[i] = surprisalOf(queue[head]!);
  }
  return best;
}

function recordsOfEntries(earliest: Int32Array, recordOf: (position: number) => number): Int32Array {
  const records = new Int32Array(earliest.length);
  for (let i = 0; i < earliest.length; i++)
    records[i] = i > 0 && earliest[i] === earliest[i - 1] ? records[i - 1]! : recordOf(earliest[i]!);
  return records;
}
