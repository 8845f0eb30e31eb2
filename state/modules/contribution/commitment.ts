/** Hashes that clients compute too: the commitment and the id of a contribution. */
import type { Hex } from '../../types.ts';
import { concatBytes, fromHex, utf8Bytes } from '../abi.ts';
import { keccakHex } from '../hash.ts';
import { word } from '../storage.ts';
import type { CommitmentInput } from './types.ts';

const COMMIT_DOMAIN = utf8Bytes('OL/contribution/commit/v1');
const ID_DOMAIN = utf8Bytes('OL/contribution/id/v1');

/** D2: keccak(domain || sender (20) || dataNetId (32) || root (32) || size (32) || salt (32)). */
export function commitmentOf(input: CommitmentInput): Hex {
  return keccakHex(
    concatBytes(
      COMMIT_DOMAIN,
      fromHex(input.sender),
      word(BigInt(input.dataNetId)),
      fromHex(input.artifactRoot),
      word(BigInt(input.size)),
      fromHex(input.salt),
    ),
  );
}

/** keccak(domain || dataNetId (32) || sender (20) || commitment (32)): known before the transaction is sent. */
export function contributionIdOf(dataNetId: number | bigint, sender: Hex, commitment: Hex): Hex {
  return keccakHex(concatBytes(ID_DOMAIN, word(BigInt(dataNetId)), fromHex(sender), fromHex(commitment)));
}
