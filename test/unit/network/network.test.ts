import { afterEach, describe, expect, it } from 'vitest';
import { NetworkError } from '../../../node/network/errors.ts';
import { defaultNetworkLimits } from '../../../node/network/limits.ts';
import { createLink } from '../../networks/links.ts';
import { createCluster, GENESIS, nextSeed, OTHER_GENESIS, peerEvent, untilTrue } from './support.ts';

const cluster = createCluster();
afterEach(() => cluster.stopAll());

describe('two nodes meet', () => {
  it('and tell each other their heads', async () => {
    const a = await cluster.start({ height: 7 });
    const b = await cluster.start({ height: 9 });
    const met = peerEvent(a.network, 'connected', b.network.peerId);
    const id = await b.network.dial(a.address);
    expect(id).toBe(a.network.peerId);
    expect(await met).toMatchObject({ head: { height: 9 } });
    expect(b.network.peers()).toMatchObject([
      { id: a.network.peerId, head: { height: 7 }, direction: 'outbound', penalty: 0 },
    ]);
  });

  it('refuses a node of another chain, and both logs say why', async () => {
    const a = await cluster.start();
    const b = await cluster.start({ genesisHash: OTHER_GENESIS });
    await expect(b.network.dial(a.address)).rejects.toMatchObject({ code: 'WRONG_CHAIN' });
    await untilTrue(() => a.logs.some((l) => l.level === 'warn'));
    for (const node of [a, b]) {
      const line = node.logs.find((l) => l.message.includes('another chain'))!;
      expect(line.fields).toMatchObject({ ourGenesis: node === a ? GENESIS : OTHER_GENESIS });
      expect(node.network.peers()).toEqual([]);
    }
  });

  it('names the address when the port is taken, and what to do', async () => {
    const a = await cluster.start();
    const port = /tcp\/(\d+)/.exec(a.address)![1]!;
    const b = await cluster.prepare({ listen: [`/ip4/127.0.0.1/tcp/${port}`] });
    const error = await b.network.start().then(
      () => undefined,
      (e: NetworkError) => e,
    );
    expect(error).toBeInstanceOf(NetworkError);
    expect(error!.code).toBe('PORT_IN_USE');
    expect(error!.message).toContain(`/ip4/127.0.0.1/tcp/${port}`);
  });

  it('says which address is not a multiaddr', async () => {
    await expect(cluster.prepare({ persistentPeers: ['10.0.0.1:30333'] })).rejects.toMatchObject({
      code: 'BAD_ADDRESS',
      message: expect.stringContaining('10.0.0.1:30333'),
    });
  });
});

describe('gossip', () => {
  it('reaches all nodes of a line, each judging before it relays', async () => {
    const [a, b, c] = [await cluster.start(), await cluster.start(), await cluster.start()];
    const seen: string[] = [];
    for (const [name, node] of [
      ['b', b],
      ['c', c],
    ] as const)
      node.network.onGossip('tx', (_from, bytes) => {
        seen.push(`${name}:${bytes[0]}`);
        return 'accept';
      });
    await a.network.dial(b.address);
    await b.network.dial(c.address);
    let n = 0;
    await untilTrue(
      () => seen.some((s) => s.startsWith('c:')),
      () => a.network.publish('tx', Uint8Array.of(++n)),
    );
    const arrived = seen.find((s) => s.startsWith('c:'))!.slice(2);
    expect(seen.indexOf(`b:${arrived}`)).toBeLessThan(seen.indexOf(`c:${arrived}`));
    expect(seen.indexOf(`b:${arrived}`)).toBeGreaterThanOrEqual(0);
  });

  it('does not relay what a node rejects, and cuts off a peer that keeps sending it', async () => {
    const bad = await cluster.start();
    const middle = await cluster.start();
    const far = await cluster.start();
    const farSaw: number[] = [];
    middle.network.onGossip('votes', () => 'reject');
    far.network.onGossip('votes', (_from, bytes) => {
      farSaw.push(bytes[0]!);
      return 'accept';
    });
    await bad.network.dial(middle.address);
    await far.network.dial(middle.address);
    const cut = peerEvent(middle.network, 'disconnected', bad.network.peerId);
    const parted = peerEvent(bad.network, 'disconnected', middle.network.peerId);
    let done = false;
    void cut.then(() => {
      done = true;
    });
    let n = 0;
    await untilTrue(
      () => done,
      () => bad.network.publish('votes', Uint8Array.of(++n)),
    );
    expect(farSaw).toEqual([]);
    expect(middle.logs.find((l) => l.level === 'warn')).toMatchObject({
      fields: { peer: bad.network.peerId, code: 'INVALID_GOSSIP' },
    });
    // Until it knows itself that it was cut off, a dial gives it the connection that it had.
    await parted;
    await expect(bad.network.dial(middle.address)).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    expect(middle.network.peers().map((p) => p.id)).toEqual([far.network.peerId]);
  });

  it('carries a frame of 1 MiB and refuses a larger one aloud', async () => {
    const a = await cluster.start();
    const b = await cluster.start();
    let size = 0;
    b.network.onGossip('proposal', (_from, bytes) => {
      size = bytes.length;
      return 'accept';
    });
    await a.network.dial(b.address);
    let n = 0;
    await untilTrue(
      () => size > 0,
      () => {
        const bytes = new Uint8Array(1024 * 1024);
        bytes[0] = ++n;
        a.network.publish('proposal', bytes);
      },
    );
    expect(size).toBe(1024 * 1024);
    expect(() => a.network.publish('proposal', new Uint8Array(2 * 1024 * 1024))).toThrowError(/2097152/);
  });

  it('counts a handler that throws as ignore: no relay, no penalty', async () => {
    const a = await cluster.start();
    const b = await cluster.start();
    let calls = 0;
    b.network.onGossip('tx', () => {
      calls += 1;
      throw new Error('handler is broken');
    });
    await a.network.dial(b.address);
    let n = 0;
    await untilTrue(
      () => calls > 0,
      () => a.network.publish('tx', Uint8Array.of(++n)),
    );
    expect(b.network.peers()[0]!.penalty).toBe(0);
    expect(b.logs.some((l) => l.message.includes('gossip handler failed'))).toBe(true);
  });
});

