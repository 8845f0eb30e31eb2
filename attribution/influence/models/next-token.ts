import { checkRange } from '../check.ts';
import { MAX_CONTEXT_TOKENS, MAX_DIMENSIONS, MAX_VOCABULARY } from '../limits.ts';
import type { TokenRecords } from './types.ts';

/** Features of a context that need no encoder. Every number is an integer, so that a registration can carry it. */
export interface HashedContext {
  /** Token ids are 0 … vocabulary − 1. */
  readonly vocabulary: number;
  /** The last 1, 2, … `reach` tokens, each run of them one feature. */
  readonly reach: number;
  readonly width: number;
  /** 32 bits; another seed gives other collisions. */
  readonly seed: number;
}

/**
 * Features of the tokens that stand before each token of each record: the run of the last n tokens, for n from 1 to
 * `reach`, adds +1 or −1 to one of `width` features. Runs do not reach over the beginning of a record.
 * @throws AttributionError 'InvalidParameter'.
 */
export function hashedContexts(records: readonly Int32Array[], context: HashedContext): TokenRecords {
  const { vocabulary, reach, width, seed } = context;
  checkRange('vocabulary', vocabulary, 2, MAX_VOCABULARY);
  checkRange('reach', reach, 1, MAX_CONTEXT_TOKENS);
  checkRange('width', width, 1, MAX_DIMENSIONS);
  checkRange('seed', seed, 0, 0xffffffff);
  const starts = new Int32Array(records.length + 1);
  records.forEach((record, i) => {
    starts[i + 1] = starts[i]! + record.length;
  });
  const tokens = starts[records.length]!;
  const features = new Float64Array(tokens * width);
  const labels = new Int32Array(tokens);
  records.forEach((record, i) => {
    record.forEach((token, at) => {
      checkRange('token', token, 0, vocabulary - 1);
      const row = (starts[i]! + at) * width;
      labels[starts[i]! + at] = token;
      let hash = seed;
      for (let n = 1; n <= reach && n <= at; n++) {
        hash = mix(hash, record[at - n]!);
        features[row + Math.floor(((hash >>> 1) * width) / 2147483648)]! += (hash & 1) === 0 ? 1 : -1;
      }
    });
  });
  return { features, labels, starts, width, classes: vocabulary };
}

/** One step of a 32-bit hash with the finisher of MurmurHash3, whole numbers only. */
function mix(hash: number, token: number): number {
  let h = (hash ^ Math.imul(token + 1, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
