/**
 * Random programs that get somewhere: every statement finds the operands that it needs on the stack, most offsets can
 * be paid for, most addresses are those of accounts that exist. A few statements are noise.
 */
import { bigintToBytes, concat, fromHex } from '../../../state/crypto.ts';
import type { Hex } from '../../../state/types.ts';
import type { Random } from '../random.ts';
import { PRECOMPILES, precompileInput } from './precompile-inputs.ts';
import { bytes, type Item, type Program, type Statement } from './program.ts';

export interface Surroundings {
  /** Whom a program can call. */
  readonly addresses: readonly Hex[];
  /** How many creations may still stand inside creations. */
  readonly depth: number;
}

const FULL = (1n << 256n) - 1n;
const EDGES = [
  0x1000n,
  0xffffn,
  1n << 24n,
  (1n << 31n) - 1n,
  1n << 31n,
  (1n << 32n) - 32n,
  (1n << 32n) - 1n,
  1n << 32n,
  (1n << 64n) - 1n,
  1n << 64n,
  1n << 255n,
  FULL - 31n,
  FULL,
] as const;
const WORDS = [
  0n,
  1n,
  2n,
  31n,
  32n,
  255n,
  256n,
  257n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
  1n << 64n,
  1n << 127n,
  (1n << 128n) - 1n,
  1n << 128n,
  (1n << 255n) - 1n,
  1n << 255n,
  (1n << 255n) + 1n,
  FULL - 1n,
  FULL,
] as const;
const GAS = 0x5a;
const POP = 0x50;
const MSTORE = 0x52;
const SSTORE = 0x55;
/** Room on the stack that statements may use beyond what their programs keep there. */
const MOST_KEPT = 900;

const UNARY = [0x15, 0x19, 0x1e];
const BINARY = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a,
  0x1b, 0x1c, 0x1d,
];
const TERNARY = [0x08, 0x09];
const PLAIN = [
  0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58,
  0x59, 0x5a,
];
const MOVES_VALUE = new Set([0xf1, 0xf2]);

export function push(value: bigint): Item {
  const digits = bigintToBytes(value);
  return bytes(0x5f + digits.length, ...digits);
}

