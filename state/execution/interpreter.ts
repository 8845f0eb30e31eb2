/**
 * A faster loop around the library's instructions. The library awaits every instruction and looks for jump targets
 * anew in every call; here only what is asynchronous is awaited, jump targets are remembered per code, and the gas of
 * memory, hashing and copying is worked out without a promise. The instructions themselves are the library's, so
 * that this file can change how fast a program runs and nothing else: a test runs random programs through both. The
 * library's version is pinned exactly.
 */
import type { Common } from '@ethereumjs/common';
import { type EVM, EVMError } from '@ethereumjs/evm';
import type { Address } from '@ethereumjs/util';
import { LIMITS } from '../limits.ts';
import { createLru } from '../lru.ts';
import { Fault } from '../types.ts';

interface Stack {
  peek(count?: number): bigint[];
  pop(): bigint;
  push(value: bigint): void;
  getStack(): bigint[];
}
interface Memory {
  _store: Uint8Array;
  extend(offset: number, size: number): void;
}
interface RunState {
  interpreter: object;
  programCounter: number;
  opCode: number;
  memoryWordCount: bigint;
  highestMemCost: bigint;
  stack: Stack;
  memory: Memory;
  code: Uint8Array;
  validJumps: Uint8Array;
  cachedPushes: unknown;
  shouldDoJumpAnalysis: boolean;
  gasLeft: bigint;
  gasRefund: bigint;
  env: { depth: number; address: Address };
}
interface Instruction {
  opcodeInfo: {
    code: number;
    fullName: string;
    fee: number;
    feeBigInt: bigint;
    isAsync: boolean;
    dynamicGas: boolean;
    isInvalid: boolean;
  };
  opHandler(runState: RunState, common: Common): unknown;
  gasHandler(runState: RunState, gas: bigint, common: Common): Promise<bigint>;
}
interface Interpreter {
  _runState: RunState;
  _evm: { _opcodeMap: Instruction[]; events: { listenerCount(name: string): number }; DEBUG: boolean };
  common: Common;
  _runStepHook(dynamicFee: bigint, gasLeft: bigint, memoryWords: bigint): Promise<void>;
}
interface OpenEvm {
  _opcodeMap: Instruction[];
  runCode(options: { code: Uint8Array; gasLimit: bigint }): Promise<unknown>;
}
type Run = (
  this: Interpreter,
  code: Uint8Array,
  options?: { pc?: number },
) => Promise<{ runState: RunState; exceptionError: EVMError | undefined }>;

/** What a tracer is shown before each instruction. Stack and memory are copied when they are asked for. */
export interface Step {
  readonly pc: number;
  readonly opcode: {
    readonly code: number;
    readonly name: string;
    readonly fee: number;
    readonly dynamicFee?: bigint;
  };
  readonly gasLeft: bigint;
  readonly gasRefund: bigint;
  /** 0: the outermost frame. */
  readonly depth: number;
  readonly address: Address;
  /** The last item is the top. */
  readonly stack: bigint[];
  readonly memory: Uint8Array;
}
export type StepHook = (step: Step) => void;

/** EVMs that use this loop; those of others in the process keep the library's. */
const ours = new WeakSet<object>();

const hooks = new WeakMap<object, StepHook>();

/** Shows every step that `evm` makes in this loop; nothing any more without a hook. */
export function setStepHook(evm: EVM, hook: StepHook | undefined): void {
  if (hook === undefined) hooks.delete(evm);
  else hooks.set(evm, hook);
}

/** Interpreters whose `run` asks `ours`. One, unless a process holds two copies of the library. */
const taught = new WeakSet<object>();

/**
 * The class of the interpreters that `evm` makes. The library does not export it, and a bundle has no file to import
 * it from, so an instruction of a program of one byte hands over the interpreter that runs it.
 */
