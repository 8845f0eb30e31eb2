/** Peers that take more than their share: of streams, connections, bytes, messages and questions. */
import '../../../node/network/polyfill.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { hostGroup } from '../../../node/network/hosts.ts';
import { loadLibraries } from '../../../node/network/network.ts';
import { openPeerStore } from '../../../node/network/peer-store.ts';
import { encodeStatus } from '../../../node/network/status.ts';
import type { ProtocolSpec } from '../../../node/network/types.ts';
import {
  createCluster,
  GENESIS,
  nextSeed,
  peerEvent,
  realClock,
  type TestNode,
  untilTrue,
} from './support.ts';

const cluster = createCluster();
const strangers: Libp2p[] = [];
afterEach(async () => {
  await Promise.all(strangers.splice(0).map((s) => s.stop()));
  await cluster.stopAll();
});

const spec: ProtocolSpec = {
  name: 'test',
  version: 1,
  maxRequestBytes: 10_000,
  maxFrameBytes: 10_000,
  maxResponseBytes: 10_000,
  maxConcurrent: 8,
  maxConcurrentPerPeer: 2,
  requestsPerSecond: 1,
  burst: 8,
  maxBytesInFlight: 100_000,
  idleTimeoutMs: 500,
  totalTimeoutMs: 1_000,
};
const WIRE = `/ol/${GENESIS.slice(2)}/test/1`;

/** Speaks libp2p and tells a status, and does whatever else the test says. */
async function stranger(): Promise<Libp2p> {
  const { createLibp2p, tcp, noise, yamux } = await loadLibraries();
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  strangers.push(node);
  await node.handle('/ol/status/1', async (stream) => {
    const head = { height: 1, hash: `0x${'00'.repeat(32)}` as const };
    const status = encodeStatus({ genesisHash: GENESIS, head, addresses: [] });
    const header = Buffer.alloc(5);
    header.writeUInt32BE(status.length + 1);
    stream.send(Buffer.concat([header, status, Buffer.from([0, 0, 0, 1, 1])]));
    await stream.close();
  });
  return node;
}

async function victim(options: Parameters<typeof cluster.prepare>[0] = {}): Promise<TestNode> {
  const node = await cluster.prepare(options);
  node.network.handle(spec, async ({ payload }) => payload);
  await node.network.start();
  return { ...node, address: node.network.addresses()[0]! };
}

/** The node still does for another what it did before, soon. */
async function servesOthers(node: TestNode): Promise<void> {
  const honest = await cluster.start();
  await honest.network.dial(node.address);
  const began = Date.now();
  expect(await honest.network.request(node.network.peerId, spec, Uint8Array.of(7))).toEqual(Uint8Array.of(7));
  expect(Date.now() - began).toBeLessThan(5_000);
}

