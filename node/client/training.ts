/** What becomes of a model in training. */
import { modelInterface } from '../../state/modules/interfaces.ts';
import { REFUSAL, TRAINING_STATUS } from '../../state/modules/model/types.ts';
import { UserError } from '../config/errors.ts';
import type { ChainClient } from './client.ts';
import { watchHeads } from './rpc.ts';

/** The largest training takes minutes, and others may stand before it. */
const DEFAULT_TIMEOUT_MS = 900_000;
const LOOK_AGAIN_MS = 1_000;

/**
 * Resolves when validators have attested what the newest version of a model is, and it answers.
 * @throws UserError TRAINING_REFUSED, or TIMEOUT while it is still in training
 */
export async function waitForTraining(
  client: ChainClient,
  modelId: bigint,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<bigint> {
  const heads = await watchHeads(client.rpc.url);
  const until = performance.now() + timeoutMs;
  try {
    for (;;) {
      const [{ status, version, refusal }] = await client.view(modelInterface, 'training', [modelId, 0n]);
      if (status === BigInt(TRAINING_STATUS.trained)) return version;
      if (status !== BigInt(TRAINING_STATUS.training)) {
        const [reason] = Object.entries(REFUSAL).find(([, number]) => BigInt(number) === refusal) ?? ['none'];
        throw new UserError(
          'TRAINING_REFUSED',
          `model ${modelId} does not answer (${reason}); ol_model says in its training why. Its bond came back`,
        );
      }
      const left = until - performance.now();
      if (left <= 0)
        throw new UserError('TIMEOUT', `model ${modelId} is still in training after ${timeoutMs / 1000} s`);
      await heads.next(Math.min(left, LOOK_AGAIN_MS));
    }
  } finally {
    heads.close();
  }
}
