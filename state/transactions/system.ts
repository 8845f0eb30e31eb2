/**
 * System transactions: `0x7d ‖ evidence`, without sender, signature or fee. They come only in blocks, before all
 * others; the pool and the RPC never take one.
 */
import { decodeEvidence } from '../../consensus/codec.ts';
import type { Evidence } from '../../consensus/types.ts';
import { concat, ZERO_ADDRESS } from '../crypto.ts';
import { type ModuleTable, moduleTable } from '../execution/module-table.ts';
import { STAKING_ADDRESS } from '../modules/staking/storage.ts';
import type { PooledTransaction } from '../types.ts';
import { ATTESTATION_TYPE, decodeAttestation } from './attestation.ts';
import { decodeTransaction } from './decode.ts';
import { TransactionError } from './errors.ts';
import { feelessTransaction } from './feeless.ts';

export const SYSTEM_TYPE = 0x7d;

/** Whether the transaction pays no fee and stands before those that do. */
export function isFeeless({ type }: { type: number }): boolean {
  return type === SYSTEM_TYPE || type === ATTESTATION_TYPE;
}

/** The bytes in which a block carries proof of equivocation (encoding of consensus/codec.ts). */
export function encodeSystem(evidence: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(SYSTEM_TYPE), evidence);
}

/** Decodes whatever may stand in a block. @throws TransactionError */
export function decodeIncluded(
  raw: Uint8Array,
  chainId: number | bigint,
  modules: ModuleTable = moduleTable,
): PooledTransaction {
  if (raw[0] === ATTESTATION_TYPE) return decodeAttestation(raw, chainId);
  if (raw[0] !== SYSTEM_TYPE) return decodeTransaction(raw, chainId, modules);
  evidenceOf(raw);
  return feelessTransaction(raw, { type: SYSTEM_TYPE, from: ZERO_ADDRESS, to: STAKING_ADDRESS, chainId });
}

/** @throws TransactionError MALFORMED */
export function evidenceOf(raw: Uint8Array): Evidence {
  try {
    return decodeEvidence(raw.slice(1));
  } catch (error) {
    throw new TransactionError('MALFORMED', `not evidence: ${(error as Error).message}`);
  }
}
