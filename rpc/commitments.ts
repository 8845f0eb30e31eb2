import type { ChainReader, Hex } from '../state/types.ts';
import type { ArtifactDeclaration } from './backend.ts';
export function findCommitment(_r: ChainReader, _d: ArtifactDeclaration, _s: Hex): { hash: Hex } | undefined {
  return undefined;
}
