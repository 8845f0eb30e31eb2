/**
 * The network as the rest of the node sees it. Nothing of libp2p shows: peers are text, payloads are bytes.
 */

import type {
  Cancel,
  Clock,
  PenaltyCode as ConsensusPenaltyCode,
  GossipVerdict,
  Log,
  PeerId,
  Random,
} from '../validator/ports.ts';
import type { NetworkLimits } from './limits.ts';
import type { PeerBytes } from './peer-bytes.ts';

export type { Cancel, Clock, GossipVerdict, Log, PeerId, Random } from '../validator/ports.ts';

/** 0x and 64 lower-case hexadecimal digits. */
export type HashText = `0x${string}`;

/** What is gossiped. The wire name of a topic carries the genesis hash, so that chains cannot mix. */
export type Topic = 'tx' | 'proposal' | 'votes';
export const TOPICS: readonly Topic[] = ['tx', 'proposal', 'votes'];

/** Every authority that the network has besides its sockets. */
export interface NetworkEnv {
  readonly clock: Clock;
  /** Jitter of redials only; nothing secret depends on it. */
  readonly random: Random;
  readonly log: Log;
}

export interface NetworkOptions {
  /** Ed25519 seed, 32 bytes: the node's identity on the network. */
  readonly privateKey: Uint8Array;
  /** Multiaddrs, for instance `/ip4/0.0.0.0/tcp/30333`; port 0 lets the kernel choose. Empty: dial only. */
  readonly listen: readonly string[];
  /** Addresses told to others when they differ from the listening ones (behind a router). */
  readonly announce?: readonly string[];
  /** Peers dialed until the node has company; dropped from the loop while there are enough others. */
  readonly bootstrap: readonly string[];
  /** Peers redialed for ever. */
  readonly persistentPeers: readonly string[];
  readonly genesisHash: HashText;
  /** This node's head, told to every new peer. */
  readonly head: () => ChainHead;
  readonly env: NetworkEnv;
  /** Where addresses of peers are kept across restarts; absent: nowhere. */
  readonly peerFile?: string;
  readonly limits?: Partial<NetworkLimits>;
}

export interface Traffic {
  readonly type: string;
  readonly received: number;
  readonly sent: number;
}

export interface ChainHead {
  readonly height: number;
  readonly hash: HashText;
}

/**
 * A request-response protocol and all its bounds. A request is one frame; an answer is a sequence of frames.
 * Both sides must agree on name and version; the bounds are each side's own.
 */
export interface ProtocolSpec {
  /** Lower-case ASCII letters, digits and '-'. The wire name is `/ol/<genesis hash>/<name>/<version>`. */
  readonly name: string;
  readonly version: number;
  readonly maxRequestBytes: number;
  /** Largest single frame of an answer. */
  readonly maxFrameBytes: number;
  /** Sum of all frames of one answer. */
  readonly maxResponseBytes: number;
  /** Answers that are served at the same time, to all peers. */
  readonly maxConcurrent: number;
  /** Answers that are served at the same time to one peer. Further requests are answered BUSY. */
  readonly maxConcurrentPerPeer: number;
  /** Refill of the token bucket of a peer; `burst` is its size. */
  readonly requestsPerSecond: number;
  readonly burst: number;
  /** Bytes of frames being sent or received for this protocol, all peers together; a frame waits for room. */
  readonly maxBytesInFlight: number;
  /** No byte for this long ends the exchange. */
  readonly idleTimeoutMs: number;
  /** The whole exchange ends after this long, however busy. */
  readonly totalTimeoutMs: number;
}

export interface IncomingRequest {
  readonly peer: PeerId;
  readonly payload: Uint8Array;
  /** Aborted when the peer has gone or the time is up. */
  readonly signal: AbortSignal;
}

/** Why a request did not give an answer. */
export type RequestErrorCode =
  /** The peer does not have what was asked. Not a fault. */
  | 'NOT_FOUND'
  /** The peer, or this node, is at a limit: ask somebody else or later. */
  | 'BUSY'
  /** The peer understood and will not answer (malformed request, not allowed). */
  | 'REFUSED'
  /** The peer failed to produce the answer. */
  | 'INTERNAL'
  /** No connection, or it was lost. */
  | 'DISCONNECTED'
  /** The peer does not speak this protocol. */
  | 'UNSUPPORTED'
  /** Idle or total time-out. */
  | 'TIMEOUT'
  /** The answer breaks the framing or a size limit. The peer has been penalised. */
  | 'BAD_FRAME'
  /** The caller's signal. */
  | 'ABORTED';

