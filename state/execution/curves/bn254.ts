/** The curve alt_bn128 for the precompiles 0x06 to 0x08 (EIP-196, 197). */
import { concat, fromHex } from '../../crypto.ts';
import { CURVES, Curve, loadMcl, SIZES } from './mcl.ts';

const MODULUS = fromHex('0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47');
const FIELD = 32;
const G1_BYTES = 2 * FIELD;
const PAIR_BYTES = 6 * FIELD;

export interface Bn254 {
  add(input: Uint8Array): Uint8Array;
  mul(input: Uint8Array): Uint8Array;
  pairing(input: Uint8Array): Uint8Array;
}

/** Inputs have 128, 96 and n * 192 bytes. All functions throw NotAPoint. */
export async function loadBn254(): Promise<Bn254> {
  const curve = new Curve(await loadMcl(), CURVES.bn254, MODULUS);
  const { g1, g2 } = curve;
  const field = (input: Uint8Array, at: number) => input.subarray(at, at + FIELD);
  // Every point of this curve is in the group.
  const readG1 = (to: number, input: Uint8Array, at: number) =>
    g1.read(to, [field(input, at), field(input, at + FIELD)], false);

  return {
    add(input) {
      const x = curve.reserve(2 * SIZES.g1);
      readG1(x, input, 0);
      readG1(x + SIZES.g1, input, G1_BYTES);
      g1.add(x, x, x + SIZES.g1);
      return concat(...g1.write(x, FIELD));
    },
    mul(input) {
      const x = curve.reserve(SIZES.g1 + SIZES.fr);
      readG1(x, input, 0);
      curve.readScalar(x + SIZES.g1, field(input, G1_BYTES));
      g1.multiply(x, x, x + SIZES.g1);
      return concat(...g1.write(x, FIELD));
    },
    pairing(input) {
      const count = input.length / PAIR_BYTES;
      const first = curve.reserve(count * (SIZES.g1 + SIZES.g2) + SIZES.gt);
      const second = first + count * SIZES.g1;
      let pairs = 0;
      for (let i = 0; i < count; i++) {
        const [x, y] = [first + pairs * SIZES.g1, second + pairs * SIZES.g2];
        const at = i * PAIR_BYTES;
        readG1(x, input, at);
        // Imaginary parts come first here.
        const [xi, xr, yi, yr] = [2, 3, 4, 5].map((k) => field(input, at + k * FIELD)) as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ];
        g2.read(y, [xr, xi, yr, yi], true);
        if (!g1.isZero(x) && !g2.isZero(y)) pairs++;
      }
      const result = new Uint8Array(32);
      result[31] = curve.pairsToOne(first, second, pairs, second + count * SIZES.g2) ? 1 : 0;
      return result;
    },
  };
}
