/**
 * The precompile 0x05, powers modulo a number, as Osaka has it (EIP-2565, 7823, 7883). The library's shifts the whole
 * exponent for each of its bits and reads lengths as big integers, which costs more than what a small call pays for.
 */
import { bytesToBigint } from '../crypto.ts';

/** EIP-7823: of base, exponent and modulus. */
const MAX_BYTES = 1_024;
const HEADER_BYTES = 96;
const WORD = 32;
const LEAST_GAS = 500;
/** Bits of the exponent that are taken together, for exponents with more than `SHORT_BITS`. */
const WINDOW = 4;
const SHORT_BITS = 24;

/** @returns the answer and its price; undefined if a length is too large or the price above `gasLimit` */
export function modexp(
  data: Uint8Array,
  gasLimit: number,
): { gasUsed: number; output: Uint8Array } | undefined {
  const baseLength = lengthAt(data, 0);
  const exponentLength = lengthAt(data, WORD);
  const modulusLength = lengthAt(data, 2 * WORD);
  if (baseLength > MAX_BYTES || exponentLength > MAX_BYTES || modulusLength > MAX_BYTES) return undefined;
  const exponentAt = HEADER_BYTES + baseLength;
  const exponent = part(data, exponentAt, exponentLength);
  const gasUsed = priceOf(Math.max(baseLength, modulusLength), exponent);
  if (gasUsed > gasLimit) return undefined;
  const output = new Uint8Array(modulusLength);
  const modulus = bytesToBigint(part(data, exponentAt + exponentLength, modulusLength));
  if (modulus > 1n)
    writeNumber(output, power(bytesToBigint(part(data, HEADER_BYTES, baseLength)), exponent, modulus));
  return { gasUsed, output };
}

/** EIP-7883. */
function priceOf(longest: number, exponent: Uint8Array): number {
  const head = bitLength(exponent.subarray(0, WORD));
  const iterations = 16 * Math.max(0, exponent.length - WORD) + Math.max(0, head - 1);
  const words = Math.ceil(longest / 8);
  const complexity = longest > WORD ? 2 * words * words : 16;
  return Math.max(LEAST_GAS, Math.max(1, iterations) * complexity);
}

/** A length of the header; more than `MAX_BYTES` for all that are. */
function lengthAt(data: Uint8Array, at: number): number {
  let length = 0;
  for (let i = at; i < at + WORD; i++) {
    length = (length << 8) | (data[i] ?? 0);
    if (length > MAX_BYTES) return MAX_BYTES + 1;
  }
  return length;
}

/** Behind the end of the input stand zeros. */
function part(data: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length <= data.length) return data.subarray(at, at + length);
  const bytes = new Uint8Array(length);
  if (at < data.length) bytes.set(data.subarray(at));
  return bytes;
}

/** Of a big-endian number. */
function bitLength(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : 8 * (bytes.length - first) - Math.clz32(bytes[first]!) + 24;
}

/** base ^ exponent modulo a number above 1, from the exponent's highest bit to its lowest. */
function power(base: bigint, exponent: Uint8Array, modulus: bigint): bigint {
  const bits = bitLength(exponent);
  const b = base % modulus;
  if (bits <= SHORT_BITS) return shortPower(b, exponent, bits, modulus);
  const powers = [1n, b];
  for (let i = 2; i < 1 << WINDOW; i++) powers.push((powers[i - 1]! * b) % modulus);
  let result = 1n;
  for (let i = exponent.length - Math.ceil(bits / 8); i < exponent.length; i++) {
    const byte = exponent[i]!;
    result = step(result, powers[byte >> WINDOW]!, modulus);
    result = step(result, powers[byte & ((1 << WINDOW) - 1)]!, modulus);
  }
  return result;
}

/** result ^ 2 ^ WINDOW * factor */
function step(result: bigint, factor: bigint, modulus: bigint): bigint {
  let next = result;
  if (next !== 1n) for (let i = 0; i < WINDOW; i++) next = (next * next) % modulus;
  return factor === 1n ? next : (next * factor) % modulus;
}

function shortPower(base: bigint, exponent: Uint8Array, bits: number, modulus: bigint): bigint {
  let result = 1n;
  for (let bit = bits - 1; bit >= 0; bit--) {
    if (result !== 1n) result = (result * result) % modulus;
    const byte = exponent[exponent.length - 1 - (bit >> 3)]!;
    if (((byte >> (bit & 7)) & 1) === 1) result = (result * base) % modulus;
  }
  return result;
}

function writeNumber(output: Uint8Array, value: bigint): void {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  output.set(bytes, output.length - bytes.length);
}
