/**
 * Request-response over libp2p streams: quotas on the serving side, framing and time-outs on both. One stream carries
 * one exchange.
 */
import type { Connection, Stream } from '@libp2p/interface';
import { RequestError } from './errors.ts';
import { createFrameReader, FRAME, type Frame, sendFrame } from './frames.ts';
import {
  type ByteBudget,
  createByteBudget,
  createTokenBucket,
  linkedAbort,
  sharedAbort,
  type TokenBucket,
} from './quota.ts';
import type {
  Clock,
  IncomingRequest,
  NetworkEnv,
  NetworkPenaltyCode,
  PeerId,
  ProtocolSpec,
  RequestErrorCode,
} from './types.ts';

/** Codes that travel in an ERROR frame. Their numbers are part of the wire format. */
const ERROR_NUMBER = { NOT_FOUND: 1, BUSY: 2, REFUSED: 3, INTERNAL: 4 } as const;
type WireError = keyof typeof ERROR_NUMBER;
const ERROR_BY_NUMBER = new Map<number, WireError>(
  Object.entries(ERROR_NUMBER).map(([code, number]) => [number, code as WireError]),
);

/** A peer that keeps asking with an empty bucket is penalised once in this many refusals: bursts happen. */
const REFUSALS_PER_PENALTY = 16;
/** Streams that may be open at once to be answered BUSY properly; beyond it libp2p resets them. */
const EXTRA_STREAMS = 16;
/** Peers of whom is remembered what they asked of one protocol; beyond, those who are gone go first. */
const MAX_REMEMBERED = 1_024;
/** Our own open requests to one peer and protocol. */
const MAX_OUTBOUND_STREAMS = 64;

export type StreamRequestHandler = (request: IncomingRequest) => AsyncIterable<Uint8Array>;

/** The few things of libp2p that exchanges need. */
export interface StreamHost {
  /** An open connection to the peer. */
  connection(peer: PeerId): Connection | undefined;
  register(
    wireName: string,
    maxInboundStreams: number,
    handler: (stream: Stream, peer: PeerId) => void,
  ): Promise<void>;
  penalise(peer: PeerId, code: NetworkPenaltyCode): void;
}

/**
 * Lets go of a stream on which all has been said. Whatever still comes is thrown away, where libp2p would keep up to
 * 4 MiB of it; and a peer that does not close its side in time has it closed, where it would stay as long as the connection.
 */
function letGo(stream: Stream, clock: Clock, waitMs: number): void {
  stream.closeRead().catch(() => {});
  if (stream.status !== 'open') return;
  const cancel = clock.setTimer(waitMs, () => stream.abort(new Error('the other side stayed open')));
  stream.addEventListener('close', cancel, { once: true });
}

