/** Fetching a snapshot from several peers, some of which are not what they seem. The network is one of function calls. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeConfig } from '../../../node/config/config.ts';
import { RequestError } from '../../../node/network/errors.ts';
import { createTokenBucket } from '../../../node/network/quota.ts';
import type { IncomingRequest, Network, PeerId } from '../../../node/network/types.ts';
import { beginWithSnapshot } from '../../../node/snapshots/begin.ts';
import { fetchSnapshot } from '../../../node/snapshots/fetch.ts';
import { openSnapshotFiles, type SnapshotFiles } from '../../../node/snapshots/files.ts';
import { makeSnapshot } from '../../../node/snapshots/make.ts';
import { askOffers, SNAPSHOT_PROTOCOL, serveSnapshots } from '../../../node/snapshots/protocol.ts';
import { openDatabase } from '../../../state/db/database.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { type Restore, startRestore, type Trust } from '../../../state/snapshot/restore.ts';
import type { Hex } from '../../../state/types.ts';
import { openTestChain, testGenesis, verifier } from '../state/support.ts';

const genesis = testGenesis();
let dir: string;
let files: SnapshotFiles;
let genesisHash: Hex;
let hashes: Hex[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ol-fetch-'));
  const chain = await openTestChain({ genesis, dir: join(dir, 'chain') });
  for (let i = 0; i < 6; i++) await chain.produce([]);
  const { reader } = chain.chain;
  genesisHash = reader.genesisHash;
  hashes = Array.from({ length: 7 }, (_, i) => reader.hashByNumber(i)!);
  await chain.close();
  const { evidenceMaxAgeBlocks } = genesis.params.consensus;
  for (const number of [2, 3, 5]) await makeSnapshot({ dataDir: dir, evidenceMaxAgeBlocks, keep: 2 }, number);
  files = openSnapshotFiles(dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Peers by name with the files that each serves. */
function networkOf(peers: Record<string, SnapshotFiles>): {
  network: Network;
  penalised: PeerId[];
  asked: string[];
} {
  const handlers = new Map<string, (request: IncomingRequest) => AsyncIterable<Uint8Array>>();
  for (const [peer, served] of Object.entries(peers))
    serveSnapshots(
      {
        handleStream: (_: unknown, handler: never) => void handlers.set(peer, handler),
      } as unknown as Network,
      served,
    );
  const penalised: PeerId[] = [];
  const asked: string[] = [];
  const network = {
    peers: () => Object.keys(peers).map((id) => ({ id })),
    requestStream(peer: PeerId, _: unknown, payload: Uint8Array) {
      asked.push(`${peer} ${payload[0]}`);
      return handlers.get(peer)!({ peer: 'me', payload, signal: new AbortController().signal });
    },
    penalise: (peer: PeerId) => void penalised.push(peer),
  } as unknown as Network;
  return { network, penalised, asked };
}

async function fetchFrom(
  peers: Record<string, SnapshotFiles>,
  trust: Trust = { height: 1, hash: hashes[1]! },
  signal?: AbortSignal,
) {
  const { network, penalised, asked } = networkOf(peers);
  const target = mkdtempSync(join(tmpdir(), 'ol-fetched-'));
  let db = await openDatabase(join(target, 'a'));
  let attempt = 0;
  let nowMs = 0;
  try {
    const result = await fetchSnapshot({
      network,
      clock: {
        nowMs: () => nowMs,
        setTimer(ms, run) {
          nowMs += ms;
          setImmediate(run);
          return () => {};
        },
      },
      log: () => {},
      trustHeight: trust.height,
      signal,
      async begin(manifest) {
        await db.close();
        db = await openDatabase(join(target, String(attempt++)));
        return startRestore(db, manifest, {
          genesisHash,
          params: genesis.params,
          trust,
          bls: verifier,
          modules: moduleTable,
        });
      },
    });
    return { result, penalised, asked };
  } finally {
    await db.close();
    rmSync(target, { recursive: true, force: true });
  }
}

/** Serves chunks with one byte changed. */
const liar = (): SnapshotFiles => ({
  ...files,
  chunk(height, index) {
    const bytes = files.chunk(height, index)?.slice();
    if (bytes !== undefined) bytes[bytes.length >> 1]! ^= 1;
    return bytes;
  },
});

