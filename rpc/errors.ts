/**
 * Errors as clients get them. Codes and texts are geth's where geth has one, because wallets and libraries match the
 * text (docs/rpc.md has the table).
 */

export const RPC_CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** geth's errcodeDefault: refusals of the pool, of the state, of execution other than revert. */
  server: -32000,
  timeout: -32002,
  /** geth: response too large. */
  responseTooLarge: -32003,
  limitExceeded: -32005,
  /** geth: a simulated call failed otherwise than by a revert. */
  vmError: -32015,
  /** geth: the call reverted; `data` is the revert data. */
  reverted: 3,
} as const;

/** Carries a JSON-RPC error to the client. Anything else that is thrown becomes -32603 without details. */
export class RpcError extends Error {
  override name = 'RpcError';
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** `position` counts from 0, as geth says it. */
export function invalidArgument(position: number, reason: string): RpcError {
  return new RpcError(RPC_CODES.invalidParams, `invalid argument ${position}: ${reason}`);
}

export function missingArgument(position: number): RpcError {
  return new RpcError(RPC_CODES.invalidParams, `missing value for required argument ${position}`);
}

export function methodNotFound(name: string): RpcError {
  const shown = name.length > 64 ? `${name.slice(0, 64)}...` : name;
  return new RpcError(RPC_CODES.methodNotFound, `the method ${shown} does not exist/is not available`);
}

export function limitExceeded(what: string, limit: number | string): RpcError {
  return new RpcError(RPC_CODES.limitExceeded, `limit exceeded: ${what} (limit ${limit})`);
}

/** An answer to a question about a block that this node does not have (geth's text). */
export function headerNotFound(): RpcError {
  return new RpcError(RPC_CODES.server, 'header not found');
}

/** `error` of a JSON-RPC answer. */
export interface ErrorObject {
  code: number;
  message: string;
  data?: unknown;
}

/** The JSON-RPC error object of anything that was thrown. `report` hears about the unexpected ones. */
export function toErrorObject(thrown: unknown, report: (error: unknown) => void): ErrorObject {
  if (thrown instanceof RpcError)
    return {
      code: thrown.code,
      message: thrown.message,
      ...(thrown.data === undefined ? {} : { data: thrown.data }),
    };
  // Errors of the floors below carry a string code and a message made for people.
  if (codeOf(thrown) !== undefined && SPEAKING_CODES.has(codeOf(thrown) ?? ''))
    return { code: RPC_CODES.server, message: (thrown as Error).message };
  report(thrown);
  return { code: RPC_CODES.internal, message: 'internal error' };
}

export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}

/** Codes of errors below whose message may go to a client: they say something about the question, not the machine. */
const SPEAKING_CODES = new Set([
  'STATE_NOT_AVAILABLE',
  'BAD_OVERRIDE',
  'TRACE_TOO_LARGE',
  'UNAVAILABLE',
  'BUSY',
  'CLOSING',
  'NOT_READY',
  'ATTRIBUTION_UNAVAILABLE',
]);
