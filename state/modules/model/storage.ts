/**
 * Layout. Account 0x4f4c…52 holds bonds, stakes and stakers' fees: `model.count`; per id `model.owner`, `model.operator`,
 * `model.beneficiary`, `model.state` (status u8, kind u8, engine u8, version u32, openRequests u32, createdAt u64), `model.price`
 * (base u128, token u128), `model.bond`, `model.stake` (total), `model.acc` (fees per staked wei, 2^128ths), `model.rest`
 * (2^128ths of a wei not yet given out); per id and staker `model.staker` (amount u128, lockedUntil u64),
 * `model.staker.acc`, `model.staker.owed` (2^128ths of a wei). Record account 0x4f4c…0152: per id `model.card`; per id
 * and version `model.pins`. What only trained models have is in training-storage.ts.
 */
import { Fault, type Hex, type ModelEngine, type SnapshotPin, type StateView } from '../../types.ts';
import { defineStruct } from '../abi.ts';
import { moduleAddress, recordAddress, TYPE } from '../addresses.ts';
import type { ModuleContext } from '../context.ts';
import {
  readAddress,
  readNumber,
  readPacked,
  readRecord,
  readUint,
  slotOf,
  writeHash,
  writePacked,
  writeRecord,
  writeUint,
  ZERO_ADDRESS,
} from '../storage.ts';
import {
  ENGINE,
  type LineageShare,
  MODEL_KIND,
  MODEL_STATUS,
  type ModelKind,
  type ModelStatus,
  type StakePosition,
  type TrainedModelKind,
} from './types.ts';

export const MODEL_ADDRESS = moduleAddress(TYPE.model);
export const MODEL_RECORDS = recordAddress(TYPE.model);

const COUNT = slotOf('model.count');
const ownerSlot = (id: bigint) => slotOf('model.owner', id);
const operatorSlot = (id: bigint) => slotOf('model.operator', id);
const beneficiarySlot = (id: bigint) => slotOf('model.beneficiary', id);
const stateSlot = (id: bigint) => slotOf('model.state', id);
const priceSlot = (id: bigint) => slotOf('model.price', id);
const bondSlot = (id: bigint) => slotOf('model.bond', id);
const stakeSlot = (id: bigint) => slotOf('model.stake', id);
const accSlot = (id: bigint) => slotOf('model.acc', id);
const restSlot = (id: bigint) => slotOf('model.rest', id);
const stakerSlot = (id: bigint, staker: Hex) => slotOf('model.staker', id, staker);
const stakerAccSlot = (id: bigint, staker: Hex) => slotOf('model.staker.acc', id, staker);
const stakerOwedSlot = (id: bigint, staker: Hex) => slotOf('model.staker.owed', id, staker);
const cardSlot = (id: bigint) => slotOf('model.card', id);
const pinsSlot = (id: bigint, version: number) => slotOf('model.pins', id, version);

const STATE = [
  ['status', 1],
  ['kind', 1],
  ['engine', 1],
  ['version', 4],
  ['openRequests', 4],
  ['createdAt', 8],
] as const;
const PRICE = [
  ['base', 16],
  ['token', 16],
] as const;
const STAKER = [
  ['amount', 16],
  ['lockedUntil', 8],
] as const;

const SNAPSHOT = 'uint256 dataNetId, uint256 length, bytes32 historyHash';
const card = defineStruct(
  'string name, string description, uint256[] parents, uint256[] royaltiesBps, Share[] lineage',
  { Share: 'uint256 modelId, uint256 parts' },
);
const pins = defineStruct('Snapshot[] snapshots, uint256 records', { Snapshot: SNAPSHOT });

// --- models -----------------------------------------------------------------------------------------------------

export interface ModelState {
  status: ModelStatus;
  kind: ModelKind;
  engine: ModelEngine;
  version: number;
  openRequests: number;
  createdAt: number;
}

/** Whether the chain trains models of this kind itself. */
export function isTrainedKind(kind: ModelKind): kind is TrainedModelKind {
  return kind === 'base' || kind === 'adapter';
}

export interface ModelCard {
  name: string;
  description: string;
  parents: number[];
  royaltiesBps: number[];
  lineage: LineageShare[];
}

/** What a version of a model rests on. */
export interface Pins {
  snapshots: SnapshotPin[];
  /** Records of all of them, refused ones included: a declared size of the work of an answer. */
  records: number;
}

export interface ModelPrice {
  base: bigint;
  token: bigint;
}

const statusOf = new Map<bigint, ModelStatus>(
  Object.entries(MODEL_STATUS).map(([name, value]) => [BigInt(value), name as ModelStatus]),
);
const kindOf = new Map<bigint, ModelKind>(
  Object.entries(MODEL_KIND).map(([name, value]) => [BigInt(value), name as ModelKind]),
);

const engineOf = new Map<bigint, ModelEngine>(
  Object.entries(ENGINE).map(([name, value]) => [BigInt(value), name as ModelEngine]),
);

/** Undefined for a number that no engine has. */
export function engineNamed(number: bigint): ModelEngine | undefined {
  return engineOf.get(number);
}

