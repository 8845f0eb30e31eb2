/** What the floors above use of influence attribution. The definitions are docs/influence.md. */
export type { InfluenceCredit } from './payable.ts';
export { influenceCredits, payableFloor } from './payable.ts';
export { headGradients } from './solvers/gradients.ts';
export type { PrepareOptions, TrainedSamples } from './solvers/metric.ts';
export { metricHash, prepare, prepareFromGradients, scores } from './solvers/metric.ts';
export { headHash, replayTraining, train } from './trainer/train.ts';
export type {
  Head,
  InfluenceScores,
  LabelledFeatures,
  Metric,
  NewtonTraining,
  QuantisedGradients,
  SgdTraining,
  SolverName,
  TrainingOptions,
} from './types.ts';
