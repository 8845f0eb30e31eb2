/**
 * What crosses the border of the executor thread. The executor is the only writer of the database and the home of
 * the transaction pool; main asks it about blocks, the RPC thread about transactions.
 */

import type { MessagePort } from 'node:worker_threads';
import type { Genesis } from '../../genesis/types.ts';
import type { AttributionProofQuestion, PoolTransaction, RpcBackend } from '../../rpc/backend.ts';
import type {
  AttributionJob,
  AttributionOutcome,
  Head,
  Hex,
  InferenceJob,
  InferenceOutcome,
  SequenceEntry,
  TrainedVersion,
  ValidatorRecord,
} from '../../state/types.ts';
import type { LogFields, LogLevel } from '../log.ts';
import type { AddResult, Origin, PoolCounts } from '../mempool/index.ts';
import type { Tally } from '../metrics/tally.ts';
import type { CheckAnswer } from '../validator/ports.ts';

export interface ExecutorSettings {
  genesis: Genesis;
  /** Folder of the database. */
  chainDir: string;
  dataDir: string;
  /** File of acknowledged transactions; empty: none is kept. */
  journalFile: string;
  /** Blocks whose state stays readable; 0: all. */
  retention: number;
  /** Blocks whose bodies, receipts and index entries stay; 0: all. */
  keep?: { blocks: number; receipts: number; index: number };
  poolLifetimeMs: number;
  attributionWorkers: number;
  /** The RPC thread's end, if there is one. */
  rpcPort: MessagePort | null;
}

/** The head, and what goes with it at the same instant. */
export interface HeadReport {
  head: Head;
  hasTransactions: boolean;
}

export interface BuildCall {
  height: number;
  round: number;
  timestampMs: number;
  reveal: Uint8Array;
  lastCommit: { round: number; bitmap: Uint8Array; signature: Uint8Array } | null;
}

export interface BlockCall {
  blockHash: Hex;
  bytes: Uint8Array;
}

/** Answered by the executor for main. */
export interface ExecutorCalls {
  /** Resolves once the chain is open and the journal is read. */
  open(): Promise<HeadReport & { genesisHash: Hex }>;
  build(request: BuildCall): Promise<BlockCall>;
  check(block: BlockCall): Promise<CheckAnswer>;
  /** `syncingTo`: height of the best peer while this node catches up with it. */
  commit(block: BlockCall & { certificate: Uint8Array; syncingTo: number | null }): Promise<HeadReport>;
  /** Bytes and encoded certificate of a committed block. */
  getBlock(
    height: number,
  ): Promise<{ blockHash: Hex; bytes: Uint8Array; certificate: Uint8Array } | undefined>;
  /** The set that votes on a height; known from the first one that is stored up to the head's child. */
  validatorsAt(height: number): Promise<ValidatorRecord[] | undefined>;
  addEvidence(evidence: Uint8Array): Promise<void>;
  submit(batch: { raws: Uint8Array[]; origin: Origin }): Promise<AddResult[]>;
  /** From now on this node computes what subjects ask for, and `attest` tells what its key is to sign. */
  attestAs(validator: Hex): Promise<void>;
  /** These bytes are in the store now. */
  artifactArrived(root: Hex): Promise<void>;
  counts(): Promise<ExecutorCounts>;
  /** Closes pool, workers and database. The thread ends after the answer. */
  shutdown(): Promise<void>;
}

export interface ExecutorCounts extends PoolCounts {
  height: number;
  /** Transactions in the last block. */
  lastBlockTransactions: number;
  lastBlockBytes: number;
  totalTransactions: number;
  refused: number;
  /** Subjects that are open or attested, and attestations that wait for a block. */
  openSubjects: number;
  waitingAttestations: number;
  /** Seconds spent executing and storing the last block. */
  lastExecuteSeconds: number;
  lastCommitSeconds: number;
  /** Milliseconds of each execution of a block that was proposed or decided. */
  executeMs: Tally;
  /** Seconds that this thread has spent on signatures of validators. */
  blsSeconds: number;
}

export interface ExecutorEvents {
  log: { level: LogLevel; message: string; fields: LogFields };
  /** A block of which the answer may no longer be `unknown`. */
  ready: Hex;
  /** Whether something could be included now; told when it changes and after each head. */
  hasTransactions: boolean;
  /** An object is computed: the key is to sign its root, and the transaction comes back by `submit`. */
  attest: { subject: Hex; root: Hex };
  /** Frames of transactions for gossip. */
  broadcast: Uint8Array[];
  /** Artifacts that a block or a transaction waits for. */
  want: Hex[];
  /** This machine failed twice (B2): the node must stop with this message. */
  fault: { code: string; message: string };
}

/** Answered by the executor for the RPC thread. */
export interface ExecutorRpcCalls {
  /** Transactions of this node's users; an answer for each. */
  submit(raws: Uint8Array[]): Promise<AddResult[]>;
  pendingNonce(address: Hex): Promise<bigint | undefined>;
  poolStatus(): ReturnType<RpcBackend['poolStatus']>;
  poolContent(from: Hex | undefined): ReturnType<RpcBackend['poolContent']>;
  poolTransaction(hash: Hex): Promise<PoolTransaction | undefined>;
  /** Whether anybody listens to `pending`: without a listener the bytes are not copied over. */
  watchPending(on: boolean): void;
  previewAttribution(question: {
    requestId: Hex;
    output: Uint8Array;
  }): ReturnType<RpcBackend['previewAttribution']>;
  attributionDetails(requestId: Hex): ReturnType<RpcBackend['attributionDetails']>;
  attributionProof(question: AttributionProofQuestion): ReturnType<RpcBackend['attributionProof']>;
  /** For calls and estimates of settlements. */
  attribute(job: ClonedJob): Promise<AttributionOutcome>;
  /** The same of questions to trained models. */
  infer(job: ClonedInference): Promise<InferenceOutcome>;
}

/** A job that can cross to another thread. */
export type ClonedJob = Omit<AttributionJob, 'sequence'> & { entries: SequenceEntry[] };
type Cloned<T> = Omit<T, 'sequence'> & { entries: SequenceEntry[] };
export type ClonedInference = Cloned<Omit<InferenceJob, 'base'>> & {
  base: Cloned<TrainedVersion> | undefined;
};

export interface ExecutorRpcEvents {
  /** After the block is durable. */
  head: { number: number; hash: Hex };
  /** Transactions that became executable. */
  pending: PoolTransaction[];
}
