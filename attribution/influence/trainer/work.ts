import { AttributionError } from '../../errors.ts';
import { MAX_PREPARATION_PRODUCTS, MAX_TRAINING_WORK } from '../limits.ts';

/**
 * Refuses training that would hold a node for hours, before it starts.
 * @param positions samples, or tokens of a next-token head.
 * @param size multiplications of one position's way through the model.
 * @throws AttributionError 'ProblemTooLarge'.
 */
export function checkTrainingWork(
  positions: number,
  size: number,
  options: { readonly method: 'newton' } | { readonly method: string; readonly epochs: number },
): void {
  const [work, limit] =
    'epochs' in options
      ? [positions * size * options.epochs, MAX_TRAINING_WORK]
      : [positions * size * size, MAX_PREPARATION_PRODUCTS];
  if (work > limit)
    throw new AttributionError(
      'ProblemTooLarge',
      `Training would take ${work} multiplications, more than ${limit}. Use fewer samples or epochs, or a smaller model.`,
    );
}
