/** The records behind a model's pinned snapshots, read from a node: entries from state, bytes by artifact root. */
import {
  buildTokenIndex,
  type Corpus,
  type CorpusRecord,
  createCorpus,
  packOrderKey,
  type TokenIndex,
} from '../../attribution/api.ts';
import { dataNetInterface } from '../../state/modules/interfaces.ts';
import type { Hex } from '../../state/types.ts';
import { downloadArtifact } from '../client/artifacts.ts';
import type { ChainClient } from '../client/client.ts';

export interface PinnedSnapshot {
  readonly dataNetId: bigint;
  readonly length: bigint;
  readonly historyHash: Hex;
}

export async function loadIndex(
  client: ChainClient,
  snapshots: readonly PinnedSnapshot[],
  signal: AbortSignal,
): Promise<TokenIndex> {
  return buildTokenIndex(await loadCorpus(client, snapshots, signal));
}

/** The list of contributions is the node's word; their bytes are checked against the artifact roots that it names. */
export async function loadCorpus(
  client: ChainClient,
  snapshots: readonly Pick<PinnedSnapshot, 'dataNetId' | 'length'>[],
  signal: AbortSignal,
): Promise<Corpus> {
  const records: CorpusRecord[] = [];
  for (const snapshot of snapshots) {
    for (let index = 0n; index < snapshot.length; index += 1n) {
      signal.throwIfAborted();
      const [entry] = await client.view(dataNetInterface, 'entry', [snapshot.dataNetId, index]);
      const leaves = await downloadArtifact(client.rpc.url, entry.artifactRoot, signal);
      leaves.forEach((bytes, recordIndex) => {
        if (((entry.accepted[recordIndex >> 3] ?? 0) & (1 << (recordIndex & 7))) === 0) return;
        records.push({
          orderKey: packOrderKey(Number(entry.commitSequence), recordIndex),
          contributor: entry.contributor,
          dataNetId: Number(snapshot.dataNetId),
          contributionId: Number(entry.commitSequence),
          recordIndex,
          bytes,
        });
      });
    }
  }
  return createCorpus(records);
}

/** Where a record is that an attribution names. */
export interface CitedRecord {
  readonly contributionId: Hex;
  readonly artifactRoot: Hex;
  readonly recordIndex: number;
  readonly dataNetId: number;
  readonly contributor: Hex;
}

/** Some records alone, in the order in which they are named. Their bytes are checked against the artifact roots. */
export async function loadCited(
  client: ChainClient,
  cited: readonly CitedRecord[],
  signal: AbortSignal,
): Promise<Corpus> {
  const artifacts = new Map<Hex, readonly Uint8Array[]>();
  const records: CorpusRecord[] = [];
  for (const [rank, { artifactRoot, recordIndex, dataNetId, contributor }] of cited.entries()) {
    signal.throwIfAborted();
    const leaves =
      artifacts.get(artifactRoot) ?? (await downloadArtifact(client.rpc.url, artifactRoot, signal));
    artifacts.set(artifactRoot, leaves);
    const bytes = leaves[recordIndex];
    if (bytes === undefined) throw new Error(`artifact ${artifactRoot} has no record ${recordIndex}`);
    records.push({
      orderKey: packOrderKey(rank, recordIndex),
      contributor,
      dataNetId,
      contributionId: rank,
      recordIndex,
      bytes,
    });
  }
  return createCorpus(records);
}
