/** The accepted records that a version is trained on, from the artifacts of this node. */
import type { CorpusRecord } from '../../attribution/api.ts';
import { Fault, type SequenceEntry } from '../../state/types.ts';
import { readLeaves, recordsIn } from '../attribution-pool/contributions.ts';
import { contributions } from '../executor-thread/corpus-source.ts';

/** @throws MissingArtifact; Fault if an artifact has another number of records than the chain says */
export function* acceptedRecords(
  dataDir: string,
  entries: readonly SequenceEntry[],
): Generator<CorpusRecord> {
  for (const entry of entries)
    for (const contribution of contributions(dataDir, [entry])) {
      const leaves = readLeaves(contribution.leaves);
      if (leaves.length !== entry.recordCount)
        throw new Fault(
          `artifact ${entry.artifactRoot} has ${leaves.length} records, the chain says ${entry.recordCount}`,
        );
      yield* recordsIn(contribution, leaves);
    }
}
