import './polyfill.ts';
import { createHash } from 'node:crypto';
import type { GossipSub, TopicValidatorResult } from '@libp2p/gossipsub';
import type { ComponentLogger, Connection, Libp2p, PeerId as Libp2pPeerId } from '@libp2p/interface';
import { publicKeyOf } from '../keys/node-key.ts';
import { mendByteLists } from './byte-lists.ts';
import { NetworkError, RequestError } from './errors.ts';
import { hostGroup, isLoopback } from './hosts.ts';
import { defaultNetworkLimits, type NetworkLimits } from './limits.ts';
import { createPeerBytes } from './peer-bytes.ts';
import { decodeAddresses, dialableHearsay, encodeAddresses, PEERS_PROTOCOL } from './peer-exchange.ts';
import { openPeerStore } from './peer-store.ts';
import { createPenalties } from './penalties.ts';
import { createProtocols, type StreamRequestHandler } from './protocols.ts';
import { createTokenBucket, type TokenBucket } from './quota.ts';
import { createRedialer, peerIdOfAddress } from './redial.ts';
import { decodeStatus, encodeStatus, MAX_STATUS_BYTES, STATUS_PROTOCOL, type Status } from './status.ts';
import { createForgetter } from './strangers.ts';
import {
  type ChainHead,
  type GossipHandler,
  type Network,
  type NetworkOptions,
  type NetworkPenaltyCode,
  type PeerEvent,
  type PeerId,
  type PeerInfo,
  type ProtocolSpec,
  TOPICS,
  type Topic,
} from './types.ts';

const SEED_BYTES = 32;
/** Streams buffer at most one yamux window while held back; libp2p aborts them at 4 MiB. */
const MAX_STREAM_WINDOW_BYTES = 2 * 1024 * 1024;
const GOSSIP_ID_BYTES = 20;
/** Addresses passed on for each peer. */
const ADDRESSES_TOLD = 3;
/** Peers are asked for peers once in this many rounds of housekeeping. */
const ROUNDS_PER_QUESTION = 3;

/** A peer of another chain is told so before it is disconnected; a busy machine takes its time. */
const FAREWELL_MS = 500;
/** A peer that gossips beyond its quota is penalised once in this many messages. */
const REFUSALS_PER_PENALTY = 256;
/** The kept addresses are tried in the first round, and with no peer at all once in this many: a minute. */
const ROUNDS_PER_SEARCH = 12;
/** The kept addresses are written once in this many rounds: five minutes. */
const ROUNDS_PER_SAVE = 60;
/** Peers that are gone are forgotten once in this many rounds: a minute. */
const ROUNDS_PER_FORGETTING = 12;

const STATUS_SPEC: ProtocolSpec = {
  name: 'status',
  version: 1,
  maxRequestBytes: MAX_STATUS_BYTES,
  maxFrameBytes: MAX_STATUS_BYTES,
  maxResponseBytes: MAX_STATUS_BYTES,
  maxConcurrent: 128,
  maxConcurrentPerPeer: 4,
  requestsPerSecond: 5,
  burst: 20,
  maxBytesInFlight: 1024 * 1024,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 10_000,
};

interface Peer {
  readonly id: PeerId;
  readonly libp2pId: Libp2pPeerId;
  readonly connectedSinceMs: number;
  /** Known once the peer showed a status with our genesis hash. */
  head: ChainHead | undefined;
  addresses: readonly string[];
  missedStatuses: number;
}

/**
 * Loads libp2p, about a third of a second of reading and compiling on a busy machine; begun early, it overlaps with
 * the start of the other parts. Loaded dynamically, so that the fill above has run whatever order a bundler gives to
 * static imports.
 */
