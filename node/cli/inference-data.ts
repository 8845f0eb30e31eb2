/** An inference as commands show it: state through the module's views, spans recomputed by the node. */
import type { AttributionView } from '../../rpc/backend.ts';
import { inferenceInterface } from '../../state/modules/interfaces.ts';
import type { Hex } from '../../state/types.ts';
import type { ChainClient } from '../client/client.ts';
import { UserError } from '../config/errors.ts';
import type { ShownAnswer } from './attribution-view.ts';

/** @throws UserError NOT_SETTLED */
export async function readAnswer(client: ChainClient, requestId: Hex): Promise<ShownAnswer> {
  const attribution = await client.rpc.request<AttributionView | null>('ol_attribution', [requestId]);
  if (attribution === null)
    throw new UserError('NOT_SETTLED', `request ${requestId} is unknown or has no answer yet`);
  const [[prompt], [output]] = await Promise.all([
    client.view(inferenceInterface, 'prompt', [requestId]),
    client.view(inferenceInterface, 'output', [requestId]),
  ]);
  return { prompt, output, attribution };
}
