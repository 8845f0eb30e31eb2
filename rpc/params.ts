/**
 * Typed validators of parameters. Each takes what JSON gave and returns a typed value or throws a reason; `parse`
 * turns that into -32602 with the position, in geth's words.
 */
import type { Hex } from '../state/types.ts';
import { bytesOf } from './encode.ts';
import { invalidArgument, missingArgument, RPC_CODES, RpcError } from './errors.ts';

export interface Param<T> {
  /** Says what is expected, for docs and errors. */
  readonly name: string;
  readonly optional: boolean;
  /** @throws ParamProblem */
  read(value: unknown): T;
}

/** Reason why a value was refused, without its position. */
export class ParamProblem extends Error {
  override name = 'ParamProblem';
}

function refuse(reason: string): never {
  throw new ParamProblem(reason);
}

function param<T>(name: string, read: (value: unknown) => T): Param<T> {
  return { name, optional: false, read };
}

/** null and absence both mean "not given", as in geth. */
export function optional<T>(inner: Param<T>): Param<T | undefined> {
  return {
    name: `${inner.name}?`,
    optional: true,
    read: (value) => (value === undefined || value === null ? undefined : inner.read(value)),
  };
}

export type Arguments<P extends readonly Param<unknown>[]> = {
  [K in keyof P]: P[K] extends Param<infer T> ? T : never;
};