export async function loadLibraries() {
  const [libp2p, tcp, noise, yamux, identify, gossipsub, keys, multiformats, lists] = await Promise.all([
    import('libp2p'),
    import('@libp2p/tcp'),
    import('@libp2p/noise'),
    import('@libp2p/yamux'),
    import('@libp2p/identify'),
    import('@libp2p/gossipsub'),
    import('@libp2p/crypto/keys'),
    import('@multiformats/multiaddr'),
    import('uint8arraylist'),
  ]);
  mendByteLists(lists.Uint8ArrayList);
  return {
    createLibp2p: libp2p.createLibp2p,
    tcp: tcp.tcp,
    noise: noise.noise,
    yamux: yamux.yamux,
    identify: identify.identify,
    gossipsub: gossipsub.gossipsub,
    keys,
    multiaddr: multiformats.multiaddr,
  };
}

/**
 * Builds a node of the peer-to-peer network; nothing is opened before start().
 * @throws NetworkError BAD_KEY, BAD_ADDRESS
 */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  const { env, genesisHash } = options;
  const { clock, log } = env;
  const limits: NetworkLimits = { ...defaultNetworkLimits, ...options.limits };
  if (options.privateKey.length !== SEED_BYTES)
    throw new NetworkError('BAD_KEY', `the network key has ${options.privateKey.length} bytes, it needs 32`);

  const { createLibp2p, tcp, noise, yamux, identify, gossipsub, keys, multiaddr } = await loadLibraries();
  for (const address of [
    ...options.listen,
    ...(options.announce ?? []),
    ...options.bootstrap,
    ...options.persistentPeers,
  ]) {
    try {
      multiaddr(address);
    } catch (error) {
      throw new NetworkError(
        'BAD_ADDRESS',
        `'${address}' is not a multiaddr; write it like /ip4/127.0.0.1/tcp/30333/p2p/<peer id>`,
        error,
      );
    }
  }

  const topicName = (topic: Topic) => `/ol/${genesisHash.slice(2)}/${topic}/1`;
  const topicByName = new Map(TOPICS.map((topic) => [topicName(topic), topic]));
  const wireName = (spec: ProtocolSpec) => `/ol/${genesisHash.slice(2)}/${spec.name}/${spec.version}`;

  const peers = new Map<PeerId, Peer>();
  const penalties = createPenalties(clock, limits);
  const persistentIds = new Set(
    options.persistentPeers.map(peerIdOfAddress).filter((id) => id !== undefined),
  );
  const listeners = new Set<(event: PeerEvent) => void>();
  const gossipHandlers = new Map<Topic, GossipHandler>();
  /** Resolved or rejected when the handshake with a peer ends. */
  const handshakeWaiters = new Map<PeerId, Set<(error?: Error) => void>>();
  let state: 'new' | 'running' | 'stopped' = 'new';
  let stopMaintenance: (() => void) | undefined;
  let lastAnnounceMs = 0;
  let announceTimer: (() => void) | undefined;
  let rounds = 0;

  const inboundCount = () => libp2p.getConnections().filter((c) => c.direction === 'inbound').length;
  /** Inbound connections from the host of this address; none of loopback, where any number may come from. */
  const inboundOfHost = (address: string): number =>
    isLoopback(address)
      ? 0
      : libp2p
          .getConnections()
          .filter(
            (c) => c.direction === 'inbound' && hostGroup(c.remoteAddr.toString()) === hostGroup(address),
          ).length;
  /** Looked at again when it stands: of many that begin at once, each sees none of the others. */
  const isTooMany = ({ direction, remotePeer, remoteAddr }: Connection): boolean =>
    direction === 'inbound' &&
    (inboundOfHost(remoteAddr.toString()) > limits.maxInboundPerHost ||
      (inboundCount() > limits.maxInbound && !persistentIds.has(remotePeer.toString())));
  const traffic = createTraffic();
  const peerBytes = createPeerBytes((peer) => persistentIds.has(peer));
  const store = openPeerStore(options.peerFile, log);

  const libp2p: Libp2p<{ identify: unknown; pubsub: GossipSub }> = await createLibp2p({
    start: false,
    // From both halves: libp2p's way from the seed computes the public half in JavaScript, a tenth of a second.
    privateKey: keys.privateKeyFromRaw(Buffer.concat([options.privateKey, publicKeyOf(options.privateKey)])),
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES } })],
    logger: quietLogger(),
    // Liveness is judged by our own status exchange, which also brings the peer's head.
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: limits.maxConnections,
      inboundConnectionThreshold: limits.inboundPerSecond,
      maxIncomingPendingConnections: limits.maxPendingInbound,
      dialTimeout: limits.dialMs,
      reconnectRetries: 0,
    },
    connectionGater: {
      denyDialPeer: (id) => penalties.isBanned(id.toString()),
      denyDialMultiaddr: () => false,
      denyInboundConnection: (connection) =>
        inboundOfHost(connection.remoteAddr.toString()) >= limits.maxInboundPerHost,
      denyInboundEncryptedConnection: (id) => {
        const text = id.toString();
        return penalties.isBanned(text) || (inboundCount() >= limits.maxInbound && !persistentIds.has(text));
      },
    },
    services: {
      identify: identify(),
      pubsub: gossipsub({
        // Every payload is signed by its author; a second signature would cost a third of the receiving CPU.
        globalSignaturePolicy: 'StrictNoSign',
        msgIdFn: (message) => gossipId(message.topic, message.data),
        allowedTopics: new Set(topicByName.keys()),
        floodPublish: false,
        batchPublish: true,
        fallbackToFloodsub: false,
        emitSelf: false,
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        maxOutboundBufferSize: limits.maxGossipQueueBytes,
        // Several validators of one operator, or a devnet, share an address; misdeeds are scored in penalties.ts.
        scoreParams: {
          IPColocationFactorWeight: 0,
          behaviourPenaltyWeight: -1,
          behaviourPenaltyThreshold: 6,
        },
      }),
    },
  });
  const { pubsub } = libp2p.services;
  const self = libp2p.peerId.toString();
  const forgetStrangers = createForgetter(libp2p.peerStore, (peer) => libp2p.getConnections(peer).length > 0);

  function openConnection(peer: PeerId): Connection | undefined {
    const known = peers.get(peer);
    return known && libp2p.getConnections(known.libp2pId).find((c) => c.status === 'open');
  }

  function penalise(peer: PeerId, code: NetworkPenaltyCode): void {
    const banMs = persistentIds.has(peer) ? limits.persistentBanMs : limits.banMs;
    const cut = penalties.add(peer, code, banMs);
    log(cut ? 'warn' : 'debug', cut ? 'peer is cut off for misbehaviour' : 'peer misbehaved', {
      peer,
      code,
      ...(cut ? { seconds: banMs / 1000 } : {}),
    });
    if (cut) void disconnect(peer);
  }

  async function disconnect(peer: PeerId): Promise<void> {
    const known = peers.get(peer);
    if (!known) return;
    for (const connection of libp2p.getConnections(known.libp2pId))
      connection.abort(new Error('disconnected by this node'));
  }

  const protocols = createProtocols(
    {
      connection: openConnection,
      penalise,
      register: (name, maxInboundStreams, handler) =>
        libp2p.handle(
          name,
          (stream, connection) => {
            const peer = connection.remotePeer.toString();
            // An inbound stream can overtake the event that announces its connection.
            if (!peers.has(peer)) addPeer(connection.remotePeer);
            handler(stream, peer);
          },
          { maxInboundStreams },
        ),
    },
    env,
  );

  const redialer = createRedialer(
    {
      self,
      async dial(address) {
        const peer = await dial(address);
        // An address without a peer id tells whom it means only now.
        if (options.persistentPeers.includes(address)) persistentIds.add(peer);
        return peer;
      },
      isConnected: (peer) => peers.has(peer),
      peerCount: () => readyPeers().length,
    },
    env,
    limits,
    options.persistentPeers,
    options.bootstrap,
  );

  function readyPeers(): (Peer & { head: ChainHead })[] {
    return [...peers.values()].filter((p): p is Peer & { head: ChainHead } => p.head !== undefined);
  }

  // --- Handshake -------------------------------------------------------------------------------------------------

  const ownStatus = () => encodeStatus({ genesisHash, head: options.head(), addresses: network.addresses() });

  function addPeer(id: Libp2pPeerId): void {
    const peer: Peer = {
      id: id.toString(),
      libp2pId: id,
      connectedSinceMs: clock.nowMs(),
      head: undefined,
      addresses: [],
      missedStatuses: 0,
    };
    peers.set(peer.id, peer);
    void exchangeStatus(peer);
    clock.setTimer(limits.handshakeMs, () => {
      if (peers.get(peer.id) === peer && !peer.head) {
        log('info', 'peer showed no status, disconnecting', { peer: peer.id });
        void disconnect(peer.id);
      }
    });
  }

  /** Tells our head and hears the peer's. Failures count towards "gone without saying so". */
  async function exchangeStatus(peer: Peer): Promise<void> {
    try {
      let answer: Uint8Array | undefined;
      for await (const frame of protocols.ask(peer.id, STATUS_SPEC, STATUS_PROTOCOL, ownStatus()))
        answer = owned(frame);
      if (answer) takeStatus(peer.id, answer);
    } catch (error) {
      if (state !== 'running' || peers.get(peer.id) !== peer) return;
      const { code, message } = error as RequestError;
      if (code === 'UNSUPPORTED') {
        endHandshake(peer.id, new NetworkError('WRONG_CHAIN', 'the peer is not an OpenLedger node'));
        await disconnect(peer.id);
        return;
      }
      peer.missedStatuses += code === 'BUSY' ? 0 : 1;
      log('debug', 'no status from peer', { peer: peer.id, error: message });
    }
  }

  /** Takes in a peer's status, whoever asked. False if the peer is not for us. */
  function takeStatus(id: PeerId, bytes: Uint8Array): boolean {
    const peer = peers.get(id);
    if (!peer) return false;
    const status = decodeStatus(bytes);
    if (!status) {
      penalise(id, 'MALFORMED');
      void disconnect(id);
      return false;
    }
    if (status.genesisHash !== genesisHash) {
      refuseChain(id, status);
      return false;
    }
    peer.missedStatuses = 0;
    // Others can use the public ones; loopback is told last, and only helps on the same machine.
    const own = status.addresses.filter((a) => peerIdOfAddress(a) === id);
    peer.addresses = [...own.filter((a) => !isLoopback(a)), ...own.filter(isLoopback)];
    const isNew = peer.head === undefined;
    peer.head = status.head;
    if (isNew) {
      log('debug', 'peer joined', { peer: id, height: status.head.height });
      remember(peer);
      endHandshake(id);
      emit({ type: 'connected', peer: id, head: status.head });
    }
    return true;
  }

  /** An address that we dialed works; one that the peer names is believed only for the host that it comes from. */
  function remember(peer: Peer): void {
    const connection = openConnection(peer.id);
    if (connection === undefined) return;
    const met = connection.remoteAddr.toString();
    const [told] = peer.addresses.filter((one) => hostGroup(one) === hostGroup(met));
    const address = connection.direction === 'outbound' ? met : told;
    if (address !== undefined) store.met(address);
  }

  function refuseChain(id: PeerId, status: Status): void {
    log('warn', 'peer belongs to another chain; check its address or this node’s genesis file', {
      peer: id,
      theirGenesis: status.genesisHash,
      ourGenesis: genesisHash,
    });
    endHandshake(
      id,
      new NetworkError(
        'WRONG_CHAIN',
        `peer ${id} belongs to another chain (genesis ${status.genesisHash}, ours is ${genesisHash})`,
      ),
    );
    // Time for our own status to reach the peer, so that both logs name the reason.
    clock.setTimer(FAREWELL_MS, () => void disconnect(id));
  }

  function endHandshake(id: PeerId, error?: Error): void {
    const waiters = handshakeWaiters.get(id);
    handshakeWaiters.delete(id);
    for (const done of waiters ?? []) done(error);
  }

  function emit(event: PeerEvent): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        log('error', 'a peer listener failed', { error: String(error) });
      }
    }
  }

  libp2p.addEventListener('connection:open', ({ detail: connection }) => {
    peerBytes.opened(connection);
    if (isTooMany(connection)) {
      connection.abort(new Error('more connections than strangers may have'));
      return;
    }
    const all = libp2p.getConnections(connection.remotePeer).filter((c) => c.status === 'open');
    const oldest = all.sort((a, b) => a.timeline.open - b.timeline.open);
    for (const one of oldest.slice(0, Math.max(0, all.length - limits.maxConnectionsPerPeer)))
      one.abort(new Error('more connections than one peer needs'));
  });
  libp2p.addEventListener('connection:close', ({ detail }) => peerBytes.closed(detail));
  libp2p.addEventListener('peer:connect', (event) => {
    if (!peers.has(event.detail.toString())) addPeer(event.detail);
  });
  libp2p.addEventListener('peer:disconnect', (event) => {
    const id = event.detail.toString();
    const peer = peers.get(id);
    if (!peer) return;
    peers.delete(id);
    protocols.forget(id);
    endHandshake(id, new NetworkError('DIAL_FAILED', `peer ${id} closed the connection`));
    if (peer.head) emit({ type: 'disconnected', peer: id });
    if (state === 'running') redialer.disconnected(id);
  });

  async function dial(address: string): Promise<PeerId> {
    if (state === 'stopped') throw new NetworkError('STOPPED', 'the network has been stopped');
    let connection: Connection;
    try {
      connection = await libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(limits.dialMs) });
    } catch (error) {
      throw new NetworkError('DIAL_FAILED', `cannot reach ${address}: ${dialReason(error)}`, error);
    }
    const id = connection.remotePeer.toString();
    if (!peers.has(id)) addPeer(connection.remotePeer);
    if (peers.get(id)?.head) return id;
    await new Promise<void>((resolve, reject) => {
      const waiters = handshakeWaiters.get(id) ?? new Set();
      handshakeWaiters.set(id, waiters);
      const done = (error?: Error) => {
        cancel();
        waiters.delete(done);
        error ? reject(error) : resolve();
      };
      const cancel = clock.setTimer(limits.handshakeMs, () =>
        done(new NetworkError('DIAL_FAILED', `${address} did not show its status in time`)),
      );
      waiters.add(done);
    });
    return id;
  }

  // --- Gossip ----------------------------------------------------------------------------------------------------

  let validations = 0;
  const validationsOf = new Map<PeerId, number>();
  let heldBytes = 0;
  const heldBytesOf = new Map<PeerId, number>();

  /** Counts the bytes for as long as the handler has them, which may be longer than its verdict is awaited. */
  async function handled(handler: GossipHandler, from: PeerId, bytes: Uint8Array) {
    const count = (change: number): void => {
      heldBytes += change;
      const own = (heldBytesOf.get(from) ?? 0) + change;
      if (own > 0) heldBytesOf.set(from, own);
      else heldBytesOf.delete(from);
    };
    count(bytes.byteLength);
    try {
      return await handler(from, bytes);
    } finally {
      count(-bytes.byteLength);
    }
  }

  const mayHold = (from: PeerId, { byteLength }: Uint8Array): boolean =>
    heldBytes + byteLength <= limits.maxGossipBytesHeld &&
    (heldBytesOf.get(from) ?? 0) + byteLength <= limits.maxGossipBytesHeldPerPeer;

  /** What each peer may still gossip; with the peer's connection it goes only when it is full again. */
  const gossipQuotas = new Map<PeerId, { bucket: TokenBucket; refusals: number }>();

  /** Useless messages cost the sender nothing and us a look at each: how many are looked at is bounded. */
  function mayGossip(from: PeerId): boolean {
    let quota = gossipQuotas.get(from);
    if (quota === undefined) {
      const bucket = createTokenBucket(clock, limits.gossipPerSecond, limits.gossipBurst);
      quota = { bucket, refusals: 0 };
      gossipQuotas.set(from, quota);
    }
    if (quota.bucket.take()) return true;
    quota.refusals += 1;
    if (quota.refusals % REFUSALS_PER_PENALTY === 0) penalise(from, 'FLOOD');
    return false;
  }

  async function validate(topic: Topic, from: PeerId, data: Uint8Array): Promise<TopicValidatorResult> {
    traffic.count(topic, 'received', data);
    if (!mayGossip(from)) return 'ignore' as TopicValidatorResult;
    const verdict = await judge(topic, from, data);
    if (verdict === 'reject') penalise(from, 'INVALID_GOSSIP');
    return verdict as TopicValidatorResult;
  }

  async function judge(topic: Topic, from: PeerId, data: Uint8Array) {
    const handler = gossipHandlers.get(topic);
    const own = validationsOf.get(from) ?? 0;
    if (!handler || validations >= limits.maxGossipValidations || own >= limits.maxGossipValidationsPerPeer)
      return 'ignore';
    if (data.byteLength > limits.maxGossipBytes) return 'reject';
    if (!mayHold(from, data)) return 'ignore';
    validations += 1;
    validationsOf.set(from, own + 1);
    let cancel: (() => void) | undefined;
    try {
      // A short message must not keep the frame alive that it came in.
      const bytes = owned(data);
      const late = new Promise<'ignore'>((resolve) => {
        cancel = clock.setTimer(limits.gossipValidationMs, () => resolve('ignore'));
      });
      const verdict = handled(handler, from, bytes);
      // Who is late may still fail.
      verdict.catch(() => {});
      return await Promise.race([verdict, late]);
    } catch (error) {
      log('error', 'a gossip handler failed', { topic, error: String(error) });
      return 'ignore';
    } finally {
      cancel?.();
      validations -= 1;
      const left = (validationsOf.get(from) ?? 1) - 1;
      if (left > 0) validationsOf.set(from, left);
      else validationsOf.delete(from);
    }
  }

  for (const [name, topic] of topicByName)
    pubsub.topicValidators.set(name, (peer, message) => validate(topic, peer.toString(), message.data));

  // --- Housekeeping ----------------------------------------------------------------------------------------------

  function maintain(): void {
    stopMaintenance = clock.setTimer(limits.maintenanceMs, () => {
      for (const peer of peers.values()) {
        if (peer.missedStatuses >= limits.maxMissedStatuses || hasLostGossip(peer)) {
          log('info', 'peer fell silent, disconnecting', { peer: peer.id });
          void disconnect(peer.id);
        } else void exchangeStatus(peer);
      }
      rounds += 1;
      for (const [peer, { bucket }] of gossipQuotas)
        if (!peers.has(peer) && bucket.isFull()) gossipQuotas.delete(peer);
      if (rounds === 1 || (rounds % ROUNDS_PER_SEARCH === 0 && peers.size === 0)) learnKept();
      if (rounds % ROUNDS_PER_SAVE === 0) store.save();
      if (rounds % ROUNDS_PER_FORGETTING === 0)
        forgetStrangers().catch((error: Error) =>
          log('debug', 'peers that have gone were not forgotten', { error: error.message }),
        );
      if (rounds % ROUNDS_PER_QUESTION === 1 && readyPeers().length < limits.enoughPeers) void askForPeers();
      maintain();
    });
  }

  /** Those whom the operator named are redialed anyway. */
  function learnKept(): void {
    const named = new Set([...options.persistentPeers, ...options.bootstrap].map(peerIdOfAddress));
    redialer.learn(store.addresses().filter((address) => !named.has(peerIdOfAddress(address))));
  }

  /** gossipsub does not reopen a stream that was cut (queue full, oversized frame); only a new connection does. */
  function hasLostGossip(peer: Peer): boolean {
    if (clock.nowMs() - peer.connectedSinceMs < limits.handshakeMs) return false;
    return !libp2p
      .getConnections(peer.libp2pId)
      .some((c) => c.streams.some((s) => s.direction === 'outbound' && s.protocol.startsWith('/meshsub/')));
  }

  async function askForPeers(): Promise<void> {
    const ready = readyPeers();
    if (ready.length === 0) return;
    const peer = ready[env.random.int(ready.length)]!;
    try {
      const answer = await network.request(peer.id, PEERS_PROTOCOL, new Uint8Array(0));
      const addresses = decodeAddresses(answer);
      if (!addresses) return penalise(peer.id, 'MALFORMED');
      redialer.learn(dialableHearsay(addresses, openConnection(peer.id)?.remoteAddr.toString() ?? ''));
    } catch {
      // Others will be asked at the next turn.
    }
  }

  function announceNow(): void {
    lastAnnounceMs = clock.nowMs();
    for (const peer of readyPeers()) void exchangeStatus(peer);
  }

  const network: Network = {
    peerId: self,
    genesisHash,

    async start() {
      if (state !== 'new') throw new NetworkError('STOPPED', 'a network is started once');
      try {
        await libp2p.start();
      } catch (error) {
        state = 'stopped';
        throw listenError(error, options.listen);
      }
      state = 'running';
      for (const name of topicByName.keys()) pubsub.subscribe(name);
      redialer.start();
      maintain();
    },

    addresses: () => (state === 'running' ? libp2p.getMultiaddrs().map((address) => address.toString()) : []),

    publish(topic, bytes) {
      if (state === 'stopped') throw new NetworkError('STOPPED', 'the network has been stopped');
      if (bytes.byteLength > limits.maxGossipBytes)
        throw new NetworkError(
          'GOSSIP_TOO_LARGE',
          `a ${topic} message of ${bytes.byteLength} bytes; at most ${limits.maxGossipBytes} are gossiped, let peers ask for the rest`,
        );
      if (state !== 'running') return;
      traffic.count(topic, 'sent', bytes);
      pubsub
        .publish(topicName(topic), bytes)
        .catch((error: Error) => log('debug', 'gossip was not sent', { topic, error: error.message }));
    },
    onGossip(topic, handler) {
      gossipHandlers.set(topic, handler);
    },

    handle(spec, handler) {
      register(spec, async function* (request) {
        const answer = await handler(request);
        if (!answer) throw new RequestError('NOT_FOUND', 'not here');
        yield answer;
      });
    },
    handleStream(spec, handler) {
      register(spec, handler);
    },
    async request(peer, spec, payload, requestOptions) {
      let answer: Uint8Array | undefined;
      for await (const frame of ask(peer, spec, payload, requestOptions?.signal)) {
        if (answer) {
          penalise(peer, 'BAD_ANSWER');
          throw new RequestError('BAD_FRAME', 'more than one frame');
        }
        answer = owned(frame);
      }
      if (!answer) {
        penalise(peer, 'BAD_ANSWER');
        throw new RequestError('BAD_FRAME', 'an answer without a frame');
      }
      return answer;
    },
    requestStream: (peer, spec, payload, requestOptions) => ask(peer, spec, payload, requestOptions?.signal),

    traffic: traffic.all,
    peerBytes: peerBytes.all,
    validations: () => validations,
    peers: () =>
      readyPeers().map((peer): PeerInfo => {
        const connection = libp2p.getConnections(peer.libp2pId)[0];
        return {
          id: peer.id,
          address: connection?.remoteAddr.toString() ?? '',
          direction: connection?.direction ?? 'inbound',
          head: peer.head,
          connectedSinceMs: peer.connectedSinceMs,
          penalty: penalties.score(peer.id),
          persistent: persistentIds.has(peer.id),
        };
      }),
    onPeer(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    penalise,
    announceHead() {
      if (state !== 'running' || announceTimer) return;
      const waitMs = Math.max(0, lastAnnounceMs + limits.headAnnounceMs - clock.nowMs());
      announceTimer = clock.setTimer(waitMs, () => {
        announceTimer = undefined;
        announceNow();
      });
    },
    dial,
    disconnect,
    async stop() {
      if (state === 'stopped') return;
      const wasRunning = state === 'running';
      state = 'stopped';
      redialer.stop();
      stopMaintenance?.();
      announceTimer?.();
      for (const peer of readyPeers()) remember(peer);
      store.save();
      protocols.stop();
      if (wasRunning) await libp2p.stop();
    },
  };

  async function* ask(
    peer: PeerId,
    spec: ProtocolSpec,
    payload: Uint8Array,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    traffic.count(spec.name, 'sent', payload);
    for await (const frame of protocols.ask(peer, spec, wireName(spec), payload, signal)) {
      traffic.count(spec.name, 'received', frame);
      yield frame;
    }
  }

  const registrations: Promise<void>[] = [];
  function register(spec: ProtocolSpec, handler: StreamRequestHandler): void {
    const done = protocols.serve(spec, wireName(spec), async function* (request) {
      traffic.count(spec.name, 'received', request.payload);
      for await (const frame of handler(request)) {
        traffic.count(spec.name, 'sent', frame);
        yield frame;
      }
    });
    done.catch((error: Error) =>
      log('error', 'protocol not registered', { protocol: spec.name, error: error.message }),
    );
    registrations.push(done);
  }

  network.handle(PEERS_PROTOCOL, async ({ peer }) =>
    encodeAddresses(
      readyPeers()
        .filter((p) => p.id !== peer)
        .flatMap((p) => p.addresses.slice(0, ADDRESSES_TOLD)),
    ),
  );
  await protocols.serve(STATUS_SPEC, STATUS_PROTOCOL, async function* ({ peer, payload }) {
    // Our own status goes first, also to a stranger, so that both sides know why they part.
    yield ownStatus();
    takeStatus(peer, payload);
  });
  await Promise.all(registrations);
  return network;
}

