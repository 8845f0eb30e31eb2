// Exact products of 8-bit integers. Memory is the caller's (imported); addresses are bytes.
// Overflow cannot happen: 4,096 products of at most 2^14 stay below 2^31 (attribution/retrieval/limits.ts).

/**
 * scores[i] = sum over j < stride of query[j]·vectors[i·stride + j], for i < count.
 * query: 16-bit integers of 8-bit size (widened once by the caller); vectors: 8-bit; scores: 32-bit.
 * stride is a multiple of 16 (pad with zeros). Four vectors at a time share the loads of the query.
 */
export function scanI8(query: usize, vectors: usize, scores: usize, count: i32, stride: i32): void {
  const queryEnd = query + ((<usize>stride) << 1);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    let a = vectors + <usize>i * <usize>stride;
    let b = a + <usize>stride;
    let c = b + <usize>stride;
    let d = c + <usize>stride;
    let sumA = i32x4.splat(0);
    let sumB = i32x4.splat(0);
    let sumC = i32x4.splat(0);
    let sumD = i32x4.splat(0);
    for (let q = query; q < queryEnd; q += 32) {
      const low = v128.load(q);
      const high = v128.load(q, 16);
      const va = v128.load(a);
      sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(va), low));
      sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(va), high));
      const vb = v128.load(b);
      sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(vb), low));
      sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(vb), high));
      const vc = v128.load(c);
      sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(vc), low));
      sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(vc), high));
      const vd = v128.load(d);
      sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(vd), low));
      sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(vd), high));
      a += 16;
      b += 16;
      c += 16;
      d += 16;
    }
    const at = scores + ((<usize>i) << 2);
    store<i32>(at, total(sumA));
    store<i32>(at, total(sumB), 4);
    store<i32>(at, total(sumC), 8);
    store<i32>(at, total(sumD), 12);
  }
  for (; i < count; i++) {
    let a = vectors + <usize>i * <usize>stride;
    let sum = i32x4.splat(0);
    for (let q = query; q < queryEnd; q += 32) {
      const va = v128.load(a);
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(va), v128.load(q)));
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(va), v128.load(q, 16)));
      a += 16;
    }
    store<i32>(scores + ((<usize>i) << 2), total(sum));
  }
}

// @ts-ignore: decorator
@inline
function total(sum: v128): i32 {
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  );
}
