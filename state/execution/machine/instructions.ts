/**
 * The instructions of the fork as the WebAssembly loop wants them: gas that is always taken, and the depth of stack
 * that is needed. Prices that depend on the state or on memory are added where the instruction runs.
 * Sources: Yellow Paper, appendix G; EIP-1884, 2929, 3860, 1153, 5656, 7939.
 */
const GROWS = 0x4000_0000;
const UNKNOWN = 0x8000_0000 | 0;

type Row = readonly [op: number, gas: number, pops: number, pushes: number];
const ROWS: readonly Row[] = [
  [0x00, 0, 0, 0],
  [0x01, 3, 2, 1],
  [0x02, 5, 2, 1],
  [0x03, 3, 2, 1],
  [0x04, 5, 2, 1],
  [0x05, 5, 2, 1],
  [0x06, 5, 2, 1],
  [0x07, 5, 2, 1],
  [0x08, 8, 3, 1],
  [0x09, 8, 3, 1],
  [0x0a, 10, 2, 1],
  [0x0b, 5, 2, 1],
  ...[0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d].map((op): Row => [op, 3, 2, 1]),
  [0x15, 3, 1, 1],
  [0x19, 3, 1, 1],
  [0x20, 30, 2, 1],
  ...[0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x48, 0x4a].map(
    (op): Row => [op, 2, 0, 1],
  ),
  [0x31, 0, 1, 1],
  [0x35, 3, 1, 1],
  [0x37, 3, 3, 0],
  [0x39, 3, 3, 0],
  [0x3b, 0, 1, 1],
  [0x3c, 0, 4, 0],
  [0x3e, 3, 3, 0],
  [0x3f, 0, 1, 1],
  [0x40, 20, 1, 1],
  [0x47, 5, 0, 1],
  [0x49, 3, 1, 1],
  [0x50, 2, 1, 0],
  [0x51, 3, 1, 1],
  [0x52, 3, 2, 0],
  [0x53, 3, 2, 0],
  [0x54, 0, 1, 1],
  [0x55, 0, 2, 0],
  [0x56, 8, 1, 0],
  [0x57, 10, 2, 0],
  [0x58, 2, 0, 1],
  [0x59, 2, 0, 1],
  [0x5a, 2, 0, 1],
  [0x5b, 1, 0, 0],
  [0x5c, 100, 1, 1],
  [0x5d, 100, 2, 0],
  [0x5e, 3, 3, 0],
  [0x5f, 2, 0, 1],
  ...Array.from({ length: 32 }, (_, i): Row => [0x60 + i, 3, 0, 1]),
  ...Array.from({ length: 16 }, (_, i): Row => [0x80 + i, 3, i + 1, i + 2]),
  ...Array.from({ length: 16 }, (_, i): Row => [0x90 + i, 3, i + 2, i + 2]),
  ...Array.from({ length: 5 }, (_, i): Row => [0xa0 + i, 375 * (i + 1), i + 2, 0]),
  [0xf0, 32_000, 3, 1],
  [0xf1, 0, 7, 1],
  [0xf2, 0, 7, 1],
  [0xf3, 0, 2, 0],
  [0xf4, 0, 6, 1],
  [0xf5, 32_000, 4, 1],
  [0xfa, 0, 6, 1],
  [0xfd, 0, 2, 0],
  [0xff, 5_000, 1, 0],
];
/** EIP-7939, since Osaka. */
const COUNT_LEADING_ZEROS: Row = [0x1e, 5, 1, 1];

/** One word an instruction: bits 0 to 15 gas, 16 to 25 bytes that must be on the stack, 30 grows, 31 unknown. */
export function instructionTable(options: { countsLeadingZeros: boolean }): Int32Array {
  const table = new Int32Array(256).fill(UNKNOWN);
  const rows = options.countsLeadingZeros ? [...ROWS, COUNT_LEADING_ZEROS] : ROWS;
  for (const [op, gas, pops, pushes] of rows)
    table[op] = gas | ((pops * 32) << 16) | (pushes > pops ? GROWS : 0);
  return table;
}
