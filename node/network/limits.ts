/** Every bound of the network in one place, each with its reason. */
export interface NetworkLimits {
  /** Connections in both directions. Gossip meshes hold 6-12 peers; the rest are leaves that follow. */
  readonly maxConnections: number;
  /** Of these, inbound: leaves room for our own dials, so that strangers cannot surround the node. */
  readonly maxInbound: number;
  /** Inbound connections from one host other than loopback (a devnet lives on loopback). */
  readonly maxInboundPerHost: number;
  /**
   * Connections with one peer: two nodes that dial each other at once have two. Of more the oldest are closed, since
   * after a cut line they may be dead without knowing it.
   */
  readonly maxConnectionsPerPeer: number;
  /** New inbound connections a second from one host. A devnet of ten nodes starts from one host at once. */
  readonly inboundPerSecond: number;
  /** Connections still being set up (encryption costs about 3 ms of CPU each). */
  readonly maxPendingInbound: number;
  /**
   * Largest gossiped message: a block of 1 MiB and the proposal around it. libp2p drops frames above 4 MB without
   * an error, so larger ones are refused here, aloud.
   */
  readonly maxGossipBytes: number;
  /** Bytes queued towards one peer's gossip stream. A peer that stalls this long is cut, not fed. */
  readonly maxGossipQueueBytes: number;
  /** A verdict that takes longer is `ignore`; gossip must not pile up behind a busy executor. */
  readonly gossipValidationMs: number;
  /** Messages whose verdict is awaited, all topics together; above it new ones are ignored. */
  readonly maxGossipValidations: number;
  /** The same for one peer, so that one cannot use up the others' share. */
  readonly maxGossipValidationsPerPeer: number;
  /**
   * Bytes of messages that handlers have not finished with, also after their verdict was no longer awaited: behind an
   * executor that is busy for a minute a flood of large ones would fill the memory. In all, and of one peer.
   */
  readonly maxGossipBytesHeld: number;
  readonly maxGossipBytesHeldPerPeer: number;
  /**
   * Gossiped messages of one peer a second that are looked at, and how many may come at once. A validator hears four
   * votes and a proposal a height and member, and transactions in batches: a hundred validators stay below a tenth.
   */
  readonly gossipPerSecond: number;
  readonly gossipBurst: number;
  /** Time from connection to a matching status: two tries of five seconds each, and some. */
  readonly handshakeMs: number;
  /** Time for one dial. */
  readonly dialMs: number;
  /** Backoff of redials: first wait, largest wait. 5 s keeps recovery after a restart well below 20 s. */
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
  /** Bootstrap peers are dialed, and peers asked for other peers, while there are fewer peers than this. */
  readonly enoughPeers: number;
  /** Addresses heard of and not yet tried. */
  readonly maxLearnedAddresses: number;
  /** Score at which a peer is cut off. */
  readonly banScore: number;
  /** Score forgiven a minute. */
  readonly forgivenPerMinute: number;
  /** A ban ends after this long: keys are free, so a longer one would only hurt the repentant. */
  readonly banMs: number;
  /** The same for a peer that the operator named: long enough to stop a storm, short enough to heal by itself. */
  readonly persistentBanMs: number;
  /** Peers whose score is remembered. */
  readonly maxScoredPeers: number;
  /** Period of housekeeping: statuses are exchanged, dead gossip streams and silent peers are cut. */
  readonly maintenanceMs: number;
  /** A peer that answers no status this often in a row has gone without saying so. */
  readonly maxMissedStatuses: number;
  /** Least time between two head announcements. A status costs both sides about 2 ms; proposals tell heads sooner. */
  readonly headAnnounceMs: number;
}

const MiB = 1024 * 1024;

export const defaultNetworkLimits: NetworkLimits = {
  maxConnections: 64,
  maxInbound: 48,
  maxInboundPerHost: 8,
  maxConnectionsPerPeer: 2,
  inboundPerSecond: 50,
  maxPendingInbound: 32,
  maxGossipBytes: MiB + 16 * 1024,
  maxGossipQueueBytes: 16 * MiB,
  gossipValidationMs: 10_000,
  maxGossipValidations: 1_024,
  maxGossipValidationsPerPeer: 256,
  maxGossipBytesHeld: 128 * MiB,
  maxGossipBytesHeldPerPeer: 16 * MiB,
  gossipPerSecond: 2_000,
  gossipBurst: 10_000,
  handshakeMs: 15_000,
  dialMs: 10_000,
  redialMinMs: 100,
  redialMaxMs: 5_000,
  enoughPeers: 8,
  maxLearnedAddresses: 128,
  banScore: 100,
  forgivenPerMinute: 10,
  banMs: 10 * 60_000,
  persistentBanMs: 30_000,
  maxScoredPeers: 1_024,
  maintenanceMs: 5_000,
  maxMissedStatuses: 3,
  headAnnounceMs: 5_000,
};
