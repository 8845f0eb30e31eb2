/** Operations of contributions. What they do and refuse is README.md beside this file. */
import type { ArtifactInfo, Hex } from '../../types.ts';
import type { ModuleContext } from '../context.ts';
import { readDataNetHead } from '../datanet/storage.ts';
import * as GAS from '../gas.ts';
import * as LIMIT from '../limits.ts';
import type { MeteredContext } from '../meter.ts';
import { checkText, type ModuleSpec } from '../module.ts';
import { ZERO_HASH } from '../storage.ts';
import { contributionInterface } from './abi.ts';
import { commitmentOf, contributionIdOf } from './commitment.ts';
import { enqueueApproval } from './queue.ts';
import {
  appendCommit,
  CONTRIBUTION_ADDRESS,
  type CommitRecord,
  type ContributionState,
  readApproval,
  readCommit,
  readContribution,
  readContributionAt,
  readContributionCount,
  readContributionState,
  readReveal,
  readSubjectOf,
  readSwept,
  writeContributionState,
  writeReveal,
  writeSwept,
} from './storage.ts';
import { CONTRIBUTION_STATUS } from './types.ts';

const { revert, encodeEvent } = contributionInterface;

export const handlers: ModuleSpec<typeof contributionInterface.spec>['handlers'] = {
  commit(context, dataNetId, commitment) {
    const head = readDataNetHead(context, dataNetId);
    if (head === undefined) throw revert('UnknownDataNet', [dataNetId]);
    if (head.status !== 'published') throw revert('DataNetNotPublished', [dataNetId]);
    if (head.policy === 'closed' && head.owner !== context.caller) throw revert('DataNetClosed', [dataNetId]);
    const { commitDeposit, revealWindowBlocks } = context.params.contribution;
    if (context.value < commitDeposit) throw revert('DepositTooLow', [context.value, commitDeposit]);
    const id = contributionIdOf(dataNetId, context.caller, commitment);
    if (readContributionState(context, id) !== undefined) throw revert('DuplicateCommitment', [id]);
    const revealBy = context.block.number + revealWindowBlocks;
    const deposit = context.value;
    const sequence = appendCommit(context, id, {
      dataNetId,
      contributor: context.caller,
      commitment,
      commitBlock: context.block.number,
      revealBy,
      deposit,
    });
    context.emit(
      encodeEvent('Committed', [id, dataNetId, context.caller, BigInt(sequence), BigInt(revealBy), deposit]),
    );
    return [id];
  },

  async reveal(context, id, artifactRoot, size, recordCount, licence, metadata, salt) {
    const { state, commit } = own(context, id);
    if (
      commit.revealBy < context.block.number &&
      (state.status === 'committed' || state.status === 'forfeited')
    )
      throw revert('RevealTooLate', [BigInt(commit.revealBy), BigInt(context.block.number)]);
    if (state.status !== 'committed') throw wrongStatus(state);
    checkDeclared(context, size, recordCount);
    checkText(licence, LIMIT.MAX_LICENCE_BYTES);
    checkText(metadata, context.params.contribution.maxMetadataBytes);
    const revealed = commitmentOf({
      sender: context.caller,
      dataNetId: commit.dataNetId,
      artifactRoot,
      size,
      salt,
    });
    if (revealed !== commit.commitment) throw revert('CommitmentMismatch', [commit.commitment, revealed]);

    // Paid from the declared sizes before a byte is looked at (E2); what was declared is then held to be true.
    context.useGas(context.params.contribution.gasPerArtifactByte * size + GAS.REVEAL_RECORD * recordCount);
    checkArtifact(context, await context.ports.artifact(artifactRoot), size, recordCount);

    writeReveal(context, id, {
      artifactRoot,
      size: Number(size),
      recordCount: Number(recordCount),
      licence,
      metadata,
    });
    writeContributionState(context, id, { ...state, status: 'revealed' });
    context.transfer(CONTRIBUTION_ADDRESS, commit.contributor, commit.deposit);
    context.emit(
      encodeEvent('Revealed', [id, commit.dataNetId, commit.contributor, artifactRoot, size, recordCount]),
    );
    return [];
  },

  withdraw(context, id) {
    const { state, commit } = own(context, id);
    if (state.status !== 'committed' && !isJudgeable(state)) throw wrongStatus(state);
    // A deposit that came back without a reveal would make reserving places in the order free.
    const burnt = state.status === 'committed' ? commit.deposit : 0n;
    writeContributionState(context, id, { ...state, status: 'withdrawn' });
    if (burnt > 0n) context.transfer(CONTRIBUTION_ADDRESS, context.params.treasury, burnt);
    context.emit(encodeEvent('Withdrawn', [id, burnt]));
    return [];
  },

  approve(context, id) {
    const { state } = judged(context, id);
    const revealed = readReveal(context, id);
    if (!isJudgeable(state) || revealed === undefined) throw wrongStatus(state);
    context.useGas(GAS.OPEN_SUBJECT + GAS.APPROVE_RECORD * BigInt(revealed.recordCount));
    writeContributionState(context, id, { ...state, status: 'queued' });
    return [enqueueApproval(context.unmetered, id)];
  },

  reject(context, id, reason) {
    const { state } = judged(context, id);
    if (!isJudgeable(state)) throw wrongStatus(state);
    checkText(reason, LIMIT.MAX_REASON_BYTES);
    writeContributionState(context, id, { ...state, status: 'rejected' });
    context.emit(encodeEvent('Rejected', [id, reason]));
    return [];
  },

  flag(context, id, reason) {
    const { state } = known(context, id);
    checkText(reason, LIMIT.MAX_REASON_BYTES);
    writeContributionState(context, id, { ...state, flags: Math.min(state.flags + 1, 0xffffffff) });
    context.emit(encodeEvent('Flagged', [id, context.caller, reason]));
    return [];
  },

  contribution(context, id) {
    const found = readContribution(context, id);
    if (found === undefined) throw revert('UnknownContribution', [id]);
    const { revealed, approval } = found;
    return [
      {
        id,
        dataNetId: BigInt(found.dataNetId),
        contributor: found.contributor,
        status: BigInt(CONTRIBUTION_STATUS[found.status]),
        commitment: found.commitment,
        commitSequence: BigInt(found.commitSequence),
        commitBlock: BigInt(found.commitBlock),
        revealBy: BigInt(found.revealBy),
        deposit: found.deposit,
        artifactRoot: revealed?.artifactRoot ?? ZERO_HASH,
        size: BigInt(revealed?.size ?? 0),
        recordCount: BigInt(revealed?.recordCount ?? 0),
        licence: revealed?.licence ?? '',
        metadata: revealed?.metadata ?? '',
        sequenceIndex: BigInt(approval?.sequenceIndex ?? 0),
        acceptedCount: BigInt(approval?.acceptedCount ?? 0),
        accepted: approval?.accepted ?? new Uint8Array(0),
        flags: BigInt(found.flags),
      },
    ];
  },

  approval(context, id) {
    const { state } = known(context, id);
    const object = readApproval(context, id);
    return [
      {
        subject: readSubjectOf(context, id) ?? ZERO_HASH,
        status: BigInt(CONTRIBUTION_STATUS[state.status]),
        tokens: BigInt(object?.tokens ?? 0),
        novelRecords: BigInt(object?.novelRecords ?? 0),
        novelBytes: BigInt(object?.novelBytes ?? 0),
        novelTokens: BigInt(object?.novelTokens ?? 0),
        unquotedTokens: BigInt(object?.unquotedTokens ?? 0),
        accepted: object?.accepted ?? new Uint8Array(0),
        founders: object?.founders ?? new Uint8Array(0),
      },
    ];
  },

  contributionCount: (context) => [BigInt(readContributionCount(context))],

  contributionAt(context, commitSequence) {
    const count = readContributionCount(context);
    const inRange = commitSequence >= 1n && commitSequence <= BigInt(count);
    const id = inRange ? readContributionAt(context, Number(commitSequence)) : undefined;
    return [id ?? ZERO_HASH];
  },
};

