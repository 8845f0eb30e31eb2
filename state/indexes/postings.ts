/**
 * The indexes of history: what a block adds to them, as a function of its stored receipts alone. One posting a name and
 * block says where in the block the name occurs. Because nothing else goes in, the same function tells what a block
 * adds, what pruning and going back delete, what rebuilding writes and what a verification expects.
 *
 *   key    posting | list u8 | name (20 or 32 bytes) | block u48
 *   value  ascending numbers, each as the distance to the one before, in base 128, low digits first
 */
import { concat, fromHex } from '../crypto.ts';
import { COLUMN, readU48, u48 } from '../db/keys.ts';
import { isFeeless } from '../transactions/system.ts';
import { Fault, type Hex, type Receipt } from '../types.ts';

/** Counted up when the form or the content changes: postings of another form are thrown away, and built anew. */
export const INDEX_FORMAT = 1;

/** What a list counts: `emitter` and `topic` the logs of a block, the others its transactions. */
export const LIST = {
  /** Address that emitted a log. */
  emitter: 0,
  /** Topic at position 0; the positions 1 to 3 follow. */
  topic: 1,
  /** Sender of a transaction that pays and counts a nonce. */
  sent: 5,
  /** Receiver, created contract, emitter, or called from inside, if it is not the sender. */
  touched: 6,
  /** Giver or taker of an internal operation. */
  moved: 7,
  /** Contract that was created: number of the transaction, then the 20 bytes of the creator. The last one in a block. */
  created: 8,
} as const;

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function postingPrefix(list: number, name: Hex): Uint8Array {
  return concat(Uint8Array.of(COLUMN.posting, list), fromHex(name));
}

export function postingKey(list: number, name: Hex, block: number): Uint8Array {
  return concat(postingPrefix(list, name), u48(block));
}

/** Block of a posting's key. */
export function blockOfKey(key: Uint8Array): number {
  return readU48(key, key.length - 6);
}

/** What block `number` adds. */
export function postingsOf(number: number, receipts: readonly Receipt[]): Entry[] {
  const lists = new Map<string, number[]>();
  const created = new Map<Hex, { transaction: number; creator: Hex }>();
  const add = (list: number, name: Hex, position: number): void => {
    // The list as a letter before the name: cheaper than a map of maps.
    const of = String.fromCharCode(list) + name;
    const known = lists.get(of);
    if (known === undefined) lists.set(of, [position]);
    else if (known[known.length - 1] !== position) known.push(position);
  };
  let log = 0;
  for (const [transaction, receipt] of receipts.entries()) {
    const { from, to, contractAddress, logs, inside } = receipt;
    const touch = (address: Hex): void => {
      if (address !== from) add(LIST.touched, address, transaction);
    };
    add(isFeeless(receipt) ? LIST.touched : LIST.sent, from, transaction);
    if (to !== null) touch(to);
    if (contractAddress !== null) {
      touch(contractAddress);
      created.set(contractAddress, { transaction, creator: from });
    }
    for (const { address, topics } of logs) {
      touch(address);
      add(LIST.emitter, address, log);
      for (const [position, topic] of topics.entries()) add(LIST.topic + position, topic, log);
      log += 1;
    }
    for (const address of inside?.called ?? []) touch(address);
    for (const { type, from: giver, to: taker } of inside?.operations ?? []) {
      add(LIST.moved, giver, transaction);
      add(LIST.moved, taker, transaction);
      if (type === 'CREATE' || type === 'CREATE2') created.set(taker, { transaction, creator: giver });
    }
  }
  const block = u48(number);
  const entries: Entry[] = [];
  for (const [of, positions] of lists)
    entries.push({ key: keyOf(of.charCodeAt(0), of.slice(1), block), value: encodePositions(positions) });
  for (const [address, { transaction, creator }] of created)
    entries.push({
      key: keyOf(LIST.created, address, block),
      value: concat(encodePositions([transaction]), fromHex(creator, 20)),
    });
  return entries;
}

function keyOf(list: number, name: string, block: Uint8Array): Uint8Array {
  const length = (name.length - 2) >> 1;
  const key = new Uint8Array(2 + length + 6);
  key[0] = COLUMN.posting;
  key[1] = list;
  for (let i = 0; i < length; i++)
    key[2 + i] = (digit(name.charCodeAt(2 + 2 * i)) << 4) | digit(name.charCodeAt(3 + 2 * i));
  key.set(block, 2 + length);
  return key;
}

/** Of a lower-case hex letter. */
function digit(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

export function encodePositions(positions: readonly number[]): Uint8Array {
  // Nearly always one small number.
  if (positions.length === 1 && positions[0]! < 128) return Uint8Array.of(positions[0]!);
  const bytes: number[] = [];
  let before = 0;
  for (const position of positions) {
    let distance = position - before;
    before = position;
    while (distance >= 128) {
      bytes.push((distance & 127) | 128);
      distance >>>= 7;
    }
    bytes.push(distance);
  }
  return Uint8Array.from(bytes);
}

/** @throws Fault if these are not the bytes of a list: ascending, each number in its shortest form */
export function decodePositions(bytes: Uint8Array): number[] {
  const positions: number[] = [];
  let before = 0;
  let distance = 0;
  let shift = 0;
  for (const byte of bytes) {
    distance |= (byte & 127) << shift;
    shift += 7;
    if (shift > 28) throw damaged();
    if (byte >= 128) continue;
    const isLong = byte === 0 && shift > 7;
    const isRepeated = distance === 0 && positions.length > 0;
    if (isLong || isRepeated) throw damaged();
    before += distance;
    positions.push(before);
    distance = 0;
    shift = 0;
  }
  if (shift > 0) throw damaged();
  return positions;
}

function damaged(): Fault {
  return new Fault('database: a posting is damaged');
}

const ADDRESS_BYTES = 20;

/** @throws Fault if these are not the bytes of a creation */
export function decodeCreation(bytes: Uint8Array): { transaction: number; creator: Uint8Array } {
  const split = bytes.length - ADDRESS_BYTES;
  const [transaction] = split > 0 ? decodePositions(bytes.subarray(0, split)) : [];
  if (transaction === undefined) throw damaged();
  return { transaction, creator: bytes.subarray(split) };
}