/** Validates the `params` of a request: an array (or nothing). @throws RpcError -32602 */
export function parseParams<P extends readonly Param<unknown>[]>(params: P, given: unknown): Arguments<P> {
  if (given !== undefined && given !== null && !Array.isArray(given))
    throw new RpcError(RPC_CODES.invalidParams, 'non-array args');
  const values: unknown[] = Array.isArray(given) ? given : [];
  if (values.length > params.length)
    throw new RpcError(RPC_CODES.invalidParams, `too many arguments, want at most ${params.length}`);
  const read = params.map((parameter, position) => {
    const value = values[position];
    if ((value === undefined || value === null) && !parameter.optional) throw missingArgument(position);
    try {
      return parameter.read(value);
    } catch (error) {
      if (error instanceof ParamProblem) throw invalidArgument(position, error.message);
      throw error;
    }
  });
  return read as Arguments<P>;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function hexString(value: unknown): string {
  if (typeof value !== 'string') refuse(`expected a hex string, got ${describe(value)}`);
  if (!value.startsWith('0x') && !value.startsWith('0X')) refuse('hex string without 0x prefix');
  return value;
}

function hexBytes(value: unknown, what: string, length?: number): Hex {
  const text = hexString(value);
  if (text.length % 2 !== 0) refuse('hex string of odd length');
  if (!/^0[xX][0-9a-fA-F]*$/.test(text)) refuse('invalid hex string');
  if (length !== undefined && text.length !== 2 + 2 * length)
    refuse(`hex string has length ${text.length - 2}, want ${2 * length} for ${what}`);
  return text.toLowerCase() as Hex;
}

export const address: Param<Hex> = param('address', (value) => hexBytes(value, 'address', 20));
export const hash: Param<Hex> = param('hash', (value) => hexBytes(value, 'hash', 32));
/** The empty string is no bytes, as in geth. */
export const bytes: Param<Uint8Array> = param('bytes', (value) =>
  value === '' ? new Uint8Array(0) : bytesOf(hexBytes(value, 'bytes')),
);

export function bytesUpTo(limit: number): Param<Uint8Array> {
  return param(`bytes up to ${limit}`, (value) => {
    const read = bytes.read(value);
    if (read.length > limit) refuse(`${read.length} bytes, at most ${limit} are accepted`);
    return read;
  });
}

function readQuantity(text: string, bits: 64 | 256): bigint {
  if (text.length === 2) refuse('hex string "0x"');
  if (text.length > 3 && text[2] === '0') refuse('hex number with leading zero digits');
  if (text.length > 2 + bits / 4) refuse(`hex number > ${bits} bits`);
  if (!/^0[xX][0-9a-fA-F]+$/.test(text)) refuse('invalid hex string');
  return BigInt(text.toLowerCase());
}

/** A quantity: hex without leading zeros, at most 256 bits; the empty string is 0, as in geth. */
export const quantityParam: Param<bigint> = param('quantity', (value) =>
  value === '' ? 0n : readQuantity(hexString(value), 256),
);

/** Gas, a nonce or a time: 64 bits. */
export const uint64: Param<bigint> = param('64-bit quantity', (value) =>
  value === '' ? 0n : readQuantity(hexString(value), 64),
);

/** A place in a list. Nothing here has 2^53 items, so that a larger one is as good as this. */
export const indexParam: Param<number> = param('index', (value) => safe(uint64.read(value)));

/** A 64-bit quantity that is used as a number: beyond 53 bits it would be another one. */
export const safeInteger: Param<number> = param('number', (value) => {
  const read = uint64.read(value);
  if (read > MAX_SAFE) refuse('hex number > 53 bits');
  return Number(read);
});

function safe(read: bigint): number {
  return Number(read > MAX_SAFE ? MAX_SAFE : read);
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_INT64 = 2n ** 63n - 1n;

/** geth's HexOrDecimal64: a count as a JSON number, in decimal digits, or in hex with zeros before it. */
export const hexOrDecimal: Param<number> = param('count', (value) => {
  if (value === '') return 0;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^(0[xX][0-9a-fA-F]{1,64}|[0-9]{1,64})$/.test(text))
    return refuse(`invalid hex or decimal integer ${JSON.stringify(text)?.slice(0, 70)}`);
  const read = BigInt(text);
  if (read >= 2n ** 64n) refuse(`invalid hex or decimal integer ${JSON.stringify(text)}`);
  return safe(read);
});

/** Digits of a storage key: up to 32 bytes of hex, whose prefix may be missing, as in geth. */
function slotDigits(value: unknown): string {
  if (typeof value !== 'string') refuse(`expected a hex string, got ${describe(value)}`);
  const digits = /^0[xX]/.test(value) ? value.slice(2) : value;
  if (digits.length > 64)
    refuse(`storage key too long (want at most 32 bytes): ${JSON.stringify(value.slice(0, 80))}`);
  if (!/^[0-9a-fA-F]*$/.test(digits)) refuse(`invalid hex in storage key: ${JSON.stringify(value)}`);
  return digits.toLowerCase();
}

/** A storage slot: padded on the left (geth accepts short keys). */
export const slot: Param<Hex> = param(
  'storage key',
  (value): Hex => `0x${slotDigits(value).padStart(64, '0')}`,
);

/** A slot with the name under which the answer shows it: whole ones as given, short ones as quantities (geth). */
export const namedSlot: Param<{ readonly key: Hex; readonly name: Hex }> = param('storage key', (value) => {
  const digits = slotDigits(value);
  const key: Hex = `0x${digits.padStart(64, '0')}`;
  // Of an odd number of digits the first byte is half written.
  return { key, name: digits.length >= 63 ? key : `0x${BigInt(key).toString(16)}` };
});

export const boolean: Param<boolean> = param('boolean', (value) =>
  typeof value === 'boolean' ? value : refuse(`expected a boolean, got ${describe(value)}`),
);

export function string(maxLength: number): Param<string> {
  return param('string', (value) => {
    if (typeof value !== 'string') refuse(`expected a string, got ${describe(value)}`);
    if (value.length > maxLength) refuse(`string of ${value.length} characters, at most ${maxLength}`);
    return value;
  });
}

/** A small count or id of the `ol` namespace: a JSON number or a quantity. */
export const count: Param<number> = param('number', (value) => {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) refuse('expected a whole number >= 0');
    return value;
  }
  if (typeof value === 'string' && /^(0|[1-9][0-9]{0,15})$/.test(value)) {
    const read = Number(value);
    if (!Number.isSafeInteger(read)) refuse('number > 53 bits');
    return read;
  }
  return indexParam.read(value);
});

