import type { Hex } from '../types.ts';
import { toHex } from './abi.ts';
import type { ModuleContext } from './context.ts';
import * as GAS from './gas.ts';

/** A context that charges for every primitive before it does it. */
export interface MeteredContext extends ModuleContext {
  /** The same state without charges, for work that was charged at once from its declared size. */
  readonly unmetered: ModuleContext;
}

const words = (bytes: number): bigint => BigInt(Math.ceil(bytes / 32));

/** Wraps `context` for one call of one operation: the first touch of a slot or account is cold. */
export function meter(context: ModuleContext): MeteredContext {
  const touched = new Set<string>();
  const touch = (key: string): void => {
    context.useGas(touched.has(key) ? GAS.WARM_READ : GAS.COLD_READ);
    touched.add(key);
  };
  const slotKey = (address: Hex, slot: Uint8Array): string => `${address}${toHex(slot)}`;
  return {
    unmetered: context,
    params: context.params,
    block: context.block,
    genesisHash: context.genesisHash,
    caller: context.caller,
    value: context.value,
    isStatic: context.isStatic,
    topLevel: context.topLevel,
    ports: context.ports,
    useGas: (amount) => context.useGas(amount),
    gasLeft: () => context.gasLeft(),
    account(address) {
      touch(address);
      return context.account(address);
    },
    storage(address, slot) {
      touch(slotKey(address, slot));
      return context.storage(address, slot);
    },
    code(address) {
      touch(address);
      return context.code(address);
    },
    body(hash) {
      context.useGas(GAS.BODY_READ);
      const body = context.body(hash);
      // Bodies are bounded by what was paid when they were written, so this cannot surprise.
      context.useGas(GAS.BODY_READ_WORD * words(body?.length ?? 0));
      return body;
    },
    setStorage(address, slot, value) {
      touch(slotKey(address, slot));
      const before = context.storage(address, slot);
      context.useGas(writePrice(before, value));
      context.setStorage(address, slot, value);
    },
    putBody(body) {
      const size = body.length;
      context.useGas(GAS.BODY_BYTE * BigInt(size) + GAS.HASH + GAS.HASH_WORD * words(size));
      return context.putBody(body);
    },
    transfer(from, to, amount) {
      touch(to);
      context.useGas(GAS.TRANSFER + (context.account(to) === undefined ? GAS.NEW_ACCOUNT : 0n));
      context.transfer(from, to, amount);
    },
    emit(log) {
      const { topics, data } = log;
      context.useGas(GAS.LOG + GAS.LOG_TOPIC * BigInt(topics.length) + GAS.LOG_BYTE * BigInt(data.length));
      context.emit(log);
    },
  };
}

function writePrice(before: Uint8Array, after: Uint8Array): bigint {
  if (before.every((byte, i) => byte === after[i])) return GAS.SLOT_SAME;
  return before.every((byte) => byte === 0) ? GAS.SLOT_NEW : GAS.SLOT_CHANGE;
}
