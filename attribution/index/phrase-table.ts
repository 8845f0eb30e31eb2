/**
 * The first places of phrases of a text, a row for each start, an entry for each length. Of several places that are
 * offered for a phrase the one in the record of lowest rank stays.
 */
export class PhraseTable {
  readonly positions: Int32Array;
  readonly ranks: Int32Array;
  #row = 0;

  /** @param entries of all rows together. */
  constructor(entries: number) {
    this.positions = new Int32Array(entries);
    this.ranks = new Int32Array(entries).fill(NOBODY);
  }

  /** The row that `offer` writes to, as the number of its first entry. */
  openRow(entry: number): void {
    this.#row = entry;
  }

  offer(column: number, position: number, rank: number): void {
    const entry = this.#row + column;
    if (rank >= this.ranks[entry]!) return;
    this.ranks[entry] = rank;
    this.positions[entry] = position;
  }
}

/** Above every rank. */
const NOBODY = 0x7fffffff;