export function list<T>(inner: Param<T>, limit: number): Param<T[]> {
  return param(`list of ${inner.name}`, (value) => {
    if (!Array.isArray(value)) refuse(`expected an array, got ${describe(value)}`);
    if (value.length > limit) refuse(`${value.length} items, at most ${limit} are accepted`);
    return value.map((item, index) => {
      try {
        return inner.read(item);
      } catch (error) {
        if (error instanceof ParamProblem) refuse(`item ${index}: ${error.message}`);
        throw error;
      }
    });
  });
}

/** Members of an object by name; unknown members are refused so that a misspelt one is not ignored silently. */
export function object<S extends Record<string, Param<unknown>>>(
  name: string,
  shape: S,
  unknownKeys: 'refuse' | 'ignore' = 'ignore',
): Param<{ [K in keyof S]: S[K] extends Param<infer T> ? T : never }> {
  return param(name, (value) => {
    const given = asObject(value);
    if (unknownKeys === 'refuse')
      for (const key of Object.keys(given))
        if (!Object.hasOwn(shape, key)) refuse(`unknown member '${key.slice(0, 40)}'`);
    const read: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(shape)) {
      const member = Object.hasOwn(given, key) ? given[key] : undefined;
      if ((member === undefined || member === null) && !inner.optional) refuse(`missing member '${key}'`);
      try {
        read[key] = inner.read(member);
      } catch (error) {
        if (error instanceof ParamProblem) refuse(`${key}: ${error.message}`);
        throw error;
      }
    }
    return read as { [K in keyof S]: S[K] extends Param<infer T> ? T : never };
  });
}

export function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(`expected an object, got ${describe(value)}`);
  return value as Record<string, unknown>;
}

export type BlockTag = 'latest' | 'safe' | 'finalized' | 'pending' | 'earliest';
/** Which block: a tag, a number, or a hash (EIP-1898). */
export type BlockSelector =
  | { readonly by: 'tag'; readonly tag: BlockTag }
  | { readonly by: 'number'; readonly number: number }
  | { readonly by: 'hash'; readonly hash: Hex };

const TAGS: ReadonlySet<string> = new Set(['latest', 'safe', 'finalized', 'pending', 'earliest']);

/** A tag or a number: one that no block can have is only not found, unless it is no height of geth's at all. */
export const blockNumberOrTag: Param<BlockSelector> = param('block number or tag', (value) => {
  if (typeof value === 'string' && TAGS.has(value)) return { by: 'tag', tag: value as BlockTag };
  if (value === '') refuse('empty hex string');
  const number = readQuantity(hexString(value), 64);
  if (number > MAX_INT64) refuse('block number larger than int64');
  return { by: 'number', number: safe(number) };
});

/** A tag, a number, or `{blockNumber}` / `{blockHash, requireCanonical}` (EIP-1898). */
export const blockSelector: Param<BlockSelector> = param('block', (value) => {
  if (typeof value === 'string') {
    if (value.length === 66) return { by: 'hash', hash: hash.read(value) };
    return blockNumberOrTag.read(value);
  }
  if (typeof value !== 'object') refuse(`expected a string or an object, got ${describe(value)}`);
  const given = asObject(value);
  const blockNumber = given['blockNumber'] ?? undefined;
  const blockHash = given['blockHash'] ?? undefined;
  optional(boolean).read(given['requireCanonical']);
  if (blockNumber !== undefined && blockHash !== undefined)
    refuse('cannot specify both BlockHash and BlockNumber, choose one or the other');
  if (blockHash !== undefined) return { by: 'hash', hash: hash.read(blockHash) };
  if (blockNumber !== undefined) return blockNumberOrTag.read(blockNumber);
  throw new RpcError(RPC_CODES.server, 'invalid arguments; neither block nor hash specified');
});

/** Builds a validator from a function; for parameters that only one namespace has. */
export function custom<T>(
  name: string,
  read: (value: unknown, refuse: (reason: string) => never) => T,
): Param<T> {
  return param(name, (value) => read(value, refuse));
}
