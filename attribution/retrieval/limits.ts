/** Every bound of the retrieval engine in one place, each with its reason. */

/** Numbers of one vector: 4,096 products of two 8-bit integers stay below 2²⁶, far from the 32-bit sum's end. */
export const MAX_DIMENSIONS = 4096;

/** Records of one search, over all shards: each costs one object beside its vector. */
export const MAX_RECORDS = 4 * 1024 * 1024;

/** Bytes of the vectors of one shard: they lie in one WebAssembly memory, of which 4 GiB can be addressed. */
export const MAX_SHARD_BYTES = 1024 * 1024 * 1024;

/** Records that one answer cites: beyond them relevance is noise, and each costs 12 bytes for ever. */
export const MAX_CITATIONS = 64;

/** Contributors that one answer pays: never more than records it cites. */
export const MAX_PAID = MAX_CITATIONS;

/** Thousandths in one whole: thresholds and caps. */
export const PERMILLE = 1000;