describe('an empty node', () => {
  it('keeps the newest snapshots only', () => {
    expect(files.list()).toEqual([5, 3]);
  });

  it('takes the newest snapshot, from all who have it', async () => {
    const { result, penalised } = await fetchFrom({ anna: files, bert: files });
    expect(result).toMatchObject({ result: 'restored', peers: 2, head: { number: 5, hash: hashes[5] } });
    expect(penalised).toEqual([]);
  });

  it('puts out a peer whose chunk is wrong, and goes on with the others', async () => {
    const { result, penalised } = await fetchFrom({ anna: liar(), bert: files });
    expect(result).toMatchObject({ result: 'restored', peers: 1, head: { number: 5 } });
    expect(penalised).toEqual(['anna']);
  });

  it('says why when nothing that is offered is right, or nothing is offered', async () => {
    const lied = await fetchFrom({ anna: liar() });
    expect(lied.result).toMatchObject({
      result: 'none',
      reason: expect.stringMatching(/WRONG_CHUNK|MALFORMED/),
    });
    expect((await fetchFrom({})).result).toMatchObject({
      result: 'none',
      reason: expect.stringMatching(/no peer offers/),
    });
    const later = await fetchFrom({ anna: files }, { height: 6, hash: hashes[6]! });
    expect(later.result).toMatchObject({ result: 'none', reason: expect.stringMatching(/block 6 or later/) });
    const other = await fetchFrom({ anna: files }, { height: 1, hash: hashes[2]! });
    expect(other.result).toMatchObject({ result: 'none', reason: expect.stringMatching(/NOT_TRUSTED/) });
  });

  it('tells all reasons, and blames nobody for a snapshot that was replaced since it was offered', async () => {
    let asked = 0;
    const replaced: SnapshotFiles = {
      ...files,
      manifest: (height) => (height === 3 && asked++ > 0 ? undefined : files.manifest(height)),
    };
    const { result, penalised } = await fetchFrom({ anna: replaced }, { height: 1, hash: hashes[2]! });
    expect(result).toMatchObject({
      result: 'none',
      reason: expect.stringMatching(/NOT_TRUSTED: .*; no manifest: /),
    });
    // For the first one.
    expect(penalised).toEqual(['anna']);
  });

  it('asks again a peer that is busy, and blames nobody for being busy or gone', async () => {
    let busy = 3;
    const later: SnapshotFiles = {
      ...files,
      chunk(height, index) {
        if (busy-- > 0) throw new RequestError('BUSY', 'later');
        return files.chunk(height, index);
      },
    };
    const { result, penalised } = await fetchFrom({ anna: later });
    expect(result).toMatchObject({ result: 'restored', head: { number: 5 } });
    expect(penalised).toEqual([]);
    const gone: SnapshotFiles = {
      ...files,
      chunk() {
        throw new RequestError('DISCONNECTED', 'gone');
      },
    };
    const without = await fetchFrom({ anna: gone });
    expect(without.result).toMatchObject({ result: 'none', reason: expect.stringMatching(/did not come/) });
    expect(without.penalised).toEqual([]);
  });

  it('never asks for more than a peer grants, however fast it is itself', async () => {
    let nowMs = 0;
    const clock = {
      nowMs: () => nowMs,
      setTimer(ms: number, run: () => void) {
        nowMs += ms;
        setImmediate(run);
        return () => {};
      },
    };
    const { requestsPerSecond, burst } = SNAPSHOT_PROTOCOL;
    const granted = createTokenBucket(clock, requestsPerSecond, burst);
    const many: SnapshotFiles = { ...files, list: () => [5], chunk: () => Uint8Array.of(1) };
    const { network } = networkOf({ anna: many });
    const { requestStream } = network;
    let refused = 0;
    const counted = {
      ...network,
      requestStream(...of: Parameters<typeof requestStream>) {
        if (granted.take()) return requestStream(...of);
        refused += 1;
        throw new RequestError('BUSY', 'too many requests');
      },
    };
    let taken = 0;
    const result = await fetchSnapshot({
      network: counted,
      clock,
      log: () => {},
      trustHeight: 1,
      begin: async () =>
        ({
          manifest: { chunks: 300 },
          add: async () => void taken++,
          finish: async () => ({ number: 5 }),
        }) as unknown as Restore,
    });
    expect(result).toMatchObject({ result: 'restored' });
    expect(taken).toBe(300);
    expect(refused).toBe(0);
  });

  it('that is stopped while it looks for a snapshot does not begin a chain without one', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'ol-stopped-'));
    const stop = new AbortController();
    const config = {
      dataDir: empty,
      trustHeight: 1,
      trustHash: hashes[1]!,
      p2p: { bootstrap: [], persistent: [] },
    } as unknown as NodeConfig;
    try {
      const beginning = beginWithSnapshot({
        config,
        genesis,
        nodeKey: new Uint8Array(32).fill(7),
        log: (_level, message) => {
          if (message.includes('looking for a snapshot')) stop.abort();
        },
        signal: stop.signal,
      });
      await expect(beginning).rejects.toMatchObject({ code: 'STOPPED' });
      expect(readdirSync(empty)).toEqual([]);
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
    const busy: SnapshotFiles = {
      ...files,
      chunk() {
        leave.abort();
        throw new RequestError('DISCONNECTED', 'the network is stopping');
      },
    };
    const leave = new AbortController();
    await expect(fetchFrom({ anna: busy, bert: busy }, undefined, leave.signal)).rejects.toMatchObject({
      code: 'STOPPED',
    });
  });

  it('reads and hashes each manifest once, however often it is asked what it offers', async () => {
    let read = 0;
    let heights = [5, 3];
    const counted: SnapshotFiles = {
      ...files,
      list: () => heights,
      manifest(height) {
        read += 1;
        return files.manifest(height);
      },
    };
    const { network } = networkOf({ anna: counted });
    for (let i = 0; i < 10; i++) expect(await askOffers(network, 'anna')).toHaveLength(2);
    expect(read).toBe(2);
    heights = [5];
    expect(await askOffers(network, 'anna')).toMatchObject([{ height: 5 }]);
  });
});
