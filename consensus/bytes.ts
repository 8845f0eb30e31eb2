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
  if (text.length !== 2 + 2 * length || text[0] !== '0' || text[1] !== 'x')
    throw new ConsensusError(
      'MALFORMED',
      `expected 0x and ${length} bytes of hex, got "${text.slice(0, 80)}"`,
    );
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (nibble(text, 2 + 2 * i) << 4) | nibble(text, 3 + 2 * i);
  return bytes;
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
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  let at = 0;
  const range = (value: number, top: number): number => {
    if (!Number.isInteger(value) || value < 0 || value > top)
      throw new ConsensusError('LIMIT', `${value} is not in 0..${top}`);
    return value;
  };
  const self: Writer = {
    u8(value) {
      view.setUint8(at, range(value, 0xff));
      at += 1;
      return self;
    },
    u16(value) {
      view.setUint16(at, range(value, 0xffff));
      at += 2;
      return self;
    },
    u32(value) {
      view.setUint32(at, range(value, 0xffff_ffff));
      at += 4;
      return self;
    },
    u64(value) {
      range(value, Number.MAX_SAFE_INTEGER);
      view.setUint32(at, Math.floor(value / 0x1_0000_0000));
      view.setUint32(at + 4, value % 0x1_0000_0000);
      at += 8;
      return self;
    },
    bytes(value) {
      out.set(value, at);
      at += value.length;
      return self;
    },
    hex(value, size) {
      return self.bytes(hexToBytes(value, size));
    },
    finish() {
      if (at !== length) throw new ConsensusError('INTERNAL', `wrote ${at} of ${length} bytes`);
      return out;
    },
  };
  return self;
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