export function readModelCount(view: StateView): number {
  return readNumber(view, MODEL_ADDRESS, COUNT);
}

export function writeModelCount(context: ModuleContext, count: number): void {
  writeUint(context, MODEL_ADDRESS, COUNT, count);
}

export function readModelState(view: StateView, id: bigint): ModelState | undefined {
  const packed = readPacked(view, MODEL_ADDRESS, stateSlot(id), STATE);
  const status = statusOf.get(packed.status);
  const kind = kindOf.get(packed.kind);
  const engine = engineOf.get(packed.engine);
  if (status === undefined || kind === undefined || engine === undefined) return undefined;
  return {
    status,
    kind,
    engine,
    version: Number(packed.version),
    openRequests: Number(packed.openRequests),
    createdAt: Number(packed.createdAt),
  };
}

export function writeModelState(context: ModuleContext, id: bigint, state: ModelState): void {
  writePacked(context, MODEL_ADDRESS, stateSlot(id), STATE, {
    status: BigInt(MODEL_STATUS[state.status]),
    kind: BigInt(MODEL_KIND[state.kind]),
    engine: BigInt(ENGINE[state.engine]),
    version: BigInt(state.version),
    openRequests: BigInt(state.openRequests),
    createdAt: BigInt(state.createdAt),
  });
}

export function readModelOwner(view: StateView, id: bigint): Hex {
  return addressOf(view, ownerSlot(id));
}

/** Zero: none, since the chain trains the model and every validator answers for it. */
export function readModelOperator(view: StateView, id: bigint): Hex {
  return readAddress(view, MODEL_ADDRESS, operatorSlot(id)) ?? ZERO_ADDRESS;
}

export function readModelBeneficiary(view: StateView, id: bigint): Hex {
  return addressOf(view, beneficiarySlot(id));
}

function addressOf(view: StateView, slot: Uint8Array): Hex {
  const address = readAddress(view, MODEL_ADDRESS, slot);
  if (address === undefined) throw new Fault('a model without owner or beneficiary');
  return address;
}

export function writeModelOwner(context: ModuleContext, id: bigint, owner: Hex): void {
  writeHash(context, MODEL_ADDRESS, ownerSlot(id), owner);
}

export function writeModelOperator(
  context: ModuleContext,
  id: bigint,
  operator: Hex,
  beneficiary: Hex,
): void {
  writeHash(context, MODEL_ADDRESS, operatorSlot(id), operator);
  writeHash(context, MODEL_ADDRESS, beneficiarySlot(id), beneficiary);
}

export function readModelPrice(view: StateView, id: bigint): ModelPrice {
  return readPacked(view, MODEL_ADDRESS, priceSlot(id), PRICE);
}

export function writeModelPrice(context: ModuleContext, id: bigint, price: ModelPrice): void {
  writePacked(context, MODEL_ADDRESS, priceSlot(id), PRICE, { ...price });
}

export function readModelBond(view: StateView, id: bigint): bigint {
  return readUint(view, MODEL_ADDRESS, bondSlot(id));
}

export function writeModelBond(context: ModuleContext, id: bigint, bond: bigint): void {
  writeUint(context, MODEL_ADDRESS, bondSlot(id), bond);
}

export function readModelCard(view: StateView, id: bigint): ModelCard {
  const payload = readRecord(view, MODEL_RECORDS, cardSlot(id));
  if (payload === undefined) throw new Fault(`card of model ${id} is missing`);
  const value = card.decode(payload);
  return {
    name: value.name,
    description: value.description,
    parents: value.parents.map(Number),
    royaltiesBps: value.royaltiesBps.map(Number),
    lineage: value.lineage.map((share) => ({ modelId: Number(share.modelId), parts: Number(share.parts) })),
  };
}

export function writeModelCard(context: ModuleContext, id: bigint, value: ModelCard): void {
  writeRecord(
    context,
    MODEL_RECORDS,
    cardSlot(id),
    card.encode({
      name: value.name,
      description: value.description,
      parents: value.parents.map(BigInt),
      royaltiesBps: value.royaltiesBps.map(BigInt),
      lineage: value.lineage.map((share) => ({
        modelId: BigInt(share.modelId),
        parts: BigInt(share.parts),
      })),
    }),
  );
}

/** What a version pinned; undefined for a version that never was. */
export function readPins(view: StateView, id: bigint, version: number): Pins | undefined {
  const payload = readRecord(view, MODEL_RECORDS, pinsSlot(id, version));
  if (payload === undefined) return undefined;
  const { snapshots, records } = pins.decode(payload);
  return { snapshots: snapshots.map(fromSnapshotStruct), records: Number(records) };
}

/** Its snapshots alone. */
export function readModelPins(view: StateView, id: bigint, version: number): SnapshotPin[] | undefined {
  return readPins(view, id, version)?.snapshots;
}

export function writeModelPins(context: ModuleContext, id: bigint, version: number, value: Pins): void {
  writeRecord(
    context,
    MODEL_RECORDS,
    pinsSlot(id, version),
    pins.encode({
      snapshots: value.snapshots.map(toSnapshotStruct),
      records: BigInt(value.records),
    }),
  );
}

