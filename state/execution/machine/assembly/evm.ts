// The instructions of the EVM that need nothing but stack, memory, code and the words of the block. Whatever touches
// the state is asked of the host, and calls leave the loop (state/execution/machine/machine.ts has the other side and
// the layout of memory). A word is 32 bytes, least significant first; big-endian only in the EVM's own memory.

/** Reads and changes the state for one instruction of the frame. 0, or an error. */
@external("env", "host")
declare function host(op: i32, frame: usize): i32;
/** Makes the memory reach `bytes`. */
@external("env", "grow")
declare function grow(bytes: usize): void;

// Fields of a frame; the same in machine.ts.
const CODE: usize = 0;
const CODE_LENGTH: usize = 4;
const JUMPS: usize = 8;
const PC: usize = 12;
const STACK: usize = 16;
const TOP: usize = 20;
const MEMORY: usize = 24;
const MEMORY_SIZE: usize = 28;
const GAS: usize = 32;
const DATA: usize = 36;
const DATA_LENGTH: usize = 40;
const OUT: usize = 44;
const OUT_LENGTH: usize = 48;
const OP: usize = 52;
const BACK: usize = 56;
const BACK_LENGTH: usize = 60;
const ADDRESS: usize = 64;
const CALLER: usize = 96;
const VALUE: usize = 128;
const BALANCE: usize = 160;

// Fixed places; the same in machine.ts.
const TABLE: usize = 4096;
const RETURNED: usize = 5120;
const RETURNED_LENGTH: usize = 5124;
const ENVIRONMENT: usize = 5248;
const SCRATCH: usize = 8192;

// Outcomes of `run`; the same in machine.ts.
const STOPPED: i32 = 0;
const RETURNS: i32 = 1;
const REVERTS: i32 = 2;
const LEAVES: i32 = 3;
const OUT_OF_GAS: i32 = 16;
const UNDERFLOW: i32 = 17;
const OVERFLOW: i32 = 18;
const BAD_JUMP: i32 = 19;
const BAD_OPCODE: i32 = 20;

const NEVER: u64 = 0xffff_ffff;

/** Marks where code may be jumped to, one bit a byte. */
export function analyse(code: usize, length: i32, jumps: usize): void {
  memory.fill(jumps, 0, <usize>((length + 7) >> 3));
  for (let at = 0; at < length; at++) {
    const op = load<u8>(code + at);
    if (op == 0x5b) {
      const place = jumps + (at >> 3);
      store<u8>(place, load<u8>(place) | (<u8>1 << <u8>(at & 7)));
    } else if (op >= 0x60 && op <= 0x7f) at += op - 0x5f;
  }
}

/** A word as a number, NEVER if it is too large for any offset or length that can be paid for. */
@inline function small(at: usize): u64 {
  if ((load<u64>(at, 8) | load<u64>(at, 16) | load<u64>(at, 24)) != 0) return NEVER;
  const low = load<u64>(at);
  return low > NEVER ? NEVER : low;
}

@inline function put(at: usize, low: u64): void {
  store<u64>(at, low);
  store<u64>(at, 0, 8);
  store<u64>(at, 0, 16);
  store<u64>(at, 0, 24);
}

@inline function copyWord(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
}

@inline function isZero(at: usize): bool {
  return (load<u64>(at) | load<u64>(at, 8) | load<u64>(at, 16) | load<u64>(at, 24)) == 0;
}

@inline function memoryCost(words: u64): u64 {
  return words * 3 + ((words * words) >> 9);
}

/** Gas that is left when the memory reaches offset + length; below 0: not enough. */
function expand(frame: usize, offset: u64, length: u64, gas: i64): i64 {
  if (length == 0) return gas;
  if (offset >= NEVER || length >= NEVER) return -1;
  const words = (offset + length + 31) >> 5;
  const size = <u64>load<u32>(frame, MEMORY_SIZE);
  if (words << 5 <= size) return gas;
  gas -= <i64>(memoryCost(words) - memoryCost(size >> 5));
  if (gas < 0) return gas;
  const start = load<u32>(frame, MEMORY) + <u32>size;
  const end = load<u32>(frame, MEMORY) + <u32>(words << 5);
  if (<usize>end > <usize>memory.size() << 16) grow(end);
  memory.fill(start, 0, end - start);
  store<u32>(frame, <u32>(words << 5), MEMORY_SIZE);
  return gas;
}

/** Copies with zeros behind the end of the source. */
function copyPadded(to: usize, from: usize, available: u64, offset: u64, length: usize): void {
  let copied: usize = 0;
  if (offset < available) {
    const rest = available - offset;
    copied = rest < <u64>length ? <usize>rest : length;
    memory.copy(to, from + <usize>offset, copied);
  }
  memory.fill(to + copied, 0, length - copied);
}

