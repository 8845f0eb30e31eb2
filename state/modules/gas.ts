/**
 * What operations cost, the same through both doors (E2). Prices of storage are the EVM's (EIP-2929, EIP-2200), so
 * that a module is neither cheaper nor dearer than a contract that keeps the same data. There are no refunds.
 */

/** Finding the operation and checking the call: what a CALL to a warm account costs. */
export const OPERATION = 700n;
/** Decoding, per 32-byte word of calldata: copy and check. */
export const CALLDATA_WORD = 6n;
/** First and further read of a slot or account within one call (EIP-2929). */
export const COLD_READ = 2_100n;
export const WARM_READ = 100n;
/** Writing a slot, beyond its read (EIP-2200). */
export const SLOT_NEW = 20_000n;
export const SLOT_CHANGE = 2_900n;
export const SLOT_SAME = 0n;
/** Reading a body, beyond its slot: a database look-up, and 3 gas a word as CODECOPY has it. */
export const BODY_READ = 2_600n;
export const BODY_READ_WORD = 3n;
/** Storing a body costs per byte what code costs (Yellow Paper, G_codedeposit). */
export const BODY_BYTE = 200n;
/** keccak256 as the EVM prices it; bodies are hashed. */
export const HASH = 30n;
export const HASH_WORD = 6n;
/** LOG as the EVM prices it. */
export const LOG = 375n;
export const LOG_TOPIC = 375n;
export const LOG_BYTE = 8n;
/** Moving coins: a CALL with value, without the call; a new account costs what it costs in the EVM. */
export const TRANSFER = 6_700n;
export const NEW_ACCOUNT = 25_000n;

/** Per byte of a text that is split into tokens: a look-up or two in a table. */
export const LEX_BYTE = 4n;
/**
 * Per attribution unit (genesis/attribution-units.ts). The default block budget of 65,536 units is 100 ms of one core,
 * a fifth of what 30 Mgas stand for: about 92 gas a unit.
 */
export const ATTRIBUTION_UNIT = 100n;
/**
 * Per pinned contribution that a settlement may have to read for its index: a twentieth of a cold read of a record,
 * since an index that was built stays for the settlements that follow.
 */
export const PINNED_ENTRY = 250n;
/** Opening a subject and queueing its contribution: eight new slots and a body of 256 bytes, at the EVM's prices. */
export const OPEN_SUBJECT = 250_000n;
/**
 * Per record at approval: 9 bytes of the body that the state will hold (1,800), and the work that validators do beside
 * the blocks. Cheaper than a slot of the EVM, so that 4,096 records fit into one transaction; the bytes behind it were
 * paid at the reveal.
 */
export const APPROVE_RECORD = 3_000n;
/** Per record at reveal: its length, hash and UTF-8 check, whose bytes `gasPerArtifactByte` pays for. */
export const REVEAL_RECORD = 200n;
/**
 * Training, by every validator and beside the blocks, so at a price below that of work inside one: per 2^20
 * multiplications of training and metric (about a millisecond of one core), per record (its reading, features and
 * cluster) and per KiB of pinned bytes. A training of the largest work costs half of what one transaction may.
 */
export const TRAINING_WORK = 64n;
export const TRAINING_RECORD = 50n;
export const TRAINING_KIB = 16n;
/** Checking that a validator holds its key: two pairings in JavaScript, some 32 ms (50 paid) where 30 Mgas are half a second. */
export const POSSESSION = 3_000_000n;
/**
 * The root of pinned snapshots, by every validator and beside the blocks: per KiB of pinned text, which is about 200
 * tokens and a millisecond of one core, at the price of training. 63 MiB cost a quarter of what one transaction may.
 */
export const ROOT_KIB = 64n;
