/** Retrieval attribution as a node's worker computes it, in this thread and with the bundled encoder. */

import type { ChainParams } from '../../genesis/types.ts';
import type { PinnedContribution, RetrievalResult } from '../../node/attribution-pool/index.ts';
import { UNFINISHED, type WorkerRequest } from '../../node/attribution-pool/types.ts';
import { createWorkerCore } from '../../node/attribution-pool/worker-core.ts';
import { contributions, retrievalParams } from '../../node/executor-thread/corpus-source.ts';
import { loadEncoder } from '../../node/sentence-encoder/bundled.ts';
import type { AttributionJob, AttributionOutcome, Hex } from '../../state/types.ts';

let worker: ReturnType<typeof createWorkerCore> | undefined;

/** @param leavesOf the records of an artifact */
export function retrieveWith(params: ChainParams, leavesOf: (root: Hex) => readonly Uint8Array[]) {
  worker ??= createWorkerCore({ encoderHash: params.retrieval.encoderHash, loadEncoder });
  const handle = worker;
  const ask = (payload: object): unknown => {
    const response = handle({ id: 1, ...payload } as WorkerRequest);
    if (response.kind !== 'done') throw new Error(JSON.stringify(response));
    return response.value;
  };
  return (job: AttributionJob): AttributionOutcome & Pick<RetrievalResult, 'citations'> => {
    if (job.engine !== 'retrieval') throw new Error(`a job of engine ${job.engine}`);
    const key = job.requestHash;
    const pinned = [...contributions('', job.sequence())].map(
      (one): PinnedContribution =>
        one.leaves.kind === 'file'
          ? { ...one, leaves: { kind: 'inline', leaves: leavesOf(one.leaves.root) } }
          : one,
    );
    ask({ kind: 'open', key });
    ask({ kind: 'add', key, contributions: pinned });
    while (ask({ kind: 'build', key, purpose: 'retrieval' }) === UNFINISHED);
    const { requestHash, prompt, output, ineligible } = job;
    const { commons } = params.attribution;
    const asked = { snapshot: key, requestHash, prompt, output, ineligible, commons };
    const result = ask({
      kind: 'retrieve',
      job: { ...asked, params: retrievalParams(params) },
    }) as RetrievalResult;
    ask({ kind: 'drop', key });
    return {
      recordHash: result.recordHash,
      record: result.recordBytes,
      outputTokens: result.outputTokens,
      credits: result.record.credits.map(({ contributor, credit }) => ({
        contributor: contributor as Hex,
        parts: credit,
      })),
      uncovered: result.record.uncovered,
      citations: result.citations,
    };
  };
}
