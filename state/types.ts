import type { ChainParams, Hex } from '../genesis/types.ts';

export type { Hex } from '../genesis/types.ts';

/**
 * Two kinds of failure (B2), and a third answer (B1).
 * - `Revert`: of the protocol, from declared limits: gives a receipt with status 0.
 * - `Fault`: of this machine (worker crash, memory, disk, any unexpected exception): never a receipt.
 * - `Unavailable`: bytes, a parent or a worker are not here yet: the block is unknown, neither valid nor invalid.
 */
export class Fault extends Error {
  readonly code = 'FAULT';
  override name = 'Fault';
}
export class Unavailable extends Error {
  readonly code = 'UNAVAILABLE';
  override name = 'Unavailable';
  /** What is missing, so that the node can go and get it. */
  readonly missing: Missing;
  constructor(missing: Missing) {
    super(`not available yet: ${missing.kind}`);
    this.missing = missing;
  }
}
export type Missing =
  | { kind: 'artifact'; root: Hex }
  | { kind: 'parent'; hash: Hex }
  | { kind: 'attribution'; requestId: Hex };

/** Header of a Prague/Osaka Ethereum block; see docs/protocol.md for what the fields carry here. */
export interface BlockHeader {
  parentHash: Hex;
  ommersHash: Hex;
  /** Recipient of the proposer of (number, originRound). */
  coinbase: Hex;
  stateRoot: Hex;
  transactionsRoot: Hex;
  receiptsRoot: Hex;
  logsBloom: Hex;
  difficulty: 0n;
  number: number;
  gasLimit: bigint;
  gasUsed: bigint;
  /** Seconds; floor(timestampMs / 1000). */
  timestamp: number;
  /** keccak of the RLP of set(H+1) (A6). */
  extraData: Hex;
  /** keccak(prevRandao(H-1) || reveal) (A3). */
  prevRandao: Hex;
  nonce: Hex;
  baseFeePerGas: bigint;
  withdrawalsRoot: Hex;
  blobGasUsed: 0n;
  excessBlobGas: 0n;
  /** keccak of the RLP of lastCommit, zero in block 1 (A2). */
  parentBeaconBlockRoot: Hex;
  /** EIP-7685 hash over the one origin request (originRound, timestampMs). */
  requestsHash: Hex;
}

export interface LastCommit {
  round: number;
  bitmap: Uint8Array;
  signature: Uint8Array;
}

/** What a proposer decides; the header follows from it and from the parent's state. */
export interface BlockOrigin {
  originRound: number;
  timestampMs: number;
  /** Origin proposer's BLS signature over (domain, genesis hash, H), 96 bytes. */
  reveal: Uint8Array;
  /** For block H-1 as the proposer chose it; null in block 1. */
  lastCommit: LastCommit | null;
}

export interface Block extends BlockOrigin {
  hash: Hex;
  header: BlockHeader;
  /** Encoded transactions: legacy RLP or type || payload. */
  transactions: Uint8Array[];
}

export interface Log {
  address: Hex;
  topics: Hex[];
  data: Uint8Array;
}

export interface Receipt {
  type: number;
  status: 0 | 1;
  cumulativeGasUsed: bigint;
  gasUsed: bigint;
  effectiveGasPrice: bigint;
  logs: Log[];
  logsBloom: Uint8Array;
  contractAddress: Hex | null;
  /** ABI-encoded error when status is 0 (empty if none). Not part of the receipts root. */
  revertData: Uint8Array;
  transactionHash: Hex;
  from: Hex;
  to: Hex | null;
}

/** One validator as the state knows it; priorities live in state (A6). */
export interface ValidatorRecord {
  address: Hex;
  blsPublicKey: Hex;
  power: bigint;
  recipient: Hex;
  priority: bigint;
}

export interface Head {
  number: number;
  hash: Hex;
  stateRoot: Hex;
  timestamp: number;
  timestampMs: number;
  /** set(number + 1) and set(number + 2). */
  nextValidators: ValidatorRecord[];
  afterNextValidators: ValidatorRecord[];
}

export interface BuildInput {
  parentHash: Hex;
  origin: BlockOrigin;
  /** Validated candidates in order; those that no longer fit are skipped, not failed. */
  candidates: Iterable<PooledTransaction>;
  /** Evidence or other system transactions, first in the block. */
  system?: Uint8Array[];
}

export interface BuiltBlock {
  block: Block;
  bytes: Uint8Array;
  /** Hashes of candidates that can never be included after this parent (nonce too low, no funds ...). */
  dropped: { hash: Hex; reason: string }[];
}

export type CheckAnswer =
  | { answer: 'valid'; block: Block }
  | { answer: 'invalid'; code: string; detail: string }
  | { answer: 'unknown'; missing: Missing };

export interface CommittedBlock {
  block: Block;
  receipts: Receipt[];
  head: Head;
}

