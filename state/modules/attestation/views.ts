/** What the RPC, the explorer and validators read of attestations: pure functions of one state. */
import type { ChainParams } from '../../../genesis/types.ts';
import type { Hex, StateView } from '../../types.ts';
import { MAX_PAGE } from '../limits.ts';
import {
  readAttestation,
  readAttestedRoot,
  readLive,
  readMembers,
  readOpening,
  readSubjectAt,
  readSubjectCount,
  readSubjectState,
} from './storage.ts';
import type { Attestation, Subject } from './types.ts';

export { readMembers as subjectMembers } from './storage.ts';
export { judgeAttest, type Problem } from './subjects.ts';
export type { Attestation, Subject } from './types.ts';

/** Subjects so far; their numbers run from 1 to this. */
export function subjectCount(view: StateView): number {
  return readSubjectCount(view);
}

export function subject(view: StateView, key: Hex, params: ChainParams): Subject | undefined {
  const state = readSubjectState(view, key);
  if (state === undefined) return undefined;
  const { status, reason, settledAt, voted: votedPower, best: bestPower } = state;
  const activeFrom = status === 'attested' ? settledAt + params.attestation.activationBlocks : 0;
  const root = readAttestedRoot(view, key);
  return {
    ...readOpening(view, key),
    key,
    status,
    reason,
    settledAt,
    activeFrom,
    root,
    votedPower,
    bestPower,
  };
}

/** In the order of their opening, from number `from` (1 is the first). */
export function subjects(view: StateView, from: number, limit: number, params: ChainParams): Subject[] {
  const first = Math.max(1, from);
  const last = Math.min(readSubjectCount(view), first + Math.min(limit, MAX_PAGE) - 1);
  const found: Subject[] = [];
  for (let sequence = first; sequence <= last; sequence++)
    found.push(subject(view, readSubjectAt(view, sequence) as Hex, params) as Subject);
  return found;
}

/** All who may attest, in address order, and what they said; undefined for an unknown subject. */
export function attestations(view: StateView, key: Hex): Attestation[] | undefined {
  if (readSubjectState(view, key) === undefined) return undefined;
  return readMembers(view, readOpening(view, key).members).validators.map(({ address, power }) => ({
    validator: address,
    power,
    root: readAttestation(view, key, address),
  }));
}

/** Keys of those that are open or attested, oldest first. */
export function openSubjects(view: StateView): Hex[] {
  return readLive(view)
    .map((key) => ({ key, sequence: readOpening(view, key).sequence }))
    .sort((a, b) => a.sequence - b.sequence)
    .map(({ key }) => key);
}
