/** A server with nothing behind it but what a test gives: real sockets, real parsing, real limits. */
import { request as httpRequest } from 'node:http';
import { WebSocket } from 'ws';
import type { PoolTransaction, RpcBackend } from '../../../rpc/backend.ts';
import type { RpcLimits } from '../../../rpc/limits.ts';
import { type RpcConfig, type RunningRpc, startRpc } from '../../../rpc/start.ts';
import type { ArtifactInfo, Caller, ChainReader, Hex } from '../../../state/types.ts';

/** A backend of a node that is alone, synced and has an empty pool; a test replaces what it looks at. */
export interface TestBackend extends RpcBackend {
  announceHead(head: { number: number; hash: Hex }): void;
  announcePending(transactions: PoolTransaction[]): void;
}

export function testBackend(replaced: Partial<RpcBackend> = {}): TestBackend {
  const heads = new Set<(head: { number: number; hash: Hex }) => void>();
  const pending = new Set<(transactions: readonly PoolTransaction[]) => void>();
  return {
    submitTransaction: async () => ({ error: { code: -32000, message: 'txpool is full' } }),
    pendingNonce: async () => undefined,
    poolStatus: async () => ({ pending: 0, queued: 0, bytes: 0 }),
    poolContent: async () => ({ pending: [], queued: [] }),
    poolTransaction: async () => undefined,
    onHead(listener) {
      heads.add(listener);
      return () => heads.delete(listener);
    },
    onPendingTransactions(listener) {
      pending.add(listener);
      return () => pending.delete(listener);
    },
    peers: async () => [],
    syncing: async () => undefined,
    node: async () => ({ clientVersion: 'OpenLedger/test' }),
    storeArtifact: async (): Promise<ArtifactInfo> => {
      throw new Error('this test stores no artifacts');
    },
    artifactInfo: async () => undefined,
    artifactLeaves: async () => undefined,
    previewAttribution: async () => undefined,
    attributionDetails: async () => undefined,
    attributionProof: async () => undefined,
    ...replaced,
    announceHead(head) {
      for (const listener of heads) listener(head);
    },
    announcePending(transactions) {
      for (const listener of pending) listener(transactions);
    },
  };
}

export interface TestRpc {
  readonly rpc: RunningRpc;
  readonly url: string;
  readonly backend: TestBackend;
  /** What the server reported as its own errors. */
  readonly reported: unknown[];
}

export async function testRpc(options: {
  reader: ChainReader;
  caller?: Caller;
  backend?: TestBackend;
  limits?: Partial<RpcLimits>;
  config?: RpcConfig;
}): Promise<TestRpc> {
  const backend = options.backend ?? testBackend();
  const reported: unknown[] = [];
  const rpc = await startRpc({
    reader: options.reader,
    caller: options.caller ?? (undefined as unknown as Caller),
    backend,
    config: { ...options.config, ...(options.limits ? { limits: options.limits } : {}) },
    report: (error) => reported.push(error),
  });
  return { rpc, url: `http://127.0.0.1:${rpc.port}`, backend, reported };
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Plain HTTP with full control over headers (fetch would not let us lie about Host). */
export function http(
  url: string,
  options: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string | Uint8Array;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      new URL(options.path ?? '/', url),
      {
        method: options.method ?? 'POST',
        headers: { 'content-type': 'application/json', ...options.headers },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of any method
export type Json = any;

/** One call; throws the error object of the answer. */
export async function rpcCall(url: string, method: string, ...params: unknown[]): Promise<Json> {
  const answer = JSON.parse(
    (await http(url, { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) })).body,
  );
  if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
  return answer.result;
}

/** A WebSocket whose messages can be awaited one by one. */
export interface Socket {
  readonly socket: WebSocket;
  next(): Promise<Json>;
  call(method: string, ...params: unknown[]): Promise<Json>;
  closed: Promise<{ code: number }>;
}

export async function openSocket(url: string, headers: Record<string, string> = {}): Promise<Socket> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  const queue: Json[] = [];
  const waiting: ((message: Json) => void)[] = [];
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    const first = waiting.shift();
    if (first) first(message);
    else queue.push(message);
  });
  const closed = new Promise<{ code: number }>((resolve) => socket.on('close', (code) => resolve({ code })));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  let id = 0;
  const next = (): Promise<Json> => {
    const message = queue.shift();
    return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message);
  };
  return {
    socket,
    closed,
    next,
    async call(method, ...params) {
      id += 1;
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      const answer = await next();
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
  };
}
