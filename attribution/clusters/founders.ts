import { AttributionError } from '../errors.ts';
import { BANDS, MAX_BOOK_SHINGLES, MAX_FOUNDERS } from './limits.ts';
import type { ShingleSet } from './shingles.ts';

const NONE = -1;

/**
 * What a book keeps of its founders, in flat arrays: order key, shingles, band keys, and for each band a hash table with
 * chains (entry founder·BANDS + band). Founders are numbered as they come.
 */
export class Founders {
  count = 0;
  #orderKeys = new Float64Array(64);
  #ends = new Float64Array(64);
  #keys = new Uint32Array(64 * BANDS);
  #next = new Int32Array(64 * BANDS);
  #heads = new Int32Array(128 * BANDS).fill(NONE);
  #pool = new Float64Array(1024);
  /** Founders that the present search has seen, so that one who shares several bands is met once. */
  #seen = new Int32Array(64);
  #search = 0;

  get shingles(): number {
    return this.count === 0 ? 0 : this.#ends[this.count - 1]!;
  }

  orderKeyOf(founder: number): number {
    return this.#orderKeys[founder]!;
  }

  shinglesOf(founder: number): ShingleSet {
    return this.#pool.subarray(this.#startOf(founder), this.#ends[founder]);
  }

  sizeOf(founder: number): number {
    return this.#ends[founder]! - this.#startOf(founder);
  }

  /** Founders that share a band with these keys, each once. */
  *sharing(keys: Uint32Array): Generator<number> {
    this.#search++;
    for (let band = 0; band < BANDS; band++) {
      const key = keys[band]!;
      for (let entry = this.#heads[this.#slot(key, band)]!; entry !== NONE; entry = this.#next[entry]!) {
        const founder = Math.floor(entry / BANDS);
        // Chains hold every entry whose slot is the same: other keys, and other bands.
        if (entry % BANDS !== band || this.#keys[entry] !== key || this.#seen[founder] === this.#search)
          continue;
        this.#seen[founder] = this.#search;
        yield founder;
      }
    }
  }

  /** @throws AttributionError 'CorpusTooLarge', before anything changes. */
  append(orderKey: number, shingles: ShingleSet, keys: Uint32Array | undefined): void {
    const start = this.shingles;
    const end = start + shingles.length;
    if (this.count >= MAX_FOUNDERS || end > MAX_BOOK_SHINGLES)
      throw new AttributionError(
        'CorpusTooLarge',
        `A book holds ${MAX_FOUNDERS} clusters and ${MAX_BOOK_SHINGLES} shingles, and this record is beyond that.`,
      );
    if (this.count === this.#orderKeys.length) this.#grow();
    if (end > this.#pool.length)
      this.#pool = grown(this.#pool, new Float64Array(Math.min(MAX_BOOK_SHINGLES, Math.max(end, 2 * start))));
    this.#pool.set(shingles, start);
    const founder = this.count++;
    this.#orderKeys[founder] = orderKey;
    this.#ends[founder] = end;
    if (keys === undefined) return;
    this.#keys.set(keys, founder * BANDS);
    for (let band = 0; band < BANDS; band++) this.#link(founder * BANDS + band);
  }

  #startOf(founder: number): number {
    return founder === 0 ? 0 : this.#ends[founder - 1]!;
  }

  #slot(key: number, band: number): number {
    return (key ^ Math.imul(band + 1, 0x9e3779b1)) & (this.#heads.length - 1);
  }

  #link(entry: number): void {
    const slot = this.#slot(this.#keys[entry]!, entry % BANDS);
    this.#next[entry] = this.#heads[slot]!;
    this.#heads[slot] = entry;
  }

  #grow(): void {
    const size = this.#orderKeys.length * 2;
    this.#orderKeys = grown(this.#orderKeys, new Float64Array(size));
    this.#ends = grown(this.#ends, new Float64Array(size));
    this.#seen = grown(this.#seen, new Int32Array(size));
    this.#keys = grown(this.#keys, new Uint32Array(size * BANDS));
    this.#next = new Int32Array(size * BANDS);
    this.#heads = new Int32Array(size * 2 * BANDS).fill(NONE);
    for (let founder = 0; founder < this.count; founder++)
      if (this.sizeOf(founder) > 0)
        for (let band = 0; band < BANDS; band++) this.#link(founder * BANDS + band);
  }
}

function grown<T extends Float64Array | Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
