import { invalidProof } from './errors.ts';

/** A growing sequence of bytes: fixed integers big-endian, others as LEB128 (7 bits a byte, low end first). */
export class ProofWriter {
  length = 0;
  #bytes = new Uint8Array(256);

  clear(): void {
    this.length = 0;
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  /** A safe integer from 0 on, in as few bytes as it needs. */
  varint(value: number): void {
    if (this.length + 8 > this.#bytes.length) this.#grow(8);
    while (value > 0x7fffffff) {
      this.#bytes[this.length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    while (value > 0x7f) {
      this.#bytes[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.length++] = value;
  }

  bytes(value: Uint8Array): void {
    if (this.length + value.length > this.#bytes.length) this.#grow(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Length and bytes. */
  sized(value: Uint8Array): void {
    this.varint(value.length);
    this.bytes(value);
  }

  /** What was written, until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + needed));
    bytes.set(this.view());
    this.#bytes = bytes;
  }
}

/** Reads what ProofWriter wrote and nothing else: every number in its shortest form, nothing beyond the end. */
export class ProofReader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.left < 1) throw invalidProof('it is cut off');
    return this.#bytes[this.#at++]!;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1, i = 0; i < 8; i++, scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) throw invalidProof('a number is not in its shortest form');
      if (!Number.isSafeInteger(value)) break;
      return value;
    }
    throw invalidProof('a number is too large');
  }

  bytes(length: number): Uint8Array {
    if (this.left < length) throw invalidProof('it is cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  sized(): Uint8Array {
    return this.bytes(this.varint());
  }

  end(): void {
    if (this.left > 0) throw invalidProof(`${this.left} bytes follow its end`);
  }
}
