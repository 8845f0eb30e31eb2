/** The consensus log of a node's folder, for the commands that look at it while the node is stopped. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WalScan } from '../../consensus/wal/frame.ts';
import { scanRecords, type WalRecord } from '../../consensus/wal/records.ts';
import { UserError } from '../config/errors.ts';
import { WAL_FILE } from '../validator/wal.ts';
import type { Environment } from './command.ts';
import { configOf, whileStopped } from './stopped-node.ts';

export interface WalFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly scan: WalScan;
  /** Of the frames of `scan`, one each. */
  readonly records: readonly WalRecord[];
}

/**
 * Runs `work` on the log; no node writes to it meanwhile.
 * @throws UserError FILE_MISSING; DATA_DIR_IN_USE while the node runs, since the log changes then.
 */
export async function withWal<T>(
  home: string | undefined,
  environment: Pick<Environment, 'variables' | 'workingDirectory'>,
  work: (wal: WalFile) => T,
): Promise<T> {
  const config = configOf(home, environment);
  const path = join(config.dataDir, 'consensus', WAL_FILE);
  if (!existsSync(path)) throw new UserError('FILE_MISSING', `there is no consensus log at ${path}`);
  return whileStopped(config, () => {
    const bytes = new Uint8Array(readFileSync(path));
    return work({ path, bytes, ...scanRecords(bytes) });
  });
}