describe('a peer that takes more than its share', () => {
  it('opens a thousand streams and never closes them: few are kept, others are served', async () => {
    const node = await victim();
    const attacker = await stranger();
    await attacker.dial(multiaddr(node.address));
    let opened = 0;
    let refused = 0;
    const held: Stream[] = [];
    for (let i = 0; i < 10; i++)
      await Promise.all(
        Array.from({ length: 100 }, () =>
          attacker.dialProtocol(multiaddr(node.address), WIRE).then(
            (stream) => {
              opened += 1;
              held.push(stream);
            },
            () => {
              refused += 1;
            },
          ),
        ),
      );
    expect(opened + refused).toBe(1_000);
    await servesOthers(node);
    // Nothing was asked on any of them: all are gone after the idle time.
    await untilTrue(() =>
      held.every((stream) => stream.status !== 'open' || stream.readStatus !== 'readable'),
    );
  });

  it('sends half a frame, a byte at a time: the exchange ends after its whole time, others are served', async () => {
    const node = await victim();
    const attacker = await stranger();
    await attacker.dial(multiaddr(node.address));
    const stream = await attacker.dialProtocol(multiaddr(node.address), WIRE);
    const began = Date.now();
    let ended = 0;
    stream.addEventListener('close', () => {
      ended = Date.now() - began;
    });
    const header = Buffer.alloc(5);
    header.writeUInt32BE(5_001);
    stream.send(header);
    const trickle = setInterval(() => {
      if (stream.status === 'open') stream.send(Uint8Array.of(1));
    }, 100);
    try {
      await servesOthers(node);
      await untilTrue(() => ended > 0);
    } finally {
      clearInterval(trickle);
    }
    expect(ended).toBeGreaterThan(spec.idleTimeoutMs);
    expect(ended).toBeLessThan(spec.totalTimeoutMs + 2_000);
  });

  it('takes an answer and leaves its side of the stream open: it is closed after the idle time', async () => {
    const node = await victim();
    const attacker = await stranger();
    await attacker.dial(multiaddr(node.address));
    const stream = await attacker.dialProtocol(multiaddr(node.address), WIRE);
    let answered = 0;
    stream.addEventListener('message', ({ data }) => {
      answered += data.byteLength;
    });
    stream.send(Uint8Array.of(0, 0, 0, 2, 0, 7));
    await untilTrue(() => answered === 11);
    // libp2p would keep up to 4 MiB of this for as long as the connection stands.
    const began = Date.now();
    stream.send(new Uint8Array(1 << 20));
    await untilTrue(() => stream.status !== 'open' || Date.now() - began > 5_000);
    expect(stream.status).not.toBe('open');
    await servesOthers(node);
  });

  it('dials with many keys at once: no more are let in than one after another', async ({ skip }) => {
    // From loopback any number may come.
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4');
    if (own === undefined) return skip('this machine has no address but loopback');
    const node = await victim({ listen: [`/ip4/${own.address}/tcp/0`] });
    const crowd = await Promise.all(Array.from({ length: 20 }, () => stranger()));
    await Promise.all(crowd.map((member) => member.dial(multiaddr(node.address)).catch(() => {})));
    const kept = () => crowd.filter((member) => member.getConnections().length > 0).length;
    const began = Date.now();
    await untilTrue(() => kept() <= 8 || Date.now() - began > 3_000);
    expect(kept()).toBeLessThanOrEqual(8);
    expect(kept()).toBeGreaterThan(0);
  });

  it('answers and leaves its sides of the streams open: it can be asked as often as before', async () => {
    const node = await victim();
    const attacker = await stranger();
    await attacker.handle(
      WIRE,
      (stream) => {
        stream.send(Uint8Array.of(0, 0, 0, 2, 0, 7, 0, 0, 0, 1, 1));
      },
      { maxInboundStreams: 1_000 },
    );
    await attacker.dial(multiaddr(node.address));
    const peer = attacker.peerId.toString();
    await untilTrue(() => node.network.peers().length === 1);
    const patience = { ...spec, idleTimeoutMs: 100 };
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 40; i++)
        expect(await node.network.request(peer, patience, Uint8Array.of(1))).toEqual(Uint8Array.of(7));
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
  });

  it('connects ten times with one key: two connections are kept', async () => {
    const node = await victim();
    const seed = nextSeed();
    const { createLibp2p, tcp, noise, yamux, keys } = await loadLibraries();
    const privateKey = await keys.generateKeyPairFromSeed('Ed25519', seed);
    for (let i = 0; i < 10; i++) {
      const twin = await createLibp2p({
        privateKey,
        addresses: { listen: [] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        connectionMonitor: { enabled: false },
      });
      strangers.push(twin);
      await twin.dial(multiaddr(node.address));
    }
    const connections = () => strangers.flatMap((twin) => twin.getConnections()).length;
    await untilTrue(() => connections() <= 2);
    await servesOthers(node);
  });

  it('connects anew to be served more: what it has used up stays used up', async () => {
    const node = await victim();
    const asker = await cluster.start();
    let served = 0;
    for (let round = 0; round < 4; round++) {
      await asker.network.dial(node.address);
      for (let i = 0; i < 8; i++)
        await asker.network.request(node.network.peerId, spec, Uint8Array.of(i)).then(
          () => {
            served += 1;
          },
          (error) => expect(error.code).toBe('BUSY'),
        );
      const gone = peerEvent(node.network, 'disconnected');
      await asker.network.disconnect(node.network.peerId);
      await gone;
    }
    // The burst, and what a few seconds refill.
    expect(served).toBeGreaterThanOrEqual(8);
    expect(served).toBeLessThan(20);
  });

  it('floods gossip with messages that are of no use: few are looked at, and it is cut off', async () => {
    const node = await cluster.start({ limits: { gossipPerSecond: 10, gossipBurst: 50, banScore: 20 } });
    let judged = 0;
    node.network.onGossip('tx', () => {
      judged += 1;
      return 'ignore';
    });
    const flooder = await cluster.start();
    await flooder.network.dial(node.address);
    const cut = peerEvent(node.network, 'disconnected', flooder.network.peerId);
    let n = 0;
    let isCut = false;
    void cut.then(() => {
      isCut = true;
    });
    await untilTrue(
      () => isCut,
      () => {
        for (let i = 0; i < 50; i++) {
          const message = Buffer.alloc(8);
          message.writeUInt32BE(++n);
          flooder.network.publish('tx', message);
        }
      },
    );
    expect(judged).toBeGreaterThan(0);
    expect(judged).toBeLessThan(n / 2);
    expect(node.logs.some(({ message }) => /cut off for misbehaviour/.test(message))).toBe(true);
  });

  it('is banned, and let in again when the ban has passed', async () => {
    let aheadMs = 0;
    const clock = { ...realClock, nowMs: () => Date.now() + aheadMs };
    const env = { clock, random: { int: () => 0 }, log: () => {} };
    const node = await victim({ env, limits: { banMs: 60_000 } });
    const culprit = await cluster.start();
    await culprit.network.dial(node.address);
    const cut = peerEvent(culprit.network, 'disconnected', node.network.peerId);
    node.network.penalise(culprit.network.peerId, 'BAD_CERTIFICATE');
    await cut;
    await expect(culprit.network.dial(node.address)).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    aheadMs = 61_000;
    expect(await culprit.network.dial(node.address)).toBe(node.network.peerId);
  });
});

