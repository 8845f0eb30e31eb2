/** A peer that speaks libp2p but not our manners: raw streams, garbage, silence. */
import '../../../node/network/polyfill.ts';
import type { Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkLimits } from '../../../node/network/limits.ts';
import { loadLibraries } from '../../../node/network/network.ts';
import { encodeStatus } from '../../../node/network/status.ts';
import type { ProtocolSpec } from '../../../node/network/types.ts';
import { createCluster, GENESIS, peerEvent, type TestNode, untilTrue } from './support.ts';

const cluster = createCluster();
const strangers: Libp2p[] = [];
afterEach(async () => {
  await Promise.all(strangers.splice(0).map((s) => s.stop()));
  await cluster.stopAll();
});

const spec: ProtocolSpec = {
  name: 'test',
  version: 1,
  maxRequestBytes: 100,
  maxFrameBytes: 1000,
  maxResponseBytes: 1000,
  maxConcurrent: 4,
  maxConcurrentPerPeer: 2,
  requestsPerSecond: 1000,
  burst: 1000,
  maxBytesInFlight: 10_000,
  idleTimeoutMs: 200,
  totalTimeoutMs: 1_000,
};
const WIRE = `/ol/${GENESIS.slice(2)}/test/1`;

async function stranger(answerStatus = true): Promise<Libp2p> {
  const { createLibp2p, tcp, noise, yamux } = await loadLibraries();
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  strangers.push(node);
  if (answerStatus)
    await node.handle('/ol/status/1', async (stream) => {
      const status = encodeStatus({
        genesisHash: GENESIS,
        head: { height: 1, hash: `0x${'00'.repeat(32)}` },
        addresses: [],
      });
      const data = Buffer.alloc(5);
      data.writeUInt32BE(status.length + 1);
      stream.send(Buffer.concat([data, status, Buffer.from([0, 0, 0, 1, 1])]));
      await stream.close();
    });
  return node;
}

let served: number;
async function victim(limits: Partial<NetworkLimits> = {}): Promise<TestNode> {
  const node = await cluster.prepare({ limits });
  node.network.handle(spec, async ({ payload }) => {
    served += 1;
    return payload;
  });
  await node.network.start();
  return { ...node, address: node.network.addresses()[0]! };
}
beforeEach(() => {
  served = 0;
});

/** Everything the peer answers until it closes or resets the stream. */
async function readAll(stream: Stream): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    // The stream's own iterator would miss an end that came before it was asked.
    stream.addEventListener('message', (event) => {
      const { data } = event;
      parts.push(data instanceof Uint8Array ? data : data.subarray());
    });
    for (const type of ['end', 'close'] as const) stream.addEventListener(type, () => resolve());
    if (stream.readableEnded || stream.status !== 'open') resolve();
  });
  return Buffer.concat(parts);
}

