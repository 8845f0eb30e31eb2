/** A small JSON-RPC client over HTTP, and heads over WebSocket, for the command line and the programs around a node. */
import { UserError } from '../config/errors.ts';

/** The node answered with an error. `rpcCode` and `data` are JSON-RPC's. */
export class RpcError extends Error {
  override name = 'RpcError';
  readonly code = 'RPC_ERROR';
  readonly rpcCode: number;
  readonly data: unknown;
  constructor(rpcCode: number, message: string, data?: unknown) {
    super(message);
    this.rpcCode = rpcCode;
    this.data = data;
  }
}

export interface RpcClient {
  readonly url: string;
  /** @throws RpcError as the node said it, UserError NODE_UNREACHABLE if nobody answers. */
  request<T = unknown>(method: string, params?: readonly unknown[]): Promise<T>;
}

/** Longest wait for one answer. A node under full load answers in tens of milliseconds; estimates take longer. */
const REQUEST_TIMEOUT_MS = 30_000;

export function createRpcClient(url: string, options: { signal?: AbortSignal } = {}): RpcClient {
  let nextId = 1;
  return {
    url,
    async request<T>(method: string, params: readonly unknown[] = []) {
      const id = nextId++;
      const answer = await post(url, JSON.stringify({ jsonrpc: '2.0', id, method, params }), options.signal);
      const { result, error } = answer as {
        result?: T;
        error?: { code: number; message: string; data?: unknown };
      };
      if (error) throw new RpcError(error.code, error.message, error.data);
      if (result === undefined) throw unreachable(url, 'the answer is not JSON-RPC');
      return result;
    },
  };
}

async function post(url: string, body: string, signal: AbortSignal | undefined): Promise<object> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let text: string;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw new UserError('INTERRUPTED', 'interrupted');
    throw unreachable(url, reasonOf(error));
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json;
  } catch {
    // Reported below.
  }
  throw unreachable(url, `it answers '${text.slice(0, 80)}'`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer in ${REQUEST_TIMEOUT_MS / 1000} s`;
  const cause = error.cause as { code?: string; message?: string } | undefined;
  return cause?.code ?? cause?.message ?? error.message;
}

function unreachable(url: string, reason: string): UserError {
  return new UserError(
    'NODE_UNREACHABLE',
    `no node answers at ${url}: ${reason}. Start one, or give --rpc URL`,
  );
}

/** `ws://` of an `http://` URL: both are served on one port. */
export function webSocketUrl(url: string): string {
  return url.replace(/^http/, 'ws');
}

export interface HeadWatch {
  /** Resolves at the next new block after the last call, or after `timeoutMs`; immediately if one came meanwhile. */
  next(timeoutMs: number): Promise<void>;
  close(): void;
}

/**
 * Follows the chain by subscription, so that nobody polls a fast chain. If the WebSocket cannot be had, `next` falls
 * back to waiting `pollMs`.
 */
export async function watchHeads(url: string, pollMs = 250): Promise<HeadWatch> {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(webSocketUrl(url), { handshakeTimeout: 5_000 });
  let pending = false;
  let connected = false;
  let wake: (() => void) | undefined;
  const arrived = () => {
    pending = true;
    wake?.();
  };
  const opened = new Promise<void>((resolve) => {
    socket.once('open', () => {
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }));
    });
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { id?: number; error?: unknown };
      if (message.id === 1) {
        connected = message.error === undefined;
        resolve();
      } else arrived();
    });
    for (const event of ['error', 'close'] as const)
      socket.on(event, () => {
        connected = false;
        arrived();
        resolve();
      });
  });
  await opened;
  return {
    async next(timeoutMs) {
      if (!pending) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, connected ? timeoutMs : Math.min(timeoutMs, pollMs));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      pending = false;
    },
    close: () => socket.terminate(),
  };
}
