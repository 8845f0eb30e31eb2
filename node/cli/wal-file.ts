/** The consensus log of a node's folder, for the commands that look at it while the node is stopped. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { scanFrames, type WalScan } from '../../consensus/wal/frame.ts';
import { openDatabase } from '../../state/db/database.ts';
import { loadConfig } from '../config/config.ts';
import { UserError } from '../config/errors.ts';
import { WAL_FILE } from '../validator/wal.ts';
import type { Environment } from './command.ts';

export interface WalFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly scan: WalScan;
}

/** @throws UserError FILE_MISSING; DATA_DIR_IN_USE while the node runs, since the log changes then. */
export async function readWal(
  home: string | undefined,
  { variables, workingDirectory }: Pick<Environment, 'variables' | 'workingDirectory'>,
): Promise<WalFile> {
  const folder = resolve(workingDirectory, home ?? variables['OPENLEDGER_HOME'] ?? '.openledger');
  const { dataDir } = loadConfig({ home: folder, environment: variables });
  const path = join(dataDir, 'consensus', WAL_FILE);
  if (!existsSync(path)) throw new UserError('FILE_MISSING', `there is no consensus log at ${path}`);
  // The database has the lock; whoever holds it also writes the log.
  const chainDir = join(dataDir, 'chain');
  if (existsSync(chainDir)) await (await openDatabase(chainDir)).close();
  const bytes = new Uint8Array(readFileSync(path));
  return { path, bytes, scan: scanFrames(bytes) };
}
