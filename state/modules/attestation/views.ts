/** What the RPC, the explorer and validators read of attestations: pure functions of one state. */
import type { ChainParams } from '../../../genesis/types.ts';
import type { Hex, StateView } from '../../types.ts';
import {
  readAttestation,
  readAttestedRoot,
  readLive,
  readMembers,
  readOpening,
  readSubjectCount,
  readSubjectState,
} from './storage.ts';
import type { Attestation, Subject } from './types.ts';

export { readMembers as subjectMembers, readSubjectAt as subjectAt } from './storage.ts';
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
