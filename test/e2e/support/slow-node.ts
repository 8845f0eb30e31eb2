/**
 * `slow-node start --home DIR`: a node like any other that serves artifacts slowly, and the last record of each only
 * once the file `DIR/serve` exists. Part of the tests only; nothing of the program refers to it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ArtifactStore } from '../../../node/artifacts/types.ts';
import { startNode } from '../../../node/assemble.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { createLog } from '../../../node/log.ts';

/** A hundred records take longer than the propose timeout of a round. */
const RECORD_DELAY_MS = 20;

const home = process.argv[4];
if (home === undefined) throw new Error('usage: slow-node start --home DIR');
const mayFinish = (): boolean => existsSync(join(home, 'serve'));
const delay = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, RECORD_DELAY_MS));

const slow = (store: ArtifactStore): ArtifactStore => ({
  ...store,
  async *stream(root, from = 0) {
    let left = store.leafHashes(root).length - from;
    for await (const leaf of store.stream(root, from)) {
      left -= 1;
      do await delay();
      while (left === 0 && !mayFinish());
      yield leaf;
    }
  },
});

const config = loadConfig({ home });
const stop = new AbortController();
process.on('message', () => stop.abort());
process.once('disconnect', () => stop.abort());
const log = createLog({ ...config.log, nowMs: Date.now, write: (line) => process.stdout.write(`${line}\n`) });
const node = await startNode(config, { log, signal: stop.signal, wrapArtifacts: slow });
process.send?.({ type: 'ready', rpcPort: node.rpcPort, p2pPort: node.p2pPort });
process.exit(
  await node.stopped.then(
    () => 0,
    () => 1,
  ),
);