describe('a hostile peer', () => {
  it('that shows no status is disconnected', async () => {
    const node = await victim({ handshakeMs: 100 });
    const silent = await stranger(false);
    await silent.handle('/ol/status/1', () => {});
    const closed = new Promise((resolve) => silent.addEventListener('peer:disconnect', resolve));
    await silent.dial(multiaddr(node.address));
    await closed;
    expect(node.network.peers()).toEqual([]);
  });

  it('that is no node of this kind is disconnected at once', async () => {
    const node = await victim();
    const other = await stranger(false);
    const closed = new Promise((resolve) => other.addEventListener('peer:disconnect', resolve));
    await other.dial(multiaddr(node.address));
    await closed;
  });

  it('that sends garbage for requests is never served, and the node serves others as before', async () => {
    const node = await victim();
    const honest = await cluster.start();
    await honest.network.dial(node.address);
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        // What is by chance a well-formed request of at most 100 bytes is not garbage.
        const length = bytes.length >= 4 ? Buffer.from(bytes).readUInt32BE(0) : -1;
        fc.pre(!(length >= 1 && length <= 101 && bytes[4] === 0 && bytes.length >= 4 + length));
        tried += 1;
        // Five strikes and a key is banned, so each attempt comes with a new one.
        const attacker = await stranger();
        const stream = await attacker.dialProtocol(multiaddr(node.address), WIRE);
        stream.send(bytes);
        await stream.close();
        await readAll(stream);
        await attacker.stop();
      }),
      { numRuns: 15, verbose: 1 },
    );
    expect(tried).toBeGreaterThan(5);
    expect(served).toBe(0);
    expect(await honest.network.request(node.network.peerId, spec, Uint8Array.of(7))).toEqual(
      Uint8Array.of(7),
    );
  });

  it('that closes streams before it asks is not punished: a node that is stopping does that', async () => {
    const node = await victim();
    const leaving = await stranger();
    const met = peerEvent(node.network, 'connected');
    await leaving.dial(multiaddr(node.address));
    await met;
    for (let i = 0; i < 3; i++) {
      const stream = await leaving.dialProtocol(multiaddr(node.address), WIRE);
      await stream.close();
      await readAll(stream);
    }
    expect(served).toBe(0);
    expect(node.network.peers().map(({ id, penalty }) => ({ id, penalty }))).toEqual([
      { id: leaving.peerId.toString(), penalty: 0 },
    ]);
  });

  it('that announces a huge frame is cut off before sending it', async () => {
    const node = await victim();
    const attacker = await stranger();
    const met = peerEvent(node.network, 'connected');
    const gone = peerEvent(node.network, 'disconnected');
    await attacker.dial(multiaddr(node.address));
    await met;
    for (let i = 0; i < 2; i++) {
      const stream = await attacker.dialProtocol(multiaddr(node.address), WIRE);
      stream.send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]));
      await readAll(stream);
    }
    await gone;
    expect(node.logs.find((l) => l.level === 'warn')).toMatchObject({ fields: { code: 'BAD_FRAME' } });
    // Coming back is refused; the dialer may only notice when its connection closes under it.
    await attacker.dial(multiaddr(node.address)).then(
      (connection) =>
        new Promise<void>((resolve) => {
          if (connection.status !== 'open') resolve();
          connection.addEventListener('close', () => resolve());
        }),
      () => undefined,
    );
    expect(node.network.peers()).toEqual([]);
  });

  it('that opens streams and says nothing does not keep them', async () => {
    const node = await victim();
    const attacker = await stranger();
    await attacker.dial(multiaddr(node.address));
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => attacker.dialProtocol(multiaddr(node.address), WIRE)),
    );
    // Those above the quota are told BUSY (2) at once, the two within it run into the idle time.
    const answers = await Promise.all(streams.map(readAll));
    const busy = Buffer.from([0, 0, 0, 2, 2, 2]);
    expect(answers.filter((answer) => answer.equals(busy))).toHaveLength(8);
    const honest = await cluster.start();
    await honest.network.dial(node.address);
    expect(await honest.network.request(node.network.peerId, spec, Uint8Array.of(1))).toEqual(
      Uint8Array.of(1),
    );
  });

  it('cannot take all connections', async () => {
    const node = await victim({ maxInbound: 3 });
    const crowd = await Promise.all(Array.from({ length: 6 }, () => stranger()));
    const results: boolean[] = [];
    for (const member of crowd)
      results.push(
        await member.dial(multiaddr(node.address)).then(
          () => true,
          () => false,
        ),
      );
    await untilTrue(() => node.network.peers().length <= 3);
    expect(node.network.peers().length).toBeGreaterThan(0);
    expect(results.slice(0, 3)).toEqual([true, true, true]);
    const own = await cluster.start();
    // The node's own dials are not taken up by the crowd.
    expect(await node.network.dial(own.address)).toBe(own.network.peerId);
  });
});