async function interpreterClassOf(evm: OpenEvm): Promise<{ run: Run }> {
  const stop = evm._opcodeMap[0]!;
  const { opHandler } = stop;
  let seen: { run: Run } | undefined;
  stop.opHandler = (runState, common) => {
    seen = Object.getPrototypeOf(runState.interpreter) as { run: Run };
    return opHandler(runState, common);
  };
  await evm.runCode({ code: Uint8Array.of(0), gasLimit: 1n });
  stop.opHandler = opHandler;
  if (typeof seen?.run !== 'function') throw new Fault('the EVM library is not the version that was tested');
  return seen;
}

function teach(interpreters: { run: Run }): void {
  if (taught.has(interpreters)) return;
  taught.add(interpreters);
  const libraryRun = interpreters.run;
  interpreters.run = function (this: Interpreter, code, options = {}) {
    const evm = this._evm;
    // Who listens to the library's own event gets the library's loop.
    if (evm.events.listenerCount('step') > 0)
      return withLastStep(this, code, libraryRun.call(this, code, options));
    if (!ours.has(evm) || evm.DEBUG || options.pc !== undefined) return libraryRun.call(this, code, options);
    return run(this, code);
  };
}

/** STOP, RETURN, REVERT, INVALID, SELFDESTRUCT */
const HALTING: ReadonlySet<number> = new Set([0x00, 0xf3, 0xfd, 0xfe, 0xff]);

/** Behind the end of a program stands a STOP (Yellow Paper, 9.4.1). The library does not show it to tracers. */
async function withLastStep(
  interpreter: Interpreter,
  code: Uint8Array,
  running: ReturnType<Run>,
): ReturnType<Run> {
  const result = await running;
  const { runState, exceptionError } = result;
  const ranOff = exceptionError === undefined && runState.programCounter >= code.length;
  if (!ranOff || HALTING.has(runState.opCode)) return result;
  runState.opCode = 0;
  await interpreter._runStepHook(0n, runState.gasLeft, runState.memoryWordCount);
  return result;
}

/** Prices that the functions below rely on; Yellow Paper, appendix G. */
const PRICES = { memoryGas: 3n, quadCoefficientDivGas: 512n, copyGas: 3n, keccak256WordGas: 6n } as const;

/** Lets `evm` run programs in this loop. @throws Fault if its rules are not those that the loop knows */
export async function useFastLoop(evm: EVM, common: Common): Promise<void> {
  for (const [name, price] of Object.entries(PRICES))
    if (common.param(name) !== price)
      throw new Fault(`the price ${name} is ${common.param(name)}, not ${price}`);
  // Object format, witnesses and state gas have their own checks in the library's loop.
  for (const eip of [3540, 6800, 7864, 7928, 8037])
    if (common.isActivatedEIP(eip)) throw new Fault(`EIP-${eip} is active, which this loop does not know`);
  teach(await interpreterClassOf(evm as unknown as OpenEvm));
  ours.add(evm);
}

interface Analysis {
  jumps: Uint8Array;
  /** Value of the push whose data begins at an index. */
  pushes: bigint[];
}
const analyses = createLru<Uint8Array, Analysis>(LIMITS.maxAnalysedCodes);

const PUSH1 = 0x60;
const PUSH32 = 0x7f;
const JUMPDEST = 0x5b;
const JUMP = 0x56;
const JUMPI = 0x57;

function analyse(code: Uint8Array): Analysis {
  const known = analyses.get(code);
  if (known !== undefined) return known;
  const jumps = new Uint8Array(code.length);
  const pushes: bigint[] = [];
  for (let at = 0; at < code.length; at++) {
    const op = code[at]!;
    if (op === JUMPDEST) jumps[at] = 1;
    if (op < PUSH1 || op > PUSH32) continue;
    const size = op - PUSH1 + 1;
    let value = 0n;
    // Beyond the end of the code there are zeros.
    for (let i = 1; i <= size; i++) value = (value << 8n) | BigInt(code[at + i] ?? 0);
    pushes[at + 1] = value;
    at += size;
  }
  const analysis = { jumps, pushes };
  analyses.set(code, analysis);
  return analysis;
}

