/**
 * One port: POST / is JSON-RPC, a WebSocket upgrade on any path is JSON-RPC with subscriptions, GET / is the explorer,
 * /artifacts takes and gives bytes, /health and /ready answer operators. Every request passes the same access check.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AccessRules, hostAllowed, originAllowed } from './access.ts';
import type { ArtifactRoutes } from './artifacts.ts';
import { type Budget, createBudget, type Hold } from './budget.ts';
import { type Dispatcher, failure } from './dispatch.ts';
import { RPC_CODES } from './errors.ts';
import type { StaticFiles } from './explorer/files.ts';
import type { RpcLimits } from './limits.ts';
import type { Connection } from './method.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface ServerParts {
  readonly dispatcher: Dispatcher;
  readonly subscriptions: Subscriptions;
  readonly artifacts: ArtifactRoutes;
  readonly page: StaticFiles;
  readonly health: () => Promise<{ ready: boolean; body: object }>;
  readonly metrics: (() => Promise<string>) | undefined;
  readonly limits: RpcLimits;
  readonly access: AccessRules;
}

export interface RunningServer {
  readonly port: number;
  /** Stops listening, closes every connection, resolves when the port is free. */
  close(): Promise<void>;
}

/** The port is taken. The message says what to do. */
export class PortInUse extends Error {
  override name = 'PortInUse';
  readonly code = 'PORT_IN_USE';
  constructor(host: string, port: number) {
    super(
      `${host}:${port} is already taken by another program. ` +
        'Stop it, or choose another port with --rpc-port (0 lets the system choose).',
    );
  }
}

/** The address to listen on is not one of this machine. */
export class ListenFailed extends Error {
  override name = 'ListenFailed';
  readonly code = 'LISTEN_FAILED';
  constructor(host: string, port: number, { code, message }: NodeJS.ErrnoException) {
    const reasons: Record<string, string> = {
      ENOTFOUND: 'no such host name',
      EAI_AGAIN: 'the host name cannot be looked up',
      EADDRNOTAVAIL: 'this machine has no such address',
      EACCES: 'no permission to use this port',
    };
    super(
      `cannot serve RPC on ${host}:${port}: ${reasons[code ?? ''] ?? message}; see --rpc-host and --rpc-port`,
    );
  }
}

/** @throws PortInUse, ListenFailed */
export async function listen(parts: ServerParts, host: string, port: number): Promise<RunningServer> {
  const { limits } = parts;
  const budget = createBudget(limits.maxHeldBytes, limits.freeHeldBytes);
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      // How often the two time-outs above are looked at.
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    (request, response) => {
      serve(parts, budget, request, response).catch(() => {
        // The client is gone or the answer broke midway: nothing can be said on this connection any more.
        response.destroy();
      });
    },
  );
  server.maxConnections = limits.maxConnections;
  // WebSockets take themselves out of this and are pinged instead.
  server.setTimeout(limits.stallTimeoutMs);
  const sockets = createSockets(parts, budget);
  server.on('upgrade', sockets.upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PortInUse(host, port) : new ListenFailed(host, port, error)),
    );
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await sockets.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const JSON_TYPES = new Set(['application/json', 'application/json-rpc', 'application/jsonrequest']);

async function serve(
  parts: ServerParts,
  budget: Budget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const refused = refusal(parts, request);
  if (refused !== undefined) return plain(response, 403, refused);
  allowOrigin(request, response);
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const method = request.method ?? 'GET';
  if (method === 'OPTIONS') return preflight(response);
  if (path.startsWith('/artifacts')) return parts.artifacts.serve(request, response);
  if (method === 'POST') {
    if (path !== '/') return plain(response, 404, 'NOT_FOUND: JSON-RPC is answered at /');
    return jsonRpc(parts, budget, request, response);
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD, POST, OPTIONS');
    return plain(response, 405, 'METHOD_NOT_ALLOWED: use POST for JSON-RPC');
  }
  if (path === '/health' || path === '/healthz') return json(response, 200, { status: 'ok' });
  if (path === '/ready' || path === '/readyz') {
    const { ready, body } = await parts.health();
    return json(response, ready ? 200 : 503, body);
  }
  if (path === '/metrics' && parts.metrics) {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    return end(response, 200, await parts.metrics());
  }
  return parts.page.serve(path, request, response);
}

