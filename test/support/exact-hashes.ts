/**
 * Prints the hash of every frozen model's outputs, one a line, in this thread: what scripts/check-arm64.mjs compares
 * between processors. Exit code 1 if one of them is not the frozen one.
 */
import { checkModel } from '../../attribution/runtime/api.ts';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import { createWorkerCore } from '../../node/runtime-pool/worker-core.ts';
import { FROZEN } from './models.ts';
import { hashOf } from './runtime.ts';

const handle = createWorkerCore(DEFAULT_PARAMS.runtime);
for (const { name, make, hash } of FROZEN) {
  const { bytes, inputs } = make();
  const key = checkModel(bytes).modelHash;
  const loaded = await handle({ id: 0, kind: 'load', key, modelHash: key, bytes, options: {} });
  const ran = loaded.kind === 'done' ? await handle({ id: 1, kind: 'run', key, inputs }) : loaded;
  const found = ran.kind === 'done' ? hashOf(ran.value as Parameters<typeof hashOf>[0]) : JSON.stringify(ran);
  console.log(`${name}: ${found}`);
  if (found !== hash) process.exitCode = 1;
}