/** Types of messages are a handful: topics and protocols of this program. */
function createTraffic() {
  const counts = new Map<string, { received: number; sent: number }>();
  return {
    count(type: string, direction: 'received' | 'sent', { byteLength }: Uint8Array): void {
      const one = counts.get(type) ?? { received: 0, sent: 0 };
      counts.set(type, one);
      one[direction] += byteLength;
    },
    all: () => [...counts].map(([type, one]) => ({ type, ...one })),
  };
}

/** A copy if the bytes are a small part of a larger buffer, which they would keep alive. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength * 2 < bytes.buffer.byteLength ? Uint8Array.from(bytes) : bytes;
}

/** The topic is part of the id: the same bytes on another topic must not make the real message look seen. */
function gossipId(topic: string, data: Uint8Array): Uint8Array {
  return createHash('sha256').update(topic).update(data).digest().subarray(0, GOSSIP_ID_BYTES);
}

/** libp2p wraps the system's error in up to two others; people need the innermost. */
function dialReason(error: unknown): string {
  const { code, name, message, errors, cause } = error as NodeJS.ErrnoException & {
    errors?: readonly unknown[];
    cause?: unknown;
  };
  if (errors?.[0] !== undefined) return dialReason(errors[0]);
  if (code === 'ECONNREFUSED' || /ECONNREFUSED/.test(message))
    return 'nobody listens there (connection refused)';
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return cause === undefined ? message : dialReason(cause);
}

