import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createArtifactFetcher, indexProtocol, leavesProtocol } from '../../../node/artifacts/fetch.ts';
import { artifactPath } from '../../../node/artifacts/file.ts';
import type { ArtifactBounds } from '../../../node/artifacts/limits.ts';
import { leafHash, rootOfLeafHashes } from '../../../node/artifacts/merkle.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import type { ArtifactFetcher, ArtifactLimits, ArtifactStore, Hex } from '../../../node/artifacts/types.ts';
import { RequestError } from '../../../node/network/errors.ts';
import type { IncomingRequest, Network, ProtocolSpec } from '../../../node/network/types.ts';
import { createCluster, realClock, type TestNode, untilTrue } from '../network/support.ts';

const LIMITS: ArtifactLimits = {
  maxBytes: 5 * 1024 * 1024,
  maxLeafBytes: 1024 * 1024,
  maxLeaves: 4096,
  utf8: true,
};
const cluster = createCluster();
const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const run of cleanUps.splice(0).reverse()) await run();
  await cluster.stopAll();
});

interface Holder extends TestNode {
  store: ArtifactStore;
  fetcher: ArtifactFetcher;
  dir: string;
}

/** An ordinary node with a store. */
async function holder(limits: Partial<ArtifactBounds> = {}, artifactLimits = LIMITS): Promise<Holder> {
  const node = await cluster.prepare();
  const dir = mkdtempSync(join(tmpdir(), 'fetch-'));
  const log = (level: string, message: string, fields = {}) => node.logs.push({ level, message, fields });
  const store = openArtifactStore({ dataDir: dir, log });
  const fetcher = createArtifactFetcher({
    network: node.network,
    store,
    artifactLimits,
    env: { clock: realClock, random: { int: (n) => Math.floor(Math.random() * n) }, log },
    limits,
  });
  cleanUps.push(async () => {
    await fetcher.stop();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });
  await node.network.start();
  return { ...node, address: node.network.addresses()[0]!, store, fetcher, dir };
}

/** A node that answers the two artifact protocols as the test says. */
async function impostor(
  index: () => Uint8Array | undefined,
  leaves: (request: IncomingRequest) => AsyncIterable<Uint8Array>,
): Promise<TestNode> {
  const node = await cluster.prepare();
  node.network.handle(indexProtocol(LIMITS), async () => index());
  node.network.handleStream(leavesProtocol(LIMITS), leaves);
  await node.network.start();
  return { ...node, address: node.network.addresses()[0]! };
}

const text = (value: string) => Buffer.from(value);
const framed = (...leaves: Uint8Array[]) =>
  Buffer.concat(
    leaves.flatMap((leaf) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(leaf.length);
      return [length, leaf];
    }),
  );
const indexOf = (leaves: Uint8Array[]) => Buffer.concat(leaves.map(leafHash));
const rootOf = (leaves: Uint8Array[]): Hex =>
  `0x${Buffer.from(rootOfLeafHashes(leaves.map(leafHash))).toString('hex')}`;
const firstLeafOf = (request: IncomingRequest) => Buffer.from(request.payload).readUInt32BE(32);

/** 40 records of 64 kB: three batches. */
const big = Array.from({ length: 40 }, (_, i) => Buffer.alloc(64_000, `record ${i} `));

