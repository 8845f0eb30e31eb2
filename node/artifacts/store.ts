import { mkdirSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../validator/ports.ts';
import { ArtifactError } from './errors.ts';
import {
  artifactPath,
  artifactsDir,
  checkRoot,
  createFacts,
  describeLeaves,
  encodeTrailer,
  hasArtifact,
  loadArtifact,
  rootText,
} from './file.ts';
import { ARTIFACT_LIMITS, type ArtifactBounds } from './limits.ts';
import { equalBytes, leafHash } from './merkle.ts';
import type { ArtifactInfo, ArtifactLimits, ArtifactStore, ArtifactWriter, Hex } from './types.ts';

export interface ArtifactStoreOptions {
  /** The node's data directory, held by this process alone. */
  readonly dataDir: string;
  readonly log: Log;
  readonly limits?: Partial<ArtifactBounds>;
}

interface Known {
  readonly info: ArtifactInfo;
  readonly hashes: readonly Uint8Array[];
  /** Length of each leaf, in order. */
  readonly lengths: readonly number[];
}

/** Opens the store and clears away what a crash left half written. */
export function openArtifactStore(options: ArtifactStoreOptions): ArtifactStore {
  const { dataDir, log } = options;
  const limits: ArtifactBounds = { ...ARTIFACT_LIMITS, ...options.limits };
  const tempDir = join(artifactsDir(dataDir), 'tmp');
  rmSync(tempDir, { recursive: true, force: true });
  mkdirSync(tempDir, { recursive: true });

  /** In order of use: the first is forgotten first. */
  const known = new Map<Hex, Known>();
  let knownLeaves = 0;
  const arrivals = new Set<(root: Hex, info: ArtifactInfo) => void>();
  const damages = new Set<(root: Hex) => void>();
  const writers = new Set<ArtifactWriter>();
  let tempBytes = 0;
  let tempNumber = 0;
  let opening = 0;
  let closed = false;

  function remember(root: Hex, entry: Known): void {
    forget(root);
    known.set(root, entry);
    knownLeaves += entry.hashes.length;
    while (known.size > 1 && (known.size > limits.maxCachedArtifacts || knownLeaves > limits.maxCachedLeaves))
      forget(known.keys().next().value!);
  }

  function forget(root: Hex): void {
    const entry = known.get(root);
    if (!entry) return;
    known.delete(root);
    knownLeaves -= entry.hashes.length;
  }

  function load(root: Hex) {
    try {
      return loadArtifact(dataDir, root);
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'DAMAGED') dropDamaged(root);
      throw error;
    }
  }

  function dropDamaged(root: Hex): void {
    forget(root);
    rmSync(artifactPath(dataDir, root), { force: true });
    log('error', 'an artifact on disk was damaged and has been deleted; it will be fetched again', { root });
    notify(damages, (listener) => listener(root));
  }

  function lookUp(root: Hex): Known {
    const cached = known.get(root);
    if (cached && hasArtifact(dataDir, root)) {
      known.delete(root);
      known.set(root, cached);
      return cached;
    }
    const { leaves, hashes } = load(root);
    const entry = { info: describeLeaves(root, leaves), hashes, lengths: leaves.map((l) => l.byteLength) };
    remember(root, entry);
    return entry;
  }

  /** True if the artifact is here and whole. */
  function isWhole(root: Hex): boolean {
    try {
      load(root);
      return true;
    } catch (error) {
      if (error instanceof ArtifactError) return false;
      throw error;
    }
  }

  function notify<T>(listeners: Set<T>, call: (listener: T) => void): void {
    for (const listener of [...listeners]) {
      try {
        call(listener);
      } catch (error) {
        log('error', 'an artifact listener failed', { error: String(error) });
      }
    }
  }

  async function begin(bounds: ArtifactLimits): Promise<ArtifactWriter> {
    if (closed) throw new ArtifactError('CLOSED', 'the artifact store is closed');
    if (writers.size + opening >= limits.maxWriters)
      throw new ArtifactError('TEMP_SPACE_FULL', `${limits.maxWriters} transfers are running; try later`);
    tempNumber += 1;
    const path = join(tempDir, `${tempNumber}.part`);
    opening += 1;
    let file: FileHandle;
    try {
      file = await open(path, 'wx', 0o600);
    } finally {
      opening -= 1;
    }
    const facts = createFacts();
    const hashes: Uint8Array[] = [];
    const lengths: number[] = [];
    let size = 0;
    let ended = false;

    function release(): void {
      ended = true;
      writers.delete(writer);
      tempBytes -= size;
      size = 0;
    }

    async function discard(): Promise<void> {
      if (ended) return;
      release();
      await file.close().catch(() => {});
      await unlink(path).catch(() => {});
    }

    const writer: ArtifactWriter = {
      get leafCount() {
        return hashes.length;
      },
      async append(leaf) {
        if (ended) throw new ArtifactError('CLOSED', 'this transfer has ended');
        checkLeaf(leaf, hashes.length, size, bounds);
        if (tempBytes + leaf.byteLength > limits.maxTempBytes)
          throw new ArtifactError(
            'TEMP_SPACE_FULL',
            `transfers in progress fill ${limits.maxTempBytes} bytes; try later`,
          );
        tempBytes += leaf.byteLength;
        size += leaf.byteLength;
        if (!facts.add(leaf) && bounds.utf8)
          throw new ArtifactError('INVALID_UTF8', `record ${hashes.length} is not valid UTF-8`);
        hashes.push(leafHash(leaf));
        lengths.push(leaf.byteLength);
        await writeAll(file, leaf);
      },
      async finish(expectedRoot) {
        try {
          if (ended) throw new ArtifactError('CLOSED', 'this transfer has ended');
          if (hashes.length === 0)
            throw new ArtifactError('ARTIFACT_EMPTY', 'an artifact has at least one record');
          const root = rootText(hashes);
          if (expectedRoot !== undefined && root !== expectedRoot)
            throw new ArtifactError('ROOT_MISMATCH', `the content has the root ${root}, not ${expectedRoot}`);
          // A file that is there may be damaged; then this one replaces it.
          if (isWhole(root)) return root;
          await writeAll(file, encodeTrailer(lengths));
          await file.sync();
          await file.close();
          await moveDurably(path, artifactPath(dataDir, root));
          release();
          const info = facts.finish(root);
          remember(root, { info, hashes, lengths });
          notify(arrivals, (listener) => listener(root, info));
          return root;
        } finally {
          await discard();
        }
      },
      discard,
    };
    writers.add(writer);
    return writer;
  }

  return {
    dataDir,
    has(root) {
      return hasArtifact(dataDir, root);
    },
    isKnown: (root) => known.has(root),
    describe: (root) => lookUp(root).info,
    read: (root) => load(root).leaves,
    leafHashes: (root) => lookUp(root).hashes,
    async *stream(root, from = 0) {
      const { hashes, lengths } = lookUp(root);
      const file = await open(artifactPath(dataDir, root), 'r').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        throw new ArtifactError('NOT_FOUND', `artifact ${root} is not on this node`);
      });
      try {
        let at = lengths.slice(0, from).reduce((sum, length) => sum + length, 0);
        for (let i = from; i < hashes.length; i++) {
          const leaf = new Uint8Array(lengths[i]!);
          const { bytesRead } = await file.read(leaf, 0, leaf.byteLength, at);
          // Verified again on the way out: a disk that rots after the first look must not make this node a liar.
          if (bytesRead !== leaf.byteLength || !equalBytes(leafHash(leaf), hashes[i]!)) {
            dropDamaged(root);
            throw new ArtifactError('DAMAGED', `the file of artifact ${root} is damaged`);
          }
          at += leaf.byteLength;
          yield leaf;
        }
      } finally {
        await file.close();
      }
    },
    async putStream(leaves, bounds, expectedRoot) {
      if (expectedRoot !== undefined) checkRoot(expectedRoot);
      const writer = await begin(bounds);
      try {
        for await (const leaf of leaves) await writer.append(leaf);
        return await writer.finish(expectedRoot);
      } finally {
        await writer.discard();
      }
    },
    begin,
    delete(root) {
      forget(root);
      try {
        unlinkSync(artifactPath(dataDir, root));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    },
    verify: isWhole,
    onArrival(listener) {
      arrivals.add(listener);
      return () => arrivals.delete(listener);
    },
    onDamage(listener) {
      damages.add(listener);
      return () => damages.delete(listener);
    },
    async close() {
      closed = true;
      await Promise.all([...writers].map((writer) => writer.discard()));
    },
  };
}

