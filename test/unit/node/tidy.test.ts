import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../conformance/state/fixtures.ts';

describe('a thread that has gone quiet', () => {
  // By itself V8 takes some 25 s.
  it.each([
    ['at once', 0],
    ['after its first collection', 150],
  ])(
    'gives back what it held at the height of its work and let go of %s',
    async (_, lateMs) => {
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
         // Some of each page stays.
         globalThis.some = kept.filter((_, i) => i % 100 === 0);
         const high = held();
         const stop = collectWhenQuiet({ everyMs: 100, growthBytes: 8 << 20 });
         setTimeout(() => { kept = undefined; }, ${lateMs});
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
    },
    10_000,
  );
});
