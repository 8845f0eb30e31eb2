/**
 * What the RPC needs from the rest of the node beyond the database: the pool, the network, the artifact store and the
 * attribution worker. Reads of the chain go straight to the database through `ChainReader`; everything here crosses a
 * thread, so every method is asynchronous, takes and gives plain data, and may reject when the node is closing.
 */
import type { AnswerInputs, PhraseStatement, ProvenCredits } from '../attribution/proofs/api.ts';
import type { ArtifactInfo, AttributionEngine, Hex } from '../state/types.ts';

/** Stops a subscription. Calling it twice does nothing. */
export type Cancel = () => void;

/** An error that goes to a client as it is: JSON-RPC code, message that tools parse, optional data. */
export interface RpcFailure {
  readonly error: {
    /** JSON-RPC code: -32000 for the pool's refusals (geth), 3 for a revert, -32602 for bad parameters. */
    readonly code: number;
    /** For the pool: geth's text, since wallets parse it (`nonce too low`, `already known` ...). */
    readonly message: string;
    readonly data?: unknown;
  };
}

export function isFailure(value: object): value is RpcFailure {
  return 'error' in value;
}

/** A transaction of the pool as it was signed: enough to show it, the RPC decodes it itself. */
export interface PoolTransaction {
  readonly hash: Hex;
  readonly from: Hex;
  readonly nonce: bigint;
  readonly raw: Uint8Array;
}

export interface PoolStatus {
  /** Executable now. */
  readonly pending: number;
  /** Waiting for a lower nonce, for funds or for bytes. */
  readonly queued: number;
  /** Of all of them, as they were signed. */
  readonly bytes: number;
}

/** Bounded by the pool's own limits (5,120 + 1,024 transactions). */
export interface PoolContent {
  readonly pending: readonly PoolTransaction[];
  readonly queued: readonly PoolTransaction[];
}

export interface PeerView {
  readonly id: string;
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
  /** Height that the peer told last, if it did. */
  readonly height?: number;
}

export interface SyncProgress {
  readonly startingBlock: number;
  readonly currentBlock: number;
  readonly highestBlock: number;
}

export interface NodeView {
  /** For example `OpenLedger/0.1.0/linux-x64/node20.20.2`: answer of web3_clientVersion. */
  readonly clientVersion: string;
  readonly peerId?: string;
  /** Operator's address of this node's validator key, if it has one. */
  readonly validator?: Hex;
  /** Whether it votes: it has a key, the key is in the set, and nothing forbids signing. */
  readonly voting?: boolean;
  /** Message with code and remedy when the node stopped by itself. */
  readonly halted?: string;
  /** Why the head is not news: no block came for several heartbeats. */
  readonly standstill?: string;
}

/** What an upload declares before its bytes are read; already matched against a final commit by the RPC (D2). */
export interface ArtifactDeclaration {
  readonly root: Hex;
  /** Sum of the leaves in bytes. */
  readonly size: number;
  readonly dataNetId: number;
  readonly sender: Hex;
}

/** A run of output tokens whose source is one record. Positions are bytes of the output's UTF-8. */
export interface AttributionSpan {
  readonly startByte: number;
  readonly endByte: number;
  readonly startToken: number;
  readonly endToken: number;
  /** Sum of min(wmax, surprisal) over its tokens, in 2^-16 bit. */
  readonly weightQ16: number;
  readonly contributor: Hex;
  readonly dataNetId: number;
  readonly contributionId: Hex;
  readonly artifactRoot: Hex;
  readonly recordIndex: number;
  /** Where the span stands in the record: byte offset and the text around it (for people). */
  readonly recordByte?: number;
  readonly excerpt?: string;
}

/** A record that the prompt of a retrieval model finds. */
export interface AttributionCitation {
  readonly contributor: Hex;
  readonly dataNetId: number;
  readonly contributionId: Hex;
  readonly artifactRoot: Hex;
  readonly recordIndex: number;
  /** Product of its vector and the prompt's. */
  readonly score: number;
  /** What it counts. */
  readonly weight: number;
  /** Its beginning, for people. */
  readonly excerpt?: string;
}