export function drawProgram(random: Random, around: Surroundings): Program {
  const statements: Statement[] = [];
  const data = new Map<number, Program | Uint8Array>();
  let names = 0;
  /** Words that the statements before have left, if all of them ran. */
  let kept = 0;

  const small = (): Item => push(BigInt(random.below(5)));
  const word = (): Item => {
    if (kept > 0 && random.oneIn(4)) return bytes(0x80 + random.below(Math.min(kept, 8)));
    if (random.oneIn(3)) return push(random.pick(WORDS));
    if (random.oneIn(3)) return push(BigInt(`0x${Buffer.from(random.bytes(32)).toString('hex')}`));
    return push(BigInt(random.below(400)));
  };
  const offset = (): Item =>
    random.oneIn(150) ? push(random.pick(EDGES)) : push(BigInt(random.pick([0, 1, 31, 32, 64, 96, 300])));
  const length = (): Item =>
    random.oneIn(180)
      ? push(random.pick(EDGES))
      : push(BigInt(random.pick([0, 0, 1, 20, 31, 32, 33, 64, 96, 200])));
  const address = (): Item[] => {
    switch (random.below(12)) {
      case 0:
        return [bytes(random.pick([0x30, 0x32, 0x33, 0x41]))];
      case 1:
        return [push(BigInt(random.pick(PRECOMPILES)))];
      case 2:
        // What a creation left in a slot.
        return [small(), bytes(0x54)];
      case 3:
        return [push(BigInt(random.pick(around.addresses)) | (0xabn << 200n))];
      default:
        return [bytes(0x73, ...fromHex(random.pick(around.addresses)))];
    }
  };
  const gas = (): Item =>
    random.below(3) > 0
      ? bytes(GAS)
      : push(
          random.pick([0n, 1n, 700n, 2_299n, 2_300n, 2_301n, 5_000n, 9_000n, 30_000n, 100_000n, ...EDGES]),
        );
  const value = (): Item[] => {
    switch (random.below(12)) {
      case 0:
        return [bytes(0x47)];
      case 1:
        return [push(1n << 200n)];
      case 2:
      case 3:
      case 4:
        return [push(BigInt(1 + random.below(3)))];
      default:
        return [bytes(0x5f)];
    }
  };
  /** What becomes of a word on top of the stack. */
  const use = (): Item[] => {
    switch (random.below(6)) {
      case 0:
        if (kept >= MOST_KEPT) return [bytes(POP)];
        kept += 1;
        return [];
      case 1:
        return [small(), bytes(SSTORE)];
      case 2:
        return [offset(), bytes(MSTORE)];
      case 3:
        return [small(), bytes(0x5d)];
      default:
        return [bytes(POP)];
    }
  };

  const arithmetic = (): Statement => {
    switch (random.below(4)) {
      case 0:
        return [word(), bytes(random.pick(UNARY)), ...use()];
      case 1:
        return [word(), word(), word(), bytes(random.pick(TERNARY)), ...use()];
      default:
        return [word(), word(), bytes(random.pick(BINARY)), ...use()];
    }
  };
  const memory = (): Statement => {
    switch (random.below(8)) {
      case 0:
        return [word(), offset(), bytes(MSTORE)];
      case 1:
        return [word(), offset(), bytes(0x53)];
      case 2:
        return [offset(), bytes(0x51), ...use()];
      case 3:
        return [length(), offset(), offset(), bytes(0x5e)];
      case 4:
        return [length(), offset(), offset(), bytes(random.pick([0x37, 0x39]))];
      case 5:
        return [random.oneIn(2) ? bytes(0x3d) : length(), small(), offset(), bytes(0x3e)];
      case 6:
        return [length(), offset(), offset(), ...address(), bytes(0x3c)];
      default:
        return [length(), offset(), bytes(0x20), ...use()];
    }
  };
  const state = (): Statement => {
    switch (random.below(8)) {
      case 0:
        return [...address(), bytes(random.pick([0x31, 0x3b, 0x3f])), ...use()];
      case 1:
        return [small(), bytes(random.pick([0x54, 0x5c])), ...use()];
      case 2:
        return [word(), word(), bytes(random.pick([SSTORE, 0x5d]))];
      case 3:
        return [random.oneIn(2) ? word() : bytes(0x43), bytes(random.pick([0x40, 0x49])), ...use()];
      case 4:
        return [bytes(0x60, 1 + random.below(255), 0x43, 0x03, 0x40), ...use()];
      default:
        // The patterns of EIP-2200: few slots, few values.
        return [push(BigInt(random.below(3))), small(), bytes(random.oneIn(4) ? 0x5d : SSTORE)];
    }
  };
  const log = (): Statement => {
    const count = random.below(5);
    return [...Array.from({ length: count }, word), length(), offset(), bytes(0xa0 + count)];
  };
  const call = (): Statement => {
    const op = random.pick([0xf1, 0xf1, 0xf1, 0xf2, 0xf4, 0xfa]);
    return [
      length(),
      offset(),
      length(),
      offset(),
      ...(MOVES_VALUE.has(op) ? value() : []),
      ...address(),
      gas(),
      bytes(op),
      ...use(),
    ];
  };
  const precompile = (): Statement => {
    const number = random.pick(PRECOMPILES);
    const input = precompileInput(random, number);
    const name = names++;
    data.set(name, input);
    const op = random.pick([0xf1, 0xf2, 0xf4, 0xfa, 0xfa]);
    return [
      { kind: 'dataLength', name },
      { kind: 'dataPlace', name },
      bytes(0x5f, 0x39),
      length(),
      offset(),
      { kind: 'dataLength', name },
      bytes(0x5f),
      ...(MOVES_VALUE.has(op) ? value() : []),
      push(BigInt(number)),
      random.oneIn(4) ? push(BigInt(random.below(200_000))) : bytes(GAS),
      bytes(op),
      ...use(),
      bytes(0x3d, 0x5f, 0x5f, 0x3e, 0x3d, 0x5f, 0x20),
      ...use(),
    ];
  };
  const creation = (): Statement => {
    const name = names++;
    data.set(name, drawInitcode(random, around));
    const isSalted = random.oneIn(2);
    return [
      { kind: 'dataLength', name },
      { kind: 'dataPlace', name },
      bytes(0x5f, 0x39),
      ...(isSalted ? [push(BigInt(random.below(2)))] : []),
      random.oneIn(12) ? length() : { kind: 'dataLength', name },
      bytes(0x5f),
      ...value(),
      bytes(isSalted ? 0xf5 : 0xf0),
      ...(random.oneIn(2) ? [bytes(0x80), small(), bytes(SSTORE)] : []),
      ...(random.oneIn(2) ? [bytes(0x5f, 0x5f, 0x5f, 0x5f), ...value(), bytes(0x85, GAS, 0xf1, POP)] : []),
      ...use(),
    ];
  };
  const control = (): Statement[] => {
    const name = names++;
    const place = (ahead = 0): Item => ({ kind: 'place', name, ahead });
    const label: Item = { kind: 'label', name };
    switch (random.below(6)) {
      case 0: {
        // A counted loop. What is inside keeps nothing on the stack.
        const before = kept;
        kept = 0;
        const body = Array.from({ length: 1 + random.below(3) }, simple).map((statement) =>
          kept === 0 ? statement : [],
        );
        kept = before;
        return [
          [push(BigInt(1 + random.below(12))), label],
          ...body,
          [bytes(0x60, 1, 0x90, 0x03, 0x80), place(), bytes(0x57, POP)],
        ];
      }
      case 1:
        // Into the data of a push.
        return [[push(BigInt(random.below(2))), place(1), bytes(0x57), label, bytes(0x61, 0x5b, 0x5b, POP)]];
      case 2:
        return [
          [word(), word(), bytes(random.oneIn(10) ? 0x57 : POP), bytes(random.oneIn(10) ? 0x50 : 0x5b)],
        ];
      default: {
        // The words that it keeps are not counted on, since it may be jumped over.
        const before = kept;
        const skipped = simple();
        kept = before;
        const condition = random.oneIn(2) ? push(BigInt(random.below(2))) : word();
        return [[condition, place(), bytes(0x57)], skipped, [label]];
      }
    }
  };
  const simple = (): Statement => {
    const make = random.pick([arithmetic, memory, state, log, plain]);
    return make();
  };
  const plain = (): Statement => [bytes(random.pick(PLAIN)), ...use()];
  const deep = (): Statement => {
    // Nearly all of the stack, so that what follows runs at its edge.
    const count = 1_000 + random.below(26);
    kept = Math.min(kept + count, MOST_KEPT);
    return [bytes(...new Array<number>(count).fill(0x5f))];
  };
  const noise = (): Statement =>
    random.oneIn(2) ? [] : [{ kind: 'bytes', bytes: random.bytes(1 + random.below(4)) }];
  const shuffle = (): Statement => (kept > 1 ? [bytes(0x90 + random.below(Math.min(kept - 1, 16)))] : []);
  const leave = (): Statement => {
    switch (random.below(7)) {
      case 0:
        return [length(), offset(), bytes(0xfd)];
      case 1:
        return [...address(), bytes(0xff)];
      case 2:
        return [bytes(random.pick([0x00, 0xfe, 0x5b, 0x7f, 0xef, 0x0c]))];
      default:
        return [length(), offset(), bytes(0xf3)];
    }
  };

  /** Of a hundred statements, up to how many are of a kind. */
  const kinds: readonly (readonly [most: number, make: () => Statement[]])[] = [
    [16, () => [arithmetic()]],
    [26, () => [memory()]],
    [46, () => [state()]],
    [50, () => [log()]],
    [66, () => [call()]],
    [72, () => [precompile()]],
    [80, () => [around.depth > 0 ? creation() : state()]],
    [89, control],
    [95, () => [plain()]],
    [97, () => [shuffle()]],
    [98, () => [noise()]],
    [99, () => [random.oneIn(4) ? deep() : shuffle()]],
    [100, () => [random.oneIn(3) ? leave() : state()]],
  ];
  for (let count = 3 + random.below(random.oneIn(4) ? 50 : 22); count > 0; count--) {
    const die = random.below(100);
    statements.push(...kinds.find(([most]) => die < most)![1]());
  }
  if (!random.oneIn(4)) statements.push(leave());
  return { statements: statements.filter((statement) => statement.length > 0), data };
}

