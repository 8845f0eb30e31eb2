/**
 * Approved contributions of a DataNet wait in the order of their approval until validators have attested what they
 * bring (B4). What is queued behind one that is frozen was computed as if that one were there, so it begins again.
 */

import { Fault, type Hex, type SequenceEntry, type StateView } from '../../types.ts';
import type { Consumer } from '../attestation/subjects.ts';
import { openSubject, supersede } from '../attestation/subjects.ts';
import { FREEZE_REASON } from '../attestation/types.ts';
import type { ModuleContext } from '../context.ts';
import { dataNetInterface } from '../datanet/abi.ts';
import { appendEntry } from '../datanet/storage.ts';
import { contributionInterface } from './abi.ts';
import { readApprovalObject } from './approval.ts';
import {
  dropFromQueue,
  pushToQueue,
  readCommit,
  readContributionState,
  readQueue,
  readReveal,
  readSubjectOf,
  writeApproval,
  writeContributionState,
  writeSubjectOf,
} from './storage.ts';

const { encodeEvent } = contributionInterface;

/** Puts a contribution at the end of its DataNet's queue. @throws ModuleRevert TooManySubjects */
export function enqueueApproval(context: ModuleContext, id: Hex): Hex {
  const { dataNetId } = readCommit(context, id);
  const subject = begin(context, id, dataNetId);
  pushToQueue(context, dataNetId, id);
  return subject;
}

function begin(context: ModuleContext, id: Hex, dataNetId: bigint): Hex {
  const subject = openSubject(context, 'approval', id);
  writeSubjectOf(context, id, subject);
  context.emit(encodeEvent('ApprovalQueued', [id, dataNetId, subject]));
  return subject;
}

export const approvalConsumer: Consumer = {
  isNext: (view, id) => readQueue(view, readCommit(view, id).dataNetId)[0] === id,

  activate(context, id, bytes) {
    const revealed = mustReveal(context, id);
    const object = readApprovalObject(bytes, id, revealed.recordCount);
    if (object === undefined) return false;
    const { dataNetId, contributor, commitSequence } = readCommit(context, id);
    const state = mustState(context, id);
    dropFromQueue(context, dataNetId, id);
    writeApproval(context, id, bytes);
    const { acceptedCount, accepted } = object;
    if (acceptedCount === 0) {
      writeContributionState(context, id, { ...state, status: 'rejected' });
      context.emit(encodeEvent('Rejected', [id, 'no record is new to the DataNet']));
      return true;
    }
    const entry: SequenceEntry = {
      contributionId: id,
      dataNetId: Number(dataNetId),
      contributor,
      commitSequence,
      artifactRoot: revealed.artifactRoot,
      recordCount: revealed.recordCount,
      accepted,
    };
    const { index, historyHash } = appendEntry(context, entry, revealed.size);
    const approved = { ...state, status: 'approved' as const, acceptedCount, sequenceIndex: index };
    writeContributionState(context, id, approved);
    const counts = [BigInt(index), BigInt(acceptedCount), BigInt(revealed.recordCount)] as const;
    context.emit(encodeEvent('Approved', [id, dataNetId, contributor, ...counts]));
    context.emit(
      dataNetInterface.encodeEvent('SequenceExtended', [dataNetId, id, BigInt(index), historyHash]),
    );
    return true;
  },

  onFrozen(context, id, reason) {
    const { dataNetId } = readCommit(context, id);
    const queue = readQueue(context, dataNetId);
    dropFromQueue(context, dataNetId, id);
    writeContributionState(context, id, { ...mustState(context, id), status: 'frozen' });
    context.emit(encodeEvent('ApprovalFrozen', [id, BigInt(FREEZE_REASON[reason])]));
    const behind = queue.slice(queue.indexOf(id) + 1);
    for (const later of behind) supersede(context, readSubjectOf(context, later) as Hex);
    for (const later of behind) begin(context, later, dataNetId);
  },
};

/** What the validators' work on a queued contribution rests on; the same at each height while its subject is open. */
export interface ApprovalTask {
  contributionId: Hex;
  dataNetId: number;
  /** Everything that comes before it, in order: what stands in the DataNet, then what is queued before it. */
  before: TaskArtifact[];
  own: TaskArtifact;
}
export interface TaskArtifact {
  commitSequence: number;
  artifactRoot: Hex;
  recordCount: number;
}

/**
 * The task of a queued contribution. `entries`: the DataNet's sequence, read by the caller, which may have kept it.
 * @throws Fault if it is not queued
 */
export function approvalTask(
  view: StateView,
  id: Hex,
  entriesOf: (dataNetId: number) => readonly TaskArtifact[],
): ApprovalTask {
  const { dataNetId } = readCommit(view, id);
  const queue = readQueue(view, dataNetId);
  const place = queue.indexOf(id);
  if (place < 0) throw new Fault(`contribution ${id} is not queued`);
  const waiting = queue.slice(0, place).map((earlier) => taskArtifact(view, earlier));
  const before = [...entriesOf(Number(dataNetId)), ...waiting];
  return { contributionId: id, dataNetId: Number(dataNetId), before, own: taskArtifact(view, id) };
}

function taskArtifact(view: StateView, id: Hex): TaskArtifact {
  const { artifactRoot, recordCount } = mustReveal(view, id);
  return { commitSequence: readCommit(view, id).commitSequence, artifactRoot, recordCount };
}

function mustReveal(view: StateView, id: Hex) {
  const revealed = readReveal(view, id);
  if (revealed === undefined) throw new Fault(`contribution ${id} is queued and not revealed`);
  return revealed;
}

function mustState(view: StateView, id: Hex) {
  const state = readContributionState(view, id);
  if (state === undefined) throw new Fault(`contribution ${id} is missing`);
  return state;
}
