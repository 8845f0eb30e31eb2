import type { PeerId as Libp2pPeerId, Peer } from '@libp2p/interface';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultNetworkLimits } from '../../../node/network/limits.ts';
import { decodeAddresses, dialableHearsay, encodeAddresses } from '../../../node/network/peer-exchange.ts';
import { createPenalties } from '../../../node/network/penalties.ts';
import { createByteBudget, createTokenBucket } from '../../../node/network/quota.ts';
import { createRedialer } from '../../../node/network/redial.ts';
import { decodeStatus, encodeStatus } from '../../../node/network/status.ts';
import { createForgetter } from '../../../node/network/strangers.ts';
import type { Clock } from '../../../node/network/types.ts';

function manualClock() {
  let now = 1_000_000;
  const clock: Clock = { nowMs: () => now, setTimer: () => () => {} };
  return { clock, advance: (ms: number) => (now += ms) };
}

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes): `0x${string}` => `0x${Buffer.from(bytes).toString('hex')}`);
const address = fc.stringMatching(/^[\x21-\x7e]{0,60}$/);

describe('status message', () => {
  const status = fc.record({
    genesisHash: hash,
    head: fc.record({ height: fc.nat(Number.MAX_SAFE_INTEGER), hash }),
    addresses: fc.array(address, { maxLength: 8 }),
  });
  it('comes back as it went', () => {
    fc.assert(
      fc.property(status, (value) => {
        expect(decodeStatus(encodeStatus(value))).toEqual(value);
      }),
      { verbose: 1 },
    );
  });
  it('is refused unless it is exactly what an encoder writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeStatus(bytes);
        if (decoded) expect(Buffer.from(encodeStatus(decoded))).toEqual(Buffer.from(bytes));
      }),
      { verbose: 1 },
    );
    fc.assert(
      fc.property(status, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = Uint8Array.from(encodeStatus(value));
        expect(decodeStatus(bytes.subarray(0, at % bytes.length))).toBeUndefined();
        expect(decodeStatus(Uint8Array.of(...bytes, 0))).toBeUndefined();
        bytes[at % bytes.length] = byte;
        const decoded = decodeStatus(bytes);
        if (decoded) expect(Buffer.from(encodeStatus(decoded))).toEqual(Buffer.from(bytes));
      }),
      { verbose: 1 },
    );
  });
  it('has frozen bytes', () => {
    const bytes = encodeStatus({
      genesisHash: `0x${'ab'.repeat(32)}`,
      head: { height: 258, hash: `0x${'cd'.repeat(32)}` },
      addresses: ['/ip4/1.2.3.4/tcp/5'],
    });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `01${'ab'.repeat(32)}0000000000000102${'cd'.repeat(32)}010012${Buffer.from('/ip4/1.2.3.4/tcp/5').toString('hex')}`,
    );
  });
});

