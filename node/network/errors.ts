import type { RequestErrorCode } from './types.ts';

export type NetworkErrorCode =
  | 'PORT_IN_USE'
  | 'BAD_ADDRESS'
  | 'BAD_KEY'
  | 'LISTEN_FAILED'
  | 'GOSSIP_TOO_LARGE'
  | 'DIAL_FAILED'
  | 'WRONG_CHAIN'
  | 'STOPPED';

/** A failure of the network that its user must know of. The message says what to do. */
export class NetworkError extends Error {
  override name = 'NetworkError';
  readonly code: NetworkErrorCode;
  constructor(code: NetworkErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Outcome of one request to one peer. Handlers throw it to choose the code that the peer sees. */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly code: RequestErrorCode;
  constructor(code: RequestErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