/** Attribution as the worker recomputed it: the part that state holds, and the spans that are derivable only. */
export interface AttributionView {
  readonly engine: AttributionEngine;
  /** keccak of the canonical attribution record. */
  readonly recordHash: Hex;
  readonly outputTokens: number;
  /** Parts per 10^9 of the data pool; with `uncovered` they sum to 10^9. */
  readonly credits: readonly { readonly contributor: Hex; readonly parts: number }[];
  readonly uncovered: number;
  /** None for engines that do not look at the answer's words. */
  readonly spans: readonly AttributionSpan[];
  /** None for engines that cite nothing. */
  readonly citations: readonly AttributionCitation[];
}

/** What is asked to be proven: a phrase of a snapshot, or without one the credits of a settled request. */
export interface AttributionProofQuestion {
  /** Its pinned snapshots are meant. */
  readonly requestId?: Hex;
  readonly snapshots?: readonly { readonly dataNetId: number; readonly length: number }[];
  /** Tokens as folded UTF-8 bytes. */
  readonly phrase?: readonly Uint8Array[];
}

/** A proof with what it says, and the root that it belongs to as this node computed it. */
export type AttributionProofView = {
  readonly root: Uint8Array;
  readonly snapshots: readonly { readonly dataNetId: number; readonly length: number }[];
  readonly proof: Uint8Array;
} & (
  | { readonly kind: 'phrase'; readonly statement: PhraseStatement }
  | { readonly kind: 'credits'; readonly inputs: AnswerInputs; readonly credits: ProvenCredits }
);

/**
 * The node around the RPC. The node implements it over message ports; tests implement the few that they need.
 * Every promise may reject with an `Error` whose `code` is a string (`UNAVAILABLE`, `BUSY` ...); the client then gets
 * -32000 with the message.
 */
export interface RpcBackend {
  /** Into this node's pool. Acknowledged = journalled. */
  submitTransaction(raw: Uint8Array): Promise<{ hash: Hex } | RpcFailure>;
  /** Next free nonce counting this node's executable transactions; undefined if the pool holds none of the sender. */
  pendingNonce(address: Hex): Promise<bigint | undefined>;
  poolStatus(): Promise<PoolStatus>;
  /** @param from only this sender's */
  poolContent(from?: Hex): Promise<PoolContent>;
  poolTransaction(hash: Hex): Promise<PoolTransaction | undefined>;
  /** After the block is durable and readable through this thread's ChainReader, once each, in order. */
  onHead(listener: (head: { number: number; hash: Hex }) => void): Cancel;
  /** Transactions that became executable. */
  onPendingTransactions(listener: (transactions: readonly PoolTransaction[]) => void): Cancel;
  peers(): Promise<readonly PeerView[]>;
  /** undefined when the node is at the head. */
  syncing(): Promise<SyncProgress | undefined>;
  node(): Promise<NodeView>;
  /**
   * Streams leaves into the artifact store: limits, UTF-8 and the root are checked by the store while it writes.
   * Rejects with an error whose `code` says why (ARTIFACT_TOO_LARGE, ARTIFACT_EMPTY, INVALID_UTF8, ROOT_MISMATCH ...).
   */
  storeArtifact(declaration: ArtifactDeclaration, leaves: AsyncIterable<Uint8Array>): Promise<ArtifactInfo>;
  /** undefined while this node does not hold the bytes. */
  artifactInfo(root: Hex): Promise<ArtifactInfo | undefined>;
  /** Leaves in order, verified; undefined while this node does not hold them. */
  artifactLeaves(root: Hex): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined>;
  /** What settling this output would credit, computed as execution computes it. `undefined`: no such open request. */
  previewAttribution(requestId: Hex, output: Uint8Array): Promise<AttributionView | undefined>;
  /** Attribution of a settled request, recomputed for its spans. `undefined`: unknown or not settled. */
  attributionDetails(requestId: Hex): Promise<AttributionView | undefined>;
  /** `undefined`: no such DataNet or snapshot, or the request is unknown, or (without a phrase) not settled. */
  attributionProof(question: AttributionProofQuestion): Promise<AttributionProofView | undefined>;
  /** Prometheus text for GET /metrics, if the node collects any. */
  metrics?(): Promise<string>;
}