function useAnalysis(runState: RunState, analysis: Analysis): void {
  runState.validJumps = analysis.jumps;
  runState.cachedPushes = analysis.pushes;
  runState.shouldDoJumpAnalysis = false;
}

/** Price of making the memory reach `offset + length`. */
function memoryGas(runState: RunState, offset: bigint, length: bigint): bigint {
  if (length === 0n) return 0n;
  const words = (offset + length + 31n) >> 5n;
  if (words <= runState.memoryWordCount) return 0n;
  const whole = words * PRICES.memoryGas + (words * words) / PRICES.quadCoefficientDivGas;
  const cost = whole - runState.highestMemCost;
  runState.highestMemCost = whole;
  runState.memoryWordCount = words;
  return cost;
}

function wordsOf(length: bigint): bigint {
  return (length + 31n) >> 5n;
}

type SyncGas = (runState: RunState, gas: bigint) => bigint;

const memoryWord: SyncGas = (runState, gas) => gas + memoryGas(runState, runState.stack.peek()[0]!, 32n);
const memoryRange: SyncGas = (runState, gas) => {
  const [offset, length] = runState.stack.peek(2);
  return gas + memoryGas(runState, offset!, length!);
};
const copy: SyncGas = (runState, gas) => {
  const [to, , length] = runState.stack.peek(3);
  return gas + memoryGas(runState, to!, length!) + PRICES.copyGas * wordsOf(length!);
};

/** Dynamic prices that need nothing from the state. */
const syncGas: (SyncGas | undefined)[] = [];
/* KECCAK256 */ syncGas[0x20] = (runState, gas) => {
  const [offset, length] = runState.stack.peek(2);
  return gas + memoryGas(runState, offset!, length!) + PRICES.keccak256WordGas * wordsOf(length!);
};
/* CALLDATACOPY, CODECOPY */ syncGas[0x37] = copy;
syncGas[0x39] = copy;
/* MLOAD, MSTORE, MSTORE8 */ syncGas[0x51] = memoryWord;
syncGas[0x52] = memoryWord;
syncGas[0x53] = (runState, gas) => gas + memoryGas(runState, runState.stack.peek()[0]!, 1n);
/* MCOPY */ syncGas[0x5e] = (runState, gas) => {
  const [to, from, length] = runState.stack.peek(3);
  return (
    gas +
    PRICES.copyGas * wordsOf(length!) +
    memoryGas(runState, from!, length!) +
    memoryGas(runState, to!, length!)
  );
};
/* RETURN, REVERT */ syncGas[0xf3] = memoryRange;
syncGas[0xfd] = memoryRange;

const MASK = 0xffff_ffff_ffff_ffffn;

/** The 32 bytes of memory at `offset`, which the price has bounded. */
function memoryView({ memory }: RunState, offset: number): DataView {
  memory.extend(offset, 32);
  const { buffer, byteOffset } = memory._store;
  return new DataView(buffer, byteOffset + offset, 32);
}

