import { parseTransaction } from 'viem';
import { expect, it } from 'vitest';
import { type Client, type Hex, RpcFailure } from '../../e2e/support/client.ts';
import { startLoad } from '../../networks/load.ts';

const KEY: Hex = `0x${'11'.repeat(32)}`;
/** What is wrong on purpose, by the value that it would send. */
const WRONG: ReadonlyMap<bigint, string> = new Map([
  [2n, 'nonce too low'],
  [10n ** 30n, 'insufficient funds'],
  [3n, 'transaction underpriced'],
]);

/** A node that has everything in a block at once. */
function healthy(): Client {
  return {
    async call<T>(method: string, param?: unknown): Promise<T> {
      if (method !== 'eth_sendRawTransaction') return {} as T;
      const wrong = WRONG.get(parseTransaction(param as Hex).value ?? 0n);
      if (wrong !== undefined) throw new RpcFailure(-32000, wrong, undefined);
      return '0x' as T;
    },
    until: async <T>(ask: () => Promise<T | undefined | null>) => (await ask()) as T,
    untilHead: () => Promise.reject(new Error('is not asked')),
    close: () => {},
  };
}

function ending(): Client {
  const lost = () => Promise.reject(new Error('the connection is closed'));
  return { call: lost, until: lost, untilHead: lost, close: () => {} };
}

it('people wait while the only node ends and starts again', { timeout: 20_000 }, async () => {
  const began = performance.now();
  const running = (): readonly Client[] => {
    const ms = performance.now() - began;
    if (ms < 200) return [ending()];
    return ms < 800 ? [] : [healthy()];
  };
  const load = startLoad({
    keys: [KEY],
    inFlight: 2,
    kinds: ['transfer'],
    chainId: 1,
    clients: running,
  });
  const report = await load.stop();
  expect(report.problems).toEqual([]);
  expect(report.accepted).toHaveLength(2);
  expect([...report.refused.keys()]).toEqual(['nonce too low']);
});
