import type {
  RetrievalParams,
  RetrievalRecord,
  RetrievalRules,
} from '../../../../attribution/retrieval/api.ts';
import { DEFAULT_RETRIEVAL_PARAMS } from '../../../../attribution/retrieval/api.ts';
import { address } from '../builders.ts';

/** A record of contributor `by` that founded its own cluster unless said otherwise. */
export function record(
  orderKey: number,
  vector: readonly number[],
  { by = orderKey, founder = orderKey, dataNetId = 1 } = {},
): RetrievalRecord {
  return {
    orderKey,
    founder,
    contributor: address(by),
    dataNetId,
    contributionId: orderKey,
    recordIndex: 0,
    vector: Int8Array.from(vector),
  };
}

export function rules(
  change: Partial<RetrievalParams> = {},
  { commons = [] as number[], ineligible = [] as number[] } = {},
): RetrievalRules {
  return {
    params: { ...DEFAULT_RETRIEVAL_PARAMS, ...change },
    commons: new Set(commons),
    ineligible: new Set(ineligible.map(address)),
  };
}
