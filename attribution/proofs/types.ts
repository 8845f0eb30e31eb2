import type { ContributorAddress } from '../corpus/corpus.ts';

/** The sizes that a root commits to, beside its three trees. */
export interface CommitmentSizes {
  /** N: tokens over all records, exact duplicates once. */
  readonly tokens: number;
  /** V: different tokens. */
  readonly types: number;
  /** Tokens of the oldest records (docs/attribution.md, section 2), and different ones among them. */
  readonly oldestTokens: number;
  readonly oldestTypes: number;
  /** Records, those without tokens included. */
  readonly records: number;
  /** Nodes, see `PhraseNode`. */
  readonly nodes: number;
}

/** A record as far as attribution asks about it. */
export interface CommittedRecord {
  /** Its place among the records in order-key order. */
  readonly rank: number;
  /** Position of its first token in the text; every record before it takes one symbol more than it has tokens. */
  readonly start: number;
  /** Its tokens. */
  readonly length: number;
  readonly orderKey: number;
  readonly contributor: ContributorAddress;
  readonly dataNetId: number;
}

/**
 * All phrases that stand at the same places. A phrase of d tokens belongs to this node if it is the beginning of
 * `label` and parentDepth < d ≤ depth: then it occurs exactly `count` times, first at token `offset` of `record`.
 * The node's own shortest phrase, its first parentDepth + 1 tokens, orders all nodes.
 */
export interface PhraseNode {
  readonly index: number;
  readonly parentDepth: number;
  readonly depth: number;
  readonly count: number;
  /** Token ids of the first min(depth, INLINE_TOKENS) tokens; the others stand in the text, from `offset` on. */
  readonly label: Int32Array;
  readonly record: CommittedRecord;
  readonly offset: number;
}

/** The first place of a phrase: the record of lowest order key that has it, and the first token there. */
export interface FirstSeen {
  readonly contributor: ContributorAddress;
  readonly orderKey: number;
  readonly dataNetId: number;
  /** Tokens before it in the record. */
  readonly token: number;
}

/** What a phrase proof says. `phrase`: its tokens as folded UTF-8 bytes. */
export type PhraseStatement =
  | {
      readonly kind: 'occurs';
      readonly phrase: readonly Uint8Array[];
      /** Occurrences over all records, exact duplicates of records once. */
      readonly count: number;
      readonly first: FirstSeen;
    }
  | { readonly kind: 'absent'; readonly phrase: readonly Uint8Array[] };
