import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex } from '../../credit/bytes.ts';
import { checkData, checkTraining } from '../check.ts';
import type { Head, LabelledFeatures, TrainingOptions } from '../types.ts';
import { trainByNewton } from './newton.ts';
import { trainBySgd } from './sgd.ts';
import { checkTrainingWork } from './work.ts';

const DOMAIN = new TextEncoder().encode('OL/head/v1');

/**
 * Trains a head. The same data and options give the same bits on every processor.
 * @throws AttributionError 'InvalidParameter', 'InvalidNumber', 'ShapeMismatch', 'ProblemTooLarge', 'NotConverged'.
 */
export function train(data: LabelledFeatures, options: TrainingOptions): Head {
  checkData(data);
  checkTraining(options);
  checkTrainingWork(data.labels.length, data.classes * (data.width + 1), options);
  switch (options.method) {
    case 'newton':
      return trainByNewton(data, options.l2Micro / 1e6);
    case 'sgd':
      return trainBySgd(data, options);
  }
}

/** keccak-256 of domain ‖ width ‖ classes (4 bytes each) ‖ weights as IEEE 754 doubles, all big-endian. */
export function headHash(head: Head): string {
  const bytes = new Uint8Array(DOMAIN.length + 8 + 8 * head.weights.length);
  bytes.set(DOMAIN);
  const view = new DataView(bytes.buffer, DOMAIN.length);
  view.setUint32(0, head.width);
  view.setUint32(4, head.classes);
  // A zero may carry either sign; only one of them is written.
  head.weights.forEach((weight, i) => {
    view.setFloat64(8 + 8 * i, weight === 0 ? 0 : weight);
  });
  return toHex(keccak_256(bytes));
}

/** Whether training again gives the head whose hash was claimed, and the head that it gives. Errors as `train`. */
export function replayTraining(
  data: LabelledFeatures,
  options: TrainingOptions,
  claimedHash: string,
): { readonly matches: boolean; readonly head: Head } {
  const head = train(data, options);
  return { matches: headHash(head) === claimedHash, head };
}
