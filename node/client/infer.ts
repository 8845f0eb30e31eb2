/** A question to a model from beginning to end: request with escrow, wait for the operator, read the answer. */

import { REQUEST_STATUS } from '../../state/modules/inference/types.ts';
import { inferenceInterface, modelInterface } from '../../state/modules/interfaces.ts';
import { ENGINE } from '../../state/modules/model/types.ts';
import type { Hex } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { type Account, type ChainClient, eventNamed } from './client.ts';
import { watchHeads } from './rpc.ts';

export interface InferenceQuestion {
  readonly modelId: bigint;
  readonly prompt: string;
  readonly maxOutputTokens: number;
}

export interface InferenceAnswer {
  readonly requestId: Hex;
  readonly output: string;
  /** Wei that the answer cost; the rest of the escrow came back. */
  readonly fee: bigint;
  readonly outputTokens: bigint;
  readonly attributionHash: Hex;
}

/** Sends the request with exactly the price of the longest answer as escrow. @throws UserError REVERTED ... */
export async function requestInference(
  client: ChainClient,
  account: Account,
  { modelId, prompt, maxOutputTokens }: InferenceQuestion,
): Promise<Hex> {
  const [value] = await client.view(inferenceInterface, 'maxPrice', [modelId, BigInt(maxOutputTokens)]);
  const sent = await client.perform(
    account,
    inferenceInterface,
    'request',
    [modelId, prompt, BigInt(maxOutputTokens)],
    { value },
  );
  return eventNamed(sent, 'Requested')['requestId'] as Hex;
}

/**
 * Asks a model that every validator answers for; the answer comes with the transaction. `undefined` for another model.
 * @throws UserError REVERTED ...
 */
export async function inferTrained(
  client: ChainClient,
  account: Account,
  { modelId, prompt }: Pick<InferenceQuestion, 'modelId' | 'prompt'>,
): Promise<Hex | undefined> {
  const [model] = await client.view(modelInterface, 'model', [modelId]);
  if (model.engine !== BigInt(ENGINE.influence)) return undefined;
  const sent = await client.perform(account, inferenceInterface, 'infer', [modelId, prompt], {
    value: model.basePrice,
  });
  return eventNamed(sent, 'Requested')['requestId'] as Hex;
}

/** @throws UserError TIMEOUT, REQUEST_CLOSED when it was rejected or expired and the escrow came back. */
export async function waitForAnswer(
  client: ChainClient,
  requestId: Hex,
  timeoutMs: number,
): Promise<InferenceAnswer> {
  const heads = await watchHeads(client.rpc.url);
  const until = performance.now() + timeoutMs;
  try {
    for (;;) {
      const [request] = await client.view(inferenceInterface, 'inference', [requestId]);
      if (request.status === BigInt(REQUEST_STATUS.settled)) {
        const [output] = await client.view(inferenceInterface, 'output', [requestId]);
        const { fee, outputTokens, attributionHash } = request;
        return { requestId, output, fee, outputTokens, attributionHash };
      }
      if (request.status !== BigInt(REQUEST_STATUS.open))
        throw new UserError(
          'REQUEST_CLOSED',
          request.status === BigInt(REQUEST_STATUS.expired)
            ? 'nobody answered in time; the escrow came back'
            : 'the chain rejected the answer, since its attribution was wrong; the escrow came back',
        );
      const left = until - performance.now();
      if (left <= 0)
        throw new UserError(
          'TIMEOUT',
          `no answer after ${timeoutMs / 1000} s; the request stays open until block ${request.expiryBlock}. Does the model's operator run?`,
        );
      await heads.next(Math.min(left, 1_000));
    }
  } finally {
    heads.close();
  }
}
