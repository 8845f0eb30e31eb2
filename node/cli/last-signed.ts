/** The last-signed record of a stopped node, for the commands about it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SIGN_STEP } from '../../consensus/wal/last-signed.ts';
import type { NodeConfig } from '../config/config.ts';
import { systemReason, UserError } from '../config/errors.ts';
import { publicKeyInFile } from '../keys/consensus-key.ts';
import { toHex } from '../keys/hex.ts';
import { KEY_LOCK_FOLDER, lockKey } from '../keys/key-lock.ts';
import { createFileStorage } from '../validator/file-storage.ts';
import type { Storage } from '../validator/ports.ts';
import { readRecord, type SigningRecord } from '../validator/record-exchange.ts';
import { configOf, genesisOf, refuseWhileRunning } from './stopped-node.ts';

/** 65,536 attestations as JSON take 10 MB. */
const MAX_RECORD_FILE_BYTES = 16 << 20;

export interface KeyRecord {
  readonly config: NodeConfig;
  readonly publicKey: SigningRecord['publicKey'];
  /** Files beside the key. */
  readonly storage: Storage;
}

/** @throws UserError NO_VALIDATOR_KEY, KEY_FILE_MISSING; DATA_DIR_IN_USE, KEY_IN_USE while the node runs */
export async function openKeyRecord(
  home: string | undefined,
  environment: Parameters<typeof configOf>[1],
): Promise<KeyRecord> {
  const config = configOf(home, environment);
  const { key } = config.validator;
  if (key === '')
    throw new UserError('NO_VALIDATOR_KEY', `${config.home} has no validator.key: a full node signs nothing`);
  const publicKey = toHex(publicKeyInFile(key)) as SigningRecord['publicKey'];
  await refuseWhileRunning(config);
  // A node that was started with another data folder has the key all the same.
  if (existsSync(join(dirname(key), KEY_LOCK_FOLDER))) await (await lockKey(key)).release();
  return { config, publicKey, storage: createFileStorage(dirname(key)) };
}

/** @throws UserError LAST_SIGNED_MISSING */
export async function wholeRecord({ config, publicKey, storage }: KeyRecord): Promise<SigningRecord> {
  const own = readRecord(storage);
  if (own === undefined)
    throw new UserError(
      'LAST_SIGNED_MISSING',
      `there is no last-signed record beside ${config.validator.key}`,
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
