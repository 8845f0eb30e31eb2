import { ConsensusError } from './errors.ts';

/** Lower-case hex, strict big-endian integers, and a reader that refuses to run over its end. */

const HEX = Array.from({ length: 256 }, (_, byte) => (byte < 16 ? '0' : '') + byte.toString(16));

export function bytesToHex(bytes: Uint8Array): `0x${string}` {
  let text = '0x';
  for (const byte of bytes) text += HEX[byte];
  return text as `0x${string}`;
}

/** @throws ConsensusError MALFORMED unless `text` is 0x and `length` bytes of lower-case hex. */
export function hexToBytes(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  writeHex(text, length, bytes, 0);
  return bytes;
}

function writeHex(text: string, length: number, out: Uint8Array, at: number): void {
  if (text.length !== 2 + 2 * length || text[0] !== '0' || text[1] !== 'x')
    throw new ConsensusError(
      'MALFORMED',
      `expected 0x and ${length} bytes of hex, got "${text.slice(0, 80)}"`,
    );
  for (let i = 0; i < length; i++) out[at + i] = (nibble(text, 2 + 2 * i) << 4) | nibble(text, 3 + 2 * i);
}

function nibble(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  throw new ConsensusError('MALFORMED', `not lower-case hex: "${text.slice(0, 80)}"`);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order of byte strings as of unsigned numbers from the left; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return a.length - b.length;
}

export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i) & 0x7f;
  return bytes;
}

export interface Writer {
  u8(value: number): Writer;
  u16(value: number): Writer;
  u32(value: number): Writer;
  /** A safe integer >= 0 as eight bytes. */
  u64(value: number): Writer;
  bytes(value: Uint8Array): Writer;
  hex(value: string, length: number): Writer;
  finish(): Uint8Array;
}

/** Writes into a buffer of exactly `length` bytes. `finish` fails if it is not full. */
export function writer(length: number): Writer {
  return new ByteWriter(length);
}

/** A class, since a writer is made for each field of each message: closures would be a fifth of its cost. */
class ByteWriter implements Writer {
  readonly #out: Uint8Array;
  #at = 0;

  constructor(length: number) {
    this.#out = new Uint8Array(length);
  }

  #number(value: number, size: number, top: number): this {
    if (!Number.isInteger(value) || value < 0 || value > top)
      throw new ConsensusError('LIMIT', `${value} is not in 0..${top}`);
    const end = this.#at + size;
    if (end > this.#out.length) throw new RangeError(`writing beyond ${this.#out.length} bytes`);
    for (let at = end - 1, rest = value; at >= this.#at; at--) {
      this.#out[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#at = end;
    return this;
  }

  u8(value: number): this {
    return this.#number(value, 1, 0xff);
  }
  u16(value: number): this {
    return this.#number(value, 2, 0xffff);
  }
  u32(value: number): this {
    return this.#number(value, 4, 0xffff_ffff);
  }
  u64(value: number): this {
    return this.#number(value, 8, Number.MAX_SAFE_INTEGER);
  }
  bytes(value: Uint8Array): this {
    this.#out.set(value, this.#at);
    this.#at += value.length;
    return this;
  }
  hex(value: string, size: number): this {
    writeHex(value, size, this.#out, this.#at);
    this.#at += size;
    return this;
  }
  finish(): Uint8Array {
    if (this.#at !== this.#out.length)
      throw new ConsensusError('INTERNAL', `wrote ${this.#at} of ${this.#out.length} bytes`);
    return this.#out;
  }
}

export interface Reader {
  u8(): number;
  u16(): number;
  u32(): number;
  u64(): number;
  /** A copy, so that a small field does not keep a large message alive. */
  bytes(length: number): Uint8Array;
  hex(length: number): `0x${string}`;
  remaining(): number;
  /** @throws ConsensusError MALFORMED if bytes are left over. */
  end(): void;
}

/** Reads strictly: running over the end, and integers beyond 2^53-1, are MALFORMED. */
export function reader(input: Uint8Array): Reader {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  const take = (length: number): number => {
    if (at + length > input.length)
      throw new ConsensusError(
        'MALFORMED',
        `message ends after ${input.length} bytes, ${at + length} needed`,
      );
    at += length;
    return at - length;
  };
  return {
    u8: () => view.getUint8(take(1)),
    u16: () => view.getUint16(take(2)),
    u32: () => view.getUint32(take(4)),
    u64() {
      const start = take(8);
      const value = view.getUint32(start) * 0x1_0000_0000 + view.getUint32(start + 4);
      if (!Number.isSafeInteger(value)) throw new ConsensusError('MALFORMED', 'integer beyond 2^53-1');
      return value;
    },
    bytes(length) {
      const start = take(length);
      return input.slice(start, start + length);
    },
    hex(length) {
      const start = take(length);
      return bytesToHex(input.subarray(start, start + length));
    },
    remaining: () => input.length - at,
    end() {
      if (at !== input.length) throw new ConsensusError('MALFORMED', `${input.length - at} bytes too many`);
    },
  };
}
