/** What the protocol does with subjects. What it refuses and why is README.md beside this file. */
import { attestationSignBytes } from '../../../consensus/sign-bytes.ts';
import type { ValidatorSet } from '../../../consensus/types.ts';
import { findValidator, isQuorum } from '../../../consensus/validator-set/set.ts';
import { greater } from '../../crypto.ts';
import { Fault, type Hex, type StateView } from '../../types.ts';
import type { ModuleContext } from '../context.ts';
import { keccakHex } from '../hash.ts';
import { MAX_SWEEP_PER_BLOCK } from '../limits.ts';
import { slash } from '../staking/sets.ts';
import { readSet, readValidator, readValidators } from '../staking/storage.ts';
import { ZERO_HASH } from '../storage.ts';
import { attestationInterface } from './abi.ts';
import {
  appendSubject,
  isPunished,
  readAttestation,
  readAttestedRoot,
  readLiveCount,
  readMembers,
  readOpening,
  readSubjectAt,
  readSubjectCount,
  readSubjectState,
  readSweptSubjects,
  readTally,
  retireSubject,
  type SubjectState,
  writeAttestation,
  writeAttestedRoot,
  writePunished,
  writeSubjectState,
  writeSweptSubjects,
  writeTally,
} from './storage.ts';
import {
  type AttestationOperation,
  FREEZE_REASON,
  type FreezeReason,
  type Opening,
  SUBJECT_KIND,
  type SubjectKind,
} from './types.ts';

const { encodeEvent, revert } = attestationInterface;

/** What one kind of object means to the module that asked for it. */
export interface Consumer {
  /** Whether everything that must come before this object is done. */
  isNext(view: StateView, id: Hex): boolean;
  /** Takes the object into the state. False, having changed nothing, if it is not one of this kind and id. */
  activate(context: ModuleContext, id: Hex, object: Uint8Array): boolean;
  /** The subject is frozen; there will be no object of it. */
  onFrozen(context: ModuleContext, id: Hex, reason: FreezeReason): void;
}
export type Consumers = Readonly<Record<SubjectKind, Consumer>>;

/** True if `signature` over `message` is right for the key. */
export type Verify = (message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array) => boolean;

/** `early`: may be right in a later block. */
export interface Problem {
  early: boolean;
  reason: string;
}

/**
 * Opens a subject for the members of set(this block). Its caller has paid for it.
 * @throws ModuleRevert TooManySubjects
 */
export function openSubject(context: ModuleContext, kind: SubjectKind, id: Hex): Hex {
  const { maxOpen } = context.params.attestation;
  if (readLiveCount(context) >= maxOpen) throw revert('TooManySubjects', [BigInt(maxOpen)]);
  const openedAt = context.block.number;
  const set = readSet(context, openedAt);
  if (set === undefined) throw new Fault(`validator set ${openedAt} is missing`);
  const { key, sequence } = appendSubject(context, { kind, id, openedAt, set });
  context.emit(encodeEvent('SubjectOpened', [key, BigInt(SUBJECT_KIND[kind]), id, BigInt(sequence)]));
  return key;
}

/** Ends a subject whose input has changed; its consumer, which asks for this, is not told. */
export function supersede(context: ModuleContext, key: Hex): void {
  const state = readSubjectState(context, key);
  if (state === undefined || !isLive(state)) throw new Fault(`subject ${key} is not open`);
  close(context, key, state, 'superseded');
}

/** First reason why a transaction of type 0x54 cannot stand in this block, or undefined after it was applied. */
export function applyOperation(
  context: ModuleContext,
  operation: AttestationOperation,
  verify: Verify,
  consumers: Consumers,
): Problem | undefined {
  const { subject } = operation;
  const state = readSubjectState(context, subject);
  if (state === undefined) return { early: true, reason: `there is no subject ${subject}` };
  const opening = readOpening(context, subject);
  return operation.op === 'attest'
    ? applyAttest(context, operation, state, opening, verify, consumers)
    : applyPublish(context, operation, state, opening, consumers);
}

type Attest = Extract<AttestationOperation, { op: 'attest' }>;
type Publish = Extract<AttestationOperation, { op: 'publish' }>;

/**
 * What an attestation is, before its signature is looked at: the validator's first word, or a second, different one
 * that convicts it; a problem otherwise.
 */
export function judgeAttest(
  view: StateView,
  { subject, validator, root }: Omit<Attest, 'op' | 'signature'>,
  members: ValidatorSet,
): 'first' | 'second' | Problem {
  const never = (reason: string): Problem => ({ early: false, reason });
  const state = readSubjectState(view, subject);
  if (state === undefined) return { early: true, reason: `there is no subject ${subject}` };
  if (root === ZERO_HASH) return never('zero is no root');
  if (findValidator(members, validator) === undefined)
    return never(`${validator} is not in the set of the block that opened ${subject}`);
  const before = readAttestation(view, subject, validator);
  if (before === root) return never(`${validator} has attested this already`);
  if (before !== undefined)
    return isPunished(view, subject, validator)
      ? never(`${validator} was punished for this subject already`)
      : 'second';
  return state.status === 'open' ? 'first' : never(`subject ${subject} is ${state.status}`);
}

