/** TCP ports of this machine. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux (from 32,768), macOS and Windows (from 49,152) hand out themselves. A node that is down for
 * a while would find one of those taken by anybody's outgoing connection.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;
/** So many in a row are taken only on a machine that has none left. */
const MAX_TRIES = 1_000;

/**
 * `count` ports that are free on 127.0.0.1, drawn at random, so that two networks that start at the same time find
 * others. All are held until the last is known, so that they differ; between this and their use somebody else may take
 * one, which their user then reports.
 * @throws Error when none is left
 */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Awaited<ReturnType<typeof listen>>>();
  try {
    for (let tries = 0; held.size < count; tries++) {
      if (tries === MAX_TRIES) throw new Error(`no port from ${FIRST_PORT} to ${LAST_PORT} is free`);
      const port = randomInt(FIRST_PORT, LAST_PORT + 1);
      const server = await listen(port).catch(() => undefined);
      if (server !== undefined) held.set(port, server);
    }
    return [...held.keys()];
  } finally {
    await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Whether `port` can be listened on at 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listen(port);
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
