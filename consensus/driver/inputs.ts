import type { TimeoutKind } from '../parameters.ts';
import type { Hash, Proposal, Round, Vote } from '../types.ts';

/** Rule B1 without `unknown`: only facts are told to the core. */
export type Verdict =
  | { readonly answer: 'valid'; readonly originRound: Round; readonly timestampMs: number }
  | { readonly answer: 'invalid'; readonly code: string };

/**
 * Everything that can happen to the core. Inputs and their times are all it depends on: the log holds them, and
 * replaying them gives the same state. `nowMs` is the shell's clock when the input was taken.
 */
export type Input =
  /** First input of a height. `transactions`: an includable one is held right now. */
  | {
      readonly kind: 'start';
      readonly nowMs: number;
      readonly transactions: boolean;
      readonly parentComplete: boolean;
    }
  /** The proposer's signature was checked; whether it was its turn is checked by the core. */
  | {
      readonly kind: 'proposal';
      readonly nowMs: number;
      /** When it came in, which may be before this height began: timeliness is judged by it (rule A5). */
      readonly arrivalMs: number;
      readonly proposal: Proposal;
    }
  /** The signature was checked. */
  | { readonly kind: 'vote'; readonly nowMs: number; readonly vote: Vote }
  | { readonly kind: 'checked'; readonly nowMs: number; readonly blockHash: Hash; readonly verdict: Verdict }
  | {
      readonly kind: 'built';
      readonly nowMs: number;
      readonly round: Round;
      readonly blockHash: Hash;
      readonly timestampMs: number;
    }
  | { readonly kind: 'timeout'; readonly nowMs: number; readonly timeout: TimeoutKind; readonly round: Round }
  | { readonly kind: 'wake'; readonly nowMs: number }
  /** An includable transaction arrived and none was held before. */
  | { readonly kind: 'transactions'; readonly nowMs: number }
  /** The last missing precommit of the parent arrived. */
  | { readonly kind: 'parentComplete'; readonly nowMs: number };
