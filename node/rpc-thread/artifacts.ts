/** Artifacts as this thread reads them: straight from the files, verified each time they are read. */
import { describeArtifact, hasArtifact, readArtifact } from '../artifacts/file.ts';
import type { ArtifactReader } from './backend.ts';

export function readerOfArtifacts(dataDir: string): ArtifactReader {
  const ifHere = <T>(root: `0x${string}`, read: () => T): T | undefined => {
    if (!hasArtifact(dataDir, root)) return undefined;
    try {
      return read();
    } catch (error) {
      // Deleted or found damaged between the two looks: this node does not hold it (any more).
      const { code } = error as { code?: unknown };
      if (code === 'NOT_FOUND' || code === 'DAMAGED' || code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    describe: (root) => ifHere(root, () => describeArtifact(dataDir, root)),
    leaves: (root) => ifHere(root, () => readArtifact(dataDir, root)),
  };
}
