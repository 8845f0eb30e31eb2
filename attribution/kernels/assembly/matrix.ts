// Products of matrices of 32-bit floats in one written-down order. Memory is the caller's (imported); addresses are bytes.

/**
 * c[i][j] = the sum over k of a[i][k]·b[k][j], k rising from 0 to inner − 1, each product and each sum rounded to 32
 * bits (no fused operation). a: rows × inner, b: inner × columns, c: rows × columns, row by row; columns is a multiple
 * of 16.
 */
export function multiply(a: usize, b: usize, c: usize, rows: i32, inner: i32, columns: i32): void {
  const stride = (<usize>columns) << 2;
  const innerBytes = (<usize>inner) << 2;
  for (let i = 0; i < rows; i++) {
    const from = a + <usize>i * innerBytes;
    const to = c + <usize>i * stride;
    for (let at: usize = 0; at < stride; at += 64) {
      let s0 = f32x4.splat(0);
      let s1 = f32x4.splat(0);
      let s2 = f32x4.splat(0);
      let s3 = f32x4.splat(0);
      let row = b + at;
      for (let k: usize = 0; k < innerBytes; k += 4) {
        const x = v128.load32_splat(from + k);
        s0 = f32x4.add(s0, f32x4.mul(x, v128.load(row)));
        s1 = f32x4.add(s1, f32x4.mul(x, v128.load(row, 16)));
        s2 = f32x4.add(s2, f32x4.mul(x, v128.load(row, 32)));
        s3 = f32x4.add(s3, f32x4.mul(x, v128.load(row, 48)));
        row += stride;
      }
      v128.store(to + at, s0);
      v128.store(to + at, s1, 16);
      v128.store(to + at, s2, 32);
      v128.store(to + at, s3, 48);
    }
  }
}
