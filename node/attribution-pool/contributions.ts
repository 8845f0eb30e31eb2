/** What the worker reads of a pinned contribution: its size and name without its bytes, its records with them. */
import { createHash, type Hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { type CorpusRecord, packOrderKey } from '../../attribution/api.ts';
import type { Hex } from '../../state/types.ts';
import { artifactPath, readArtifact } from '../artifacts/file.ts';
import type { LeafSource, PinnedContribution } from './types.ts';

/** An artifact that this node does not hold, or holds damaged. */
export class MissingArtifact extends Error {
  readonly root: Hex;
  constructor(root: Hex) {
    super(`artifact ${root} is not here`);
    this.root = root;
  }
}

/** Bytes of its artifact, accepted or not: the same on every node, and known without reading it. @throws MissingArtifact */
export function sizeOf({ leaves }: PinnedContribution): number {
  if (leaves.kind === 'inline') return leaves.leaves.reduce((sum, leaf) => sum + leaf.length, 0);
  try {
    return statSync(artifactPath(leaves.dataDir, leaves.root)).size;
  } catch (error) {
    throw missingOr(error, leaves.root);
  }
}

/** Adds to `hash` all that a segment's content depends on. */
export function hashContribution(hash: Hash, contribution: PinnedContribution): void {
  const { commitSequence, contributor, dataNetId, contributionId, accepted, leaves } = contribution;
  hash.update(`\n${commitSequence} ${contributor} ${dataNetId} ${contributionId} `);
  hash.update(accepted === null ? 'all' : Buffer.from(accepted).toString('hex'));
  if (leaves.kind === 'file') hash.update(` ${leaves.root}`);
  else for (const leaf of leaves.leaves) hash.update(` ${createHash('sha256').update(leaf).digest('hex')}`);
}

/** Its accepted records. @throws MissingArtifact */
export function* recordsOf(contribution: PinnedContribution): Generator<CorpusRecord> {
  yield* recordsIn(contribution, readLeaves(contribution.leaves));
}

/** Its accepted records among all its leaves. */
export function* recordsIn(
  { accepted, commitSequence, contributor, dataNetId, contributionId }: PinnedContribution,
  leaves: readonly Uint8Array[],
): Generator<CorpusRecord> {
  for (let recordIndex = 0; recordIndex < leaves.length; recordIndex++) {
    if (accepted !== null && ((accepted[recordIndex >> 3] ?? 0) & (1 << (recordIndex & 7))) === 0) continue;
    const orderKey = packOrderKey(commitSequence, recordIndex);
    yield { orderKey, contributor, dataNetId, contributionId, recordIndex, bytes: leaves[recordIndex]! };
  }
}

/** All leaves. @throws MissingArtifact */
export function readLeaves(source: LeafSource): readonly Uint8Array[] {
  if (source.kind === 'inline') return source.leaves;
  try {
    return readArtifact(source.dataDir, source.root);
  } catch (error) {
    throw missingOr(error, source.root);
  }
}

function missingOr(error: unknown, root: Hex): unknown {
  const { code } = error as { code?: unknown };
  return code === 'NOT_FOUND' || code === 'DAMAGED' || code === 'ENOENT' ? new MissingArtifact(root) : error;
}
