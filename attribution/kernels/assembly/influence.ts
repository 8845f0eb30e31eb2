// Exact scans of a gradient store (attribution/influence/solvers/shard.ts): rows of 16-bit integers within ±32,767,
// each layer padded with zeros to a multiple of eight. Memory is the caller's (imported); addresses are bytes.
//
// A factor of up to 32 bits is three balanced digits of base 2^11: w = d0·2^22 + d1·2^11 + d2, |d0| ≤ 512,
// -1024 ≤ d1, d2 ≤ 1023. A pair of products is at most 2·32,767·1,024, and 32 of those fit an i32
// (2,147,418,112 < 2^31), so that sums are widened to i64 only once in 32 steps. An i64 total is exact for 2^16
// products of 31 and 15 bits (2^62), which the caller's segments and rows keep.

const STEP: usize = 512; // 32 vectors of eight i16
const DIGIT: i64 = 11;

// @ts-ignore: decorator
@inline
function widen(sum: v128, parts: v128): v128 {
  return i64x2.add(sum, i64x2.add(i64x2.extend_low_i32x4_s(parts), i64x2.extend_high_i32x4_s(parts)));
}

// @ts-ignore: decorator
@inline
function total(sum: v128): i64 {
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1);
}

/**
 * out[row·segments + s] = Σ weights·row over segment s, for `count` rows of `stride` bytes. Segments are pairs of u32
 * (first byte, bytes; multiples of 16). Digit d of the weights stands `plane` bytes behind digit d − 1; `digits` is 3,
 * or 2 if d0 is zero everywhere.
 */
export function products(
  rows: usize, stride: usize, count: i32, table: usize, segments: i32, weights: usize, plane: usize, digits: i32,
  out: usize,
): void {
  const high = digits == 3;
  const middle = weights + plane;
  const low = middle + plane;
  for (let row = 0; row < count; row += 2) {
    const a = rows + <usize>row * stride;
    const single = row + 1 == count;
    const b = single ? a : a + stride;
    for (let s = 0; s < segments; s++) {
      let at = <usize>load<u32>(table + (<usize>s << 3));
      const end = at + <usize>load<u32>(table + (<usize>s << 3), 4);
      let a0 = i64x2.splat(0), a1 = i64x2.splat(0), a2 = i64x2.splat(0);
      let b0 = i64x2.splat(0), b1 = i64x2.splat(0), b2 = i64x2.splat(0);
      while (at < end) {
        const stop = min(end, at + STEP);
        let p0 = i32x4.splat(0), p1 = i32x4.splat(0), p2 = i32x4.splat(0);
        let q0 = i32x4.splat(0), q1 = i32x4.splat(0), q2 = i32x4.splat(0);
        if (high) {
          while (at < stop) {
            const x = v128.load(a + at), y = v128.load(b + at);
            const w0 = v128.load(weights + at), w1 = v128.load(middle + at), w2 = v128.load(low + at);
            p0 = i32x4.add(p0, i32x4.dot_i16x8_s(x, w0));
            q0 = i32x4.add(q0, i32x4.dot_i16x8_s(y, w0));
            p1 = i32x4.add(p1, i32x4.dot_i16x8_s(x, w1));
            q1 = i32x4.add(q1, i32x4.dot_i16x8_s(y, w1));
            p2 = i32x4.add(p2, i32x4.dot_i16x8_s(x, w2));
            q2 = i32x4.add(q2, i32x4.dot_i16x8_s(y, w2));
            at += 16;
          }
          a0 = widen(a0, p0);
          b0 = widen(b0, q0);
        } else {
          while (at < stop) {
            const x = v128.load(a + at), y = v128.load(b + at);
            const w1 = v128.load(middle + at), w2 = v128.load(low + at);
            p1 = i32x4.add(p1, i32x4.dot_i16x8_s(x, w1));
            q1 = i32x4.add(q1, i32x4.dot_i16x8_s(y, w1));
            p2 = i32x4.add(p2, i32x4.dot_i16x8_s(x, w2));
            q2 = i32x4.add(q2, i32x4.dot_i16x8_s(y, w2));
            at += 16;
          }
        }
        a1 = widen(a1, p1);
        a2 = widen(a2, p2);
        b1 = widen(b1, q1);
        b2 = widen(b2, q2);
      }
      const to = out + (<usize>(row * segments + s) << 3);
      store<i64>(to, (((total(a0) << DIGIT) + total(a1)) << DIGIT) + total(a2));
      if (!single)
        store<i64>(to + (<usize>segments << 3), (((total(b0) << DIGIT) + total(b1)) << DIGIT) + total(b2));
    }
  }
}

// @ts-ignore: decorator
@inline
function addWide(out: usize, d0: v128, d1: v128, d2: v128): void {
  const low = i64x2.add(
    i64x2.shl(i64x2.add(i64x2.shl(i64x2.extend_low_i32x4_s(d0), 11), i64x2.extend_low_i32x4_s(d1)), 11),
    i64x2.extend_low_i32x4_s(d2),
  );
  const high = i64x2.add(
    i64x2.shl(i64x2.add(i64x2.shl(i64x2.extend_high_i32x4_s(d0), 11), i64x2.extend_high_i32x4_s(d1)), 11),
    i64x2.extend_high_i32x4_s(d2),
  );
  v128.store(out, i64x2.add(v128.load(out), low));
  v128.store(out, i64x2.add(v128.load(out, 16), high), 16);
}

/**
 * out[column] += Σ coefficient·row, for `bytes` (a multiple of 16) of each of `count` rows of `stride` bytes. The
 * coefficients of rows 2k and 2k + 1 are three i32 (d0, d1, d2), the even row's digit in the low half; the last pair of
 * an odd count has zeros in the high halves.
 */
export function sums(rows: usize, stride: usize, count: i32, bytes: usize, coefficients: usize, out: usize): void {
  for (let first = 0; first < count; first += 64) {
    const end = min(count, first + 64);
    const block = rows + <usize>first * stride;
    const factors = coefficients + <usize>(first >> 1) * 12;
    for (let at: usize = 0; at < bytes; at += 16) {
      let l0 = i32x4.splat(0), l1 = i32x4.splat(0), l2 = i32x4.splat(0);
      let h0 = i32x4.splat(0), h1 = i32x4.splat(0), h2 = i32x4.splat(0);
      let address = block + at;
      let factor = factors;
      for (let row = first; row < end; row += 2) {
        const x = v128.load(address);
        const y = v128.load(row + 1 < end ? address + stride : address);
        const low = v128.shuffle<i16>(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
        const high = v128.shuffle<i16>(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
        const f0 = v128.load_splat<i32>(factor);
        const f1 = v128.load_splat<i32>(factor, 4);
        const f2 = v128.load_splat<i32>(factor, 8);
        l0 = i32x4.add(l0, i32x4.dot_i16x8_s(low, f0));
        h0 = i32x4.add(h0, i32x4.dot_i16x8_s(high, f0));
        l1 = i32x4.add(l1, i32x4.dot_i16x8_s(low, f1));
        h1 = i32x4.add(h1, i32x4.dot_i16x8_s(high, f1));
        l2 = i32x4.add(l2, i32x4.dot_i16x8_s(low, f2));
        h2 = i32x4.add(h2, i32x4.dot_i16x8_s(high, f2));
        address += stride << 1;
        factor += 12;
      }
      addWide(out + (at << 2), l0, l1, l2);
      addWide(out + (at << 2) + 32, h0, h1, h2);
    }
  }
}
