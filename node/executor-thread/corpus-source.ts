/** What the attribution pool is told of the chain: parameters of the rule, and pinned contributions by their files. */
import type { TokenAttributionParams } from '../../attribution/api.ts';
import type { RetrievalParams } from '../../attribution/retrieval/api.ts';
import type { ChainParams } from '../../genesis/types.ts';
import type { PinnedEntry } from '../../state/types.ts';
import type { PinnedContribution } from '../attribution-pool/index.ts';

export function tokenParams({ attribution }: ChainParams): TokenAttributionParams {
  const { version, lmin, lmax, sminQ16, wmaxQ16, maxOutputTokens, maxPromptBytes } = attribution;
  const { recordCapPermille, contributorCapPermille, coverageCapPermille, maxContributors } = attribution;
  return {
    version,
    lmin,
    lmax,
    sminQ16,
    wmaxQ16,
    maxOutputTokens,
    // A token has at least one byte, so no prompt that the chain takes is refused.
    maxPromptTokens: maxPromptBytes,
    recordCapPermille,
    contributorCapPermille,
    coverageCapPermille,
    maxContributors,
  };
}

export function retrievalParams({ retrieval }: ChainParams): RetrievalParams {
  const { version, maxCitations, thresholdPermille } = retrieval;
  const { recordCapPermille, contributorCapPermille, coverageCapPermille } = retrieval;
  return {
    version,
    maxCitations,
    thresholdPermille,
    recordCapPermille,
    contributorCapPermille,
    coverageCapPermille,
  };
}

/** The commit's number stands for the contribution in the pool, which knows contributions by number. */
export function* contributions(
  dataDir: string,
  sequence: readonly PinnedEntry[],
): Generator<PinnedContribution> {
  for (const entry of sequence)
    yield {
      commitSequence: entry.commitSequence,
      contributor: entry.contributor.toLowerCase(),
      dataNetId: entry.dataNetId,
      contributionId: entry.commitSequence,
      accepted: entry.accepted,
      ...(entry.founders !== undefined && { founders: entry.founders }),
      leaves: { kind: 'file', dataDir, root: entry.artifactRoot },
    };
}
