/**
 * Wires between nodes that a test can cut without being root: a TCP proxy in this process for each direction in which
 * one node dials another.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { LinkFault } from './manifest.ts';

type State = 'whole' | LinkFault;

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export interface Link {
  readonly from: string;
  readonly to: string;
  /** Where `from` dials instead of the port of `to`. */
  readonly port: number;
  set(state: State): void;
  close(): void;
}

/** A wire from node `from` to the port on which node `to` listens. */
export async function createLink(from: string, to: string, targetPort: number): Promise<Link> {
  let state: State = 'whole';
  const pairs = new Set<Pair>();
  const server: Server = createServer({ pauseOnConnect: true }, (near) => {
    near.on('error', () => {});
    if (state === 'cut') {
      near.destroy();
      return;
    }
    const far = dial({ host: '127.0.0.1', port: targetPort });
    const pair: Pair = { near, far };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    far.on('error', end);
    near.on('close', end);
    far.on('close', end);
    carry(near, far);
    carry(far, near);
    if (state === 'whole') near.resume();
    else far.pause();
  });
  /** Bytes go on only while the wire is whole; what the sockets hold waits. */
  function carry(source: Socket, target: Socket): void {
    source.on('data', (bytes) => {
      if (!target.write(bytes)) source.pause();
    });
    target.on('drain', () => {
      if (state === 'whole') source.resume();
    });
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, resolve);
  });
  return {
    from,
    to,
    port: (server.address() as { port: number }).port,
    set(next) {
      state = next;
      for (const { near, far } of [...pairs]) {
        if (next === 'cut') {
          near.destroy();
          far.destroy();
        } else if (next === 'silence') {
          near.pause();
          far.pause();
        } else {
          near.resume();
          far.resume();
        }
      }
    },
    close() {
      server.close();
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
    },
  };
}
