/**
 * The default parameters of a chain, each with its reason. A genesis file always spells all of them out: a default
 * that changed in a later version must never change a chain that exists.
 */
import type { ChainParams, Hex } from './types.ts';

/** One OPEN, the coin of the chain, in wei. */
export const OPEN = 1_000_000_000_000_000_000n;
const GWEI = 1_000_000_000n;

/** Default: the ASCII letters "OL" (0x4f4c). Not in the public list of EVM chain ids when it was chosen. */
export const DEFAULT_CHAIN_ID = 20_300;

/** An address nobody holds a key of, in the family of the module addresses, so that it is recognised on sight. */
export const DEFAULT_TREASURY: Hex = '0x4f4c00000000000000000000000000000000ffff';

export const DEFAULT_PARAMS: ChainParams = {
  chainId: DEFAULT_CHAIN_ID,
  consensus: {
    // Ten blocks a second at most: finality then waits for agreement, not for the clock.
    minBlockIntervalMs: 100,
    // An idle chain still moves, so that clients see it alive and expiries pass; 17,280 empty blocks a day.
    heartbeatMs: 5_000,
    // Precommits of the slower third arrive within tens of milliseconds of the quorum; waiting longer costs finality.
    commitWaitMs: 25,
    // A proposer that has not seen the transaction yet needs one or two gossip hops before it is blamed.
    gossipGraceMs: 500,
    // Building and executing a full block takes up to 500 ms on the slowest supported machine; twice that.
    proposeTimeoutMs: 1_000,
    // One gossip hop plus the check of an aggregate, with room for a garbage collection.
    prevoteTimeoutMs: 500,
    precommitTimeoutMs: 500,
    // Rounds lengthen until the slowest link fits: after ten rounds six seconds.
    timeoutDeltaMs: 500,
    // NTP keeps clocks within tens of milliseconds; ten times that.
    precisionMs: 500,
    // Largest delay at which a proposal of round 0 still counts as timely; covers a hop around the world and a pause.
    messageDelayMs: 2_000,
    // Blocks. At ten a second this is 2.8 hours at full load and 5.8 days when idle.
    evidenceMaxAgeBlocks: 100_000,
    // A7 asks for at least 1,000.
    downtimeWindowBlocks: 1_000,
  },
  block: {
    // 30 Mgas is what wallets and contracts of Ethereum expect; half a second of the slowest operation bounds it (B3).
    gasLimit: 30_000_000n,
    // At most 100 ms of one core on the worst inputs known (npm run bench attribution). The largest settlement has 37,888
    // units; one of up to 256 tokens under 20,000, so three fit into one block.
    attributionUnits: 65_536,
    // A settlement carries at most 16 KiB, a transaction 128 KiB; 30 Mgas of calldata at 10 gas a byte is 3 MB.
    maxBytes: 4_000_000,
    // What Ethereum started with.
    initialBaseFeePerGas: GWEI,
    // Keeps an idle chain from pricing spam at zero: a transfer costs at least 21,000 * 10^-2 gwei.
    minBaseFeePerGas: GWEI / 100n,
  },
  staking: {
    // One unit of voting power a bonded coin keeps powers small integers.
    powerUnit: OPEN,
    // Aggregated certificates stay one signature; the proposer rotation and set hash are linear in this.
    maxValidators: 100,
    // Equivocation is an attack and costs what other Tendermint chains take: five per cent.
    equivocationSlashBps: 500,
  },
  attestation: {
    // One block in which everybody sees the quorum, one in which whoever has just come back can finish its own copy.
    activationBlocks: 2,
    // 17 minutes at full speed, 14 hours when idle: a third of the power that is silent for so long is gone, and what
    // waits behind the subject must not wait for ever.
    expiryBlocks: 10_000,
    // Each costs every validator one check of a signature, about a millisecond: 64 stay well under the time of a block.
    maxPerBlock: 64,
    // Bounds what a node holds and computes: 256 objects of at most 128 KiB are 32 MiB.
    maxOpen: 256,
  },
  contribution: {
    // A book is about 1 MiB; larger collections are several contributions.
    maxBytes: 5 * 1024 * 1024,
    // One record is compared and credited as a whole, so it must fit a worker's memory many times over.
    maxRecordBytes: 1024 * 1024,
    // What validators attest about a contribution is 8 bytes and a bit a record: 33 KiB, and fits a transaction.
    maxRecords: 4_096,
    // Enough for a title, a source and a licence note.
    maxMetadataBytes: 4_096,
    // D2. At least one minute at full speed, 50 minutes when idle: time to upload 5 MiB over a slow line.
    revealWindowBlocks: 600,
    // Holding places in the order costs a coin each until revealed.
    commitDeposit: OPEN,
    // Storage is paid: 5 MiB cost 10.5 Mgas, a third of a block, and fit the 16.8 Mgas of one transaction (EIP-7825).
    gasPerArtifactByte: 2n,
  },
  attribution: {
    // Its bar keeps squatters and thieves below what docs/attribution/credit.md promises, and its frequencies are those of
    // the oldest records, which no later copy moves.
    version: 3,
    // Three common words occur everywhere; four words that carry 32 bits name their source (measured on Brown).
    lmin: 4,
    // Who has 16 tokens in this order has the source: a longer match says no more, and the work of validators stays
    // proportional to an answer's length.
    lmax: 16,
    sminQ16: 32 << 16,
    // A word seen once in 2^12 tokens already says all that is paid for; rarer ones do not earn more.
    wmaxQ16: 12 << 16,
    // About 400 words: an answer, not a book. Bounds the work of every validator.
    maxOutputTokens: 512,
    maxOutputBytes: 16 * 1024,
    maxPromptBytes: 4 * 1024,
    // C3: a squatter's best record takes at most a tenth of a pool, a colluding contributor at most half.
    recordCapPermille: 100,
    contributorCapPermille: 500,
    // An operator who pays himself through friends, however many, loses the platform's tenth of the fee and two fifths of
    // the data pool's half: 30 % a loop (docs/attribution/credit.md, section 4).
    coverageCapPermille: 600,
    // A settlement writes at most this many accounts.
    maxContributors: 64,
    commons: [],
  },
  retrieval: {
    version: 1,
    // The bundled `english-v1`: 1,024 numbers a record, trained on the Brown corpus by steps that can be replayed.
    encoderHash: '0xd3904378d60d46e5c05083a9b3d424d8a5ecd809aaf50c30ea8cd7820261a952',
    // 64 MiB of vectors, which a scan reads in some 10 ms: a quarter of a block's attribution units, as the longest
    // quoting answer takes.
    maxRecords: 65_536,
    // More passages than a prompt holds; each costs 12 bytes in state for ever.
    maxCitations: 16,
    // 1.7 % of unrelated passages reach it, 90 % of queries of six words reach their own (docs/attribution/retrieval.md).
    thresholdPermille: 250,
    // C3, as in token attribution: one record is not an answer, one contributor not all of it, and an operator who
    // pays himself through friends, however many, loses the platform's tenth and two fifths of the data pool's half.
    recordCapPermille: 100,
    contributorCapPermille: 500,
    coverageCapPermille: 600,
  },
  inference: {
    // Half goes to the people whose words were used; the rest pays for the platform, the model and its stakers.
    platformBps: 1_000,
    modelBps: 2_000,
    stakersBps: 2_000,
    dataBps: 5_000,
    // One minute at full speed, 50 minutes when idle: an operator that has not answered by then will not.
    expiryBlocks: 600,
    // A cheat must have something to lose before the first request.
    minOperatorBond: 100n * OPEN,
    // A wrong vector must cost more than it can gain over several undetected tries; there are none, so ten is ample.
    slashFeeMultiple: 10n,
    // C3: time to notice a theft before it is paid out. Ten thousand blocks are 17 minutes to 14 hours.
    vestingBlocks: 10_000,
    // Bounds the work of indexing and of loading a request's pinned record.
    maxSnapshotsPerModel: 16,
  },
  runtime: {
    // onnxruntime-web 1.30.0. Other versions give other bits (measured: docs/runtime.md, §1), so all nodes run this one.
    onnxWasmSha256: '0x3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2',
    onnxGlueSha256: '0xe13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b',
  },
  treasury: DEFAULT_TREASURY,
};

/** What differs on a development network: a person is watching, so that waiting times are short. */
export const DEVNET_PARAMS: ChainParams = {
  ...DEFAULT_PARAMS,
  inference: {
    ...DEFAULT_PARAMS.inference,
    // Rewards can be claimed while one looks: eight blocks are 40 s when idle and about a second under load.
    vestingBlocks: 8,
  },
};
