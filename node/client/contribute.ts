/**
 * A contribution from beginning to end: commit, wait until that is final, upload, reveal. The salt must survive a
 * crash between the steps, or the deposit is lost: it is handed to `remember` before anything is sent.
 */
import { randomBytes } from 'node:crypto';
import { toHex } from '../../state/crypto.ts';
import { commitmentOf, contributionIdOf } from '../../state/modules/contribution/commitment.ts';
import { CONTRIBUTION_STATUS } from '../../state/modules/contribution/types.ts';
import { contributionInterface } from '../../state/modules/interfaces.ts';
import type { Hex } from '../../state/types.ts';
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

/** @throws UserError as the client's operations and uploads do. Steps that are done already are not done again. */
export async function contribute(
  client: ChainClient,
  account: Account,
  input: ContributionInput,
  watcher: ContributionWatcher = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ContributionResult> {
  const { root, size, recordCount } = describeArtifact(input.records);
  const salt = input.salt ?? toHex(new Uint8Array(randomBytes(32)));
  const sender = account.address;
  const commitment = commitmentOf({ sender, dataNetId: input.dataNetId, artifactRoot: root, size, salt });
  const id = contributionIdOf(input.dataNetId, sender, commitment);
  await watcher.remember?.({ id, salt });
  const status = input.salt === undefined ? undefined : await statusOf(client, id);
  if (status === undefined)
    await client.perform(account, contributionInterface, 'commit', [input.dataNetId, commitment], {
      value: input.deposit ?? (await depositOf(client)),
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

async function depositOf(client: ChainClient): Promise<bigint> {
  const { params } = await client.rpc.request<{
    params: { contribution: { commitDeposit: string | number } };
  }>('ol_chainInfo');
  return BigInt(params.contribution.commitDeposit);
}
