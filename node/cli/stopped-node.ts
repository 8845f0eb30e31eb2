/** The folder of a node that does not run, for the commands that look at its database or mend it. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Genesis, Hex } from '../../genesis/types.ts';
import { toHex } from '../../state/crypto.ts';
import { type DatabaseFiles, openDatabase } from '../../state/db/database.ts';
import { metaKey } from '../../state/db/keys.ts';
import { ChainError } from '../../state/types.ts';
import { loadConfig, type NodeConfig, UserError } from '../config/config.ts';
import { systemReason } from '../config/errors.ts';
import { readGenesisFile } from '../config/genesis-file.ts';
import type { Environment, FlagSpec } from './command.ts';

export const HOME_FLAG = {
  type: 'string',
  value: 'DIR',
  help: "the node's folder (default $OPENLEDGER_HOME, else ./.openledger)",
} as const satisfies FlagSpec;

type Around = Pick<Environment, 'variables' | 'workingDirectory'>;

/**
 * Settings of the node in `home`, as `start` would read them without flags.
 * @throws UserError CONFIG_INVALID, FILE_MISSING where there is no folder that could be looked into
 */
export function configOf(home: string | undefined, { variables, workingDirectory }: Around): NodeConfig {
  const folder = resolve(workingDirectory, home ?? variables['OPENLEDGER_HOME'] ?? '.openledger');
  try {
    statSync(`${folder}/.`);
  } catch (error) {
    // The files in there would otherwise seem to be missing.
    throw new UserError(
      'FILE_MISSING',
      `cannot look into the node's folder ${folder}: ${systemReason(error)}; name it with --home or OPENLEDGER_HOME, ` +
        'and run this as the user of the node',
    );
  }
  return loadConfig({ home: folder, environment: variables });
}

export function chainDirectory(config: NodeConfig): string {
  return join(config.dataDir, 'chain');
}

/**
 * Runs `work` on the database of a stopped node; nothing else can open it meanwhile. With `signal` it ends where that
 * says so: each batch is there as a whole or not at all.
 * @throws ChainError NOT_INITIALISED, DATA_DIR_IN_USE; UserError INTERRUPTED
 */
export async function withStoppedChain<T>(
  config: NodeConfig,
  work: (db: DatabaseFiles) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const directory = chainDirectory(config);
  if (!existsSync(directory))
    throw new ChainError('NOT_INITIALISED', `no chain in ${directory}: start a node there first`);
  const db = await openDatabase(directory);
  try {
    if (db.get(metaKey('head')) === undefined)
      throw new ChainError('NOT_INITIALISED', `no chain in ${directory}: start a node there first`);
    return await unlessInterrupted(() => work(db), signal);
  } finally {
    await db.close();
  }
}

export const interrupted = (): UserError => new UserError('INTERRUPTED', 'interrupted; run it again');

/** Ends `work` where `signal` says so. @throws UserError INTERRUPTED */
export async function unlessInterrupted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return work();
  if (signal.aborted) throw interrupted();
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(interrupted()), { once: true });
    work().then(resolve, reject);
  });
}

/** What a node opens first, and a node that begins with a snapshot before that. */
const LOCKED_FOLDERS = ['chain', 'chain.restoring'];

/**
 * Runs `work` on the files beside the database while no node can start: one that a service manager starts again every
 * few seconds would otherwise begin in the middle of it. A database that is damaged or finds no room is nobody's, since
 * its lock is looked at before its files, and no node opens it either.
 * @throws ChainError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export async function whileStopped<T>(config: NodeConfig, work: () => T | Promise<T>): Promise<T> {
  const held: DatabaseFiles[] = [];
  try {
    for (const name of LOCKED_FOLDERS) {
      const directory = join(config.dataDir, name);
      if (!existsSync(directory)) continue;
      const db = await openDatabase(directory).catch((error: unknown) => {
        if (error instanceof ChainError && ['DATABASE_DAMAGED', 'DISK_FULL'].includes(error.code))
          return undefined;
        throw error;
      });
      if (db !== undefined) held.push(db);
    }
    return await work();
  } finally {
    for (const db of held) await db.close();
  }
}

/** The same for a moment. @throws ChainError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE */
export async function refuseWhileRunning(config: NodeConfig): Promise<void> {
  await whileStopped(config, () => {});
}

/** @throws ChainError WRONG_CHAIN: what else would be said of the database would be wrong. */
export function refuseOtherChain(db: DatabaseFiles, config: NodeConfig, genesisHash: Hex): void {
  const stored = db.get(metaKey('genesis'));
  if (stored === undefined || toHex(stored) === genesisHash) return;
  throw new ChainError(
    'WRONG_CHAIN',
    `${config.dataDir} holds the chain with genesis ${toHex(stored)}, but ${config.genesis} gives ${genesisHash}: ` +
      'put the right genesis file there',
  );
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
