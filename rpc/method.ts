/** What a method is, and what it may use. One file a namespace lists its methods as plain values. */
import type { Reader } from '../state/reader.ts';
import type { Block, BlockHeader, Caller, ChainReader, StateView } from '../state/types.ts';
import type { Apart } from './apart.ts';
import type { RpcBackend } from './backend.ts';

import type { BlockTexts } from './block-texts.ts';
import { headerNotFound, RPC_CODES, RpcError } from './errors.ts';
import type { Filters } from './filters.ts';
import type { Gate } from './gate.ts';
import type { RpcLimits } from './limits.ts';
import type { Arguments, BlockSelector, Param } from './params.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Shared by all requests of one server. */
export interface RpcContext {
  readonly reader: ChainReader;
  readonly caller: Caller;
  readonly backend: RpcBackend;
  readonly limits: RpcLimits;
  readonly filters: Filters;
  readonly subscriptions: Subscriptions;
  readonly blockTexts: BlockTexts;
  /** Turn of calls that execute or scan. */
  readonly heavy: Gate;
  /** Where calls that execute or scan run instead, if they do not run in this thread. */
  readonly apart?: Apart | undefined;
  /** Namespaces that this server answers. */
  readonly namespaces: readonly string[];
}

/** A result that is JSON already. */
export class Encoded {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

/** JSON of what a method gave. */
export function jsonOf(result: unknown): string {
  return result instanceof Encoded ? result.json : JSON.stringify(result === undefined ? null : result);
}

/** The WebSocket a request came over; HTTP requests have none. */
export interface Connection {
  readonly id: number;
  send(text: string): void;
}

export interface Method {
  readonly params: readonly Param<unknown>[];
  readonly heavy: boolean;
  /** Of a method that runs apart: whether these arguments are answered faster here than a thread is asked. */
  readonly isSmall?: ((context: RpcContext, args: unknown[]) => boolean) | undefined;
  /** Of a method that runs apart: the time that its client gives it, if he says so. */
  readonly timeoutMs?: ((args: unknown[]) => number | undefined) | undefined;
  /** @param gone fires when nobody waits for the answer any more */
  run(
    context: RpcContext,
    args: unknown[],
    connection: Connection | undefined,
    gone?: AbortSignal | undefined,
  ): unknown;
}

export type Methods = Readonly<Record<string, Method>>;

interface Options<P extends readonly Param<unknown>[]> {
  /** Executes or scans: waits for its turn. */
  heavy?: boolean;
  /** See `Method`. */
  isSmall?: (context: RpcContext, ...args: Arguments<P>) => boolean;
  timeoutMs?: (...args: Arguments<P>) => number | undefined;
}

/** A method with typed arguments. The result is anything JSON can say, `Encoded`, or a promise of it. */
export function method<const P extends readonly Param<unknown>[]>(
  params: P,
  run: (context: RpcContext, ...args: Arguments<P>) => unknown,
  { heavy = false, isSmall, timeoutMs }: Options<P> = {},
): Method {
  return {
    params,
    heavy,
    isSmall: isSmall && ((context, args) => isSmall(context, ...(args as Arguments<P>))),
    timeoutMs: timeoutMs && ((args) => timeoutMs(...(args as Arguments<P>))),
    run: (context, args) => run(context, ...(args as Arguments<P>)),
  };
}

/** A method that needs the WebSocket that it came over. */
export function socketMethod<const P extends readonly Param<unknown>[]>(
  params: P,
  run: (context: RpcContext, connection: Connection | undefined, ...args: Arguments<P>) => unknown,
): Method {
  return {
    params,
    heavy: false,
    run: (context, args, connection) => run(context, connection, ...(args as Arguments<P>)),
  };
}

/**
 * Height that a selector names. A block with a certificate is final at once: latest, safe, finalized and pending (this
 * node executes nothing ahead of consensus) are the same block.
 * @throws RpcError `header not found`, `header for hash not found`
 */
export function resolveNumber(reader: ChainReader, selector: BlockSelector | undefined): number {
  const found = findNumber(reader, selector);
  if (found !== undefined) return found;
  throw selector?.by === 'hash'
    ? new RpcError(RPC_CODES.server, 'header for hash not found')
    : headerNotFound();
}

/** Like `resolveNumber`, undefined when there is no such block. */
export function findNumber(reader: ChainReader, selector: BlockSelector | undefined): number | undefined {
  if (selector === undefined) return reader.head().number;
  switch (selector.by) {
    case 'tag':
      return selector.tag === 'earliest' ? 0 : reader.head().number;
    case 'number':
      return selector.number <= reader.head().number ? selector.number : undefined;
    case 'hash':
      return reader.blockByHash(selector.hash)?.header.number;
  }
}

/** The block that a selector names, or undefined. */
export function findBlock(reader: ChainReader, selector: BlockSelector): Block | undefined {
  if (selector.by === 'hash') return reader.blockByHash(selector.hash);
  const number = findNumber(reader, selector);
  return number === undefined ? undefined : reader.blockByNumber(number);
}

/** State after the block that a selector names. @throws RpcError, StateNotAvailable */
export function stateOf(reader: ChainReader, selector: BlockSelector | undefined): StateView {
  return reader.stateAt(resolveNumber(reader, selector));
}

/**
 * Whether a block is so small that what it holds is decoded and written here at once. Its gas bounds both its
 * transactions (a transfer is decoded in about 0.1 ms) and its logs.
 */
export function isSmallBlock({ reader, limits }: RpcContext, at: BlockSelector | undefined): boolean {
  const number = findNumber(reader, at);
  const header = number === undefined ? undefined : headerOf(reader, number);
  return header === undefined || header.gasUsed <= limits.smallBlockGas;
}

/** Hash and header of a block, without decoding its body where the reader can do that. */
export function headOf(reader: ChainReader, number: number): Pick<Block, 'hash' | 'header'> | undefined {
  const direct = reader as Partial<Reader>;
  const header = direct.headerByNumber?.(number);
  const hash = direct.hashByNumber?.(number);
  return header && hash ? { header, hash } : reader.blockByNumber(number);
}

/** Header of a block, without decoding its body where the reader can do that. */
export function headerOf(reader: ChainReader, number: number): BlockHeader | undefined {
  const direct = (reader as Partial<Reader>).headerByNumber;
  return direct ? direct.call(reader, number) : reader.blockByNumber(number)?.header;
}
