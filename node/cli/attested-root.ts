/** Whether validators attested the root of a proof: asked of a node, which has to prove it. */
import { AttributionError } from '../../attribution/api.ts';
import { attestedRootSlot, MODEL_ACCOUNT, verifyAttestedRoot } from '../../attribution/proofs/verifier.ts';
import type { Hex } from '../../genesis/types.ts';
import type { ChainClient } from '../client/client.ts';
import { UserError } from '../config/errors.ts';
import { fromHex, toHex } from '../keys/hex.ts';
import type { VerifiedProof } from './proof-file.ts';

export interface RootAttestation {
  /** Block whose state has the root. */
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly stateRoot: Hex;
}

interface ProofAnswer {
  readonly accountProof: readonly Hex[];
  readonly storageProof: readonly { readonly proof: readonly Hex[] }[];
}

/** Which state is meant. */
export interface TrustedState {
  /** Default: the node's head. */
  readonly block?: number;
  /** The state root that the caller trusts; without it the one that the node names is believed. */
  readonly stateRoot?: Hex;
}

/**
 * Shows that the root of `proof` is the one that validators attested for its snapshots.
 * @throws UserError UNKNOWN_BLOCK, NOT_ATTESTED, ROOT_DIFFERS, STATE_DIFFERS, PROOF_INVALID
 */
export async function checkAttested(
  client: ChainClient,
  { root, snapshots }: VerifiedProof,
  trusted: TrustedState,
): Promise<RootAttestation> {
  const tag = trusted.block === undefined ? 'latest' : `0x${trusted.block.toString(16)}`;
  const block = await client.rpc.request<{ number: Hex; hash: Hex; stateRoot: Hex } | null>(
    'eth_getBlockByNumber',
    [tag, false],
  );
  if (block === null) throw new UserError('UNKNOWN_BLOCK', `the node has no block ${trusted.block}`);
  if (trusted.stateRoot !== undefined && trusted.stateRoot !== block.stateRoot)
    throw new UserError(
      'STATE_DIFFERS',
      `block ${Number(block.number)} of this node has the state ${block.stateRoot}, not ${trusted.stateRoot}`,
    );
  const answer = await client.rpc.request<ProofAnswer>('eth_getProof', [
    MODEL_ACCOUNT,
    [toHex(attestedRootSlot(snapshots))],
    block.number,
  ]);
  const bytes = (nodes: readonly Hex[] = []) => nodes.map((node) => fromHex(node));
  let attested: Uint8Array | undefined;
  try {
    attested = verifyAttestedRoot(fromHex(block.stateRoot), snapshots, {
      accountProof: bytes(answer.accountProof),
      storageProof: bytes(answer.storageProof[0]?.proof),
    });
  } catch (error) {
    if (error instanceof AttributionError) throw new UserError('PROOF_INVALID', error.message);
    throw error;
  }
  if (attested === undefined)
    throw new UserError(
      'NOT_ATTESTED',
      'validators have not attested a root of these snapshots; compute it with openledger attribution root',
    );
  if (toHex(attested) !== root)
    throw new UserError('ROOT_DIFFERS', `validators attested the root ${toHex(attested)}, not ${root}`);
  return { blockNumber: Number(block.number), blockHash: block.hash, stateRoot: block.stateRoot };
}
