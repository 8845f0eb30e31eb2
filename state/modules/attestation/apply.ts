/** Views of attestation; validators write by transactions without a fee, see subjects.ts. */
import type { Hex } from '../../types.ts';
import type { ModuleSpec } from '../module.ts';
import { ZERO_HASH } from '../storage.ts';
import { attestationInterface } from './abi.ts';
import { readSubjectAt, readSubjectCount, readSubjectState } from './storage.ts';
import { FREEZE_REASON, SUBJECT_KIND, SUBJECT_STATUS } from './types.ts';
import { attestations, openSubjects, subject } from './views.ts';

const { revert } = attestationInterface;

export const handlers: ModuleSpec<typeof attestationInterface.spec>['handlers'] = {
  subject(context, key) {
    const found = subject(context, key, context.params);
    if (found === undefined) throw revert('UnknownSubject', [key]);
    return [
      {
        key,
        kind: BigInt(SUBJECT_KIND[found.kind]),
        id: found.id,
        sequence: BigInt(found.sequence),
        status: BigInt(SUBJECT_STATUS[found.status]),
        reason: BigInt(FREEZE_REASON[found.reason]),
        openedAt: BigInt(found.openedAt),
        settledAt: BigInt(found.settledAt),
        activeFrom: BigInt(found.activeFrom),
        root: found.root ?? ZERO_HASH,
        votedPower: found.votedPower,
        bestPower: found.bestPower,
        totalPower: found.totalPower,
      },
    ];
  },

  attestations(context, key) {
    const found = attestations(context, key);
    if (found === undefined) throw revert('UnknownSubject', [key]);
    return [found.map((item) => ({ ...item, root: item.root ?? ZERO_HASH }))];
  },

  status(context, key) {
    const state = readSubjectState(context, key);
    return [state === undefined ? 0n : BigInt(SUBJECT_STATUS[state.status])];
  },

  subjectCount: (context) => [BigInt(readSubjectCount(context))],

  subjectAt(context, sequence) {
    const inRange = sequence >= 1n && sequence <= BigInt(readSubjectCount(context));
    const key = inRange ? (readSubjectAt(context, Number(sequence)) as Hex) : ZERO_HASH;
    return [key];
  },

  openSubjects: (context) => [openSubjects(context)],
};
