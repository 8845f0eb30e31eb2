/** What the floors above use of the exact inference runtime. The definitions are docs/runtime.md. */
export { checkModel } from './check-model.ts';
export type { ModelErrorCode } from './errors.ts';
export { ModelError } from './errors.ts';
export { MAX_MODEL_BYTES, MAX_PEAK_BYTES } from './limits.ts';
export { encodeProfile, profileHash } from './profile.ts';
export type {
  CheckOptions,
  ElementType,
  ModelClass,
  ModelProfile,
  NamedTensorType,
  Tensor,
  TensorData,
  Tensors,
  TensorType,
} from './types.ts';
