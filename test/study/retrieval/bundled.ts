/**
 * The encoder that comes with the program: what it was trained on, how, and where it lies.
 * `npm run train:encoder` trains it again and compares, `-- --write` replaces it, `-- --onnx FILE` writes its ONNX form.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { encoderBytes, encoderHash, readEncoder } from '../../../attribution/retrieval/encoder/file.ts';
import type { Encoder } from '../../../attribution/retrieval/encoder/types.ts';
import { trainEncoder } from '../../../attribution/retrieval/trainer/train-encoder.ts';
import type { EncoderTraining } from '../../../attribution/retrieval/trainer/types.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import { encoderToOnnx } from './onnx-export.ts';
import { splitCorpus } from './tasks.ts';

/** keccak-256 of the file; a test holds it against the file, and training against it. */
export const BUNDLED_ENCODER_HASH = '0xd3904378d60d46e5c05083a9b3d424d8a5ecd809aaf50c30ea8cd7820261a952';

export const BUNDLED_TRAINING: EncoderTraining = {
  shape: { rows: 24_000, width: 64, chunks: 16 },
  weights: 262_144,
  // None: batches helped passages of one document find each other a little, and cost some of the rest.
  steps: 0,
  batchSize: 256,
  learningRateMicro: 200_000,
  sharpness: 16,
  leastWords: 8,
  mostWords: 40,
  seed: Uint8Array.of(1),
};

const FILE = 'attribution/retrieval/encoder/english-v1.bin';

/** The folder of the package, from the sources or from dist/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export function loadBundledEncoder(): Encoder {
  return readEncoder(readFileSync(join(packageRoot(), FILE)));
}

/** The documents that it was trained on: four of five of the Brown corpus. */
export function trainingDocuments(): Uint8Array[] {
  return splitCorpus(loadBrownCorpus()).training.map(({ text }) => new TextEncoder().encode(text));
}

function main(): number {
  const { values } = parseArgs({
    options: { write: { type: 'boolean', default: false }, onnx: { type: 'string' } },
  });
  if (values.onnx !== undefined) {
    writeFileSync(values.onnx, encoderToOnnx(loadBundledEncoder()));
    return 0;
  }
  const before = process.cpuUsage();
  const { steps } = BUNDLED_TRAINING;
  const encoder = trainEncoder(trainingDocuments(), BUNDLED_TRAINING, (done) => {
    if (done % 20 === 0) process.stderr.write(`${done} of ${steps} batches\n`);
  });
  const { user, system } = process.cpuUsage(before);
  const hash = encoderHash(encoder);
  console.log(`${hash}, ${((user + system) / 1e6).toFixed(0)} s of CPU`);
  if (values.write) {
    writeFileSync(join(packageRoot(), FILE), encoderBytes(encoder));
    return 0;
  }
  if (hash === BUNDLED_ENCODER_HASH) return 0;
  console.error(`the program carries ${BUNDLED_ENCODER_HASH}`);
  return 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exit(main());
