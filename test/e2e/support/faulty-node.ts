/** `faulty-node start --home DIR`: a node like any other but for its executor. */
import { startNode } from '../../../node/assemble.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { createLog } from '../../../node/log.ts';

const home = process.argv[4];
if (home === undefined) throw new Error('usage: faulty-node start --home DIR');
const config = loadConfig({ home });
const stop = new AbortController();
process.on('message', () => stop.abort());
process.once('disconnect', () => stop.abort());
const log = createLog({ ...config.log, nowMs: Date.now, write: (line) => process.stdout.write(`${line}\n`) });
const node = await startNode(config, {
  log,
  signal: stop.signal,
  executorEntry: new URL('./faulty-executor.js', import.meta.url),
});
process.send?.({ type: 'ready', rpcPort: node.rpcPort, p2pPort: node.p2pPort });
process.exit(
  await node.stopped.then(
    () => 0,
    () => 1,
  ),
);
