/** Facts about artifacts for execution: from the files beside the database, verified once, kept bounded. */
import type { ArtifactInfo, Hex } from '../../state/types.ts';
import { Fault, Unavailable } from '../../state/types.ts';
import { describeArtifact, hasArtifact, readArtifact } from '../artifacts/file.ts';
import { LIMITS } from './limits.ts';

export interface ArtifactPort {
  /** @throws Unavailable while this node does not hold the bytes, Fault when the disk fails. */
  describe(root: Hex): ArtifactInfo;
  /** Whether the file is there, unverified; if not, it is asked for. */
  isHere(root: Hex): boolean;
  /** All leaves, read and verified each time. @throws as `describe` */
  read(root: Hex): Uint8Array[];
}

/** @param onMissing told each time that bytes are looked for and are not here */
export function createArtifactPort(dataDir: string, onMissing: (root: Hex) => void): ArtifactPort {
  /** In order of use. */
  const known = new Map<Hex, ArtifactInfo>();
  let leaves = 0;

  const guard = <T>(root: Hex, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== 'NOT_FOUND' && code !== 'DAMAGED')
        throw new Fault(
          `artifact ${root} could not be read: ${error instanceof Error ? error.message : error}`,
        );
      onMissing(root);
      throw new Unavailable({ kind: 'artifact', root });
    }
  };

  return {
    describe(root) {
      let info = known.get(root);
      if (info === undefined) {
        info = guard(root, () => describeArtifact(dataDir, root));
        leaves += info.leafCount;
      } else known.delete(root);
      known.set(root, info);
      for (const [oldest, { leafCount }] of known) {
        if (leaves <= LIMITS.knownLeaves || oldest === root) break;
        known.delete(oldest);
        leaves -= leafCount;
      }
      return info;
    },
    isHere(root) {
      const here = hasArtifact(dataDir, root);
      if (!here) onMissing(root);
      return here;
    },
    read: (root) => guard(root, () => readArtifact(dataDir, root)),
  };
}
