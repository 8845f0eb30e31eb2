export { decodeBatch, encodeBatches } from './batch.ts';
export { openJournal } from './journal.ts';
export { LIMITS as POOL_LIMITS } from './limits.ts';
export { createPool, type Pool, type PoolCounts } from './pool.ts';
export type {
  AddResult,
  GateAnswer,
  Origin,
  PoolAccount,
  PoolChain,
  PoolJournal,
  RefusalCode,
} from './types.ts';
