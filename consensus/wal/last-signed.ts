/**
 * The guard against signing twice. The record lives beside the key and is durable before a signature exists; it is
 * enough by itself, whatever happens to the log or the database.
 */
import { bytesToHex, concatBytes, equalBytes, reader, writer } from '../bytes.ts';
import { ConsensusError } from '../errors.ts';
import { asHeight, asRound, type Height, type Round } from '../types.ts';
import { crc32c } from './crc32c.ts';

/** Order of signatures within a round. */
export const SIGN_STEP = { proposal: 1, prevote: 2, precommit: 3 } as const;
export type SignStep = (typeof SIGN_STEP)[keyof typeof SIGN_STEP];

export interface LastSigned {
  readonly height: Height;
  readonly round: Round;
  readonly step: SignStep;
  /** How many own signatures the log of this height held when this one was made. */
  readonly loggedBefore: number;
  /** BLS signatures are deterministic: the same message gives the same signature again, so it need not be kept. */
  readonly message: Uint8Array;
}

export type SignDecision =
  /** Nothing was signed here or later: write the record durably, then sign. */
  | { readonly decision: 'sign' }
  /** The very same message was signed: the signature is deterministic, so sign or reuse it. */
  | { readonly decision: 'again' }
  /** Another message was signed at this place, or the place is behind the last one. */
  | { readonly decision: 'refuse'; readonly reason: string };

/** Decides about one signature. `next` is the record to be written if it may be made. */
export function decideSigning(last: LastSigned | undefined, next: LastSigned): SignDecision {
  if (last === undefined) return { decision: 'sign' };
  const order = next.height - last.height || next.round - last.round || next.step - last.step;
  if (order > 0) return { decision: 'sign' };
  const place = `height ${next.height} round ${next.round} step ${next.step}`;
  if (order < 0)
    return {
      decision: 'refuse',
      reason: `asked to sign at ${place}, but the key has signed at height ${last.height} round ${last.round} step ${last.step}`,
    };
  if (equalBytes(last.message, next.message)) return { decision: 'again' };
  return { decision: 'refuse', reason: `the key has already signed another message at ${place}` };
}

/** Before the first signature: proof that the record was not lost. Every real signature is at a later place. */
export const NEVER_SIGNED: LastSigned = {
  height: asHeight(0),
  round: asRound(0),
  step: SIGN_STEP.proposal,
  loggedBefore: 0,
  message: new Uint8Array(0),
};

/**
 * Still before the first signature, but the key's past is known: this directory was there when the chain began, or has
 * sat out the heights that an earlier life could have signed. It outlives a crash before the first signature, which
 * would otherwise look like a new directory under an old key.
 */
export const FREE_TO_SIGN: LastSigned = { ...NEVER_SIGNED, round: asRound(1) };

/**
 * Whether the key may go on in the height of this record although the log does not lead to it. Only if nothing can be
 * locked: the record is of the first signature in that height, and no precommit.
 */
export function isWithoutLock(last: LastSigned): boolean {
  return last.loggedBefore === 0 && last.step !== SIGN_STEP.precommit;
}

/** Whether the record leaves open what the key has signed elsewhere. */
export function isPastUnknown(last: LastSigned): boolean {
  return last.height === NEVER_SIGNED.height && last.round === NEVER_SIGNED.round;
}

const VERSION = 1;
const MAX_MESSAGE_BYTES = 512;

/** version u8 | height u64 | round u32 | step u8 | loggedBefore u32 | message length u16 | message | crc32c u32 */
export function encodeLastSigned(record: LastSigned): Uint8Array {
  const body = writer(1 + 8 + 4 + 1 + 4 + 2 + record.message.length)
    .u8(VERSION)
    .u64(record.height)
    .u32(record.round)
    .u8(record.step)
    .u32(record.loggedBefore)
    .u16(record.message.length)
    .bytes(record.message)
    .finish();
  return concatBytes([body, writer(4).u32(crc32c(body)).finish()]);
}

/** @throws ConsensusError LAST_SIGNED_DAMAGED: the node must not sign until a person has looked. */
export function decodeLastSigned(bytes: Uint8Array, fileName: string): LastSigned {
  const damaged = (what: string) =>
    new ConsensusError(
      'LAST_SIGNED_DAMAGED',
      `LAST_SIGNED_DAMAGED: ${fileName} ${what}. Without it this key could sign twice and be slashed. Wait until the ` +
        `chain has passed every height in which this key may have signed, then remove the file and start once with ` +
        `validator.riskSlashingWithoutRecord`,
    );
  if (
    bytes.length < 5 ||
    crc32c(bytes, 0, bytes.length - 4) !== reader(bytes.subarray(bytes.length - 4)).u32()
  )
    throw damaged('has a wrong checksum');
  const input = reader(bytes.subarray(0, bytes.length - 4));
  const version = input.u8();
  if (version !== VERSION) throw damaged(`has version ${version}, this node reads ${VERSION}`);
  const height = asHeight(input.u64());
  const round = asRound(input.u32());
  const step = input.u8();
  const loggedBefore = input.u32();
  const messageLength = input.u16();
  if (messageLength > MAX_MESSAGE_BYTES) throw damaged(`claims a message of ${messageLength} bytes`);
  const message = input.bytes(messageLength);
  input.end();
  if (step !== SIGN_STEP.proposal && step !== SIGN_STEP.prevote && step !== SIGN_STEP.precommit)
    throw damaged(`names step ${step}`);
  return { height, round, step, loggedBefore, message };
}

/** For export and for people. */
export function describeLastSigned(record: LastSigned): string {
  const step = Object.entries(SIGN_STEP).find(([, value]) => value === record.step)?.[0] ?? '?';
  return `height ${record.height} round ${record.round} ${step} ${bytesToHex(record.message.subarray(0, 8))}...`;
}
