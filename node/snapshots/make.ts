/** Makes a snapshot of a chain in the same process, or of a stopped one. */
import { join } from 'node:path';
import { openDatabase } from '../../state/db/database.ts';
import { moduleTable } from '../../state/execution/module-table.ts';
import { createSnapshot } from '../../state/snapshot/create.ts';
import { openSnapshotFiles } from './files.ts';

export interface SnapshotSettings {
  readonly dataDir: string;
  readonly evidenceMaxAgeBlocks: number;
  readonly keep: number;
}

export interface SnapshotCalls {
  /** Number of chunks. */
  make(number: number): Promise<number>;
}

/** @throws StateNotAvailable, Fault if the database does not give the state root */
export async function makeSnapshot(settings: SnapshotSettings, number: number): Promise<number> {
  const db = await openDatabase(join(settings.dataDir, 'chain'), { readOnly: true });
  try {
    const writing = openSnapshotFiles(settings.dataDir).begin(number);
    let chunks = 0;
    try {
      const manifest = await createSnapshot(db, {
        number,
        evidenceMaxAgeBlocks: settings.evidenceMaxAgeBlocks,
        recordAccounts: moduleTable.recordAccounts,
        onChunk(index, bytes) {
          writing.chunk(index, bytes);
          chunks += 1;
        },
      });
      writing.finish(manifest, settings.keep);
    } catch (error) {
      writing.discard();
      throw error;
    }
    return chunks;
  } finally {
    await db.close();
  }
}
