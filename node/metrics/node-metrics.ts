/** The node's numbers. One scrape asks the executor once; everything else is read where it lies. */
import { statfsSync } from 'node:fs';
import type { Address, CommitCertificate, ValidatorSet } from '../../consensus/types.ts';
import type { ExecutorCounts } from '../executor-thread/protocol.ts';
import type { ConsensusWatch, ValidatorStatus } from '../validator/ports.ts';
import { createConsensusWatch } from './consensus-watch.ts';
import { createLagMeter, watchCollector } from './lag.ts';
import { createRegistry, type Registry } from './registry.ts';
import { createSigningCounts, type SigningCounts } from './signing-counts.ts';

export interface MetricSources {
  executorCounts: () => Promise<ExecutorCounts>;
  validatorStatus: () => ValidatorStatus;
  /** Members of the set that votes now, and whether this node is one of them. */
  validators: () => { count: number; power: number };
  peers: () => readonly { readonly direction: 'inbound' | 'outbound' }[];
  /** Bytes of messages by kind. */
  traffic: () => readonly { readonly type: string; readonly received: number; readonly sent: number }[];
  /** Bytes on the wire: a row for each peer that the operator named, one for all others. */
  peerBytes: () => readonly { readonly peer: string; readonly received: number; readonly sent: number }[];
  /** What waits inside this thread, by name. */
  waiting: () => Readonly<Record<string, number>>;
  /** Calls of this thread that another one has not answered yet. */
  queues: () => Readonly<Record<string, number>>;
  /** Operator's account of this node's consensus key. */
  self: () => Address | undefined;
  /** Seconds that the main thread has spent on signatures. */
  blsSeconds: () => number;
  /** Whose disk is measured. */
  dataDir: string;
}

interface Commit {
  readonly certificate: CommitCertificate;
  /** The set that voted. */
  readonly set: ValidatorSet;
}

export interface NodeMetrics {
  /** A block was committed in `round`. */
  committed(round: number, timestampMs: number, by: Commit): void;
  /** For the validator. */
  readonly watch: ConsensusWatch;
  render(): Promise<string>;
  stop(): void;
}

