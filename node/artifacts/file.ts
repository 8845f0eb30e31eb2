/**
 * One artifact, one file: `<data dir>/artifacts/<first two digits>/<root>`, content
 * `leaves ‖ length u32be of each leaf ‖ leaf count u32be ‖ magic`. The table stands at the end, so that a file can be
 * written while its leaves arrive. These functions are synchronous and hold no state: any thread may use them.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ArtifactError } from './errors.ts';
import { ARTIFACT_LIMITS } from './limits.ts';
import { HASH_BYTES, leafHash, rootOfLeafHashes } from './merkle.ts';
import type { ArtifactInfo, Hex } from './types.ts';
import { isUtf8 } from './utf8.ts';

const MAGIC = Buffer.from('OLARTF01', 'latin1');
const TRAILER_BYTES = 4 + MAGIC.length;

/** @throws ArtifactError BAD_ROOT: a root becomes part of a path, so nothing else may pass. */
export function checkRoot(root: string): asserts root is Hex {
  if (!/^0x[0-9a-f]{64}$/.test(root))
    throw new ArtifactError('BAD_ROOT', 'an artifact root is 0x and 64 lower-case hexadecimal digits');
}

export function artifactsDir(dataDir: string): string {
  return join(dataDir, 'artifacts');
}

/** @throws ArtifactError BAD_ROOT */
export function artifactPath(dataDir: string, root: Hex): string {
  checkRoot(root);
  return join(artifactsDir(dataDir), root.slice(2, 4), root.slice(2));
}

export function hasArtifact(dataDir: string, root: Hex): boolean {
  return existsSync(artifactPath(dataDir, root));
}

export function encodeTrailer(lengths: readonly number[]): Uint8Array {
  const out = Buffer.alloc(lengths.length * 4 + TRAILER_BYTES);
  lengths.forEach((length, i) => {
    out.writeUInt32BE(length, i * 4);
  });
  out.writeUInt32BE(lengths.length, lengths.length * 4);
  MAGIC.copy(out, lengths.length * 4 + 4);
  return out;
}

/** Leaves as views into `file`, or undefined if the file has not this form. */
export function splitFile(file: Uint8Array): Uint8Array[] | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < TRAILER_BYTES || !bytes.subarray(-MAGIC.length).equals(MAGIC)) return undefined;
  const count = bytes.readUInt32BE(bytes.length - TRAILER_BYTES);
  const tableAt = bytes.length - TRAILER_BYTES - count * 4;
  if (count === 0 || tableAt < 0) return undefined;
  const leaves: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const end = at + bytes.readUInt32BE(tableAt + i * 4);
    if (end === at || end > tableAt) return undefined;
    leaves.push(file.subarray(at, end));
    at = end;
  }
  return at === tableAt ? leaves : undefined;
}

export interface LoadedArtifact {
  readonly leaves: Uint8Array[];
  /** Merkle leaf hashes, in order. */
  readonly hashes: Uint8Array[];
}

/**
 * Reads and verifies an artifact.
 * @throws ArtifactError NOT_FOUND, DAMAGED, BAD_ROOT
 */
export function loadArtifact(dataDir: string, root: Hex): LoadedArtifact {
  const path = artifactPath(dataDir, root);
  let file: Uint8Array;
  try {
    if (statSync(path).size > ARTIFACT_LIMITS.maxFileBytes) throw damaged(root);
    file = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new ArtifactError('NOT_FOUND', `artifact ${root} is not on this node`);
    throw error;
  }
  const leaves = splitFile(file);
  if (!leaves) throw damaged(root);
  const hashes = leaves.map(leafHash);
  if (rootText(hashes) !== root) throw damaged(root);
  return { leaves, hashes };
}

/**
 * All leaves of an artifact, verified against its root. For worker threads: reads the file each time.
 * @param dataDir the node's data directory
 * @throws ArtifactError NOT_FOUND, DAMAGED, BAD_ROOT
 */
export function readArtifact(dataDir: string, root: Hex): Uint8Array[] {
  return loadArtifact(dataDir, root).leaves;
}

/** Facts for execution, verified. Reads the file each time. @throws ArtifactError NOT_FOUND, DAMAGED, BAD_ROOT */
export function describeArtifact(dataDir: string, root: Hex): ArtifactInfo {
  return describeLeaves(root, loadArtifact(dataDir, root).leaves);
}

export function describeLeaves(root: Hex, leaves: readonly Uint8Array[]): ArtifactInfo {
  const facts = createFacts();
  for (const leaf of leaves) facts.add(leaf);
  return facts.finish(root);
}

/** Gathers an artifact's facts leaf by leaf. */
export function createFacts() {
  let size = 0;
  let largestLeaf = 0;
  let smallestLeaf = Number.MAX_SAFE_INTEGER;
  let utf8 = true;
  const leafHashes: Uint8Array[] = [];
  return {
    /** @returns whether the leaf is valid UTF-8 */
    add(leaf: Uint8Array): boolean {
      size += leaf.byteLength;
      largestLeaf = Math.max(largestLeaf, leaf.byteLength);
      smallestLeaf = Math.min(smallestLeaf, leaf.byteLength);
      leafHashes.push(createHash('sha256').update(leaf).digest());
      const valid = isUtf8(leaf);
      utf8 &&= valid;
      return valid;
    },
    finish: (root: Hex): ArtifactInfo => ({
      root,
      size,
      leafCount: leafHashes.length,
      largestLeaf,
      smallestLeaf,
      utf8,
      leafHashes,
    }),
  };
}

/** Root of leaf hashes as text. */
export function rootText(hashes: readonly Uint8Array[]): Hex {
  return `0x${Buffer.from(rootOfLeafHashes(hashes)).toString('hex')}`;
}

/** Leaf hashes from their concatenation, or undefined if the length is not a multiple of 32, or zero. */
export function splitHashes(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.byteLength === 0 || bytes.byteLength % HASH_BYTES !== 0) return undefined;
  return Array.from({ length: bytes.byteLength / HASH_BYTES }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

function damaged(root: Hex): ArtifactError {
  return new ArtifactError('DAMAGED', `the file of artifact ${root} is damaged; it will be fetched again`);
}
