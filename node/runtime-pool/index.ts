/** Models in worker threads; see pool.ts. */
export type { RuntimePoolOptions } from './pool.ts';
export { createRuntimePool } from './pool.ts';
export type { Engine, RuntimePins, RuntimePool, RuntimePoolErrorCode, ServedOutputs } from './types.ts';
export { RuntimePoolError } from './types.ts';
