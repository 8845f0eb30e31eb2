/** Every bound and constant of clusters in one place. Those of the rule itself (first part) decide results and stand in
 * docs/clusters.md; changing one is a new rule. */

/** Words in a shingle: five in a row are rarely an accident, and one changed word spoils only five shingles. */
export const SHINGLE_WORDS = 5;

/** Bands and rows: a pair of Jaccard 0.8 shares a band with probability 0.95, one of 0.5 with 0.06. */
export const BANDS = 16;
export const ROWS = 8;

/** Near duplicates have |A ∩ B| / |A ∪ B| ≥ 8/10. */
export const JACCARD_NUMERATOR = 8;
export const JACCARD_DENOMINATOR = 10;

/**
 * Founders that one record may be compared with. Their sets are at most 10/8 of its own, so a contribution of S shingles
 * costs at most 4,096 · 1.25 · S steps whatever the records are (5 MiB of one-letter words: 13 · 10⁹). A record beyond
 * it is refused, for letting it found a cluster unseen would be a way around clusters.
 */
export const MAX_CANDIDATES = 4096;

/** Founders of one book, as many as an index has records: 276 bytes each besides their shingles. */
export const MAX_FOUNDERS = 4 * 1024 * 1024;

/** Shingles of all founders of one book, as many as an index has tokens: 8 bytes each, 512 MiB. */
export const MAX_BOOK_SHINGLES = 64 * 1024 * 1024;

/** Tokens of one record: a mebibyte, the largest record by default, has at most that many. */
export const MAX_RECORD_TOKENS = 4 * 1024 * 1024;

/**
 * Tokens in a row that count as quoted if an earlier text has them: a sentence, where eight are a phrase that many write.
 * Part of what validators attest about a contribution.
 */
export const NOVELTY_WINDOW = 16;

/**
 * Different runs of tokens by which quotations from one DataNet are recognised: 16 bytes each, so at most 512 MiB. Part of
 * what validators attest: beyond it, in the order of approval, no more are remembered.
 */
export const MAX_QUOTABLE_RUNS = 32 * 1024 * 1024;
