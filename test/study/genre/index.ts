/**
 * `npm run model:genre [-- --write]`: trains the genre classifier again, which must give the bytes of genre.onnx, and
 * prints how good it is on documents that it has not seen. With --write the file is replaced.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { checkModel, ModelError } from '../../../attribution/runtime/api.ts';
import { compiledPool } from '../../support/runtime.ts';
import { loadPassages, type Passages } from './data.ts';
import { GENRE_FEATURES, GENRE_LABELS } from './features.ts';
import { floatAccuracy, quantise, trainPerceptron } from './train.ts';

const FILE = 'test/study/genre/genre.onnx';

async function main(): Promise<void> {
  const started = process.cpuUsage();
  const { training, test } = loadPassages();
  const model = trainPerceptron(training);
  const bytes = quantise(model, training);
  const { user, system } = process.cpuUsage(started);
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (process.argv.includes('--write')) writeFileSync(FILE, bytes);
  const isSame = Buffer.compare(bytes, readFileSync(FILE)) === 0;
  const { right, confusion } = await score(bytes, test);
  const counts = GENRE_LABELS.map((_, label) => test.labels.filter((value) => value === label).length);
  console.log(
    `passages     ${training.labels.length} for training, ${test.labels.length} of other documents for the test`,
  );
  console.log(`trained in   ${((user + system) / 1e6).toFixed(1)} s of processor time`);
  console.log(`file         ${FILE}, ${bytes.length} bytes, SHA-256 ${hash}`);
  console.log(`trained again, the bytes are ${isSame ? 'the same' : 'DIFFERENT'}`);
  console.log(
    `accuracy     ${right.toFixed(3)} by the exact runtime, ${floatAccuracy(model, test).toFixed(3)} before quantisation`,
  );
  console.log(
    `             ${(Math.max(...counts) / test.labels.length).toFixed(3)} by always saying the most frequent`,
  );
  console.log(`confusion    (rows: what it is; columns: what was said) ${GENRE_LABELS.join(', ')}`);
  for (const [label, row] of confusion.entries())
    console.log(
      `  ${GENRE_LABELS[label]!.padEnd(10)} ${row.map((count) => String(count).padStart(5)).join('')}`,
    );
  if (!isSame) process.exitCode = 1;
}

async function score(bytes: Uint8Array, test: Passages): Promise<{ right: number; confusion: number[][] }> {
  const { modelHash, modelClass } = checkModel(bytes);
  if (modelClass !== 'integer-only')
    throw new ModelError('UnsupportedType', 'The model is not integer-only.');
  const pool = compiledPool();
  const confusion = GENRE_LABELS.map(() => GENRE_LABELS.map(() => 0));
  for (const [i, label] of test.labels.entries()) {
    const data = test.features.slice(i * GENRE_FEATURES, (i + 1) * GENRE_FEATURES);
    const inputs = { counts: { type: 'uint8', shape: [1, GENRE_FEATURES], data } } as const;
    const scores = [...((await pool.run(modelHash, bytes, inputs))['scores']!.data as BigInt64Array)].map(
      Number,
    );
    confusion[label]![scores.indexOf(Math.max(...scores))]!++;
  }
  await pool.close();
  const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0) / test.labels.length;
  return { right, confusion };
}

await main();
