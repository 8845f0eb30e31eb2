/** Frames and steps of a run, as geth's callTracer and structLogger have them. */
import type { EVMResult, InterpreterStep, Message } from '@ethereumjs/evm';
import { EMPTY_BYTES, toHex } from '../crypto.ts';
import { LIMITS } from '../limits.ts';
import type { CallFrame, StructLog } from '../types.ts';
import type { Observer } from './engine.ts';

export interface Tracer extends Observer {
  /** The outermost frame; undefined if nothing ran. */
  root(): CallFrame | undefined;
  steps(): StructLog[] | undefined;
}

export function createTracer(options: { steps?: boolean } = {}): Tracer {
  const stack: { frame: CallFrame; message: Message }[] = [];
  const steps: StructLog[] | undefined = options.steps === true ? [] : undefined;
  let root: CallFrame | undefined;
  const tracer: Tracer = {
    root: () => root,
    steps: () => steps,
    enter(message) {
      const parent = stack.at(-1);
      const frame: CallFrame = {
        type: typeOf(message, parent?.message),
        from: toHex(message.caller.bytes),
        to: message.to === undefined ? null : toHex(message.codeAddress.bytes),
        value: message.value,
        gas: message.gasLimit,
        gasUsed: 0n,
        input: message.data,
        output: EMPTY_BYTES,
        logs: [],
        calls: [],
      };
      if (parent === undefined) root = frame;
      else parent.frame.calls.push(frame);
      stack.push({ frame, message });
    },
    exit(result: EVMResult) {
      const { frame } = stack.pop()!;
      const { execResult, createdAddress } = result;
      frame.gasUsed = execResult.executionGasUsed;
      frame.output = execResult.returnValue;
      if (createdAddress !== undefined) frame.to = toHex(createdAddress.bytes);
      if (execResult.exceptionError !== undefined) frame.error = execResult.exceptionError.error;
      // The EVM hands the logs of inner frames up with those of outer ones; the outermost has them all.
      if (stack.length === 0)
        frame.logs = (execResult.logs ?? []).map(([address, topics, data]) => ({
          address: toHex(address),
          topics: topics.map(toHex),
          data,
        }));
    },
  };
  if (steps !== undefined)
    tracer.step = (step: InterpreterStep) => {
      if (steps.length >= LIMITS.maxTraceSteps) return;
      steps.push({
        pc: step.pc,
        op: step.opcode.name,
        gas: step.gasLeft,
        gasCost: step.opcode.dynamicFee ?? BigInt(step.opcode.fee),
        depth: step.depth + 1,
        stack: step.stack.slice(),
        memory: step.memory.slice(),
      });
    };
  return tracer;
}

function typeOf(message: Message, parent: Message | undefined): CallFrame['type'] {
  if (message.to === undefined) return message.salt === undefined ? 'CREATE' : 'CREATE2';
  if (message.delegatecall) return 'DELEGATECALL';
  if (parent !== undefined && toHex(message.codeAddress.bytes) !== toHex(message.to.bytes)) return 'CALLCODE';
  // Inside a static frame a plain call is static as well, and the library does not tell the two apart.
  return message.isStatic ? 'STATICCALL' : 'CALL';
}
