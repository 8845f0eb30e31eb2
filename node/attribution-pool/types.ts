import type {
  AttributedSpan,
  AttributionRecord,
  MaximalSpan,
  TokenAttributionParams,
  TokenCredits,
} from '../../attribution/api.ts';
import type {
  AnswerInputs,
  CommitmentSizes,
  PhraseStatement,
  ProvenCredits,
} from '../../attribution/proofs/api.ts';
import type { RetrievalAttributionRecord, RetrievalParams } from '../../attribution/retrieval/api.ts';
import type { Hex } from '../../state/types.ts';

/** Where the leaves of a contribution are: in the artifact store of this data directory, or here. */
export type LeafSource =
  | { readonly kind: 'file'; readonly dataDir: string; readonly root: Hex }
  | { readonly kind: 'inline'; readonly leaves: readonly Uint8Array[] };

/** One approved contribution of a pinned snapshot. */
export interface PinnedContribution {
  /** Number of its commit over the whole chain: the order key of its records. */
  readonly commitSequence: number;
  /** 0x and 40 lower-case hex digits. */
  readonly contributor: string;
  readonly dataNetId: number;
  readonly contributionId: number;
  /** Bit i (lowest bit first) says whether leaf i counts; null: all do. */
  readonly accepted: Uint8Array | null;
  /** Order key of each record's cluster, 8 bytes, as attested; only retrieval needs them. */
  readonly founders?: Uint8Array;
  readonly leaves: LeafSource;
}

/** The contributions of all pinned snapshots; called again if a fresh worker has to read them again. */
export type RecordSource = () => Iterable<PinnedContribution> | AsyncIterable<PinnedContribution>;

export interface SnapshotInfo {
  readonly records: number;
  readonly duplicates: number;
  readonly unreadableRecords: number;
  /** Of a token index. */
  readonly tokens: number;
  readonly types: number;
  /** What counts towards the most that a pool holds: tokens, or bytes of vectors. */
  readonly load: number;
  /** Segments of its index, or contributions with vectors, and how many of them were there already: in memory, or on disk. */
  readonly segments: number;
  readonly segmentsFound: number;
  /** Of a commitment: what it gives validators to attest. */
  readonly commitment?: { readonly root: Uint8Array; readonly sizes: CommitmentSizes };
}

export interface AttributionJob {
  /** Key under which `ensureSnapshot` was called. */
  readonly snapshot: string;
  /** Hash of the request record (C1); it stands for prompt, snapshots, parameters and rules. */
  readonly requestHash: Hex;
  readonly prompt: Uint8Array;
  readonly output: Uint8Array;
  readonly params: TokenAttributionParams;
  readonly commons: readonly number[];
  readonly ineligible: readonly string[];
}

export interface AttributionResult {
  readonly attribution: TokenCredits;
  readonly record: AttributionRecord;
  /** Canonical bytes of `record`. */
  readonly recordBytes: Uint8Array;
  /** keccak-256 of `recordBytes`: what a settlement posts. */
  readonly recordHash: Hex;
}

export interface RetrievalJob extends Omit<AttributionJob, 'params'> {
  readonly params: RetrievalParams;
}

/** A record that the prompt finds. */
export interface FoundRecord {
  readonly orderKey: number;
  readonly score: number;
  readonly weight: number;
}

export interface RetrievalResult {
  readonly record: RetrievalAttributionRecord;
  readonly recordBytes: Uint8Array;
  /** keccak-256 of `recordBytes`: what a settlement posts. */
  readonly recordHash: Hex;
  readonly outputTokens: number;
  readonly citations: readonly FoundRecord[];
}

export interface ContinuationJob {
  readonly snapshot: string;
  readonly prompt: Uint8Array;
  readonly seed: Uint8Array;
  readonly maxTokens: number;
  readonly maxBytes?: number;
  readonly minTokens?: number;
}

export interface SpansJob {
  readonly snapshot: string;
  readonly output: Uint8Array;
  readonly minTokens: number;
}

export interface PhraseProofJob {
  readonly snapshot: string;
  readonly phrase: readonly Uint8Array[];
}

export interface CreditsProofJob {
  readonly snapshot: string;
  readonly inputs: AnswerInputs;
}

/** A proof, the root that it belongs to, and what it says. */
export interface PhraseProofResult {
  readonly root: Uint8Array;
  readonly proof: Uint8Array;
  readonly statement: PhraseStatement;
}

