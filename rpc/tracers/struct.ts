/** geth's opcode logger. */
import type { StructLog } from '../../state/types.ts';
import { hexOf, quantity } from '../encode.ts';

export interface StructTrace {
  readonly gasUsed: bigint;
  readonly failed: boolean;
  readonly returnData: Uint8Array;
  readonly steps: readonly StructLog[];
}

export function structJson({ gasUsed, failed, returnData, steps }: StructTrace): object {
  return {
    gas: Number(gasUsed),
    failed,
    returnValue: hexOf(returnData),
    structLogs: steps.map((step) => new Shown(step)),
  };
}

/** A step that becomes its JSON when its turn to be written comes: all at once would take as much memory again. */
class Shown {
  readonly #step: StructLog;
  constructor(step: StructLog) {
    this.#step = step;
  }
  toJSON(): object {
    return stepJson(this.#step);
  }
}

function stepJson(step: StructLog): object {
  const { stack, memory, returnData, storage, refund } = step;
  return {
    pc: step.pc,
    op: step.op,
    gas: step.gas,
    gasCost: step.gasCost,
    depth: step.depth,
    ...(refund > 0 ? { refund } : {}),
    ...(stack === undefined ? {} : { stack: stack.map(quantity) }),
    ...(memory === undefined || memory.length === 0 ? {} : { memory: words(memory) }),
    ...(returnData === undefined || returnData.length === 0 ? {} : { returnData: hexOf(returnData) }),
    ...(storage === undefined ? {} : { storage }),
  };
}

function words(memory: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 0; at < memory.length; at += 32) found.push(hexOf(memory.subarray(at, at + 32)));
  return found;
}
