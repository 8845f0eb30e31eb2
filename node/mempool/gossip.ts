/** Transactions between this node's pool and its peers. The executor judges; main only carries frames. */
import type { ExecutorClient } from '../executor-thread/client.ts';
import type { Log } from '../log.ts';
import type { Network } from '../network/types.ts';
import type { GossipVerdict } from '../validator/ports.ts';
import { decodeBatch } from './batch.ts';
import type { AddResult } from './types.ts';

/** Call it before `network.start()`. */
export function connectTransactions(network: Network, executor: ExecutorClient, log: Log): void {
  network.onGossip('tx', async (_from, frame): Promise<GossipVerdict> => {
    const raws = decodeBatch(frame);
    if (raws === undefined) return 'reject';
    return verdictOf(await executor.link.call('submit', { raws, origin: 'remote' }));
  });
  executor.on('broadcast', (frames) => {
    for (const frame of frames) {
      try {
        network.publish('tx', frame);
      } catch (error) {
        // They stay in the pool and are sent again while they are not included.
        log('debug', 'transactions could not be sent', { error: String(error) });
      }
    }
  });
}

/**
 * A frame with bytes that are no transaction of this chain at any height is the sender's fault. Anything else
 * (known, too cheap, a nonce that has passed) an honest peer may send; it is passed on if it brought something new.
 */
export function verdictOf(results: readonly AddResult[]): GossipVerdict {
  if (results.some((result) => !result.ok && result.code === 'INVALID')) return 'reject';
  return results.some((result) => result.ok) ? 'accept' : 'ignore';
}