/**
 * End of a block: burns the deposits of commits that can no longer be revealed (D2), oldest first. Windows are all
 * equally long, so the first commit that is still open ends the sweep. Bounded; the next block goes on.
 */
export function sweepCommits(context: ModuleContext): void {
  const count = readContributionCount(context);
  const start = readSwept(context);
  const end = Math.min(count, start + LIMIT.MAX_SWEEP_PER_BLOCK);
  let swept = start;
  while (swept < end) {
    const id = readContributionAt(context, swept + 1) as Hex;
    const state = readContributionState(context, id) as ContributionState;
    if (state.status === 'committed') {
      const commit = readCommit(context, id);
      if (commit.revealBy > context.block.number) break;
      writeContributionState(context, id, { ...state, status: 'forfeited' });
      context.transfer(CONTRIBUTION_ADDRESS, context.params.treasury, commit.deposit);
      context.emit(encodeEvent('DepositForfeited', [id, commit.deposit]));
    }
    swept++;
  }
  if (swept !== start) writeSwept(context, swept);
}

interface Known {
  state: ContributionState;
  commit: CommitRecord;
}

function known(context: MeteredContext, id: Hex): Known {
  const state = readContributionState(context, id);
  if (state === undefined) throw revert('UnknownContribution', [id]);
  return { state, commit: readCommit(context, id) };
}