describe('redial', () => {
  it('finds a persistent peer again after it was restarted on the same port', async () => {
    const privateKey = nextSeed();
    const first = await cluster.start({ privateKey });
    const listen = [first.address.replace(/\/p2p\/.*/, '')];
    const b = await cluster.prepare({ persistentPeers: [first.address] });
    const met = peerEvent(b.network, 'connected');
    await b.network.start();
    await met;
    const lost = peerEvent(b.network, 'disconnected');
    await first.network.stop();
    await lost;
    const again = peerEvent(b.network, 'connected');
    const second = await cluster.start({ privateKey, listen });
    expect(await again).toMatchObject({ peer: second.network.peerId });
  });

  it('is back soon after a line that swallowed everything is whole again', async () => {
    const there = await cluster.start();
    const link = await createLink('here', 'there', Number(there.address.split('/')[4]));
    try {
      // The housekeeping and the waits of the product, ten times as fast.
      const { maintenanceMs, handshakeMs, dialMs, redialMinMs, redialMaxMs } = defaultNetworkLimits;
      const limits = {
        maintenanceMs: maintenanceMs / 10,
        handshakeMs: handshakeMs / 10,
        dialMs: dialMs / 10,
        redialMinMs: redialMinMs / 10,
        redialMaxMs: redialMaxMs / 10,
        maxMissedStatuses: 1,
      };
      const here = await cluster.prepare({
        persistentPeers: [there.address.replace(/\/tcp\/\d+/, `/tcp/${link.port}`)],
        limits,
      });
      const met = peerEvent(here.network, 'connected');
      await here.network.start();
      await met;
      const lost = peerEvent(here.network, 'disconnected');
      link.set('silence');
      await lost;
      // A dial or two vanish as well.
      await untilTrue(() => here.logs.some(({ message }) => /is not reached/.test(message)));
      const back = peerEvent(here.network, 'connected');
      link.set('whole');
      const since = performance.now();
      await back;
      expect(performance.now() - since).toBeLessThan(20_000 / 10);
    } finally {
      link.close();
    }
  }, 30_000);

  it('reaches a peer that starts later', async () => {
    const reserved = await cluster.start();
    await reserved.network.stop();
    const listen = [reserved.address.replace(/\/p2p\/.*/, '')];
    const b = await cluster.prepare({ persistentPeers: listen });
    const met = peerEvent(b.network, 'connected');
    await b.network.start();
    await untilTrue(() => b.logs.some((l) => l.message.includes('will keep trying')));
    expect(b.logs.find((l) => l.message.includes('will keep trying'))!.fields).toEqual({
      reason: `cannot reach ${listen[0]}: nobody listens there (connection refused)`,
    });
    const late = await cluster.start({ listen });
    expect(await met).toMatchObject({ peer: late.network.peerId });
  });

  it('a node that knows one bootstrap peer learns the others', async () => {
    const fast = { limits: { maintenanceMs: 100 } };
    const hub = await cluster.start();
    const a = await cluster.prepare({ bootstrap: [hub.address], ...fast });
    const b = await cluster.prepare({ bootstrap: [hub.address], ...fast });
    const met = peerEvent(a.network, 'connected', b.network.peerId);
    await a.network.start();
    await b.network.start();
    await met;
  });

  it('does not dial itself', async () => {
    const reserved = await cluster.start();
    await reserved.network.stop();
    const privateKey = nextSeed();
    const a = await cluster.start({ privateKey });
    const own = a.address;
    await a.network.stop();
    const again = await cluster.start({
      privateKey,
      listen: [own.replace(/\/p2p\/.*/, '')],
      persistentPeers: [own],
    });
    const late = await cluster.start();
    await late.network.stop();
    // A second peer that is never there tells how long the loop had to try.
    const watcher = await cluster.start({ persistentPeers: [late.address] });
    await untilTrue(() => watcher.logs.some((l) => l.message.includes('will keep trying')));
    expect(again.logs.filter((l) => l.message.includes('will keep trying'))).toEqual([]);
  });
});
