import { afterEach, describe, expect, it } from 'vitest';
import { RequestError } from '../../../node/network/errors.ts';
import type { IncomingRequest, Network, ProtocolSpec } from '../../../node/network/types.ts';
import { createCluster, peerEvent, untilTrue } from './support.ts';

const cluster = createCluster();
afterEach(() => cluster.stopAll());

const spec: ProtocolSpec = {
  name: 'test',
  version: 1,
  maxRequestBytes: 1000,
  maxFrameBytes: 1024 * 1024,
  maxResponseBytes: 8 * 1024 * 1024,
  maxConcurrent: 8,
  maxConcurrentPerPeer: 4,
  requestsPerSecond: 1000,
  burst: 1000,
  maxBytesInFlight: 4 * 1024 * 1024,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 10_000,
};

type Streaming = (request: IncomingRequest) => AsyncIterable<Uint8Array>;

/** A server with one protocol and a client that knows it under its own bounds. */
async function pair(handler: Streaming, serverSpec: ProtocolSpec = spec) {
  const server = await cluster.prepare();
  server.network.handleStream(serverSpec, handler);
  await server.network.start();
  const client = await cluster.start();
  const met = peerEvent(server.network, 'connected');
  await client.network.dial(server.network.addresses()[0]!);
  await met;
  return { server, client, peer: server.network.peerId };
}

const once = (bytes: Uint8Array): Streaming =>
  async function* () {
    yield bytes;
  };

async function collect(network: Network, peer: string, askSpec = spec): Promise<Uint8Array[]> {
  const out: Uint8Array[] = [];
  for await (const frame of network.requestStream(peer, askSpec, Uint8Array.of(1)))
    out.push(Uint8Array.from(frame));
  return out;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'OK',
    (error: RequestError) => error.code,
  );

describe('answers', () => {
  it('arrive whole, in order, also when they are larger than any window', async () => {
    const sizes = [0, 1, 700_000, 1024 * 1024, 65_536, 1024 * 1024, 1024 * 1024];
    const { client, peer } = await pair(async function* () {
      for (const [i, size] of sizes.entries()) yield new Uint8Array(size).fill(i);
    });
    const frames = await collect(client.network, peer);
    expect(frames.map((f) => f.length)).toEqual(sizes);
    frames.forEach((frame, i) => {
      expect(frame.every((byte) => byte === i)).toBe(true);
    });
  });

  it('hold the sender back while the reader is busy', async () => {
    let sent = 0;
    const { client, peer } = await pair(async function* () {
      for (let i = 0; i < 100; i++) {
        sent += 1;
        yield new Uint8Array(64 * 1024);
      }
    });
    const iterator = client.network.requestStream(peer, spec, new Uint8Array(0))[Symbol.asyncIterator]();
    await iterator.next();
    // Wait until the sender has come to rest: it did not move during twenty looks.
    let last = -1;
    let still = 0;
    await untilTrue(() => {
      still = sent === last ? still + 1 : 0;
      last = sent;
      return still > 20;
    });
    expect(sent).toBeLessThan(70);
    let rest = 0;
    while (!(await iterator.next()).done) rest += 1;
    expect(rest).toBe(99);
  });

  it('that are refused carry the reason', async () => {
    const { client, peer } = await pair(async function* ({ payload }) {
      if (payload[0] === 1) throw new RequestError('NOT_FOUND', 'secret detail');
      if (payload[0] === 2) throw new RequestError('REFUSED', 'no');
      if (payload[0] === 3) throw new Error('bug with /secret/path');
      yield payload;
    });
    const ask = (value: number) => codeOf(client.network.request(peer, spec, Uint8Array.of(value)));
    expect([await ask(1), await ask(2), await ask(3), await ask(4)]).toEqual([
      'NOT_FOUND',
      'REFUSED',
      'INTERNAL',
      'OK',
    ]);
    const error = await client.network.request(peer, spec, Uint8Array.of(3)).catch((e: Error) => e);
    expect(String(error)).not.toContain('secret');
  });

  it('that break off in the middle are never taken for complete', async () => {
    const { client, server, peer } = await pair(async function* () {
      yield new Uint8Array(10);
      await new Promise(() => {});
    });
    const iterator = client.network.requestStream(peer, spec, new Uint8Array(0))[Symbol.asyncIterator]();
    await iterator.next();
    const end = codeOf(iterator.next());
    await server.network.stop();
    expect(await end).toBe('DISCONNECTED');
  });

  it('from a peer that does not know the protocol, or is not there', async () => {
    const { client, peer } = await pair(once(new Uint8Array(1)));
    expect(await codeOf(client.network.request(peer, { ...spec, version: 2 }, new Uint8Array(0)))).toBe(
      'UNSUPPORTED',
    );
    expect(await codeOf(client.network.request('12D3KooWNobody', spec, new Uint8Array(0)))).toBe(
      'DISCONNECTED',
    );
  });

  it('with too many or no frames are bad answers to a question for one', async () => {
    const { client, peer } = await pair(async function* ({ payload }) {
      for (let i = 0; i < payload[0]!; i++) yield new Uint8Array(1);
    });
    expect(await codeOf(client.network.request(peer, spec, Uint8Array.of(0)))).toBe('BAD_FRAME');
    expect(await codeOf(client.network.request(peer, spec, Uint8Array.of(1)))).toBe('OK');
    expect(await codeOf(client.network.request(peer, spec, Uint8Array.of(2)))).toBe('BAD_FRAME');
    expect(client.network.peers()[0]!.penalty).toBeGreaterThan(30);
  });
});