export interface PeerInfo {
  readonly id: PeerId;
  /** Remote address of the oldest connection. */
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
  /** Head that the peer told last. */
  readonly head: ChainHead;
  readonly connectedSinceMs: number;
  /** 0 is a clean record; at `banScore` the peer is disconnected. */
  readonly penalty: number;
  readonly persistent: boolean;
}

/** Codes that lower a peer's standing, with their weights in penalties.ts. */
export type NetworkPenaltyCode =
  | ConsensusPenaltyCode
  /** A validator function rejected a gossiped message. */
  | 'INVALID_GOSSIP'
  /** Framing or size limit of a stream broken. */
  | 'BAD_FRAME'
  /** More requests than the quota allows, again and again. */
  | 'FLOOD'
  /** Artifact bytes that do not hash to their root. */
  | 'BAD_ARTIFACT';

export type PeerEvent =
  /** Connected and on our chain: may be asked. */
  | { readonly type: 'connected'; readonly peer: PeerId; readonly head: ChainHead }
  | { readonly type: 'disconnected'; readonly peer: PeerId };

export type GossipHandler = (from: PeerId, bytes: Uint8Array) => Promise<GossipVerdict> | GossipVerdict;

export interface Network {
  readonly peerId: PeerId;
  readonly genesisHash: HashText;
  /**
   * Opens the port and begins to dial. Register handlers before, so that no peer finds the node deaf.
   * @throws NetworkError PORT_IN_USE, LISTEN_FAILED
   */
  start(): Promise<void>;
  /** Where this node listens, with `/p2p/<peer id>`; with kernel-chosen ports filled in. Empty before start(). */
  addresses(): readonly string[];

  /**
   * Sends to all who listen to the topic; not to this node itself. Best effort: with nobody connected it goes
   * nowhere, without an error. The same bytes are sent only once within two minutes.
   * @throws NetworkError GOSSIP_TOO_LARGE above limits.maxGossipBytes, STOPPED after stop().
   */
  publish(topic: Topic, bytes: Uint8Array): void;
  /**
   * Exactly one handler a topic. It decides before the message is relayed: `reject` also penalises the sender.
   * A handler that throws, or takes longer than limits.gossipValidationMs, counts as `ignore`. Answer `reject` only
   * for what no honest node relays at any height (bytes that do not decode, a wrong signature).
   */
  onGossip(topic: Topic, handler: GossipHandler): void;

  /** Serves a protocol with one-frame answers. `undefined` answers NOT_FOUND; throw RequestError to refuse. */
  handle(spec: ProtocolSpec, handler: (request: IncomingRequest) => Promise<Uint8Array | undefined>): void;
  /** Serves a protocol whose answers are several frames. Each frame waits until the peer has room. */
  handleStream(spec: ProtocolSpec, handler: (request: IncomingRequest) => AsyncIterable<Uint8Array>): void;
  /** @throws RequestError */
  request(
    peer: PeerId,
    spec: ProtocolSpec,
    payload: Uint8Array,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /** Frames of the answer as they arrive; the peer is held back while the caller is busy. @throws RequestError */
  requestStream(
    peer: PeerId,
    spec: ProtocolSpec,
    payload: Uint8Array,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;

  /** Peers that are connected and on our chain. */
  /** Bytes of messages by topic or protocol since the start, as they are before encryption. */
  traffic(): readonly Traffic[];
  /** Bytes on the wire: a row for each peer that the operator named, one for all others. */
  peerBytes(): readonly PeerBytes[];
  /** Gossiped messages whose verdict is awaited. */
  validations(): number;
  peers(): readonly PeerInfo[];
  onPeer(listener: (event: PeerEvent) => void): Cancel;
  /** Lowers a peer's standing; at `banScore` it is disconnected and refused for limits.banMs. */
  penalise(peer: PeerId, code: NetworkPenaltyCode): void;
  /** Tells every peer the new head (used for "who is ahead"). At most once in limits.headAnnounceMs. */
  announceHead(): void;
  /** Dials once, now. Resolves when the peer is connected and on our chain. @throws NetworkError */
  dial(address: string): Promise<PeerId>;
  disconnect(peer: PeerId): Promise<void>;
  /** Closes all connections; the port is free afterwards. */
  stop(): Promise<void>;
}
