import { headLogits } from '../trainer/objective.ts';
import { adapterLogits, createPass } from './adapter.ts';
import type { TrainedModel } from './types.ts';

/** Logits of one sample, as training computed them. `features`: as wide as the model takes. */
export function modelLogits(model: TrainedModel, features: Float64Array): Float64Array {
  if (model.kind === 'adapter') {
    const pass = createPass(model.frozen, model.adapter);
    adapterLogits(model.frozen, model.adapter, features, 0, pass);
    return pass.residuals;
  }
  const logits = new Float64Array(model.head.classes);
  headLogits(model.head, features, 0, logits);
  return logits;
}
