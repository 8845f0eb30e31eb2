import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { random } from '../../unit/attribution/influence/oracle.ts';
import { pick } from './truth.ts';

const PIXELS = 784;
/** Mean and deviation of the pixels of the MNIST training images, by which images are usually scaled. */
const MEAN = 0.1307;
const DEVIATION = 0.3081;

/** The 10,000 test images of MNIST in an order drawn from the seed; undefined if they are not here. */
export function loadMnist(vectors: string, seed: number): LabelledFeatures | undefined {
  const images = join(vectors, 'data', 't10k-images-idx3-ubyte.gz');
  if (!existsSync(images)) return undefined;
  const pixels = gunzipSync(readFileSync(images)).subarray(16);
  const labels = gunzipSync(readFileSync(join(vectors, 'data', 't10k-labels-idx1-ubyte.gz'))).subarray(8);
  const all: LabelledFeatures = {
    features: Float64Array.from(pixels, (pixel) => (pixel / 255 - MEAN) / DEVIATION),
    labels: Int32Array.from(labels),
    width: PIXELS,
    classes: 10,
  };
  const order = Int32Array.from(labels, (_, i) => i);
  const next = random(seed);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return pick(all, order);
}