const MOST_CODE = 24_576;

/** Creation code: of what deploys, what does not, and what does something else first. */
export function drawInitcode(random: Random, around: Surroundings): Program | Uint8Array {
  const inner = { ...around, depth: around.depth - 1 };
  switch (random.below(10)) {
    case 0:
      return new Uint8Array(0);
    case 1:
      // EIP-3541: one byte that may not be the first, and its neighbours.
      return Uint8Array.of(
        0x60,
        random.pick([0xef, 0xee, 0xf0]),
        0x5f,
        0x53,
        0x60,
        1 + random.below(3),
        0x5f,
        0xf3,
      );
    case 2: {
      // EIP-170 and EIP-3860: as much code as there may be, and more.
      const size = random.pick([MOST_CODE - 1, MOST_CODE, MOST_CODE + 1, 2 * MOST_CODE, 100]);
      return { statements: [[push(BigInt(size)), bytes(0x5f, 0xf3)]], data: new Map() };
    }
    case 3:
      return random.oneIn(8)
        ? concat(Uint8Array.of(0x5f, 0x5f, 0xf3), new Uint8Array(2 * MOST_CODE - 3 + random.below(2)))
        : fromHex('0x60015f5533ff');
    case 4:
      return drawProgram(random, inner);
    default: {
      // Something, and then a runtime.
      const first = drawProgram(random, inner);
      const name = 1_000_000;
      const statements: Statement[] = [
        ...first.statements.slice(0, random.below(3)),
        [
          { kind: 'dataLength', name },
          { kind: 'dataPlace', name },
          bytes(0x5f, 0x39),
          { kind: 'dataLength', name },
          bytes(0x5f, 0xf3),
        ],
      ];
      return { statements, data: new Map([...first.data, [name, drawProgram(random, inner)]]) };
    }
  }
}