describe('fetching', () => {
  it('gets an artifact of several batches, and tells that it came', async () => {
    const a = await holder();
    const b = await holder();
    const root = await a.store.putStream(big, LIMITS);
    const arrived: Hex[] = [];
    b.store.onArrival((r) => arrived.push(r));
    await b.network.dial(a.address);
    const info = await b.fetcher.get(root);
    expect(info).toEqual(a.store.describe(root));
    expect(arrived).toEqual([root]);
    expect(b.fetcher.wanted()).toEqual([]);
    expect(await b.fetcher.get(root)).toBe(b.store.describe(root));
  });

  it('carries the largest contribution and the smallest records', async () => {
    const a = await holder();
    const b = await holder();
    const largest = await a.store.putStream(
      Array.from({ length: 5 }, (_, i) => Buffer.alloc(1024 * 1024, `${i}`)),
      LIMITS,
    );
    const smallest = await a.store.putStream(
      Array.from({ length: 4096 }, (_, i) => text(String(i))),
      LIMITS,
    );
    // A large leaf behind small ones does not fit their frame.
    const mixed = await a.store.putStream([text('small'), Buffer.alloc(1024 * 1024, 'x')], LIMITS);
    await b.network.dial(a.address);
    const infos = await Promise.all([largest, smallest, mixed].map((root) => b.fetcher.get(root)));
    expect(infos.map((info) => [info.size, info.leafCount])).toEqual([
      [5 * 1024 * 1024, 5],
      [15_274, 4096],
      [1024 * 1024 + 5, 2],
    ]);
  });

  it('B1: keeps wanting until somebody has it, and asks a newcomer at once', async () => {
    const a = await holder({ retryMinMs: 60_000, retryMaxMs: 60_000 });
    const root = rootOf([text('later')]);
    const lateComer = await holder();
    await lateComer.store.putStream([text('later')], LIMITS);
    const waiting = a.fetcher.get(root);
    await untilTrue(() => a.fetcher.wanted()[0]?.rounds === 1);
    await a.network.dial(lateComer.address);
    expect((await waiting).leafCount).toBe(1);
  });

  it('B1: comes back to a peer that gets the artifact later', async () => {
    const a = await holder({ retryMinMs: 20 });
    const b = await holder();
    await a.network.dial(b.address);
    const waiting = a.fetcher.get(rootOf(big));
    await untilTrue(() => (a.fetcher.wanted()[0]?.rounds ?? 0) >= 2);
    await b.store.putStream(big, LIMITS);
    await waiting;
  });

  it('many asking for the same artifact make one download', async () => {
    const leaves = [text('only once')];
    let asked = 0;
    const peer = await impostor(
      () => indexOf(leaves),
      async function* () {
        asked += 1;
        yield framed(...leaves);
      },
    );
    const a = await holder();
    await a.network.dial(peer.address);
    const all = Array.from({ length: 10 }, () => a.fetcher.get(rootOf(leaves)));
    await Promise.all(all);
    expect(asked).toBe(1);
  });

  it('stops when it is no longer wanted, and forgets what it had begun', async () => {
    const leaves = [text('a'), text('b')];
    let aborted = false;
    const peer = await impostor(
      () => indexOf(leaves),
      async function* (request) {
        yield framed(leaves[0]!);
        await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
        aborted = true;
      },
    );
    const a = await holder();
    await a.network.dial(peer.address);
    const outcome = a.fetcher.get(rootOf(leaves)).catch((error) => error.code);
    await untilTrue(() => a.fetcher.wanted()[0]?.leaves === 1);
    a.fetcher.unwant(rootOf(leaves));
    expect(await outcome).toBe('NOT_FOUND');
    expect(a.fetcher.wanted()).toEqual([]);
    await untilTrue(() => aborted);
  });

  it('the queue of wanted artifacts is bounded', async () => {
    const a = await holder({ maxWanted: 2 });
    a.fetcher.want(rootOf([text('1')]));
    a.fetcher.want(rootOf([text('2')]));
    a.fetcher.want(rootOf([text('2')]));
    expect(() => a.fetcher.want(rootOf([text('3')]))).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_WANTED' }),
    );
    expect(() => a.fetcher.want('0x12' as Hex)).toThrow(expect.objectContaining({ code: 'BAD_ROOT' }));
  });
});