export interface Protocols {
  serve(spec: ProtocolSpec, wireName: string, handler: StreamRequestHandler): Promise<void>;
  ask(
    peer: PeerId,
    spec: ProtocolSpec,
    wireName: string,
    payload: Uint8Array,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined>;
  forget(peer: PeerId): void;
  stop(): void;
}

interface PeerQuota {
  active: number;
  bucket: TokenBucket;
  refusals: number;
}

export function createProtocols(host: StreamHost, env: NetworkEnv): Protocols {
  const { clock, log } = env;
  const stopping = sharedAbort();
  const quotas = new Map<string, Map<PeerId, PeerQuota>>();
  const budgets = new Map<string, ByteBudget>();

  function budgetOf(spec: ProtocolSpec, side: 'in' | 'out'): ByteBudget {
    const key = `${side}/${spec.name}/${spec.version}`;
    let budget = budgets.get(key);
    if (!budget) {
      budget = createByteBudget(spec.maxBytesInFlight);
      budgets.set(key, budget);
    }
    return budget;
  }

  /** Ends the exchange on: caller's wish, total time, loss of the stream, stop of the network. */
  function lifetime(spec: ProtocolSpec, signal?: AbortSignal) {
    const link = linkedAbort(stopping.signal, signal);
    const cancel = clock.setTimer(spec.totalTimeoutMs, () =>
      link.abort(new RequestError('TIMEOUT', `no complete answer within ${spec.totalTimeoutMs} ms`)),
    );
    return {
      signal: link.signal,
      watch(stream: Stream) {
        const onClose = (event: Event) => {
          const { error } = event as Event & { error?: Error };
          if (error) link.abort(new RequestError('DISCONNECTED', 'the stream was reset'));
        };
        stream.addEventListener('close', onClose);
      },
      end() {
        cancel();
        link.dispose();
      },
    };
  }

  async function answer(
    spec: ProtocolSpec,
    handler: StreamRequestHandler,
    quota: PeerQuota,
    active: number,
    stream: Stream,
    peer: PeerId,
  ): Promise<void> {
    const life = lifetime(spec);
    life.watch(stream);
    const out = {
      budget: budgetOf(spec, 'out'),
      clock,
      idleTimeoutMs: spec.idleTimeoutMs,
      signal: life.signal,
    };
    const reader = createFrameReader(stream, {
      ...out,
      budget: budgetOf(spec, 'in'),
      maxFrameBytes: spec.maxRequestBytes,
      maxTotalBytes: spec.maxRequestBytes,
    });
    try {
      if (!quota.bucket.take()) {
        quota.refusals += 1;
        if (quota.refusals % REFUSALS_PER_PENALTY === 0) host.penalise(peer, 'FLOOD');
        throw new RequestError('BUSY', 'too many requests');
      }
      if (active > spec.maxConcurrent || quota.active > spec.maxConcurrentPerPeer)
        throw new RequestError('BUSY', 'too many requests at once');
      const request = await reader.next();
      // A peer that is stopping closes streams that it has just opened; that is no misbehaviour, and the bucket counts it.
      if (!request) throw new RequestError('DISCONNECTED', 'the peer closed the stream before it asked');
      reader.close();
      stream.closeRead().catch(() => {});
      if (request.kind !== FRAME.data) throw new RequestError('BAD_FRAME', 'a request is one data frame');
      try {
        let total = 0;
        for await (const frame of handler({ peer, payload: request.payload, signal: life.signal })) {
          total += frame.byteLength;
          if (frame.byteLength > spec.maxFrameBytes || total > spec.maxResponseBytes)
            throw new Error(`answer of ${spec.name} exceeds its own limits (${frame.byteLength}, ${total})`);
          await sendFrame(stream, FRAME.data, frame, out);
        }
        await sendFrame(stream, FRAME.end, new Uint8Array(0), out);
      } finally {
        request.release();
      }
      await stream.close({ signal: life.signal });
    } catch (error) {
      const code = error instanceof RequestError ? error.code : 'INTERNAL';
      if (code === 'BAD_FRAME') host.penalise(peer, 'BAD_FRAME');
      else if (code === 'INTERNAL' && !life.signal.aborted)
        log('error', 'a request of a peer failed here', { protocol: spec.name, peer, error: String(error) });
      await refuse(stream, code, out);
    } finally {
      reader.close();
      life.end();
      letGo(stream, clock, spec.idleTimeoutMs);
    }
  }

  async function refuse(
    stream: Stream,
    code: RequestErrorCode,
    out: Parameters<typeof sendFrame>[3],
  ): Promise<void> {
    try {
      if (!(code in ERROR_NUMBER)) throw new Error(code);
      await sendFrame(stream, FRAME.error, Uint8Array.of(ERROR_NUMBER[code as WireError]), out);
      await stream.close({ signal: out.signal });
    } catch (error) {
      stream.abort(error as Error);
    }
  }

  return {
    async serve(spec, wireName, handler) {
      const peers = new Map<PeerId, PeerQuota>();
      quotas.set(wireName, peers);
      let active = 0;
      await host.register(wireName, spec.maxConcurrentPerPeer + EXTRA_STREAMS, (stream, peer) => {
        let quota = peers.get(peer);
        if (!quota) {
          if (peers.size >= MAX_REMEMBERED) forgetOne(peers);
          quota = {
            active: 0,
            bucket: createTokenBucket(clock, spec.requestsPerSecond, spec.burst),
            refusals: 0,
          };
          peers.set(peer, quota);
        }
        const own = quota;
        active += 1;
        own.active += 1;
        void answer(spec, handler, own, active, stream, peer).finally(() => {
          active -= 1;
          own.active -= 1;
        });
      });
    },

    async *ask(peer, spec, wireName, payload, signal) {
      if (payload.byteLength > spec.maxRequestBytes)
        throw new RequestError(
          'REFUSED',
          `request of ${payload.byteLength} bytes, limit ${spec.maxRequestBytes}`,
        );
      if (signal?.aborted) throw new RequestError('ABORTED', 'no longer wanted');
      const connection = host.connection(peer);
      if (!connection) throw new RequestError('DISCONNECTED', 'not connected');
      const life = lifetime(spec, signal);
      const bounds = { clock, idleTimeoutMs: spec.idleTimeoutMs, signal: life.signal };
      let stream: Stream | undefined;
      let finished = false;
      try {
        stream = await connection.newStream(wireName, {
          signal: life.signal,
          maxOutboundStreams: MAX_OUTBOUND_STREAMS,
        });
        life.watch(stream);
        const reader = createFrameReader(stream, {
          ...bounds,
          budget: budgetOf(spec, 'in'),
          maxFrameBytes: spec.maxFrameBytes,
          maxTotalBytes: spec.maxResponseBytes,
        });
        try {
          await sendFrame(stream, FRAME.data, payload, { ...bounds, budget: budgetOf(spec, 'out') });
          for (;;) {
            const frame = await reader.next();
            if (!frame) throw new RequestError('DISCONNECTED', 'the peer ended the answer too early');
            try {
              if (endsAnswer(frame)) break;
              yield frame.payload;
            } finally {
              frame.release();
            }
          }
          finished = true;
        } finally {
          reader.close();
        }
      } catch (error) {
        throw toRequestError(error, signal, (code) => {
          if (code === 'BAD_FRAME') host.penalise(peer, 'BAD_FRAME');
        });
      } finally {
        life.end();
        if (stream) {
          const opened = stream;
          if (finished) {
            opened.close().catch((error: Error) => opened.abort(error));
            letGo(opened, clock, spec.idleTimeoutMs);
          } else opened.abort(new Error('exchange ended'));
        }
      }
    },

    forget(peer) {
      // A bucket that is not full again is kept: connecting anew must not fill it.
      for (const peers of quotas.values()) {
        const quota = peers.get(peer);
        if (quota?.active === 0 && quota.bucket.isFull()) peers.delete(peer);
      }
    },

    stop() {
      stopping.abort(new RequestError('ABORTED', 'the network is stopping'));
    },
  };
}

function forgetOne(peers: Map<PeerId, PeerQuota>): void {
  for (const [peer, quota] of peers)
    if (quota.active === 0) {
      peers.delete(peer);
      return;
    }
}

/** True for END. @throws RequestError for ERROR and for kinds that do not exist. */
function endsAnswer(frame: Frame): boolean {
  if (frame.kind === FRAME.data) return false;
  if (frame.kind === FRAME.end && frame.payload.byteLength === 0) return true;
  const code = frame.kind === FRAME.error ? ERROR_BY_NUMBER.get(frame.payload[0] ?? 0) : undefined;
  if (code && frame.payload.byteLength === 1) throw new RequestError(code, `the peer answered ${code}`);
  throw new RequestError('BAD_FRAME', `frame of unknown kind ${frame.kind}`);
}

function toRequestError(
  error: unknown,
  signal: AbortSignal | undefined,
  observe: (code: RequestErrorCode) => void,
): RequestError {
  if (signal?.aborted) return new RequestError('ABORTED', 'no longer wanted');
  if (error instanceof RequestError) {
    observe(error.code);
    return error;
  }
  const { name, message } = error as Error;
  if (name === 'UnsupportedProtocolError') return new RequestError('UNSUPPORTED', message);
  return new RequestError('DISCONNECTED', message);
}
