/**
 * Pairing-friendly curves in WebAssembly: the C interface of mcl (package mcl-wasm, the bytes are in the package), one
 * instance a curve. Numbers and points lie in the instance's memory; a field element takes 48 bytes on both curves.
 * Loading takes some tenths of a second, so it waits for the first call of a curve.
 */
import { createRequire } from 'node:module';
import { Fault } from '../../types.ts';

/** The functions of the C interface that are used here. Places are addresses; `z`, `y` results, `x` operands. */
interface Mcl {
  wasmMemory: { buffer: ArrayBuffer };
  _malloc(bytes: number): number;
  _mclBn_init(curve: number, version: number): number;
  _mclBn_setMapToMode(mode: number): number;
  _mclBn_setETHserialization(enable: number): void;
  _mclBn_verifyOrderG1(verify: number): void;
  _mclBn_verifyOrderG2(verify: number): void;
  _mclBnFp_setBigEndianMod(y: number, from: number, bytes: number): number;
  _mclBnFp_getLittleEndian(to: number, most: number, x: number): number;
  _mclBnFp_setInt32(y: number, value: number): void;
  _mclBnFr_setBigEndianMod(y: number, from: number, bytes: number): number;
  _mclBnFr_inv(y: number, x: number): void;
  _mclBnFr_mul(z: number, x: number, y: number): void;
  _mclBnFp_mapToG1(y: number, x: number): number;
  _mclBnFp2_mapToG2(y: number, x: number): number;
  _mclBnG1_deserialize(y: number, from: number, bytes: number): number;
  _mclBnG2_deserialize(y: number, from: number, bytes: number): number;
  _mclBn_millerLoopVec(z: number, x: number, y: number, count: number): void;
  _mclBn_finalExp(y: number, x: number): void;
  _mclBnGT_isOne(x: number): number;
}
type GroupName = 'G1' | 'G2';
interface GroupFunctions {
  clear(x: number): void;
  isZero(x: number): number;
  isValid(x: number): number;
  isValidOrder(x: number): number;
  makeAffine(y: number, x: number): void;
  neg(y: number, x: number): void;
  add(z: number, x: number, y: number): void;
  mul(z: number, x: number, scalar: number): void;
  mulVec(z: number, x: number, scalars: number, count: number): void;
}

const FP_BYTES = 48;
const FR_BYTES = 32;
/** The version that the C interface expects: sizes of its numbers in words. */
const INTERFACE_VERSION = 46;
/** Hash-to-curve as RFC 9380 has it, which EIP-2537 maps with. */
const MAP_RFC9380 = 5;

export const CURVES = { bn254: 4, bls12381: 5, p256: 107 } as const;

/** An input that is no point, as opposed to a failure of this machine. */
export class NotAPoint extends Error {
  override name = 'NotAPoint';
}

export class Group {
  private readonly curve: Curve;
  private readonly run: GroupFunctions;
  /** Coordinates of a field element: 1 for G1, 2 for G2. */
  private readonly parts: number;
  readonly bytes: number;

  constructor(curve: Curve, name: GroupName) {
    this.curve = curve;
    this.parts = name === 'G1' ? 1 : 2;
    this.bytes = 3 * this.parts * FP_BYTES;
    const all = curve.mcl as unknown as Record<string, unknown>;
    const names = ['clear', 'isZero', 'isValid', 'isValidOrder', 'neg', 'add', 'mul', 'mulVec'];
    this.run = {
      ...Object.fromEntries(names.map((f) => [f, all[`_mclBn${name}_${f}`]])),
      makeAffine: all[`_mclBn${name}_normalize`],
    } as unknown as GroupFunctions;
  }

  /**
   * Reads an affine point at `to`; zeros are the point at infinity.
   * @param coordinates x then y, each one field element or (real, imaginary)
   * @throws NotAPoint if it is not on the curve, or not in the group where `mustBeInGroup`
   */
  read(to: number, coordinates: readonly Uint8Array[], mustBeInGroup: boolean): void {
    if (coordinates.every((part) => part.every((byte) => byte === 0))) {
      for (const part of coordinates) this.curve.checkField(part);
      this.run.clear(to);
      return;
    }
    coordinates.forEach((part, i) => {
      this.curve.readField(to + i * FP_BYTES, part);
    });
    const z = to + 2 * this.parts * FP_BYTES;
    this.curve.mcl._mclBnFp_setInt32(z, 1);
    if (this.parts === 2) this.curve.mcl._mclBnFp_setInt32(z + FP_BYTES, 0);
    if (this.run.isValid(to) === 0) throw new NotAPoint('not on the curve');
    if (mustBeInGroup && this.run.isValidOrder(to) === 0) throw new NotAPoint('not in the group');
  }

  /** Coordinates as `read` takes them. */
  write(from: number, fieldBytes: number): Uint8Array[] {
    if (this.isZero(from)) return Array.from({ length: 2 * this.parts }, () => new Uint8Array(fieldBytes));
    this.run.makeAffine(from, from);
    return Array.from({ length: 2 * this.parts }, (_, i) =>
      this.curve.writeField(from + i * FP_BYTES, fieldBytes),
    );
  }

