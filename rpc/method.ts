/** What a method is, and what it may use. One file a namespace lists its methods as plain values. */
import type { Reader } from '../state/reader.ts';
import type { Block, BlockHeader, Caller, ChainReader, StateView } from '../state/types.ts';
import type { Apart } from './apart.ts';
import type { RpcBackend } from './backend.ts';

import type { BlockTexts } from './block-texts.ts';
import { headerNotFound } from './errors.ts';
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
  run(context: RpcContext, args: unknown[], connection: Connection | undefined): unknown;
}

export type Methods = Readonly<Record<string, Method>>;

interface Options {
  /** Executes or scans: waits for its turn. */
  heavy?: boolean;
}

/** A method with typed arguments. The result is anything JSON can say, `Encoded`, or a promise of it. */
export function method<const P extends readonly Param<unknown>[]>(
  params: P,
  run: (context: RpcContext, ...args: Arguments<P>) => unknown,
  options: Options = {},
): Method {
  return {
    params,
    heavy: options.heavy ?? false,
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
 * @throws RpcError `header not found`
 */
export function resolveNumber(reader: ChainReader, selector: BlockSelector | undefined): number {
  const found = findNumber(reader, selector);
  if (found === undefined) throw headerNotFound();
  return found;
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
