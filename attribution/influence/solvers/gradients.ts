import { checkData, checkHead } from '../check.ts';
import { outerGradient, predict } from '../trainer/objective.ts';
import type { Head, LabelledFeatures } from '../types.ts';
import type { RowSource } from './store.ts';

/**
 * Gradients of a head's loss, one row a sample (n × classes·(width+1)). A query's gradient is that of its features
 * and the label that was answered.
 * @throws AttributionError as checkData and checkHead.
 */
export function headGradients(data: LabelledFeatures, head: Head): Float64Array {
  const { count, row } = headRows(data, head);
  const size = head.weights.length;
  const gradients = new Float64Array(count * size);
  for (let i = 0; i < count; i++) row(i, gradients.subarray(i * size, (i + 1) * size));
  return gradients;
}

/** The same, one row at a time; one layer. */
export function headRows(data: LabelledFeatures, head: Head): RowSource {
  checkData(data);
  checkHead(head, data.width, data.classes);
  const { features, labels, width } = data;
  const residual = new Float64Array(data.classes);
  return {
    count: labels.length,
    layers: [head.weights.length],
    row: (i, out) => {
      predict(head, features, i * width, labels[i]!, residual);
      residual[labels[i]!]! -= 1;
      outerGradient(residual, features, i * width, width, out, 0);
    },
  };
}
