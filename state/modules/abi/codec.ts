/**
 * A strict codec for the part of the Solidity ABI that the modules use. Consensus depends on it: a calldata that one
 * node accepts and another refuses splits the chain, so there is exactly one accepted encoding of every value: heads
 * in order, tails in order and adjacent, padding zero, nothing after the end. That is what solc, viem and ethers emit.
 * Specification of the encoding: https://docs.soliditylang.org/en/latest/abi-spec.html
 */
import type { Hex, NativeField } from '../../types.ts';

export type AbiType =
  | { kind: 'uint'; bits: number }
  | { kind: 'int'; bits: number }
  | { kind: 'bool' }
  | { kind: 'address' }
  | { kind: 'fixedBytes'; length: number }
  | { kind: 'bytes' }
  | { kind: 'string' }
  | { kind: 'array'; element: AbiType }
  | { kind: 'tuple'; name: string; components: readonly AbiParameter[] };

export interface AbiParameter {
  readonly name: string;
  readonly type: AbiType;
}

/**
 * What a value looks like in TypeScript: integers are bigint whatever their width, `address` and `bytesN` are
 * lower-case hex, `bytes` is a byte array, a struct is an object by field name.
 */
export type AbiValue =
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly AbiValue[]
  | { readonly [field: string]: AbiValue };

/** The bytes are not the one encoding of any value of these types. */
export class AbiDecodeError extends Error {
  override name = 'AbiDecodeError';
  readonly code: 'MALFORMED' | 'INVALID_UTF8';
  constructor(code: 'MALFORMED' | 'INVALID_UTF8', message: string) {
    super(message);
    this.code = code;
  }
}

const WORD = 32;
const utf8 = new TextEncoder();
// ignoreBOM keeps U+FEFF as a character; otherwise text and bytes would not round-trip.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes to lower-case 0x hex. */
export function toHex(bytes: Uint8Array): Hex {
  let text = '0x';
  for (const byte of bytes) text += HEX_OF_BYTE[byte];
  return text as Hex;
}

/** 0x hex to bytes. @throws RangeError when `hex` is not an even number of hex digits after 0x. */
export function fromHex(hex: string): Uint8Array {
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(hex)) throw new RangeError(`not 0x hex: ${hex.slice(0, 80)}`);
  const bytes = new Uint8Array(hex.length / 2 - 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 + 2 * i, 4 + 2 * i), 16);
  return bytes;
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Text to bytes. */
export function utf8Bytes(text: string): Uint8Array {
  return utf8.encode(text);
}

/** Bytes to text. @throws AbiDecodeError INVALID_UTF8 */
export function utf8Text(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new AbiDecodeError('INVALID_UTF8', 'text is not valid UTF-8');
  }
}

/** Unsigned big-endian bytes to integer. */
export function toUint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes));
}

/** Integer to 32 big-endian bytes. @throws RangeError outside 0..2^256-1. */
export function uint256Bytes(value: bigint): Uint8Array {
  if (value < 0n || value >> 256n !== 0n) throw new RangeError(`not a uint256: ${value}`);
  return fromHex(`0x${value.toString(16).padStart(64, '0')}`);
}

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Canonical name of a type, as signatures hash it. */
export function typeName(type: AbiType): string {
  switch (type.kind) {
    case 'uint':
    case 'int':
      return `${type.kind}${type.bits}`;
    case 'fixedBytes':
      return `bytes${type.length}`;
    case 'array':
      return `${typeName(type.element)}[]`;
    case 'tuple':
      return `(${type.components.map((component) => typeName(component.type)).join(',')})`;
    default:
      return type.kind;
  }
}

export function isDynamic(type: AbiType): boolean {
  switch (type.kind) {
    case 'bytes':
    case 'string':
    case 'array':
      return true;
    case 'tuple':
      return type.components.some((component) => isDynamic(component.type));
    default:
      return false;
  }
}

/** Bytes that a value takes in the head of its tuple. */
function headSize(type: AbiType): number {
  if (isDynamic(type)) return WORD;
  if (type.kind === 'tuple')
    return type.components.reduce((sum, component) => sum + headSize(component.type), 0);
  return WORD;
}

