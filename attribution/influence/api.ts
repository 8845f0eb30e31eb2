/** What the floors above use of influence attribution. The definitions are docs/influence.md. */
export { modelGradients } from './models/kronecker.ts';
export { modelLogits } from './models/logits.ts';
export type { ModelMetric, ModelMetricOptions } from './models/metric.ts';
export { descentDamping, modelMetricHash, modelScores, prepareModel } from './models/metric.ts';
export type { HashedContext } from './models/next-token.ts';
export { hashedContexts } from './models/next-token.ts';
export type {
  Adapter,
  AdapterTraining,
  FrozenPart,
  TokenRecords,
  TrainedModel,
  TrainingProblem,
} from './models/types.ts';
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
export { modelHash, replayModel, trainModel } from './trainer/train-model.ts';
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
