/**
 * Runs a message on the machine: its frames one inside the other, without recursion, and what instructions ask of
 * the state. Gas is a number here: everything runs with at most `LIMITS.maxMachineGas`.
 */
import { type AccountData, EMPTY_ACCOUNT } from '../../accounts/account.ts';
import {
  bigintToBytes,
  concat,
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  equalBytes,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  toHex,
} from '../../crypto.ts';
import { encodeRlp } from '../../rlp.ts';
import { MAX_INITCODE_BYTES } from '../../transactions/intrinsic.ts';
import { isDelegation } from '../../transactions/validate.ts';
import { Fault, type Hex, type InternalOperation, type Log } from '../../types.ts';
import { FRAME, Machine, OUTCOME } from './machine.ts';
import type { Session } from './session.ts';

/** A call of something that is not code: a precompile or a module. */
export interface NativeCall {
  caller: Hex;
  value: bigint;
  isStatic: boolean;
  topLevel: boolean;
  /** By CALL or STATICCALL, so that caller and account are what they seem. */
  isDirect: boolean;
  /** A view of the machine's memory: valid until the call is answered. */
  data: Uint8Array;
  gasLimit: number;
}
export interface NativeResult {
  gasUsed: number;
  output: Uint8Array;
  /** The exception's name, 'revert' among them. */
  exception?: string;
  logs?: readonly Log[];
  /** Value that a module moved. */
  operations?: readonly InternalOperation[];
}
export type NativeFunction = (call: NativeCall) => NativeResult | Promise<NativeResult>;

export interface Environment {
  number: number;
  timestamp: number;
  coinbase: Hex;
  prevRandao: Hex;
  gasLimit: bigint;
  baseFee: bigint;
  gasPrice: bigint;
  origin: Hex;
}

export interface RunnerOptions {
  chainId: number;
  natives: ReadonlyMap<Hex, NativeFunction>;
  blockHash(number: number): Hex | undefined;
  countsLeadingZeros: boolean;
  knowsDelegations: boolean;
}

export interface RunnerMessage {
  from: Hex;
  to: Hex | null;
  data: Uint8Array;
  value: bigint;
  gasLimit: number;
}

export interface RunnerResult {
  gasUsed: number;
  output: Uint8Array;
  exception: string | undefined;
  createdAddress: Hex | null;
}

export interface Runner {
  /** Accounts that are warm in every transaction. */
  readonly natives: ReadonlySet<Hex>;
  /** The compression of precompile 0x09: 213 bytes to 64. */
  blake2f(input: Uint8Array): Uint8Array;
  run(session: Session, environment: Environment, message: RunnerMessage): Promise<RunnerResult>;
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  [OUTCOME.outOfGas]: 'out of gas',
  [OUTCOME.underflow]: 'stack underflow',
  [OUTCOME.overflow]: 'stack overflow',
  [OUTCOME.badJump]: 'invalid JUMP',
  [OUTCOME.badOpcode]: 'invalid opcode',
  [OUTCOME.staticChange]: 'static state change',
  [OUTCOME.collision]: 'create collision',
  [OUTCOME.codeTooLarge]: 'code size to deposit exceeds maximum code size',
  [OUTCOME.badCode]: 'invalid bytecode deployed',
  [OUTCOME.noFunds]: 'insufficient balance',
  [OUTCOME.initcodeTooLarge]: 'initcode exceeds max initcode size',
};
const MAX_DEPTH = 1_024;
/** EIP-2929 */
const WARM = 100;
const COLD_ACCOUNT = 2_600;
const COLD_SLOT = 2_100;
/** Yellow Paper, appendix G */
const CALL_VALUE = 9_000;
const NEW_ACCOUNT = 25_000;
const STIPEND = 2_300;
const INITCODE_WORD = 2;
const HASH_WORD = 6;
const CODE_BYTE = 200;
/** EIP-170 */
const MAX_CODE_BYTES = 24_576;
/** EIP-2200 with the prices of EIP-2929 and 3529 */
const SET_SLOT = 20_000;
const RESET_SLOT = 2_900;
const CLEAR_REFUND = 4_800;
const MAX_NONCE = 0xffff_ffff_ffff_ffffn;
const BLOCK_HASHES = 256;
const MOST_GAS = 0x7fff_ffff;

