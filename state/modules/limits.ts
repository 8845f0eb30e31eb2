/** Bounds of the modules that are not genesis parameters, each with its reason. Sizes are bytes of UTF-8. */

/** A name stands in lists and headings. */
export const MAX_NAME_BYTES = 64;
/** A summary is one sentence or two under the name. */
export const MAX_SUMMARY_BYTES = 512;
/** A description is a page; at 200 gas a byte it costs 0.8 Mgas at most. */
export const MAX_DESCRIPTION_BYTES = 4_096;
/** Tags are words for searching, not a second description. */
export const MAX_TAGS = 16;
export const MAX_TAG_BYTES = 32;
/** How an owner means to pay contributors: a note, not a contract. */
export const MAX_NOTE_BYTES = 512;
/** Why something was rejected or flagged; lives in the log only. */
export const MAX_REASON_BYTES = 512;
/** An SPDX expression or the name of a licence. */
export const MAX_LICENCE_BYTES = 128;

/** Parents of one model (DESIGN 7.8). */
export const MAX_PARENTS = 16;
/**
 * Ancestors with a part in a model's income. Each is one more payment in every settlement of the model (about 50,000
 * gas), and a settlement with the longest answer and 64 contributors must fit into the gas of one transaction, 2^24.
 */
export const MAX_ANCESTORS = 128;
/**
 * Contributions in all snapshots of one model. A settlement may have to read them all, and pays for it (E2): 2 Mgas at
 * most, which is what the largest settlement leaves of the gas of one transaction.
 */
export const MAX_PINNED_ENTRIES = 8_192;
/**
 * Records and bytes of all snapshots of one model. The token index holds 64 Mi symbols: one per token, which has at
 * least one byte, and one per record. A model beyond it could be registered and never be answered.
 */
export const MAX_PINNED_RECORDS = 1024 * 1024;
export const MAX_PINNED_BYTES = 63 * 1024 * 1024;

/**
 * Versions of all models in training at the same time. Validators train one after the other on one core, beside what
 * they compute about contributions: four of the largest (2^37 multiplications) take some ten minutes, and a training must
 * end before its subject expires.
 */
export const MAX_TRAININGS = 4;

/**
 * Roots of pinned snapshots that validators are asked for at the same time. They compute one after the other on one
 * core, a minute for the largest: eight are done well before their subjects expire.
 */
export const MAX_ROOTS = 8;

/** Commits, and subjects, looked at by the sweeps at the end of a block; more wait for the next one. Each is two reads. */
export const MAX_SWEEP_PER_BLOCK = 512;

/** Lists that views return in one page. */
export const MAX_PAGE = 1_000;

/** Withdrawals of one validator under way; a further one waits together with the last. Slashing looks at each. */
export const MAX_UNBONDINGS = 16;
/**
 * Validators listed for each seat. The list is read whole when a set changes, outside any transaction, so it must be
 * short; who wants in when it is full pushes the weakest out.
 */
export const LISTED_PER_SEAT = 2;

/** Certificate hashes kept in state (A4); the size of EIP-2935's ring. */
export const CERTIFICATE_RING = 8_191;
/** Validator sets kept in state: those of heights H-1 to H+2. Bodies older than that leave with history. */
export const VALIDATOR_SET_RING = 4;