function listenError(error: unknown, listen: readonly string[]): NetworkError {
  const text = String((error as Error).message);
  if (/EADDRINUSE/.test(text)) {
    const address = listen.find((a) => text.includes(a)) ?? listen.join(', ');
    return new NetworkError(
      'PORT_IN_USE',
      `${address} is in use by another program; stop it or choose another address with --p2p-listen`,
      error,
    );
  }
  // libp2p lists each address with a stack; the first one that failed tells enough, in one line.
  const found = /^\s*(\/\S+): Error: (.*)$/m.exec(text);
  const [address, reason] = found === null ? [listen.join(', '), text.split('\n')[0]] : [found[1], found[2]];
  const words = /EADDRNOTAVAIL/.test(text) ? 'this machine has no such address' : reason;
  return new NetworkError('LISTEN_FAILED', `cannot listen on ${address}: ${words}; see --p2p-listen`, error);
}

/** libp2p logs through `debug`, to standard error and unstructured; what matters is logged by us. */
function quietLogger(): ComponentLogger {
  const nothing = () => {};
  const make = (): ReturnType<ComponentLogger['forComponent']> =>
    Object.assign(nothing.bind(undefined), {
      enabled: false,
      trace: nothing,
      error: nothing,
      newScope: make,
    });
  return { forComponent: make };
}
