/**
 * Why attribution refused its input. All of these are properties of the input bytes and of declared parameters, so
 * every node refuses alike; a caller maps them to a revert, never to a fault of the machine.
 */
export type AttributionErrorCode =
  /** The bytes are not well-formed UTF-8 (Unicode 15, table 3-7). */
  | 'InvalidUtf8'
  /** More tokens than the declared limit. */
  | 'TooManyTokens'
  /** Two different records carry one order key. */
  | 'DuplicateOrderKey'
  /** More records or tokens than one index holds. */
  | 'CorpusTooLarge'
  /** A parameter lies outside its range. */
  | 'InvalidParameter'
  /** Bytes that should be an attribution record are not one. */
  | 'InvalidRecord'
  /** Bytes that should be a sentence encoder are not one. */
  | 'InvalidEncoder'
  /** A proof does not hold, is not in its canonical form, or belongs to another root or statement. */
  | 'InvalidProof'
  /** A proof, or the corpus that it is about, is larger than the stated bounds. */
  | 'ProofTooLarge'
  /** Bytes that should say how a model is trained do not. */
  | 'InvalidTrainingSpec'
  /** Bytes that should say what came of a training do not. */
  | 'InvalidTrainingObject'
  /** Bytes that should be a trained model and its metric are not. */
  | 'InvalidTrainedModel'
  /** A number is not finite or larger than the fixed arithmetic of influence allows. */
  | 'InvalidNumber'
  /** The lengths of two arrays do not fit each other. */
  | 'ShapeMismatch'
  /** More samples, dimensions or classes than the influence engine takes. */
  | 'ProblemTooLarge'
  /** Training did not reach its optimum, or a matrix that must be positive definite is not. */
  | 'NotConverged';

/** An input that attribution refuses. `code` is stable, `message` is for people. */
export class AttributionError extends Error {
  readonly code: AttributionErrorCode;
  constructor(code: AttributionErrorCode, message: string) {
    super(message);
    this.name = code;
    this.code = code;
  }
}

/** Bytes that are not well-formed UTF-8; `offset` is the byte at which the first ill-formed sequence starts. */
export class InvalidUtf8 extends AttributionError {
  readonly offset: number;
  constructor(offset: number) {
    super(
      'InvalidUtf8',
      `The text is not valid UTF-8 at byte ${offset}. Save it as UTF-8 and send it again.`,
    );
    this.offset = offset;
  }
}
