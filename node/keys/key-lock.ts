/**
 * One record, one process. What a consensus key signed last lies beside the key, so two nodes that share the key's
 * folder would overwrite each other's record and sign two different things, even with data folders of their own.
 * The lock is the one that LevelDB takes on a database without entries: the system gives it back when the process
 * ends, however it ends, and it holds between containers that share a disk.
 */
import { accessSync, constants, existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Level } from 'level';
import { isDiskFull } from '../../state/db/database.ts';
import { systemReason, UserError } from '../config/errors.ts';
import { ATTESTED_FILE } from '../validator/attesting.ts';
import { LAST_SIGNED_FILE } from '../validator/signing.ts';

/** The folder of the lock, beside the key. */
export const KEY_LOCK_FOLDER = 'in-use';

export interface KeyLock {
  release(): Promise<void>;
}

/**
 * Holds the folder of a consensus key until it is released or the process ends.
 * @throws UserError KEY_IN_USE, KEY_FOLDER_UNUSABLE, DISK_FULL
 */
export async function lockKey(keyFile: string): Promise<KeyLock> {
  checkRecords(dirname(keyFile));
  const folder = join(dirname(keyFile), KEY_LOCK_FOLDER);
  const problem = await tryLock(folder);
  if ('release' in problem) return problem;
  if (!isDamage(problem.error)) throw refusal(keyFile, problem.error);
  // Nothing of value is in it. The file of the lock itself stays: whoever holds it meanwhile goes on holding it.
  for (const name of readdirSync(folder)) if (name !== 'LOCK') rmSync(join(folder, name), { force: true });
  const again = await tryLock(folder);
  if ('release' in again) return again;
  throw refusal(keyFile, again.error);
}

/** A record that was brought by another user, as root, is noticed here and not at the first vote. */
function checkRecords(folder: string): void {
  for (const name of [LAST_SIGNED_FILE, ATTESTED_FILE]) {
    const path = join(folder, name);
    try {
      if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      throw new UserError(
        'KEY_FOLDER_UNUSABLE',
        `cannot use ${path}, where the node keeps what the key signed: ${systemReason(error)}; ` +
          'it must belong to the user that runs the node',
      );
    }
  }
}

async function tryLock(folder: string): Promise<KeyLock | { error: unknown }> {
  const level = new Level(folder);
  try {
    await level.open();
    return { release: () => level.close() };
  } catch (error) {
    return { error };
  }
}

function reasonOf(error: unknown): { code: string | undefined; text: string } {
  const { cause } = error as Error & { cause?: Error & { code?: string } };
  return { code: cause?.code, text: cause?.message ?? systemReason(error) };
}

function isDamage(error: unknown): boolean {
  const { code, text } = reasonOf(error);
  return code === 'LEVEL_CORRUPTION' || /corruption|does not exist|no such file/i.test(text);
}

function refusal(keyFile: string, error: unknown): UserError {
  if (reasonOf(error).code === 'LEVEL_LOCKED')
    return new UserError(
      'KEY_IN_USE',
      `another process signs with the key of ${keyFile}: stop it. One key must never run in two nodes, whatever ` +
        'their data folders: it would sign two different things and lose a part of its bond',
    );
  if (isDiskFull(error))
    return new UserError('DISK_FULL', `the disk that holds ${keyFile} is full: make room, then start again`);
  return new UserError(
    'KEY_FOLDER_UNUSABLE',
    `cannot write beside ${keyFile}, where the node keeps what the key signed: ${reasonOf(error).text}`,
  );
}