  isZero(x: number): boolean {
    return this.run.isZero(x) !== 0;
  }
  isInGroup(x: number): boolean {
    return this.run.isValidOrder(x) !== 0;
  }
  negate(y: number, x: number): void {
    this.run.neg(y, x);
  }
  add(z: number, x: number, y: number): void {
    this.run.add(z, x, y);
  }
  multiply(z: number, x: number, scalar: number): void {
    this.run.mul(z, x, scalar);
  }
  multiplyAll(z: number, x: number, scalars: number, count: number): void {
    this.run.mulVec(z, x, scalars, count);
  }
}

export class Curve {
  readonly mcl: Mcl;
  readonly g1: Group;
  readonly g2: Group;
  private readonly modulus: Uint8Array;
  private view: Uint8Array;
  private readonly bytesAt: number;
  /** Places for points and scalars, made larger when there are more. */
  private space = { at: 0, bytes: 0 };

  constructor(mcl: Mcl, curve: number, modulus: Uint8Array) {
    this.mcl = mcl;
    this.modulus = modulus;
    if (mcl._mclBn_init(curve, INTERFACE_VERSION) !== 0)
      throw new Fault('the curve library refuses its curve');
    mcl._mclBn_verifyOrderG1(0);
    if (curve !== CURVES.p256) mcl._mclBn_verifyOrderG2(0);
    if (curve === CURVES.bls12381) {
      mcl._mclBn_setMapToMode(MAP_RFC9380);
      mcl._mclBn_setETHserialization(1);
    }
    this.bytesAt = mcl._malloc(128);
    this.view = new Uint8Array(mcl.wasmMemory.buffer);
    this.g1 = new Group(this, 'G1');
    this.g2 = new Group(this, 'G2');
  }

  private memory(): Uint8Array {
    if (this.view.buffer !== this.mcl.wasmMemory.buffer)
      this.view = new Uint8Array(this.mcl.wasmMemory.buffer);
    return this.view;
  }

  /** Place for so many bytes, until the next call of this function. */
  reserve(bytes: number): number {
    if (bytes > this.space.bytes) this.space = { at: this.mcl._malloc(2 * bytes), bytes: 2 * bytes };
    if (this.space.at === 0) throw new Fault('the curve library has no memory left');
    return this.space.at;
  }

  /** @throws NotAPoint if the number is not below the modulus of the field */
  checkField(value: Uint8Array): void {
    const extra = value.length - this.modulus.length;
    for (let i = 0; i < extra; i++) if (value[i] !== 0) throw new NotAPoint('not in the field');
    for (let i = 0; i < this.modulus.length; i++) {
      const difference = value[extra + i]! - this.modulus[i]!;
      if (difference < 0) return;
      if (difference > 0) throw new NotAPoint('not in the field');
    }
    throw new NotAPoint('not in the field');
  }

  readField(to: number, value: Uint8Array): void {
    this.checkField(value);
    this.memory().set(value, this.bytesAt);
    this.mcl._mclBnFp_setBigEndianMod(to, this.bytesAt, value.length);
  }

  writeField(from: number, bytes: number): Uint8Array {
    const length = this.mcl._mclBnFp_getLittleEndian(this.bytesAt, 64, from);
    const memory = this.memory();
    const value = new Uint8Array(bytes);
    for (let i = 0; i < length; i++) value[bytes - 1 - i] = memory[this.bytesAt + i]!;
    return value;
  }

  /** A scalar of 32 bytes; groups have prime order, so its remainder does the same. */
  readScalar(to: number, value: Uint8Array): void {
    this.memory().set(value, this.bytesAt);
    this.mcl._mclBnFr_setBigEndianMod(to, this.bytesAt, value.length);
  }

  /** A compressed point in the form of the consensus layer, in the group. @throws NotAPoint */
  readCompressed(to: number, value: Uint8Array, group: 'G1' | 'G2' = 'G1'): void {
    this.memory().set(value, this.bytesAt);
    const read =
      group === 'G1'
        ? this.mcl._mclBnG1_deserialize(to, this.bytesAt, value.length)
        : this.mcl._mclBnG2_deserialize(to, this.bytesAt, value.length);
    if (read !== value.length) throw new NotAPoint('not a compressed point');
    if (!(group === 'G1' ? this.g1 : this.g2).isInGroup(to)) throw new NotAPoint('not in the group');
  }

  /** Whether the product of the pairings is one. Points lie one after the other; none is at infinity. */
  pairsToOne(g1: number, g2: number, count: number, scratch: number): boolean {
    if (count === 0) return true;
    this.mcl._mclBn_millerLoopVec(scratch, g1, g2, count);
    this.mcl._mclBn_finalExp(scratch, scratch);
    return this.mcl._mclBnGT_isOne(scratch) !== 0;
  }
}

export const SIZES = { fp: FP_BYTES, fr: FR_BYTES, g1: 3 * FP_BYTES, g2: 6 * FP_BYTES, gt: 12 * FP_BYTES };

const require = createRequire(import.meta.url);

export async function loadMcl(): Promise<Mcl> {
  const create = require('mcl-wasm/dist/mcl_c.js') as (options: object) => Promise<Mcl>;
  return create({
    cryptoGetRandomValues: () => {
      throw new Fault('the curve library asked for randomness');
    },
  });
}
