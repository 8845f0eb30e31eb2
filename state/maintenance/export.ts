/**
 * The state after a block as JSON for other programs: accounts in the form of a genesis file's `alloc` (geth's, too),
 * and the bodies that the slots of the record accounts name. Written piece by piece, so that its size does not matter.
 */
import { decodeAccount } from '../accounts/account.ts';
import { bareHex, equalBytes, KECCAK_EMPTY, keccak256, padLeft, toHex } from '../crypto.ts';
import type { DatabaseFiles } from '../db/database.ts';
import { COLUMN, key } from '../db/keys.ts';
import { readAt, readOldest } from '../db/versioned.ts';
import { ChainError, Fault, type Hex, StateNotAvailable } from '../types.ts';
import { readHeader } from './check-head.ts';
import { LIMITS } from './limits.ts';

/** @throws StateNotAvailable, ChainError NOT_INITIALISED */
export async function* exportState(
  db: DatabaseFiles,
  number: number,
  recordAccounts: ReadonlySet<Hex>,
): AsyncGenerator<string> {
  const read = readHeader(db, number);
  if (typeof read === 'string') throw new ChainError('NOT_INITIALISED', `there is no block ${number} here`);
  if (number < readOldest(db))
    throw new StateNotAvailable(
      `the state after block ${number} is no longer kept; the oldest is ${readOldest(db)}`,
    );
  let piece = `{"number":${number},"hash":"${read.hash}","stateRoot":"${read.header.stateRoot}","alloc":{`;
  let isFirst = true;
  const bodies = new Set<string>();
  for await (const [name] of db.scan(Uint8Array.of(COLUMN.account), Uint8Array.of(COLUMN.account + 1))) {
    const address = name.slice(1);
    const bytes = readAt(db, COLUMN.account, address, number);
    if (bytes === undefined) continue;
    const { nonce, balance, codeHash } = decodeAccount(bytes);
    piece += `${isFirst ? '' : ','}\n"${toHex(address)}":{"balance":"0x${balance.toString(16)}","nonce":"0x${nonce.toString(16)}"`;
    isFirst = false;
    if (!equalBytes(codeHash, KECCAK_EMPTY)) {
      const code = db.get(key(COLUMN.code, codeHash));
      if (code === undefined) throw new Fault(`database: code ${bareHex(codeHash)} is missing`);
      piece += `,"code":"${toHex(code)}"`;
    }
    let slots = 0;
    for await (const [slot, value] of slotsAt(db, address, number)) {
      piece += `${slots++ === 0 ? ',"storage":{' : ','}"${toHex(slot)}":"${toHex(padLeft(value, 32))}"`;
      if (recordAccounts.has(toHex(address))) bodies.add(bareHex(padLeft(value, 32)));
      if (piece.length > LIMITS.exportPieceChars) {
        yield piece;
        piece = '';
      }
    }
    piece += slots > 0 ? '}}' : '}';
    if (piece.length > LIMITS.exportPieceChars) {
      yield piece;
      piece = '';
    }
  }
  piece += '\n},"bodies":{';
  isFirst = true;
  for (const hash of bodies) {
    const body = db.get(key(COLUMN.body, Buffer.from(hash, 'hex')));
    if (body === undefined || bareHex(keccak256(body)) !== hash)
      throw new Fault(`database: body ${hash} is missing`);
    piece += `${isFirst ? '' : ','}\n"0x${hash}":"${toHex(body)}"`;
    isFirst = false;
    if (piece.length > LIMITS.exportPieceChars) {
      yield piece;
      piece = '';
    }
  }
  yield `${piece}\n}}\n`;
}

/** Slots of an account that are not zero after block `number`, in the order of their names. */
async function* slotsAt(
  db: DatabaseFiles,
  address: Uint8Array,
  number: number,
): AsyncGenerator<readonly [slot: Uint8Array, value: Uint8Array]> {
  const from = key(COLUMN.slot, address);
  for await (const [name] of db.scan(from, after(from))) {
    const slot = name.slice(from.length);
    const value = readAt(db, COLUMN.slot, name.slice(1), number);
    if (value !== undefined) yield [slot, value];
  }
}

/** First key that does not begin with `prefix`; columns end before 0xff. */
function after(prefix: Uint8Array): Uint8Array {
  const next = prefix.slice();
  for (let i = next.length - 1; i >= 0; i--) {
    if (next[i]! < 255) {
      next[i]! += 1;
      return next.subarray(0, i + 1);
    }
  }
  throw new RangeError('nothing comes after this prefix');
}
