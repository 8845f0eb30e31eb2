import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { checkData, checkTraining } from '../check.ts';
import { checkAdapterTraining, checkFrozen, checkTokens } from '../models/check.ts';
import type { FrozenPart, TrainedModel, TrainingProblem } from '../models/types.ts';
import { trainAdapter } from './adapter-sgd.ts';
import { trainByNewton } from './newton.ts';
import { trainBySgd } from './sgd.ts';
import { headHash, train } from './train.ts';
import { checkTrainingWork } from './work.ts';

/**
 * Trains a model of any kind. The same problem gives the same bits on every processor.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge', 'NotConverged'.
 */
export function trainModel(problem: TrainingProblem): TrainedModel {
  switch (problem.kind) {
    case 'head':
      return { kind: 'head', head: train(problem.data, problem.options) };
    case 'next-token': {
      const { data, options } = problem;
      checkTokens(data);
      checkTraining(options);
      checkTrainingWork(data.labels.length, data.classes * (data.width + 1), options);
      const head =
        options.method === 'newton' ? trainByNewton(data, options.l2Micro / 1e6) : trainBySgd(data, options);
      return { kind: 'next-token', head };
    }
    case 'adapter': {
      const { data, frozen, options } = problem;
      checkData(data);
      checkFrozen(frozen, data.width, data.classes);
      checkTraining({ ...options, method: 'sgd' });
      checkAdapterTraining(options, frozen);
      checkTrainingWork(data.labels.length, passSize(frozen, options.rank), options);
      return { kind: 'adapter', frozen, adapter: trainAdapter(data, frozen, options) };
    }
  }
}

function passSize(frozen: FrozenPart, rank: number): number {
  const { width, classes } = frozen;
  if (frozen.kind === 'linear') return classes * (width + 1) + rank * (width + classes);
  const { hidden } = frozen;
  return hidden * (width + 1) + rank * (width + hidden) + classes * (hidden + 1);
}

/** Whether training again gives the model whose hash was claimed, and the model that it gives. Errors as `trainModel`. */
export function replayModel(
  problem: TrainingProblem,
  claimedHash: string,
): { readonly matches: boolean; readonly model: TrainedModel } {
  const model = trainModel(problem);
  return { matches: modelHash(model) === claimedHash, model };
}

/**
 * What a registration claims. Heads: `headHash`. Adapters: keccak-256 of (`OL/adapter/v1` ‖ kind of the frozen part
 * (1 linear, 2 hidden) ‖ width, classes, outputs, rank, scaleMicro, length of the head (4 bytes each) ‖ A ‖ B ‖ head ‖
 * weights of the frozen part, as doubles), big-endian.
 */
export function modelHash(model: TrainedModel): string {
  if (model.kind !== 'adapter') return headHash(model.head);
  const { frozen, adapter } = model;
  const { rank, width, outputs, scaleMicro, down, up, head } = adapter;
  const hash = keccak_256.create();
  hash.update(DOMAIN).update(Uint8Array.of(frozen.kind === 'linear' ? 1 : 2));
  const sizes = new DataView(new ArrayBuffer(24));
  [width, frozen.classes, outputs, rank, scaleMicro, head.length].forEach((size, i) => {
    sizes.setUint32(4 * i, size);
  });
  hash.update(new Uint8Array(sizes.buffer));
  for (const weights of [down, up, head, ...frozenWeights(frozen)]) hash.update(doubles(weights));
  return toHex(hash.digest());
}

const DOMAIN = new TextEncoder().encode('OL/adapter/v1');

function frozenWeights(frozen: FrozenPart): Float64Array[] {
  return frozen.kind === 'linear' ? [frozen.weights] : [frozen.hiddenWeights, frozen.headWeights];
}

/** Big-endian bytes; a zero of either sign is written as +0. */
function doubles(weights: Float64Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * weights.length));
  weights.forEach((weight, i) => {
    view.setFloat64(8 * i, weight === 0 ? 0 : weight);
  });
  return new Uint8Array(view.buffer);
}
