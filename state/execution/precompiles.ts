/**
 * Precompiles whose code is ours instead of the library's: curves in WebAssembly, BLAKE2b in the machine, powers; and prices of slow ones (rule B3). What is slow even so costs a multiple of what it costs on Ethereum, so
 * that a block full of it takes at most half a second on the reference machine, which `npm run bench:worst-gas`
 * measures. Contracts that use them work as they are, and pay more.
 */
import type { Common } from '@ethereumjs/common';
import {
  EVMError,
  type ExecResult,
  getActivePrecompiles,
  type PrecompileFunc,
  type PrecompileInput,
} from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import { EMPTY_BYTES, fromHex, padLeft, sha256 } from '../crypto.ts';
import { Fault } from '../types.ts';
import { type Bls, loadBls } from './curves/bls12-381.ts';
import { type Bn254, loadBn254 } from './curves/bn254.ts';
import { NotAPoint } from './curves/mcl.ts';
import { loadP256, type P256 } from './curves/p256.ts';
import { modexp } from './modexp.ts';

/** By address; what is not listed costs what it costs on Ethereum. Part of the protocol: docs/execution.md. */
export const PRICE_MULTIPLIERS: Readonly<Record<number, bigint>> = {
  /* recovery of a signature */
  1: 3n,
  /* bn254 addition, multiplication, pairing */
  6: 4n,
  7: 3n,
  8: 4n,
  /* blake2f */
  9: 4n,
  /* point evaluation (KZG) */
  10: 12n,
  /* BLS12-381: G1 addition, multi-scalar multiplication; G2 likewise; pairing; maps to G1 and G2 */
  11: 5n,
  12: 5n,
  13: 5n,
  14: 5n,
  15: 5n,
  16: 4n,
  17: 4n,
  /* P-256 verification */
  256: 8n,
};

/** Gas below which a precompile does nothing but fail, on Ethereum and under every fork that is run here. */
const LEAST_PRICES: Readonly<Record<number, number>> = {
  1: 3_000,
  2: 60,
  3: 600,
  4: 15,
  5: 200,
  6: 150,
  7: 6_000,
  8: 45_000,
  10: 50_000,
  11: 375,
  12: 12_000,
  13: 600,
  14: 22_500,
  15: 37_700,
  16: 5_500,
  17: 23_800,
  256: 6_900,
};

/** Whoever calls with less gets nothing done for it; 0 for what has a price for every gas. */
export function leastPrice(number: number, { priced }: { priced: boolean }): number {
  return (LEAST_PRICES[number] ?? 0) * (priced ? Number(PRICE_MULTIPLIERS[number] ?? 1n) : 1);
}

/** One instance for the whole thread; loaded by the first call of one of its precompiles. */
let bls: Promise<Bls> | undefined;
let bn254: Promise<Bn254> | undefined;
let p256: Promise<P256> | undefined;
const BLS = new Set([11, 12, 13, 14, 15, 16, 17]);
const BN254 = new Set([6, 7, 8]);
const MODEXP = 5;
const EIP_7883 = 7883;
const BLAKE2F = 9;
const POINT_EVALUATION = 10;
const P256_VERIFY = 256;

/**
 * The precompiles of the fork for the EVM's `customPrecompiles`, those alone that differ from the library's.
 * @param blake2f compression of BLAKE2b on 213 bytes
 */
export function precompiles(
  common: Common,
  options: { priced: boolean; blake2f: (input: Uint8Array) => Uint8Array },
): { address: Address; function: PrecompileFunc }[] {
  const library = getActivePrecompiles(common);
  const numbers = [MODEXP, ...Object.keys(PRICE_MULTIPLIERS).map(Number)];
  return numbers.flatMap((number) => {
    const multiplier = PRICE_MULTIPLIERS[number] ?? 1n;
    const name = number.toString(16).padStart(40, '0');
    const original = library.get(name);
    if (original === undefined) return [];
    // Earlier forks have other prices of it, and only Ethereum's tests run them.
    if (number === MODEXP && !common.isActivatedEIP(EIP_7883)) return [];
    const run = ourCode(number, original, options.blake2f);
    return {
      address: new Address(fromHex(`0x${name}`)),
      function: options.priced ? priced(run, multiplier) : run,
    };
  });
}

function priced(run: PrecompileFunc, multiplier: bigint): PrecompileFunc {
  return (input) => {
    // A failed precompile takes all the gas of its call.
    const price = (result: ExecResult): ExecResult => ({
      ...result,
      executionGasUsed:
        result.exceptionError === undefined ? result.executionGasUsed * multiplier : input.gasLimit,
    });
    const result = run({ ...input, gasLimit: input.gasLimit / multiplier });
    return result instanceof Promise ? result.then(price) : price(result);
  };
}

