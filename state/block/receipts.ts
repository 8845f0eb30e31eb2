/** Receipts: as the receipts root commits to them (EIP-2718), and as the database keeps them. */
import { bigintToBytes, bytesToBigint, fromHex, toHex } from '../crypto.ts';
import { decodeRlp, encodeRlp, RlpError, type RlpItem, rlpBigint, rlpBytes, rlpList } from '../rlp.ts';
import type { Inside, InternalOperation, Log, Receipt } from '../types.ts';
import { bloomOfLogs } from './bloom.ts';

function logItems(logs: readonly Log[]): RlpItem[] {
  return logs.map((log) => [fromHex(log.address), log.topics.map((topic) => fromHex(topic)), log.data]);
}

/** `type ‖ rlp([status, cumulativeGasUsed, bloom, logs])`; no type byte for legacy transactions. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const body = encodeRlp([
    statusItem(receipt),
    bigintToBytes(receipt.cumulativeGasUsed),
    receipt.logsBloom,
    logItems(receipt.logs),
  ]);
  if (receipt.type === 0) return body;
  const typed = new Uint8Array(body.length + 1);
  typed[0] = receipt.type;
  typed.set(body, 1);
  return typed;
}

function statusItem({ postState, status }: Receipt): Uint8Array {
  if (postState !== undefined) return fromHex(postState, 32);
  return status === 1 ? Uint8Array.of(1) : new Uint8Array(0);
}

/** Everything of a block's receipts that cannot be worked out from the rest. */
export function encodeStoredReceipts(receipts: readonly Receipt[]): Uint8Array {
  return encodeRlp(
    receipts.map((r): RlpItem[] => [
      Uint8Array.of(r.type),
      Uint8Array.of(r.status),
      bigintToBytes(r.gasUsed),
      bigintToBytes(r.effectiveGasPrice),
      logItems(r.logs),
      r.contractAddress === null ? new Uint8Array(0) : fromHex(r.contractAddress),
      r.revertData,
      fromHex(r.transactionHash),
      fromHex(r.from),
      r.to === null ? new Uint8Array(0) : fromHex(r.to),
      ...(r.inside === undefined ? [] : [insideItem(r.inside)]),
    ]),
  );
}

/** Order is the format. */
const OPERATION_TYPES = ['CALL', 'SELFDESTRUCT', 'CREATE', 'CREATE2'] as const;

/** Empty where nothing happened, which is nearly always. */
function insideItem({ operations, called }: Inside): RlpItem {
  if (operations.length === 0 && called.length === 0) return [];
  return [
    operations.map(({ type, from, to, value }) => [
      Uint8Array.of(OPERATION_TYPES.indexOf(type)),
      fromHex(from),
      fromHex(to),
      bigintToBytes(value),
    ]),
    called.map((address) => fromHex(address)),
  ];
}

function insideOf(item: RlpItem): Inside {
  const parts = rlpList(item);
  if (parts.length === 0) return { operations: [], called: [] };
  if (parts.length !== 2) throw new RlpError('the inside of a transaction has two parts');
  return {
    operations: rlpList(parts[0]).map((entry): InternalOperation => {
      const [type, from, to, value] = rlpList(entry, 4);
      const name = OPERATION_TYPES[rlpBytes(type, 1)[0]!];
      if (name === undefined) throw new RlpError('no such operation');
      return {
        type: name,
        from: toHex(rlpBytes(from, 20)),
        to: toHex(rlpBytes(to, 20)),
        value: rlpBigint(value),
      };
    }),
    called: rlpList(parts[1]).map((address) => toHex(rlpBytes(address, 20))),
  };
}

export function decodeStoredReceipts(bytes: Uint8Array): Receipt[] {
  let cumulativeGasUsed = 0n;
  return rlpList(decodeRlp(bytes)).map((item) => {
    const fields = rlpList(item);
    if (fields.length !== 10 && fields.length !== 11)
      throw new RlpError('a receipt has ten or eleven fields');
    const inside = fields[10];
    const logs = rlpList(fields[4]).map((entry): Log => {
      const [address, topics, data] = rlpList(entry, 3);
      return {
        address: toHex(rlpBytes(address, 20)),
        topics: rlpList(topics).map((topic) => toHex(rlpBytes(topic, 32))),
        data: rlpBytes(data).slice(),
      };
    });
    const gasUsed = rlpBigint(fields[2]);
    cumulativeGasUsed += gasUsed;
    const optionalAddress = (field: RlpItem | undefined) => {
      const address = rlpBytes(field);
      return address.length === 0 ? null : toHex(address);
    };
    let bloom: Uint8Array | undefined;
    return {
      type: Number(bytesToBigint(rlpBytes(fields[0]))),
      status: statusOf(fields[1]),
      cumulativeGasUsed,
      gasUsed,
      effectiveGasPrice: rlpBigint(fields[3]),
      logs,
      // Five hashes a log, which most readers do not need.
      get logsBloom() {
        bloom ??= bloomOfLogs(logs);
        return bloom;
      },
      contractAddress: optionalAddress(fields[5]),
      revertData: rlpBytes(fields[6]).slice(),
      transactionHash: toHex(rlpBytes(fields[7], 32)),
      from: toHex(rlpBytes(fields[8], 20)),
      to: optionalAddress(fields[9]),
      ...(inside === undefined ? {} : { inside: insideOf(inside) }),
    };
  });
}

function statusOf(item: RlpItem | undefined): 0 | 1 {
  return rlpBytes(item, 1)[0] === 1 ? 1 : 0;
}