@inline function compare(a: usize, b: usize): i32 {
  for (let i: isize = 24; i >= 0; i -= 8) {
    const x = load<u64>(a + i);
    const y = load<u64>(b + i);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

@inline function isNegative(at: usize): bool {
  return load<i64>(at, 24) < 0;
}

function negate(at: usize): void {
  let carry: u64 = 1;
  for (let i: usize = 0; i < 32; i += 8) {
    const digit = ~load<u64>(at + i) + carry;
    carry &= <u64>(digit == 0);
    store<u64>(at + i, digit);
  }
}

const DIGIT: u64 = 0xffff_ffff;

/**
 * The product of two words, 64 bytes at `to`, which may not overlap them. Row by row with all digits of one word in
 * locals: only the carry goes from one step to the next, and one row begins while the last one still ends.
 */
function multiply(to: usize, a: usize, b: usize): void {
  const b0 = <u64>load<u32>(b, 0);
  const b1 = <u64>load<u32>(b, 4);
  const b2 = <u64>load<u32>(b, 8);
  const b3 = <u64>load<u32>(b, 12);
  const b4 = <u64>load<u32>(b, 16);
  const b5 = <u64>load<u32>(b, 20);
  const b6 = <u64>load<u32>(b, 24);
  const b7 = <u64>load<u32>(b, 28);
  let t0: u64 = 0;
  let t1: u64 = 0;
  let t2: u64 = 0;
  let t3: u64 = 0;
  let t4: u64 = 0;
  let t5: u64 = 0;
  let t6: u64 = 0;
  let t7: u64 = 0;
  for (let i: usize = 0; i < 32; i += 4) {
    const x = <u64>load<u32>(a + i);
    let sum = x * b0 + t0;
    store<u32>(to + i, <u32>sum);
    sum = x * b1 + t1 + (sum >> 32);
    t0 = sum & DIGIT;
    sum = x * b2 + t2 + (sum >> 32);
    t1 = sum & DIGIT;
    sum = x * b3 + t3 + (sum >> 32);
    t2 = sum & DIGIT;
    sum = x * b4 + t4 + (sum >> 32);
    t3 = sum & DIGIT;
    sum = x * b5 + t5 + (sum >> 32);
    t4 = sum & DIGIT;
    sum = x * b6 + t6 + (sum >> 32);
    t5 = sum & DIGIT;
    sum = x * b7 + t7 + (sum >> 32);
    t6 = sum & DIGIT;
    t7 = sum >> 32;
  }
  store<u32>(to, <u32>t0, 32);
  store<u32>(to, <u32>t1, 36);
  store<u32>(to, <u32>t2, 40);
  store<u32>(to, <u32>t3, 44);
  store<u32>(to, <u32>t4, 48);
  store<u32>(to, <u32>t5, 52);
  store<u32>(to, <u32>t6, 56);
  store<u32>(to, <u32>t7, 60);
}

@inline function digitsOf(at: usize, most: i32): i32 {
  while (most > 0 && load<u32>(at + (most - 1) * 4) == 0) most--;
  return most;
}

// Places of `divide`.
const U: usize = SCRATCH;
const V: usize = SCRATCH + 128;
const QUOTIENT: usize = SCRATCH + 192;

/**
 * Divides the number of `length` digits at `a` (at most 17) by the word at `b`, which is not zero: the quotient's low
 * 16 digits at QUOTIENT, the remainder at U (32 bytes). Knuth, The Art of Computer Programming, 4.3.1, algorithm D.
 */
function divide(a: usize, length: i32, b: usize): void {
  memory.fill(QUOTIENT, 0, 72);
  const n = digitsOf(b, 8);
  const m = digitsOf(a, length);
  if (m < n) {
    memory.fill(U, 0, 32);
    memory.copy(U, a, m << 2);
    return;
  }
  if (n == 1) {
    const divisor = <u64>load<u32>(b);
    let rest: u64 = 0;
    for (let i = m - 1; i >= 0; i--) {
      const part = (rest << 32) | <u64>load<u32>(a + (i << 2));
      store<u32>(QUOTIENT + (i << 2), <u32>(part / divisor));
      rest = part % divisor;
    }
    put(U, rest);
    return;
  }
  if (m <= 2) {
    // Both fit into 64 bits.
    const x = load<u64>(a);
    const y = load<u64>(b);
    store<u64>(QUOTIENT, x / y);
    put(U, x % y);
    return;
  }
  const shift = <u64>clz<u32>(load<u32>(b + ((n - 1) << 2)));
  let carry: u64 = 0;
  for (let i = 0; i < n; i++) {
    const digit = (<u64>load<u32>(b + (i << 2)) << shift) | carry;
    store<u32>(V + (i << 2), <u32>digit);
    carry = digit >> 32;
  }
  carry = 0;
  for (let i = 0; i < m; i++) {
    const digit = (<u64>load<u32>(a + (i << 2)) << shift) | carry;
    store<u32>(U + (i << 2), <u32>digit);
    carry = digit >> 32;
  }
  store<u32>(U + (m << 2), <u32>carry);
  const high = <u64>load<u32>(V + ((n - 1) << 2));
  const second = <u64>load<u32>(V + ((n - 2) << 2));
  for (let j = m - n; j >= 0; j--) {
    const place = U + (j << 2);
    const upper = (<u64>load<u32>(place + (n << 2)) << 32) | <u64>load<u32>(place + ((n - 1) << 2));
    let q = upper / high;
    // Not `%`, which would divide a second time.
    let rest = upper - q * high;
    const third = <u64>load<u32>(place + ((n - 2) << 2));
    while (q > 0xffff_ffff || q * second > ((rest << 32) | third)) {
      q--;
      rest += high;
      if (rest > 0xffff_ffff) break;
    }
    let borrow: i64 = 0;
    let over: u64 = 0;
    for (let i = 0; i < n; i++) {
      const product = q * <u64>load<u32>(V + (i << 2)) + over;
      over = product >> 32;
      const left = <i64>load<u32>(place + (i << 2)) - <i64>(product & 0xffff_ffff) + borrow;
      store<u32>(place + (i << 2), <u32>left);
      borrow = left >> 32;
    }
    const last = <i64>load<u32>(place + (n << 2)) - <i64>over + borrow;
    store<u32>(place + (n << 2), <u32>last);
    if (last < 0) {
      q--;
      let more: u64 = 0;
      for (let i = 0; i < n; i++) {
        const sum = <u64>load<u32>(place + (i << 2)) + <u64>load<u32>(V + (i << 2)) + more;
        store<u32>(place + (i << 2), <u32>sum);
        more = sum >> 32;
      }
      store<u32>(place + (n << 2), <u32>(<u64>load<u32>(place + (n << 2)) + more));
    }
    store<u32>(QUOTIENT + (j << 2), <u32>q);
  }
  // The remainder, shifted back.
  for (let i = 0; i < n; i++) {
    const digit = (<u64>load<u32>(U + ((i + 1) << 2)) << 32) | <u64>load<u32>(U + (i << 2));
    store<u32>(U + (i << 2), <u32>(digit >> shift));
  }
  memory.fill(U + (n << 2), 0, (8 - n) << 2);
}

const PRODUCT: usize = SCRATCH + 320;
const POWER: usize = SCRATCH + 448;
const RESULT: usize = SCRATCH + 480;

/** RESULT = base ^ exponent mod 2^256. */
function power(base: usize, exponent: usize): void {
  put(RESULT, 1);
  copyWord(POWER, base);
  const digits = digitsOf(exponent, 8);
  for (let i = 0; i < digits; i++) {
    let bits = load<u32>(exponent + (i << 2));
    const isLast = i == digits - 1;
    for (let k = 0; k < 32; k++) {
      if ((bits & 1) != 0) {
        multiply(PRODUCT, RESULT, POWER);
        copyWord(RESULT, PRODUCT);
      }
      bits >>= 1;
      if (isLast && bits == 0) break;
      multiply(PRODUCT, POWER, POWER);
      copyWord(POWER, PRODUCT);
    }
  }
}

/** Shifts left by less than 256. */
function shiftLeft(to: usize, from: usize, by: u64): void {
  const limbs = <i32>(by >> 6);
  const bits = by & 63;
  for (let i = 3; i >= 0; i--) {
    const source = i - limbs;
    let limb: u64 = 0;
    if (source >= 0) {
      limb = load<u64>(from + (source << 3)) << bits;
      if (bits != 0 && source > 0) limb |= load<u64>(from + ((source - 1) << 3)) >> (64 - bits);
    }
    store<u64>(to + (i << 3), limb);
  }
}

/** Shifts right by less than 256, filling with `sign`. */
function shiftRight(to: usize, from: usize, by: u64, sign: u64): void {
  const limbs = <i32>(by >> 6);
  const bits = by & 63;
  for (let i = 0; i < 4; i++) {
    const source = i + limbs;
    const low = source < 4 ? load<u64>(from + (source << 3)) : sign;
    const high = source < 3 ? load<u64>(from + ((source + 1) << 3)) : sign;
    store<u64>(to + (i << 3), bits == 0 ? low : (low >> bits) | (high << (64 - bits)));
  }
}

const ROUND_CONSTANTS: usize = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
  0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
  0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
  0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
  0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);
const SPONGE: usize = SCRATCH + 512;
const LAST_BLOCK: usize = SCRATCH + 768;
const RATE: usize = 136;

/**
 * Keccak-f[1600] of the sponge, after a block was added to it. Inside, lanes 1, 2, 8, 12, 17 and 20 are kept inverted,
 * so that a round inverts 8 lanes and not 25 (Keccak implementation overview, 2.2: lane complementing).
 */
function absorb(block: usize): void {
  let a0 = load<u64>(SPONGE, 0) ^ load<u64>(block, 0);
  let a1 = ~(load<u64>(SPONGE, 8) ^ load<u64>(block, 8));
  let a2 = ~(load<u64>(SPONGE, 16) ^ load<u64>(block, 16));
  let a3 = load<u64>(SPONGE, 24) ^ load<u64>(block, 24);
  let a4 = load<u64>(SPONGE, 32) ^ load<u64>(block, 32);
  let a5 = load<u64>(SPONGE, 40) ^ load<u64>(block, 40);
  let a6 = load<u64>(SPONGE, 48) ^ load<u64>(block, 48);
  let a7 = load<u64>(SPONGE, 56) ^ load<u64>(block, 56);
  let a8 = ~(load<u64>(SPONGE, 64) ^ load<u64>(block, 64));
  let a9 = load<u64>(SPONGE, 72) ^ load<u64>(block, 72);
  let a10 = load<u64>(SPONGE, 80) ^ load<u64>(block, 80);
  let a11 = load<u64>(SPONGE, 88) ^ load<u64>(block, 88);
  let a12 = ~(load<u64>(SPONGE, 96) ^ load<u64>(block, 96));
  let a13 = load<u64>(SPONGE, 104) ^ load<u64>(block, 104);
  let a14 = load<u64>(SPONGE, 112) ^ load<u64>(block, 112);
  let a15 = load<u64>(SPONGE, 120) ^ load<u64>(block, 120);
  let a16 = load<u64>(SPONGE, 128) ^ load<u64>(block, 128);
  let a17 = ~load<u64>(SPONGE, 136);
  let a18 = load<u64>(SPONGE, 144);
  let a19 = load<u64>(SPONGE, 152);
  let a20 = ~load<u64>(SPONGE, 160);
  let a21 = load<u64>(SPONGE, 168);
  let a22 = load<u64>(SPONGE, 176);
  let a23 = load<u64>(SPONGE, 184);
  let a24 = load<u64>(SPONGE, 192);
  for (let round: usize = 0; round < 192; round += 8) {
    const c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20;
    const c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21;
    const c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22;
    const c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23;
    const c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24;
    const d0 = c4 ^ rotl<u64>(c1, 1);
    const d1 = c0 ^ rotl<u64>(c2, 1);
    const d2 = c1 ^ rotl<u64>(c3, 1);
    const d3 = c2 ^ rotl<u64>(c4, 1);
    const d4 = c3 ^ rotl<u64>(c0, 1);
    const b0 = a0 ^ d0;
    const b1 = rotl<u64>(a6 ^ d1, 44);
    const b2 = rotl<u64>(a12 ^ d2, 43);
    const b3 = rotl<u64>(a18 ^ d3, 21);
    const b4 = rotl<u64>(a24 ^ d4, 14);
    const b5 = rotl<u64>(a3 ^ d3, 28);
    const b6 = rotl<u64>(a9 ^ d4, 20);
    const b7 = rotl<u64>(a10 ^ d0, 3);
    const b8 = rotl<u64>(a16 ^ d1, 45);
    const b9 = rotl<u64>(a22 ^ d2, 61);
    const b10 = rotl<u64>(a1 ^ d1, 1);
    const b11 = rotl<u64>(a7 ^ d2, 6);
    const b12 = rotl<u64>(a13 ^ d3, 25);
    const b13 = rotl<u64>(a19 ^ d4, 8);
    const b14 = rotl<u64>(a20 ^ d0, 18);
    const b15 = rotl<u64>(a4 ^ d4, 27);
    const b16 = rotl<u64>(a5 ^ d0, 36);
    const b17 = rotl<u64>(a11 ^ d1, 10);
    const b18 = rotl<u64>(a17 ^ d2, 15);
    const b19 = rotl<u64>(a23 ^ d3, 56);
    const b20 = rotl<u64>(a2 ^ d2, 62);
    const b21 = rotl<u64>(a8 ^ d3, 55);
    const b22 = rotl<u64>(a14 ^ d4, 39);
    const b23 = rotl<u64>(a15 ^ d0, 41);
    const b24 = rotl<u64>(a21 ^ d1, 2);
    a0 = b0 ^ (b1 | b2) ^ load<u64>(ROUND_CONSTANTS + round);
    a1 = b1 ^ (~b2 | b3);
    a2 = b2 ^ (b3 & b4);
    a3 = b3 ^ (b4 | b0);
    a4 = b4 ^ (b0 & b1);
    a5 = b5 ^ (b6 | b7);
    a6 = b6 ^ (b7 & b8);
    a7 = b7 ^ (b8 | ~b9);
    a8 = b8 ^ (b9 | b5);
    a9 = b9 ^ (b5 & b6);
    a10 = b10 ^ (b11 | b12);
    a11 = b11 ^ (b12 & b13);
    a12 = b12 ^ (~b13 & b14);
    a13 = ~b13 ^ (b14 | b10);
    a14 = b14 ^ (b10 & b11);
    a15 = b15 ^ (b16 & b17);
    a16 = b16 ^ (b17 | b18);
    a17 = b17 ^ (~b18 | b19);
    a18 = ~b18 ^ (b19 & b15);
    a19 = b19 ^ (b15 | b16);
    a20 = b20 ^ (~b21 & b22);
    a21 = ~b21 ^ (b22 | b23);
    a22 = b22 ^ (b23 & b24);
    a23 = b23 ^ (b24 | b20);
    a24 = b24 ^ (b20 & b21);
  }
  store<u64>(SPONGE, a0, 0);
  store<u64>(SPONGE, ~a1, 8);
  store<u64>(SPONGE, ~a2, 16);
  store<u64>(SPONGE, a3, 24);
  store<u64>(SPONGE, a4, 32);
  store<u64>(SPONGE, a5, 40);
  store<u64>(SPONGE, a6, 48);
  store<u64>(SPONGE, a7, 56);
  store<u64>(SPONGE, ~a8, 64);
  store<u64>(SPONGE, a9, 72);
  store<u64>(SPONGE, a10, 80);
  store<u64>(SPONGE, a11, 88);
  store<u64>(SPONGE, ~a12, 96);
  store<u64>(SPONGE, a13, 104);
  store<u64>(SPONGE, a14, 112);
  store<u64>(SPONGE, a15, 120);
  store<u64>(SPONGE, a16, 128);
  store<u64>(SPONGE, ~a17, 136);
  store<u64>(SPONGE, a18, 144);
  store<u64>(SPONGE, a19, 152);
  store<u64>(SPONGE, ~a20, 160);
  store<u64>(SPONGE, a21, 168);
  store<u64>(SPONGE, a22, 176);
  store<u64>(SPONGE, a23, 184);
  store<u64>(SPONGE, a24, 192);
}

/** Keccak-256: the digest's 32 bytes are at the returned place until the next call. */
export function keccak(data: usize, length: usize): usize {
  memory.fill(SPONGE, 0, 200);
  while (length >= RATE) {
    absorb(data);
    data += RATE;
    length -= RATE;
  }
  memory.fill(LAST_BLOCK, 0, RATE);
  memory.copy(LAST_BLOCK, data, length);
  store<u8>(LAST_BLOCK + length, 1);
  store<u8>(LAST_BLOCK + RATE - 1, load<u8>(LAST_BLOCK + RATE - 1) | 0x80);
  absorb(LAST_BLOCK);
  return SPONGE;
}

const BLAKE_IV: usize = memory.data<u64>([
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
]);
const BLAKE_ORDER: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]);