describe('address lists', () => {
  it('come back as they went, and nothing else decodes', () => {
    fc.assert(
      fc.property(fc.array(address, { maxLength: 32 }), fc.nat(), (list, cut) => {
        const bytes = encodeAddresses(list);
        expect(decodeAddresses(bytes)).toEqual(list);
        expect(decodeAddresses(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
        expect(decodeAddresses(Uint8Array.of(...bytes, 0))).toBeUndefined();
      }),
      { verbose: 1 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const list = decodeAddresses(bytes);
        if (list) expect(Buffer.from(encodeAddresses(list))).toEqual(Buffer.from(bytes));
      }),
      { verbose: 1 },
    );
  });
  it('are dialed on hearsay only with a peer id, and loopback only on the word of loopback', () => {
    const list = [
      '/ip4/127.0.0.1/tcp/1/p2p/A',
      '/ip4/8.8.8.8/tcp/1/p2p/B',
      '/ip4/8.8.8.8/tcp/1',
      '/dns4/host.example/tcp/1/p2p/C',
      '/ip4/8.8.8.8/udp/1/quic-v1/p2p/D',
    ];
    expect(dialableHearsay(list, '/ip4/9.9.9.9/tcp/7')).toEqual([list[1], list[3]]);
    expect(dialableHearsay(list, '/ip4/127.0.0.1/tcp/7')).toEqual([list[0], list[1], list[3]]);
    const disguised = [
      '/ip4/0.0.0.0',
      '/ip4/127.8.9.1',
      '/ip6/::',
      '/ip6/::1',
      '/ip6/0:0:0:0:0:0:0:1',
      '/ip6/::ffff:127.0.0.1',
      '/ip6/::ffff:7f00:1',
      '/ip6/0:0:0:0:0:ffff:7f00:1',
      '/ip6/::ffff:0:0',
      '/dns4/localhost',
      '/dns/LOCALHOST.',
      '/dns6/a.localhost',
    ].map((host) => `${host}/tcp/1/p2p/A`);
    expect(dialableHearsay(disguised, '/ip4/9.9.9.9/tcp/7')).toEqual([]);
    expect(dialableHearsay(disguised, '/ip6/::ffff:127.0.0.1/tcp/7')).toEqual(disguised);
    const foreign = ['/ip6/2001:db8::1/tcp/1/p2p/A', '/dns4/localhost.example/tcp/1/p2p/A'];
    expect(dialableHearsay(foreign, '/ip4/9.9.9.9/tcp/7')).toEqual(foreign);
  });
});

describe('standing', () => {
  it('is lost by misdeeds, comes back with time, and a ban ends', () => {
    const { clock, advance } = manualClock();
    const penalties = createPenalties(clock, defaultNetworkLimits);
    expect(penalties.add('p', 'INVALID_GOSSIP', 1000)).toBe(false);
    expect(penalties.score('p')).toBe(20);
    advance(60_000);
    expect(penalties.score('p')).toBe(10);
    advance(600_000);
    expect(penalties.score('p')).toBe(0);
    expect(penalties.add('p', 'BAD_ARTIFACT', 1000)).toBe(false);
    expect(penalties.add('p', 'BAD_ARTIFACT', 1000)).toBe(true);
    expect(penalties.isBanned('p')).toBe(true);
    advance(1000);
    expect(penalties.isBanned('p')).toBe(false);
    expect(penalties.add('p', 'WRONG_BLOCK', 1000)).toBe(true);
  });
  it('does not come back during a ban, however long: one more proof of malice bans again', () => {
    const { clock, advance } = manualClock();
    const penalties = createPenalties(clock, defaultNetworkLimits);
    const { banMs } = defaultNetworkLimits;
    expect(penalties.add('p', 'BAD_CERTIFICATE', banMs)).toBe(true);
    advance(banMs);
    expect(penalties.isBanned('p')).toBe(false);
    expect(penalties.score('p')).toBe(75);
    expect(penalties.add('p', 'BAD_ARTIFACT', banMs)).toBe(true);
  });
  it('is remembered for a bounded number of peers, and the banned are forgotten last', () => {
    const { clock } = manualClock();
    const penalties = createPenalties(clock, { ...defaultNetworkLimits, maxScoredPeers: 10 });
    penalties.add('bad', 'BAD_CERTIFICATE', 1e9);
    for (let i = 0; i < 1000; i++) penalties.add(`p${i}`, 'BAD_ANSWER', 1000);
    expect(penalties.size).toBe(10);
    expect(penalties.isBanned('bad')).toBe(true);
  });
});

describe('quotas', () => {
  it('a bucket refills with time and never beyond its size', () => {
    const { clock, advance } = manualClock();
    const bucket = createTokenBucket(clock, 2, 3);
    const takes = (n: number) => Array.from({ length: n }, () => bucket.take());
    expect(takes(4)).toEqual([true, true, true, false]);
    advance(500);
    expect(takes(2)).toEqual([true, false]);
    advance(1e9);
    expect(takes(4)).toEqual([true, true, true, false]);
    advance(-5_000);
    expect(bucket.take()).toBe(false);
  });
  it('a byte budget is never exceeded and serves in order', async () => {
    const signal = new AbortController().signal;
    const budget = createByteBudget(100);
    const order: string[] = [];
    const first = await budget.take(60, signal);
    const second = budget.take(60, signal).then((release) => {
      order.push('second');
      return release;
    });
    const third = budget.take(10, signal).then((release) => {
      order.push('third');
      return release;
    });
    expect(budget.used).toBe(60);
    first();
    first();
    (await second)();
    (await third)();
    expect(order).toEqual(['second', 'third']);
    expect(budget.used).toBe(0);
    const huge = await budget.take(1_000, signal);
    expect(budget.used).toBe(100);
    huge();
  });
  it('who gives up waiting leaves no trace', async () => {
    const budget = createByteBudget(10);
    const held = await budget.take(10, new AbortController().signal);
    const impatient = new AbortController();
    const waiting = budget.take(5, impatient.signal).catch((error: Error) => error.message);
    impatient.abort(new Error('enough'));
    expect(await waiting).toBe('enough');
    held();
    expect(budget.used).toBe(0);
  });
});

describe('a peer that the operator named', () => {
  it('is dialed ever more rarely when it lets the node in only to send it away, and soon after a long time', async () => {
    let now = 0;
    let timers: { at: number; run: () => void }[] = [];
    const clock: Clock = {
      nowMs: () => now,
      setTimer(delayMs, run) {
        const timer = { at: now + delayMs, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((one) => one !== timer);
        };
      },
    };
    const until = async (end: number): Promise<void> => {
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.run();
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = end;
    };
    let staysMs = 20;
    let isStatusShown = true;
    let dials = 0;
    const connected = new Set<string>();
    const leave = () => {
      connected.delete('B');
      redialer.disconnected('B');
    };
    const redialer = createRedialer(
      {
        self: 'A',
        isConnected: (peer) => connected.has(peer),
        peerCount: () => connected.size,
        async dial() {
          dials += 1;
          connected.add('B');
          if (isStatusShown) clock.setTimer(staysMs, leave);
          else {
            leave();
            throw new Error('closed the connection');
          }
          return 'B';
        },
      },
      { clock, random: { int: (below) => below >> 1 }, log: () => {} },
      defaultNetworkLimits,
      ['/ip4/203.0.113.7/tcp/1/p2p/B'],
      [],
    );
    redialer.start();
    await until(60_000);
    expect(dials).toBeLessThan(30);
    isStatusShown = false;
    dials = 0;
    await until(120_000);
    expect(dials).toBeLessThan(30);
    isStatusShown = true;
    staysMs = 60_000;
    await until(160_000);
    dials = 0;
    // It stayed for a minute: when it goes it is dialed within a second.
    await until(190_000);
    expect(dials).toBe(1);
    redialer.stop();
  });
});

describe('what libp2p remembers of peers', () => {
  it('is forgotten when they were gone at two looks, and kept of those that are there', async () => {
    const stored = new Set(['here', 'gone', 'back']);
    const connected = new Set(['here']);
    const id = (name: string) => ({ toString: () => name }) as unknown as Libp2pPeerId;
    const forget = createForgetter(
      {
        all: async () => [...stored].map((name) => ({ id: id(name) })) as unknown as Peer[],
        delete: async (peer) => void stored.delete(peer.toString()),
      },
      (peer) => connected.has(peer.toString()),
    );
    await forget();
    expect(stored.size).toBe(3);
    connected.add('back');
    await forget();
    expect([...stored]).toEqual(['here', 'back']);
  });
});