/** Roots of all artifacts in a data directory, in no particular order. */
export function listArtifacts(dataDir: string): Hex[] {
  const dir = artifactsDir(dataDir);
  return readdirSync(dir)
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .flatMap((name) => readdirSync(join(dir, name)))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name): Hex => `0x${name}`);
}

function checkLeaf(leaf: Uint8Array, count: number, size: number, bounds: ArtifactLimits): void {
  if (leaf.byteLength === 0) throw new ArtifactError('LEAF_EMPTY', `record ${count} is empty`);
  if (leaf.byteLength > bounds.maxLeafBytes)
    throw new ArtifactError(
      'LEAF_TOO_LARGE',
      `record ${count} has ${leaf.byteLength} bytes, the limit is ${bounds.maxLeafBytes}`,
    );
  if (count >= bounds.maxLeaves)
    throw new ArtifactError('TOO_MANY_LEAVES', `more than ${bounds.maxLeaves} records`);
  if (size + leaf.byteLength > bounds.maxBytes)
    throw new ArtifactError('ARTIFACT_TOO_LARGE', `more than ${bounds.maxBytes} bytes`);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.byteLength) at += (await file.write(bytes, at, bytes.byteLength - at)).bytesWritten;
}

/** After this returns, a power cut leaves the file under its new name. */
async function moveDurably(from: string, to: string): Promise<void> {
  const shard = dirname(to);
  const created = await mkdir(shard, { recursive: true });
  await rename(from, to);
  await syncDirectory(shard);
  if (created !== undefined) await syncDirectory(dirname(shard));
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