@inline function blakeWord(message: usize, order: usize, i: usize): u64 {
  return load<u64>(message + (<usize>load<u8>(order + i) << 3));
}

/**
 * The compression of BLAKE2b with any number of rounds (RFC 7693; EIP-152): changes the 64 bytes at `state`.
 * `message` has 128 bytes, `offset` 16.
 */
export function blake2f(rounds: u32, state: usize, message: usize, offset: usize, isLast: i32): void {
  let v0 = load<u64>(state);
  let v1 = load<u64>(state, 8);
  let v2 = load<u64>(state, 16);
  let v3 = load<u64>(state, 24);
  let v4 = load<u64>(state, 32);
  let v5 = load<u64>(state, 40);
  let v6 = load<u64>(state, 48);
  let v7 = load<u64>(state, 56);
  let v8 = load<u64>(BLAKE_IV);
  let v9 = load<u64>(BLAKE_IV, 8);
  let v10 = load<u64>(BLAKE_IV, 16);
  let v11 = load<u64>(BLAKE_IV, 24);
  let v12 = load<u64>(BLAKE_IV, 32) ^ load<u64>(offset);
  let v13 = load<u64>(BLAKE_IV, 40) ^ load<u64>(offset, 8);
  let v14 = load<u64>(BLAKE_IV, 48) ^ (isLast != 0 ? <u64>-1 : 0);
  let v15 = load<u64>(BLAKE_IV, 56);
  for (let round: u32 = 0; round < rounds; round++) {
    const order = BLAKE_ORDER + <usize>((round % 10) << 4);
    v0 = v0 + v4 + blakeWord(message, order, 0);
    v12 = rotr<u64>(v12 ^ v0, 32);
    v8 = v8 + v12;
    v4 = rotr<u64>(v4 ^ v8, 24);
    v0 = v0 + v4 + blakeWord(message, order, 1);
    v12 = rotr<u64>(v12 ^ v0, 16);
    v8 = v8 + v12;
    v4 = rotr<u64>(v4 ^ v8, 63);
    v1 = v1 + v5 + blakeWord(message, order, 2);
    v13 = rotr<u64>(v13 ^ v1, 32);
    v9 = v9 + v13;
    v5 = rotr<u64>(v5 ^ v9, 24);
    v1 = v1 + v5 + blakeWord(message, order, 3);
    v13 = rotr<u64>(v13 ^ v1, 16);
    v9 = v9 + v13;
    v5 = rotr<u64>(v5 ^ v9, 63);
    v2 = v2 + v6 + blakeWord(message, order, 4);
    v14 = rotr<u64>(v14 ^ v2, 32);
    v10 = v10 + v14;
    v6 = rotr<u64>(v6 ^ v10, 24);
    v2 = v2 + v6 + blakeWord(message, order, 5);
    v14 = rotr<u64>(v14 ^ v2, 16);
    v10 = v10 + v14;
    v6 = rotr<u64>(v6 ^ v10, 63);
    v3 = v3 + v7 + blakeWord(message, order, 6);
    v15 = rotr<u64>(v15 ^ v3, 32);
    v11 = v11 + v15;
    v7 = rotr<u64>(v7 ^ v11, 24);
    v3 = v3 + v7 + blakeWord(message, order, 7);
    v15 = rotr<u64>(v15 ^ v3, 16);
    v11 = v11 + v15;
    v7 = rotr<u64>(v7 ^ v11, 63);
    v0 = v0 + v5 + blakeWord(message, order, 8);
    v15 = rotr<u64>(v15 ^ v0, 32);
    v10 = v10 + v15;
    v5 = rotr<u64>(v5 ^ v10, 24);
    v0 = v0 + v5 + blakeWord(message, order, 9);
    v15 = rotr<u64>(v15 ^ v0, 16);
    v10 = v10 + v15;
    v5 = rotr<u64>(v5 ^ v10, 63);
    v1 = v1 + v6 + blakeWord(message, order, 10);
    v12 = rotr<u64>(v12 ^ v1, 32);
    v11 = v11 + v12;
    v6 = rotr<u64>(v6 ^ v11, 24);
    v1 = v1 + v6 + blakeWord(message, order, 11);
    v12 = rotr<u64>(v12 ^ v1, 16);
    v11 = v11 + v12;
    v6 = rotr<u64>(v6 ^ v11, 63);
    v2 = v2 + v7 + blakeWord(message, order, 12);
    v13 = rotr<u64>(v13 ^ v2, 32);
    v8 = v8 + v13;
    v7 = rotr<u64>(v7 ^ v8, 24);
    v2 = v2 + v7 + blakeWord(message, order, 13);
    v13 = rotr<u64>(v13 ^ v2, 16);
    v8 = v8 + v13;
    v7 = rotr<u64>(v7 ^ v8, 63);
    v3 = v3 + v4 + blakeWord(message, order, 14);
    v14 = rotr<u64>(v14 ^ v3, 32);
    v9 = v9 + v14;
    v4 = rotr<u64>(v4 ^ v9, 24);
    v3 = v3 + v4 + blakeWord(message, order, 15);
    v14 = rotr<u64>(v14 ^ v3, 16);
    v9 = v9 + v14;
    v4 = rotr<u64>(v4 ^ v9, 63);
  }
  store<u64>(state, load<u64>(state, 0) ^ v0 ^ v8, 0);
  store<u64>(state, load<u64>(state, 8) ^ v1 ^ v9, 8);
  store<u64>(state, load<u64>(state, 16) ^ v2 ^ v10, 16);
  store<u64>(state, load<u64>(state, 24) ^ v3 ^ v11, 24);
  store<u64>(state, load<u64>(state, 32) ^ v4 ^ v12, 32);
  store<u64>(state, load<u64>(state, 40) ^ v5 ^ v13, 40);
  store<u64>(state, load<u64>(state, 48) ^ v6 ^ v14, 48);
  store<u64>(state, load<u64>(state, 56) ^ v7 ^ v15, 56);
}