describe('bad peers', () => {
  it('a wrong leaf costs the liar its standing, and another peer gives the right one', async () => {
    const leaves = [text('true 0'), text('true 1'), text('true 2')];
    const liar = await impostor(
      () => indexOf(leaves),
      async function* () {
        yield framed(leaves[0]!, text('forged'));
      },
    );
    const honest = await holder();
    await honest.store.putStream(leaves, LIMITS);
    const a = await holder();
    await a.network.dial(liar.address);
    const waiting = a.fetcher.get(rootOf(leaves));
    await untilTrue(() => a.network.peers()[0]!.penalty > 0);
    await a.network.dial(honest.address);
    expect((await waiting).leafCount).toBe(3);
    expect(a.store.read(rootOf(leaves)).map(String)).toEqual(leaves.map(String));
    expect(a.logs.some((l) => l.message.includes('wrong artifact bytes'))).toBe(true);
  });

  it('leaf hashes that do not give the root are refused', async () => {
    const leaves = [text('x')];
    const liar = await impostor(
      () => indexOf([text('y')]),
      async function* () {
        yield framed(text('y'));
      },
    );
    const a = await holder();
    await a.network.dial(liar.address);
    a.fetcher.want(rootOf(leaves));
    await untilTrue(() => a.network.peers().every((p) => p.penalty > 0));
    expect(a.store.has(rootOf(leaves))).toBe(false);
  });

  it('inner nodes shown as leaves are found out by the first honest list', async () => {
    const leaves = Array.from({ length: 4 }, (_, i) => text(`leaf ${i}`));
    const inner = [leaves.slice(0, 2), leaves.slice(2)].map((pair) =>
      Buffer.from(rootOfLeafHashes(pair.map(leafHash))),
    );
    let indexAsked = 0;
    const liar = await impostor(
      () => {
        indexAsked += 1;
        return Buffer.concat(inner);
      },
      // biome-ignore lint/correctness/useYield: it never comes to an answer
      async function* () {
        throw new RequestError('BUSY', 'never any leaves');
      },
    );
    const a = await holder({ retryMinMs: 20 });
    await a.network.dial(liar.address);
    const waiting = a.fetcher.get(rootOf(leaves));
    await untilTrue(() => indexAsked > 0);
    const honest = await holder();
    await honest.store.putStream(leaves, LIMITS);
    await a.network.dial(honest.address);
    expect((await waiting).leafCount).toBe(4);
  });

  it('a peer that breaks off is continued by another one, leaf by leaf', async () => {
    const given: number[] = [];
    const breaksOff = await impostor(
      () => indexOf(big),
      async function* (request) {
        const first = firstLeafOf(request);
        for (let i = first; i < first + 5; i++) yield framed(big[i]!);
        await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
      },
    );
    const second = await impostor(
      () => indexOf(big),
      async function* (request) {
        const first = firstLeafOf(request);
        given.push(first);
        yield framed(...big.slice(first, first + 10));
      },
    );
    const a = await holder({ retryMinMs: 20 });
    await a.network.dial(breaksOff.address);
    const waiting = a.fetcher.get(rootOf(big));
    await untilTrue(() => a.fetcher.wanted()[0]?.leaves === 5);
    await breaksOff.network.stop();
    await a.network.dial(second.address);
    await waiting;
    expect(given).toEqual([5, 15, 25, 35]);
  });

  it('a slow peer is left for a faster one that continues', async () => {
    let slowAsked = 0;
    const slow = await impostor(
      () => indexOf(big),
      async function* (request) {
        slowAsked += 1;
        yield framed(big[firstLeafOf(request)]!);
        await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
      },
    );
    const a = await holder({ slowAfterMs: 600, slowBytesPerSecond: 1024 * 1024 });
    const fast = await holder();
    await fast.store.putStream(big, LIMITS);
    await a.network.dial(slow.address);
    await a.network.dial(fast.address);
    const order = a.network.peers().map((p) => p.id);
    expect(order[0]).toBe(slow.network.peerId);
    await a.fetcher.get(rootOf(big));
    expect(slowAsked).toBe(1);
    expect(a.network.peers().every((p) => p.penalty === 0)).toBe(true);
  });

  it('a slow peer that is the only one is waited for', async () => {
    const leaves = [text('one'), text('two')];
    const slow = await impostor(
      () => indexOf(leaves),
      async function* (request) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        yield framed(leaves[firstLeafOf(request)]!);
      },
    );
    const a = await holder({ slowAfterMs: 30 });
    await a.network.dial(slow.address);
    expect((await a.fetcher.get(rootOf(leaves))).leafCount).toBe(2);
  });

  it('content that breaks the limits of the chain is given up, whoever offers it', async () => {
    const leaves = [Uint8Array.of(0xff, 0xfe)];
    const a = await holder();
    const b = await holder({}, { ...LIMITS, utf8: false });
    await b.store.putStream(leaves, { ...LIMITS, utf8: false });
    await a.network.dial(b.address);
    await expect(a.fetcher.get(rootOf(leaves))).rejects.toMatchObject({ code: 'INVALID_UTF8' });
    expect(a.fetcher.wanted()).toEqual([]);
    // The peer did nothing wrong: it served what was asked for.
    expect(a.network.peers()[0]!.penalty).toBe(0);
  });

  it('garbage for leaves is never stored and always costs standing', async () => {
    const leaves = [text('a'), text('b')];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), async (garbage) => {
        // The first leaf by chance, or nothing wrong so far, would be fair play.
        fc.pre(!Buffer.concat(garbage).subarray(0, 5).equals(framed(leaves[0]!)));
        const liar = await impostor(
          () => indexOf(leaves),
          async function* () {
            yield* garbage;
          },
        );
        const a = await holder();
        await a.network.dial(liar.address);
        a.fetcher.want(rootOf(leaves));
        await untilTrue(() => a.network.peers().every((p) => p.penalty > 0));
        expect(a.store.has(rootOf(leaves))).toBe(false);
        expect(a.fetcher.wanted()).toMatchObject([{ leaves: 0 }]);
        a.fetcher.unwant(rootOf(leaves));
        await a.network.stop();
        await liar.network.stop();
      }),
      { numRuns: 10, verbose: 1 },
    );
  });

  it('many artifacts are fetched a few at a time, from those who have them', async () => {
    let active = 0;
    let mostActive = 0;
    const all = Array.from({ length: 24 }, (_, i) => [text(`first of ${i}`), text(`second of ${i}`)]);
    const byRoot = new Map(all.map((leaves) => [rootOf(leaves), leaves]));
    const served = async (half: number) => {
      const node = await cluster.prepare();
      const find = (payload: Uint8Array) => {
        const root: Hex = `0x${Buffer.from(payload.subarray(0, 32)).toString('hex')}`;
        const leaves = byRoot.get(root);
        if (!leaves || all.indexOf(leaves) % 2 !== half) throw new RequestError('NOT_FOUND', 'not here');
        return leaves;
      };
      node.network.handle(indexProtocol(LIMITS), async ({ payload }) => indexOf(find(payload)));
      node.network.handleStream(leavesProtocol(LIMITS), async function* ({ payload }) {
        active += 1;
        mostActive = Math.max(mostActive, active);
        await new Promise((resolve) => setTimeout(resolve, 10));
        active -= 1;
        yield framed(...find(payload));
      });
      await node.network.start();
      return node.network.addresses()[0]!;
    };
    const a = await holder({ maxDownloads: 3 });
    await a.network.dial(await served(0));
    await a.network.dial(await served(1));
    await Promise.all([...byRoot.keys()].map((root) => a.fetcher.get(root)));
    expect(mostActive).toBeGreaterThan(1);
    expect(mostActive).toBeLessThanOrEqual(3);
    expect(a.network.peers().every((p) => p.penalty === 0)).toBe(true);
  });

  it('nonsense requests are refused', async () => {
    const a = await holder();
    const b = await holder();
    const root = await a.store.putStream([text('x')], LIMITS);
    await b.network.dial(a.address);
    const peer = a.network.peerId;
    await expect(b.network.request(peer, indexProtocol(LIMITS), new Uint8Array(31))).rejects.toMatchObject({
      code: 'REFUSED',
    });
    await expect(b.network.request(peer, indexProtocol(LIMITS), new Uint8Array(32))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const beyond = Buffer.concat([Buffer.from(root.slice(2), 'hex'), Buffer.from([0, 0, 0, 1])]);
    await expect(b.network.request(peer, leavesProtocol(LIMITS), beyond)).rejects.toMatchObject({
      code: 'REFUSED',
    });
  });
});