export function toSnapshotStruct(pin: SnapshotPin) {
  return {
    dataNetId: BigInt(pin.dataNetId),
    length: BigInt(pin.length),
    historyHash: pin.historyHash,
  };
}

export function fromSnapshotStruct(value: {
  dataNetId: bigint;
  length: bigint;
  historyHash: Hex;
}): SnapshotPin {
  return {
    dataNetId: Number(value.dataNetId),
    length: Number(value.length),
    historyHash: value.historyHash,
  };
}

// --- requests ---------------------------------------------------------------------------------------------------

export function openRequest(context: ModuleContext, id: bigint, state: ModelState): void {
  writeModelState(context, id, { ...state, openRequests: state.openRequests + 1 });
}

/** Closes one request. The bond of a retired model can go back once none is open: the caller looks at the result. */
export function closeRequest(context: ModuleContext, id: bigint): ModelState {
  const state = readModelState(context, id);
  if (state === undefined || state.openRequests === 0) throw new Fault(`model ${id} has no open request`);
  const closed = { ...state, openRequests: state.openRequests - 1 };
  writeModelState(context, id, closed);
  return closed;
}

// --- stakers: a pull accumulator that loses nothing (C4) --------------------------------------------------------

/**
 * Fractions of a wei are kept in 2^128ths: all coins together are below 2^100 wei, so what waits in `rest` is far below
 * one wei, and no product comes near 2^256.
 */
const FRACTION = 128n;

export function readTotalStake(view: StateView, id: bigint): bigint {
  return readUint(view, MODEL_ADDRESS, stakeSlot(id));
}

/**
 * Gives `amount` wei to the stakers of a model in proportion to their stakes; there must be some. What does not divide
 * waits in `rest` for the next fee, and fractions of a wei stay with the staker they belong to: in 2^128ths of a wei,
 * sum over stakers + rest = all that was ever given - all that was ever claimed, always.
 */
export function giveToStakers(context: ModuleContext, id: bigint, amount: bigint): void {
  const total = readTotalStake(context, id);
  if (total === 0n) throw new Fault(`model ${id} has no stakers`);
  const sum = (amount << FRACTION) + readUint(context, MODEL_ADDRESS, restSlot(id));
  writeUint(context, MODEL_ADDRESS, accSlot(id), readUint(context, MODEL_ADDRESS, accSlot(id)) + sum / total);
  writeUint(context, MODEL_ADDRESS, restSlot(id), sum % total);
}

interface Position {
  amount: bigint;
  lockedUntil: number;
  /** 2^128ths of a wei, up to date. */
  owed: bigint;
}

function readPosition(view: StateView, id: bigint, staker: Hex): Position {
  const { amount, lockedUntil } = readPacked(view, MODEL_ADDRESS, stakerSlot(id, staker), STAKER);
  const since = readUint(view, MODEL_ADDRESS, stakerAccSlot(id, staker));
  const now = readUint(view, MODEL_ADDRESS, accSlot(id));
  const owed = readUint(view, MODEL_ADDRESS, stakerOwedSlot(id, staker)) + amount * (now - since);
  return { amount, lockedUntil: Number(lockedUntil), owed };
}

function writePosition(context: ModuleContext, id: bigint, staker: Hex, position: Position): void {
  const { amount, lockedUntil, owed } = position;
  writePacked(context, MODEL_ADDRESS, stakerSlot(id, staker), STAKER, {
    amount,
    lockedUntil: BigInt(lockedUntil),
  });
  const now = readUint(context, MODEL_ADDRESS, accSlot(id));
  writeUint(context, MODEL_ADDRESS, stakerAccSlot(id, staker), now);
  writeUint(context, MODEL_ADDRESS, stakerOwedSlot(id, staker), owed);
}

export function readStake(view: StateView, id: bigint, staker: Hex): StakePosition {
  const { amount, lockedUntil, owed } = readPosition(view, id, staker);
  return { amount, lockedUntil, reward: owed >> FRACTION };
}

export function addStake(
  context: ModuleContext,
  id: bigint,
  staker: Hex,
  amount: bigint,
  lockedUntil: number,
): void {
  const position = readPosition(context, id, staker);
  writePosition(context, id, staker, { ...position, amount: position.amount + amount, lockedUntil });
  writeUint(context, MODEL_ADDRESS, stakeSlot(id), readTotalStake(context, id) + amount);
}

/** The caller has checked that the stake is that large and unlocked. */
export function removeStake(context: ModuleContext, id: bigint, staker: Hex, amount: bigint): void {
  const position = readPosition(context, id, staker);
  writePosition(context, id, staker, { ...position, amount: position.amount - amount });
  writeUint(context, MODEL_ADDRESS, stakeSlot(id), readTotalStake(context, id) - amount);
}

/** Takes the whole wei owed off the books and returns them; the caller pays. The fraction stays. */
export function takeStakeReward(context: ModuleContext, id: bigint, staker: Hex): bigint {
  const position = readPosition(context, id, staker);
  const amount = position.owed >> FRACTION;
  if (amount > 0n)
    writePosition(context, id, staker, { ...position, owed: position.owed - (amount << FRACTION) });
  return amount;
}
