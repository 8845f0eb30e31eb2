// The sentence encoder (docs/retrieval.md, section 5). Memory is the caller's (imported); addresses are bytes.
// Nothing overflows: a weight (8 bits, unsigned) times a number of the table (8 bits) fits 16 bits, and 2,048 of those
// stay below 2^26; 1,024 squares of sums stay below 2^62.

const LENGTH: i64 = 512;
const LARGEST: i64 = 127;

/**
 * out[k] = the vector of `count` features, chunks × width numbers of 8 bits. Feature i adds weights[i] (8 bits) times
 * the rows of the table (8 bits) named by rows[i·chunks + c] (16 bits). sums: room for chunks × width 32-bit numbers.
 * width is a multiple of 16.
 */
export function encode(
  table: usize,
  rows: usize,
  weights: usize,
  count: i32,
  width: i32,
  chunks: i32,
  sums: usize,
  out: usize,
): void {
  const size = <usize>(width * chunks);
  memory.fill(sums, 0, size << 2);
  for (let i = 0; i < count; i++) {
    const weight = i16x8.splat(<i16>load<u8>(weights + <usize>i));
    let to = sums;
    for (let c = 0; c < chunks; c++) {
      let row = table + <usize>load<u16>(rows + ((<usize>(i * chunks + c)) << 1)) * <usize>width;
      const end = row + <usize>width;
      for (; row < end; row += 16) {
        const numbers = v128.load(row);
        const low = i16x8.mul(i16x8.extend_low_i8x16_s(numbers), weight);
        const high = i16x8.mul(i16x8.extend_high_i8x16_s(numbers), weight);
        v128.store(to, i32x4.add(v128.load(to), i32x4.extend_low_i16x8_s(low)));
        v128.store(to, i32x4.add(v128.load(to, 16), i32x4.extend_high_i16x8_s(low)), 16);
        v128.store(to, i32x4.add(v128.load(to, 32), i32x4.extend_low_i16x8_s(high)), 32);
        v128.store(to, i32x4.add(v128.load(to, 48), i32x4.extend_high_i16x8_s(high)), 48);
        to += 64;
      }
    }
  }
  normalise(sums, size, out);
}

function normalise(sums: usize, size: usize, out: usize): void {
  let square: i64 = 0;
  for (let k: usize = 0; k < size; k++) {
    const sum = <i64>load<i32>(sums + (k << 2));
    square += sum * sum;
  }
  const length = squareRoot(square);
  for (let k: usize = 0; k < size; k++) {
    const sum = <i64>load<i32>(sums + (k << 2));
    let value: i64 = 0;
    if (length > 0) {
      const magnitude = sum < 0 ? -sum : sum;
      value = (2 * LENGTH * magnitude + length) / (2 * length);
      if (value > LARGEST) value = LARGEST;
    }
    store<i8>(out + k, <i8>(sum < 0 ? -value : value));
  }
}

/** The largest r with r*r <= n, for 0 <= n < 2^62. */
function squareRoot(n: i64): i64 {
  let root = <i64>Math.sqrt(<f64>n);
  while (root * root > n) root--;
  while ((root + 1) * (root + 1) <= n) root++;
  return root;
}
