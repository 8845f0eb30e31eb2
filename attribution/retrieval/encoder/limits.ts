/** Every bound of the encoder in one place, each with its reason. */

/** Features of one text: the ONNX form of the encoder has a fixed shape. About 220 different English words. */
export const MAX_FEATURES = 2048;

/** Bytes of one text: a record is at most 1 MiB. */
export const MAX_TEXT_BYTES = 1 << 20;

/** Bytes of a word that n-grams are made of, so that one endless word costs no more than 64 ordinary letters. */
export const MAX_GRAM_WORD_BYTES = 64;

/** Rows of the table: row numbers are 16-bit. */
export const MAX_ROWS = 65_536;

/** Numbers of one vector (chunks × width). */
export const MAX_VECTOR = 1024;

/** Entries of the table of weights: one byte each. */
export const MAX_WEIGHTS = 1 << 20;

/** Words of the vocabulary: four bytes each, and they leave most 32-bit hashes to words that are none of them. */
export const MAX_VOCABULARY = 1 << 18;

/** Words that are corrected: a shorter one has too many neighbours, and a longer one costs more than its bytes pay for (53 look-ups a letter). */
export const MIN_CORRECTED_BYTES = 4;
export const MAX_CORRECTED_BYTES = 16;
