import type {
  AdapterTraining,
  Metric,
  ModelMetric,
  NewtonTraining,
  SgdTraining,
  SolverName,
  TrainedModel,
} from '../influence/api.ts';

/** How the part of a record behind its label becomes features. */
export type FeatureSource = NumberFeatures | TextFeatures | GraphFeatures;

/** `width` decimal integers; the number n stands for n / 2^divisorExponent. */
export interface NumberFeatures {
  readonly kind: 'numbers';
  readonly width: number;
  readonly divisorExponent: number;
}

/** The vector of a sentence encoder, folded; the integer n stands for n / 2^divisorExponent. */
export interface TextFeatures {
  readonly kind: 'text';
  /** At most the numbers of the encoder's vector. */
  readonly width: number;
  readonly divisorExponent: number;
  /** keccak-256 of the encoder's canonical bytes, 0x and 64 hex digits. */
  readonly encoderHash: string;
}

/** What an ONNX graph makes of the record in the chain's pinned runtime; output n stands for n / 2^divisorExponent. */
export interface GraphFeatures {
  readonly kind: 'onnx';
  /** Numbers of the graph's only output. */
  readonly width: number;
  readonly divisorExponent: number;
  /** `numbers`: float32, n for n / 2^inputExponent; `words`: counts of hashed words as bytes (word-counts.ts). */
  readonly input: 'numbers' | 'words';
  /** Numbers of the graph's only input, which has the shape [1, inputWidth]. */
  readonly inputWidth: number;
  /** 0 with `words`. */
  readonly inputExponent: number;
  /** The contribution whose records are the file in base64; 0x and 64 hex digits, as the next two. */
  readonly contributionId: string;
  /** Root of that contribution's artifact. */
  readonly artifactRoot: string;
  /** SHA-256 of the file. */
  readonly modelHash: string;
  /** Bytes of the file. */
  readonly modelBytes: number;
  /** Steps of one run, as the door counts them (docs/runtime.md, section 3): what it costs is known before it is read. */
  readonly steps: number;
  /** Nodes and initialisers of the graph, each of which takes time to load. */
  readonly parts: number;
}

/** How the influence of samples is measured (docs/influence.md, sections 4 and 8). */
export interface MetricSpec {
  readonly solver: Exclude<SolverName, 'dot'>;
  /** Rows are clipped at this percentile of their lengths, 1 to 100 (100: not at all). */
  readonly clipPercent: number;
  /** Directions in which the first layer's inputs are kept, 0: all. Only of a model that descent trained. */
  readonly projectedWidth: number;
}

/** What a registration says about a model that the chain trains: it decides every bit of model and metric. */
export interface TrainingSpec {
  readonly features: FeatureSource;
  /** Labels in the order of their classes, 2 to MAX_CLASSES, each once. */
  readonly classes: readonly string[];
  /** A head of its own (`base`), or an `adapter` on the head of a trained base. */
  readonly training: NewtonTraining | SgdTraining | AdapterTraining;
  readonly metric: MetricSpec;
}

export type TrainedKind = 'base' | 'adapter';

/** The graph of a spec, as the pinned runtime ran it for all that is asked of it. */
export type Graph =
  | { readonly kind: 'refused'; readonly failure: 'GraphRefused' | 'ProblemTooLarge' }
  | {
      readonly kind: 'ran';
      /** Of what stands behind a record's label, or of a prompt; undefined if it is no sample. */
      readonly featuresOf: (text: Uint8Array) => Float64Array | undefined;
    };

/** Turns texts into vectors; `hash` is that of its encoder. */
export interface SentenceEncoder {
  readonly hash: string;
  readonly width: number;
  /** @throws InvalidUtf8; AttributionError 'ProblemTooLarge'. */
  encode(text: Uint8Array): Int8Array;
}

/** Whom a cluster of near duplicates pays: the record of lowest order key in it stands for it. */
export interface Payee {
  /** 0x and 40 lower-case hex digits. */
  readonly contributor: string;
  readonly dataNetId: number;
}

/** A model that was trained, the metric of its samples, and whom each sample pays. */
export interface Trained {
  readonly model: TrainedModel;
  /** 0x and 64 hex digits, as the next: what validators attest. */
  readonly modelHash: string;
  readonly metric: TrainedMetric;
  readonly metricHash: string;
  readonly payees: Payees;
  /** Records that are not samples of the spec, or repeat an earlier one. */
  readonly passedOver: number;
}

/** Of a head at its optimum the loss without a sample is predicted; of other models it is taken as linear. */
export type TrainedMetric =
  | { readonly kind: 'optimum'; readonly metric: Metric }
  | { readonly kind: 'descent'; readonly metric: ModelMetric };

export interface Payees {
  /** In the order of their earliest record. */
  readonly list: readonly Payee[];
  /** For each sample its place in `list`. */
  readonly ofSample: Uint32Array;
}

/** Why training ended without a model: a property of the records and the spec, so the same on every node. */
export type TrainingFailure =
  /** Fewer than two samples. */
  | 'TooFewSamples'
  /** A class that no sample has. */
  | 'ClassWithoutSamples'
  /** More records, samples, bytes or multiplications than the limits allow. */
  | 'ProblemTooLarge'
  /** Training or the metric did not reach its end, or weights ran away. */
  | 'NotConverged'
  /** The trained model has another hash than the registration claims. */
  | 'HashMismatch'
  /** The encoder of the spec is not the one that this version of the program has. */
  | 'UnknownEncoder'
  /** The parent has other features or classes, or is no base. */
  | 'ParentMismatch'
  /** Anything else that the engine refuses. */
  | 'Refused'
  /** The graph is not what the spec says, or the door or the pinned runtime refuse it. */
  | 'GraphRefused';

/** What validators attest of a registration. */
export type TrainingObject =
  | {
      readonly outcome: 'trained';
      /** 0x and 64 hex digits, as the next. */
      readonly modelHash: string;
      readonly metricHash: string;
      readonly samples: number;
      /** Records that are not samples of the spec, or repeat an earlier one. */
      readonly passedOver: number;
      /** Numbers of one row of the metric, and layers that they are cut into. */
      readonly dimensions: number;
      readonly layers: number;
    }
  | { readonly outcome: 'failed'; readonly failure: TrainingFailure };
