/** Real nodes in one process, on loopback, on ports that the kernel chooses. */
import { createNetwork } from '../../../node/network/network.ts';
import type { Clock, Network, NetworkOptions, PeerEvent } from '../../../node/network/types.ts';

export const realClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export const GENESIS = `0x${'11'.repeat(32)}` as const;
export const OTHER_GENESIS = `0x${'22'.repeat(32)}` as const;
const ZERO = `0x${'00'.repeat(32)}` as const;

export interface LogLine {
  level: string;
  message: string;
  fields: Record<string, unknown>;
}

let seeds = 0;
export function nextSeed(): Uint8Array {
  seeds += 1;
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, seeds);
  return seed;
}

export interface TestNode {
  network: Network;
  logs: LogLine[];
  address: string;
}

/** Starts nodes and stops them all, also when a test fails. */
export function createCluster() {
  const running = new Set<Network>();
  async function node(options: Partial<NetworkOptions> & { height?: number } = {}): Promise<TestNode> {
    const logs: LogLine[] = [];
    const { height = 0, ...rest } = options;
    const network = await createNetwork({
      privateKey: nextSeed(),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [],
      persistentPeers: [],
      genesisHash: GENESIS,
      head: () => ({ height, hash: ZERO }),
      env: {
        clock: realClock,
        random: { int: (below) => Math.floor(Math.random() * below) },
        log: (level, message, fields = {}) => logs.push({ level, message, fields }),
      },
      ...rest,
    });
    running.add(network);
    return { network, logs, address: '' };
  }
  return {
    /** Built but not started: for handlers that must be there first. */
    prepare: node,
    async start(options: Parameters<typeof node>[0] = {}): Promise<TestNode> {
      const created = await node(options);
      await created.network.start();
      created.address = created.network.addresses()[0] ?? '';
      return created;
    },
    async stopAll(): Promise<void> {
      await Promise.all([...running].map((n) => n.stop()));
      running.clear();
    },
  };
}

/** Resolves with the first event that matches; `setUp` runs once the listener is there. */
export function peerEvent(network: Network, type: PeerEvent['type'], peer?: string): Promise<PeerEvent> {
  return new Promise((resolve) => {
    const stop = network.onPeer((event) => {
      if (event.type === type && (!peer || event.peer === peer)) {
        stop();
        resolve(event);
      }
    });
  });
}

/** Publishes fresh copies until the predicate holds: a mesh needs a moment to form after two nodes have met. */
export async function untilTrue(check: () => boolean, act: () => void = () => {}): Promise<void> {
  while (!check()) {
    act();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