describe('gossip under load', () => {
  it('a flood does not pile up: what exceeds the quota of one peer is ignored', async () => {
    const slow = await cluster.start({ limits: { maxGossipValidationsPerPeer: 3 } });
    let total = 0;
    let active = 0;
    let mostActive = 0;
    slow.network.onGossip('tx', async () => {
      total += 1;
      active += 1;
      mostActive = Math.max(mostActive, active);
      await new Promise((resolve) => setTimeout(resolve, 5));
      active -= 1;
      return 'accept' as const;
    });
    const sender = await cluster.start();
    await sender.network.dial(slow.address);
    let n = 0;
    await untilTrue(
      () => total > 20,
      () => {
        for (let i = 0; i < 10; i++) sender.network.publish('tx', Uint8Array.of(++n >> 8, n));
      },
    );
    expect(mostActive).toBe(3);
    expect(total).toBeLessThan(n);
  });

  it('a flood of large messages is not held, however long the judge takes', async () => {
    const limits = { gossipValidationMs: 20, maxGossipBytesHeldPerPeer: 100_000 };
    const node = await cluster.start({ limits });
    const ends: (() => void)[] = [];
    node.network.onGossip('tx', async () => {
      await new Promise<void>((resolve) => ends.push(resolve));
      return 'ignore' as const;
    });
    let votes = 0;
    node.network.onGossip('votes', () => {
      votes += 1;
      return 'accept';
    });
    const sender = await cluster.start();
    await sender.network.dial(node.address);
    let n = 0;
    const large = () => Buffer.concat([Uint8Array.of(++n >> 8, n), new Uint8Array(29_998)]);
    await untilTrue(
      () => ends.length >= 3,
      () => sender.network.publish('tx', large()),
    );
    // Twenty verdicts are too late by now, and none of them made room. Short messages still pass.
    for (let i = 0; i < 20; i++) {
      sender.network.publish('tx', large());
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    await untilTrue(
      () => votes > 0,
      () => sender.network.publish('votes', Uint8Array.of(++n >> 8, n)),
    );
    expect(ends).toHaveLength(3);
    for (const end of ends.splice(0)) end();
    await untilTrue(
      () => ends.length > 0,
      () => sender.network.publish('tx', large()),
    );
    for (const end of ends) end();
  });

  it('a handler that takes too long counts as ignore', async () => {
    const node = await cluster.start({ limits: { gossipValidationMs: 50, maxGossipValidationsPerPeer: 1 } });
    let calls = 0;
    node.network.onGossip('tx', () => {
      calls += 1;
      return new Promise(() => {});
    });
    const sender = await cluster.start();
    await sender.network.dial(node.address);
    let n = 0;
    // The second call proves that the first gave its place back.
    await untilTrue(
      () => calls >= 2,
      () => sender.network.publish('tx', Uint8Array.of(++n)),
    );
  });
});

describe('a peer that falls silent', () => {
  it('is disconnected after it missed its statuses', async () => {
    const node = await cluster.start({
      limits: { maintenanceMs: 50, maxMissedStatuses: 2, handshakeMs: 60_000 },
    });
    const sleeper = await stranger(false);
    let mute = false;
    await sleeper.handle('/ol/status/1', async (stream) => {
      if (mute) {
        stream.abort(new Error('asleep'));
        return;
      }
      const status = encodeStatus({
        genesisHash: GENESIS,
        head: { height: 1, hash: `0x${'00'.repeat(32)}` },
        addresses: [],
      });
      const head = Buffer.alloc(5);
      head.writeUInt32BE(status.length + 1);
      stream.send(Buffer.concat([head, status, Buffer.from([0, 0, 0, 1, 1])]));
      await stream.close();
    });
    const met = peerEvent(node.network, 'connected');
    await sleeper.dial(multiaddr(node.address));
    await met;
    const gone = peerEvent(node.network, 'disconnected');
    mute = true;
    await gone;
    expect(node.logs.some((l) => l.message.includes('fell silent'))).toBe(true);
  });

  it('is disconnected when its gossip stream is gone, since only a new connection brings it back', async () => {
    const node = await cluster.start({ limits: { maintenanceMs: 50, handshakeMs: 300 } });
    const deaf = await stranger();
    const met = peerEvent(node.network, 'connected');
    const gone = peerEvent(node.network, 'disconnected');
    await deaf.dial(multiaddr(node.address));
    await met;
    await gone;
  });

  it('heads are told to peers when they change', async () => {
    let height = 1;
    const a = await cluster.start({
      head: () => ({ height, hash: `0x${'00'.repeat(32)}` }),
      limits: { headAnnounceMs: 10 },
    });
    const b = await cluster.start();
    await b.network.dial(a.address);
    expect(b.network.peers()[0]!.head.height).toBe(1);
    height = 2;
    a.network.announceHead();
    await untilTrue(() => b.network.peers()[0]!.head.height === 2);
  });
});