function applyAttest(
  context: ModuleContext,
  operation: Attest,
  state: SubjectState,
  opening: Opening,
  verify: Verify,
  consumers: Consumers,
): Problem | undefined {
  const { subject, validator, root, signature } = operation;
  const members = readMembers(context, opening.members);
  const verdict = judgeAttest(context, operation, members);
  if (typeof verdict === 'object') return verdict;
  const member = findValidator(members, validator);
  if (member === undefined) throw new Fault(`${validator} left the members of ${subject}`);
  const message = attestationSignBytes(context.genesisHash, subject, root);
  if (!verify(message, member.blsPublicKey, signature))
    return { early: false, reason: `not the signature of ${validator} over this root` };
  if (verdict === 'second') return convict(context, operation, opening);
  count(context, { key: subject, validator, root, power: member.power }, state, opening, consumers);
  return undefined;
}

/** Two roots of one key for one subject: the first stands, the bond pays. */
function convict(context: ModuleContext, operation: Attest, opening: Opening): Problem | undefined {
  const { subject, validator, root } = operation;
  const { powerUnit, equivocationSlashBps } = context.params.staking;
  if (context.block.number - opening.openedAt > context.params.consensus.evidenceMaxAgeBlocks)
    return { early: false, reason: `subject ${subject} was opened too long ago` };
  if (readValidator(context, validator, powerUnit) === undefined)
    return { early: false, reason: `${validator} holds no bond` };
  // The last validator with power keeps its seat: a chain without validators could never get one again.
  const jail = readValidators(context, powerUnit).some(
    (other) => other.operator !== validator && other.power > 0n,
  );
  const first = readAttestation(context, subject, validator) as Hex;
  writePunished(context, subject, validator);
  context.emit(encodeEvent('DoubleAttestation', [subject, validator, first, root]));
  slash(context, validator, { bps: equivocationSlashBps, jail });
  return undefined;
}

function count(
  context: ModuleContext,
  said: { key: Hex; validator: Hex; root: Hex; power: bigint },
  state: SubjectState,
  { id, kind, totalPower }: Opening,
  consumers: Consumers,
): void {
  const { key, validator, root, power } = said;
  const tally = readTally(context, key, root) + power;
  const voted = state.voted + power;
  const best = greater(tally, state.best);
  writeAttestation(context, key, validator, root);
  writeTally(context, key, root, tally);
  context.emit(encodeEvent('Attested', [key, validator, root, power]));
  const counted = { ...state, voted, best };
  if (isQuorum(tally, totalPower)) {
    const settledAt = context.block.number;
    writeSubjectState(context, key, { ...counted, status: 'attested', settledAt });
    writeAttestedRoot(context, key, root);
    const activeFrom = activeFromOf(context, settledAt);
    context.emit(encodeEvent('SubjectAttested', [key, root, BigInt(activeFrom)]));
  } else if (!isQuorum(best + totalPower - voted, totalPower)) {
    close(context, key, counted, 'disagreement');
    consumers[kind].onFrozen(context, id, 'disagreement');
  } else writeSubjectState(context, key, counted);
}

function applyPublish(
  context: ModuleContext,
  { subject, object }: Publish,
  state: SubjectState,
  { id, kind }: Opening,
  consumers: Consumers,
): Problem | undefined {
  if (state.status !== 'attested')
    return { early: state.status === 'open', reason: `subject ${subject} is ${state.status}` };
  const activeFrom = activeFromOf(context, state.settledAt);
  if (context.block.number < activeFrom)
    return { early: true, reason: `subject ${subject} becomes active in block ${activeFrom}` };
  const root = readAttestedRoot(context, subject) as Hex;
  if (keccakHex(object) !== root)
    return { early: false, reason: `these bytes are not the object that was attested for ${subject}` };
  if (!consumers[kind].isNext(context, id))
    return { early: true, reason: `something before subject ${subject} is not done yet` };
  const settledAt = context.block.number;
  if (consumers[kind].activate(context, id, object)) {
    retireSubject(context, subject, { ...state, status: 'active', settledAt });
    context.emit(encodeEvent('SubjectActivated', [subject, root]));
  } else {
    close(context, subject, state, 'malformed');
    consumers[kind].onFrozen(context, id, 'malformed');
  }
  return undefined;
}

/** End of a block: freezes what is not done within `expiryBlocks`, oldest first. Bounded; the next block goes on. */
export function sweepSubjects(context: ModuleContext, consumers: Consumers): void {
  const start = readSweptSubjects(context);
  const end = Math.min(readSubjectCount(context), start + MAX_SWEEP_PER_BLOCK);
  let swept = start;
  while (swept < end) {
    const key = readSubjectAt(context, swept + 1) as Hex;
    const state = readSubjectState(context, key) as SubjectState;
    if (isLive(state)) {
      const { openedAt, kind, id } = readOpening(context, key);
      if (openedAt + context.params.attestation.expiryBlocks > context.block.number) break;
      close(context, key, state, 'expired');
      consumers[kind].onFrozen(context, id, 'expired');
    }
    swept++;
  }
  if (swept !== start) writeSweptSubjects(context, swept);
}

/** First block that may carry the object of a subject which was attested in block `settledAt`. */
function activeFromOf(context: ModuleContext, settledAt: number): number {
  return settledAt + context.params.attestation.activationBlocks;
}

function isLive({ status }: SubjectState): boolean {
  return status === 'open' || status === 'attested';
}

function close(context: ModuleContext, key: Hex, state: SubjectState, reason: FreezeReason): void {
  retireSubject(context, key, { ...state, status: 'frozen', reason, settledAt: context.block.number });
  context.emit(encodeEvent('SubjectFrozen', [key, BigInt(FREEZE_REASON[reason])]));
}
