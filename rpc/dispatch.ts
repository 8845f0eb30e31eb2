/**
 * From the text of a request to the text of its answer: JSON-RPC 2.0 with batches, as geth reads it.
 * https://www.jsonrpc.org/specification
 */
import { runsApart } from './apart.ts';
import { type ErrorObject, methodNotFound, RPC_CODES, toErrorObject } from './errors.ts';
import { type Id, idJson, keepLargeIds, LargeId, MAX_ID_LENGTH } from './large-ids.ts';
import type { RpcLimits } from './limits.ts';
import { type Connection, jsonOf, type Method, type Methods, type RpcContext } from './method.ts';
import { parseParams } from './params.ts';
import { createSlices } from './slices.ts';

/** Hears of errors that are ours: a method that threw something unexpected. */
export type Report = (error: unknown, method: string) => void;

export interface Dispatcher {
  /**
   * Text of the answer; undefined when nothing is to be sent (only notifications). Never rejects.
   * @param gone fires when nobody waits for the answer any more: what has not begun is left undone
   * @param grew hears of the bytes of a batch's answers so far, which wait for the last of them
   */
  handle(
    text: string,
    connection?: Connection,
    gone?: AbortSignal,
    grew?: (bytes: number) => void,
  ): Promise<string | undefined>;
}

export function createDispatcher(context: RpcContext, methods: Methods, report: Report): Dispatcher {
  const { limits } = context;

  async function answer(
    request: unknown,
    connection: Connection | undefined,
    gone: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const call = readCall(request);
    if ('problem' in call) return failure(call.id, call.problem);
    const { id, name, params } = call;
    try {
      const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
      if (!found) throw methodNotFound(name);
      const args = parseParams(found.params, params) as unknown[];
      // What runs apart reads its parameters again there; here it is made sure that wrong ones take nobody's turn.
      const body =
        context.apart !== undefined && runsApart(name) && found.isSmall?.(context, args) !== true
          ? await context.apart.run(name, params, gone, found.timeoutMs?.(args))
          : await answerHere(found, args, connection, gone);
      if (id === undefined) return undefined;
      if (body.length > limits.maxAnswerBytes)
        return failure(id, {
          code: RPC_CODES.responseTooLarge,
          message: `response too large: ${body.length} bytes (limit ${limits.maxAnswerBytes})`,
        });
      return `{"jsonrpc":"2.0","id":${idJson(id)},"result":${body}}`;
    } catch (error) {
      const problem = toErrorObject(error, (unexpected) => report(unexpected, name));
      return id === undefined ? undefined : failure(id, problem);
    }
  }

  async function answerHere(
    method: Method,
    args: unknown[],
    connection: Connection | undefined,
    gone: AbortSignal | undefined,
  ): Promise<string> {
    const run = () => method.run(context, args, connection, gone);
    const result = await (method.heavy ? context.heavy.run(async () => run()) : run());
    return jsonOf(result);
  }

  async function answerBatch(
    requests: unknown[],
    connection: Connection | undefined,
    gone: AbortSignal | undefined,
    grew: (bytes: number) => void,
  ): Promise<string | undefined> {
    if (requests.length === 0)
      return failure(null, { code: RPC_CODES.invalidRequest, message: 'empty batch' });
    if (requests.length > limits.maxBatchItems) {
      // As geth: in the form of a batch, with the id of the first request that has one.
      const first = requests.map(readCall).find(({ id }) => id !== undefined && id !== null);
      const problem = {
        code: RPC_CODES.invalidRequest,
        message: `batch too large: ${requests.length} requests (limit ${limits.maxBatchItems})`,
      };
      return `[${failure(first?.id ?? null, problem)}]`;
    }
    const answers: (string | undefined)[] = new Array(requests.length);
    let spent = 0;
    let next = 0;
    const pause = createSlices(limits.batchSliceMs);
    const worker = async (): Promise<void> => {
      while (next < requests.length && gone?.aborted !== true) {
        const index = next;
        next += 1;
        const request = requests[index];
        // Parameters of hundreds of requests need not wait in memory for the last answer.
        requests[index] = undefined;
        // Answers that wait for nothing would keep everybody else waiting until the whole batch is done.
        const turn = pause();
        if (turn !== undefined) await turn;
        const text =
          spent > limits.maxBatchAnswerBytes
            ? refuseTooLarge(request, limits.maxBatchAnswerBytes)
            : await answer(request, connection, gone);
        answers[index] = text;
        spent += text?.length ?? 0;
        grew(spent);
        if (spent > limits.maxBatchAnswerBytes && text !== undefined)
          answers[index] = refuseTooLarge(request, limits.maxBatchAnswerBytes);
      }
    };
    // Requests start in order, so that transactions of one sender reach the pool in the order of the batch.
    const workers = Math.min(limits.maxBatchConcurrency, requests.length);
    await Promise.all(Array.from({ length: workers }, worker));
    const said = answers.filter((text) => text !== undefined);
    return said.length === 0 ? undefined : `[${said.join(',')}]`;
  }

  return {
    async handle(text, connection, gone, grew = () => {}) {
      const shape = shapeOf(text, limits);
      if (shape !== undefined) return failure(null, { code: RPC_CODES.invalidRequest, message: shape });
      let request: unknown;
      try {
        request = JSON.parse(text);
      } catch {
        return failure(null, { code: RPC_CODES.parse, message: 'parse error: the request is not JSON' });
      }
      keepLargeIds(request, text);
      return Array.isArray(request)
        ? answerBatch(request, connection, gone, grew)
        : answer(request, connection, gone);
    },
  };
}