/** Why a request is refused before anything else is looked at. */
function refusal(parts: ServerParts, request: IncomingMessage): string | undefined {
  const { host, origin } = request.headers;
  if (!hostAllowed(host, parts.access))
    return 'INVALID_HOST: invalid host specified; add the name to rpc.allowedHosts to accept it';
  if (!originAllowed(origin, host, parts.access))
    return 'INVALID_ORIGIN: this web page may not use this node; add its origin to rpc.allowedOrigins to accept it';
  return undefined;
}

function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  response.setHeader('Vary', 'Origin');
  if (origin !== undefined) response.setHeader('Access-Control-Allow-Origin', origin);
}

function preflight(response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
  response.setHeader('Access-Control-Allow-Headers', 'Content-Type');
  response.setHeader('Access-Control-Max-Age', '600');
  end(response, 204, '');
}

async function jsonRpc(
  parts: ServerParts,
  budget: Budget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!JSON_TYPES.has(type))
    return plain(response, 415, 'invalid content type, only application/json is supported');
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding.toLowerCase() !== 'identity')
    return plain(response, 415, 'invalid content encoding, requests have to come uncompressed');
  const { maxBodyBytes, maxDrainBytes } = parts.limits;
  const gone = new AbortController();
  const hold = budget.hold(() => {
    gone.abort();
    if (response.headersSent) response.destroy();
    else refuse(response, 503, RPC_CODES.limitExceeded, 'limit exceeded: bytes held by all requests');
  });
  response.once('close', () => {
    // It closes after every answer, and telling nobody costs as much as a small answer: an error with its stack is made.
    if (!response.writableFinished) gone.abort();
    hold.release();
  });
  // Nothing here keeps the text of a request that waits for its answer.
  const answer = await readBody(request, maxBodyBytes, hold).then<string | undefined | typeof TOO_LARGE>(
    (body) => (body === undefined ? TOO_LARGE : handle(parts, body, hold, gone.signal)),
  );
  if (response.headersSent) return;
  if (answer === TOO_LARGE) {
    await drain(request, maxDrainBytes);
    return refuse(response, 413, RPC_CODES.invalidRequest, `request too large (limit ${maxBodyBytes} bytes)`);
  }
  response.setHeader('Content-Type', 'application/json');
  hold.set(answer?.length ?? 0);
  end(response, 200, answer ?? '');
}

const TOO_LARGE: unique symbol = Symbol('too large');

function handle(parts: ServerParts, body: string, hold: Hold, gone: AbortSignal) {
  const size = body.length;
  return parts.dispatcher.handle(body, undefined, gone, (answered) => hold.set(size + answered));
}

function refuse(response: ServerResponse, status: number, code: number, message: string): void {
  response.setHeader('Connection', 'close');
  response.setHeader('Content-Type', 'application/json');
  end(response, status, failure(null, { code, message }));
}

/**
 * Reads and drops what a refused client still sends, within bounds: closing with unread bytes would reset the
 * connection, and the client would never see the answer.
 */
export async function drain(request: IncomingMessage, limit: number): Promise<void> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return;
  let size = 0;
  await new Promise<void>((resolve) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) resolve();
    });
    request.once('end', resolve);
    request.once('error', () => resolve());
    request.once('close', () => resolve());
    request.resume();
    if (request.readableEnded || request.destroyed) resolve();
  });
}

/** undefined when the body is larger than the limit. Rejects when the client goes away. */
function readBody(request: IncomingMessage, limit: number, hold: Hold): Promise<string | undefined> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) return Promise.resolve(undefined);
  const chunks: Buffer[] = [];
  let size = 0;
  // Listeners rather than the stream's iterator, which costs more than most answers.
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      hold.set(size);
      if (size <= limit) return;
      chunks.length = 0;
      hold.set(0);
      request.off('data', onData);
      request.pause();
      resolve(undefined);
    };
    request.on('data', onData);
    request.once('end', () => {
      const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8');
      // The listeners live as long as the request, which is until it is answered.
      chunks.length = 0;
      resolve(text);
    });
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client went away')));
  });
}

export function plain(response: ServerResponse, status: number, text: string): void {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  end(response, status, `${text}\n`);
}

export function json(response: ServerResponse, status: number, body: object): void {
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Cache-Control', 'no-store');
  end(response, status, JSON.stringify(body));
}

