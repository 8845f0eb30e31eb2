import { checkRange } from '../../influence/check.ts';
import { MAX_SEED_BYTES } from '../../influence/limits.ts';
import { MAX_ROWS, MAX_VECTOR, MAX_WEIGHTS } from '../encoder/limits.ts';
import { MAX_BATCH, MAX_PASSAGE_WORDS, MAX_STEPS } from './limits.ts';
import type { EncoderTraining } from './types.ts';

/** Width of the kernels' registers in numbers. */
const LANES = 16;

/** @throws AttributionError 'InvalidParameter' for a number out of its range. */
export function checkEncoderTraining(options: EncoderTraining): void {
  const { rows, width, chunks } = options.shape;
  checkRange('number of rows', rows, 1, MAX_ROWS);
  checkRange('number of chunks', chunks, 1, MAX_VECTOR);
  checkRange('width of a row in sixteens', width / LANES, 1, MAX_VECTOR / LANES);
  checkRange('number of dimensions', width * chunks, 1, MAX_VECTOR);
  checkRange('number of weights', options.weights, 1, MAX_WEIGHTS);
  checkRange('number of steps', options.steps, 0, MAX_STEPS);
  checkRange('size of a batch in sixteens', options.batchSize / LANES, 1, MAX_BATCH / LANES);
  checkRange('learningRateMicro', options.learningRateMicro, 1, 1_000_000_000);
  checkRange('sharpness', options.sharpness, 1, 100);
  checkRange('least number of words', options.leastWords, 1, MAX_PASSAGE_WORDS);
  checkRange('largest number of words', options.mostWords, options.leastWords, MAX_PASSAGE_WORDS);
  checkRange('number of seed bytes', options.seed.length, 0, MAX_SEED_BYTES);
}
