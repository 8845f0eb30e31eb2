/**
 * The WebAssembly half of the EVM: its memory, and how words, frames and codes lie in it. One machine runs one
 * transaction at a time. Memory, in this order: the table of instructions and the words of the block, frames, stacks
 * (a frame's begins where its caller's ends), codes that were run before, what the last call returned, and the arena,
 * in which every frame has its memory behind that of its caller.
 */
import { compileKernel } from '../../../attribution/kernels/load.ts';
import { bareHex, EMPTY_BYTES, fromHex } from '../../crypto.ts';
import { LIMITS } from '../../limits.ts';
import { Fault, type Hex } from '../../types.ts';
import * as kernelFile from './evm.wasm.ts';
import { instructionTable } from './instructions.ts';

/** Bytes of the fields of a frame; the same in assembly/evm.ts. */
export const FRAME = {
  code: 0,
  codeLength: 4,
  jumps: 8,
  pc: 12,
  stack: 16,
  top: 20,
  memory: 24,
  memorySize: 28,
  gas: 32,
  data: 36,
  dataLength: 40,
  out: 44,
  outLength: 48,
  op: 52,
  back: 56,
  backLength: 60,
  address: 64,
  caller: 96,
  value: 128,
} as const;

/** What `run` answers; the same in assembly/evm.ts. From 16 on: the frame failed. */
export const OUTCOME = {
  stopped: 0,
  returns: 1,
  reverts: 2,
  leaves: 3,
  outOfGas: 16,
  underflow: 17,
  overflow: 18,
  badJump: 19,
  badOpcode: 20,
  staticChange: 21,
  collision: 22,
  codeTooLarge: 23,
  badCode: 24,
  noFunds: 25,
  initcodeTooLarge: 26,
} as const;

const TABLE = 4_096;
const RETURNED = 5_120;
const ENVIRONMENT = 5_248;
/** Place for the input of a hash. */
const HASH_INPUT = 16_384;
const FRAMES = 65_536;
const FRAME_BYTES = 192;
const MEBIBYTE = 1 << 20;
const PAGE_BYTES = 65_536;
const STACKS = MEBIBYTE;
/** 1,025 frames of 1,024 words, and what one word too many would take. */
const CODES = STACKS + 34 * MEBIBYTE;
const CODES_END = CODES + LIMITS.machineCodeBytes;
const RETURN_BUFFER = CODES_END;
const ARENA = RETURN_BUFFER + LIMITS.maxReturnBytes;
/** Zeros around a code, so that a push may read before its beginning and a program may run over its end. */
const MARGIN = 40;

export type EnvironmentWord =
  | 'origin'
  | 'gasPrice'
  | 'coinbase'
  | 'timestamp'
  | 'number'
  | 'prevRandao'
  | 'gasLimit'
  | 'chainId'
  | 'baseFee'
  | 'blobBaseFee';
const ENVIRONMENT_WORDS: readonly EnvironmentWord[] = [
  'origin',
  'gasPrice',
  'coinbase',
  'timestamp',
  'number',
  'prevRandao',
  'gasLimit',
  'chainId',
  'baseFee',
  'blobBaseFee',
];

interface Kernel {
  run(frame: number): number;
  analyse(code: number, length: number, jumps: number): void;
  blake2f(rounds: number, state: number, message: number, offset: number, isLast: number): void;
}

interface PlacedCode {
  code: number;
  length: number;
  jumps: number;
}

/** An address or a slot that was read from the machine lately: making text of bytes costs more than a warm read. */
interface Named<T extends string> {
  words: Int32Array;
  name: T;
}
const NAMES = 4_096;

let compiled: WebAssembly.Module | undefined;

export class Machine {
  /** Views of the memory; new ones after it has grown. */
  bytes!: Uint8Array;
  words!: Int32Array;
  private limbs!: BigUint64Array;
  private readonly host: (op: number, frame: number) => number;
  private memory!: WebAssembly.Memory;
  private kernel!: Kernel;
  private codes = new WeakMap<Uint8Array, PlacedCode>();
  private codesTop = CODES;
  /** Where a jump may go in codes that found no place, which are written anew for each call: a copy is far cheaper. */
  private analysed = new WeakMap<Uint8Array, Uint8Array>();
  private readonly addresses: (Named<Hex> | undefined)[] = new Array(NAMES).fill(undefined);
  private readonly slots: (Named<string> | undefined)[] = new Array(NAMES).fill(undefined);

