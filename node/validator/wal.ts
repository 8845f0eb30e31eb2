/** The write-ahead log of the height being decided, on a file. Formats: consensus/wal/. */
import { ConsensusError } from '../../consensus/errors.ts';
import type { Hash, Height } from '../../consensus/types.ts';
import { walDamage } from '../../consensus/wal/frame.ts';
import { encodeRecord, scanRecords, type WalRecord } from '../../consensus/wal/records.ts';
import { LIMITS } from './limits.ts';
import type { AppendFile, Log, Storage } from './ports.ts';

export const WAL_FILE = 'consensus.wal';

export type OpenedWal =
  /** Fresh log for this height. */
  | { readonly result: 'new' }
  /** The node stopped in this height: what it had seen and signed. */
  | { readonly result: 'resume'; readonly records: readonly WalRecord[] }
  /** The log is about a later height than the database: the database is older than the log. */
  | { readonly result: 'ahead'; readonly height: Height };

export interface Wal {
  /** Prepares the log for `height`: keeps it if it is about this height, empties it if about an earlier one. */
  open(height: Height): OpenedWal;
  /** Not durable before the next sync. */
  append(record: WalRecord): void;
  sync(): void;
  close(): void;
}

/** @throws ConsensusError WAL_DAMAGED, with file, offset and remedy */
export function createWal(parts: {
  readonly storage: Storage;
  readonly genesisHash: Hash;
  readonly log: Log;
}): Wal {
  const { genesisHash, log } = parts;
  const file: AppendFile = parts.storage.openAppend(WAL_FILE);
  let known = readAll(file, genesisHash, log);
  let writable = false;

  return {
    open(height) {
      writable = false;
      if (known !== undefined && known.height > height) return { result: 'ahead', height: known.height };
      if (known !== undefined && known.height === height) {
        writable = true;
        const { records } = known;
        known = { height, records: [] };
        return records.length > 0 ? { result: 'resume', records } : { result: 'new' };
      }
      file.truncate(0);
      file.append(encodeRecord({ kind: 'height', genesisHash, height }));
      file.fsync();
      known = { height, records: [] };
      writable = true;
      return { result: 'new' };
    },
    append(record) {
      if (!writable) return;
      const bytes = encodeRecord(record);
      if (file.size() + bytes.length > LIMITS.maxWalBytes)
        throw new ConsensusError(
          'LIMIT',
          `WAL_FULL: ${file.name} would exceed ${LIMITS.maxWalBytes} bytes in one height`,
        );
      file.append(bytes);
    },
    sync() {
      if (writable) file.fsync();
    },
    close: () => file.close(),
  };
}

function readAll(
  file: AppendFile,
  genesisHash: Hash,
  log: Log,
): { height: Height; records: readonly WalRecord[] } | undefined {
  const { scan, records } = scanRecords(file.read());
  if (scan.result === 'damaged') throw walDamage(file.name, scan);
  if (scan.torn) {
    log('info', 'cut off a half-written record at the end of the log', {
      file: file.name,
      offset: scan.validBytes,
    });
    file.truncate(scan.validBytes);
  }
  const [first, ...rest] = records;
  if (first?.kind !== 'height') return undefined;
  if (first.genesisHash !== genesisHash)
    throw new ConsensusError(
      'WAL_DAMAGED',
      `WAL_OF_OTHER_CHAIN: ${file.name} belongs to the chain with genesis ${first.genesisHash}, not ${genesisHash}; use another data directory`,
    );
  return { height: first.height, records: rest };
}