function ourCode(
  number: number,
  library: PrecompileFunc,
  blake2f: (input: Uint8Array) => Uint8Array,
): PrecompileFunc {
  if (BLS.has(number))
    return async (input) => {
      bls ??= loadBls();
      return withLibrary(library, input, '_bls', await bls);
    };
  if (BN254.has(number))
    return async (input) => {
      bn254 ??= loadBn254();
      return withLibrary(library, input, '_bn254', await bn254);
    };
  if (number === MODEXP) return raise;
  if (number === BLAKE2F) return (input) => compress(input, blake2f);
  if (number === POINT_EVALUATION) return evaluatePoint;
  if (number === P256_VERIFY) return verifyP256;
  return library;
}

/**
 * Lets the library check lengths and take gas, and our code compute. The library takes any exception for a wrong
 * input, so those that are not are kept and thrown again (rule B2).
 */
async function withLibrary(
  library: PrecompileFunc,
  input: PrecompileInput,
  part: '_bls' | '_bn254',
  code: object,
): Promise<ExecResult> {
  let failure: unknown;
  const guarded = new Proxy(code, {
    get:
      (target, name) =>
      (...args: unknown[]) => {
        try {
          return (target as Record<string | symbol, (...args: unknown[]) => unknown>)[name]!(...args);
        } catch (error) {
          if (!(error instanceof NotAPoint)) failure = error;
          throw error;
        }
      },
  });
  const result = await library({ ...input, _EVM: { [part]: guarded } as unknown as PrecompileInput['_EVM'] });
  if (failure !== undefined) throw new Fault('a precompile failed on this machine', { cause: failure });
  // What it does not know it calls a revert, though all gas is gone and nobody chose to.
  if (result.exceptionError?.error === EVMError.errorMessages.REVERT)
    return failed(input.gasLimit, EVMError.errorMessages.BLS_12_381_POINT_NOT_ON_CURVE);
  return result;
}

function failed(gasLimit: bigint, error: EVMError['error']): ExecResult {
  return { returnValue: EMPTY_BYTES, executionGasUsed: gasLimit, exceptionError: new EVMError(error) };
}

function raise({ data, gasLimit }: PrecompileInput): ExecResult {
  const answer = modexp(data, Number(gasLimit));
  if (answer === undefined) return failed(gasLimit, EVMError.errorMessages.OUT_OF_GAS);
  return { returnValue: answer.output, executionGasUsed: BigInt(answer.gasUsed) };
}

/** EIP-152: rounds, state, message, offset, last flag. */
function compress(
  { data, gasLimit }: PrecompileInput,
  blake2f: (input: Uint8Array) => Uint8Array,
): ExecResult {
  if (data.length !== 213) return failed(gasLimit, EVMError.errorMessages.OUT_OF_RANGE);
  if (data[212]! > 1) return failed(gasLimit, EVMError.errorMessages.OUT_OF_RANGE);
  const gas = BigInt(new DataView(data.buffer, data.byteOffset).getUint32(0));
  if (gas > gasLimit) return failed(gasLimit, EVMError.errorMessages.OUT_OF_GAS);
  return { returnValue: blake2f(data), executionGasUsed: gas };
}

const POINT_EVALUATION_GAS = 50_000n;
/** 4,096 field elements in a blob, and the order of the group. */
const POINT_EVALUATION_RESULT = fromHex(
  `0x${'1000'.padStart(64, '0')}73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001`,
);

/** EIP-4844: versioned hash, z, y, commitment, proof. */
async function evaluatePoint({ data, gasLimit }: PrecompileInput): Promise<ExecResult> {
  if (gasLimit < POINT_EVALUATION_GAS) return failed(gasLimit, EVMError.errorMessages.OUT_OF_GAS);
  if (data.length !== 192) return failed(gasLimit, EVMError.errorMessages.INVALID_INPUT_LENGTH);
  const commitment = data.subarray(96, 144);
  const hash = sha256(commitment);
  hash[0] = 1;
  if (!hash.every((byte, i) => byte === data[i]))
    return failed(gasLimit, EVMError.errorMessages.INVALID_COMMITMENT);
  const number = (from: number) => BigInt(`0x${Buffer.from(data.subarray(from, from + 32)).toString('hex')}`);
  bls ??= loadBls();
  const curve = await bls;
  try {
    if (!curve.verifyOpening(commitment, number(32), number(64), data.subarray(144)))
      return failed(gasLimit, EVMError.errorMessages.INVALID_PROOF);
  } catch (error) {
    if (error instanceof NotAPoint) return failed(gasLimit, EVMError.errorMessages.INVALID_INPUTS);
    throw error;
  }
  return { returnValue: POINT_EVALUATION_RESULT, executionGasUsed: POINT_EVALUATION_GAS };
}

const P256_GAS = 6_900n;
const TRUE = padLeft(Uint8Array.of(1), 32);

/** EIP-7951. Empty output for anything that does not verify. */
async function verifyP256({ data, gasLimit }: PrecompileInput): Promise<ExecResult> {
  if (gasLimit < P256_GAS) return failed(gasLimit, EVMError.errorMessages.OUT_OF_GAS);
  p256 ??= loadP256();
  const holds = data.length === 160 && (await p256).verify(data);
  return { returnValue: holds ? TRUE : EMPTY_BYTES, executionGasUsed: P256_GAS };
}
