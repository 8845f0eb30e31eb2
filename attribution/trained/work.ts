import { AttributionError } from '../errors.ts';
import { dimensionsOf, modelParameters } from './check-spec.ts';
import { graphWork } from './graph.ts';
import { MAX_METRIC_NUMBERS, MAX_TRAINING_WORK } from './limits.ts';
import type { TrainingSpec } from './types.ts';

/** Steps of Newton's method that usual data take; each costs a quarter of samples × parameters² and a factorisation. */
const NEWTON_STEPS = 12;
/** What refinements of leave-one-out steps may cost together, as docs/influence.md, section 4, bounds them. */
const REFINEMENTS = 4;
const REFINEMENT_PRODUCTS = 3;
const REFINEMENT_BUDGET = 8_589_934_592;
/** Operations for the eigenvectors of a factor, by its width³. */
const EIGENVECTOR_PRODUCTS = 10;

/**
 * Multiplications of training with so many samples and of preparing its metric, about: some 10⁹ take a second of one
 * core. What a registration costs everybody can be told from it before anything runs.
 */
export function trainingWork(spec: TrainingSpec, samples: number): number {
  const { features } = spec;
  const graph = features.kind === 'onnx' ? graphWork(features, samples) : 0;
  return descentOrNewton(spec, samples) + preparation(spec, samples) + graph;
}

function descentOrNewton(spec: TrainingSpec, samples: number): number {
  const { training } = spec;
  const parameters = modelParameters(spec);
  // Forward, backward, and the step.
  if (training.method !== 'newton') return 3 * training.epochs * samples * parameters;
  return NEWTON_STEPS * ((samples * square(parameters)) / 4 + cube(parameters) / 6);
}

function preparation(spec: TrainingSpec, samples: number): number {
  const { training, metric, classes, features } = spec;
  const dimensions = dimensionsOf(spec);
  const inputs = features.width + 1;
  switch (metric.solver) {
    case 'newton': {
      const exact = cube(dimensions) + samples * square(dimensions);
      // Conjugate gradients of a sample end after as many steps as it has classes, less one.
      if (training.method !== 'newton') return exact + classes.length * samples * square(dimensions);
      const round = square(samples) * dimensions;
      const rounds = Math.min(REFINEMENTS, Math.floor(REFINEMENT_BUDGET / round));
      return exact + REFINEMENT_PRODUCTS * rounds * round;
    }
    case 'ekfac':
      return (
        EIGENVECTOR_PRODUCTS * (cube(inputs) + cube(classes.length)) +
        samples * (square(inputs) + cube(classes.length) + dimensions)
      );
    case 'datainf':
      return samples * dimensions;
  }
}

/** Refuses before it begins what would take a node too long or too much. @throws AttributionError 'ProblemTooLarge' */
export function checkTrainingCost(spec: TrainingSpec, samples: number): void {
  const work = trainingWork(spec, samples);
  const numbers = samples * dimensionsOf(spec);
  if (work > MAX_TRAINING_WORK || numbers > MAX_METRIC_NUMBERS)
    throw new AttributionError(
      'ProblemTooLarge',
      `Training takes ${work} multiplications and ${numbers} numbers; at most ${MAX_TRAINING_WORK} and ${MAX_METRIC_NUMBERS} are allowed.`,
    );
}

function square(x: number): number {
  return x * x;
}

function cube(x: number): number {
  return x * x * x;
}
