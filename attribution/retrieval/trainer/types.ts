import type { EncoderShape } from '../encoder/types.ts';

/** How an encoder is trained. Integers only, so that they can be written down and replayed; "micro" is 10⁻⁶. */
export interface EncoderTraining {
  readonly shape: EncoderShape;
  /** Entries of the table of weights. */
  readonly weights: number;
  /** Batches. */
  readonly steps: number;
  /** Pairs of a batch; each text has the others' partners as its wrong answers. */
  readonly batchSize: number;
  readonly learningRateMicro: number;
  /** Products of two unit vectors are multiplied by this before the softmax. */
  readonly sharpness: number;
  /** Words of one text of a pair: drawn between these two. */
  readonly leastWords: number;
  readonly mostWords: number;
  readonly seed: Uint8Array;
}
