/**
 * What the log of one height holds: a header, then every input of the core in order, every signature this node
 * made, and the bytes of blocks it may be locked on. Replaying it gives the core its state back.
 */
import { concatBytes, reader, writer } from '../bytes.ts';
import { decodeProposal, decodeVote, encodeProposal, encodeVote } from '../codec.ts';
import type { Input } from '../driver/inputs.ts';
import { ConsensusError } from '../errors.ts';
import type { TimeoutKind } from '../parameters.ts';
import { asHeight, asRound, HASH_BYTES, type Hash, type Height, type Proposal, type Vote } from '../types.ts';
import { encodeFrame, scanFrames, type WalFrame, type WalScan } from './frame.ts';

export type WalRecord =
  /** First record: which chain and height the log is about. */
  | { readonly kind: 'height'; readonly genesisHash: Hash; readonly height: Height }
  | { readonly kind: 'input'; readonly input: Input }
  /** Signed by this node: spares the replay a second signature, and shows how complete the log is. */
  | { readonly kind: 'ownVote'; readonly vote: Vote }
  | { readonly kind: 'ownProposal'; readonly proposal: Proposal }
  | { readonly kind: 'block'; readonly blockHash: Hash; readonly bytes: Uint8Array };

const KIND = {
  height: 1,
  start: 2,
  proposal: 3,
  vote: 4,
  valid: 5,
  invalid: 6,
  built: 7,
  timeout: 8,
  wake: 9,
  transactions: 10,
  parentComplete: 11,
  ownVote: 12,
  ownProposal: 13,
  block: 14,
} as const;

const TIMEOUTS: readonly TimeoutKind[] = ['propose', 'prevote', 'precommit'];
const MAX_CODE_CHARACTERS = 64;

/** The record as bytes to append. */
export function encodeRecord(record: WalRecord): Uint8Array {
  switch (record.kind) {
    case 'height':
      return encodeFrame(
        KIND.height,
        writer(HASH_BYTES + 8)
          .hex(record.genesisHash, HASH_BYTES)
          .u64(record.height)
          .finish(),
      );
    case 'ownVote':
      return encodeFrame(KIND.ownVote, encodeVote(record.vote));
    case 'ownProposal':
      return encodeFrame(KIND.ownProposal, encodeProposal(record.proposal));
    case 'block':
      return encodeFrame(
        KIND.block,
        concatBytes([writer(HASH_BYTES).hex(record.blockHash, HASH_BYTES).finish(), record.bytes]),
      );
    case 'input':
      return encodeInput(record.input);
  }
}

function encodeInput(input: Input): Uint8Array {
  const now = writer(8).u64(input.nowMs).finish();
  const frame = (kind: number, ...parts: Uint8Array[]) => encodeFrame(kind, concatBytes([now, ...parts]));
  switch (input.kind) {
    case 'start':
      return frame(KIND.start, Uint8Array.of(input.transactions ? 1 : 0, input.parentComplete ? 1 : 0));
    case 'proposal':
      return frame(KIND.proposal, writer(8).u64(input.arrivalMs).finish(), encodeProposal(input.proposal));
    case 'vote':
      return frame(KIND.vote, encodeVote(input.vote));
    case 'checked': {
      const hash = writer(HASH_BYTES).hex(input.blockHash, HASH_BYTES).finish();
      if (input.verdict.answer === 'valid')
        return frame(
          KIND.valid,
          hash,
          writer(12).u32(input.verdict.originRound).u64(input.verdict.timestampMs).finish(),
        );
      const code = input.verdict.code.slice(0, MAX_CODE_CHARACTERS);
      return frame(
        KIND.invalid,
        hash,
        Uint8Array.from(code, (c) => c.charCodeAt(0) & 0x7f),
      );
    }
    case 'built':
      return frame(
        KIND.built,
        writer(4 + HASH_BYTES + 8)
          .u32(input.round)
          .hex(input.blockHash, HASH_BYTES)
          .u64(input.timestampMs)
          .finish(),
      );
    case 'timeout':
      return frame(KIND.timeout, writer(5).u8(TIMEOUTS.indexOf(input.timeout)).u32(input.round).finish());
    case 'wake':
      return frame(KIND.wake);
    case 'transactions':
      return frame(KIND.transactions);
    case 'parentComplete':
      return frame(KIND.parentComplete);
  }
}

