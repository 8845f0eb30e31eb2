import type { Head, LabelledFeatures, NewtonTraining, SgdTraining } from '../types.ts';

/** What an adapter sits on. It is registered with the model and never trained. */
export type FrozenPart = FrozenLinear | FrozenHidden;

/** Logits W·(x, 1). */
export interface FrozenLinear {
  readonly kind: 'linear';
  readonly width: number;
  readonly classes: number;
  /** classes × (width + 1). */
  readonly weights: Float64Array;
}

/** Logits W·(max(0, V·(x, 1)), 1). */
export interface FrozenHidden {
  readonly kind: 'hidden';
  readonly width: number;
  readonly hidden: number;
  readonly classes: number;
  /** V: hidden × (width + 1). */
  readonly hiddenWeights: Float64Array;
  /** W: classes × (hidden + 1); where training starts if the head is trained too. */
  readonly headWeights: Float64Array;
}

/** Low-rank adapter (arXiv 2106.09685) of the frozen part's first linear map: it adds scale·B·A·x. */
export interface Adapter {
  readonly rank: number;
  readonly width: number;
  /** Numbers that the adapted map gives: `classes` of a linear part, `hidden` of a hidden one. */
  readonly outputs: number;
  readonly scaleMicro: number;
  /** A: rank × width. */
  readonly down: Float64Array;
  /** B: outputs × rank. */
  readonly up: Float64Array;
  /** classes × (hidden + 1), if the head was trained with the adapter; else empty. */
  readonly head: Float64Array;
}

/** As SgdTraining; A is drawn in ± initialScale, B starts at zero. */
export interface AdapterTraining extends Omit<SgdTraining, 'method'> {
  readonly method: 'adapter-sgd';
  readonly rank: number;
  readonly scaleMicro: number;
  /** 1: the head of a hidden part is trained too. 0: it stays frozen. */
  readonly trainsHead: 0 | 1;
}

/**
 * Records of tokens. Row t of the features describes what stands before token t, and its label is the token itself.
 * Record i has the tokens starts[i] … starts[i+1] − 1; `classes` is the size of the vocabulary.
 */
export interface TokenRecords extends LabelledFeatures {
  readonly starts: Int32Array;
}

/** Everything that decides the bits of a trained model. */
export type TrainingProblem =
  | { readonly kind: 'head'; readonly data: LabelledFeatures; readonly options: NewtonTraining | SgdTraining }
  | {
      readonly kind: 'next-token';
      readonly data: TokenRecords;
      readonly options: NewtonTraining | SgdTraining;
    }
  | {
      readonly kind: 'adapter';
      readonly data: LabelledFeatures;
      readonly frozen: FrozenPart;
      readonly options: AdapterTraining;
    };

export type TrainedModel =
  | { readonly kind: 'head' | 'next-token'; readonly head: Head }
  | { readonly kind: 'adapter'; readonly frozen: FrozenPart; readonly adapter: Adapter };