/** Words between stack and memory without a detour over text, which is how the library turns numbers into bytes. */
const quickHandlers: (((runState: RunState) => void) | undefined)[] = [];
/* MLOAD */ quickHandlers[0x51] = (runState) => {
  const view = memoryView(runState, Number(runState.stack.pop()));
  const high = (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
  const low = (view.getBigUint64(16) << 64n) | view.getBigUint64(24);
  runState.stack.push(high === 0n ? low : (high << 128n) | low);
};
/* MSTORE */ quickHandlers[0x52] = (runState) => {
  const offset = runState.stack.pop();
  const word = runState.stack.pop();
  const view = memoryView(runState, Number(offset));
  view.setBigUint64(24, word & MASK);
  view.setBigUint64(16, (word >> 64n) & MASK);
  view.setBigUint64(8, (word >> 128n) & MASK);
  view.setBigUint64(0, word >> 192n);
};

async function run(
  interpreter: Interpreter,
  code: Uint8Array,
): Promise<{ runState: RunState; exceptionError: EVMError | undefined }> {
  const { _runState: runState, common } = interpreter;
  const instructions = interpreter._evm._opcodeMap;
  runState.code = code;
  const known = analyses.get(code);
  if (known !== undefined) useAnalysis(runState, known);
  const hook = hooks.get(interpreter._evm);
  if (hook !== undefined) return runSteps(interpreter, code, hook);
  try {
    while (runState.programCounter < code.length) {
      const op = code[runState.programCounter]!;
      if (runState.shouldDoJumpAnalysis && (op === JUMP || op === JUMPI))
        useAnalysis(runState, analyse(code));
      runState.opCode = op;
      const { opcodeInfo: info, opHandler, gasHandler } = instructions[op]!;
      let gas = info.feeBigInt;
      if (info.dynamicGas) {
        const price = syncGas[op];
        gas = price === undefined ? await gasHandler(runState, gas, common) : price(runState, gas);
      }
      if (info.isInvalid) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE);
      runState.gasLeft -= gas;
      if (runState.gasLeft < 0n) {
        runState.gasLeft = 0n;
        throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
      }
      runState.programCounter++;
      const quick = quickHandlers[op];
      if (quick !== undefined) quick(runState);
      else if (info.isAsync) await opHandler(runState, common);
      else opHandler(runState, common);
    }
  } catch (error) {
    return { runState, exceptionError: exceptionOf(error) };
  }
  return { runState, exceptionError: undefined };
}

/** STOP is no exception; anything that is not of the EVM is not for the EVM. */
function exceptionOf(error: unknown): EVMError | undefined {
  if (!(error instanceof EVMError)) throw error;
  return error.error === EVMError.errorMessages.STOP ? undefined : error;
}

/** The same loop with a look at every step, also at one whose price cannot be paid. */
async function runSteps(
  { _runState: runState, _evm: evm, common }: Interpreter,
  code: Uint8Array,
  hook: StepHook,
): Promise<{ runState: RunState; exceptionError: EVMError | undefined }> {
  try {
    while (runState.programCounter < code.length) {
      const op = code[runState.programCounter]!;
      if (runState.shouldDoJumpAnalysis && (op === JUMP || op === JUMPI))
        useAnalysis(runState, analyse(code));
      runState.opCode = op;
      const { opcodeInfo: info, opHandler, gasHandler } = evm._opcodeMap[op]!;
      const words = runState.memoryWordCount;
      let gas = info.feeBigInt;
      try {
        if (info.dynamicGas) gas = await gasHandler(runState, gas, common);
      } finally {
        hook(stepOf(runState, info, gas, words));
      }
      if (info.isInvalid) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE);
      runState.gasLeft -= gas;
      if (runState.gasLeft < 0n) {
        runState.gasLeft = 0n;
        throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
      }
      runState.programCounter++;
      if (info.isAsync) await opHandler(runState, common);
      else opHandler(runState, common);
    }
  } catch (error) {
    return { runState, exceptionError: exceptionOf(error) };
  }
  // Behind the end of a program stands a STOP (Yellow Paper, 9.4.1).
  hook(stepOf(runState, evm._opcodeMap[0]!.opcodeInfo, 0n, runState.memoryWordCount));
  return { runState, exceptionError: undefined };
}

function stepOf(
  runState: RunState,
  info: Instruction['opcodeInfo'],
  dynamicFee: bigint,
  memoryWords: bigint,
): Step {
  const { env } = runState;
  return {
    pc: runState.programCounter,
    opcode: { code: info.code, name: info.fullName, fee: info.fee, dynamicFee },
    gasLeft: runState.gasLeft,
    gasRefund: runState.gasRefund,
    depth: env.depth,
    address: env.address,
    get stack() {
      return runState.stack.getStack();
    },
    get memory() {
      return runState.memory._store.slice(0, Number(memoryWords) * 32);
    },
  };
}
