/**
 * What the core wants done. A handler is a generator: it yields an effect and is resumed with the answer named
 * beside it. Every effect is carried out synchronously by the shell before the core goes on; work that takes time
 * (building, checking, committing) is only *started* by an effect, and its result comes back as an input. So
 * nothing the core knew can change between two of its lines.
 */
import type { TimeoutKind } from './parameters.ts';
import type { Branch, Step } from './state-machine/state.ts';
import type {
  Evidence,
  Hash,
  Height,
  Proposal,
  Round,
  UnsignedProposal,
  UnsignedVote,
  Vote,
} from './types.ts';

export type Effect =
  /** Answer: the signature, made after its reasons and the vote itself became durable, or null if signing is refused. */
  | { readonly kind: 'signVote'; readonly vote: UnsignedVote }
  /** Answer: as for signVote. */
  | { readonly kind: 'signProposal'; readonly proposal: UnsignedProposal }
  /** Answer: none. */
  | { readonly kind: 'broadcastVote'; readonly vote: Vote }
  /** Answer: none. The shell adds the block's bytes if they are small. */
  | { readonly kind: 'broadcastProposal'; readonly proposal: Proposal }
  /** Answer: none. A `timeout` input follows, unless the height ends before. */
  | {
      readonly kind: 'scheduleTimeout';
      readonly timeout: TimeoutKind;
      readonly round: Round;
      readonly delayMs: number;
    }
  /** Answer: none. A `wake` input follows at that time; a later wakeAt replaces it. */
  | { readonly kind: 'wakeAt'; readonly atMs: number }
  /** Answer: none. A `built` input follows, if building succeeds. */
  | { readonly kind: 'build'; readonly height: Height; readonly round: Round; readonly timestampMs: number }
  /**
   * Answer: none. Fetch the bytes if they are missing, have them checked, and report with a `checked` input; keep
   * trying while the answer is unknown (rule B1).
   */
  | { readonly kind: 'check'; readonly blockHash: Hash; readonly certified: boolean }
  /** Answer: none. The height is over; the precommits carry a quorum. */
  | {
      readonly kind: 'decide';
      readonly round: Round;
      readonly blockHash: Hash;
      readonly precommits: readonly Vote[];
    }
  /** Answer: none. */
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  /** Answer: none. More than two thirds of the power committed a block that this node finds invalid. */
  | { readonly kind: 'halt'; readonly reason: string }
  /** Answer: none. For metrics, logs and coverage. */
  | { readonly kind: 'progress'; readonly round: Round; readonly step: Step; readonly branch: Branch };

/** The answer an effect is resumed with. */
export type AnswerOf<E extends Effect> = E['kind'] extends 'signVote' | 'signProposal'
  ? Uint8Array | null
  : undefined;

export type EffectAnswer = Uint8Array | null | undefined;

export type Handler<T = void> = Generator<Effect, T, EffectAnswer>;

/** Yields one effect and types its answer. */
export function* perform<E extends Effect>(effect: E): Generator<Effect, AnswerOf<E>, EffectAnswer> {
  return (yield effect) as AnswerOf<E>;
}

/** Runs a handler to its end with a function that carries out each effect. */
export function run<T>(handler: Handler<T>, carryOut: (effect: Effect) => EffectAnswer): T {
  let next = handler.next();
  while (!next.done) next = handler.next(carryOut(next.value));
  return next.value;
}
