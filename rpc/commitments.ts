/** Uploads are taken only for a commitment that stands in a final block and waits for its reveal (D2). */
import { commitmentOf, contribution, contributionIdOf } from '../state/modules/contribution/views.ts';
import type { ChainReader, Hex } from '../state/types.ts';
import type { ArtifactDeclaration } from './backend.ts';

export interface FoundCommitment {
  readonly hash: Hex;
  readonly contributionId: Hex;
  /** Last block in which the reveal can come. */
  readonly revealBy: number;
}

/** The open commitment that hides exactly this declaration, in the head's state. */
export function findCommitment(
  reader: ChainReader,
  declaration: ArtifactDeclaration,
  salt: Hex,
): FoundCommitment | undefined {
  const { sender, dataNetId, root, size } = declaration;
  const hash = commitmentOf({ sender, dataNetId, artifactRoot: root, size, salt });
  const contributionId = contributionIdOf(dataNetId, sender, hash);
  const head = reader.head().number;
  const found = contribution(reader.stateAt(head), contributionId);
  if (found === undefined || found.status !== 'committed' || found.revealBy <= head) return undefined;
  return { hash, contributionId, revealBy: found.revealBy };
}
