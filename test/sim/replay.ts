/**
 * Looks at the files of a node that has just died: its log, replayed twice through a fresh core, must give the same
 * effects and the same state, and must lead to the last message that the key signed.
 */
import { type Core, createCore, handle } from '../../consensus/driver/core.ts';
import { type Effect, type EffectAnswer, run } from '../../consensus/effects.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import { proposalSignBytes, voteSignBytes } from '../../consensus/sign-bytes.ts';
import type { Address, Hash } from '../../consensus/types.ts';
import { scanFrames } from '../../consensus/wal/frame.ts';
import { decodeRecord, type WalRecord } from '../../consensus/wal/records.ts';
import type { Head } from '../../node/validator/ports.ts';
import type { InvariantName } from './invariants.ts';

export function checkReplay(parts: {
  readonly log: Uint8Array;
  readonly lastSigned: Uint8Array | undefined;
  readonly head: Head;
  readonly self: Address;
  readonly parameters: ConsensusParameters;
  readonly genesisHash: Hash;
}): { readonly name: InvariantName; readonly detail: string } | undefined {
  const scan = scanFrames(parts.log);
  if (scan.result === 'damaged') return undefined;
  const [first, ...records] = scan.frames.map(decodeRecord);
  if (first?.kind !== 'height' || first.height !== parts.head.height + 1) return undefined;
  const once = replay(parts, records);
  const again = replay(parts, records);
  if (once.story !== again.story)
    return { name: 'REPLAY DIFFERS', detail: `height ${first.height}, ${records.length} records` };
  const last = parts.lastSigned === undefined ? undefined : parseLastSigned(parts.lastSigned);
  if (last !== undefined && last.height === first.height && !once.signed.has(last.message))
    return {
      name: 'LOG DOES NOT EXPLAIN',
      detail: `height ${first.height}: ${records.length} records do not lead to the message signed last`,
    };
  return undefined;
}

function replay(
  parts: Parameters<typeof checkReplay>[0],
  records: readonly WalRecord[],
): { story: string; signed: ReadonlySet<string> } {
  const { head, genesisHash } = parts;
  const core: Core = createCore({
    height: (head.height + 1) as Core['config']['height'],
    set: head.validators,
    parentTimestampMs: head.timestampMs,
    parameters: parts.parameters,
    self: parts.self,
  });
  const logged = new Map<string, Uint8Array>();
  for (const record of records) {
    if (record.kind === 'ownVote')
      logged.set(hex(voteSignBytes(genesisHash, record.vote)), record.vote.signature);
    if (record.kind === 'ownProposal')
      logged.set(hex(proposalSignBytes(genesisHash, record.proposal)), record.proposal.signature);
  }
  const signed = new Set<string>();
  let story = '';
  const sign = (message: Uint8Array): Uint8Array => {
    signed.add(hex(message));
    return logged.get(hex(message)) ?? new Uint8Array(96);
  };
  const carryOut = (effect: Effect): EffectAnswer => {
    story += JSON.stringify(effect, plain);
    if (effect.kind === 'signVote') return sign(voteSignBytes(genesisHash, effect.vote));
    if (effect.kind === 'signProposal') return sign(proposalSignBytes(genesisHash, effect.proposal));
    return undefined;
  };
  try {
    for (const record of records) if (record.kind === 'input') run(handle(core, record.input), carryOut);
  } catch (error) {
    if (!(error instanceof ConsensusError)) throw error;
    story += error.message;
  }
  return { story: story + JSON.stringify(core.machine), signed };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const plain = (_: string, value: unknown) => (value instanceof Uint8Array ? hex(value) : value);

/** version 1, height 8, round 4, step 1, logged before 4, length 2, message, checksum 4. */
function parseLastSigned(bytes: Uint8Array): { height: number; message: string } {
  const buffer = Buffer.from(bytes);
  const length = buffer.readUInt16BE(18);
  return { height: Number(buffer.readBigUInt64BE(1)), message: buffer.toString('hex', 20, 20 + length) };
}
