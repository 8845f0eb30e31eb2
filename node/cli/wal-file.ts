/** The consensus log of a node's folder, for the commands that look at it while the node is stopped. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scanFrames, type WalScan } from '../../consensus/wal/frame.ts';
import { UserError } from '../config/errors.ts';
import { WAL_FILE } from '../validator/wal.ts';
import type { Environment } from './command.ts';
import { configOf, refuseWhileRunning } from './stopped-node.ts';

export interface WalFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly scan: WalScan;
}

/** @throws UserError FILE_MISSING; DATA_DIR_IN_USE while the node runs, since the log changes then. */
export async function readWal(
  home: string | undefined,
  environment: Pick<Environment, 'variables' | 'workingDirectory'>,
): Promise<WalFile> {
  const config = configOf(home, environment);
  const path = join(config.dataDir, 'consensus', WAL_FILE);
  if (!existsSync(path)) throw new UserError('FILE_MISSING', `there is no consensus log at ${path}`);
  await refuseWhileRunning(config);
  const bytes = new Uint8Array(readFileSync(path));
  return { path, bytes, scan: scanFrames(bytes) };
}
