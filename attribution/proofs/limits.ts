/** Bounds of the proofs of token attribution, each with its reason. Those marked (format) are part of every root. */

/** (format) Tokens of its phrase that a node carries: a phrase up to this length needs no piece of the text. */
export const INLINE_TOKENS = 16;

/** (format) Nodes of one Merkle leaf. Two would make proofs a tenth smaller and the tree twice as slow to build. */
export const NODES_PER_PAGE = 4;

/** (format) Symbols of one piece of the text: about 80 bytes, less than three hashes of a path. */
export const SYMBOLS_PER_CHUNK = 32;

/** (format) Longest token that stands in the dictionary as it is; of a longer one its hash does. A record may be one
 * word of a mebibyte, and whoever proves that its neighbour is absent should not have to send it. */
export const MAX_PLAIN_TOKEN_BYTES = 32;

/** Levels of a Merkle tree that are computed again when a proof is made: keeps a sixteenth of the hashes. */
export const RECOMPUTED_LEVELS = 4;

/** Tokens of a corpus that is committed: building takes about 50 bytes a token, so 0.8 GB. */
export const MAX_COMMITTED_TOKENS = 16 * 1024 * 1024;

/** Tokens of a phrase that is proven by itself: as many as an output may have. */
export const MAX_PHRASE_TOKENS = 4096;

/** Merkle leaves of one proof. An answer of 1,024 quoted tokens needs about 5,000; more means a crafted corpus. */
export const MAX_PROOF_LEAVES = 65_536;

/** Bytes of a proof that a verifier reads: the leaves above with their paths. */
export const MAX_PROOF_BYTES = 32 * 1024 * 1024;