describe('damage', () => {
  it('a file that rots on disk is fetched again by itself', async () => {
    const a = await holder();
    const b = await holder();
    const root = await a.store.putStream(big, LIMITS);
    await b.network.dial(a.address);
    await b.fetcher.get(root);
    const path = artifactPath(b.dir, root);
    const bytes = readFileSync(path);
    bytes[1000]! ^= 1;
    writeFileSync(path, bytes);
    const back = new Promise<Hex>((resolve) => b.store.onArrival(resolve));
    expect(b.store.verify(root)).toBe(false);
    expect(await back).toBe(root);
    expect(b.store.verify(root)).toBe(true);
  });
});

describe('a peer that asks for one artifact after another', () => {
  it('takes a small part of the main thread; what is in memory is told to everybody', async () => {
    let nowMs = 0;
    const clock = { nowMs: () => nowMs, setTimer: () => () => {} };
    const handlers = new Map<string, (request: IncomingRequest) => Promise<Uint8Array | undefined>>();
    const network = {
      handle: (spec: ProtocolSpec, handler: never) => void handlers.set(spec.name, handler),
      handleStream() {},
      onPeer: () => () => {},
    } as unknown as Network;
    const known: Hex = `0x${'01'.repeat(32)}`;
    let spentMs = 0;
    const store = {
      isKnown: (root: Hex) => root === known,
      leafHashes(root: Hex) {
        if (root !== known) {
          spentMs += 45;
          nowMs += 45;
        }
        return [new Uint8Array(32)];
      },
      onArrival: () => () => {},
      onDamage: () => () => {},
    } as unknown as ArtifactStore;
    const log = () => {};
    const random = { int: () => 0 };
    createArtifactFetcher({ network, store, artifactLimits: LIMITS, env: { clock, random, log } });
    const index = handlers.get('artifact-index')!;
    const ask = (peer: string, root: Uint8Array) =>
      index({ peer, payload: root, signal: new AbortController().signal }).then(
        () => 'OK',
        (error: RequestError) => error.code,
      );
    const other = Buffer.alloc(32, 2);
    // Ten seconds of fifty questions each, from one peer and then from ten.
    for (let i = 0; i < 500; i++) {
      await ask('greedy', other);
      nowMs += 20;
    }
    expect(spentMs).toBeLessThan(1_000 + (nowMs / 1_000) * 150 + 45);
    expect(await ask('modest', other)).toBe('OK');
    spentMs = 0;
    const from = nowMs;
    for (let i = 0; i < 5_000; i++) {
      await ask(`greedy ${i % 10}`, other);
      nowMs += 2;
    }
    expect(spentMs).toBeLessThan(1_000 + ((nowMs - from) / 1_000) * 300 + 45);
    expect(await ask('greedy 1', other)).toBe('BUSY');
    expect(await ask('greedy 1', Buffer.from(known.slice(2), 'hex'))).toBe('OK');
  });
});