describe('hosts', () => {
  it('are told apart by IPv4 address and by the first half of an IPv6 one', () => {
    const group = (host: string) => hostGroup(`/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/1`);
    expect(group('203.0.113.7')).not.toBe(group('203.0.113.8'));
    expect(group('2001:db8:1:2::1')).toBe(group('2001:db8:1:2:ffff:1:2:3'));
    expect(group('2001:db8:1:2::1')).toBe(group('2001:0db8:0001:0002:0:0:0:1'));
    expect(group('2001:db8:1:2::1')).not.toBe(group('2001:db8:1:3::1'));
    for (const mapped of ['::ffff:203.0.113.7', '::ffff:cb00:7107', '0:0:0:0:0:ffff:cb00:7107'])
      expect(group(mapped), mapped).toBe('203.0.113.7');
  });
});

describe('kept addresses of peers', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ol-peers-'));
  afterEach(() => rmSync(join(dir, 'peers.json'), { force: true }));
  const file = join(dir, 'peers.json');
  const id = (n: number) => `12D3KooW${String(n).padStart(44, 'a').replaceAll('0', 'x')}`;

  it('bring a restarted node back although nobody is named in its settings', async () => {
    const limits = { maintenanceMs: 200 };
    const other = await cluster.start({ limits });
    const first = await cluster.start({ peerFile: file, limits });
    await first.network.dial(other.address);
    await first.network.stop();
    expect(JSON.parse(readFileSync(file, 'utf8')).addresses).toEqual([other.address]);
    const again = await cluster.prepare({ peerFile: file, limits });
    const met = peerEvent(again.network, 'connected', other.network.peerId);
    await again.network.start();
    await met;
  });

  it('are few for one host and bounded in all, the last met first', () => {
    const store = openPeerStore(file, () => {});
    for (let i = 0; i < 40; i++) store.met(`/ip4/203.0.113.7/tcp/${1000 + i}/p2p/${id(i)}`);
    expect(store.addresses()).toHaveLength(8);
    expect(store.addresses()[0]).toContain('/tcp/1039/');
    for (let i = 0; i < 600; i++) store.met(`/ip4/203.${i >> 8}.${i & 255}.7/tcp/1/p2p/${id(i + 100)}`);
    expect(store.addresses()).toHaveLength(256);
    store.save();
    expect(openPeerStore(file, () => {}).addresses()).toEqual(store.addresses());
  });

  it('are a convenience: whatever the file holds, the node starts, and dials TCP addresses with an id only', () => {
    const good = `/ip4/203.0.113.7/tcp/1/p2p/${id(1)}`;
    writeFileSync(
      file,
      JSON.stringify({
        version: 1,
        addresses: [7, null, '/unix/x', '/ip4/1.2.3.4/tcp/1', 'x'.repeat(999), good],
      }),
    );
    expect(openPeerStore(file, () => {}).addresses()).toEqual([good]);
    const warnings: string[] = [];
    const warn = (_: string, message: string) => void warnings.push(message);
    for (const text of [
      '',
      '[',
      'null',
      '[]',
      '{"version":2,"addresses":[]}',
      '\u0000',
      'x'.repeat(200_000),
    ]) {
      writeFileSync(file, text);
      expect(openPeerStore(file, warn).addresses(), text.slice(0, 20)).toEqual([]);
    }
    expect(warnings).toHaveLength(7);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        writeFileSync(file, text);
        expect(openPeerStore(file, () => {}).addresses().length).toBeLessThanOrEqual(256);
      }),
      { numRuns: 100 },
    );
  });
});