export interface CreditsProofResult {
  readonly root: Uint8Array;
  readonly proof: Uint8Array;
  readonly credits: ProvenCredits;
}

/** What an index in memory is for: attributions by tokens or by vectors, or proofs about its texts. */
export type IndexPurpose = 'attribution' | 'retrieval' | 'proofs';

/** Answer to `build` while there is more to do: whoever wants the snapshot asks again. */
export const UNFINISHED = 'unfinished';

/** What a worker is told. Every message but `shut` is answered once, by its id. */
export type WorkerRequest = { readonly id: number } & (
  | { readonly kind: 'open'; readonly key: string }
  | { readonly kind: 'add'; readonly key: string; readonly contributions: readonly PinnedContribution[] }
  | { readonly kind: 'build'; readonly key: string; readonly purpose: IndexPurpose }
  | { readonly kind: 'drop'; readonly key: string }
  | { readonly kind: 'attribute'; readonly job: AttributionJob }
  | { readonly kind: 'retrieve'; readonly job: RetrievalJob }
  | { readonly kind: 'explain'; readonly job: AttributionJob }
  | { readonly kind: 'continue'; readonly job: ContinuationJob }
  | { readonly kind: 'spans'; readonly job: SpansJob }
  | { readonly kind: 'provePhrase'; readonly job: PhraseProofJob }
  | { readonly kind: 'proveCredits'; readonly job: CreditsProofJob }
);

export type WorkerResponse = { readonly id: number } & (
  | { readonly kind: 'done'; readonly value: unknown }
  /** The input is refused: the same on every node. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly offset?: number }
  | { readonly kind: 'missing'; readonly root: Hex }
  /** Anything unexpected: of this machine. */
  | { readonly kind: 'fault'; readonly message: string }
);

export interface AttributionPool {
  /**
   * Makes sure that the index of these snapshots is in memory; cheap if it is. The key must stand for the content
   * (a hash of the pins): a known key is not read again.
   * @throws Unavailable naming the artifact that is not here, AttributionError, Fault.
   */
  ensureSnapshot(key: string, source: RecordSource): Promise<SnapshotInfo>;
  /** Whether the index is in memory. */
  hasSnapshot(key: string): boolean;
  /**
   * Attribution of an answer, from memory if the same (request, output) was computed before.
   * @throws AttributionError for inputs that every node refuses; Fault if the worker died (ask once more: a fresh one
   *   starts); AttributionPoolError 'UnknownSnapshot', 'Busy', 'Closed'.
   */
  attribute(job: AttributionJob): Promise<AttributionResult>;
  /** The same by retrieval; only of a pool whose purpose that is. @throws as `attribute` */
  retrieve(job: RetrievalJob): Promise<RetrievalResult>;
  /** Which words are whose, for people: nothing that a block waits for. @throws as `attribute` */
  explain(job: AttributionJob): Promise<readonly AttributedSpan[]>;
  /** The result if it is in memory, without waiting. */
  cached(requestHash: Hex, output: Uint8Array): AttributionResult | undefined;
  /** A continuation by the ∞-gram model over a snapshot. @throws as `attribute` */
  continueText(job: ContinuationJob): Promise<{ text: Uint8Array; tokens: readonly number[] }>;
  /** Maximal matching spans for display. @throws as `attribute` */
  maximalSpans(job: SpansJob): Promise<MaximalSpan[]>;
  /**
   * A proof about a snapshot; only of a pool whose purpose that is.
   * @throws as `attribute`; AttributionError 'ProofTooLarge'
   */
  provePhrase(job: PhraseProofJob): Promise<PhraseProofResult>;
  /** The same of an answer's credits. @throws as `provePhrase`, and as `attribute` */
  proveCredits(job: CreditsProofJob): Promise<CreditsProofResult>;
  /** Ends the workers; waiting calls are rejected. */
  close(): Promise<void>;
}

export type AttributionPoolErrorCode =
  /** `ensureSnapshot` was not called for this key, or it was dropped for others. */
  | 'UnknownSnapshot'
  /** Too many jobs wait. */
  | 'Busy'
  | 'Closed';

export class AttributionPoolError extends Error {
  readonly code: AttributionPoolErrorCode;
  constructor(code: AttributionPoolErrorCode, message: string) {
    super(message);
    this.name = 'AttributionPoolError';
    this.code = code;
  }
}
