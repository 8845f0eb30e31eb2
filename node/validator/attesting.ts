/**
 * The guard against attesting two roots for one subject. What the key attested lies beside it, a record a subject, and
 * is durable before a signature leaves; the record of votes (last-signed) is another file, since attestations have no
 * order.
 */
import { bytesToHex, hexToBytes, reader, writer } from '../../consensus/bytes.ts';
import { attestationSignBytes } from '../../consensus/sign-bytes.ts';
import type { Hash } from '../../consensus/types.ts';
import { crc32c } from '../../consensus/wal/crc32c.ts';
import { UserError } from '../config/errors.ts';
import { LIMITS } from './limits.ts';
import type { AppendFile, Log, Signer, Storage } from './ports.ts';

export const ATTESTED_FILE = 'attested';

/** subject (32) ‖ root (32) ‖ crc32c u32 of both */
const RECORD_BYTES = 68;

export interface AttestingGuard {
  /** 96 bytes, or null if the key has attested another root for this subject, or the guard is closed. */
  sign(subject: Hash, root: Hash): Uint8Array | null;
  close(): void;
}

/** @throws UserError ATTESTED_DAMAGED: the node must not attest until a person has looked. */
export function openAttestingGuard(parts: {
  readonly storage: Storage;
  readonly signer: Signer;
  readonly genesisHash: Hash;
  readonly log: Log;
}): AttestingGuard {
  const { storage, signer, genesisHash, log } = parts;
  shorten(storage);
  const file = storage.openAppend(ATTESTED_FILE);
  const attested = load(file);
  let isOpen = true;

  return {
    sign(subject, root) {
      if (!isOpen) return null;
      const before = attested.get(subject);
      if (before !== undefined && before !== root) {
        log('error', 'not attesting: the key has attested another root for this subject', {
          subject,
          root,
          before,
        });
        return null;
      }
      if (before === undefined) {
        file.append(encodeRecord(subject, root));
        file.fsync();
        attested.set(subject, root);
      }
      return signer.sign(attestationSignBytes(genesisHash, subject, root));
    },
    close() {
      isOpen = false;
      file.close();
    },
  };
}

function encodeRecord(subject: Hash, root: Hash): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  record.set(hexToBytes(subject, 32), 0);
  record.set(hexToBytes(root, 32), 32);
  record.set(
    writer(4)
      .u32(crc32c(record, 0, 64))
      .finish(),
    64,
  );
  return record;
}

/** A record that a crash cut short was never signed for: it is cut off. */
function load(file: AppendFile): Map<Hash, Hash> {
  const bytes = file.read();
  const attested = decodeAttested(bytes);
  const torn = bytes.length % RECORD_BYTES;
  if (torn > 0) file.truncate(bytes.length - torn);
  return attested;
}

/** The file's content for these attestations, in order. */
export function encodeAttested(attested: ReadonlyMap<Hash, Hash>): Uint8Array {
  const bytes = new Uint8Array(attested.size * RECORD_BYTES);
  let at = 0;
  for (const [subject, root] of attested) {
    bytes.set(encodeRecord(subject, root), at);
    at += RECORD_BYTES;
  }
  return bytes;
}

/** Inverse of `encodeAttested`; a torn end is left out. @throws UserError ATTESTED_DAMAGED */
export function decodeAttested(bytes: Uint8Array): Map<Hash, Hash> {
  const attested = new Map<Hash, Hash>();
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    if (crc32c(bytes, at, at + 64) !== reader(bytes.subarray(at + 64, at + RECORD_BYTES)).u32())
      throw new UserError(
        'ATTESTED_DAMAGED',
        `the record '${ATTESTED_FILE}' beside the consensus key is damaged at byte ${at}. Without it the key could ` +
          'attest two roots for one subject and be slashed. Restore the file from the same disk, or wait until every ' +
          'subject that the key may have attested is settled (ol_attestations) and remove it',
      );
    attested.set(bytesToHex(bytes.subarray(at, at + 32)), bytesToHex(bytes.subarray(at + 32, at + 64)));
  }
  return attested;
}

/** Far more than can be open at once stays; older ones are settled, and the chain takes no attestation of them. */
function shorten(storage: Storage): void {
  const bytes = storage.readFile(ATTESTED_FILE);
  const records = Math.floor((bytes?.length ?? 0) / RECORD_BYTES);
  if (bytes === undefined || records <= LIMITS.attestedRecords) return;
  decodeAttested(bytes);
  const kept = LIMITS.attestedRecords / 2;
  storage.replaceFile(ATTESTED_FILE, bytes.slice((records - kept) * RECORD_BYTES, records * RECORD_BYTES));
}
