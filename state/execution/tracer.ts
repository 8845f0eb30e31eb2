/** Frames and steps of a run, as geth's tracers see them. What is shown of them is the RPC's business. */
import type { EVMResult, Message } from '@ethereumjs/evm';
import { EMPTY_BYTES, fromHex, toHex } from '../crypto.ts';
import { LIMITS } from '../limits.ts';
import type { CallFrame, Hex, StructLog, TraceOptions } from '../types.ts';
import type { Observer } from './engine.ts';
import type { Step } from './interpreter.ts';
import type { World } from './world.ts';

export interface Tracer extends Observer {
  /** The outermost frame; undefined if nothing ran. */
  root(): CallFrame | undefined;
  steps(): StructLog[] | undefined;
  /** Whether steps are missing because there were too many. */
  wasCut(): boolean;
}

interface OpenFrame {
  readonly frame: CallFrame;
  readonly message: Message;
  interpreted: boolean;
  /** What the last call of this frame returned. */
  returnData: Uint8Array;
  /** Slots that the frame's contract has touched so far; shared by all frames of one contract. */
  storage: Map<Hex, Hex>;
}

/** What a step takes beside its stack and memory, and a shown slot with its value as text. */
const STEP_BYTES = 100;
const SLOT_BYTES = 200;
const SELFDESTRUCT = 0xff;
const LOG0 = 0xa0;
const LOG4 = 0xa4;
const SLOAD = 0x54;
const SSTORE = 0x55;

