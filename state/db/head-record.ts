/** What the database says about the last committed block. */
import { decodeRecords, encodeRecords } from '../block/validators.ts';
import { bigintToBytes, fromHex, toHex } from '../crypto.ts';
import { decodeRlp, encodeRlp, rlpBytes, rlpList, rlpNumber } from '../rlp.ts';
import type { Head } from '../types.ts';

export function encodeHead(head: Head): Uint8Array {
  return encodeRlp([
    bigintToBytes(BigInt(head.number)),
    fromHex(head.hash, 32),
    fromHex(head.stateRoot, 32),
    bigintToBytes(BigInt(head.timestampMs)),
    encodeRecords(head.nextValidators),
    encodeRecords(head.afterNextValidators),
  ]);
}

export function decodeHead(bytes: Uint8Array): Head {
  const items = rlpList(decodeRlp(bytes), 6);
  const timestampMs = rlpNumber(items[3]);
  return {
    number: rlpNumber(items[0]),
    hash: toHex(rlpBytes(items[1], 32)),
    stateRoot: toHex(rlpBytes(items[2], 32)),
    timestamp: Math.floor(timestampMs / 1000),
    timestampMs,
    nextValidators: decodeRecords(rlpBytes(items[4])),
    afterNextValidators: decodeRecords(rlpBytes(items[5])),
  };
}