export function createNodeMetrics(sources: MetricSources): NodeMetrics {
  const registry = createRegistry('openledger');
  const lag = createLagMeter();
  let counts: ExecutorCounts | undefined;
  let extraRounds = 0;
  let lastTimestampMs = 0;
  const signing = createSigningCounts(sources.self);

  const fromExecutor = (read: (c: ExecutorCounts) => number) => () =>
    counts === undefined ? 0 : read(counts);
  registry.measure(
    'consensus_height',
    'gauge',
    'Height being decided.',
    () => sources.validatorStatus().height,
  );
  registry.measure(
    'consensus_latest_block_height',
    'gauge',
    'Height of the head.',
    () => sources.validatorStatus().headHeight,
  );
  registry.measure(
    'consensus_rounds',
    'gauge',
    'Round of the height being decided.',
    () => sources.validatorStatus().round,
  );
  registry.measure(
    'consensus_extra_rounds_total',
    'counter',
    'Rounds beyond the first that heights have taken.',
    () => extraRounds,
  );
  registry.measure('consensus_voting', 'gauge', '1 while this node votes.', () =>
    sources.validatorStatus().voting ? 1 : 0,
  );
  registry.measure(
    'consensus_validators',
    'gauge',
    'Members of the validator set.',
    () => sources.validators().count,
  );
  registry.measure(
    'consensus_validators_power',
    'gauge',
    'Voting power of the set.',
    () => sources.validators().power,
  );
  registry.measure(
    'consensus_num_txs',
    'gauge',
    'Transactions in the last block.',
    fromExecutor((c) => c.lastBlockTransactions),
  );
  registry.measure(
    'consensus_total_txs',
    'counter',
    'Transactions in the blocks committed since the start.',
    fromExecutor((c) => c.totalTransactions),
  );
  registry.measure(
    'consensus_block_size_bytes',
    'gauge',
    'Bytes of the last block.',
    fromExecutor((c) => c.lastBlockBytes),
  );
  registry.measure('blocksync_syncing', 'gauge', '1 while this node catches up.', () =>
    sources.validatorStatus().syncingTo === undefined ? 0 : 1,
  );
  registry.measure(
    'statesync_syncing',
    'gauge',
    '1 while a snapshot is fetched: before this page is served, so that it is always 0 here.',
    () => 0,
  );
  registry.tally(
    'state_block_processing_time',
    'Milliseconds, as CometBFT has it, to execute a block.',
    () => counts?.executeMs,
  );
  registry.tally(
    'mempool_tx_size_bytes',
    'Sizes of the transactions that the pool took.',
    () => counts?.sizes,
  );
  registry.measure(
    'mempool_recheck_times',
    'counter',
    'Transactions of the pool that were looked at again after a block.',
    fromExecutor((c) => c.rechecked),
  );
  registry.measure(
    'state_block_processing_seconds',
    'gauge',
    'Time to execute the last block.',
    fromExecutor((c) => c.lastExecuteSeconds),
  );
  registry.measure(
    'state_block_commit_seconds',
    'gauge',
    'Time to store the last block.',
    fromExecutor((c) => c.lastCommitSeconds),
  );
  registry.measure(
    'attestation_open_subjects',
    'gauge',
    'Subjects that validators attest, or whose object is not published yet.',
    fromExecutor((c) => c.openSubjects),
  );
  registry.measure(
    'attestation_waiting',
    'gauge',
    'Attestations that wait for a block.',
    fromExecutor((c) => c.waitingAttestations),
  );
  registry.measure(
    'mempool_size',
    'gauge',
    'Executable transactions in the pool.',
    fromExecutor((c) => c.pending),
  );
  registry.measure(
    'mempool_queued',
    'gauge',
    'Transactions that wait for a lower nonce or for funds.',
    fromExecutor((c) => c.queued),
  );
  registry.measure(
    'mempool_held',
    'gauge',
    'Executable transactions that wait for bytes or an attribution.',
    fromExecutor((c) => c.held),
  );
  registry.measure(
    'mempool_size_bytes',
    'gauge',
    'Bytes of the transactions in the pool.',
    fromExecutor((c) => c.bytes),
  );
  registry.measure(
    'mempool_failed_txs',
    'counter',
    'Transactions that the pool refused.',
    fromExecutor((c) => c.refused),
  );
  registry.measure('p2p_peers', 'gauge', 'Connected peers by who dialed.', () => {
    const peers = sources.peers();
    return (['inbound', 'outbound'] as const).map((direction) => ({
      labels: { direction },
      value: peers.filter((peer) => peer.direction === direction).length,
    }));
  });
  for (const [name, direction, help] of [
    ['p2p_message_receive_bytes_total', 'received', 'Bytes of messages received, by topic or protocol.'],
    ['p2p_message_send_bytes_total', 'sent', 'Bytes of messages sent.'],
  ] as const)
    registry.measure(name, 'counter', help, () =>
      sources.traffic().map((one) => ({ labels: { message_type: one.type }, value: one[direction] })),
    );
  registry.measure(
    'event_loop_lag_seconds',
    'gauge',
    'How late the main thread runs, since the last scrape.',
    () => {
      const { p50, p99, max } = lag.read();
      return [
        { labels: { quantile: '0.5' }, value: p50 },
        { labels: { quantile: '0.99' }, value: p99 },
        { labels: { quantile: '1' }, value: max },
      ];
    },
  );
  registry.measure(
    'event_loop_active_seconds_total',
    'counter',
    'Time that the main thread was not idle.',
    () => performance.eventLoopUtilization().active / 1000,
  );
  registry.measure('process_memory_bytes', 'gauge', 'Memory of the process by kind.', () => {
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return Object.entries({ rss, heapUsed, external, arrayBuffers }).map(([kind, value]) => ({
      labels: { kind },
      value,
    }));
  });
  const interval = registry.histogram(
    'consensus_block_interval_seconds',
    'Time between the timestamps of two blocks.',
    [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10],
  );

  const { observe: observePause } = registry.histogram(
    'gc_pause_seconds',
    'Pauses of the main thread for collecting garbage.',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
  );
  const pauses = watchCollector(observePause);
  measureConsensus(registry, sources, signing);
  const watch = createConsensusWatch(registry);
  registry.measure('thread_queue_length', 'gauge', 'Calls to a thread that wait for its answer.', () =>
    Object.entries(sources.queues()).map(([thread, value]) => ({ labels: { thread }, value })),
  );
  registry.measure('queue_length', 'gauge', 'Work that waits inside the main thread.', () =>
    Object.entries(sources.waiting()).map(([queue, value]) => ({ labels: { queue }, value })),
  );
  for (const [name, direction, help] of [
    [
      'p2p_peer_receive_bytes_total',
      'received',
      'Bytes received from a peer that the settings name; others together.',
    ],
    ['p2p_peer_send_bytes_total', 'sent', 'Bytes sent to it.'],
  ] as const)
    registry.measure(name, 'counter', help, () =>
      sources.peerBytes().map((one) => ({ labels: { peer_id: one.peer }, value: one[direction] })),
    );
  registry.measure('bls_seconds_total', 'counter', 'Time spent on signatures of validators.', () => [
    { labels: { thread: 'main' }, value: sources.blsSeconds() },
    { labels: { thread: 'executor' }, value: counts?.blsSeconds ?? 0 },
  ]);
  registry.measure('disk_free_bytes', 'gauge', 'Free on the disk of the data folder.', () => {
    const { bavail, bsize } = statfsSync(sources.dataDir);
    return bavail * bsize;
  });

  return {
    watch,
    committed(round, timestampMs, by) {
      extraRounds += round;
      signing.committed(by);
      if (lastTimestampMs !== 0) interval.observe((timestampMs - lastTimestampMs) / 1000);
      lastTimestampMs = timestampMs;
    },
    async render() {
      counts = await sources.executorCounts();
      return registry.render();
    },
    stop() {
      lag.stop();
      pauses.stop();
    },
  };
}

/** Who signed the last block, and where this node is in the next. */
function measureConsensus(registry: Registry, sources: MetricSources, signing: SigningCounts): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    registry.measure(name, 'gauge', help, read);
  registry.measure('consensus_step', 'gauge', '1 for the step that the round is in.', () => {
    const { step } = sources.validatorStatus();
    return STEPS.map((name) => ({ labels: { step: name }, value: name === step ? 1 : 0 }));
  });
  gauge('consensus_missing_validators', 'Members whose signature the last block lacks.', () =>
    signing.missing(),
  );
  gauge('consensus_missing_validators_power', 'Their voting power.', () => signing.missingPower());
  gauge('consensus_validator_power', "Voting power of this node's key; 0: not a member.", () =>
    signing.ownPower(),
  );
  gauge('consensus_validator_last_signed_height', 'Last block that carries a signature of the key.', () =>
    signing.lastSignedHeight(),
  );
  registry.measure(
    'consensus_validator_missed_blocks',
    'counter',
    'Blocks since the start that lack the signature of the key while it was a member.',
    () => signing.missedBlocks(),
  );
}

const STEPS = ['newRound', 'propose', 'prevote', 'precommit', 'commit'] as const;