/** @param world the state that the run changes: what slots and heirs are read from */
export function createTracer(world: World, options: TraceOptions = {}): Tracer {
  const stack: OpenFrame[] = [];
  const storages = new Map<Hex, Map<Hex, Hex>>();
  const steps: StructLog[] | undefined = options.steps === undefined ? undefined : [];
  let root: CallFrame | undefined;
  let bytes = 0;
  let cut = false;
  const tracer: Tracer = {
    root: () => root,
    steps: () => steps,
    wasCut: () => cut,
    enter(message) {
      const parent = stack.at(-1);
      const frame = openFrame(message, parent?.message);
      if (parent === undefined) root = frame;
      else parent.frame.calls.push(frame);
      const own = message.to === undefined ? undefined : toHex(message.to.bytes);
      const storage = (own && storages.get(own)) ?? new Map<Hex, Hex>();
      if (own !== undefined) storages.set(own, storage);
      stack.push({ frame, message, interpreted: false, returnData: EMPTY_BYTES, storage });
    },
    exit(result: EVMResult) {
      const { frame, interpreted } = stack.pop()!;
      const { execResult, createdAddress } = result;
      frame.gasUsed = execResult.executionGasUsed;
      frame.output = execResult.returnValue.slice();
      if (createdAddress !== undefined) frame.to = toHex(createdAddress.bytes);
      if (execResult.exceptionError !== undefined) {
        frame.error = execResult.exceptionError.error;
        dropLogs(frame);
      } else if (!interpreted)
        // Modules emit without instructions.
        for (const [address, topics, data] of execResult.logs ?? [])
          frame.logs.push({ address: toHex(address), topics: topics.map(toHex), data, position: 0 });
      const parent = stack.at(-1);
      if (parent !== undefined)
        parent.returnData = frame.type.startsWith('CREATE') && !frame.error ? EMPTY_BYTES : frame.output;
    },
  };
  if (steps !== undefined || options.details === true)
    tracer.step = (step) => {
      const open = stack.at(-1)!;
      open.interpreted = true;
      if (options.details === true) noteDetails(open, step, world);
      if (steps !== undefined) noteStep(open, step);
    };

  function noteStep(open: OpenFrame, step: Step): void {
    const wanted = options.steps!;
    if (wanted.limit !== undefined && steps!.length >= wanted.limit) return;
    if (steps!.length >= LIMITS.maxTraceSteps || bytes > LIMITS.maxTraceBytes) {
      cut = true;
      return;
    }
    const { opcode } = step;
    const log: StructLog = {
      pc: step.pc,
      op: opcode.name,
      gas: Number(step.gasLeft),
      gasCost: Number(opcode.dynamicFee ?? opcode.fee),
      depth: step.depth + 1,
      refund: Number(step.gasRefund),
    };
    if (wanted.stack) log.stack = step.stack;
    if (wanted.memory) log.memory = step.memory;
    if (wanted.returnData) log.returnData = open.returnData;
    if (wanted.storage && (opcode.code === SLOAD || opcode.code === SSTORE)) {
      const key = word(step.stack.at(-1) ?? 0n);
      const value =
        opcode.code === SSTORE
          ? word(step.stack.at(-2) ?? 0n)
          : toHex(world.storage(toHex(step.address.bytes), fromHex(key)));
      open.storage.set(key, value);
      log.storage = Object.fromEntries([...open.storage].sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    steps!.push(log);
    bytes += STEP_BYTES + 32 * (log.stack?.length ?? 0) + (log.memory?.length ?? 0);
    bytes += (log.returnData?.length ?? 0) + SLOT_BYTES * (log.storage === undefined ? 0 : open.storage.size);
  }
  return tracer;
}

/** Logs where they were emitted, and contracts that destroy themselves. */
function noteDetails({ frame }: OpenFrame, step: Step, world: World): void {
  const { code } = step.opcode;
  if (code >= LOG0 && code <= LOG4) {
    const [offset = 0n, length = 0n, ...topics] = step.stack.reverse();
    frame.logs.push({
      address: toHex(step.address.bytes),
      topics: topics.slice(0, code - LOG0).map(word),
      data: memoryAt(step.memory, offset, length),
      position: frame.calls.length,
    });
  } else if (code === SELFDESTRUCT) {
    const from = toHex(step.address.bytes);
    frame.calls.push({
      type: 'SELFDESTRUCT',
      from,
      to: `0x${word(step.stack.at(-1) ?? 0n).slice(-40)}`,
      value: world.read(from)?.balance ?? 0n,
      gas: 0n,
      gasUsed: 0n,
      input: EMPTY_BYTES,
      output: EMPTY_BYTES,
      logs: [],
      calls: [],
    });
  }
}

/** A log costs 8 gas a byte: more than 50 Mgas could pay for. */
const MAX_LOG_BYTES = 8n * 1024n * 1024n;

/** What a LOG reads; memory that is not there yet is zero. A length that gas cannot pay ends in a failed frame. */
export function memoryAt(memory: Uint8Array, offset: bigint, length: bigint): Uint8Array {
  if (length > MAX_LOG_BYTES) return EMPTY_BYTES;
  const data = new Uint8Array(Number(length));
  if (offset < BigInt(memory.length)) data.set(memory.subarray(Number(offset), Number(offset + length)));
  return data;
}

export function word(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, '0')}`;
}

function openFrame(message: Message, parent: Message | undefined): CallFrame {
  return {
    type: typeOf(message, parent),
    // The library says on whose behalf delegated code acts; the call is made by the contract that it acts as.
    from: toHex((message.delegatecall && message.to !== undefined ? message.to : message.caller).bytes),
    to: message.to === undefined ? null : toHex(message.codeAddress.bytes),
    value: message.value,
    gas: message.gasLimit,
    gasUsed: 0n,
    // A window into the caller's memory, which goes on changing.
    input: message.data.slice(),
    output: EMPTY_BYTES,
    logs: [],
    calls: [],
  };
}

/** A frame that failed takes the logs of those below it with it. */
function dropLogs(frame: CallFrame): void {
  frame.logs = [];
  for (const call of frame.calls) dropLogs(call);
}

function typeOf(message: Message, parent: Message | undefined): CallFrame['type'] {
  if (message.to === undefined) return message.salt === undefined ? 'CREATE' : 'CREATE2';
  if (message.delegatecall) return 'DELEGATECALL';
  if (parent !== undefined && toHex(message.codeAddress.bytes) !== toHex(message.to.bytes)) return 'CALLCODE';
  // Inside a static frame a plain call is static as well, and the library does not tell the two apart.
  return message.isStatic ? 'STATICCALL' : 'CALL';
}
