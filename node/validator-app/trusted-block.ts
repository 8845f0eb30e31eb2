/**
 * The operator's own checkpoint (rule A11): whoever holds old keys can sign another chain from the first block on, and
 * a node that begins with nothing cannot tell the two apart. The hash that its operator trusts can.
 */
import { asHeight, type Hash } from '../../consensus/types.ts';
import { UserError } from '../config/errors.ts';
import type { ExecutorApp } from './app.ts';

export interface TrustedBlock {
  readonly height: number;
  readonly hash: Hash;
}

/**
 * An app that stores no other block at the trusted height: the node stops before it, and would again.
 * @throws UserError TRUSTED_BLOCK_DIFFERS if such a block is stored already
 */
export async function holdToTrustedBlock(app: ExecutorApp, trusted: TrustedBlock): Promise<ExecutorApp> {
  const compare = (height: number, blockHash: Hash): void => {
    if (height !== trusted.height || blockHash === trusted.hash) return;
    throw new UserError(
      'TRUSTED_BLOCK_DIFFERS',
      `TRUSTED_BLOCK_DIFFERS: trustHash says that block ${height} is ${trusted.hash}, and the peers' chain has ${blockHash} there. ` +
        'Ask a second source. If trustHash is right, these peers follow another chain: openledger reset --yes, and start with other peers',
    );
  };
  if (app.head().height >= trusted.height) {
    // Not there after a snapshot, which was held to this hash itself, or where old blocks are forgotten.
    const stored = await app.getBlock(asHeight(trusted.height));
    if (stored !== undefined) compare(trusted.height, stored.blockHash);
  }
  return {
    ...app,
    async commit(block) {
      compare(block.certificate.height, block.blockHash);
      return await app.commit(block);
    },
  };
}
