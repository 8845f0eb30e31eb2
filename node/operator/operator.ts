/**
 * The answering side of an external model: watches the chain for requests to the models that this account operates,
 * continues their prompts with the infinity-gram language model over the pinned records (for a model that is paid by
 * retrieval: over those that the prompt finds), and settles them. Any other model can take its place: give another
 * `answer`.
 */
import { buildTokenIndex, type Corpus, continueText, type TokenIndex } from '../../attribution/api.ts';
import { fromHex, toHex } from '../../state/crypto.ts';
import { inferenceInterface } from '../../state/modules/interfaces.ts';
import { ENGINE } from '../../state/modules/model/types.ts';
import type { AttributionEngine, Hex } from '../../state/types.ts';
import {
  type Account,
  type ChainClient,
  createChainClient,
  eventsOf,
  quantity,
  type TransactionReceipt,
} from '../client/client.ts';
import { createRpcClient, watchHeads } from '../client/rpc.ts';
import type { Log } from '../log.ts';
import { type CitedRecord, loadCited, loadIndex, type PinnedSnapshot } from './corpus.ts';
import { LIMITS } from './limits.ts';

/** What a model is asked. */
export interface Question {
  readonly requestId: Hex;
  /** How the answer will be attributed. */
  readonly engine: AttributionEngine;
  readonly prompt: Uint8Array;
  readonly maxOutputTokens: number;
  readonly maxOutputBytes: number;
  readonly snapshots: readonly PinnedSnapshot[];
}

export type Answer = (question: Question, signal: AbortSignal) => Promise<Uint8Array>;

export interface OperatorOptions {
  readonly rpcUrl: string;
  readonly account: Account;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Default: the infinity-gram continuation. */
  readonly answer?: Answer;
  /** Called once the chain is being watched. */
  readonly onReady?: () => void;
  /** The attribution hash to post; tests of wrong work give another one. */
  readonly attributionHash?: (computed: Hex) => Hex;
}

/** Status numbers of a request in state. */
const OPEN = 1;

interface ChainParamsView {
  attribution: { maxOutputBytes: number };
  inference: { expiryBlocks: number };
}

/** Runs until `signal` is aborted. @throws UserError NODE_UNREACHABLE if there is no node at the start. */
export async function runOperator(options: OperatorOptions): Promise<void> {
  const { log, signal } = options;
  const client = createChainClient(createRpcClient(options.rpcUrl, { signal }));
  const { params } = await client.rpc.request<{ params: ChainParamsView }>('ol_chainInfo');
  const answer = options.answer ?? infinityGram(client);
  const heads = await watchHeads(options.rpcUrl);
  const stop = () => heads.close();
  signal.addEventListener('abort', stop, { once: true });

  const head = Number(await client.rpc.request<Hex>('eth_blockNumber'));
  let scanFrom = Math.max(0, head - params.inference.expiryBlocks);
  const tries = new Map<Hex, number>();
  options.onReady?.();
  log('info', 'waiting for requests', { operator: options.account.address, fromBlock: scanFrom });

  while (!signal.aborted) {
    try {
      const number = Number(await client.rpc.request<Hex>('eth_blockNumber'));
      if (number >= scanFrom) {
        for (const requestId of await newRequests(client, scanFrom, number))
          if (tries.size < LIMITS.maxQueued) tries.set(requestId, 0);
        scanFrom = number + 1;
      }
      for (const [requestId, count] of tries) {
        if (signal.aborted) return;
        if (await settleOne(client, options, answer, requestId, params.attribution.maxOutputBytes))
          tries.delete(requestId);
        else if (count + 1 >= LIMITS.maxTries) {
          tries.delete(requestId);
          log('error', 'gave up on a request; it will expire and its asker is refunded', { requestId });
        } else tries.set(requestId, count + 1);
      }
    } catch (error) {
      if (signal.aborted) return;
      log('warn', 'cannot reach the node; trying again', { reason: message(error) });
    }
    await heads.next(LIMITS.scanMs);
  }
}

