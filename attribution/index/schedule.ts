import { SEGMENT_UNIT_BYTES, SEGMENT_UNITS_PER_BLOCK } from '../limits.ts';

/** Units of each level, largest first; each level is a digit of the number of units. */
const LEVEL_UNITS = [64, 8, 1] as const;

/** Contributions [from, to) of a DataNet's sequence. */
export interface SegmentRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Which contributions of a DataNet share a segment, by their order on the chain and their sizes alone. The text so far
 * is counted in units; blocks of SEGMENT_UNITS_PER_BLOCK units are closed for ever, what remains is written in base 8,
 * one segment a digit, and what does not fill a unit stands last. So at most three segments and the closed blocks are
 * open at any time, and a token is sorted again about ten times before its block is closed.
 * @param sizes bytes of text of each contribution, in the order of the sequence.
 */
export function scheduleSegments(sizes: readonly number[]): SegmentRange[] {
  // ends[u] is the first contribution that ends at or after u units: a contribution is never cut.
  const ends: number[] = [0];
  let bytes = 0;
  sizes.forEach((size, i) => {
    bytes += size;
    while (ends.length * SEGMENT_UNIT_BYTES <= bytes) ends.push(i + 1);
  });
  const ranges: SegmentRange[] = [];
  let unit = 0;
  const close = (to: number): void => {
    const from = ranges.at(-1)?.to ?? 0;
    if (to > from) ranges.push({ from, to });
  };
  const units = ends.length - 1;
  while (units - unit >= SEGMENT_UNITS_PER_BLOCK) {
    unit += SEGMENT_UNITS_PER_BLOCK;
    close(ends[unit]!);
  }
  for (const level of LEVEL_UNITS) {
    unit += Math.floor((units - unit) / level) * level;
    close(ends[unit]!);
  }
  close(sizes.length);
  return ranges;
}
