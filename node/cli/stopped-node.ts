/** The folder of a node that does not run, for the commands that look at its database or mend it. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Genesis, Hex } from '../../genesis/types.ts';
import { type DatabaseFiles, openDatabase } from '../../state/db/database.ts';
import { metaKey } from '../../state/db/keys.ts';
import { ChainError } from '../../state/types.ts';
import { loadConfig, type NodeConfig } from '../config/config.ts';
import { readGenesisFile } from '../config/genesis-file.ts';
import type { Environment, FlagSpec } from './command.ts';

export const HOME_FLAG = {
  type: 'string',
  value: 'DIR',
  help: "the node's folder (default $OPENLEDGER_HOME, else ./.openledger)",
} as const satisfies FlagSpec;

type Around = Pick<Environment, 'variables' | 'workingDirectory'>;

/** Settings of the node in `home`, as `start` would read them without flags. @throws UserError CONFIG_INVALID */
export function configOf(home: string | undefined, { variables, workingDirectory }: Around): NodeConfig {
  const folder = resolve(workingDirectory, home ?? variables['OPENLEDGER_HOME'] ?? '.openledger');
  return loadConfig({ home: folder, environment: variables });
}

export function chainDirectory(config: NodeConfig): string {
  return join(config.dataDir, 'chain');
}

/**
 * Runs `work` on the database of a stopped node; nothing else can open it meanwhile.
 * @throws ChainError NOT_INITIALISED, DATA_DIR_IN_USE
 */
export async function withStoppedChain<T>(
  config: NodeConfig,
  work: (db: DatabaseFiles) => Promise<T>,
): Promise<T> {
  const directory = chainDirectory(config);
  if (!existsSync(directory))
    throw new ChainError('NOT_INITIALISED', `no chain in ${directory}: start a node there first`);
  const db = await openDatabase(directory);
  try {
    if (db.get(metaKey('head')) === undefined)
      throw new ChainError('NOT_INITIALISED', `no chain in ${directory}: start a node there first`);
    return await work(db);
  } finally {
    await db.close();
  }
}

/**
 * Holds the lock of the data folder for a moment: whoever has it also writes the files beside. A damaged database is
 * nobody's: its lock is looked at before its files.
 * @throws ChainError DATA_DIR_IN_USE
 */
export async function refuseWhileRunning(config: NodeConfig): Promise<void> {
  const directory = chainDirectory(config);
  if (!existsSync(directory)) return;
  try {
    await (await openDatabase(directory)).close();
  } catch (error) {
    if (!(error instanceof ChainError) || error.code !== 'DATABASE_DAMAGED') throw error;
  }
}

/** Genesis file of the node and the hash of its block 0. @throws UserError FILE_MISSING, GenesisError */
export async function genesisOf(config: NodeConfig): Promise<{ genesis: Genesis; genesisHash: Hex }> {
  const genesis = readGenesisFile(config.genesis, config.home);
  const [{ makeGenesisBlock }, { moduleTable }] = await Promise.all([
    import('../../state/genesis-block.ts'),
    import('../../state/execution/module-table.ts'),
  ]);
  const { block } = await makeGenesisBlock(genesis, moduleTable);
  return { genesis, genesisHash: block.hash };
}