type Call =
  | { readonly id: Id | undefined; readonly name: string; readonly params: unknown }
  | { readonly id: Id; readonly problem: ErrorObject };

/** A request without an id is a notification: it is carried out and not answered. */
function readCall(request: unknown): Call {
  const invalid = (id: Id, message: string): Call => ({
    id,
    problem: { code: RPC_CODES.invalidRequest, message },
  });
  if (typeof request !== 'object' || request === null || Array.isArray(request))
    return invalid(null, 'invalid request: not an object');
  const { jsonrpc, id, method, params } = request as Record<string, unknown>;
  const isId = id === null || typeof id === 'string' || typeof id === 'number' || id instanceof LargeId;
  if (id !== undefined && !isId)
    return invalid(null, 'invalid request: id is neither string, number nor null');
  if (typeof id === 'string' && id.length > MAX_ID_LENGTH)
    return invalid(null, `invalid request: id longer than ${MAX_ID_LENGTH} characters`);
  if (jsonrpc !== '2.0') return invalid(id ?? null, "invalid request: jsonrpc must be '2.0'");
  if (typeof method !== 'string') return invalid(id ?? null, 'invalid request: method is not a string');
  return { id, name: method, params };
}

export function failure(id: Id, error: ErrorObject): string {
  return `{"jsonrpc":"2.0","id":${idJson(id)},"error":${JSON.stringify(error)}}`;
}

function refuseTooLarge(request: unknown, limit: number): string | undefined {
  const call = readCall(request);
  if (call.id === undefined) return undefined;
  return failure(call.id, {
    code: RPC_CODES.responseTooLarge,
    message: `response too large: the batch's answers exceed ${limit} bytes`,
  });
}

/**
 * What is wrong with the shape of a request, undefined if nothing: brackets outside strings nest too deeply, or there
 * are too many values. Linear, no recursion, before anything is parsed.
 */
function shapeOf(text: string, { maxJsonDepth, maxJsonValues }: RpcLimits): string | undefined {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i += 1;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      depth += 1;
      values += 1;
      if (depth > maxJsonDepth) return `request nested too deeply (limit ${maxJsonDepth})`;
      if (values > maxJsonValues) return `request of too many values (limit ${maxJsonValues})`;
    } else if (c === 0x7d || c === 0x5d) depth -= 1;
    else if (c === 0x2c) {
      values += 1;
      if (values > maxJsonValues) return `request of too many values (limit ${maxJsonValues})`;
    }
  }
  return undefined;
}
