import { AttributionError } from '../errors.ts';

/** A big-endian writer of fixed-width integers. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];

  /** Unsigned integer of `width` bytes. Throws RangeError if it does not fit. */
  uint(value: number | bigint, width: number): this {
    let rest = BigInt(value);
    if (rest < 0n || rest >= 1n << BigInt(8 * width))
      throw new RangeError(`${value} does not fit in ${width} bytes`);
    const bytes = new Uint8Array(width);
    for (let i = width - 1; i >= 0; i--) {
      bytes[i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    this.#parts.push(bytes);
    return this;
  }

  /** Exactly `width` bytes. */
  bytes(value: Uint8Array, width: number): this {
    if (value.length !== width) throw new RangeError(`${value.length} bytes where ${width} are needed`);
    this.#parts.push(value);
    return this;
  }

  done(): Uint8Array {
    const result = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      result.set(part, at);
      at += part.length;
    }
    return result;
  }
}

/** Bytes of a 0x-prefixed hex string of `width` bytes. */
export function fromHex(hex: string, width: number): Uint8Array {
  if (!/^0x([0-9a-f]{2})*$/.test(hex) || hex.length !== 2 + 2 * width)
    throw new AttributionError(
      'InvalidParameter',
      `'${hex}' is not 0x and ${2 * width} lower-case hex digits.`,
    );
  return Uint8Array.from({ length: width }, (_, i) => Number.parseInt(hex.slice(2 + 2 * i, 4 + 2 * i), 16));
}

/** 0x-prefixed lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  let hex = '0x';
  for (const byte of bytes) hex += (byte < 16 ? '0' : '') + byte.toString(16);
  return hex;
}
