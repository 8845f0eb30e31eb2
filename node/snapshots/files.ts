/** Snapshots on disk: `snapshots/HEIGHT/manifest` and `snapshots/HEIGHT/N.chunk`. A folder is there as a whole or not. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeManifest } from '../../state/snapshot/format.ts';

export interface SnapshotFiles {
  /** Heights, highest first. */
  list(): number[];
  manifest(height: number): Uint8Array | undefined;
  chunk(height: number, index: number): Uint8Array | undefined;
  /** Writes a snapshot; `finish` makes it visible, and deletes all but the newest `keep`; `discard` leaves nothing of it. */
  begin(height: number): {
    chunk(index: number, bytes: Uint8Array): void;
    finish(manifest: Uint8Array, keep: number): void;
    discard(): void;
  };
}

export function openSnapshotFiles(dataDir: string): SnapshotFiles {
  const root = join(dataDir, 'snapshots');
  const folder = (height: number): string => join(root, String(height));
  const read = (height: number, name: string): Uint8Array | undefined => {
    if (!Number.isSafeInteger(height) || height < 0) return undefined;
    try {
      return new Uint8Array(readFileSync(join(folder(height), name)));
    } catch (error) {
      // Deleted between two looks.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  const list = (): number[] =>
    existsSync(root)
      ? readdirSync(root)
          .filter((name) => /^\d{1,15}$/.test(name))
          .map(Number)
          .sort((a, b) => b - a)
      : [];
  return {
    list,
    manifest: (height) => read(height, 'manifest'),
    chunk: (height, index) => read(height, `${index}.chunk`),
    begin(height) {
      const partial = `${folder(height)}.partial`;
      removePartial(root);
      mkdirSync(partial, { recursive: true });
      // Durable before it is visible: peers put a node out whose chunk is empty after a cut of the power.
      const write = (name: string, bytes: Uint8Array): void =>
        writeFileSync(join(partial, name), bytes, { flush: true });
      return {
        chunk: (index, bytes) => write(`${index}.chunk`, bytes),
        finish(manifest, keep) {
          write('manifest', manifest);
          rmSync(folder(height), { recursive: true, force: true });
          renameSync(partial, folder(height));
          for (const old of list().slice(keep)) rmSync(folder(old), { recursive: true, force: true });
        },
        discard: () => rmSync(partial, { recursive: true, force: true }),
      };
    },
  };
}

/** What a kill or a full disk left of others: one is made at a time, since the database lets one process in. */
function removePartial(root: string): void {
  if (!existsSync(root)) return;
  for (const name of readdirSync(root))
    if (name.endsWith('.partial')) rmSync(join(root, name), { recursive: true, force: true });
}

/** Bytes and number of chunks of a stored snapshot. */
export function snapshotFacts(
  files: SnapshotFiles,
  height: number,
): { chunks: number; bytes: number } | undefined {
  const manifest = files.manifest(height);
  if (manifest === undefined) return undefined;
  const { chunks } = decodeManifest(manifest);
  let bytes = manifest.length;
  for (let i = 0; i < chunks; i++) bytes += files.chunk(height, i)?.length ?? 0;
  return { chunks, bytes };
}
