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