  /** @param host answers an instruction that needs the state: 0, or an outcome from 16 on */
  constructor(host: (op: number, frame: number) => number, options: { countsLeadingZeros: boolean }) {
    this.host = host;
    this.renew();
    this.words.set(instructionTable(options), TABLE >> 2);
  }

  /** Takes new memory, in which nothing is. The old one goes with its last view. */
  private renew(): void {
    compiled ??= compileKernel(kernelFile);
    this.memory = new WebAssembly.Memory({
      initial: ARENA / PAGE_BYTES + 16,
      maximum: LIMITS.maxMachineBytes / PAGE_BYTES,
    });
    const env = { memory: this.memory, host: this.host, grow: (bytes: number) => this.grow(bytes) };
    this.kernel = new WebAssembly.Instance(compiled, { env }).exports as unknown as Kernel;
    this.look();
    this.forgetCodes();
  }

  private forgetCodes(): void {
    this.codes = new WeakMap();
    this.codesTop = CODES;
  }

  private look(): void {
    const { buffer } = this.memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.limbs = new BigUint64Array(buffer);
  }

  private grow(bytes: number): void {
    const missing = (bytes >>> 0) - this.bytes.length;
    if (missing <= 0) return;
    // At least an eighth more, so that many small steps are few large ones.
    const wanted = Math.max(missing, this.bytes.length >> 3);
    const room = LIMITS.maxMachineBytes - this.bytes.length;
    if (missing > room) throw new Fault(`the EVM's memory would need ${bytes} bytes`);
    this.memory.grow(Math.ceil(Math.min(wanted, room) / PAGE_BYTES));
    this.look();
  }

  run(frame: number): number {
    return this.kernel.run(frame);
  }

  // ---- frames

  frameAt(depth: number): number {
    return FRAMES + depth * FRAME_BYTES;
  }

  get(frame: number, field: number): number {
    return this.words[(frame + field) >> 2]!;
  }

  set(frame: number, field: number, value: number): void {
    this.words[(frame + field) >> 2] = value;
  }

  /** Where a frame's caller ends: place for what the frame needs. */
  arenaBehind(frame: number | undefined): number {
    return frame === undefined ? ARENA : this.get(frame, FRAME.memory) + this.get(frame, FRAME.memorySize);
  }

  stackBehind(frame: number | undefined): number {
    return frame === undefined ? STACKS : this.get(frame, FRAME.top);
  }

  /** Copies bytes into the arena. @returns the end, aligned for words */
  place(at: number, bytes: Uint8Array): number {
    this.grow(at + bytes.length + 64);
    this.bytes.set(bytes, at);
    return align(at + bytes.length);
  }

  /**
   * Makes `code` the frame's. A code is placed once and found again by its object; when their place is full, or the
   * code is run once only, it lies in the arena. A block can call one that found no place some 200,000 times, so that
   * all it may cost then is the copy. @returns where the frame's memory can begin
   */
  setCode(frame: number, code: Uint8Array, arena: number, once: boolean): number {
    let placed = once ? undefined : this.codes.get(code);
    let end = arena;
    if (placed === undefined) {
      const size = align(2 * MARGIN + code.length + ((code.length + 7) >> 3));
      const fits = !once && this.codesTop + size <= CODES_END;
      const start = fits ? this.codesTop : arena;
      if (fits) this.codesTop += size;
      else {
        this.grow(arena + size + 64);
        end = arena + size;
      }
      placed = this.writeCode(start, code);
      if (fits) this.codes.set(code, placed);
      else if (!once) this.rememberJumps(code, placed);
    }
    this.set(frame, FRAME.code, placed.code);
    this.set(frame, FRAME.codeLength, placed.length);
    this.set(frame, FRAME.jumps, placed.jumps);
    return end;
  }

  private writeCode(start: number, code: Uint8Array): PlacedCode {
    const at = start + MARGIN;
    const jumps = at + code.length + MARGIN;
    this.bytes.fill(0, start, at);
    this.bytes.set(code, at);
    this.bytes.fill(0, at + code.length, jumps);
    const known = this.analysed.get(code);
    if (known === undefined) this.kernel.analyse(at, code.length, jumps);
    else this.bytes.set(known, jumps);
    return { code: at, length: code.length, jumps };
  }

