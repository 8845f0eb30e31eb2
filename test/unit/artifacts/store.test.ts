import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { artifactPath, describeArtifact, readArtifact } from '../../../node/artifacts/file.ts';
import { merkleRoot } from '../../../node/artifacts/merkle.ts';
import { listArtifacts, openArtifactStore } from '../../../node/artifacts/store.ts';
import type { ArtifactLimits, ArtifactStore, Hex } from '../../../node/artifacts/types.ts';

const LIMITS: ArtifactLimits = { maxBytes: 1000, maxLeafBytes: 400, maxLeaves: 5, utf8: true };
const text = (value: string) => new TextEncoder().encode(value);
const rootOf = (leaves: Uint8Array[]): Hex => `0x${Buffer.from(merkleRoot(leaves)).toString('hex')}`;

let dir: string;
let store: ArtifactStore;
let logs: string[];
const openStore = (limits = {}) =>
  openArtifactStore({ dataDir: dir, log: (level, message) => logs.push(`${level} ${message}`), limits });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'artifacts-'));
  logs = [];
  store = openStore();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const tempFiles = () => readdirSync(join(dir, 'artifacts', 'tmp'));

describe('what goes in comes out', () => {
  const leaves = [text('first record'), text('zweiter Datensatz, größer'), text('三')];

  it('under the Merkle root, with all facts, also after a restart and without the store', async () => {
    const arrived: Hex[] = [];
    store.onArrival((root) => arrived.push(root));
    const root = await store.putStream(leaves, LIMITS);
    expect(root).toBe(rootOf(leaves));
    expect(arrived).toEqual([root]);
    await store.close();
    store = openStore();
    for (const info of [store.describe(root), describeArtifact(dir, root)])
      expect(info).toEqual({
        root,
        size: leaves.reduce((sum, leaf) => sum + leaf.length, 0),
        leafCount: 3,
        largestLeaf: leaves[1]!.length,
        smallestLeaf: 3,
        utf8: true,
        leafHashes: leaves.map((leaf) => createHash('sha256').update(leaf).digest()),
      });
    expect(readArtifact(dir, root).map((leaf) => Buffer.from(leaf).toString())).toEqual(
      leaves.map((leaf) => Buffer.from(leaf).toString()),
    );
    const streamed: string[] = [];
    for await (const leaf of store.stream(root, 1)) streamed.push(Buffer.from(leaf).toString());
    expect(streamed).toEqual(leaves.slice(1).map((leaf) => Buffer.from(leaf).toString()));
    expect(listArtifacts(dir)).toEqual([root]);
  });

  it('once: a second upload of the same content changes nothing', async () => {
    const arrived: Hex[] = [];
    const root = await store.putStream(leaves, LIMITS);
    store.onArrival((r) => arrived.push(r));
    expect(await store.putStream(leaves, LIMITS, root)).toBe(root);
    expect(arrived).toEqual([]);
    expect(tempFiles()).toEqual([]);
  });

  it('says so when something is not there', () => {
    const missing: Hex = `0x${'ab'.repeat(32)}`;
    expect(store.has(missing)).toBe(false);
    expect(() => store.describe(missing)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(() => readArtifact(dir, missing)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(() => store.has('0x../../etc/passwd' as Hex)).toThrow(
      expect.objectContaining({ code: 'BAD_ROOT' }),
    );
  });
});

describe('limits are checked while the bytes arrive', () => {
  const cases: [string, Uint8Array[], string][] = [
    ['nothing at all', [], 'ARTIFACT_EMPTY'],
    ['an empty record', [text('a'), text('')], 'LEAF_EMPTY'],
    ['a record that is too large', [new Uint8Array(401).fill(97)], 'LEAF_TOO_LARGE'],
    ['too many records', Array.from({ length: 6 }, () => text('x')), 'TOO_MANY_LEAVES'],
    ['too much in total', [400, 400, 201].map((n) => new Uint8Array(n).fill(97)), 'ARTIFACT_TOO_LARGE'],
    ['bytes that are not UTF-8', [text('fine'), Uint8Array.of(0xc3, 0x28)], 'INVALID_UTF8'],
  ];
  for (const [name, leaves, code] of cases)
    it(`${name} is refused and leaves nothing behind`, async () => {
      await expect(store.putStream(leaves, LIMITS)).rejects.toMatchObject({ code });
      expect(tempFiles()).toEqual([]);
      expect(listArtifacts(dir)).toEqual([]);
    });

  it('exactly at the limits everything passes', async () => {
    const sizes = [400, 400, 100, 50, 50];
    await store.putStream(
      sizes.map((n) => new Uint8Array(n).fill(97)),
      LIMITS,
    );
  });

  it('stops reading at the first broken limit', async () => {
    let pulled = 0;
    async function* endless() {
      for (;;) {
        pulled += 1;
        yield text('x');
      }
    }
    await expect(store.putStream(endless(), LIMITS)).rejects.toMatchObject({ code: 'TOO_MANY_LEAVES' });
    expect(pulled).toBe(6);
  });

  it('D2: other content than committed to is refused', async () => {
    await expect(store.putStream([text('a')], LIMITS, rootOf([text('b')]))).rejects.toMatchObject({
      code: 'ROOT_MISMATCH',
    });
    expect(tempFiles()).toEqual([]);
  });

  it('files that are no text may be stored where text is not asked for', async () => {
    const root = await store.putStream([Uint8Array.of(0xff)], { ...LIMITS, utf8: false });
    expect(store.describe(root).utf8).toBe(false);
  });

  it('transfers in progress share a bounded space, which is given back', async () => {
    await store.close();
    store = openStore({ maxTempBytes: 500, maxWriters: 2 });
    const first = await store.begin(LIMITS);
    await first.append(new Uint8Array(300).fill(97));
    await expect(store.putStream([new Uint8Array(300).fill(98)], LIMITS)).rejects.toMatchObject({
      code: 'TEMP_SPACE_FULL',
    });
    const second = await store.begin(LIMITS);
    await expect(store.begin(LIMITS)).rejects.toMatchObject({ code: 'TEMP_SPACE_FULL' });
    await second.discard();
    await first.discard();
    await store.putStream([new Uint8Array(300).fill(98)], LIMITS);
    expect(tempFiles()).toEqual([]);
  });
});

describe('accidents', () => {
  const leaves = [text('one'), text('two')];

  it('a crash in the middle of an upload leaves no rubbish after the next start', async () => {
    const writer = await store.begin(LIMITS);
    await writer.append(text('half'));
    expect(tempFiles()).toHaveLength(1);
    // The process dies here: nothing is closed.
    const next = openStore();
    expect(tempFiles()).toEqual([]);
    await next.close();
  });

  const harm: [string, (path: string) => void][] = [
    [
      'a flipped bit',
      (path) => {
        const bytes = readFileSync(path);
        bytes[0]! ^= 1;
        writeFileSync(path, bytes);
      },
    ],
    ['a truncated file', (path) => truncateSync(path, 9)],
    ['an empty file', (path) => truncateSync(path, 0)],
    [
      'a wrong table of lengths',
      (path) => {
        const bytes = readFileSync(path);
        bytes[9]! ^= 1;
        writeFileSync(path, bytes);
      },
    ],
  ];
  for (const [name, act] of harm)
    it(`${name} is noticed, the file deleted and the loss told`, async () => {
      const root = await store.putStream(leaves, LIMITS);
      await store.close();
      act(artifactPath(dir, root));
      store = openStore();
      const lost: Hex[] = [];
      store.onDamage((r) => lost.push(r));
      expect(() => readArtifact(dir, root)).toThrow(expect.objectContaining({ code: 'DAMAGED' }));
      expect(() => store.describe(root)).toThrow(expect.objectContaining({ code: 'DAMAGED' }));
      expect(lost).toEqual([root]);
      expect(store.has(root)).toBe(false);
      expect(logs.some((line) => line.startsWith('error'))).toBe(true);
      expect(await store.putStream(leaves, LIMITS)).toBe(root);
      expect(store.verify(root)).toBe(true);
    });

  it('damage that happens after the first look is noticed while serving', async () => {
    const root = await store.putStream(leaves, LIMITS);
    store.describe(root);
    const bytes = readFileSync(artifactPath(dir, root));
    bytes[4]! ^= 1;
    writeFileSync(artifactPath(dir, root), bytes);
    const served: string[] = [];
    const reading = (async () => {
      for await (const leaf of store.stream(root)) served.push(Buffer.from(leaf).toString());
    })();
    await expect(reading).rejects.toMatchObject({ code: 'DAMAGED' });
    expect(served).toEqual(['one']);
    expect(existsSync(artifactPath(dir, root))).toBe(false);
  });

  it('what is remembered is bounded, and forgetting changes no answer', async () => {
    await store.close();
    store = openStore({ maxCachedArtifacts: 2 });
    const roots: Hex[] = [];
    for (let i = 0; i < 5; i++) roots.push(await store.putStream([text(`n${i}`)], LIMITS));
    for (const root of roots) expect(store.describe(root).leafCount).toBe(1);
  });
});
