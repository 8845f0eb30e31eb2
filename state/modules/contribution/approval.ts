/**
 * The object of an approval: what validators compute about a contribution and attest. Its bytes are the body that the
 * state will hold, so that the attested root is the value of the body's slot.
 */
import { packOrderKey } from '../../../attribution/api.ts';
import type { RecordVerdict } from '../../../attribution/approval/judge.ts';
import type { Hex } from '../../types.ts';
import { AbiDecodeError, concatBytes, defineStruct } from '../abi.ts';
import { slotOf } from '../storage.ts';

const VERSION = 2n;
const FOUNDER_BYTES = 8;

const body = defineStruct(
  'uint256 version, bytes32 contributionId, uint256 recordCount, uint256 acceptedCount, uint256 tokens, uint256 novelRecords, uint256 novelBytes, uint256 novelTokens, uint256 unquotedTokens, bytes accepted, bytes founders',
);

/** Which records of a contribution enter the DataNet, and what they bring. */
export interface ApprovalObject {
  contributionId: Hex;
  recordCount: number;
  acceptedCount: number;
  /** Of all its records, refused ones included. */
  tokens: number;
  /** Accepted records that found a cluster of their own, and their bytes and tokens. */
  novelRecords: number;
  novelBytes: number;
  novelTokens: number;
  /** Of `novelTokens` those that stand in no run of tokens which earlier contributions to the DataNet have. */
  unquotedTokens: number;
  /** Bit i (least significant first in byte i >> 3): record i is accepted. */
  accepted: Uint8Array;
  /** Of each record the order key of the founder of its cluster, 8 bytes big-endian; zero for refused records. */
  founders: Uint8Array;
}

/** Slot of the record account that names the body. */
export const approvalSlot = (id: Hex): Uint8Array => slotOf('contribution.approval', id);

/** The body: slot ‖ abi.encode(struct). Its keccak is the root that is attested. */
export function encodeApproval(object: ApprovalObject): Uint8Array {
  const { contributionId, recordCount, acceptedCount, tokens, novelRecords, novelBytes } = object;
  const { novelTokens, unquotedTokens, accepted, founders } = object;
  return concatBytes(
    approvalSlot(contributionId),
    body.encode({
      version: VERSION,
      contributionId,
      recordCount: BigInt(recordCount),
      acceptedCount: BigInt(acceptedCount),
      tokens: BigInt(tokens),
      novelRecords: BigInt(novelRecords),
      novelBytes: BigInt(novelBytes),
      novelTokens: BigInt(novelTokens),
      unquotedTokens: BigInt(unquotedTokens),
      accepted,
      founders,
    }),
  );
}

/** What follows the slot in a body. @throws AbiDecodeError */
export function decodeApproval(payload: Uint8Array): ApprovalObject {
  const value = body.decode(payload);
  return {
    contributionId: value.contributionId,
    recordCount: Number(value.recordCount),
    acceptedCount: Number(value.acceptedCount),
    tokens: Number(value.tokens),
    novelRecords: Number(value.novelRecords),
    novelBytes: Number(value.novelBytes),
    novelTokens: Number(value.novelTokens),
    unquotedTokens: Number(value.unquotedTokens),
    accepted: value.accepted,
    founders: value.founders,
  };
}

/** The object in a body; undefined unless it is one of this contribution with so many records, in its one form. */
export function readApprovalObject(
  bytes: Uint8Array,
  contributionId: Hex,
  recordCount: number,
): ApprovalObject | undefined {
  let object: ApprovalObject;
  try {
    object = decodeApproval(bytes.subarray(32));
  } catch (error) {
    if (error instanceof AbiDecodeError) return undefined;
    throw error;
  }
  const { accepted, founders } = object;
  if (object.contributionId !== contributionId || object.recordCount !== recordCount) return undefined;
  if (accepted.length !== Math.ceil(recordCount / 8)) return undefined;
  if (founders.length !== FOUNDER_BYTES * recordCount) return undefined;
  let acceptedCount = 0;
  for (let index = 0; index < 8 * accepted.length; index++) {
    if (!isAccepted(accepted, index)) continue;
    if (index >= recordCount || founderOf(founders, index) === 0) return undefined;
    acceptedCount += 1;
  }
  if (acceptedCount !== object.acceptedCount) return undefined;
  const again = encodeApproval(object);
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]) ? object : undefined;
}

export function isAccepted(accepted: Uint8Array, index: number): boolean {
  return (((accepted[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

/** Order key of the founder of a record's cluster; 0 if the record was refused. */
export function founderOf(founders: Uint8Array, index: number): number {
  const view = new DataView(founders.buffer, founders.byteOffset, founders.byteLength);
  return Number(view.getBigUint64(FOUNDER_BYTES * index));
}

/** The object of these verdicts, one for each record in its order. */
export function approvalOf(
  contributionId: Hex,
  commitSequence: number,
  verdicts: readonly RecordVerdict[],
): ApprovalObject {
  const accepted = new Uint8Array(Math.ceil(verdicts.length / 8));
  const founders = new Uint8Array(FOUNDER_BYTES * verdicts.length);
  const view = new DataView(founders.buffer);
  const sum = {
    acceptedCount: 0,
    tokens: 0,
    novelRecords: 0,
    novelBytes: 0,
    novelTokens: 0,
    unquotedTokens: 0,
  };
  for (const [index, verdict] of verdicts.entries()) {
    sum.tokens += verdict.tokens;
    if (!verdict.accepted) continue;
    accepted[index >> 3]! |= 1 << (index & 7);
    view.setBigUint64(FOUNDER_BYTES * index, BigInt(verdict.founder));
    sum.acceptedCount += 1;
    if (verdict.founder !== packOrderKey(commitSequence, index)) continue;
    sum.novelRecords += 1;
    sum.novelBytes += verdict.bytes;
    sum.novelTokens += verdict.tokens;
    sum.unquotedTokens += verdict.unquotedTokens;
  }
  return { contributionId, recordCount: verdicts.length, ...sum, accepted, founders };
}