function end(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status;
  if (status !== 204) response.setHeader('Content-Length', Buffer.byteLength(body));
  // As text it leaves together with its headers, in one system call.
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

interface Sockets {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): Promise<void>;
}

/** A closing handshake that takes longer than this is cut. */
const CLOSE_GRACE_MS = 500;

function createSockets(parts: ServerParts, budget: Budget): Sockets {
  const { limits } = parts;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.maxBodyBytes,
    perMessageDeflate: false,
    // Answered below, where those who do not read the answers are noticed.
    autoPong: false,
    clientTracking: true,
    // One message of a socket per turn of the event loop: a chunk holds hundreds, and others wait meanwhile.
    allowSynchronousEvents: false,
  });
  let nextId = 1;
  const alive = new WeakSet<WebSocket>();

  function attach(socket: WebSocket, request: IncomingMessage): void {
    let inFlight = 0;
    /** Bytes of a message that has not come to its end, and of requests that are not answered. */
    let unread = 0;
    let unanswered = 0;
    const gone = new AbortController();
    alive.add(socket);
    const hold = budget.hold(() => socket.terminate());
    const note = (): void => hold.set(unread + unanswered + socket.bufferedAmount);
    request.socket.on('data', (chunk: Buffer) => {
      unread += chunk.length;
      note();
    });
    const busy = (): boolean =>
      inFlight >= limits.maxInFlightPerSocket || socket.bufferedAmount > limits.socketPauseBytes;
    const resume = (): void => {
      note();
      if (socket.isPaused && !busy()) socket.resume();
    };
    const connection: Connection = {
      id: nextId,
      send(text) {
        if (socket.readyState !== socket.OPEN) return;
        if (socket.bufferedAmount > limits.maxSocketBacklogBytes) {
          // The reader does not keep up. Dropping single messages would leave holes it cannot see, so it gets what
          // waits and then the reason; if it does not take them, the connection is cut.
          parts.subscriptions.drop(connection);
          socket.close(1013, 'you read too slowly: messages were left out');
          setTimeout(() => socket.terminate(), limits.slowReaderGraceMs).unref();
          return;
        }
        socket.send(text, resume);
        note();
      },
    };
    nextId += 1;
    // Text and binary frames alike, as geth: what counts is that it is JSON.
    socket.on('message', (data: Buffer) => {
      inFlight += 1;
      unread = 0;
      const size = data.length;
      let held = size;
      unanswered += size;
      const grew = (answered: number): void => {
        unanswered += size + answered - held;
        held = size + answered;
        note();
      };
      if (busy()) socket.pause();
      parts.dispatcher.handle(data.toString('utf8'), connection, gone.signal, grew).then((answer) => {
        inFlight -= 1;
        unanswered -= held;
        if (answer !== undefined) connection.send(answer);
        parts.subscriptions.activate(connection);
        resume();
      });
    });
    socket.on('ping', (data: Buffer) => {
      alive.add(socket);
      socket.pong(data, false, resume);
      if (busy()) socket.pause();
    });
    socket.on('pong', () => alive.add(socket));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      gone.abort();
      hold.release();
      parts.subscriptions.drop(connection);
    });
  }

  const pings = setInterval(() => {
    for (const socket of server.clients) {
      if (!alive.has(socket)) {
        socket.terminate();
        continue;
      }
      alive.delete(socket);
      socket.ping();
    }
  }, limits.pingIntervalMs);
  pings.unref();

  return {
    upgrade(request, socket, head) {
      // Without a listener a reset connection would be an uncaught error.
      socket.on('error', () => socket.destroy());
      const refused = refusal(parts, request);
      if (refused !== undefined) return reject(socket, 403, 'Forbidden', refused);
      if (server.clients.size >= limits.maxWebSockets)
        return reject(
          socket,
          503,
          'Service Unavailable',
          `LIMIT_EXCEEDED: WebSocket connections (limit ${limits.maxWebSockets})`,
        );
      server.handleUpgrade(request, socket, head, attach);
    },
    async close() {
      clearInterval(pings);
      const open = [...server.clients];
      const closed = open.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of open) socket.close(1001, 'the node is shutting down');
      const cut = setTimeout(() => {
        for (const socket of open) socket.terminate();
      }, CLOSE_GRACE_MS);
      await Promise.all(closed);
      clearTimeout(cut);
      server.close();
    },
  };
}

function reject(socket: Duplex, status: number, reason: string, text: string): void {
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
