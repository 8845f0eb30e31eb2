/**
 * The size of an encoder. A feature's vector is `chunks` rows of the table, one beside the other, each named by a hash
 * of its own: two features that share one row hardly ever share the others.
 */
export interface EncoderShape {
  /** Rows of the table. */
  readonly rows: number;
  /** Numbers of a row. */
  readonly width: number;
  /** Rows that make one vector; a vector has chunks × width numbers. */
  readonly chunks: number;
}

/** Words that are spelt right, by their hashes: distinct and ascending; those of bucket b stand at starts[b] … starts[b + 1] − 1. */
export interface Vocabulary {
  readonly hashes: Uint32Array;
  /** 65,537 places: bucket b has the hashes whose upper 16 bits are b. */
  readonly starts: Uint32Array;
}

/** A sentence encoder: an embedding bag over hashed words and character n-grams, in integers. */
export interface Encoder {
  readonly shape: EncoderShape;
  /** rows × width numbers from −127 to 127. */
  readonly table: Int8Array;
  /** How much a word or an n-gram counts, by its hash. */
  readonly weights: Uint8Array;
  /** Words that are read as they are; another one is read as its neighbour among them, if it has one. */
  readonly vocabulary: Vocabulary;
}