@inline function loadBig(to: usize, from: usize): void {
  const a = bswap<u64>(load<u64>(from, 24));
  const b = bswap<u64>(load<u64>(from, 16));
  const c = bswap<u64>(load<u64>(from, 8));
  const d = bswap<u64>(load<u64>(from));
  store<u64>(to, a);
  store<u64>(to, b, 8);
  store<u64>(to, c, 16);
  store<u64>(to, d, 24);
}

@inline function storeBig(to: usize, from: usize): void {
  loadBig(to, from);
}

@inline function lowBytes(value: u64, bytes: i32): u64 {
  return bytes >= 8 ? value : bytes <= 0 ? 0 : value & (((<u64>1) << (<u64>bytes << 3)) - 1);
}

/** Takes the gas of a copy of `length` bytes to memory at `offset`; below 0: not enough. */
@inline function copyGas(frame: usize, offset: u64, length: u64, gas: i64): i64 {
  if (length >= NEVER) return -1;
  return expand(frame, offset, length, gas - <i64>(((length + 31) >> 5) * 3));
}

/** Runs the frame until it ends or leaves the loop. Keeps pc, top of stack and gas in the frame. */
export function run(frame: usize): i32 {
  const code = <usize>load<u32>(frame, CODE);
  const codeLength = <u64>load<u32>(frame, CODE_LENGTH);
  const jumps = <usize>load<u32>(frame, JUMPS);
  const stack = <usize>load<u32>(frame, STACK);
  const ceiling = stack + 1024 * 32;
  const memoryAt = <usize>load<u32>(frame, MEMORY);
  let pc = <usize>load<u32>(frame, PC);
  let top = <usize>load<u32>(frame, TOP);
  let gas = <i64>load<i32>(frame, GAS);
  let outcome = STOPPED;
  /** The balance of the frame's account stands in the frame. */
  let knowsBalance = false;

  while (true) {
    const op = <i32>load<u8>(code + pc);
    const entry = load<u32>(TABLE + (<usize>op << 2));
    // Bits 0 to 15: gas; 16 to 25: bytes that must be on the stack; 30: grows; 31: unknown.
    if ((entry & 0xc000_0000) != 0) {
      if ((entry & 0x8000_0000) != 0) {
        outcome = BAD_OPCODE;
        break;
      }
      if (top >= ceiling) {
        outcome = OVERFLOW;
        break;
      }
    }
    if (top - stack < <usize>((entry >> 16) & 0x3ff)) {
      outcome = UNDERFLOW;
      break;
    }
    gas -= <i64>(entry & 0xffff);
    if (gas < 0) {
      outcome = OUT_OF_GAS;
      break;
    }
    pc++;
    const a = top - 32;
    const b = top - 64;

    if (op >= 0x5f && op < 0xa0) {
      if (op < 0x80) {
        const bytes = op - 0x5f;
        const end = code + pc + bytes;
        store<u64>(top, lowBytes(bswap<u64>(load<u64>(end - 8)), bytes));
        if (bytes <= 8) {
          store<u64>(top, 0, 8);
          store<u64>(top, 0, 16);
          store<u64>(top, 0, 24);
        } else {
          store<u64>(top, lowBytes(bswap<u64>(load<u64>(end - 16)), bytes - 8), 8);
          store<u64>(top, lowBytes(bswap<u64>(load<u64>(end - 24)), bytes - 16), 16);
          store<u64>(top, lowBytes(bswap<u64>(load<u64>(end - 32)), bytes - 24), 24);
        }
        pc += bytes;
        top += 32;
      } else if (op < 0x90) {
        copyWord(top, top - ((op - 0x7f) << 5));
        top += 32;
      } else {
        const other = a - ((op - 0x8f) << 5);
        const x = v128.load(a);
        const y = v128.load(a, 16);
        copyWord(a, other);
        v128.store(other, x);
        v128.store(other, y, 16);
      }
      continue;
    }

    switch (op) {
      case 0x00:
        outcome = STOPPED;
        break;
      case 0x01: { // ADD
        let carry: u64 = 0;
        for (let i: usize = 0; i < 32; i += 8) {
          const x = load<u64>(a + i);
          const sum = x + load<u64>(b + i);
          const whole = sum + carry;
          carry = <u64>(sum < x) | <u64>(whole < sum);
          store<u64>(b + i, whole);
        }
        top = a;
        continue;
      }
      case 0x02: // MUL
        if ((load<u64>(a, 8) | load<u64>(a, 16) | load<u64>(a, 24) | load<u64>(b, 8) | load<u64>(b, 16) | load<u64>(b, 24)) == 0 &&
          (load<u64>(a) | load<u64>(b)) <= 0xffff_ffff) {
          store<u64>(b, load<u64>(a) * load<u64>(b));
        } else {
          multiply(PRODUCT, a, b);
          copyWord(b, PRODUCT);
        }
        top = a;
        continue;
      case 0x03: { // SUB
        let borrow: u64 = 0;
        for (let i: usize = 0; i < 32; i += 8) {
          const x = load<u64>(a + i);
          const y = load<u64>(b + i);
          const difference = x - y;
          store<u64>(b + i, difference - borrow);
          borrow = <u64>(x < y) | <u64>(difference < borrow);
        }
        top = a;
        continue;
      }
      case 0x04: // DIV
        if (!isZero(b)) {
          divide(a, 8, b);
          copyWord(b, QUOTIENT);
        }
        top = a;
        continue;
      case 0x05: // SDIV
        if (!isZero(b)) {
          const isMinus = isNegative(a) != isNegative(b);
          if (isNegative(a)) negate(a);
          if (isNegative(b)) negate(b);
          divide(a, 8, b);
          if (isMinus) negate(QUOTIENT);
          copyWord(b, QUOTIENT);
        }
        top = a;
        continue;
      case 0x06: // MOD
        if (!isZero(b)) {
          divide(a, 8, b);
          copyWord(b, U);
        }
        top = a;
        continue;
      case 0x07: // SMOD
        if (!isZero(b)) {
          const isMinus = isNegative(a);
          if (isMinus) negate(a);
          if (isNegative(b)) negate(b);
          divide(a, 8, b);
          if (isMinus) negate(U);
          copyWord(b, U);
        }
        top = a;
        continue;
      case 0x08: { // ADDMOD
        const c = top - 96;
        if (!isZero(c)) {
          let carry: u64 = 0;
          for (let i: usize = 0; i < 32; i += 8) {
            const x = load<u64>(a + i);
            const sum = x + load<u64>(b + i);
            const whole = sum + carry;
            carry = <u64>(sum < x) | <u64>(whole < sum);
            store<u64>(PRODUCT + i, whole);
          }
          store<u32>(PRODUCT, <u32>carry, 32);
          divide(PRODUCT, 9, c);
          copyWord(c, U);
        }
        top = b;
        continue;
      }
      case 0x09: { // MULMOD
        const c = top - 96;
        if (!isZero(c)) {
          multiply(PRODUCT, a, b);
          divide(PRODUCT, 16, c);
          copyWord(c, U);
        }
        top = b;
        continue;
      }
      case 0x0a: { // EXP
        const digits = digitsOf(b, 8);
        let bytes = 0;
        if (digits > 0) bytes = (digits - 1) * 4 + ((39 - <i32>clz<u32>(load<u32>(b + (digits - 1) * 4))) >> 3);
        gas -= <i64>bytes * 50;
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        power(a, b);
        copyWord(b, RESULT);
        top = a;
        continue;
      }
      case 0x0b: { // SIGNEXTEND
        const size = small(a);
        if (size < 31) {
          const bit = <i32>size * 8 + 7;
          const limb = b + ((bit >> 6) << 3);
          const value = load<u64>(limb);
          const isMinus = ((value >> (<u64>bit & 63)) & 1) != 0;
          const above: u64 = (bit & 63) == 63 ? 0 : (<u64>-1) << (<u64>(bit & 63) + 1);
          store<u64>(limb, isMinus ? value | above : value & ~above);
          for (let i = limb + 8; i < b + 32; i += 8) store<u64>(i, isMinus ? <u64>-1 : 0);
        }
        top = a;
        continue;
      }
      case 0x10: // LT
        put(b, <u64>(compare(a, b) < 0));
        top = a;
        continue;
      case 0x11: // GT
        put(b, <u64>(compare(a, b) > 0));
        top = a;
        continue;
      case 0x12: // SLT
        put(b, <u64>(isNegative(a) != isNegative(b) ? isNegative(a) : compare(a, b) < 0));
        top = a;
        continue;
      case 0x13: // SGT
        put(b, <u64>(isNegative(a) != isNegative(b) ? isNegative(b) : compare(a, b) > 0));
        top = a;
        continue;
      case 0x14: // EQ
        put(b, <u64>(compare(a, b) == 0));
        top = a;
        continue;
      case 0x15: // ISZERO
        put(a, <u64>isZero(a));
        continue;
      case 0x16: // AND
        v128.store(b, v128.and(v128.load(a), v128.load(b)));
        v128.store(b, v128.and(v128.load(a, 16), v128.load(b, 16)), 16);
        top = a;
        continue;
      case 0x17: // OR
        v128.store(b, v128.or(v128.load(a), v128.load(b)));
        v128.store(b, v128.or(v128.load(a, 16), v128.load(b, 16)), 16);
        top = a;
        continue;
      case 0x18: // XOR
        v128.store(b, v128.xor(v128.load(a), v128.load(b)));
        v128.store(b, v128.xor(v128.load(a, 16), v128.load(b, 16)), 16);
        top = a;
        continue;
      case 0x19: // NOT
        v128.store(a, v128.not(v128.load(a)));
        v128.store(a, v128.not(v128.load(a, 16)), 16);
        continue;
      case 0x1a: { // BYTE
        const index = small(a);
        put(b, index < 32 ? <u64>load<u8>(b + (31 - <usize>index)) : 0);
        top = a;
        continue;
      }
      case 0x1b: { // SHL
        const by = small(a);
        if (by < 256) shiftLeft(b, b, by);
        else put(b, 0);
        top = a;
        continue;
      }
      case 0x1c: { // SHR
        const by = small(a);
        if (by < 256) shiftRight(b, b, by, 0);
        else put(b, 0);
        top = a;
        continue;
      }
      case 0x1d: { // SAR
        const by = small(a);
        const sign: u64 = isNegative(b) ? <u64>-1 : 0;
        if (by < 256) shiftRight(b, b, by, sign);
        else {
          store<u64>(b, sign);
          store<u64>(b, sign, 8);
          store<u64>(b, sign, 16);
          store<u64>(b, sign, 24);
        }
        top = a;
        continue;
      }
      case 0x1e: { // CLZ
        let zeros: u64 = 0;
        for (let i: usize = 24; ; i -= 8) {
          const limb = load<u64>(a + i);
          if (limb != 0) {
            zeros += clz<u64>(limb);
            break;
          }
          zeros += 64;
          if (i == 0) break;
        }
        put(a, zeros);
        continue;
      }
      case 0x20: { // KECCAK256
        const offset = small(a);
        const length = small(b);
        if (length < NEVER) gas -= <i64>(((length + 31) >> 5) * 6);
        gas = gas < 0 ? gas : expand(frame, offset, length, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        const digest = keccak(length == 0 ? memoryAt : memoryAt + <usize>offset, <usize>length);
        loadBig(b, digest);
        top = a;
        continue;
      }
      case 0x30: // ADDRESS
        copyWord(top, frame + ADDRESS);
        top += 32;
        continue;
      case 0x32: // ORIGIN
        copyWord(top, ENVIRONMENT);
        top += 32;
        continue;
      case 0x33: // CALLER
        copyWord(top, frame + CALLER);
        top += 32;
        continue;
      case 0x34: // CALLVALUE
        copyWord(top, frame + VALUE);
        top += 32;
        continue;
      case 0x35: { // CALLDATALOAD
        const offset = small(a);
        const length = <u64>load<u32>(frame, DATA_LENGTH);
        const data = <usize>load<u32>(frame, DATA);
        if (offset + 32 <= length) loadBig(a, data + <usize>offset);
        else if (offset >= length) put(a, 0);
        else {
          copyPadded(PRODUCT, data, length, offset, 32);
          loadBig(a, PRODUCT);
        }
        continue;
      }
      case 0x36: // CALLDATASIZE
        put(top, <u64>load<u32>(frame, DATA_LENGTH));
        top += 32;
        continue;
      case 0x37: // CALLDATACOPY
      case 0x39: // CODECOPY
      case 0x3e: { // RETURNDATACOPY
        const to = small(a);
        const from = small(b);
        const length = small(top - 96);
        if (op == 0x3e && (from >= NEVER || length >= NEVER || from + length > <u64>load<u32>(RETURNED_LENGTH))) {
          outcome = OUT_OF_GAS;
          break;
        }
        gas = copyGas(frame, to, length, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        if (length > 0) {
          if (op == 0x37) copyPadded(memoryAt + <usize>to, <usize>load<u32>(frame, DATA), <u64>load<u32>(frame, DATA_LENGTH), from, <usize>length);
          else if (op == 0x39) copyPadded(memoryAt + <usize>to, code, codeLength, from, <usize>length);
          else memory.copy(memoryAt + <usize>to, <usize>load<u32>(RETURNED) + <usize>from, <usize>length);
        }
        top -= 96;
        continue;
      }
      case 0x38: // CODESIZE
        put(top, codeLength);
        top += 32;
        continue;
      case 0x3a: // GASPRICE
        copyWord(top, ENVIRONMENT + 32);
        top += 32;
        continue;
      case 0x3d: // RETURNDATASIZE
        put(top, <u64>load<u32>(RETURNED_LENGTH));
        top += 32;
        continue;
      case 0x41: // COINBASE
        copyWord(top, ENVIRONMENT + 64);
        top += 32;
        continue;
      case 0x42: // TIMESTAMP
        copyWord(top, ENVIRONMENT + 96);
        top += 32;
        continue;
      case 0x43: // NUMBER
        copyWord(top, ENVIRONMENT + 128);
        top += 32;
        continue;
      case 0x44: // PREVRANDAO
        copyWord(top, ENVIRONMENT + 160);
        top += 32;
        continue;
      case 0x45: // GASLIMIT
        copyWord(top, ENVIRONMENT + 192);
        top += 32;
        continue;
      case 0x46: // CHAINID
        copyWord(top, ENVIRONMENT + 224);
        top += 32;
        continue;
      case 0x47: // SELFBALANCE
        // Costs 5 gas, too little for a question; what changes a balance leaves the loop.
        if (!knowsBalance) {
          store<u32>(frame, <u32>top, TOP);
          host(op, frame);
          copyWord(frame + BALANCE, top);
          knowsBalance = true;
        } else copyWord(top, frame + BALANCE);
        top += 32;
        continue;
      case 0x48: // BASEFEE
        copyWord(top, ENVIRONMENT + 256);
        top += 32;
        continue;
      case 0x49: // BLOBHASH: there are no blobs
        put(a, 0);
        continue;
      case 0x4a: // BLOBBASEFEE
        copyWord(top, ENVIRONMENT + 288);
        top += 32;
        continue;
      case 0x50: // POP
        top = a;
        continue;
      case 0x51: { // MLOAD
        const offset = small(a);
        gas = expand(frame, offset, 32, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        loadBig(a, memoryAt + <usize>offset);
        continue;
      }
      case 0x52: { // MSTORE
        const offset = small(a);
        gas = expand(frame, offset, 32, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        storeBig(memoryAt + <usize>offset, b);
        top = b;
        continue;
      }
      case 0x53: { // MSTORE8
        const offset = small(a);
        gas = expand(frame, offset, 1, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        store<u8>(memoryAt + <usize>offset, load<u8>(b));
        top = b;
        continue;
      }
      case 0x56: // JUMP
      case 0x57: { // JUMPI
        if (op == 0x57) {
          top = b;
          if (isZero(b)) continue;
        } else top = a;
        const target = small(a);
        if (target >= codeLength || (load<u8>(jumps + <usize>(target >> 3)) & (1 << (<u32>target & 7))) == 0) {
          outcome = BAD_JUMP;
          break;
        }
        pc = <usize>target;
        continue;
      }
      case 0x58: // PC
        put(top, <u64>(pc - 1));
        top += 32;
        continue;
      case 0x59: // MSIZE
        put(top, <u64>load<u32>(frame, MEMORY_SIZE));
        top += 32;
        continue;
      case 0x5a: // GAS
        put(top, <u64>gas);
        top += 32;
        continue;
      case 0x5b: // JUMPDEST
        continue;
      case 0x5e: { // MCOPY
        const to = small(a);
        const from = small(b);
        const length = small(top - 96);
        gas = copyGas(frame, to > from ? to : from, length, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        if (length > 0) memory.copy(memoryAt + <usize>to, memoryAt + <usize>from, <usize>length);
        top -= 96;
        continue;
      }
      case 0x31: // BALANCE
      case 0x3b: // EXTCODESIZE
      case 0x3c: // EXTCODECOPY
      case 0x3f: // EXTCODEHASH
      case 0x40: // BLOCKHASH
      case 0x54: // SLOAD
      case 0x55: // SSTORE
      case 0x5c: // TLOAD
      case 0x5d: // TSTORE
      case 0xa0: // LOG0 to LOG4
      case 0xa1:
      case 0xa2:
      case 0xa3:
      case 0xa4: {
        if (op == 0x3c) {
          gas = copyGas(frame, small(b), small(top - 128), gas);
        } else if (op >= 0xa0) {
          const length = small(b);
          gas = expand(frame, small(a), length, gas);
          if (gas >= 0) gas -= <i64>length * 8;
        }
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        store<u32>(frame, <u32>top, TOP);
        store<i32>(frame, <i32>gas, GAS);
        const problem = host(op, frame);
        if (problem != 0) {
          outcome = problem;
          break;
        }
        top = <usize>load<u32>(frame, TOP);
        gas = <i64>load<i32>(frame, GAS);
        continue;
      }
      case 0xf3: // RETURN
      case 0xfd: { // REVERT
        const offset = small(a);
        const length = small(b);
        gas = expand(frame, offset, length, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        store<u32>(frame, length == 0 ? <u32>memoryAt : <u32>(memoryAt + <usize>offset), OUT);
        store<u32>(frame, <u32>length, OUT_LENGTH);
        outcome = op == 0xf3 ? RETURNS : REVERTS;
        break;
      }
      case 0xf0: // CREATE
      case 0xf5: { // CREATE2
        const offset = small(b);
        const length = small(top - 96);
        gas = expand(frame, offset, length, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        store<u32>(frame, length == 0 ? <u32>memoryAt : <u32>(memoryAt + <usize>offset), OUT);
        store<u32>(frame, <u32>length, OUT_LENGTH);
        outcome = LEAVES;
        break;
      }
      case 0xf1: // CALL
      case 0xf2: // CALLCODE
      case 0xf4: // DELEGATECALL
      case 0xfa: { // STATICCALL
        const at = top - (op == 0xf1 || op == 0xf2 ? 128 : 96);
        const offset = small(at);
        const length = small(at - 32);
        const back = small(at - 64);
        const backLength = small(at - 96);
        gas = expand(frame, offset, length, gas);
        if (gas >= 0) gas = expand(frame, back, backLength, gas);
        if (gas < 0) {
          outcome = OUT_OF_GAS;
          break;
        }
        store<u32>(frame, length == 0 ? <u32>memoryAt : <u32>(memoryAt + <usize>offset), OUT);
        store<u32>(frame, <u32>length, OUT_LENGTH);
        store<u32>(frame, backLength == 0 ? <u32>memoryAt : <u32>(memoryAt + <usize>back), BACK);
        store<u32>(frame, <u32>backLength, BACK_LENGTH);
        outcome = LEAVES;
        break;
      }
      case 0xff: // SELFDESTRUCT
        outcome = LEAVES;
        break;
      default:
        outcome = BAD_OPCODE;
    }
    store<u8>(frame, <u8>op, OP);
    break;
  }
  store<u32>(frame, <u32>pc, PC);
  store<u32>(frame, <u32>top, TOP);
  store<i32>(frame, <i32>gas, GAS);
  return outcome;
}
