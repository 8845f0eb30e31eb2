/** What the floors above use of influence attribution. The definitions are docs/influence.md. */
export type { InfluenceCredit } from './payable.ts';
export { influenceCredits, payableFloor } from './payable.ts';
export type { SampleProof, StoreCommitment } from './solvers/commitment.ts';
export { commitStore, proveSample, verifySample } from './solvers/commitment.ts';
export { headGradients } from './solvers/gradients.ts';
export { headKronecker } from './solvers/kronecker.ts';
export type { PrepareOptions, TrainedSamples } from './solvers/metric.ts';
export {
  answerScores,
  answerScoring,
  metricHash,
  prepare,
  prepareFromFactors,
  prepareFromGradients,
  scores,
  scoresOfMany,
  scoring,
} from './solvers/metric.ts';
export type { Scan, ScanAnswer, Scanning } from './solvers/scan.ts';
export { mergeAnswers, scanShard } from './solvers/scan.ts';
export type { Arithmetic, Shard } from './solvers/shard.ts';
export { createShard } from './solvers/shard.ts';
export { cutStore, readRow } from './solvers/store.ts';
export { headHash, replayTraining, train } from './trainer/train.ts';
export type {
  Head,
  InfluenceScores,
  KroneckerGradients,
  KroneckerLayer,
  LabelledFeatures,
  Metric,
  NewtonTraining,
  QuantisedGradients,
  SgdTraining,
  SolverName,
  TrainingOptions,
} from './types.ts';
