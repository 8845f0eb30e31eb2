/** Reads big-endian integers and bytes; `refuse` makes the error for bytes that end too early or go on. */
export class ByteReader {
  #at = 0;
  readonly #bytes: Uint8Array;
  readonly #refuse: (reason: string) => Error;

  constructor(bytes: Uint8Array, refuse: (reason: string) => Error) {
    this.#bytes = bytes;
    this.#refuse = refuse;
  }

  /** Unsigned, of at most 8 bytes and below 2⁵³. */
  uint(width: number): number {
    let value = 0n;
    for (const byte of this.bytes(width)) value = (value << 8n) | BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#refuse('a number in it is too large');
    return Number(value);
  }

  /** The next bytes, not copied. */
  bytes(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw this.#refuse('it is cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#refuse('it goes on after its end');
  }
}