interface Frame {
  at: number;
  depth: number;
  address: Hex;
  caller: Hex;
  value: bigint;
  isStatic: boolean;
  /** The account that is being made. */
  creates: boolean;
  logs: number;
  operations: number;
  refund: number;
}

export function createRunner(options: RunnerOptions): Runner {
  const { natives } = options;
  const machine = new Machine(host, options);
  const frames: Frame[] = [];
  let session!: Session;
  let environment!: Environment;
  machine.setEnvironment('chainId', BigInt(options.chainId));
  machine.setEnvironment('blobBaseFee', 1n);

  // ---- instructions that ask the state

  function host(op: number, at: number): number {
    const frame = frames[frames.length - 1]!;
    const top = machine.get(at, FRAME.top);
    const first = top - 32;
    const second = top - 64;
    switch (op) {
      case 0x31: {
        const address = machine.addressAt(first);
        if (!pay(at, accessPrice(address))) return OUTCOME.outOfGas;
        machine.writeNumber(first, session.balance(address));
        return 0;
      }
      case 0x3b: {
        const address = machine.addressAt(first);
        if (!pay(at, accessPrice(address))) return OUTCOME.outOfGas;
        machine.writeSmall(first, codeAt(address).length);
        return 0;
      }
      case 0x3c: {
        const address = machine.addressAt(first);
        if (!pay(at, accessPrice(address))) return OUTCOME.outOfGas;
        machine.set(at, FRAME.top, top - 128);
        const length = machine.readSmall(top - 128, MOST_GAS);
        if (length === 0) return 0;
        const to = machine.get(at, FRAME.memory) + machine.readSmall(second, MOST_GAS);
        const from = machine.readSmall(top - 96, MOST_GAS);
        const part = codeAt(address).subarray(from, from + length);
        machine.bytes.set(part, to);
        machine.bytes.fill(0, to + part.length, to + length);
        return 0;
      }
      case 0x3f: {
        const address = machine.addressAt(first);
        if (!pay(at, accessPrice(address))) return OUTCOME.outOfGas;
        if (session.isDead(address)) machine.writeSmall(first, 0);
        else machine.writeBytes(first, session.world.read(address)!.codeHash);
        return 0;
      }
      case 0x40:
        machine.writeBytes(first, blockHash(machine.readSmall(first, MOST_GAS)));
        return 0;
      case 0x47:
        machine.writeNumber(top, session.balance(frame.address));
        return 0;
      case 0x54: {
        const slot = machine.slotAt(first);
        if (!pay(at, session.warmSlot(frame.address, slot) ? WARM : COLD_SLOT)) return OUTCOME.outOfGas;
        machine.writeBytes(first, session.world.readSlot(frame.address, slot));
        return 0;
      }
      case 0x55:
        return storeSlot(at, frame, first, second);
      case 0x5c:
        machine.writeBytes(first, session.readTransient(frame.address, machine.keyAt(first)));
        return 0;
      case 0x5d:
        if (frame.isStatic) return OUTCOME.staticChange;
        session.writeTransient(frame.address, machine.keyAt(first), machine.readStripped(second));
        machine.set(at, FRAME.top, second);
        return 0;
      default:
        return log(at, frame, op - 0xa0, first, second);
    }
  }

  function pay(at: number, price: number): boolean {
    const left = machine.get(at, FRAME.gas) - price;
    if (left < 0) return false;
    machine.set(at, FRAME.gas, left);
    return true;
  }

  function accessPrice(address: Hex): number {
    return session.warmAccount(address) ? WARM : COLD_ACCOUNT;
  }

  function codeAt(address: Hex): Uint8Array {
    return session.world.code(address);
  }

  function blockHash(number: number): Uint8Array {
    const current = environment.number;
    if (number >= current || number < current - BLOCK_HASHES) return EMPTY_BYTES;
    const hash = options.blockHash(number);
    if (hash === undefined) throw new Fault(`BLOCKHASH: header ${number} is missing`);
    return fromHex(hash);
  }

  function storeSlot(at: number, frame: Frame, slotWord: number, valueWord: number): number {
    if (frame.isStatic) return OUTCOME.staticChange;
    if (machine.get(at, FRAME.gas) <= STIPEND) return OUTCOME.outOfGas;
    const { world } = session;
    const { address } = frame;
    const slot = machine.slotAt(slotWord);
    const value = machine.readStripped(valueWord);
    let price = session.warmSlot(address, slot) ? 0 : COLD_SLOT;
    const current = world.readSlot(address, slot);
    let refund = 0;
    const changes = !equalBytes(current, value);
    if (!changes) price += WARM;
    else {
      const original = world.originalSlot(address, slot);
      if (equalBytes(original, current)) {
        price += original.length === 0 ? SET_SLOT : RESET_SLOT;
        if (original.length > 0 && value.length === 0) refund += CLEAR_REFUND;
      } else {
        price += WARM;
        if (original.length > 0) {
          if (current.length === 0) refund -= CLEAR_REFUND;
          else if (value.length === 0) refund += CLEAR_REFUND;
        }
        if (equalBytes(original, value))
          refund += original.length === 0 ? SET_SLOT - WARM : RESET_SLOT - WARM;
      }
    }
    if (!pay(at, price)) return OUTCOME.outOfGas;
    session.refund += refund;
    if (changes) world.writeSlot(address, slot, value);
    machine.set(at, FRAME.top, valueWord);
    return 0;
  }

  function log(at: number, frame: Frame, count: number, first: number, second: number): number {
    if (frame.isStatic) return OUTCOME.staticChange;
    const length = machine.readSmall(second, MOST_GAS);
    const from = length === 0 ? 0 : machine.get(at, FRAME.memory) + machine.readSmall(first, MOST_GAS);
    const topics: Hex[] = [];
    for (let i = 1; i <= count; i++) topics.push(`0x${machine.slotAt(second - 32 * i)}`);
    session.logs.push({ address: frame.address, topics, data: machine.slice(from, length) });
    machine.set(at, FRAME.top, second - 32 * count);
    return 0;
  }

  // ---- frames

  /** Makes a frame the innermost one. Its gas, code and data are set by the caller. */
  function push(address: Hex, caller: Hex, value: bigint, isStatic: boolean, creates: boolean): Frame {
    const depth = frames.length;
    const at = machine.frameAt(depth);
    // Written out: spreading an object here would cost more than the rest of a call.
    const frame: Frame = {
      at,
      depth,
      address,
      caller,
      value,
      isStatic,
      creates,
      logs: session.logs.length,
      operations: session.operations.length,
      refund: session.refund,
    };
    const stack = machine.stackBehind(depth === 0 ? undefined : frames[depth - 1]!.at);
    machine.set(at, FRAME.pc, 0);
    machine.set(at, FRAME.stack, stack);
    machine.set(at, FRAME.top, stack);
    machine.set(at, FRAME.memorySize, 0);
    machine.set(at, FRAME.dataLength, 0);
    machine.setReturned(0, 0);
    frames.push(frame);
    return frame;
  }

  /** What a call of `address` runs; EIP-7702 follows one delegation, and one to a precompile runs nothing. */
  function programOf(address: Hex): { code: Uint8Array; delegate: Hex | undefined } {
    const code = codeAt(address);
    if (!options.knowsDelegations || !isDelegation(code)) return { code, delegate: undefined };
    const delegate = toHex(code.subarray(3));
    return { code: natives.has(delegate) ? EMPTY_BYTES : codeAt(delegate), delegate };
  }

  /** Ends the innermost frame: keeps or takes back what it did. */
  function pop(succeeded: boolean): Frame {
    const frame = frames.pop()!;
    if (succeeded) session.world.keep();
    else {
      session.world.takeBack();
      session.logs.length = frame.logs;
      session.operations.length = frame.operations;
      session.refund = frame.refund;
    }
    return frame;
  }

  function pushResult(at: number, value: number): void {
    const top = machine.get(at, FRAME.top);
    machine.writeSmall(top, value);
    machine.set(at, FRAME.top, top + 32);
  }

  /** Gives the frame's gas, output and success to its caller. */
  function giveBack(caller: Frame, succeeded: boolean, gasLeft: number): void {
    machine.set(caller.at, FRAME.gas, machine.get(caller.at, FRAME.gas) + gasLeft);
    machine.copyReturned(machine.get(caller.at, FRAME.back), machine.get(caller.at, FRAME.backLength));
    pushResult(caller.at, succeeded ? 1 : 0);
  }

  // ---- calls

  /** CALL, CALLCODE, DELEGATECALL, STATICCALL of the innermost frame. 0: goes on with what is innermost then. */
  function call(frame: Frame, op: number): number | Promise<number> {
    const { at } = frame;
    const top = machine.get(at, FRAME.top);
    const movesValue = op === 0xf1 || op === 0xf2;
    const address = machine.addressAt(top - 64);
    const hasValue = movesValue && !machine.isZero(top - 96);
    if (hasValue && frame.isStatic && op === 0xf1) return OUTCOME.staticChange;
    let price = accessPrice(address);
    if (hasValue) {
      price += CALL_VALUE;
      if (op === 0xf1 && session.isDead(address)) price += NEW_ACCOUNT;
    }
    if (!pay(at, price)) return OUTCOME.outOfGas;
    const native = natives.get(address);
    let code: Uint8Array = EMPTY_BYTES;
    if (native === undefined) {
      const program = programOf(address);
      if (program.delegate !== undefined && !pay(at, accessPrice(program.delegate))) return OUTCOME.outOfGas;
      code = program.code;
    }
    // EIP-150
    const left = machine.get(at, FRAME.gas);
    let gas = Math.min(machine.readSmall(top - 32, MOST_GAS), left - (left >> 6));
    machine.set(at, FRAME.gas, left - gas);
    if (hasValue) gas += STIPEND;
    const value = hasValue ? machine.readNumber(top - 96) : op === 0xf4 ? frame.value : 0n;
    machine.set(at, FRAME.top, top - (movesValue ? 224 : 192));
    if (frames.length > MAX_DEPTH || (hasValue && session.balance(frame.address) < value)) {
      machine.setReturned(0, 0);
      giveBack(frame, false, gas);
      return 0;
    }
    const isStatic = frame.isStatic || op === 0xfa;
    const to = op === 0xf1 || op === 0xfa ? address : frame.address;
    const operation: InternalOperation | undefined =
      hasValue && op === 0xf1 ? { type: 'CALL', from: frame.address, to, value } : undefined;
    if (native === undefined) session.called.add(address);
    if (native === undefined && code.length === 0) {
      // Nothing runs, so nothing can be taken back.
      if (operation !== undefined) session.operations.push(operation);
      if (op === 0xf1) session.transfer(frame.address, to, value);
      else if (op === 0xfa) session.touch(to);
      machine.setReturned(0, 0);
      giveBack(frame, true, gas);
      return 0;
    }
    session.world.begin();
    if (op === 0xf1) session.transfer(frame.address, to, value);
    else if (op === 0xfa) session.touch(to);
    if (native !== undefined)
      return callNative(frame, native, operation, {
        caller: op === 0xf4 ? frame.caller : frame.address,
        value,
        isStatic,
        topLevel: false,
        isDirect: op === 0xf1 || op === 0xfa,
        data: machine.view(machine.get(at, FRAME.out), machine.get(at, FRAME.outLength)),
        gasLimit: gas,
      });
    const inner = push(to, op === 0xf4 ? frame.caller : frame.address, value, isStatic, false);
    if (operation !== undefined) session.operations.push(operation);
    if (to === frame.address) machine.copyWord(inner.at + FRAME.address, at + FRAME.address);
    else machine.copyAddress(inner.at + FRAME.address, top - 64);
    machine.copyWord(inner.at + FRAME.caller, at + (op === 0xf4 ? FRAME.caller : FRAME.address));
    if (op === 0xf4) machine.copyWord(inner.at + FRAME.value, at + FRAME.value);
    else machine.writeNumber(inner.at + FRAME.value, value);
    machine.set(inner.at, FRAME.data, machine.get(at, FRAME.out));
    machine.set(inner.at, FRAME.dataLength, machine.get(at, FRAME.outLength));
    machine.set(inner.at, FRAME.gas, gas);
    machine.set(
      inner.at,
      FRAME.memory,
      machine.setCode(inner.at, code, align(machine.arenaBehind(at)), false),
    );
    return 0;
  }

  function callNative(
    frame: Frame,
    native: NativeFunction,
    operation: InternalOperation | undefined,
    native_: NativeCall,
  ): number | Promise<number> {
    const [logs, refund] = [session.logs.length, session.refund];
    const finish = (result: NativeResult): number => {
      const succeeded = result.exception === undefined;
      if (succeeded) {
        session.world.keep();
        if (operation !== undefined) session.operations.push(operation);
        keepEffects(session, result);
      } else {
        session.world.takeBack();
        session.logs.length = logs;
        session.refund = refund;
      }
      machine.setReturnedBytes(succeeded || result.exception === 'revert' ? result.output : EMPTY_BYTES);
      giveBack(frame, succeeded, native_.gasLimit - result.gasUsed);
      return 0;
    };
    const result = native(native_);
    return result instanceof Promise ? result.then(finish) : finish(result);
  }

  // ---- creations

  function create(frame: Frame, op: number): number {
    const { at } = frame;
    if (frame.isStatic) return OUTCOME.staticChange;
    const top = machine.get(at, FRAME.top);
    const length = machine.get(at, FRAME.outLength);
    if (length > MAX_INITCODE_BYTES) return OUTCOME.initcodeTooLarge;
    const words = (length + 31) >> 5;
    if (!pay(at, words * (INITCODE_WORD + (op === 0xf5 ? HASH_WORD : 0)))) return OUTCOME.outOfGas;
    const left = machine.get(at, FRAME.gas);
    const gas = left - (left >> 6);
    const value = machine.readNumber(top - 32);
    const initcode = machine.slice(machine.get(at, FRAME.out), length);
    const salt = op === 0xf5 ? machine.readBig(top - 128, 32) : undefined;
    machine.set(at, FRAME.top, top - (op === 0xf5 ? 128 : 96));
    machine.setReturned(0, 0);
    const { world } = session;
    const creator = world.read(frame.address) ?? EMPTY_ACCOUNT;
    if (frames.length > MAX_DEPTH || creator.balance < value || creator.nonce === MAX_NONCE) {
      pushResult(at, 0);
      return 0;
    }
    machine.set(at, FRAME.gas, left - gas);
    world.write(frame.address, { ...creator, nonce: creator.nonce + 1n });
    const address =
      salt === undefined
        ? createdAddress(frame.address, creator.nonce)
        : toHex(
            keccak256(
              concat(Uint8Array.of(0xff), fromHex(frame.address), salt, keccak256(initcode)),
            ).subarray(12),
          );
    session.warmAccount(address);
    const type = op === 0xf5 ? 'CREATE2' : 'CREATE';
    if (enterCreation(frame.address, address, value, initcode, gas, type) !== 0) pushResult(at, 0);
    return 0;
  }

  /**
   * Begins the frame that makes an account. @returns what is in its way, and its gas is gone; 0 if nothing is
   * @param type inside a transaction
   */
  function enterCreation(
    caller: Hex,
    address: Hex,
    value: bigint,
    initcode: Uint8Array,
    gas: number,
    type?: 'CREATE' | 'CREATE2',
  ): number {
    const { world } = session;
    const existing = world.read(address);
    if (existing !== undefined && isTaken(existing)) return OUTCOME.collision;
    world.begin();
    session.markCreated(address);
    world.clearSlots(address);
    world.write(address, { ...(existing ?? EMPTY_ACCOUNT), nonce: 1n });
    session.transfer(caller, address, value);
    const outer = frames.at(-1);
    const inner = push(address, caller, value, false, true);
    if (type !== undefined) session.operations.push({ type, from: caller, to: address, value });
    machine.writeAddress(inner.at + FRAME.address, address);
    machine.writeAddress(inner.at + FRAME.caller, caller);
    machine.writeNumber(inner.at + FRAME.value, value);
    machine.set(inner.at, FRAME.gas, gas);
    machine.set(
      inner.at,
      FRAME.memory,
      machine.setCode(inner.at, initcode, align(machine.arenaBehind(outer?.at)), true),
    );
    return 0;
  }

  /** What the code that a creation returned costs; the outcome if it cannot be. */
  function deposit(frame: Frame): number {
    const { at } = frame;
    const length = machine.get(at, FRAME.outLength);
    if (length > MAX_CODE_BYTES) return OUTCOME.codeTooLarge;
    const code = machine.slice(machine.get(at, FRAME.out), length);
    // EIP-3541
    if (!pay(at, length * CODE_BYTE)) return OUTCOME.outOfGas;
    if (code[0] === 0xef) return OUTCOME.badCode;
    if (length > 0) session.world.writeCode(frame.address, code);
    return 0;
  }

  function selfDestruct(frame: Frame): number {
    const { at } = frame;
    if (frame.isStatic) return OUTCOME.staticChange;
    const heir = machine.addressAt(machine.get(at, FRAME.top) - 32);
    const balance = session.balance(frame.address);
    let price = session.warmAccount(heir) ? 0 : COLD_ACCOUNT;
    if (balance > 0n && session.isDead(heir)) price += NEW_ACCOUNT;
    if (!pay(at, price)) return OUTCOME.outOfGas;
    session.operations.push({ type: 'SELFDESTRUCT', from: frame.address, to: heir, value: balance });
    session.transfer(frame.address, heir, balance);
    if (session.destroy(frame.address) && heir === frame.address)
      // What an account leaves to itself is gone with it.
      session.world.addBalance(heir, -balance);
    machine.set(at, FRAME.outLength, 0);
    return OUTCOME.stopped;
  }

  // ---- the loop

  /** Runs until the outermost frame has ended. */
  async function drive(gasLimit: number): Promise<RunnerResult> {
    while (true) {
      const frame = frames[frames.length - 1]!;
      let outcome = machine.run(frame.at);
      if (outcome === OUTCOME.leaves) {
        const op = machine.get(frame.at, FRAME.op) & 0xff;
        if (op === 0xff) outcome = selfDestruct(frame);
        else {
          const gone = op === 0xf0 || op === 0xf5 ? create(frame, op) : call(frame, op);
          const problem = typeof gone === 'number' ? gone : await gone;
          if (problem === 0) continue;
          outcome = problem;
        }
      }
      if (outcome === OUTCOME.stopped) machine.set(frame.at, FRAME.outLength, 0);
      let succeeded = outcome <= OUTCOME.returns;
      if (succeeded && frame.creates) {
        const problem = deposit(frame);
        if (problem !== 0) {
          succeeded = false;
          outcome = problem;
        }
      }
      if (outcome > OUTCOME.reverts) {
        machine.set(frame.at, FRAME.gas, 0);
        machine.set(frame.at, FRAME.outLength, 0);
      }
      pop(succeeded);
      const gasLeft = machine.get(frame.at, FRAME.gas);
      const output = machine.get(frame.at, FRAME.out);
      const length = machine.get(frame.at, FRAME.outLength);
      const outer = frames.at(-1);
      if (outer === undefined)
        return {
          gasUsed: gasLimit - gasLeft,
          output: machine.slice(output, length),
          exception: succeeded ? undefined : outcome === OUTCOME.reverts ? 'revert' : EXCEPTIONS[outcome]!,
          createdAddress: frame.creates ? frame.address : null,
        };
      if (frame.creates) {
        machine.setReturned(output, succeeded ? 0 : length);
        machine.set(outer.at, FRAME.gas, machine.get(outer.at, FRAME.gas) + gasLeft);
        pushResult(outer.at, 0);
        if (succeeded) machine.copyAddress(machine.get(outer.at, FRAME.top) - 32, frame.at + FRAME.address);
      } else {
        machine.setReturned(output, length);
        giveBack(outer, succeeded, gasLeft);
      }
    }
  }

  /** The outermost frame of a call. */
  async function runCall(message: RunnerMessage, to: Hex): Promise<RunnerResult> {
    const current = session;
    const { value } = message;
    const ended = (result: Omit<RunnerResult, 'createdAddress'>) => ({ ...result, createdAddress: null });
    if (current.balance(message.from) < value)
      return ended({
        gasUsed: message.gasLimit,
        output: EMPTY_BYTES,
        exception: EXCEPTIONS[OUTCOME.noFunds],
      });
    current.world.begin();
    current.transfer(message.from, to, value);
    const native = natives.get(to);
    if (native !== undefined) {
      const result = await native({
        caller: message.from,
        value,
        isStatic: false,
        topLevel: true,
        isDirect: true,
        data: message.data,
        gasLimit: message.gasLimit,
      });
      if (result.exception === undefined) {
        current.world.keep();
        keepEffects(current, result);
      } else current.world.takeBack();
      return ended({ gasUsed: result.gasUsed, output: result.output, exception: result.exception });
    }
    const { code, delegate } = programOf(to);
    if (delegate !== undefined) current.warmAccount(delegate);
    if (code.length === 0) {
      current.world.keep();
      return ended({ gasUsed: 0, output: EMPTY_BYTES, exception: undefined });
    }
    const frame = push(to, message.from, value, false, false);
    const { at } = frame;
    machine.writeAddress(at + FRAME.address, to);
    machine.writeAddress(at + FRAME.caller, message.from);
    machine.writeNumber(at + FRAME.value, value);
    machine.set(at, FRAME.gas, message.gasLimit);
    const data = machine.arenaBehind(undefined);
    machine.set(at, FRAME.data, data);
    machine.set(at, FRAME.dataLength, message.data.length);
    const behind = machine.place(data, message.data);
    machine.set(at, FRAME.memory, machine.setCode(at, code, behind, false));
    return drive(message.gasLimit);
  }

  async function runCreation(message: RunnerMessage): Promise<RunnerResult> {
    const current = session;
    const failed = (outcome: number, createdAddress: Hex | null): RunnerResult => ({
      gasUsed: message.gasLimit,
      output: EMPTY_BYTES,
      exception: EXCEPTIONS[outcome]!,
      createdAddress,
    });
    if (current.balance(message.from) < message.value) return failed(OUTCOME.noFunds, null);
    if (message.data.length > MAX_INITCODE_BYTES) return failed(OUTCOME.initcodeTooLarge, null);
    // The sender's nonce was counted up already.
    const nonce = (current.world.read(message.from)?.nonce ?? 1n) - 1n;
    const address = createdAddress(message.from, nonce);
    current.warmAccount(address);
    const problem = enterCreation(message.from, address, message.value, message.data, message.gasLimit);
    return problem === 0 ? drive(message.gasLimit) : failed(problem, address);
  }

  return {
    natives: new Set(natives.keys()),
    blake2f: (input) => machine.blake2f(input),
    async run(nextSession, nextEnvironment, message) {
      session = nextSession;
      environment = nextEnvironment;
      frames.length = 0;
      machine.tidy();
      writeEnvironment(machine, nextEnvironment);
      return message.to === null ? runCreation(message) : runCall(message, message.to);
    },
  };
}

