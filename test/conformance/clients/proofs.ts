/** Account and storage proofs checked by @ethereumjs/mpt, which no code of the node uses. */
import { verifyMerkleProof } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { bytesToHex, bytesToUnprefixedHex, hexToBytes, setLengthLeft } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Hex } from '../../../genesis/types.ts';
import type { RawProof } from './types.ts';

/** Slot of `mapping[who]` for a mapping of addresses at `base`, as Solidity lays it out. */
export function mappingSlot(who: Hex, base: bigint): Hex {
  const key = new Uint8Array(64);
  key.set(setLengthLeft(hexToBytes(who), 32), 0);
  key[63] = Number(base);
  return bytesToHex(keccak_256(key));
}

/**
 * The value of the slot that the proofs carry.
 * @throws Error when a proof does not lead from `stateRoot` to the account, or from its storage root to the slot
 */
export async function provenSlot(
  stateRoot: Hex,
  account: Hex,
  slot: Hex,
  { accountProof, storageProof }: RawProof,
): Promise<bigint> {
  const leaf = await follow(stateRoot, account, accountProof);
  const [, , storageRoot] = RLP.decode(leaf) as Uint8Array[];
  if (storageRoot === undefined) throw new Error('the account has no storage root');
  const [proof] = storageProof;
  if (proof === undefined) throw new Error('there is no storage proof');
  const value = RLP.decode(await follow(bytesToHex(storageRoot), slot, proof.proof)) as Uint8Array;
  const proven = BigInt(`0x${bytesToUnprefixedHex(value)}`);
  if (proven !== proof.value) throw new Error(`the answer says ${proof.value}, its proof ${proven}`);
  return proven;
}

async function follow(root: Hex, path: Hex, proof: readonly string[]): Promise<Uint8Array> {
  const nodes = proof.map((node) => hexToBytes(node as Hex));
  const [first] = nodes;
  // The verifier takes the hash of the first node for the root, so this is where the root is checked.
  if (first === undefined || bytesToHex(keccak_256(first)) !== root)
    throw new Error(`the proof does not begin at ${root}`);
  const value = await verifyMerkleProof(hexToBytes(path), nodes, { useKeyHashing: true });
  if (value === null) throw new Error(`the proof shows that nothing is at ${path}`);
  return value;
}