// --- encode ---------------------------------------------------------------------------------------------------

/**
 * Encodes values as the ABI encodes a parameter list.
 * @throws RangeError when a value does not fit its type.
 */
export function encodeParameters(types: readonly AbiType[], values: readonly AbiValue[]): Uint8Array {
  if (types.length !== values.length)
    throw new RangeError(`expected ${types.length} values, got ${values.length}`);
  const heads: Uint8Array[] = [];
  const tails: Uint8Array[] = [];
  let offset = types.reduce((sum, type) => sum + headSize(type), 0);
  types.forEach((type, index) => {
    const encoded = encodeValue(type, values[index] as AbiValue);
    if (isDynamic(type)) {
      heads.push(uint256Bytes(BigInt(offset)));
      tails.push(encoded);
      offset += encoded.length;
    } else heads.push(encoded);
  });
  return concatBytes(...heads, ...tails);
}

function encodeValue(type: AbiType, value: AbiValue): Uint8Array {
  switch (type.kind) {
    case 'uint': {
      const number = asInteger(value, type);
      if (number < 0n || number >> BigInt(type.bits) !== 0n) throw outOfRange(value, type);
      return uint256Bytes(number);
    }
    case 'int': {
      const number = asInteger(value, type);
      if (BigInt.asIntN(type.bits, number) !== number) throw outOfRange(value, type);
      return uint256Bytes(BigInt.asUintN(256, number));
    }
    case 'bool':
      if (typeof value !== 'boolean') throw outOfRange(value, type);
      return uint256Bytes(value ? 1n : 0n);
    case 'address':
      return concatBytes(new Uint8Array(12), exactBytes(value, 20, type));
    case 'fixedBytes':
      return concatBytes(exactBytes(value, type.length, type), new Uint8Array(WORD - type.length));
    case 'bytes': {
      const bytes = typeof value === 'string' ? fromHex(value) : value;
      if (!(bytes instanceof Uint8Array)) throw outOfRange(value, type);
      return withLength(bytes);
    }
    case 'string':
      if (typeof value !== 'string') throw outOfRange(value, type);
      return withLength(utf8.encode(value));
    case 'array': {
      if (!Array.isArray(value)) throw outOfRange(value, type);
      const items: readonly AbiValue[] = value;
      return concatBytes(
        uint256Bytes(BigInt(items.length)),
        encodeParameters(
          items.map(() => type.element),
          items,
        ),
      );
    }
    case 'tuple': {
      if (typeof value !== 'object' || value instanceof Uint8Array || Array.isArray(value))
        throw outOfRange(value, type);
      const fields = value as { readonly [field: string]: AbiValue };
      return encodeParameters(
        type.components.map((component) => component.type),
        type.components.map((component) => {
          const field = fields[component.name];
          if (field === undefined) throw new RangeError(`${type.name}.${component.name} is missing`);
          return field;
        }),
      );
    }
  }
}

function asInteger(value: AbiValue, type: AbiType): bigint {
  if (typeof value !== 'bigint') throw outOfRange(value, type);
  return value;
}

function exactBytes(value: AbiValue, length: number, type: AbiType): Uint8Array {
  const bytes = typeof value === 'string' ? fromHex(value) : value;
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw outOfRange(value, type);
  return bytes;
}

function withLength(bytes: Uint8Array): Uint8Array {
  const padding = new Uint8Array((WORD - (bytes.length % WORD)) % WORD);
  return concatBytes(uint256Bytes(BigInt(bytes.length)), bytes, padding);
}

function outOfRange(value: AbiValue, type: AbiType): RangeError {
  const shown = typeof value === 'object' ? 'value' : String(value).slice(0, 80);
  return new RangeError(`${shown} is not a ${typeName(type)}`);
}

// --- decode ---------------------------------------------------------------------------------------------------

/**
 * Decodes a parameter list; time and memory are linear in `data.length`, since every tail must begin where the
 * one before it ended.
 * @throws AbiDecodeError when `data` is not exactly the encoding of values of these types.
 */
