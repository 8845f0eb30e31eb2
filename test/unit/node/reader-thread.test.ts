import { expect, it } from 'vitest';
import { DEVNET_PARAMS } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import { startReaderThread } from '../../../node/reader-thread/client.ts';

/** Says that it begins, and then computes for ever. */
const ENDLESS = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { workerData } from 'node:worker_threads';
    workerData.port.on('message', ({ id }) => {
      workerData.port.postMessage({ k: 'call', id, name: 'attribute', request: {} });
      for (;;);
    });
  `)}`,
);

it('a call that is ended really stops computing, and its answer fails', async () => {
  const genesis = createGenesis({ params: DEVNET_PARAMS, validators: [], balances: new Map(), timestamp: 0 });
  let begun = (): void => {};
  const beginning = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const thread = startReaderThread(
    { lane: 'call', genesis, chainDir: '', dataDir: '' },
    {
      attribute: () => {
        begun();
        throw new Error('asked only to know that it began');
      },
      infer: () => {
        throw new Error('not asked');
      },
    },
    ENDLESS,
  );
  const answer = thread.answer('eth_call', []).then(
    () => 'answered',
    ({ code }) => code,
  );
  await beginning;
  await thread.end();
  expect(await answer).toBe('THREAD_CLOSED');
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { user, system } = process.cpuUsage(before);
  // Microseconds: an endless loop would use some 300,000 of them, or its share of a busy machine.
  expect(user + system).toBeLessThan(100_000);
});
