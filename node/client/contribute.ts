/**
 * A contribution from beginning to end: commit, wait until that is final, upload, reveal. The salt must survive a
 * crash between the steps, or the deposit is lost: it is handed to `remember` before anything is sent.
 */
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { toHex } from '../../state/crypto.ts';
import { commitmentOf, contributionIdOf } from '../../state/modules/contribution/commitment.ts';
import { CONTRIBUTION_STATUS } from '../../state/modules/contribution/types.ts';
import { contributionInterface } from '../../state/modules/interfaces.ts';
import type { Hex } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { describeArtifact, uploadArtifact } from './artifacts.ts';
import type { Account, ChainClient } from './client.ts';

export interface ContributionInput {
  readonly dataNetId: bigint;
  /** Records in order; each non-empty UTF-8. */
  readonly records: readonly Uint8Array[];
  readonly licence: string;
  readonly metadata: string;
  /** 32 bytes; default random. The same salt continues an unfinished contribution. */
  readonly salt?: Hex;
  /** Wei put down until the reveal; default: what the chain asks for. */
  readonly deposit?: bigint;
}

export type ContributionStep = 'committed' | 'uploaded' | 'revealed';

export interface ContributionResult {
  readonly id: Hex;
  readonly root: Hex;
  readonly size: number;
  readonly recordCount: number;
}

export interface ContributionWatcher {
  /** Called with what is needed to go on after a crash, before the commit is sent. */
  readonly remember?: (secret: { readonly id: Hex; readonly salt: Hex }) => void | Promise<void>;
  readonly onStep?: (step: ContributionStep) => void;
}

/**
 * Steps that are done already are not done again. What breaks a limit of the chain is refused before anything is sent:
 * after the commit it would cost the deposit.
 * @throws UserError CONTRIBUTION_TOO_LARGE, RECORD_TOO_LARGE, TOO_MANY_RECORDS, EMPTY_CONTRIBUTION, INVALID_UTF8,
 *   METADATA_TOO_LARGE, and as the client's operations and uploads do
 */
export async function contribute(
  client: ChainClient,
  account: Account,
  input: ContributionInput,
  watcher: ContributionWatcher = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ContributionResult> {
  const terms = await termsOf(client);
  checkTerms(input, terms);
  const { root, size, recordCount } = describeArtifact(input.records);
  const salt = input.salt ?? toHex(new Uint8Array(randomBytes(32)));
  const sender = account.address;
  const commitment = commitmentOf({ sender, dataNetId: input.dataNetId, artifactRoot: root, size, salt });
  const id = contributionIdOf(input.dataNetId, sender, commitment);
  await watcher.remember?.({ id, salt });
  const status = input.salt === undefined ? undefined : await statusOf(client, id);
  if (status === undefined)
    await client.perform(account, contributionInterface, 'commit', [input.dataNetId, commitment], {
      value: input.deposit ?? terms.commitDeposit,
    });
  watcher.onStep?.('committed');
  if (status === undefined || status === BigInt(CONTRIBUTION_STATUS.committed)) {
    await uploadArtifact(
      client.rpc.url,
      { leaves: input.records, dataNetId: input.dataNetId, sender, salt },
      signal,
    );
    watcher.onStep?.('uploaded');
    await client.perform(account, contributionInterface, 'reveal', [
      id,
      root,
      BigInt(size),
      BigInt(recordCount),
      input.licence,
      input.metadata,
      salt,
    ]);
  }
  watcher.onStep?.('revealed');
  return { id, root, size, recordCount };
}

/** Number of its status, undefined if the chain does not know it. */
async function statusOf(client: ChainClient, id: Hex): Promise<bigint | undefined> {
  try {
    const [{ status }] = await client.view(contributionInterface, 'contribution', [id]);
    return status;
  } catch (error) {
    if (error instanceof Error && error.message.includes('UnknownContribution')) return undefined;
    throw error;
  }
}

/** What the chain takes, of its genesis parameters. */
interface Terms {
  readonly maxBytes: number;
  readonly maxRecordBytes: number;
  readonly maxRecords: number;
  readonly maxMetadataBytes: number;
  readonly commitDeposit: bigint;
}

async function termsOf(client: ChainClient): Promise<Terms> {
  type Answer = { params: { contribution: Record<keyof Terms, string | number> } };
  const { contribution } = (await client.rpc.request<Answer>('ol_chainInfo')).params;
  return {
    maxBytes: Number(contribution.maxBytes),
    maxRecordBytes: Number(contribution.maxRecordBytes),
    maxRecords: Number(contribution.maxRecords),
    maxMetadataBytes: Number(contribution.maxMetadataBytes),
    commitDeposit: BigInt(contribution.commitDeposit),
  };
}

/** The limits that the reveal would be refused for. */
function checkTerms({ records, metadata }: ContributionInput, terms: Terms): void {
  if (records.length === 0)
    throw new UserError('EMPTY_CONTRIBUTION', 'a contribution has at least one record; give some text');
  if (records.length > terms.maxRecords)
    throw new UserError(
      'TOO_MANY_RECORDS',
      `${records.length} records, a contribution may have ${terms.maxRecords}; split it into several contributions`,
    );
  let size = 0;
  for (const [i, record] of records.entries()) {
    const name = `record ${i + 1}`;
    if (record.length === 0)
      throw new UserError('EMPTY_CONTRIBUTION', `${name} is empty; leave empty records out`);
    if (record.length > terms.maxRecordBytes)
      throw new UserError(
        'RECORD_TOO_LARGE',
        `${name} has ${record.length} bytes, a record may have ${terms.maxRecordBytes}; split it into smaller ones`,
      );
    if (!isUtf8(record)) throw new UserError('INVALID_UTF8', `${name} is not UTF-8 text; convert it first`);
    size += record.length;
  }
  if (size > terms.maxBytes)
    throw new UserError(
      'CONTRIBUTION_TOO_LARGE',
      `${size} bytes, a contribution may have ${terms.maxBytes}; split it into several contributions`,
    );
  const metadataBytes = Buffer.byteLength(metadata);
  if (metadataBytes > terms.maxMetadataBytes)
    throw new UserError(
      'METADATA_TOO_LARGE',
      `the metadata has ${metadataBytes} bytes, at most ${terms.maxMetadataBytes} are taken; shorten it`,
    );
}
