import type { Matches } from './matches.ts';
import type { TokenAttributionParams } from './types.ts';
import { reachesBar, TOKEN_RULES } from './versions.ts';

/** Owners of the tokens of an output: -1 where no match covers the token. */
export interface Owners {
  /** The token's position in the index, in the record that owns it. */
  readonly positions: Int32Array;
  /** Rank of that record. */
  readonly ranks: Int32Array;
}

/**
 * The owner of each output token i is the record of lowest order key with S_r(i) ≥ bar·M(i), bar = ¾ in version 1.
 *
 * A record has a match of surprisal ≥ bar·M(i) around i exactly if, for some start s ≤ i, it has the shortest phrase from
 * s that covers i and reaches that bar (longer phrases stand in fewer records). So for each s one look into the table
 * of earliest records is enough. Both loops move their ends in one direction only: at most T · lmax steps each.
 */
export function findOwners(
  matches: Matches,
  surprisalBefore: Float64Array,
  params: Pick<TokenAttributionParams, 'version' | 'lmin'>,
): Owners {
  const { ends, rows } = matches;
  const { lmin } = params;
  const { bar } = TOKEN_RULES[params.version];
  const length = ends.length;
  const positions = new Int32Array(length).fill(-1);
  const ranks = new Int32Array(length).fill(-1);
  const best = bestMatches(matches, surprisalBefore);
  let first = 0;
  for (let i = 0; i < length; i++) {
    // The first match that still covers i; ends never fall, so it only moves on.
    while (first <= i && ends[first]! <= i) first++;
    let rank = -1;
    let end = i + 1;
    for (let s = first; s <= i; s++) {
      if (ends[s] === 0) continue;
      end = Math.max(end, s + lmin);
      while (end <= length && !reachesBar(surprisalBefore[end]! - surprisalBefore[s]!, best[i]!, bar)) end++;
      if (end > ends[s]!) continue;
      const entry = rows[s]! + end;
      const candidate = matches.ranks[entry]!;
      if (rank < 0 || candidate < rank) {
        rank = candidate;
        positions[i] = matches.positions[entry]! + i - s;
      }
    }
    ranks[i] = rank;
  }
  return { positions, ranks };
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
