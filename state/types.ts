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
  | { kind: 'attribution'; requestId: Hex }
  /** A version of a model that the chain trains itself; this node has to train it, too. */
  | { kind: 'model'; modelId: number; version: number };

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
  /** 0 here; other values come only with blocks of Ethereum that were imported. */
  difficulty: bigint;
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
  /** Both 0: there are no blobs. */
  blobGasUsed: bigint;
  excessBlobGas: bigint;
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

/** What moved value, or made or ended a contract, inside a transaction. */
export interface InternalOperation {
  type: 'CALL' | 'SELFDESTRUCT' | 'CREATE' | 'CREATE2';
  from: Hex;
  to: Hex;
  value: bigint;
}
/** What happened in a transaction below its outermost call. */
export interface Inside {
  /** In the order in which they began; what was reverted is not among them. Transfers of modules are calls here. */
  readonly operations: readonly InternalOperation[];
  /** Other accounts that were called, each once, also in calls that were reverted. No precompiles. */
  readonly called: readonly Hex[];
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
  /** State root in place of the status: receipts of Ethereum before Byzantium that were imported, never ours. */
  postState?: Hex;
  /** Not part of the receipts root. Absent in blocks that were executed before nodes kept it, or elsewhere. */
  inside?: Inside;
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
  /** Evidence, first in the block. */
  system?: Uint8Array[];
  /** Transactions of type 0x54, behind the evidence; objects of one DataNet in the order of approval. */
  attestations?: readonly Uint8Array[];
  /** Asked before each candidate: true ends the block with what it has. Decides what is proposed, never what is valid. */
  stop?: () => boolean;
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
  authorizationList?: {
    chainId: bigint;
    address: Hex;
    nonce: bigint;
    yParity: number;
    r: bigint;
    s: bigint;
  }[];
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

/** Where in a block a name occurs. */
export interface Posting {
  readonly block: number;
  /** Numbers of transactions in the block, or of logs; ascending. */
  readonly positions: readonly number[];
}

/** The indexes of history (state/indexes/postings.ts, `LIST`). */
export interface PostingReader {
  /** First block whose postings are here; the one behind the head if none are. */
  oldest(): number;
  /** First block that can have postings: of those before, something that answers need was forgotten. */
  first(): number;
  /** Postings of a name in the blocks `from` to `to`, by block. */
  range(
    list: number,
    name: Hex,
    from: number,
    to: number,
    options: { readonly limit: number; readonly newestFirst?: boolean },
  ): Promise<Posting[]>;
  /** Positions in one block; undefined if the name does not occur there. */
  at(list: number, name: Hex, block: number): readonly number[] | undefined;
  /** The newest creation of a contract in the blocks up to `to`. */
  creation(
    address: Hex,
    to: number,
  ): Promise<{ readonly block: number; readonly transaction: number; readonly creator: Hex } | undefined>;
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
  /** First block whose receipts are kept. */
  oldestReceipts(): number;
  readonly postings: PostingReader;
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

/** Asked for more steps than one answer can hold. */
export class TraceTooLarge extends Error {
  override name = 'TraceTooLarge';
  readonly code = 'TRACE_TOO_LARGE';
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

/** An entry as the engine of a job needs it. */
export interface PinnedEntry extends SequenceEntry {
  /** For retrieval: of each record the order key of its cluster's founder as attested, 8 bytes; 0 if refused. */
  founders?: Uint8Array;
}

export interface SnapshotPin {
  dataNetId: number;
  /** Number of accepted contributions. */
  length: number;
  /** Hash of that history: keccak chain over the entries. */
  historyHash: Hex;
}

/** Rules by which answers of external models are attributed: docs/attribution.md and docs/retrieval.md. */
export type AttributionEngine = 'token' | 'retrieval';
/** The same, and how answers of models that the chain trained are: docs/influence.md. */
export type ModelEngine = AttributionEngine | 'influence';

export interface AttributionJob {
  requestHash: Hex;
  engine: AttributionEngine;
  /** Version of that engine's rule. */
  version: number;
  snapshots: SnapshotPin[];
  /** The pinned entries, read from the state that is being executed. */
  sequence: () => PinnedEntry[];
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

/** One version of a model that the chain trained: what it was trained from, and what validators attested. */
export interface TrainedVersion {
  modelId: number;
  version: number;
  /** Attested (TrainingObject): keccak of the trained parameters, and of the metric of its solver. */
  modelHash: Hex;
  metricHash: Hex;
  /** Canonical bytes of the TrainingSpec. */
  spec: Uint8Array;
  snapshots: SnapshotPin[];
  /** The pinned entries in the order of pins, then of approval, read from the state that is being executed. */
  sequence: () => SequenceEntry[];
}

/** One question to a model that every validator runs. The answer is a function of this and of nothing else. */
export interface InferenceJob extends TrainedVersion {
  requestHash: Hex;
  /** What an adapter was trained on; undefined for a base. */
  base: TrainedVersion | undefined;
  prompt: Uint8Array;
  /** Contributors that earn nothing here. */
  ineligible: Hex[];
}

export type InferenceOutcome =
  | {
      kind: 'answered';
      /** The answer, UTF-8: a label. */
      output: Uint8Array;
      /** The canonical attribution record (InfluenceRecord): a body in state. */
      record: Uint8Array;
      /** keccak of the record. */
      recordHash: Hex;
      /** Parts per 10^9 of the data pool; with `uncovered` they sum to 10^9. */
      credits: { contributor: Hex; parts: number }[];
      uncovered: number;
    }
  /** The prompt is no sample of this model, e.g. not as many numbers as it has; `reason` is part of the protocol. */
  | { kind: 'refused'; reason: string };

/** Ports that execution may wait for. Each may throw `Unavailable` or `Fault`; results are pure functions of the arguments. */
export interface ExecutionPorts {
  attribute(job: AttributionJob): Promise<AttributionOutcome>;
  /** Answer and attribution of a model that the chain trained. Throws `Unavailable` while it is not trained here. */
  infer(job: InferenceJob): Promise<InferenceOutcome>;
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

/** What block validity needs of BLS12-381 (the validator's `BlsVerifier` fits). Bad input gives `false`. */
export interface BlsPort {
  verify(message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean;
  /** One aggregate signature over one message by all the keys. */
  fastAggregateVerify(message: Uint8Array, publicKeys: readonly Uint8Array[], signature: Uint8Array): boolean;
}

export interface OpenChainOptions {
  dir: string;
  genesis: import('../genesis/types.ts').Genesis;
  ports: ExecutionPorts;
  bls: BlsPort;
  /** How many states before the head stay readable; 0 keeps all. Default `LIMITS.defaultRetention`. */
  retention?: number;
}

/** The executor: the only writer of the database. Calls are served one at a time, in order. `openChain` in chain.ts. */
export interface Chain {
  head(): Head;
  /** Builds a child of the head. The result is kept as checked, so that checking it again costs nothing. */
  build(input: BuildInput): Promise<BuiltBlock>;
  /**
   * Valid, invalid or not decidable yet (B1). Only children of the head can be checked; others answer `unknown`
   * with their parent. Throws `Fault` if this machine failed twice (B2).
   */
  check(bytes: Uint8Array): Promise<CheckAnswer>;
  /**
   * Makes a checked block the head: one durable batch, then the head changes. `certificate` is stored as given.
   * Throws `ChainError` UNKNOWN_BLOCK if the block was not checked as a child of the present head.
   */
  commit(hash: Hex, certificate: Uint8Array): Promise<CommittedBlock>;
  /** Spares `check` the signature recovery of transactions that were decoded elsewhere. Bounded; a hint only. */
  prime(transactions: Iterable<PooledTransaction>): void;
  readonly reader: ChainReader & { close(): Promise<void> };
  close(): Promise<void>;
}

/** A message that is executed on a state that is thrown away (`eth_call`, `eth_estimateGas`). */
export interface CallRequest {
  from?: Hex;
  /** Absent or null: contract creation. */
  to?: Hex | null;
  data?: Uint8Array;
  value?: bigint;
  /** Default and maximum: `LIMITS.callGasCap`. */
  gas?: bigint;
  gasPrice?: bigint;
  maxFeePerGas?: bigint;
  maxPriorityFeePerGas?: bigint;
  nonce?: bigint;
  accessList?: { address: Hex; storageKeys: Hex[] }[];
  authorizationList?: PooledTransaction['authorizationList'];
  /** Native door: `to` and `data` follow from it. */
  native?: { type: number; op: number; fields: NativeField[] };
}

/** Changes of accounts for one call, by address. `state` replaces the storage, `stateDiff` changes slots. */
export type StateOverrides = Record<Hex, AccountOverride>;
export interface AccountOverride {
  balance?: bigint;
  nonce?: bigint;
  code?: Uint8Array;
  state?: Record<Hex, Hex>;
  stateDiff?: Record<Hex, Hex>;
  /** The precompile of this address answers there instead. */
  movePrecompileTo?: Hex;
}
/** Changes of the block context for one call. */
export interface BlockOverrides {
  number?: number;
  timestamp?: number;
  gasLimit?: bigint;
  coinbase?: Hex;
  prevRandao?: Hex;
  baseFeePerGas?: bigint;
  blobBaseFee?: bigint;
}

export type CallErrorKind =
  | 'revert'
  | 'out of gas'
  | 'invalid opcode'
  | 'insufficient funds'
  | 'gas too low'
  | 'other';
export interface CallError {
  kind: CallErrorKind;
  message: string;
  /** Revert data; empty otherwise. */
  data: Uint8Array;
}
export interface CallResult {
  returnData: Uint8Array;
  gasUsed: bigint;
  logs: Log[];
  error?: CallError;
}
export type EstimateResult = { gas: bigint } | { error: CallError };

/** One frame of a traced transaction, as geth's callTracer has it. */
export interface CallFrame {
  type: 'CALL' | 'STATICCALL' | 'DELEGATECALL' | 'CALLCODE' | 'CREATE' | 'CREATE2' | 'SELFDESTRUCT';
  from: Hex;
  to: Hex | null;
  value: bigint;
  gas: bigint;
  gasUsed: bigint;
  input: Uint8Array;
  output: Uint8Array;
  error?: string;
  /** `position`: how many calls the frame had made before. */
  logs: (Log & { position: number })[];
  calls: CallFrame[];
}
export interface StructLog {
  pc: number;
  op: string;
  /** Numbers: a trace has 200,000 steps, and a bigint is an object of its own. Gas stays far below 2^53. */
  gas: number;
  gasCost: number;
  depth: number;
  /** Refund counter before the step. */
  refund: number;
  stack?: bigint[];
  memory?: Uint8Array;
  returnData?: Uint8Array;
  /** After the step, all slots of the contract that were touched so far: only at SLOAD and SSTORE. */
  storage?: Record<Hex, Hex>;
}
/** What a trace holds. */
export interface TraceOptions {
  /** Every step (or the first `limit`), with these parts. */
  steps?: { stack: boolean; memory: boolean; storage: boolean; returnData: boolean; limit?: number };
  /** Logs where they were emitted, and self-destructions, as parts of the frames. */
  details?: boolean;
  /** Accounts and slots that were touched, before and after. */
  state?: boolean;
}
export interface AccountState {
  balance: bigint;
  nonce: bigint;
  code: Uint8Array;
  /** Touched slots. */
  storage: Record<Hex, Hex>;
}
/** By address; null where there is no account. */
export interface StateChange {
  before: Record<Hex, AccountState | null>;
  after: Record<Hex, AccountState | null>;
}
export interface TransactionTrace {
  receipt: Receipt;
  returnData: Uint8Array;
  frame: CallFrame;
  /** Present if `steps` were asked for. */
  steps?: StructLog[];
  /** Present if `state` was asked for. */
  change?: StateChange;
}

export interface CallTrace {
  result: CallResult;
  /** Whether execution began at all. */
  ran: boolean;
  frame: CallFrame;
  steps?: StructLog[];
  change?: StateChange;
}

/** `createCaller(reader, { ports? })` in call.ts. One instance serves one call at a time (calls queue). */
export interface Caller {
  /** On the state after `number`. Module views answer too. Throws `StateNotAvailable`. */
  call(
    request: CallRequest,
    number: BlockNumber,
    overrides?: StateOverrides,
    blockOverrides?: BlockOverrides,
  ): Promise<CallResult>;
  /** Least gas limit with which the request succeeds (both doors, 7702 included). */
  estimateGas(
    request: CallRequest,
    number: BlockNumber,
    overrides?: StateOverrides,
    blockOverrides?: BlockOverrides,
  ): Promise<EstimateResult>;
  /** Addresses and slots that the call touches (`eth_createAccessList`). */
  createAccessList(
    request: CallRequest,
    number: BlockNumber,
    overrides?: StateOverrides,
  ): Promise<{
    accessList: { address: Hex; storageKeys: Hex[] }[];
    gasUsed: bigint;
    error?: CallError;
  }>;
  /** Calls in blocks of their own behind `number`. Throws `SimulationError`, `OverrideError`. */
  simulate(simulation: Simulation, number: BlockNumber): Promise<SimulatedBlock[]>;
  traceCall(
    request: CallRequest,
    number: BlockNumber,
    options?: TraceOptions & { overrides?: StateOverrides; blockOverrides?: BlockOverrides },
  ): Promise<CallTrace>;
  /** Executes block `number` again on its parent's state. `index`: only this transaction's trace. */
  traceBlock(number: BlockNumber, options?: TraceOptions & { index?: number }): Promise<TransactionTrace[]>;
}

/** One block of a simulation. */
export interface SimulationBlock {
  readonly overrides: BlockOverrides;
  readonly stateOverrides?: StateOverrides;
  readonly calls: readonly CallRequest[];
}
export interface Simulation {
  readonly blocks: readonly SimulationBlock[];
  /** Nonces and fees must be right, as in a block of the chain. */
  readonly validation: boolean;
  /** Moved value shows as a log of 0xeeee...eeee (ERC-7528). */
  readonly traceTransfers: boolean;
}
export interface SimulatedCall {
  returnData: Uint8Array;
  gasUsed: bigint;
  /** Gas that was used before refunds. */
  maxUsedGas: bigint;
  /** With their indexes in the block. */
  logs: { log: Log; index: number }[];
  error?: CallError;
}
export interface SimulatedBlock {
  block: Pick<Block, 'hash' | 'header' | 'timestampMs' | 'transactions'>;
  /** Bytes of the block's encoding. */
  size: number;
  /** Without signatures. */
  transactions: PooledTransaction[];
  calls: SimulatedCall[];
}

/** Errors of opening and using a chain that a person may see. */
export class ChainError extends Error {
  override name = 'ChainError';
  readonly code: ChainErrorCode;
  constructor(code: ChainErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
export type ChainErrorCode =
  /** Another process holds the data directory. */
  | 'DATA_DIR_IN_USE'
  /** The data directory belongs to a chain with another genesis. */
  | 'WRONG_CHAIN'
  /** Opened for reading before a chain was created there. */
  | 'NOT_INITIALISED'
  | 'BAD_GENESIS'
  | 'UNKNOWN_BLOCK'
  /** What is stored is not what was written. */
  | 'DATABASE_DAMAGED'
  /** No permission, or not a folder. */
  | 'DATA_DIR_UNUSABLE'
  | 'DISK_FULL'
  /** Going back further than the states that are kept. */
  | 'TOO_FAR_BACK'
  | 'CLOSED';
