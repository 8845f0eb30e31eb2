/**
 * exp and log from + − × ÷ alone, so that every processor gives the same bits (the platform's own functions differ
 * between x86-64 and arm64 within one version of Node.js). The polynomials are the published minimax fits of fdlibm
 * (e_exp.c, e_log.c); both functions are within one unit in the last place.
 */
const LOG2_E = Math.LOG2E;
/** ln 2 in two parts; the first has 32 trailing zero bits, so that k·LN2_HIGH is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const SQRT_HALF = Math.SQRT1_2;
/** Below this exp is so small that a softmax does not see it; above the result would not be finite. */
const SMALLEST = -700;
const LARGEST = 709;

const bits = new DataView(new ArrayBuffer(8));

/** 2ᵏ for whole k from −1022 to 1023. */
export function powerOfTwo(k: number): number {
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** The whole k with 2ᵏ ≤ |x| < 2ᵏ⁺¹, for normal doubles x. */
export function binaryExponent(x: number): number {
  bits.setFloat64(0, x);
  return ((bits.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** eˣ for x ≤ 709; 0 below −700; NaN for NaN and above 709. */
export function exp(x: number): number {
  if (x < SMALLEST) return 0;
  if (!(x <= LARGEST)) return Number.NaN;
  const k = Math.floor(x * LOG2_E + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const z = r * r;
  const p5 = 4.1381367970572385e-8;
  const p4 = -1.6533902205465252e-6 + z * p5;
  const p3 = 6.613756321437934e-5 + z * p4;
  const p2 = -0.0027777777777015593 + z * p3;
  const p1 = 0.16666666666666602 + z * p2;
  const c = r - z * p1;
  const reduced = 1 - (low - (r * c) / (2 - c) - high);
  return reduced * powerOfTwo(k);
}

/** The natural logarithm of a normal double x > 0; NaN otherwise. */
export function log(x: number): number {
  if (!(x >= 2.2250738585072014e-308 && x <= 1.7976931348623157e308)) return Number.NaN;
  let k = binaryExponent(x);
  // In [1, 2), then in [√½, √2).
  let mantissa = x * powerOfTwo(k === 1023 ? -1022 : -k);
  if (k === 1023) mantissa *= 0.5;
  if (mantissa * 0.5 >= SQRT_HALF) {
    mantissa *= 0.5;
    k += 1;
  }
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  const l7 = 0.14798198605116586;
  const l6 = 0.15313837699209373 + z * l7;
  const l5 = 0.1818357216161805 + z * l6;
  const l4 = 0.22222198432149784 + z * l5;
  const l3 = 0.2857142874366239 + z * l4;
  const l2 = 0.3999999999940942 + z * l3;
  const l1 = 0.6666666666666735 + z * l2;
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + z * l1) + k * LN2_LOW) - f);
}

/** eˣ − 1 for x ≤ 709, to a few units in the last place also near 0: (u − 1)·x/log u with u = eˣ rounded. */
export function expm1(x: number): number {
  const u = exp(x);
  if (u === 1) return x;
  const less = u - 1;
  if (less === -1 || !(Math.abs(x) < 1)) return less;
  return (less * x) / log(u);
}

/** log(1 + x) for x > −1, to a few units in the last place also near 0: log u·x/(u − 1) with u = 1 + x rounded. */
export function log1p(x: number): number {
  const u = 1 + x;
  if (u === 1) return x;
  return (log(u) * x) / (u - 1);
}
