import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../conformance/state/fixtures.ts';

describe('a thread that has gone quiet', () => {
  it('gives back what it held at the height of its work', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'openledger-tidy-'));
    try {
      const entry = join(folder, 'thread.mjs');
      writeFileSync(
        entry,
        `import { parentPort } from 'node:worker_threads';
         import { getHeapStatistics } from 'node:v8';
         import { collectWhenQuiet } from ${JSON.stringify(join(projectRoot(), 'dist/node/threads/tidy.js'))};
         const held = () => getHeapStatistics().total_heap_size;
         let kept = Array.from({ length: 1_500_000 }, (_, i) => ({ i, text: 'x' + i }));
         const high = held();
         kept = undefined;
         const stop = collectWhenQuiet({ everyMs: 20, growthBytes: 8 << 20 });
         const look = setInterval(() => {
           if (held() > high / 2) return;
           clearInterval(look);
           stop();
           parentPort.postMessage({ high, low: held() });
         }, 10);`,
      );
      const [{ high, low }] = await once(new Worker(entry), 'message');
      expect(low).toBeLessThan(high / 2);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
