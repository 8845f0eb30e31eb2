/**
 * Rule B3: how long a block full of one operation takes. Each precompile with its most expensive usual input, and the
 * instructions that cost most time per gas. `value` is seconds of CPU for 30 million gas; the bar is 0.5.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bn254 } from '@noble/curves/bn254.js';
import { p256 } from '@noble/curves/nist.js';
import { DEFAULT_PARAMS } from '../../genesis/parameters.ts';
import {
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
import { createModuleTable } from '../../state/execution/module-table.ts';
import { World } from '../../state/execution/world.ts';
import { Fault, type Hex } from '../../state/types.ts';
import type { BenchRow } from './types.ts';

const BLOCK_GAS = 30_000_000;
const PROGRAM: Hex = '0x00000000000000000000000000000000000d0001';
const SENDER: Hex = '0x00000000000000000000000000000000000d0002';
const PROGRAM_GAS = 1_000_000n;
/** Rounds of each operation: until the compiler has seen enough of it. */
const LEAST_ROUNDS = 5;
const LEAST_CPU_MS = 300;

const noModules = createModuleTable([], {
  genesisBalances: () => [],
  genesis() {},
  beginBlock() {},
  endBlock() {},
  validatorSets: () => ({ next: [], afterNext: [] }),
});
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
  const infinity = concat(Uint8Array.of(0xc0), new Uint8Array(47));
  const commitment = sha256(infinity);
  commitment[0] = 1;
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
    ['point-evaluation', 10, concat(commitment, word(3n), word(0n), infinity, infinity)],
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

/** Bodies of loops; 20 copies between a JUMPDEST and a JUMP back. */
const INSTRUCTIONS: readonly [name: string, body: Hex][] = [
  ['push-pop', '0x5f50'],
  ['mload', '0x5f5150'],
  ['mstore', '0x5f5f52'],
  ['calldatacopy', '0x60205f5f37'],
  ['keccak256', '0x60205f2050'],
  ['exp', '0x5f195f190a50'],
  ['sload', '0x5f5450'],
  ['sstore', '0x5a5f55'],
  ['tstore', '0x5a5f5d'],
  ['balance', '0x303150'],
  ['extcodehash', '0x303f50'],
  ['extcodecopy', '0x60205f5f303c'],
  ['call-empty', '0x5f5f5f5f5f60ee5af150'],
  ['call-identity', '0x5f5f5f5f5f60045af150'],
];

function worldWith(code: Uint8Array): World {
  const world = new World({
    account: () => undefined,
    slot: () => EMPTY_BYTES,
    code: () => EMPTY_BYTES,
    body: () => undefined,
  });
  world.write(PROGRAM, { nonce: 1n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash: KECCAK_EMPTY });
  world.writeCode(PROGRAM, code);
  world.endTransaction();
  return world;
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

/** Seconds for a block of it: the best of some rounds, since the machine does other things too. */
async function seconds(
  engine: Engine,
  to: Hex,
  data: Uint8Array,
  code: Uint8Array,
  gasLimit: bigint,
): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  const begun = process.cpuUsage();
  for (let round = 0; round < LEAST_ROUNDS || cpuMs(begun) < LEAST_CPU_MS; round++) {
    const world = worldWith(code);
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
    best = Math.min(best, (spentMs / 1_000) * (BLOCK_GAS / Number(outcome.gasUsed)));
  }
  return best;
}

export async function run(): Promise<BenchRow[]> {
  const engine = await createEngine({
    chainId: DEFAULT_PARAMS.chainId,
    modules: noModules,
    blockHash: () => ZERO_HASH,
  });
  const rows: BenchRow[] = [];
  const row = (name: string, value: number) =>
    rows.push({ name: `worst-gas.${name}`, value, unit: 's/block' });
  for (const [name, address, input] of precompiles()) {
    const to: Hex = `0x${address.toString(16).padStart(40, '0')}`;
    row(name, await seconds(engine, to, input, EMPTY_BYTES, 1_000_000_000n));
  }
  for (const [name, body] of INSTRUCTIONS) {
    const code = fromHex(`0x5b${body.slice(2).repeat(20)}5f56`);
    row(name, await seconds(engine, PROGRAM, EMPTY_BYTES, code, PROGRAM_GAS));
  }
  return rows;
}
