/** Every bound of the token attribution engine in one place. Sizes that consensus decides (longest output, window
 * length, caps) are genesis parameters; these are the bounds of the implementation itself. */

/** An index costs about 7 bytes a token, and some 30 while its largest segment is sorted: 64 Mi tokens are 0.5 GiB. */
export const MAX_INDEX_TOKENS = 64 * 1024 * 1024;

/** Longest text of the suffix array kernel: at 18 bytes a symbol and 16 bytes a letter of the alphabet its memory stays
 * within the 4 GiB of 32-bit WebAssembly. */
export const MAX_SUFFIX_ARRAY_SYMBOLS = 96 * 1024 * 1024;

/** Text of one unit of the schedule of segments, about 64,000 tokens: sorting so much takes some 30 ms, which is what
 * a small contribution costs. */
export const SEGMENT_UNIT_BYTES = 256 * 1024;

/** Units after which a segment is closed for ever: 48 MiB of prose are some 12 million tokens, so that its positions
 * take three bytes. */
export const SEGMENT_UNITS_PER_BLOCK = 192;

/** Records of one index. Each costs one separator symbol and one metadata object. */
export const MAX_INDEX_RECORDS = 4 * 1024 * 1024;

/** Upper end of the genesis parameter `maxOutputTokens`: the worst case of attribution grows with its square
 * (4,096 tokens: 8.4 million table entries, 34 MB). */
export const MAX_OUTPUT_TOKENS = 4096;

/** Upper end of a prompt in tokens: prompt windows are looked up one by one. */
export const MAX_PROMPT_TOKENS = 65_536;

/** Upper end of the window length: a longer phrase than this is no longer a phrase. */
export const MAX_WINDOW_TOKENS = 64;

/** Upper end of the number of contributors in a credit vector (24 bytes each in the record). */
export const MAX_CONTRIBUTORS = 256;

/** Probes of the vocabulary's hash table before a token moves to the overflow map, so that words crafted to collide
 * cost a constant each and not a square. */
export const MAX_VOCABULARY_PROBES = 32;

/** Longest context of the continuation model in tokens (order of the n-gram model less one). */
export const MAX_CONTEXT_TOKENS = 4;

/** Longest continuation in tokens that one call may ask for. */
export const MAX_CONTINUATION_TOKENS = 4096;
