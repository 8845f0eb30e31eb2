/** What a question about a proof means in one state: whose snapshots, which contributions, which answer. */
import type { AttributionProofQuestion } from '../../rpc/backend.ts';
import { sequence as page, snapshot } from '../../state/modules/datanet/views.ts';
import { attributionJob, inferenceOutput, requestStatus } from '../../state/modules/inference/views.ts';
import type { SequenceEntry, StateView } from '../../state/types.ts';
import type { ProofQuestion, ProvenSnapshot } from './attribution-proofs.ts';

const NO_BYTES = new Uint8Array(0);

export interface ResolvedQuestion {
  readonly snapshots: readonly ProvenSnapshot[];
  readonly sequence: readonly SequenceEntry[];
  readonly question: ProofQuestion;
}

/** Undefined: no such DataNet, length or request, or an answer's credits are asked for and it is not settled. */
export function proofQuestion(
  view: StateView,
  { requestId, snapshots, phrase }: AttributionProofQuestion,
): ResolvedQuestion | undefined {
  if (requestId === undefined) {
    if (snapshots === undefined || phrase === undefined) return undefined;
    const isThere = snapshots.every(({ dataNetId, length }) => length <= lengthOf(view, dataNetId));
    if (!isThere) return undefined;
    return {
      snapshots,
      sequence: snapshots.flatMap((pin) => entriesOf(view, pin)),
      question: { kind: 'phrase', phrase },
    };
  }
  const output = inferenceOutput(view, requestId);
  const isSettled = output !== undefined && requestStatus(view, requestId) === 'settled';
  if (phrase === undefined && !isSettled) return undefined;
  const job = attributionJob(view, requestId, output ?? NO_BYTES);
  if (job === undefined) return undefined;
  const question: ProofQuestion =
    phrase === undefined ? { kind: 'credits', job } : { kind: 'phrase', phrase };
  return { snapshots: job.snapshots, sequence: job.sequence(), question };
}

function lengthOf(view: StateView, dataNetId: number): number {
  return snapshot(view, BigInt(dataNetId)).length;
}

function entriesOf(view: StateView, { dataNetId, length }: ProvenSnapshot): SequenceEntry[] {
  const entries: SequenceEntry[] = [];
  while (entries.length < length) {
    const next = page(view, dataNetId, entries.length, length);
    if (next.length === 0) break;
    entries.push(...next);
  }
  return entries;
}
