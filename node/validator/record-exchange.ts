/**
 * What a consensus key has signed, as one JSON file that travels to another machine with the key: the last vote, and
 * the attestations. Taking it over never loosens a record that is there already.
 */
import { dirname } from 'node:path';
import { bytesToHex, hexToBytes } from '../../consensus/bytes.ts';
import { asHeight, asRound, type Hash } from '../../consensus/types.ts';
import {
  decodeLastSigned,
  encodeLastSigned,
  type LastSigned,
  NEVER_SIGNED,
  SIGN_STEP,
} from '../../consensus/wal/last-signed.ts';
import { UserError } from '../config/errors.ts';
import { ATTESTED_FILE, decodeAttested, encodeAttested } from './attesting.ts';
import { createFileStorage } from './file-storage.ts';
import { LIMITS } from './limits.ts';
import type { Storage } from './ports.ts';
import { LAST_SIGNED_FILE } from './signing.ts';

const KIND = 'openledger-last-signed';
const VERSION = 1;

export interface SigningRecord {
  /** 48 bytes: a record says nothing about another key. */
  readonly publicKey: Hash;
  readonly genesisHash: Hash;
  readonly last: LastSigned;
  /** Subject to root. */
  readonly attested: ReadonlyMap<Hash, Hash>;
}

/** The record beside a key; undefined if there is none. @throws ConsensusError, UserError if it is damaged */
export function readRecord(storage: Storage): Pick<SigningRecord, 'last' | 'attested'> | undefined {
  const stored = storage.readFile(LAST_SIGNED_FILE);
  if (stored === undefined) return undefined;
  return {
    last: decodeLastSigned(stored, LAST_SIGNED_FILE),
    attested: decodeAttested(storage.readFile(ATTESTED_FILE) ?? new Uint8Array(0)),
  };
}

/** The record of the key in `keyFile`, which was just made. Does nothing where there is one. */
export function writeFirstRecord(keyFile: string): void {
  const storage = createFileStorage(dirname(keyFile));
  if (storage.readFile(LAST_SIGNED_FILE) === undefined)
    storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(NEVER_SIGNED));
}

export function recordToJson({ publicKey, genesisHash, last, attested }: SigningRecord): string {
  const json = {
    kind: KIND,
    version: VERSION,
    publicKey,
    genesisHash,
    lastSigned: { ...last, message: bytesToHex(last.message) },
    // The older ones are settled; the file beside the key may hold more until the next start (attesting.ts).
    attested: Object.fromEntries([...attested].slice(-LIMITS.attestedRecords / 2)),
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

/** @throws UserError RECORD_INVALID */
export function recordFromJson(text: string): SigningRecord {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw invalid(`not JSON: ${(error as Error).message}`);
  }
  if (json?.['kind'] !== KIND || json['version'] !== VERSION)
    throw invalid(`kind and version are not '${KIND}' and ${VERSION}`);
  const last = (json['lastSigned'] ?? {}) as Record<string, unknown>;
  const attested = Object.entries((json['attested'] ?? {}) as Record<string, unknown>);
  if (attested.length > LIMITS.attestedRecords)
    throw invalid(`more than ${LIMITS.attestedRecords} attestations`);
  const step = Object.values(SIGN_STEP).find((one) => one === last['step']);
  if (step === undefined) throw invalid('lastSigned.step is not 1, 2 or 3');
  return {
    publicKey: hex(json['publicKey'], 48, 'publicKey'),
    genesisHash: hex(json['genesisHash'], 32, 'genesisHash'),
    last: {
      height: asHeight(whole(last['height'], 'lastSigned.height')),
      round: asRound(whole(last['round'], 'lastSigned.round', 0xffff_ffff)),
      step,
      loggedBefore: whole(last['loggedBefore'], 'lastSigned.loggedBefore', 0xffff_ffff),
      message: message(last['message']),
    },
    attested: new Map(
      attested.map(([subject, root]) => [hex(subject, 32, 'a subject'), hex(root, 32, 'a root')]),
    ),
  };
}

/**
 * Takes over a record: of the votes the later one counts, of the attestations all.
 * @returns whether the record here was changed
 * @throws UserError RECORD_CONTRADICTS if both attest different roots for one subject
 */
export function mergeRecord(storage: Storage, record: SigningRecord): boolean {
  const own = readRecord(storage);
  const attested = new Map(own?.attested);
  for (const [subject, root] of record.attested) {
    const before = attested.get(subject);
    if (before !== undefined && before !== root)
      throw new UserError(
        'RECORD_CONTRADICTS',
        `the record here says that ${subject} was attested with ${before}, the other one with ${root}: the key has contradicted itself; nothing was changed`,
      );
    attested.set(subject, root);
  }
  const isLater = own === undefined || compare(record.last, own.last) > 0;
  // The attestations first: a record of votes must not exist without them.
  if (attested.size > (own?.attested.size ?? 0)) storage.replaceFile(ATTESTED_FILE, encodeAttested(attested));
  if (isLater) storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(record.last));
  return isLater || attested.size > (own?.attested.size ?? 0);
}

function compare(a: LastSigned, b: LastSigned): number {
  return a.height - b.height || a.round - b.round || a.step - b.step;
}

function hex(value: unknown, bytes: number, name: string): Hash {
  if (typeof value !== 'string' || !new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`).test(value))
    throw invalid(`${name} is not 0x and ${bytes * 2} hex digits`);
  return value as Hash;
}

function message(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^0x([0-9a-f]{2}){0,512}$/.test(value))
    throw invalid('lastSigned.message is not hex of at most 512 bytes');
  return hexToBytes(value as Hash, (value.length - 2) / 2);
}

function whole(value: unknown, name: string, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
    throw invalid(`${name} is not a whole number up to ${max}`);
  return value;
}

function invalid(problem: string): UserError {
  return new UserError('RECORD_INVALID', `not an exported last-signed record: ${problem}`);
}