function keepEffects(session: Session, { logs = [], operations = [] }: NativeResult): void {
  for (const log of logs) session.logs.push(log);
  for (const operation of operations) session.operations.push(operation);
}

function isTaken(account: AccountData): boolean {
  // EIP-7610 asks for storage as well.
  return (
    account.nonce > 0n ||
    !equalBytes(account.codeHash, KECCAK_EMPTY) ||
    !equalBytes(account.storageRoot, EMPTY_TRIE_ROOT)
  );
}

function createdAddress(creator: Hex, nonce: bigint): Hex {
  return toHex(keccak256(encodeRlp([fromHex(creator), bigintToBytes(nonce)])).subarray(12));
}

function align(at: number): number {
  return (at + 31) & ~31;
}

function writeEnvironment(machine: Machine, environment: Environment): void {
  machine.setEnvironment('origin', BigInt(environment.origin));
  machine.setEnvironment('gasPrice', environment.gasPrice);
  machine.setEnvironment('coinbase', BigInt(environment.coinbase));
  machine.setEnvironment('timestamp', BigInt(environment.timestamp));
  machine.setEnvironment('number', BigInt(environment.number));
  machine.setEnvironment('prevRandao', BigInt(environment.prevRandao));
  machine.setEnvironment('gasLimit', environment.gasLimit);
  machine.setEnvironment('baseFee', environment.baseFee);
}