/** A decoded transaction whose sender has been recovered once (DESIGN: at admission). */
export interface PooledTransaction {
  hash: Hex;
  raw: Uint8Array;
  type: number;
  from: Hex;
  to: Hex | null;
  nonce: bigint;
  value: bigint;
  gasLimit: bigint;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
  data: Uint8Array;
  chainId: bigint | null;
  accessList?: { address: Hex; storageKeys: Hex[] }[];
  authorizationList?: { chainId: bigint; address: Hex; nonce: bigint; yParity: number; r: bigint; s: bigint }[];
  /** Native types: module type is `type`, this is the operation and its RLP fields. */
  native?: { op: number; fields: NativeField[] };
  v: bigint;
  r: bigint;
  s: bigint;
}
export type NativeField = Uint8Array | NativeField[];

/** Where in the chain's history a read looks. */
export type BlockNumber = number;

export interface AccountView {
  nonce: bigint;
  balance: bigint;
  storageRoot: Hex;
  codeHash: Hex;
}

/** Synchronous read access to one state (a committed block's, or an overlay's). */
export interface StateView {
  account(address: Hex): AccountView | undefined;
  /** 32 bytes, zero when unset. */
  storage(address: Hex, slot: Uint8Array): Uint8Array;
  code(address: Hex): Uint8Array;
  /** Body of a record whose keccak is `hash`. */
  body(hash: Hex): Uint8Array | undefined;
}

export interface AccountProof {
  address: Hex;
  account: AccountView | undefined;
  accountProof: Uint8Array[];
  storageProof: { key: Hex; value: bigint; proof: Uint8Array[] }[];
}

/** Everything a reader (RPC, sync, explorer) asks of a database that the executor writes. */
export interface ChainReader {
  readonly params: ChainParams;
  readonly genesisHash: Hex;
  head(): Head;
  /** Oldest block whose state can still be read. */
  oldestState(): number;
  blockByNumber(number: number): Block | undefined;
  blockByHash(hash: Hex): Block | undefined;
  blockBytes(number: number): Uint8Array | undefined;
  /** Encoded commit certificate kept for sync. */
  certificate(number: number): Uint8Array | undefined;
  receipts(number: number): Receipt[] | undefined;
  transactionLocation(hash: Hex): { number: number; index: number } | undefined;
  /** State after block `number`; throws `StateNotAvailable` beyond the retention. */
  stateAt(number: number): StateView;
  proof(address: Hex, slots: Hex[], number: number): AccountProof;
  /** All accounts of the head, in key order; bounded pages. */
  accounts(after: Hex | undefined, limit: number): { address: Hex; account: AccountView }[];
}

export class StateNotAvailable extends Error {
  override name = 'StateNotAvailable';
  readonly code = 'STATE_NOT_AVAILABLE';
}

/** One accepted piece of a DataNet's sequence, as attribution needs it. */
export interface SequenceEntry {
  contributionId: Hex;
  dataNetId: number;
  contributor: Hex;
  /** Order key of the commit: chain-wide sequence number of commits. */
  commitSequence: number;
  artifactRoot: Hex;
  recordCount: number;
  /** Bit i (LSB first in byte i>>3) set: record i was accepted. */
  accepted: Uint8Array;
}

export interface SnapshotPin {
  dataNetId: number;
  /** Number of accepted contributions. */
  length: number;
  /** Hash of that history: keccak chain over the entries. */
  historyHash: Hex;
}

export interface AttributionJob {
  requestHash: Hex;
  version: 1;
  snapshots: SnapshotPin[];
  /** The pinned entries, read from the state that is being executed. */
  sequence: () => SequenceEntry[];
  prompt: Uint8Array;
  output: Uint8Array;
  /** Contributors that earn nothing here (C3). */
  ineligible: Hex[];
}

export interface AttributionOutcome {
  /** keccak of the canonical attribution record. */
  recordHash: Hex;
  /** The canonical attribution record: a body in state. */
  record: Uint8Array;
  outputTokens: number;
  /** Parts per 10^9 of the data pool; with `uncovered` they sum to 10^9. */
  credits: { contributor: Hex; parts: number }[];
  uncovered: number;
}

/** Ports that execution may wait for. Each may throw `Unavailable` or `Fault`; results are pure functions of the arguments. */
export interface ExecutionPorts {
  attribute(job: AttributionJob): Promise<AttributionOutcome>;
  /** Facts about the bytes behind an artifact root. Throws `Unavailable` while this node does not hold them. */
  artifact(root: Hex): Promise<ArtifactInfo>;
}

export interface ArtifactInfo {
  root: Hex;
  /** Sum of leaf sizes in bytes. */
  size: number;
  leafCount: number;
  largestLeaf: number;
  smallestLeaf: number;
  /** All leaves are valid UTF-8. */
  utf8: boolean;
  /** SHA-256 of each leaf (plain, for exact duplicates). */
  leafHashes: Uint8Array[];
}
