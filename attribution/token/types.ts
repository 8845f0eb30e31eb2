import type { ContributorAddress } from '../corpus/corpus.ts';
import type { TokenIndex } from '../index/token-index.ts';
import type { TokenRuleVersion } from './versions.ts';

/** One whole: credits and coverage are parts of 10⁹ of the data pool. */
export const WHOLE = 1_000_000_000;

/** Genesis parameters of token attribution. Q16 means units of 2⁻¹⁶ bit. */
export interface TokenAttributionParams {
  readonly version: TokenRuleVersion;
  /** Tokens in a window. */
  readonly lmin: number;
  /** Tokens of the longest match that is compared: who has so many has the source. */
  readonly lmax: number;
  /** Least surprisal of a window that can credit. */
  readonly sminQ16: number;
  /** Largest weight of one position: a rare name is no better than this. */
  readonly wmaxQ16: number;
  /** Longest output in tokens. */
  readonly maxOutputTokens: number;
  /** Longest prompt in tokens. */
  readonly maxPromptTokens: number;
  /** Largest share of the data pool that one record can earn, in thousandths. */
  readonly recordCapPermille: number;
  /** Largest share of the data pool that one contributor can earn, in thousandths. */
  readonly contributorCapPermille: number;
  /** Largest share of the data pool that all contributors together can earn, in thousandths. */
  readonly coverageCapPermille: number;
  /** Largest number of contributors that one answer pays. */
  readonly maxContributors: number;
}

/** The defaults that research on the Brown corpus chose; genesis may say otherwise. */
export const DEFAULT_TOKEN_ATTRIBUTION_PARAMS: TokenAttributionParams = {
  version: 1,
  lmin: 4,
  lmax: 32,
  sminQ16: 32 << 16,
  wmaxQ16: 12 << 16,
  maxOutputTokens: 1024,
  maxPromptTokens: 8192,
  recordCapPermille: 100,
  contributorCapPermille: 500,
  coverageCapPermille: 1000,
  maxContributors: 64,
};

/**
 * As much of an index as the credits depend on. A light client has no index, but proofs that answer as one would
 * (docs/proofs.md).
 */
export type CreditIndex = Pick<TokenIndex, 'tokenId' | 'surprisalOf' | 'record' | 'rows'>;

export interface TokenAttributionInput {
  readonly index: TokenIndex;
  /** DataNets whose text is common property: what first stands there credits nobody. */
  readonly commons: ReadonlySet<number>;
  /** Contributors who may earn nothing from this answer (they share an owner, beneficiary or delegate with the model). */
  readonly ineligible: ReadonlySet<ContributorAddress>;
  readonly output: Uint8Array;
  readonly prompt: Uint8Array;
  readonly params: TokenAttributionParams;
}

export type CreditInput = Omit<TokenAttributionInput, 'index'> & { readonly index: CreditIndex };

/** What a contributor earns: `credit` in parts of 10⁹ of the data pool. */
export interface Credit {
  readonly contributor: ContributorAddress;
  readonly credit: number;
}

/** A run of output tokens owned by one record, for people to look at. Never part of the hash. */
export interface AttributedSpan {
  readonly startToken: number;
  readonly endToken: number;
  readonly startByte: number;
  readonly endByte: number;
  readonly contributor: ContributorAddress;
  readonly dataNetId: number;
  readonly contributionId: number;
  readonly recordIndex: number;
  readonly orderKey: number;
  /** Sum of the weights of the span's positions, before caps. */
  readonly weightQ16: number;
  /** Whether the span pays (false: the owner is ineligible or in the commons). */
  readonly earns: boolean;
  /** First token and length of the phrase around the span that stands contiguously in the owner's record. */
  readonly matchStartToken: number;
  readonly matchLength: number;
  /** Occurrences of that phrase in the pinned snapshots. */
  readonly count: number;
  /** Byte in the record at which the span's first token stands. */
  readonly recordByte: number;
}

/** What is paid, and what the record of an attribution holds. */
export interface TokenCredits {
  readonly version: TokenRuleVersion;
  /** Output tokens. */
  readonly outputTokens: number;
  /** Weight of all positions. */
  readonly totalWeightQ16: number;
  /** Weight of positions with an owner, before caps and exclusions: how much of the answer is quoted. */
  readonly matchedWeightQ16: number;
  /** Sum of `credits`, in parts of 10⁹ of the data pool. */
  readonly coverage: number;
  /** What nobody earns: 10⁹ - coverage. */
  readonly uncovered: number;
  /** By falling credit, then address. Empty if nothing is covered. */
  readonly credits: readonly Credit[];
}

export interface TokenAttribution extends TokenCredits {
  readonly spans: readonly AttributedSpan[];
}
