/**
 * An approval from beginning to end: the owner's transaction queues the contribution, validators attest what it brings,
 * and it enters the DataNet some blocks later.
 */
import { CONTRIBUTION_STATUS } from '../../state/modules/contribution/types.ts';
import { attestationInterface, contributionInterface } from '../../state/modules/interfaces.ts';
import type { Hex } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { type Account, type ChainClient, eventNamed } from './client.ts';
import { watchHeads } from './rpc.ts';

/** Validators compute and attest in about a second; a busy machine or a large DataNet takes longer. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** A head may pass between a question and its answer. */
const LOOK_AGAIN_MS = 1_000;

export interface Acceptance {
  readonly id: Hex;
  readonly acceptedCount: bigint;
  readonly recordCount: bigint;
  /** Place in the DataNet's sequence. */
  readonly index: bigint;
  /** Records that are like none before them, and their tokens. */
  readonly novelRecords: bigint;
  readonly novelTokens: bigint;
  /** Of those the ones that are not quoted from earlier contributions. */
  readonly unquotedTokens: bigint;
  /** Of all its records. */
  readonly tokens: bigint;
}

export interface ApprovalProgress {
  /** Power of the root that most validators attest, of all power; both 0 before the first. */
  readonly power: bigint;
  readonly totalPower: bigint;
}

/** Queues the contribution. @throws UserError as the client's operations do */
export async function queueApproval(
  client: ChainClient,
  account: Account,
  id: Hex,
): Promise<{ readonly transaction: Hex; readonly subject: Hex }> {
  const queued = await client.perform(account, contributionInterface, 'approve', [id]);
  return { transaction: queued.hash, subject: eventNamed(queued, 'ApprovalQueued')['subject'] as Hex };
}

/**
 * Resolves when the contribution stands in its DataNet.
 * @throws UserError NOTHING_NEW, APPROVAL_FROZEN, or TIMEOUT while it is still queued
 */
export async function waitForAcceptance(
  client: ChainClient,
  id: Hex,
  onProgress: (progress: ApprovalProgress) => void = () => {},
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Acceptance> {
  const heads = await watchHeads(client.rpc.url);
  const until = performance.now() + timeoutMs;
  let shown = '';
  try {
    for (;;) {
      const [found] = await client.view(contributionInterface, 'contribution', [id]);
      const [approval] = await client.view(contributionInterface, 'approval', [id]);
      switch (Number(found.status)) {
        case CONTRIBUTION_STATUS.approved: {
          const { acceptedCount, recordCount, sequenceIndex: index } = found;
          const { novelRecords, novelTokens, unquotedTokens, tokens } = approval;
          const brought = { novelRecords, novelTokens, unquotedTokens, tokens };
          return { id, acceptedCount, recordCount, index, ...brought };
        }
        case CONTRIBUTION_STATUS.queued:
          break;
        case CONTRIBUTION_STATUS.rejected:
          throw new UserError(
            'NOTHING_NEW',
            'the DataNet holds every record of it already, from an earlier commit; it is rejected',
          );
        case CONTRIBUTION_STATUS.frozen:
          throw new UserError(
            'APPROVAL_FROZEN',
            'the validators could not agree on what it brings; approve it again when their operators have looked',
          );
        default:
          throw new UserError('NOT_QUEUED', `contribution ${id} is not on its way into a DataNet`);
      }
      const [subject] = await client.view(attestationInterface, 'subject', [approval.subject]);
      const progress = { power: subject.bestPower, totalPower: subject.totalPower };
      if (shown !== `${subject.key} ${progress.power}`) onProgress(progress);
      shown = `${subject.key} ${progress.power}`;
      const left = until - performance.now();
      if (left <= 0)
        throw new UserError(
          'TIMEOUT',
          `contribution ${id} is approved and not in the DataNet after ${timeoutMs / 1000} s: its validators are still ` +
            'attesting, and it enters by itself',
        );
      await heads.next(Math.min(left, LOOK_AGAIN_MS));
    }
  } finally {
    heads.close();
  }
}
