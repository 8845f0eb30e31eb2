/** The last-signed record of a stopped node, for the commands about it. */
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { SIGN_STEP } from '../../consensus/wal/last-signed.ts';
import type { NodeConfig } from '../config/config.ts';
import { systemReason, UserError } from '../config/errors.ts';
import { publicKeyInFile } from '../keys/consensus-key.ts';
import { toHex } from '../keys/hex.ts';
import { lockKey } from '../keys/key-lock.ts';
import { movedAway } from '../keys/retired-record.ts';
import { createFileStorage } from '../validator/file-storage.ts';
import type { Storage } from '../validator/ports.ts';
import { readRecord, type SigningRecord } from '../validator/record-exchange.ts';
import { configOf, genesisOf, whileStopped } from './stopped-node.ts';

/** 65,536 attestations as JSON take 10 MB. */
const MAX_RECORD_FILE_BYTES = 16 << 20;

export interface KeyRecord {
  readonly config: NodeConfig;
  readonly publicKey: SigningRecord['publicKey'];
  /** Files beside the key. */
  readonly storage: Storage;
}

/**
 * Runs `work` on the record of the key. No node can take the key meanwhile: one that a service manager starts again
 * every few seconds would sign what an export or import of that moment does not know.
 * @throws UserError NO_VALIDATOR_KEY, KEY_FILE_MISSING; DATA_DIR_IN_USE, KEY_IN_USE while the node runs
 */
export async function withKeyRecord<T>(
  home: string | undefined,
  environment: Parameters<typeof configOf>[1],
  work: (opened: KeyRecord) => Promise<T>,
): Promise<T> {
  const config = configOf(home, environment);
  const { key } = config.validator;
  if (key === '')
    throw new UserError('NO_VALIDATOR_KEY', `${config.home} has no validator.key: a full node signs nothing`);
  const publicKey = toHex(publicKeyInFile(key)) as SigningRecord['publicKey'];
  return whileStopped(config, async () => {
    // A node that was started with another data folder has the key all the same.
    const lock = await lockKey(key).catch((error: unknown) => {
      // Whoever holds a lock is met before a full disk, and nobody takes it on one.
      if (error instanceof UserError && error.code === 'DISK_FULL') return undefined;
      throw error;
    });
    try {
      return await work({ config, publicKey, storage: createFileStorage(dirname(key)) });
    } finally {
      await lock?.release();
    }
  });
}

/** @throws UserError LAST_SIGNED_MISSING */
export async function wholeRecord({ config, publicKey, storage }: KeyRecord): Promise<SigningRecord> {
  const own = readRecord(storage);
  if (own === undefined)
    throw new UserError(
      'LAST_SIGNED_MISSING',
      `there is no last-signed record beside ${config.validator.key}` +
        (movedAway(config.validator.key)
          ? ': it was exported with --retire, the key lives on another machine'
          : ''),
    );
  const { genesisHash } = await genesisOf(config);
  return { publicKey, genesisHash, ...own };
}

/** `height 12 round 0 precommit` */
export function placeText({ last }: Pick<SigningRecord, 'last'>): string {
  if (last.height === 0) return 'nothing yet';
  const step = Object.entries(SIGN_STEP).find(([, value]) => value === last.step)?.[0] ?? String(last.step);
  return `height ${last.height} round ${last.round} ${step}`;
}

/** An exported record, as text. @throws UserError FILE_MISSING, RECORD_INVALID */
export function readRecordFile(path: string): string {
  try {
    if (statSync(path).size > MAX_RECORD_FILE_BYTES)
      throw new UserError('RECORD_INVALID', `${path} is too large to be an exported record`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('FILE_MISSING', `cannot read ${path}: ${systemReason(error)}`);
  }
}
