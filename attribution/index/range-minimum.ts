const BLOCK_BITS = 5;
const BLOCK = 1 << BLOCK_BITS;

/**
 * Place of the smallest value in any range of an array: a sparse table over blocks of 32 values, and a scan of at most
 * two blocks. About 4·log₂(n/32)/32 bytes a value.
 */
export interface RangeMinimum {
  /** Index of the smallest value in [low, high); the highest such index if several are equal. Needs low < high. */
  argMin(low: number, high: number): number;
}

/** Range-minimum structure over `values`, which must not change afterwards. Time O(n). */
export function createRangeMinimum(values: Int32Array): RangeMinimum {
  const blocks = Math.max(1, (values.length + BLOCK - 1) >> BLOCK_BITS);
  const scan = (low: number, high: number): number => {
    let best = low;
    for (let i = low + 1; i < high; i++) if (values[i]! <= values[best]!) best = i;
    return best;
  };
  const better = (a: number, b: number): number => (values[b]! <= values[a]! ? b : a);
  const levels: Int32Array[] = [];
  const ground = new Int32Array(blocks);
  for (let b = 0; b < blocks; b++) ground[b] = scan(b * BLOCK, Math.min(values.length, (b + 1) * BLOCK));
  levels.push(ground);
  for (let width = 2; width <= blocks; width *= 2) {
    const below = levels[levels.length - 1]!;
    const level = new Int32Array(blocks - width + 1);
    for (let b = 0; b < level.length; b++) level[b] = better(below[b]!, below[b + (width >> 1)]!);
    levels.push(level);
  }
  return {
    argMin(low, high) {
      if (high - low <= 2 * BLOCK) return scan(low, high);
      const firstBlock = (low + BLOCK - 1) >> BLOCK_BITS;
      const endBlock = high >> BLOCK_BITS;
      let best = firstBlock * BLOCK > low ? scan(low, firstBlock * BLOCK) : -1;
      if (endBlock > firstBlock) {
        const k = 31 - Math.clz32(endBlock - firstBlock);
        const middle = better(levels[k]![firstBlock]!, levels[k]![endBlock - (1 << k)]!);
        best = best < 0 ? middle : better(best, middle);
      }
      if (endBlock * BLOCK < high) {
        const tail = scan(endBlock * BLOCK, high);
        best = best < 0 ? tail : better(best, tail);
      }
      return best;
    },
  };
}
