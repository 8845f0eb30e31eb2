// Exact dot products of 16-bit integers. Memory is the caller's (imported); addresses are bytes.
// Overflow cannot happen: a product pair of i16 fits i32 unless both are (-32768)^2 twice, which the limits of the
// gradient store exclude (numbers are within ±32,767), and every pair is widened to i64 before it is added.

/** Sum of a[i]·b[i], i < count; count is a multiple of 8 (pad with zeros). */
export function dotI16(a: usize, b: usize, count: i32): i64 {
  let low = i64x2.splat(0);
  let high = i64x2.splat(0);
  const end = a + ((<usize>count) << 1);
  while (a < end) {
    const pairs = i32x4.dot_i16x8_s(v128.load(a), v128.load(b));
    low = i64x2.add(low, i64x2.extend_low_i32x4_s(pairs));
    high = i64x2.add(high, i64x2.extend_high_i32x4_s(pairs));
    a += 16;
    b += 16;
  }
  const sum = i64x2.add(low, high);
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1);
}