export function decodeParameters(types: readonly AbiType[], data: Uint8Array): AbiValue[] {
  const reader: Reader = { data };
  const { values, end } = decodeList(reader, types, 0);
  if (end !== data.length) throw malformed('bytes after the end');
  return values;
}

interface Reader {
  readonly data: Uint8Array;
}

/** Decodes a tuple that begins at `base`; `end` is where its last tail ends. */
function decodeList(
  reader: Reader,
  types: readonly AbiType[],
  base: number,
): { values: AbiValue[]; end: number } {
  const values: AbiValue[] = [];
  let head = base;
  let tail = base + types.reduce((sum, type) => sum + headSize(type), 0);
  if (tail > reader.data.length) throw malformed('too short');
  for (const type of types) {
    if (isDynamic(type)) {
      if (readLength(reader, head) !== tail - base) throw malformed('offset is not that of the next tail');
      const { value, end } = decodeDynamic(reader, type, tail);
      values.push(value);
      tail = end;
      head += WORD;
    } else {
      const { value, end } = decodeStatic(reader, type, head);
      values.push(value);
      head = end;
    }
  }
  return { values, end: tail };
}

function decodeDynamic(reader: Reader, type: AbiType, at: number): { value: AbiValue; end: number } {
  switch (type.kind) {
    case 'bytes':
    case 'string': {
      const length = readLength(reader, at);
      const start = at + WORD;
      const end = start + Math.ceil(length / WORD) * WORD;
      if (end > reader.data.length) throw malformed('length beyond the end');
      for (let i = start + length; i < end; i++)
        if (reader.data[i] !== 0) throw malformed('padding is not zero');
      const bytes = reader.data.slice(start, start + length);
      return { value: type.kind === 'string' ? utf8Text(bytes) : bytes, end };
    }
    case 'array': {
      const length = readLength(reader, at);
      const base = at + WORD;
      // Every element takes at least one word of head, so this bounds the list before it is made.
      if (length > (reader.data.length - base) / WORD) throw malformed('array longer than the data');
      const { values, end } = decodeList(reader, Array<AbiType>(length).fill(type.element), base);
      return { value: values, end };
    }
    case 'tuple':
      return decodeTuple(reader, type, at);
    default:
      throw malformed('not a dynamic type');
  }
}

function decodeStatic(reader: Reader, type: AbiType, at: number): { value: AbiValue; end: number } {
  if (type.kind === 'tuple') return decodeTuple(reader, type, at);
  const word = readWord(reader, at);
  const end = at + WORD;
  switch (type.kind) {
    case 'uint': {
      const value = toUint(word);
      if (value >> BigInt(type.bits) !== 0n) throw malformed(`more than ${type.bits} bits`);
      return { value, end };
    }
    case 'int': {
      const value = BigInt.asIntN(256, toUint(word));
      if (BigInt.asIntN(type.bits, value) !== value) throw malformed(`more than ${type.bits} bits`);
      return { value, end };
    }
    case 'bool': {
      const value = toUint(word);
      if (value > 1n) throw malformed('not a bool');
      return { value: value === 1n, end };
    }
    case 'address':
      for (let i = 0; i < 12; i++) if (word[i] !== 0) throw malformed('address padding is not zero');
      return { value: toHex(word.subarray(12)), end };
    case 'fixedBytes':
      for (let i = type.length; i < WORD; i++) if (word[i] !== 0) throw malformed('padding is not zero');
      return { value: toHex(word.subarray(0, type.length)), end };
    default:
      throw malformed('not a static type');
  }
}

function decodeTuple(
  reader: Reader,
  type: Extract<AbiType, { kind: 'tuple' }>,
  at: number,
): { value: AbiValue; end: number } {
  const { values, end } = decodeList(
    reader,
    type.components.map((component) => component.type),
    at,
  );
  const fields: { [field: string]: AbiValue } = {};
  type.components.forEach((component, index) => {
    fields[component.name] = values[index] as AbiValue;
  });
  return { value: fields, end };
}