async function newRequests(client: ChainClient, from: number, to: number): Promise<Hex[]> {
  const filter = {
    fromBlock: quantity(BigInt(from)),
    toBlock: quantity(BigInt(to)),
    address: inferenceInterface.address,
  };
  const logs = await client.rpc.request<TransactionReceipt['logs']>('eth_getLogs', [filter]);
  return eventsOf({ logs })
    .filter((event) => event.name === 'Requested')
    .map((event) => event.values['requestId'] as Hex);
}

/** True when nothing is left to do for this request. */
async function settleOne(
  client: ChainClient,
  options: OperatorOptions,
  answer: Answer,
  requestId: Hex,
  maxOutputBytes: number,
): Promise<boolean> {
  const { account, log, signal } = options;
  try {
    const [request] = await client.view(inferenceInterface, 'inference', [requestId]);
    if (Number(request.status) !== OPEN || request.operator !== account.address) return true;
    const [prompt] = await client.view(inferenceInterface, 'prompt', [requestId]);
    const output = await answer(
      {
        requestId,
        engine: Number(request.engine) === ENGINE.retrieval ? 'retrieval' : 'token',
        prompt: new TextEncoder().encode(prompt),
        maxOutputTokens: Number(request.maxOutputTokens),
        maxOutputBytes,
        snapshots: request.snapshots,
      },
      signal,
    );
    const preview = await client.rpc.request<{ recordHash: Hex } | null>('ol_previewAttribution', [
      requestId,
      toHex(output),
    ]);
    if (preview === null) return true;
    const hash = options.attributionHash?.(preview.recordHash) ?? preview.recordHash;
    const settled = await client.perform(account, inferenceInterface, 'settle', [
      requestId,
      new TextDecoder().decode(output),
      hash,
    ]);
    const rejected = settled.events.some((event) => event.name === 'SettlementRejected');
    log(rejected ? 'error' : 'info', rejected ? 'the chain rejected the settlement' : 'answered', {
      requestId,
      transaction: settled.hash,
    });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    log('warn', 'a request could not be answered yet', { requestId, reason: message(error) });
    return false;
  }
}

/** Continues the prompt by the records that the request pins; the request's id is the seed. */
function infinityGram(client: ChainClient): Answer {
  const indexes = new Map<string, TokenIndex>();
  const indexOf = async (question: Question, signal: AbortSignal): Promise<TokenIndex> => {
    const found = await foundRecords(client, question, signal);
    if (found !== undefined) return buildTokenIndex(found);
    const key = question.snapshots.map((snapshot) => snapshot.historyHash).join();
    let index = indexes.get(key);
    if (index === undefined) {
      index = await loadIndex(client, question.snapshots, signal);
      indexes.set(key, index);
      for (const oldest of indexes.keys()) {
        if (indexes.size <= LIMITS.maxIndexes) break;
        indexes.delete(oldest);
      }
    }
    return index;
  };
  return async (question, signal) =>
    continueText({
      index: await indexOf(question, signal),
      prompt: question.prompt,
      seed: fromHex(question.requestId, 32),
      maxTokens: question.maxOutputTokens,
      maxBytes: question.maxOutputBytes,
      minTokens: Math.min(LIMITS.minAnswerTokens, question.maxOutputTokens),
    }).text;
}

/**
 * The records that the prompt of a retrieval model finds, as the node computes them; the answer does not change them.
 * Undefined for other engines, and if there are none.
 */
async function foundRecords(
  client: ChainClient,
  { requestId, engine, prompt }: Question,
  signal: AbortSignal,
): Promise<Corpus | undefined> {
  if (engine !== 'retrieval') return undefined;
  const preview = await client.rpc.request<{ citations: CitedRecord[] | null } | null>(
    'ol_previewAttribution',
    [requestId, toHex(prompt)],
  );
  const cited = preview?.citations ?? [];
  return cited.length === 0 ? undefined : loadCited(client, cited, signal);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
