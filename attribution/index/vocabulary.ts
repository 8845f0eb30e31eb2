import { compareBytes } from '../corpus/corpus.ts';
import { foldByte } from '../lexer/lexer.ts';
import { MAX_VOCABULARY_PROBES } from '../limits.ts';

/**
 * Numbers for tokens, 0, 1, 2 … by first appearance. Tokens are compared by their folded bytes. The numbers never reach
 * a result: they only name types inside one index.
 */
export class Vocabulary {
  /** Number of types. */
  size = 0;
  #slots = new Int32Array(1024).fill(-1);
  #hashes = new Int32Array(512);
  #offsets = new Uint32Array(513);
  #pool = new Uint8Array(4096);
  /** Tokens that found no slot within MAX_VOCABULARY_PROBES, by their bytes as a string. */
  readonly #overflow = new Map<string, number>();

  /** Number of the token bytes[start, end), or -1 if it never was interned. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashFolded(bytes, start, end);
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < MAX_VOCABULARY_PROBES; probe++) {
      const id = this.#slots[(hash + probe) & mask]!;
      if (id < 0) return -1;
      if (this.#hashes[id] === hash && this.#equals(id, bytes, start, end)) return id;
    }
    return this.#overflow.get(foldedKey(bytes, start, end)) ?? -1;
  }

  /** Number of the token bytes[start, end); a new token gets the next number. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const known = this.find(bytes, start, end);
    if (known >= 0) return known;
    if (this.size * 2 >= this.#slots.length) this.#rehash();
    const id = this.size++;
    this.#store(id, bytes, start, end);
    if (!this.#place(id)) this.#overflow.set(foldedKey(bytes, start, end), id);
    return id;
  }

  /** Folded bytes of a type. */
  bytesOf(id: number): Uint8Array {
    return this.#pool.slice(this.#offsets[id], this.#offsets[id + 1]);
  }

  /**
   * All types in the order of their bytes: `numbers[id]` is a type's place in that order, type t there is
   * words[starts[t], starts[t + 1]).
   */
  sorted(): { numbers: Int32Array; words: Uint8Array; starts: Uint32Array } {
    const bytes = Array.from({ length: this.size }, (_, id) =>
      this.#pool.subarray(this.#offsets[id], this.#offsets[id + 1]),
    );
    const order = Array.from(bytes.keys()).sort((a, b) => compareBytes(bytes[a]!, bytes[b]!));
    const numbers = new Int32Array(this.size);
    const words = new Uint8Array(this.#offsets[this.size]!);
    const starts = new Uint32Array(this.size + 1);
    order.forEach((id, t) => {
      numbers[id] = t;
      words.set(bytes[id]!, starts[t]);
      starts[t + 1] = starts[t]! + bytes[id]!.length;
    });
    return { numbers, words, starts };
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#offsets[id]!;
    if (this.#offsets[id + 1]! - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#pool[from + i - start] !== foldByte(bytes[i]!)) return false;
    return true;
  }

  #store(id: number, bytes: Uint8Array, start: number, end: number): void {
    const from = this.#offsets[id]!;
    const length = end - start;
    if (id + 2 > this.#offsets.length) {
      this.#offsets = grown(this.#offsets, new Uint32Array(this.#offsets.length * 2));
      this.#hashes = grown(this.#hashes, new Int32Array(this.#offsets.length));
    }
    if (from + length > this.#pool.length)
      this.#pool = grown(this.#pool, new Uint8Array(Math.max(this.#pool.length * 2, from + length)));
    for (let i = 0; i < length; i++) this.#pool[from + i] = foldByte(bytes[start + i]!);
    this.#offsets[id + 1] = from + length;
    this.#hashes[id] = hashFolded(bytes, start, end);
  }

  #place(id: number): boolean {
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < MAX_VOCABULARY_PROBES; probe++) {
      const slot = (this.#hashes[id]! + probe) & mask;
      if (this.#slots[slot]! < 0) {
        this.#slots[slot] = id;
        return true;
      }
    }
    return false;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 4).fill(-1);
    this.#overflow.clear();
    for (let id = 0; id < this.size; id++) {
      if (this.#place(id)) continue;
      const bytes = this.bytesOf(id);
      this.#overflow.set(foldedKey(bytes, 0, bytes.length), id);
    }
  }
}

function grown<T extends Uint8Array | Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function hashFolded(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ foldByte(bytes[i]!), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (end - start);
}

function foldedKey(bytes: Uint8Array, start: number, end: number): string {
  let key = '';
  for (let i = start; i < end; i++) key += String.fromCharCode(foldByte(bytes[i]!));
  return key;
}