function readWord(reader: Reader, at: number): Uint8Array {
  if (at + WORD > reader.data.length) throw malformed('too short');
  return reader.data.subarray(at, at + WORD);
}

/** An offset or length: below 2^32, which no calldata reaches. */
function readLength(reader: Reader, at: number): number {
  const word = readWord(reader, at);
  for (let i = 0; i < WORD - 4; i++) if (word[i] !== 0) throw malformed('length or offset too large');
  return Number(toUint(word.subarray(WORD - 4)));
}

function malformed(reason: string): AbiDecodeError {
  return new AbiDecodeError('MALFORMED', `malformed ABI data: ${reason}`);
}

// --- native door ----------------------------------------------------------------------------------------------

/**
 * Values from the RLP fields of a native transaction: integers as big-endian bytes without leading zeros, `bool` as
 * empty or 0x01, addresses and `bytesN` at full length, `bytes` and `string` as they are, arrays and structs as lists.
 * @throws AbiDecodeError
 */
export function valuesFromNative(types: readonly AbiType[], fields: readonly NativeField[]): AbiValue[] {
  if (types.length !== fields.length) throw malformed(`expected ${types.length} fields`);
  return types.map((type, index) => valueFromNative(type, fields[index] as NativeField));
}

function valueFromNative(type: AbiType, field: NativeField): AbiValue {
  if (type.kind === 'array') {
    if (!Array.isArray(field)) throw malformed('expected a list');
    return field.map((item) => valueFromNative(type.element, item));
  }
  if (type.kind === 'tuple') {
    if (!Array.isArray(field)) throw malformed('expected a list');
    const values = valuesFromNative(
      type.components.map((component) => component.type),
      field,
    );
    return Object.fromEntries(type.components.map((component, i) => [component.name, values[i] as AbiValue]));
  }
  if (!(field instanceof Uint8Array)) throw malformed('expected bytes, got a list');
  switch (type.kind) {
    case 'uint':
      if (field.length > type.bits / 8) throw malformed(`more than ${type.bits} bits`);
      if (field.length > 0 && field[0] === 0) throw malformed('leading zero');
      return toUint(field);
    case 'int':
      throw malformed('signed integers have no native form');
    case 'bool':
      if (field.length > 1 || (field.length === 1 && field[0] !== 1)) throw malformed('not a bool');
      return field.length === 1;
    case 'address':
      if (field.length !== 20) throw malformed('not an address');
      return toHex(field);
    case 'fixedBytes':
      if (field.length !== type.length) throw malformed(`not ${type.length} bytes`);
      return toHex(field);
    case 'bytes':
      return field.slice();
    case 'string':
      return utf8Text(field);
  }
}

/** The RLP fields of these values: the inverse of `valuesFromNative`, for clients. */
export function nativeFromValues(types: readonly AbiType[], values: readonly AbiValue[]): NativeField[] {
  // Encoding checks ranges with one set of rules for both doors.
  encodeParameters(types, values);
  return types.map((type, index) => nativeFromValue(type, values[index] as AbiValue));
}

function nativeFromValue(type: AbiType, value: AbiValue): NativeField {
  switch (type.kind) {
    case 'array':
      return (value as readonly AbiValue[]).map((item) => nativeFromValue(type.element, item));
    case 'tuple':
      return type.components.map((component) =>
        nativeFromValue(
          component.type,
          (value as { readonly [field: string]: AbiValue })[component.name] as AbiValue,
        ),
      );
    case 'uint': {
      const hex = (value as bigint).toString(16);
      return value === 0n ? new Uint8Array(0) : fromHex(`0x${hex.length % 2 === 0 ? '' : '0'}${hex}`);
    }
    case 'int':
      throw new RangeError('signed integers have no native form');
    case 'bool':
      return value === true ? Uint8Array.of(1) : new Uint8Array(0);
    case 'string':
      return utf8.encode(value as string);
    case 'address':
    case 'fixedBytes':
    case 'bytes':
      return typeof value === 'string' ? fromHex(value) : (value as Uint8Array);
  }
}
