import { describe, expect, it } from 'vitest';
import { createLagMeter } from '../../../node/metrics/lag.ts';
import { createRegistry } from '../../../node/metrics/registry.ts';

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

  it('tell how late the event loop runs', () => {
    const meter = createLagMeter();
    expect(meter.read()).toMatchObject({ p50: expect.any(Number), p99: expect.any(Number) });
    meter.stop();
  });
});
