/** An inference as commands show it: text and credits from state, spans as the node recomputed them. */
import { inferenceInterface } from '../../state/modules/interfaces.ts';
import type { Hex, ModelEngine } from '../../state/types.ts';
import type { ChainClient } from '../client/client.ts';
import { UserError } from '../config/errors.ts';

/** What `ol_attribution` answers, as far as it is shown here (docs/rpc.md). */
export interface AttributionAnswer {
  readonly engine: ModelEngine;
  /** Parts per 10^9 of the data pool; `amount` in wei as a quantity. */
  readonly credits: readonly {
    readonly contributor: Hex;
    readonly parts: number;
    readonly amount: Hex | null;
  }[];
  readonly uncovered: number;
  /** Byte positions in the output's UTF-8; null while the node cannot recompute them. */
  readonly spans: readonly SpanAnswer[] | null;
  readonly spansMissing?: string;
  /** What the prompt found; null for engines that cite nothing. */
  readonly citations: readonly CitationAnswer[] | null;
  /** Whether the node that was asked computed the same attribution again. */
  readonly verified?: boolean;
  readonly note: string;
}

export interface CitationAnswer {
  readonly contributor: Hex;
  readonly contributionId: Hex;
  readonly dataNetId: number;
  readonly recordIndex: number;
  readonly score: number;
  /** The record's beginning, if the node holds it. */
  readonly excerpt?: string;
}

export interface SpanAnswer {
  readonly startByte: number;
  readonly endByte: number;
  readonly contributor: Hex;
}

export interface ShownAnswer {
  readonly prompt: string;
  readonly output: string;
  readonly attribution: AttributionAnswer;
}

/** @throws UserError NOT_SETTLED */
export async function readAnswer(client: ChainClient, requestId: Hex): Promise<ShownAnswer> {
  const attribution = await client.rpc.request<AttributionAnswer | null>('ol_attribution', [requestId]);
  if (attribution === null)
    throw new UserError('NOT_SETTLED', `request ${requestId} is unknown or has no answer yet`);
  const [[prompt], [output]] = await Promise.all([
    client.view(inferenceInterface, 'prompt', [requestId]),
    client.view(inferenceInterface, 'output', [requestId]),
  ]);
  return { prompt, output, attribution };
}