describe('limits', () => {
  it('a request that is too large is not even sent; one that is sent all the same is refused', async () => {
    let served = 0;
    const { client, server, peer } = await pair(async function* () {
      served += 1;
      yield new Uint8Array(1);
    });
    const large = new Uint8Array(1001);
    expect(await codeOf(client.network.request(peer, spec, large))).toBe('REFUSED');
    const outcome = await codeOf(client.network.request(peer, { ...spec, maxRequestBytes: 2000 }, large));
    expect(outcome).not.toBe('OK');
    expect(served).toBe(0);
    expect(server.network.peers()[0]!.penalty).toBeGreaterThan(40);
  });

  it('frames and answers beyond the reader’s bounds end the exchange and cost standing', async () => {
    const { client, peer } = await pair(async function* () {
      for (let i = 0; i < 4; i++) yield new Uint8Array(1000);
    });
    expect(await codeOf(collect(client.network, peer, { ...spec, maxFrameBytes: 999 }))).toBe('BAD_FRAME');
    expect(client.network.peers()[0]!.penalty).toBeGreaterThan(40);
    const second = await pair(async function* () {
      for (let i = 0; i < 4; i++) yield new Uint8Array(1000);
    });
    expect(
      await codeOf(collect(second.client.network, second.peer, { ...spec, maxResponseBytes: 3999 })),
    ).toBe('BAD_FRAME');
  });

  it('a handler that exceeds its own bounds is a fault of this node, told as INTERNAL', async () => {
    const { client, server, peer } = await pair(once(new Uint8Array(2000)), { ...spec, maxFrameBytes: 1500 });
    expect(await codeOf(collect(client.network, peer))).toBe('INTERNAL');
    expect(server.logs.some((l) => l.level === 'error')).toBe(true);
  });

  it('more requests at once than one peer may have are answered BUSY', async () => {
    const held: (() => void)[] = [];
    const { client, peer } = await pair(async function* () {
      await new Promise<void>((resolve) => held.push(resolve));
      yield new Uint8Array(1);
    });
    const ask = () => codeOf(client.network.request(peer, spec, new Uint8Array(0)));
    const first = Array.from({ length: 4 }, ask);
    await untilTrue(() => held.length === 4);
    expect(await ask()).toBe('BUSY');
    for (const release of held) release();
    expect(await Promise.all(first)).toEqual(['OK', 'OK', 'OK', 'OK']);
    const again = ask();
    await untilTrue(() => held.length === 5);
    held[4]!();
    expect(await again).toBe('OK');
  });

  it('requests beyond the rate are answered BUSY, and insisting costs standing', async () => {
    const { client, server, peer } = await pair(once(new Uint8Array(1)), {
      ...spec,
      requestsPerSecond: 0.001,
      burst: 3,
    });
    const outcomes: string[] = [];
    for (let i = 0; i < 20; i++)
      outcomes.push(await codeOf(client.network.request(peer, spec, new Uint8Array(0))));
    expect(outcomes.filter((code) => code === 'OK')).toHaveLength(3);
    expect(outcomes.filter((code) => code === 'BUSY')).toHaveLength(17);
    expect(server.network.peers()[0]!.penalty).toBeGreaterThan(0);
  });

  it('a peer that falls silent is given up after the idle time', async () => {
    let aborted = false;
    const { client, peer } = await pair(async function* ({ signal }) {
      yield new Uint8Array(1);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted = true;
    });
    expect(await codeOf(collect(client.network, peer, { ...spec, idleTimeoutMs: 100 }))).toBe('TIMEOUT');
    // The server learns that nobody listens any more.
    await untilTrue(() => aborted);
  });

  it('a peer that trickles for ever is given up after the total time', async () => {
    const { client, peer } = await pair(async function* ({ signal }) {
      while (!signal.aborted) {
        yield new Uint8Array(1);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    expect(await codeOf(collect(client.network, peer, { ...spec, totalTimeoutMs: 200 }))).toBe('TIMEOUT');
  });

  it('the caller can end a request', async () => {
    const { client, peer } = await pair(async function* () {
      await new Promise(() => {});
      yield new Uint8Array(1);
    });
    const stop = new AbortController();
    const outcome = codeOf(client.network.request(peer, spec, new Uint8Array(0), { signal: stop.signal }));
    stop.abort();
    expect(await outcome).toBe('ABORTED');
  });

  it('a crowd of requests at once leaves nothing behind that Node warns of', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    const { client, peer } = await pair(once(new Uint8Array(1)), {
      ...spec,
      maxConcurrentPerPeer: 60,
      maxConcurrent: 60,
    });
    const all = await Promise.all(
      Array.from({ length: 50 }, () => codeOf(client.network.request(peer, spec, new Uint8Array(0)))),
    );
    process.off('warning', listen);
    expect(new Set(all)).toEqual(new Set(['OK']));
    expect(warnings).toEqual([]);
  });

  it('many large answers at once share the bytes in flight and all arrive', async () => {
    const narrow = { ...spec, maxBytesInFlight: 1024 * 1024, maxConcurrentPerPeer: 8 };
    const { client, peer } = await pair(async function* () {
      for (let i = 0; i < 3; i++) yield new Uint8Array(1024 * 1024).fill(i);
    }, narrow);
    const all = await Promise.all(Array.from({ length: 6 }, () => collect(client.network, peer, narrow)));
    for (const frames of all)
      expect(frames.map((f) => [f.length, f[9]])).toEqual([0, 1, 2].map((i) => [1 << 20, i]));
  });
});