/** @throws ConsensusError MALFORMED if the payload is not what its kind says. */
export function decodeRecord(frame: WalFrame): WalRecord {
  const input = reader(frame.payload);
  switch (frame.kind) {
    case KIND.height: {
      const record: WalRecord = {
        kind: 'height',
        genesisHash: input.hex(HASH_BYTES),
        height: asHeight(input.u64()),
      };
      input.end();
      return record;
    }
    case KIND.ownVote:
      return { kind: 'ownVote', vote: decodeVote(frame.payload) };
    case KIND.ownProposal:
      return { kind: 'ownProposal', proposal: decodeProposal(frame.payload) };
    case KIND.block:
      return { kind: 'block', blockHash: input.hex(HASH_BYTES), bytes: input.bytes(input.remaining()) };
    default:
      return { kind: 'input', input: decodeInput(frame) };
  }
}

function decodeInput(frame: WalFrame): Input {
  const body = reader(frame.payload);
  const nowMs = body.u64();
  const decoded = ((): Input => {
    switch (frame.kind) {
      case KIND.start:
        return { kind: 'start', nowMs, transactions: body.u8() === 1, parentComplete: body.u8() === 1 };
      case KIND.proposal:
        return {
          kind: 'proposal',
          nowMs,
          arrivalMs: body.u64(),
          proposal: decodeProposal(body.bytes(body.remaining())),
        };
      case KIND.vote:
        return { kind: 'vote', nowMs, vote: decodeVote(body.bytes(body.remaining())) };
      case KIND.valid: {
        const blockHash = body.hex(HASH_BYTES);
        const originRound = asRound(body.u32());
        return {
          kind: 'checked',
          nowMs,
          blockHash,
          verdict: { answer: 'valid', originRound, timestampMs: body.u64() },
        };
      }
      case KIND.invalid: {
        const blockHash = body.hex(HASH_BYTES);
        const code = String.fromCharCode(...body.bytes(body.remaining()));
        return { kind: 'checked', nowMs, blockHash, verdict: { answer: 'invalid', code } };
      }
      case KIND.built: {
        const round = asRound(body.u32());
        return { kind: 'built', nowMs, round, blockHash: body.hex(HASH_BYTES), timestampMs: body.u64() };
      }
      case KIND.timeout: {
        const timeout = TIMEOUTS[body.u8()];
        if (timeout === undefined)
          throw new ConsensusError('MALFORMED', 'log holds a timeout of no known kind');
        return { kind: 'timeout', nowMs, timeout, round: asRound(body.u32()) };
      }
      case KIND.wake:
        return { kind: 'wake', nowMs };
      case KIND.transactions:
        return { kind: 'transactions', nowMs };
      case KIND.parentComplete:
        return { kind: 'parentComplete', nowMs };
      default:
        throw new ConsensusError('MALFORMED', `log holds a record of unknown kind ${frame.kind}`);
    }
  })();
  body.end();
  return decoded;
}

/**
 * The whole log. A record that is whole and cannot be understood (written by a later program), or a log that does not
 * begin with its height, is damage like any other: whoever looks at the file must see what stops the node.
 * @returns `records` of the frames of `scan`, one each
 */
export function scanRecords(file: Uint8Array): {
  readonly scan: WalScan;
  readonly records: readonly WalRecord[];
} {
  const scan = scanFrames(file);
  const records: WalRecord[] = [];
  const damagedAt = (at: number, problem: string) => {
    const { offset } = scan.frames[at]!;
    return {
      scan: { result: 'damaged', frames: scan.frames.slice(0, at), offset, problem } as const,
      records,
    };
  };
  for (const [at, frame] of scan.frames.entries()) {
    let record: WalRecord;
    try {
      record = decodeRecord(frame);
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error;
      return damagedAt(at, `a record cannot be understood (${error.message})`);
    }
    if (at === 0 && record.kind !== 'height') return damagedAt(0, 'no record of the height stands first');
    records.push(record);
  }
  return { scan, records };
}
