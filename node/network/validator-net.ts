/** Carries the validator's messages: its `Net` port on top of the network. */
import { LIMITS } from '../validator/limits.ts';
import {
  GOSSIP_KINDS,
  type Net,
  REQUEST_KINDS,
  type RequestKind,
  type ValidatorHandle,
} from '../validator/ports.ts';
import { RequestError } from './errors.ts';
import type { Log, Network, ProtocolSpec } from './types.ts';

/** A status names bitmaps of at most 16 rounds for at most 1,024 validators: below 16 KiB. */
const MAX_REQUEST_BYTES = 64 * 1024;
/** Three full answers at once; beyond, frames wait for each other. */
const MAX_BYTES_IN_FLIGHT = 3 * LIMITS.maxAnswerBytes;

const common = {
  version: 1,
  maxRequestBytes: MAX_REQUEST_BYTES,
  maxFrameBytes: LIMITS.maxAnswerBytes,
  maxResponseBytes: LIMITS.maxAnswerBytes,
  maxBytesInFlight: MAX_BYTES_IN_FLIGHT,
} as const;

export const CONSENSUS_PROTOCOLS: Readonly<Record<RequestKind, ProtocolSpec>> = {
  /** Asked when nothing moved for a second: small and urgent. */
  status: {
    ...common,
    name: 'consensus-status',
    maxConcurrent: 32,
    maxConcurrentPerPeer: 4,
    requestsPerSecond: 10,
    burst: 40,
    idleTimeoutMs: 5_000,
    totalTimeoutMs: 10_000,
  },
  /** One block body by hash. */
  block: {
    ...common,
    name: 'consensus-block',
    maxConcurrent: 16,
    maxConcurrentPerPeer: 4,
    requestsPerSecond: 10,
    burst: 40,
    idleTimeoutMs: 5_000,
    totalTimeoutMs: 60_000,
  },
  /** Certified blocks by height; the shell keeps several ranges in flight. */
  range: {
    ...common,
    name: 'consensus-range',
    maxConcurrent: 16,
    maxConcurrentPerPeer: LIMITS.maxRangesInFlight + 2,
    requestsPerSecond: 10,
    burst: 40,
    idleTimeoutMs: 5_000,
    totalTimeoutMs: 60_000,
  },
};

export interface ValidatorNet extends Net {
  /**
   * Connects the other direction: gossip and requests of peers reach the validator from now on, and it is told of
   * every peer. Before, gossip is ignored and requests are answered BUSY. Call it once, before network.start().
   */
  attach(validator: Pick<ValidatorHandle, 'onGossip' | 'onRequest' | 'onPeer'>): void;
}

export function createValidatorNet(network: Network, log: Log): ValidatorNet {
  let validator: Pick<ValidatorHandle, 'onGossip' | 'onRequest' | 'onPeer'> | undefined;

  for (const kind of GOSSIP_KINDS)
    network.onGossip(kind, (from, bytes) => validator?.onGossip(kind, bytes, from) ?? 'ignore');
  for (const kind of REQUEST_KINDS)
    network.handle(CONSENSUS_PROTOCOLS[kind], async ({ peer, payload }) => {
      if (!validator) throw new RequestError('BUSY', 'starting');
      return validator.onRequest(kind, payload, peer);
    });
  network.onPeer((event) => {
    if (event.type === 'connected') validator?.onPeer(event.peer);
  });

  return {
    attach(handle) {
      validator = handle;
      for (const peer of network.peers()) handle.onPeer(peer.id);
    },
    broadcast(kind, bytes) {
      try {
        network.publish(kind, bytes);
      } catch (error) {
        log('error', 'a consensus message could not be sent', { kind, error: (error as Error).message });
      }
    },
    peers: () => network.peers().map((peer) => peer.id),
    async request(peer, kind, payload) {
      try {
        return await network.request(peer, CONSENSUS_PROTOCOLS[kind], payload);
      } catch (error) {
        const code = error instanceof RequestError ? error.code : 'INTERNAL';
        log('debug', 'a consensus request was not answered', { peer, kind, code });
        return undefined;
      }
    },
    penalise: (peer, code) => network.penalise(peer, code),
  };
}