  private rememberJumps(code: Uint8Array, { jumps, length }: PlacedCode): void {
    if (!this.analysed.has(code))
      this.analysed.set(code, this.bytes.slice(jumps, jumps + ((length + 7) >> 3)));
  }

  /**
   * Between transactions: forgets the codes if their place is nearly full, and gives memory back that an unusual
   * transaction made it take. WebAssembly's memory never shrinks, so it is replaced.
   */
  tidy(): void {
    if (this.bytes.length > LIMITS.keptMachineBytes) {
      const fixed = this.bytes.slice(0, FRAMES);
      this.renew();
      this.bytes.set(fixed);
    } else if (this.codesTop >= CODES_END - 2 * MEBIBYTE) this.forgetCodes();
  }

  // ---- what the last call returned

  setReturned(from: number, length: number): void {
    if (length > LIMITS.maxReturnBytes) throw new Fault(`a call returned ${length} bytes`);
    if (length > 0) this.bytes.copyWithin(RETURN_BUFFER, from, from + length);
    this.words[RETURNED >> 2] = RETURN_BUFFER;
    this.words[(RETURNED + 4) >> 2] = length;
  }

  setReturnedBytes(bytes: Uint8Array): void {
    if (bytes.length > LIMITS.maxReturnBytes) throw new Fault(`a call returned ${bytes.length} bytes`);
    this.bytes.set(bytes, RETURN_BUFFER);
    this.words[RETURNED >> 2] = RETURN_BUFFER;
    this.words[(RETURNED + 4) >> 2] = bytes.length;
  }

  /** Copies of the returned bytes into the memory of the frame that asked for at most `most` of them. */
  copyReturned(to: number, most: number): void {
    const length = Math.min(most, this.words[(RETURNED + 4) >> 2]!);
    if (length > 0) this.bytes.copyWithin(to, RETURN_BUFFER, RETURN_BUFFER + length);
  }

  /** Bytes where they lie, until the machine runs on. */
  view(from: number, length: number): Uint8Array {
    return length === 0 ? EMPTY_BYTES : this.bytes.subarray(from, from + length);
  }

  slice(from: number, length: number): Uint8Array {
    return length === 0 ? EMPTY_BYTES : this.bytes.slice(from, from + length);
  }

  /** The compression of BLAKE2b on an input as precompile 0x09 takes it (EIP-152). @returns 64 bytes */
  blake2f(input: Uint8Array): Uint8Array {
    const at = HASH_INPUT;
    this.bytes.set(input, at);
    // Rounds first, which leaves the rest unaligned: that is allowed.
    const rounds = new DataView(input.buffer, input.byteOffset).getUint32(0);
    this.kernel.blake2f(rounds, at + 4, at + 68, at + 196, input[212]!);
    return this.slice(at + 4, 64);
  }

  // ---- words: 32 bytes, least significant first

  setEnvironment(word: EnvironmentWord, value: bigint): void {
    this.writeNumber(ENVIRONMENT + 32 * ENVIRONMENT_WORDS.indexOf(word), value);
  }

  writeNumber(at: number, value: bigint): void {
    if (value === 0n) {
      this.clearWord(at);
      return;
    }
    const limb = at >> 3;
    this.limbs[limb] = value;
    this.limbs[limb + 1] = value >> 64n;
    this.limbs[limb + 2] = value >> 128n;
    this.limbs[limb + 3] = value >> 192n;
  }

  // Eight assignments: `fill` and `copyWithin` cost more than so few words.

  private clearWord(at: number): void {
    const { words } = this;
    for (let i = at >> 2, end = i + 8; i < end; i++) words[i] = 0;
  }

  /** For numbers below 2^31. */
  writeSmall(at: number, value: number): void {
    this.clearWord(at);
    this.words[at >> 2] = value;
  }

  readNumber(at: number): bigint {
    const limb = at >> 3;
    const low = this.limbs[limb]! | (this.limbs[limb + 1]! << 64n);
    const high = this.limbs[limb + 2]! | (this.limbs[limb + 3]! << 64n);
    return high === 0n ? low : low | (high << 128n);
  }

  isZero(at: number): boolean {
    const { words } = this;
    const i = at >> 2;
    return (
      (words[i]! |
        words[i + 1]! |
        words[i + 2]! |
        words[i + 3]! |
        words[i + 4]! |
        words[i + 5]! |
        words[i + 6]! |
        words[i + 7]!) ===
      0
    );
  }

