/** Logs of a run with transfers of value among them, in the order in which they happened: `traceTransfers`. */
import type { EVMResult, Message } from '@ethereumjs/evm';
import { bigintToBytes, padLeft, toHex } from '../crypto.ts';
import type { Hex, Log } from '../types.ts';
import type { Observer } from './engine.ts';
import { memoryAt, word } from './tracer.ts';

/** ERC-7528: the address that stands for the native token. */
const NATIVE_TOKEN: Hex = '0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee';
/** keccak of `Transfer(address,address,uint256)`. */
const TRANSFER: Hex = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
const LOG0 = 0xa0;
const LOG4 = 0xa4;
const SELFDESTRUCT = 0xff;

export interface TransferObserver extends Observer {
  /** Logs of what was not reverted, each with its place among all that were seen, as geth counts them. */
  logs(): { log: Log; place: number }[];
  /** How many were seen, reverted ones included. */
  seen(): number;
}

interface OpenFrame {
  readonly message: Message;
  readonly logs: { log: Log; place: number }[];
  interpreted: boolean;
  /** Place of the transfer to what this frame creates. */
  creationPlace?: number;
}

/** @param balanceOf what an account has when its contract destroys itself */
export function createTransferObserver(balanceOf: (address: Hex) => bigint): TransferObserver {
  const open: OpenFrame[] = [];
  let done: OpenFrame['logs'] = [];
  let seen = 0;
  const add = (frame: OpenFrame, logs: readonly Log[]): void => {
    for (const log of logs) frame.logs.push({ log, place: seen++ });
  };
  return {
    logs: () => done,
    seen: () => seen,
    enter(message) {
      const frame: OpenFrame = { message, logs: [], interpreted: false };
      open.push(frame);
      // What is created gets its address when it runs.
      if (message.to !== undefined && !message.delegatecall)
        add(frame, transfer(toHex(message.caller.bytes), toHex(message.to.bytes), message.value));
      else if (message.to === undefined && message.value > 0n) frame.creationPlace = seen++;
    },
    step(step) {
      const frame = open.at(-1)!;
      frame.interpreted = true;
      const { code } = step.opcode;
      if (code !== SELFDESTRUCT && !(code >= LOG0 && code <= LOG4)) return;
      const own = toHex(step.address.bytes);
      if (code !== SELFDESTRUCT) {
        const [offset = 0n, length = 0n, ...topics] = step.stack.reverse();
        add(frame, [
          {
            address: own,
            topics: topics.slice(0, code - LOG0).map(word),
            data: memoryAt(step.memory, offset, length),
          },
        ]);
      } else {
        const heir = `0x${word(step.stack.at(-1) ?? 0n).slice(-40)}` as Hex;
        add(frame, transfer(own, heir, balanceOf(own)));
      }
    },
    exit({ execResult, createdAddress }: EVMResult) {
      const frame = open.pop()!;
      if (execResult.exceptionError !== undefined) return;
      const { message, logs, creationPlace } = frame;
      if (createdAddress !== undefined && creationPlace !== undefined)
        for (const log of transfer(toHex(message.caller.bytes), toHex(createdAddress.bytes), message.value))
          logs.unshift({ log, place: creationPlace });
      // A module emits its logs without instructions.
      if (!frame.interpreted)
        add(
          frame,
          (execResult.logs ?? []).map(([by, topics, data]) => ({
            address: toHex(by),
            topics: topics.map(toHex),
            data,
          })),
        );
      const parent = open.at(-1);
      if (parent === undefined) done = logs;
      else parent.logs.push(...logs);
    },
  };
}

function transfer(from: Hex, to: Hex, value: bigint): Log[] {
  if (value === 0n) return [];
  const topics: Hex[] = [TRANSFER, word(BigInt(from)), word(BigInt(to))];
  return [{ address: NATIVE_TOKEN, topics, data: padLeft(bigintToBytes(value), 32) }];
}