function own(context: MeteredContext, id: Hex): Known {
  const found = known(context, id);
  if (found.commit.contributor !== context.caller) throw revert('NotContributor', [context.caller]);
  return found;
}

/** The caller owns the DataNet, which still takes contributions. */
function judged(context: MeteredContext, id: Hex): Known {
  const found = known(context, id);
  const { dataNetId } = found.commit;
  const head = readDataNetHead(context, dataNetId);
  if (head?.owner !== context.caller) throw revert('NotDataNetOwner', [context.caller]);
  if (head.status !== 'published') throw revert('DataNetNotPublished', [dataNetId]);
  return found;
}

/** Revealed, and neither in the sequence nor on its way there. */
function isJudgeable({ status }: ContributionState): boolean {
  return status === 'revealed' || status === 'frozen';
}

function wrongStatus(state: ContributionState) {
  return revert('WrongStatus', [BigInt(CONTRIBUTION_STATUS[state.status])]);
}

/** Limits on what is declared: cheap, and before the bytes are needed. */
function checkDeclared(context: MeteredContext, size: bigint, recordCount: bigint): void {
  const { maxBytes, maxRecords } = context.params.contribution;
  if (size === 0n || recordCount === 0n) throw revert('EmptyContribution', []);
  if (size > BigInt(maxBytes)) throw revert('ContributionTooLarge', [size, BigInt(maxBytes)]);
  if (recordCount > BigInt(maxRecords)) throw revert('TooManyRecords', [recordCount, BigInt(maxRecords)]);
}

/** The bytes are what was declared, and each record is within limits. */
function checkArtifact(
  context: MeteredContext,
  artifact: ArtifactInfo,
  size: bigint,
  recordCount: bigint,
): void {
  const { maxRecordBytes } = context.params.contribution;
  if (BigInt(artifact.size) !== size || BigInt(artifact.leafCount) !== recordCount)
    throw revert('ArtifactMismatch', [size, BigInt(artifact.size), recordCount, BigInt(artifact.leafCount)]);
  if (artifact.smallestLeaf === 0) throw revert('EmptyRecord', []);
  if (artifact.largestLeaf > maxRecordBytes)
    throw revert('RecordTooLarge', [BigInt(artifact.largestLeaf), BigInt(maxRecordBytes)]);
  if (!artifact.utf8) throw revert('InvalidUtf8', []);
}
