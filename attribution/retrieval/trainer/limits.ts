/** Every bound of the encoder's trainer in one place, each with its reason. */

/** Words of all documents: each costs four bytes, and one draw of a place must be able to tell them apart. */
export const MAX_TRAINING_WORDS = 1 << 26;

/** Pairs of a batch: every text is compared with every other one. */
export const MAX_BATCH = 1024;

/** Batches: hours of one core. */
export const MAX_STEPS = 100_000;

/** Words of one text of a pair: what the encoder reads of a text at most (about 220 words) need not be exceeded. */
export const MAX_PASSAGE_WORDS = 256;
