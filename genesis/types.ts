/**
 * The constitution of a chain: what the genesis file says. Everything here is hashed into block 0 and never
 * changes without a rule that changes it.
 */

/** 0x-prefixed lower-case hexadecimal bytes. Addresses are 20 bytes, hashes 32. */
export type Hex = `0x${string}`;

export interface GenesisAccount {
  /** Wei, decimal or 0x-hex in the file. */
  balance: bigint;
  nonce?: bigint;
  code?: Hex;
  /** Slot to value, 32 bytes each. */
  storage?: Record<Hex, Hex>;
}

export interface GenesisValidator {
  /** Operator's account: bonds come from and return to it. */
  address: Hex;
  /** Compressed BLS12-381 G1 key, 48 bytes. */
  blsPublicKey: Hex;
  /**
   * Proof of possession, 96 bytes, binds the operator's address (A9). The genesis hash does not exist yet when a
   * founding validator signs, so its place in the signed bytes is taken by the chain id as 32 bytes big-endian.
   */
  proofOfPossession: Hex;
  /** Wei bonded. Voting power is bond / `staking.powerUnit`. */
  bond: bigint;
  /** Receives the tips of the blocks that this validator proposes. */
  recipient: Hex;
}

export interface ConsensusParams {
  /** Blocks are at least this far apart. */
  minBlockIntervalMs: number;
  /** An empty block is made when the chain has been idle this long. */
  heartbeatMs: number;
  /** Waiting for the last precommits before proposing the next block (A7). */
  commitWaitMs: number;
  /** How long a transaction is held before round 0's timeout starts (A8). */
  gossipGraceMs: number;
  proposeTimeoutMs: number;
  prevoteTimeoutMs: number;
  precommitTimeoutMs: number;
  /** Added to each timeout per round. */
  timeoutDeltaMs: number;
  /** Proposer-based timestamps (A5): accepted clock error and message delay. */
  precisionMs: number;
  messageDelayMs: number;
  /** Evidence older than this many blocks is refused. */
  evidenceMaxAgeBlocks: number;
  /** Downtime window in blocks (A7). */
  downtimeWindowBlocks: number;
}

export interface BlockParams {
  gasLimit: bigint;
  /** Largest sum of the attribution units (attribution-units.ts) of the settlements in one block. */
  attributionUnits: number;
  /** Bytes of an encoded block. */
  maxBytes: number;
  initialBaseFeePerGas: bigint;
  minBaseFeePerGas: bigint;
}

export interface StakingParams {
  powerUnit: bigint;
  maxValidators: number;
  /** Part of the bond taken for equivocation, basis points. */
  equivocationSlashBps: number;
}

export interface AttestationParams {
  /** Blocks from the one in which a root reaches more than two thirds to the first that may carry its object. */
  activationBlocks: number;
  /** Blocks after which a subject that is not done is frozen. */
  expiryBlocks: number;
  /** Transactions of type 0x54 in one block. */
  maxPerBlock: number;
  /** Subjects that are open or attested at the same time. */
  maxOpen: number;
}

export interface ContributionParams {
  maxBytes: number;
  maxRecordBytes: number;
  maxRecords: number;
  maxMetadataBytes: number;
  /** Blocks between commit and reveal (D2). */
  revealWindowBlocks: number;
  commitDeposit: bigint;
  /** Gas per byte of an artifact that a reveal makes the chain responsible for. */
  gasPerArtifactByte: bigint;
}

export interface AttributionParams {
  /** Version of the attribution rule, written into every request. */
  version: 1 | 2 | 3;
  /** Window length in tokens. */
  lmin: number;
  /** Tokens of the longest match that is compared. */
  lmax: number;
  /** Least total surprisal of a window, 2^-16 bit. */
  sminQ16: number;
  /** Largest weight of one token, 2^-16 bit. */
  wmaxQ16: number;
  maxOutputTokens: number;
  maxOutputBytes: number;
  maxPromptBytes: number;
  /** C3: part of a data pool one record can earn, per mille. */
  recordCapPermille: number;
  /** C3: part of a data pool one contributor can earn from an external model, per mille. */
  contributorCapPermille: number;
  /** D3: part of a data pool all contributors together can earn from an external model, per mille. */
  coverageCapPermille: number;
  maxContributors: number;
  /** DataNets whose passages credit nobody. */
  commons: number[];
}

/** Retrieval attribution (docs/retrieval.md). */
export interface RetrievalParams {
  /** Version of the rule, written into every request of a model that uses it. */
  version: 1;
  /** keccak-256 of the file of the sentence encoder that turns texts into vectors. */
  encoderHash: Hex;
  /** Records of all snapshots of one model that uses this engine. */
  maxRecords: number;
  /** Most records that one answer cites. */
  maxCitations: number;
  /** A record counts by what its score exceeds of this part of the query's product with itself, per mille. */
  thresholdPermille: number;
  /** C3: part of a data pool that one record, one contributor, and all of them together can earn, per mille. */
  recordCapPermille: number;
  contributorCapPermille: number;
  coverageCapPermille: number;
}

export interface InferenceParams {
  platformBps: number;
  modelBps: number;
  stakersBps: number;
  dataBps: number;
  /** Blocks after which an unanswered request can be expired and its escrow returned. */
  expiryBlocks: number;
  minOperatorBond: bigint;
  /** A wrong attribution costs the operator this many times the fee. */
  slashFeeMultiple: bigint;
  /** Rewards of contributors vest for this many blocks (C3). */
  vestingBlocks: number;
  maxSnapshotsPerModel: number;
}

/** Programs whose bytes results depend on (docs/runtime.md), each by its SHA-256. */
export interface RuntimeParams {
  /** `ort-wasm-simd-threaded.wasm` of onnxruntime-web. */
  onnxWasmSha256: Hex;
  /** `ort-wasm-simd-threaded.mjs`, the JavaScript that loads it. */
  onnxGlueSha256: Hex;
}

export interface ChainParams {
  chainId: number;
  consensus: ConsensusParams;
  block: BlockParams;
  staking: StakingParams;
  attestation: AttestationParams;
  contribution: ContributionParams;
  attribution: AttributionParams;
  retrieval: RetrievalParams;
  inference: InferenceParams;
  runtime: RuntimeParams;
  /** Receives the platform's share, uncovered parts of data pools, burnt deposits and slashes. */
  treasury: Hex;
}

export interface Genesis {
  params: ChainParams;
  /** Seconds. */
  timestamp: number;
  alloc: Record<Hex, GenesisAccount>;
  validators: GenesisValidator[];
}
