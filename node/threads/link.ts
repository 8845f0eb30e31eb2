/**
 * Typed questions, answers and events over a MessagePort. Both ends of a link declare what they answer; a call is
 * answered once, an error keeps its code, and when the port closes every open call fails at once, so that nobody
 * waits for a thread that is gone.
 */
import type { MessagePort, Transferable } from 'node:worker_threads';
import { LIMITS } from './limits.ts';

/** Something a thread answers: one structured-cloneable argument, one structured-cloneable result. */
// biome-ignore lint/suspicious/noExplicitAny: a bound on function types; `never` would refuse every concrete argument
export type Method = (request: any) => unknown;
/** Names to functions; write it as an interface. */
export type Methods<T> = { [K in keyof T]: Method };

type Request<F> = F extends (request: infer A) => unknown ? A : never;
type Reply<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

/** This side's functions. An answer wrapped by `moving` is transferred instead of copied. */
export type Handlers<T extends Methods<T>> = {
  [K in keyof T]: (
    request: Request<T[K]>,
  ) => Reply<T[K]> | Moving<Reply<T[K]>> | Promise<Reply<T[K]> | Moving<Reply<T[K]>>>;
};

export interface Link<Remote extends Methods<Remote>, Out> {
  /**
   * Asks the other thread. Rejects with the other side's error (its `code` kept), `BUSY` when too many calls are
   * open, `THREAD_CLOSED` when the thread ends before it answers.
   */
  call<K extends keyof Remote & string>(
    name: K,
    request: Request<Remote[K]>,
    transfer?: readonly Transferable[],
  ): Promise<Reply<Remote[K]>>;
  /** Tells the other thread. Silently lost after `close`. */
  emit<K extends keyof Out & string>(name: K, data: Out[K], transfer?: readonly Transferable[]): void;
  /** Calls that wait for an answer. */
  inFlight(): number;
  /** Open calls fail with THREAD_CLOSED. Calling it twice does nothing. */
  close(reason?: string): void;
  /** Resolves when the link is closed from either side. */
  readonly closed: Promise<void>;
}

export interface LinkOptions<Local extends Methods<Local>, In> {
  handlers: Handlers<Local>;
  onEvent?: { [K in keyof In]?: (data: In[K]) => void };
  /** Open calls beyond this are refused with BUSY. */
  maxInFlight?: number;
  /** An event's listener threw: a bug on this side, told to whoever assembled the thread. */
  onListenerError?: (error: unknown, event: string) => void;
}

/** An error of the other thread, or of the link itself. */
export class LinkError extends Error {
  override name = 'LinkError';
  readonly code: string;
  readonly data: unknown;
  constructor(code: string, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** A result whose buffers move to the other thread; whoever made it must not touch them again. */
export interface Moving<T> {
  readonly [MOVING]: true;
  readonly value: T;
  readonly transfer: readonly Transferable[];
}
const MOVING = Symbol('moving');

export function moving<T>(value: T, transfer: readonly Transferable[]): Moving<T> {
  return { [MOVING]: true, value, transfer };
}

/**
 * The buffer of `bytes` if it may be moved: only when the bytes are all of it. Node's small Buffers share one pool,
 * and moving that would empty strangers' bytes.
 */
export function movable(bytes: Uint8Array): Transferable[] {
  return bytes.byteOffset === 0 &&
    bytes.byteLength === bytes.buffer.byteLength &&
    bytes.buffer instanceof ArrayBuffer
    ? [bytes.buffer]
    : [];
}

interface WireError {
  code: string;
  message: string;
  stack?: string;
  data?: unknown;
}
type Wire =
  | { k: 'call'; id: number; name: string; request: unknown }
  | { k: 'ok'; id: number; value: unknown }
  | { k: 'error'; id: number; error: WireError }
  | { k: 'event'; name: string; data: unknown };

/** Starts answering on `port` at once. */
export function createLink<
  Local extends Methods<Local>,
  Remote extends Methods<Remote>,
  Out = object,
  In = object,
>(port: MessagePort, options: LinkOptions<Local, In>): Link<Remote, Out> {
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const maxInFlight = options.maxInFlight ?? LIMITS.callsInFlight;
  const handlers = new Map<string, Method>(Object.entries(options.handlers) as [string, Method][]);
  const listeners = new Map<string, (data: unknown) => void>(
    Object.entries(options.onEvent ?? {}) as [string, (data: unknown) => void][],
  );
  let nextId = 1;
  let isClosed = false;
  let settleClosed: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    settleClosed = resolve;
  });

  const send = (message: Wire, transfer: readonly Transferable[] = []): void => {
    if (!isClosed) port.postMessage(message, transfer);
  };

  const answer = async (id: number, name: string, request: unknown): Promise<void> => {
    try {
      const handler = handlers.get(name);
      if (handler === undefined) throw new LinkError('NO_SUCH_CALL', `the thread does not answer '${name}'`);
      const result: unknown = await handler(request);
      if (isMoving(result)) send({ k: 'ok', id, value: result.value }, result.transfer);
      else send({ k: 'ok', id, value: result });
    } catch (error) {
      send({ k: 'error', id, error: toWire(error) });
    }
  };

  const shut = (reason: string): void => {
    if (isClosed) return;
    isClosed = true;
    for (const { reject } of open.values()) reject(new LinkError('THREAD_CLOSED', reason));
    open.clear();
    port.close();
    settleClosed();
  };

  port.on('message', (message: Wire) => {
    switch (message.k) {
      case 'call':
        void answer(message.id, message.name, message.request);
        return;
      case 'ok':
        open.get(message.id)?.resolve(message.value);
        open.delete(message.id);
        return;
      case 'error':
        open.get(message.id)?.reject(fromWire(message.error));
        open.delete(message.id);
        return;
      case 'event':
        try {
          listeners.get(message.name)?.(message.data);
        } catch (error) {
          if (options.onListenerError === undefined) throw error;
          options.onListenerError(error, message.name);
        }
        return;
    }
  });
  port.on('messageerror', (error: Error) => shut(`a message could not be read: ${error.message}`));
  port.on('close', () => shut('the other thread closed the connection'));

  return {
    call(name, request, transfer) {
      if (isClosed) return Promise.reject(new LinkError('THREAD_CLOSED', 'the thread has ended'));
      if (open.size >= maxInFlight)
        return Promise.reject(new LinkError('BUSY', `more than ${maxInFlight} calls are waiting; try again`));
      const id = nextId++;
      return new Promise((resolve, reject) => {
        open.set(id, { resolve: resolve as (value: unknown) => void, reject });
        try {
          send({ k: 'call', id, name, request }, transfer);
        } catch (error) {
          open.delete(id);
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
    emit(name, data, transfer) {
      send({ k: 'event', name, data }, transfer);
    },
    inFlight: () => open.size,
    close: (reason = 'the connection was closed on this side') => shut(reason),
    closed,
  };
}

function isMoving(value: unknown): value is Moving<unknown> {
  return typeof value === 'object' && value !== null && MOVING in value;
}

function toWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { code: 'ERROR', message: String(error) };
  const { code, data } = error as { code?: unknown; data?: unknown };
  const wire: WireError = { code: typeof code === 'string' ? code : 'ERROR', message: error.message };
  if (error.stack !== undefined) wire.stack = error.stack;
  if (isPlain(data)) wire.data = data;
  return wire;
}

function fromWire(wire: WireError): LinkError {
  const error = new LinkError(wire.code, wire.message, wire.data);
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

/** Data of errors crosses only when it surely can be cloned. */
function isPlain(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean' ||
    value instanceof Uint8Array
  );
}
