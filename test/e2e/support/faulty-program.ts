/** What the programs of faulty nodes have in common: `PROGRAM start --home DIR`, a node like any other but for its executor. */
import { startNode } from '../../../node/assemble.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { createLog } from '../../../node/log.ts';

/** Runs the node until it is told to stop or stops by itself, and ends the process with 0 or 1. */
export async function runFaultyNode(executorEntry: URL): Promise<never> {
  const home = process.argv[4];
  if (home === undefined) throw new Error('usage: PROGRAM start --home DIR');
  const config = loadConfig({ home });
  const stop = new AbortController();
  process.on('message', () => stop.abort());
  process.once('disconnect', () => stop.abort());
  const log = createLog({
    ...config.log,
    nowMs: Date.now,
    write: (line) => process.stdout.write(`${line}\n`),
  });
  const node = await startNode(config, {
    log,
    signal: stop.signal,
    executorEntry,
  });
  process.send?.({ type: 'ready', rpcPort: node.rpcPort, p2pPort: node.p2pPort });
  process.exit(
    await node.stopped.then(
      () => 0,
      () => 1,
    ),
  );
}
