import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import type { ExecutorCounts } from '../../../node/executor-thread/protocol.ts';
import { createLagMeter } from '../../../node/metrics/lag.ts';
import { createNodeMetrics } from '../../../node/metrics/node-metrics.ts';
import { createRegistry } from '../../../node/metrics/registry.ts';
import type { ValidatorStatus } from '../../../node/validator/ports.ts';

/** What CometBFT's documentation lists and operators' charts ask for (docs/core/metrics.md there). */
const COMETBFT = [
  ...[
    'height',
    'rounds',
    'round_duration_seconds',
    'step_duration_seconds',
    'validators',
    'validators_power',
  ],
  ...['validator_power', 'validator_last_signed_height', 'validator_missed_blocks', 'missing_validators'],
  ...[
    'missing_validators_power',
    'byzantine_validators',
    'byzantine_validators_power',
    'num_txs',
    'total_txs',
  ],
  ...['block_interval_seconds', 'block_size_bytes', 'latest_block_height', 'quorum_prevote_delay'],
  ...['full_prevote_delay', 'proposal_receive_count', 'proposal_create_count', 'late_votes'],
  ...['round_voting_power_percent'],
]
  .map((name) => `consensus_${name}`)
  .concat(
    ['blocksync_syncing', 'statesync_syncing', 'state_block_processing_time'],
    ['peers', 'peer_receive_bytes_total', 'peer_send_bytes_total', 'message_receive_bytes_total'].map(
      (name) => `p2p_${name}`,
    ),
    ['size', 'tx_size_bytes', 'failed_txs', 'recheck_times'].map((name) => `mempool_${name}`),
  );

describe('metrics', () => {
  it('are written as Prometheus reads them', () => {
    const registry = createRegistry('openledger');
    let height = 1;
    registry.measure('consensus_height', 'gauge', 'Height of the head.', () => height);
    registry.measure('p2p_peers', 'gauge', 'Peers\nby direction.', () => [
      { labels: { direction: 'in"bound\\' }, value: 2 },
    ]);
    const interval = registry.histogram('consensus_block_interval_seconds', 'Time between blocks.', [0.5, 1]);
    for (const value of [0.1, 0.5, 0.7, 9, Number.NaN]) interval.observe(value);
    height = 7;
    expect(registry.render()).toBe(
      [
        '# HELP openledger_consensus_height Height of the head.',
        '# TYPE openledger_consensus_height gauge',
        'openledger_consensus_height 7',
        '# HELP openledger_p2p_peers Peers\\nby direction.',
        '# TYPE openledger_p2p_peers gauge',
        'openledger_p2p_peers{direction="in\\"bound\\\\"} 2',
        '# HELP openledger_consensus_block_interval_seconds Time between blocks.',
        '# TYPE openledger_consensus_block_interval_seconds histogram',
        'openledger_consensus_block_interval_seconds_bucket{le="0.5"} 2',
        'openledger_consensus_block_interval_seconds_bucket{le="1"} 3',
        'openledger_consensus_block_interval_seconds_bucket{le="+Inf"} 4',
        'openledger_consensus_block_interval_seconds_sum 10.3',
        'openledger_consensus_block_interval_seconds_count 4',
        '',
      ].join('\n'),
    );
  });

  it('refuse names that Prometheus would', () => {
    expect(() => createRegistry('openledger').measure('Höhe', 'gauge', '', () => 1)).toThrow();
  });

  it('have the names that charts of CometBFT ask for, and count who signed', async () => {
    const address = (byte: string) => `0x${byte.repeat(20)}` as const;
    const set = createValidatorSet(
      ['0a', '0b', '0c'].map((byte, i) => ({
        address: address(byte),
        blsPublicKey: new Uint8Array(48).fill(i + 1),
        power: BigInt(i + 1),
        recipient: address(byte),
        priority: 0n,
      })),
    );
    const metrics = createNodeMetrics({
      executorCounts: async () =>
        new Proxy({} as ExecutorCounts, {
          get: (_, name) =>
            name === 'then'
              ? undefined
              : name === 'sizes' || name === 'executeMs'
                ? { bounds: [1, 2], counts: [4, 0, 1], sum: 13 }
                : 0,
        }),
      validatorStatus: () =>
        ({ height: 4, round: 1, step: 'prevote', headHeight: 3, voting: true }) as ValidatorStatus,
      validators: () => ({ count: 3, power: 6 }),
      peers: () => [{ direction: 'inbound' }],
      queues: () => ({ executor: 2 }),
      waiting: () => ({ gossip: 3 }),
      peerBytes: () => [{ peer: 'other', received: 5, sent: 6 }],
      self: () => address('0b'),
      traffic: () => [{ type: 'votes', received: 7, sent: 9 }],
      blsSeconds: () => 1.5,
      dataDir: tmpdir(),
    });
    const block = (height: number, bits: number) =>
      metrics.committed(0, height * 1_000, {
        set,
        certificate: {
          height: asHeight(height),
          round: asRound(0),
          blockHash: `0x${'11'.repeat(32)}`,
          bitmap: Uint8Array.of(bits),
          signature: new Uint8Array(96),
        },
      });
    block(2, 0b110);
    block(3, 0b101);
    const text = await metrics.render();
    metrics.stop();
    const value = (name: string) => Number(new RegExp(`^openledger_${name} (\\S+)$`, 'm').exec(text)?.[1]);
    expect(value('consensus_missing_validators')).toBe(1);
    expect(value('consensus_missing_validators_power')).toBe(2);
    expect(value('consensus_validator_power')).toBe(2);
    expect(value('consensus_validator_last_signed_height')).toBe(2);
    expect(value('consensus_validator_missed_blocks')).toBe(1);
    expect(value('bls_seconds_total\\{thread="main"\\}')).toBe(1.5);
    expect(value('p2p_message_receive_bytes_total\\{message_type="votes"\\}')).toBe(7);
    expect(value('p2p_message_send_bytes_total\\{message_type="votes"\\}')).toBe(9);
    expect(value('disk_free_bytes')).toBeGreaterThan(0);
    expect(text).toContain('openledger_consensus_step{step="prevote"} 1');
    expect(text).toContain('openledger_thread_queue_length{thread="executor"} 2');
    expect(text).toContain('openledger_queue_length{queue="gossip"} 3');
    expect(text).toContain('openledger_p2p_peer_receive_bytes_total{peer_id="other"} 5');
    expect(text).toContain('openledger_mempool_tx_size_bytes_bucket{le="+Inf"} 5');
    for (const name of COMETBFT) expect(text, name).toContain(`# TYPE openledger_${name} `);
    // The chart that comes with the node asks for nothing that the node does not tell.
    const chart = readFileSync(new URL('../../../deploy/grafana.json', import.meta.url), 'utf8');
    const asked = new Set(chart.match(/openledger_[a-z0-9_]+/g));
    expect(asked.size).toBeGreaterThan(40);
    const told = (name: string) => text.includes(`# TYPE ${name} `);
    for (const name of asked)
      expect(told(name) || told(name.replace(/_(bucket|sum|count)$/, '')), name).toBe(true);
  });

  it('tell how late the event loop runs', () => {
    const meter = createLagMeter();
    expect(meter.read()).toMatchObject({ p50: expect.any(Number), p99: expect.any(Number) });
    meter.stop();
  });
});
