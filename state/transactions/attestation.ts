/**
 * Transactions without a fee by which validators attest and proposers publish:
 * `0x54 ‖ rlp([chainId, 1, subject, validator, root, signature])` and `0x54 ‖ rlp([chainId, 2, subject, object])`.
 * They have no sender and no nonce: the first is good once for each validator and subject, the second once for each
 * subject. They stand behind evidence and before everything else in a block.
 */
import { bigintToBytes, concat, fromHex, toHex, ZERO_ADDRESS } from '../crypto.ts';
import { LIMITS } from '../limits.ts';
import { ATTESTATION_ADDRESS } from '../modules/attestation/storage.ts';
import type { AttestationOperation } from '../modules/attestation/types.ts';
import { decodeRlp, encodeRlp, RlpError, rlpBigint, rlpBytes, rlpList, rlpNumber } from '../rlp.ts';
import type { PooledTransaction } from '../types.ts';
import { TransactionError } from './errors.ts';
import { feelessTransaction } from './feeless.ts';

export const ATTESTATION_TYPE = 0x54;

const OPERATION = { attest: 1, publish: 2 } as const;
const HASH_BYTES = 32;
const ADDRESS_BYTES = 20;
const SIGNATURE_BYTES = 96;
const MAX_ITEMS = 8;

export function encodeAttestation(operation: AttestationOperation, chainId: number | bigint): Uint8Array {
  const head = [bigintToBytes(BigInt(chainId)), Uint8Array.of(OPERATION[operation.op])];
  const subject = fromHex(operation.subject, HASH_BYTES);
  const fields =
    operation.op === 'attest'
      ? [
          subject,
          fromHex(operation.validator, ADDRESS_BYTES),
          fromHex(operation.root, HASH_BYTES),
          operation.signature,
        ]
      : [subject, operation.object];
  return concat(Uint8Array.of(ATTESTATION_TYPE), encodeRlp([...head, ...fields]));
}

/** @throws TransactionError TOO_LARGE, MALFORMED, WRONG_CHAIN_ID */
export function attestationOf(raw: Uint8Array, chainId: number | bigint): AttestationOperation {
  if (raw.length > LIMITS.maxTransactionBytes)
    throw new TransactionError(
      'TOO_LARGE',
      `transaction of ${raw.length} bytes, at most ${LIMITS.maxTransactionBytes}`,
    );
  const { signedFor, operation } = readPayload(raw.subarray(1));
  if (signedFor !== BigInt(chainId))
    throw new TransactionError('WRONG_CHAIN_ID', `signed for chain ${signedFor}, this is chain ${chainId}`);
  return operation;
}

/** What follows the type, for people; undefined if it is no attestation. */
export function readAttestation(payload: Uint8Array): AttestationOperation | undefined {
  try {
    return readPayload(payload).operation;
  } catch (error) {
    if (error instanceof TransactionError) return undefined;
    throw error;
  }
}

/** @throws TransactionError MALFORMED */
function readPayload(payload: Uint8Array): { signedFor: bigint; operation: AttestationOperation } {
  try {
    const items = rlpList(decodeRlp(payload, 1, MAX_ITEMS));
    return {
      signedFor: rlpBigint(items[0]),
      operation: readOperation(rlpNumber(items[1]), items.slice(2)),
    };
  } catch (error) {
    if (error instanceof RlpError) throw malformed(error.message);
    throw error;
  }
}

/** @throws RlpError, TransactionError MALFORMED */
function readOperation(op: number, fields: ReturnType<typeof rlpList>): AttestationOperation {
  const subject = toHex(rlpBytes(fields[0], HASH_BYTES));
  if (op === OPERATION.attest && fields.length === 4)
    return {
      op: 'attest',
      subject,
      validator: toHex(rlpBytes(fields[1], ADDRESS_BYTES)),
      root: toHex(rlpBytes(fields[2], HASH_BYTES)),
      signature: rlpBytes(fields[3], SIGNATURE_BYTES),
    };
  if (op === OPERATION.publish && fields.length === 2)
    return { op: 'publish', subject, object: rlpBytes(fields[1]) };
  throw malformed(`operation ${op} with ${fields.length} fields`);
}

/** In the shape of all transactions: from the validator that attests, from nobody when it publishes. */
export function decodeAttestation(raw: Uint8Array, chainId: number | bigint): PooledTransaction {
  const operation = attestationOf(raw, chainId);
  return feelessTransaction(raw, {
    type: ATTESTATION_TYPE,
    from: operation.op === 'attest' ? operation.validator : ZERO_ADDRESS,
    to: ATTESTATION_ADDRESS,
    chainId,
  });
}

function malformed(reason: string): TransactionError {
  return new TransactionError('MALFORMED', `not an attestation: ${reason}`);
}