  /** A word as a number; `most` if it is larger. */
  readSmall(at: number, most: number): number {
    const { words } = this;
    const i = at >> 2;
    const above =
      words[i + 1]! |
      words[i + 2]! |
      words[i + 3]! |
      words[i + 4]! |
      words[i + 5]! |
      words[i + 6]! |
      words[i + 7]!;
    const low = words[i]! >>> 0;
    return above !== 0 || low > most ? most : low;
  }

  /** Big-endian bytes of at most 32, as the state has them, become a word. */
  writeBytes(at: number, value: Uint8Array): void {
    this.clearWord(at);
    for (let i = 0, last = at + value.length - 1; i < value.length; i++) this.bytes[last - i] = value[i]!;
  }

  /** A word as big-endian bytes without leading zeros. */
  readStripped(at: number): Uint8Array {
    let length = 32;
    while (length > 0 && this.bytes[at + length - 1] === 0) length--;
    return this.readBig(at, length);
  }

  /** The lowest `length` bytes of a word, big-endian. */
  readBig(at: number, length: number): Uint8Array {
    const value = new Uint8Array(length);
    for (let i = 0; i < length; i++) value[i] = this.bytes[at + length - 1 - i]!;
    return value;
  }

  writeAddress(at: number, address: Hex): void {
    this.writeBytes(at, fromHex(address));
  }

  copyWord(to: number, from: number): void {
    const { words } = this;
    for (let i = 0; i < 8; i++) words[(to >> 2) + i] = words[(from >> 2) + i]!;
  }

  /** Copies a word's lowest 20 bytes. */
  copyAddress(to: number, from: number): void {
    const { words } = this;
    for (let i = 0; i < 8; i++) words[(to >> 2) + i] = i < 5 ? words[(from >> 2) + i]! : 0;
  }

  addressAt(at: number): Hex {
    const { words } = this;
    const i = at >> 2;
    const [a, b, c, d, e] = [words[i]!, words[i + 1]!, words[i + 2]!, words[i + 3]!, words[i + 4]!];
    const place = placeOf(a, b ^ e, c ^ d);
    const known = this.addresses[place];
    if (known !== undefined) {
      const w = known.words;
      if (w[0] === a && w[1] === b && w[2] === c && w[3] === d && w[4] === e) return known.name;
    }
    const name: Hex = `0x${bareHex(this.readBig(at, 20))}`;
    this.addresses[place] = { words: words.slice(i, i + 5), name };
    return name;
  }

  /** A word as a key of 16 characters, for what is forgotten with the transaction. */
  keyAt(at: number): string {
    const w = this.words;
    const i = at >> 2;
    return String.fromCharCode(
      w[i]! & 0xffff,
      w[i]! >>> 16,
      w[i + 1]! & 0xffff,
      w[i + 1]! >>> 16,
      w[i + 2]! & 0xffff,
      w[i + 2]! >>> 16,
      w[i + 3]! & 0xffff,
      w[i + 3]! >>> 16,
      w[i + 4]! & 0xffff,
      w[i + 4]! >>> 16,
      w[i + 5]! & 0xffff,
      w[i + 5]! >>> 16,
      w[i + 6]! & 0xffff,
      w[i + 6]! >>> 16,
      w[i + 7]! & 0xffff,
      w[i + 7]! >>> 16,
    );
  }

  /** A slot's name: 64 hex digits. */
  slotAt(at: number): string {
    const { words } = this;
    const i = at >> 2;
    const place = placeOf(
      words[i]! ^ words[i + 4]!,
      words[i + 1]! ^ words[i + 5]! ^ words[i + 7]!,
      words[i + 2]! ^ words[i + 3]! ^ words[i + 6]!,
    );
    const known = this.slots[place];
    if (known !== undefined) {
      const w = known.words;
      let k = 0;
      while (k < 8 && w[k] === words[i + k]) k++;
      if (k === 8) return known.name;
    }
    const name = bareHex(this.readBig(at, 32));
    this.slots[place] = { words: words.slice(i, i + 8), name };
    return name;
  }
}

function align(at: number): number {
  return (at + 31) & ~31;
}

function placeOf(a: number, b: number, c: number): number {
  const mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) & (NAMES - 1);
}
